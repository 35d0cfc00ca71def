"""API keys: making, replacing and ending them. Who calls with one is :func:`gateway.services.identity.by_api_key`.

A key is shown once, when it is made. The database holds its first twelve characters, to find it and to tell it from others,
and a keyed digest of the whole. Kinds: ``bulk`` (one active key an account), ``httpsms`` (a user's), ``httpsms_phone`` (a handset's).
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from gateway.domain import permissions as known_permissions
from gateway.domain.errors import InvalidField, KeyExists, NotFound
from gateway.services.core import Gateway
from gateway.services.identity import PREFIX_LENGTH, key_digest
from gateway.storage import identity as stored_users
from gateway.storage import keys as stored
from gateway.storage.tables import Credential

BULK, HTTPSMS, HTTPSMS_PHONE = "bulk", "httpsms", "httpsms_phone"
BEGINNINGS = {BULK: "bk_", HTTPSMS: "uk_", HTTPSMS_PHONE: "pk_"}
"""How the keys of each kind begin."""
SINGLE = frozenset({BULK})
"""Kinds of which an account has one active key at most."""
RANDOM_BYTES = 48
"""They make 64 URL-safe characters."""
MOST_CALLS_PER_MINUTE = 100_000
MOST_DAILY_CAP = 2**31 - 1


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a key may do. None is what its user may. ``daily_cap`` is in messages, ``networks`` in CIDR form."""

    permissions: Sequence[str] | None = None
    networks: Sequence[str] | None = None
    daily_cap: int | None = None
    calls_per_minute: int | None = None
    is_test: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the only time that ``key`` is known."""

    id: UUID
    key: str
    prefix: str
    expires_at: datetime | None
    created_at: datetime


def create(gateway: Gateway, kind: str, username: str, expires_at: datetime | None = None, terms: KeyTerms = KeyTerms()) -> NewKey:
    """Makes a key of a user.

    Raises:
        NotFound: no such user.
        KeyExists: the account has an active key of a kind that it may have one of.
        InvalidField: a permission, network, cap, pace or label that cannot be used.
    """
    checked(terms)
    known_permissions.checked(terms.permissions or ())
    if terms.calls_per_minute is not None and kind != BULK:
        raise InvalidField("calls_per_minute", f"counts for keys of the kind {BULK} only")
    now = gateway.clock.now()
    with gateway.writing() as session:
        user_id, account_id = _owner(session, username)
        stored.hold_account(session, account_id)
        if kind in SINGLE:
            live = stored.live(session, account_id, kind)
            active = next((key for key in live if not _is_over(key, now)), None)
            if active is not None:
                raise KeyExists(f"the account has an active {kind} key {active.prefix}; end it with dragoman key revoke {active.prefix}")
            stored.revoke(session, [key.id for key in live], now)
            session.flush()
        return _made(gateway, session, kind, account_id, user_id, expires_at, terms)


def replace(gateway: Gateway, kind: str, username: str, expires_at: datetime | None = None, *, of: UUID | None = None) -> NewKey:
    """Makes a new key of this kind and ends those that the account (kinds with one key) or the user had, in one transaction.

    The new key has the terms of the old one, and goes on counting where that counted. Of two calls at once, the second ends
    the first one's key.

    Args:
        of: the key whose terms count; None: the newest.

    Raises:
        NotFound: no such user; or the key ``of`` is not one of the user's active ones.
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        user_id, account_id = _owner(session, username)
        stored.hold_account(session, account_id)
        live = [key for key in stored.live(session, account_id, kind) if kind in SINGLE or key.user_id == user_id]
        stored.revoke(session, [key.id for key in live], now)
        session.flush()
        if of is not None:
            live = [key for key in live if key.id == of]
            if not live:
                raise NotFound("key")
        terms = _terms(live[0]) if live else KeyTerms()
        scope = (live[0].scope or f"key:{live[0].id}") if live else None
        return _made(gateway, session, kind, account_id, user_id, expires_at, terms, scope)


def revoke_kind(gateway: Gateway, kind: str, account_id: int) -> None:
    """Ends the account's active keys of this kind.

    Raises:
        NotFound: there is none.
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        stored.hold_account(session, account_id)
        live = stored.live(session, account_id, kind)
        stored.revoke(session, [key.id for key in live], now)
        if all(_is_over(key, now) for key in live):
            raise NotFound("key")


def revoke(gateway: Gateway, prefix: str) -> None:
    """Ends the key that begins so.

    Raises:
        NotFound
    """
    with gateway.writing() as session:
        key = stored.by_prefix(session, prefix)
        if key is None or key.revoked_at is not None:
            raise NotFound("key")
        stored.revoke(session, [key.id], gateway.clock.now())


def of_account(gateway: Gateway, account_id: int) -> list[Credential]:
    """Every key of the account, newest first, revoked ones and access tokens included."""
    with gateway.reading() as session:
        rows = list(stored.every(session, account_id))
        session.expunge_all()
        return rows


def checked(terms: KeyTerms) -> None:
    """Refuses terms that cannot be used.

    Raises:
        InvalidField
    """
    for network in terms.networks or ():
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise InvalidField("networks", f"holds {network[:50]}, which is no network such as {_meant(network)}") from None
    if terms.daily_cap is not None and not 0 <= terms.daily_cap <= MOST_DAILY_CAP:
        raise InvalidField("daily_cap", f"must be a whole number from 0 to {MOST_DAILY_CAP}")
    if terms.calls_per_minute is not None and not 1 <= terms.calls_per_minute <= MOST_CALLS_PER_MINUTE:
        raise InvalidField("calls_per_minute", f"must be a whole number from 1 to {MOST_CALLS_PER_MINUTE}")
    if len(terms.label) > 64 or not terms.label.isprintable():
        raise InvalidField("label", "must be at most 64 printable characters")


def _meant(network: str) -> str:
    """The network around an address that was written with the length of its prefix; else an example."""
    try:
        return str(ipaddress.ip_network(network, strict=False))
    except ValueError:
        return "192.0.2.0/24"


def _owner(session: Session, username: str) -> tuple[int, int]:
    found = stored_users.user_by_name(session, username)
    if found is None:
        raise NotFound("user")
    return found[0].id, found[1].id


def _made(
    gateway: Gateway,
    session: Session,
    kind: str,
    account_id: int,
    user_id: int,
    expires_at: datetime | None,
    terms: KeyTerms,
    scope: str | None = None,
) -> NewKey:
    key = BEGINNINGS[kind] + secrets.token_urlsafe(RANDOM_BYTES)
    row = Credential(
        id=uuid4(),
        account_id=account_id,
        user_id=user_id,
        kind=kind,
        prefix=key[:PREFIX_LENGTH],
        secret_hmac=key_digest(gateway.settings.secret_key[0], key),
        expires_at=expires_at,
        created_at=gateway.clock.now(),
        permissions=None if terms.permissions is None else list(terms.permissions),
        allowed_networks=None if terms.networks is None else list(terms.networks),
        daily_cap=terms.daily_cap,
        scope=scope,
        calls_per_minute=terms.calls_per_minute,
        is_test=terms.is_test,
        label=terms.label,
    )
    session.add(row)
    return NewKey(row.id, key, key[:PREFIX_LENGTH], expires_at, row.created_at)


def _terms(key: Credential) -> KeyTerms:
    return KeyTerms(key.permissions, key.allowed_networks, key.daily_cap, key.calls_per_minute, key.is_test, key.label)


def _is_over(key: Credential, now: datetime) -> bool:
    return key.expires_at is not None and key.expires_at <= now
