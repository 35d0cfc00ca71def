"""Accounts, users, sessions and credentials: the statements of signing in and of knowing a caller again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from gateway.storage.driver import Row, Statement, fetch, run
from gateway.storage.tables import Account, Credential, SessionRow, User
from gateway.storage.types import moment_of, storable

_CALLER = """
    u.id, u.user_key, u.username, u.disabled, u.permissions,
    a.id, a.name, a.status, a.zone, a.default_region, a.default_originator, a.originators, a.text_policy, a.credit_limit,
    u.revision, u.allowed_networks, u.daily_cap, u.calls_per_minute, u.is_test, d.id, d.connector, u.lane
"""
_WITH_USER = "JOIN accounts a ON a.id = u.account_id LEFT JOIN devices d ON d.user_id = u.id"
_KEY = """
    c.id, c.last_used_at, c.expires_at, c.revoked_at, c.permissions, c.allowed_networks, c.daily_cap, c.scope, c.calls_per_minute, c.is_test
"""
_BY_SESSION = Statement(f"""
    SELECT s.last_seen, s.revoked_at, {_CALLER}
    FROM sessions s JOIN users u ON u.id = s.user_id {_WITH_USER}
    WHERE s.id = :id AND s.purpose = 'api'
""")
_BY_CREDENTIAL = Statement(f"""
    SELECT c.kind, c.secret_hmac, {_KEY}, {_CALLER}
    FROM credentials c JOIN users u ON u.id = c.user_id {_WITH_USER}
    WHERE c.id = :id AND c.kind = :kind
""")
_BY_PREFIX = Statement(f"""
    SELECT c.kind, c.secret_hmac, {_KEY}, {_CALLER}
    FROM credentials c JOIN users u ON u.id = c.user_id {_WITH_USER}
    WHERE c.prefix = :prefix AND c.kind = :kind
""")
_BY_NAME = Statement(f"SELECT u.password_hash, {_CALLER} FROM users u {_WITH_USER} WHERE u.username = :username")
_TOUCH = Statement("UPDATE sessions SET last_seen = :now WHERE id = :id AND last_seen < :now")
_TOUCH_KEY = Statement("UPDATE credentials SET last_used_at = :now, secret_hmac = :secret_hmac WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Caller:
    """A user and the account that pays, as read for this one request, with the limits of the key that it came by.

    ``daily_cap`` is in messages, ``cap_scope`` says whose; ``calls_per_minute`` None means the gateway's own limit. ``connector``
    is the way out of a device that has one of its own. ``key_scope`` is where an API key's calls are counted, over its replacements.
    ``lane`` (1 to 3) is that of messages whose call names none.
    """

    user_id: int
    user_key: str
    username: str
    disabled: bool
    permissions: frozenset[str]
    account_id: int
    account_name: str
    account_status: str
    zone: ZoneInfo
    default_region: str
    default_originator: str | None
    originators: frozenset[str] | None
    text_policy: str
    credit_limit_units: int
    revision: int
    networks: tuple[frozenset[str], ...]
    daily_cap: int | None
    cap_scope: str
    calls_per_minute: int | None
    is_test: bool
    device_id: UUID | None
    connector: str | None
    lane: int | None = None
    session_id: UUID | None = None
    credential_id: UUID | None = None
    key_permissions: frozenset[str] | None = None
    key_scope: str | None = None


@dataclass(frozen=True, slots=True)
class KeyFound:
    """The caller behind a key, and what says whether the key is good."""

    caller: Caller
    kind: str
    secret_hmac: bytes | None
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked: bool


def caller_by_session(engine: Engine, session_id: UUID) -> tuple[Caller, datetime, bool] | None:
    """The caller behind a session, when it was last seen, and whether it was revoked."""
    row = fetch(engine, _BY_SESSION, {"id": session_id})
    return (replace(_caller(row[2:]), session_id=session_id), moment_of(row[0]), row[1] is not None) if row else None


def caller_by_credential(engine: Engine, credential_id: UUID, kind: str) -> KeyFound | None:
    """The caller behind a credential of this kind."""
    row = fetch(engine, _BY_CREDENTIAL, {"id": credential_id, "kind": kind})
    return _key_found(row) if row else None


def caller_by_prefix(engine: Engine, prefix: str, kind: str) -> KeyFound | None:
    """The caller behind the API key of this kind that begins so."""
    row = fetch(engine, _BY_PREFIX, {"prefix": prefix, "kind": kind}) if storable(prefix) else None
    return _key_found(row) if row else None


def caller_by_name(engine: Engine, username: str) -> tuple[Caller, str] | None:
    """The caller of this user name, and the hash that the password must fit."""
    row = fetch(engine, _BY_NAME, {"username": username}) if storable(username) else None
    return (_caller(row[1:]), row[0]) if row else None


def touch_session(engine: Engine, session_id: UUID, now: datetime) -> None:
    """Notes that the session was used."""
    run(engine, _TOUCH, {"id": session_id, "now": now})


def touch_key(engine: Engine, credential_id: UUID, secret_hmac: bytes, now: datetime) -> None:
    """Notes that the key was used, and its digest under the newest secret."""
    run(engine, _TOUCH_KEY, {"id": credential_id, "secret_hmac": secret_hmac, "now": now})


def user_by_name(session: Session, username: str) -> tuple[User, Account] | None:
    """A user with the account, by exact name."""
    if not storable(username):
        return None
    row = session.execute(select(User, Account).join(Account, Account.id == User.account_id).where(User.username == username)).first()
    return row and (row[0], row[1])


def user_key_exists(session: Session, user_key: str) -> bool:
    """Whether some user has this key."""
    return session.scalar(select(User.id).where(User.user_key == user_key)) is not None


def live_access_token(session: Session, user_id: int) -> Credential | None:
    """The user's access token that was not revoked. Locks the user on PostgreSQL, so that two callers do not make two."""
    session.execute(select(User.id).where(User.id == user_id).with_for_update())
    return session.scalars(
        select(Credential).where(Credential.user_id == user_id, Credential.kind == "access_token", Credential.revoked_at.is_(None)).limit(1)
    ).first()


def revoke_sessions(session: Session, user_id: int, now: datetime) -> None:
    """Ends the user's sessions."""
    session.execute(update(SessionRow).where(SessionRow.user_id == user_id, SessionRow.revoked_at.is_(None)).values(revoked_at=now))


def revoke_access_tokens(session: Session, user_id: int, now: datetime) -> None:
    """Ends the user's access tokens."""
    live = (Credential.user_id == user_id, Credential.kind == "access_token", Credential.revoked_at.is_(None))
    session.execute(update(Credential).where(*live).values(revoked_at=now))


def account_by_name(session: Session, name: str) -> Account | None:
    """A customer's account by its name."""
    return session.scalars(select(Account).where(Account.name == name, Account.kind == "customer")).first()


def _key_found(row: Row) -> KeyFound:
    kind, secret_hmac, credential_id, last_used_at, expires_at, revoked_at = row[:6]
    permissions, networks, daily_cap, scope, calls_per_minute, is_test = row[6:12]
    user = _caller(row[12:])
    key_scope = scope or f"key:{_uuid(credential_id)}"
    caller = replace(
        user,
        credential_id=_uuid(credential_id),
        key_permissions=_names(permissions),
        key_scope=key_scope,
        networks=(*user.networks, *_filled(_names(networks))),
        daily_cap=user.daily_cap if daily_cap is None else daily_cap,
        cap_scope=user.cap_scope if daily_cap is None else key_scope,
        calls_per_minute=user.calls_per_minute if calls_per_minute is None else calls_per_minute,
        is_test=user.is_test or bool(is_test),
    )
    return KeyFound(
        caller, kind, secret_hmac, last_used_at and moment_of(last_used_at), expires_at and moment_of(expires_at), revoked_at is not None
    )


def _caller(row: Row) -> Caller:
    return Caller(
        user_id=row[0],
        user_key=row[1],
        username=row[2],
        disabled=bool(row[3]),
        permissions=_names(row[4]) or frozenset(),
        account_id=row[5],
        account_name=row[6],
        account_status=row[7],
        zone=ZoneInfo(row[8]),
        default_region=row[9],
        default_originator=row[10],
        originators=_names(row[11]),
        text_policy=row[12],
        credit_limit_units=row[13],
        revision=row[14],
        networks=_filled(_names(row[15])),
        daily_cap=row[16],
        cap_scope=f"user:{row[0]}",
        calls_per_minute=row[17],
        is_test=bool(row[18]),
        device_id=row[19] and _uuid(row[19]),
        connector=row[20],
        lane=row[21],
    )


def _filled(names: frozenset[str] | None) -> tuple[frozenset[str], ...]:
    return () if names is None else (names,)


def _uuid(stored: UUID | str) -> UUID:
    """An id: text on SQLite, already parsed on PostgreSQL."""
    return stored if isinstance(stored, UUID) else UUID(stored)


def _names(stored: Any) -> frozenset[str] | None:
    """A JSON list of names: text on SQLite, already parsed on PostgreSQL."""
    if isinstance(stored, str):
        return _parsed_names(stored)
    return None if stored is None else frozenset(stored)


@lru_cache(maxsize=1024)
def _parsed_names(stored: str) -> frozenset[str] | None:
    names = json.loads(stored)
    return None if names is None else frozenset(names)
