"""Accounts, users, sessions and credentials: the statements of signing in and of knowing a caller again."""

from __future__ import annotations

import json
from dataclasses import dataclass
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
    a.id, a.name, a.status, a.zone, a.default_region, a.default_originator, a.originators, a.text_policy, a.credit_limit
"""
_BY_SESSION = Statement(f"""
    SELECT s.last_seen, s.revoked_at, {_CALLER}
    FROM sessions s JOIN users u ON u.id = s.user_id JOIN accounts a ON a.id = u.account_id
    WHERE s.id = :id AND s.purpose = 'api'
""")
_BY_CREDENTIAL = Statement(f"""
    SELECT c.expires_at, c.revoked_at, {_CALLER}
    FROM credentials c JOIN users u ON u.id = c.user_id JOIN accounts a ON a.id = u.account_id
    WHERE c.id = :id AND c.kind = :kind
""")
_TOUCH = Statement("UPDATE sessions SET last_seen = :now WHERE id = :id AND last_seen < :now")


@dataclass(frozen=True, slots=True)
class Caller:
    """A user and the account that pays, as read for this one request."""

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
    session_id: UUID | None = None


def caller_by_session(engine: Engine, session_id: UUID) -> tuple[Caller, datetime, bool] | None:
    """The caller behind a session, when it was last seen, and whether it was revoked."""
    row = fetch(engine, _BY_SESSION, {"id": session_id})
    return (_caller(row[2:], session_id), moment_of(row[0]), row[1] is not None) if row else None


def caller_by_credential(engine: Engine, credential_id: UUID, kind: str) -> tuple[Caller, datetime | None, bool] | None:
    """The caller behind a credential of this kind, its expiry, and whether it was revoked."""
    row = fetch(engine, _BY_CREDENTIAL, {"id": credential_id, "kind": kind})
    return (_caller(row[2:]), row[0] and moment_of(row[0]), row[1] is not None) if row else None


def touch_session(engine: Engine, session_id: UUID, now: datetime) -> None:
    """Notes that the session was used."""
    run(engine, _TOUCH, {"id": session_id, "now": now})


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


def _caller(row: Row, session_id: UUID | None = None) -> Caller:
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
        session_id=session_id,
    )


def _names(stored: Any) -> frozenset[str] | None:
    """A JSON list of names: text on SQLite, already parsed on PostgreSQL."""
    if isinstance(stored, str):
        return _parsed_names(stored)
    return None if stored is None else frozenset(stored)


@lru_cache(maxsize=1024)
def _parsed_names(stored: str) -> frozenset[str] | None:
    names = json.loads(stored)
    return None if names is None else frozenset(names)
