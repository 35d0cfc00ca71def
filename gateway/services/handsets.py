"""Telephones that serve a connector: registering, being known again, and what an operator sets for them.

One connector is served by one telephone at a time: the newest that registered. What its predecessor was given and has not reported
becomes unknown, as nobody can tell what it has sent.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from gateway.domain.errors import BadCredentials, InvalidField, InvalidRecipient, NotFound, PermissionDenied, UnknownKey
from gateway.domain.msisdn import normalise
from gateway.services import vault
from gateway.services.core import Gateway
from gateway.services.passwords import hash_password, verify_password
from gateway.storage import handsets as stored
from gateway.storage.tables import Handset
from gateway.storage.types import storable

ONLINE = timedelta(minutes=20)
"""A telephone that was silent for longer is offline: its program calls every quarter of an hour at least."""
TOUCH = timedelta(seconds=10)
"""The last call of a telephone is written at most this often."""
LOGIN_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LOGIN_LENGTH, PASSWORD_LENGTH, LEAST_PASSWORD = 8, 14, 14
LONGEST_TOKEN = 200
MOST_SIMS = 8
SLOTS = ("1", "2", "3")
APP, WEBHOOKS = "app", "webhooks"
"""The two parts of ``handsets.settings``: what the program shall be set to, and what its user wants forwarded."""
SETTINGS_UPDATED, WEBHOOKS_UPDATED = "SettingsUpdated", "WebhooksUpdated"


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a telephone says of itself. ``sims`` None: nothing new."""

    name: str
    app_version: str = ""
    sims: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """What a telephone is told once. ``password`` None: it keeps the one it has."""

    id: str
    token: str = field(repr=False)
    login: str
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class HandsetState:
    """A telephone. ``numbers`` are those of its cards by slot, from "1"; ``settings`` as stored; ``wanted`` what the operator set for its
    connector."""

    id: str
    connector: str
    kind: str
    login: str
    name: str
    app_version: str
    sims: Sequence[Mapping[str, Any]] = field(repr=False)
    numbers: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    wanted: Mapping[str, Any] = field(repr=False)
    last_seen: datetime
    created_at: datetime
    is_online: bool


# Registering


def register(gateway: Gateway, session: Session, connector: str, hardware: Hardware) -> Registered:
    """Makes a telephone the one that serves a connector, in the caller's transaction. Its predecessor is shut out at once."""
    now = gateway.clock.now()
    before = stored.of_connector(session, connector)
    if before is not None:
        before.revoked_at = now
        session.flush()
    token, password, handset_id = secrets.token_urlsafe(24), _password(), secrets.token_hex(12)
    row = Handset(
        id=handset_id,
        connector=connector,
        login=_login(session),
        password_hash=hash_password(password),
        token_hmac=digests(gateway, token)[0],
        name=hardware.name,
        app_version=hardware.app_version,
        sims=_sims(hardware.sims or ()),
        numbers=dict(before.numbers) if before else {},
        settings=dict(before.settings) if before else {},
        claimed=dict(before.claimed) if before else {},
        signing_key=vault.encrypt(gateway.settings, _purpose(handset_id), secrets.token_hex(16)),
        last_seen=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    stored.cut_short(session, connector, now)
    stored.touch(session, [row.id], [row.connector], now, now + ONLINE)
    return Registered(row.id, token, row.login, password)


def register_again(gateway: Gateway, login: str, password: str, hardware: Hardware, address: str) -> Registered:
    """A telephone that lost its token, or another in its place, signs in with the password that it was told: it gets a new token.

    Raises:
        BadCredentials, Throttled
    """
    handset_id = by_password(gateway, login, password, address).id
    token, now = secrets.token_urlsafe(24), gateway.clock.now()
    with gateway.writing() as session:
        row = stored.hold(session, handset_id)
        if row is None:
            raise BadCredentials
        row.token_hmac = digests(gateway, token)[0]
        row.name, row.app_version, row.created_at = hardware.name, hardware.app_version, now
        if hardware.sims is not None:
            row.sims = _sims(hardware.sims)
        stored.cut_short(session, row.connector, now)
        stored.touch(session, [row.id], [row.connector], now, now + ONLINE)
        return Registered(row.id, token, row.login, None)


def renew(gateway: Gateway, handset: HandsetState, handset_id: str, hardware: Hardware) -> None:
    """Notes what a telephone says of itself at its start.

    Raises:
        PermissionDenied: it gave the id of another.
    """
    if handset_id != handset.id:
        raise PermissionDenied("register")
    now = gateway.clock.now()
    with gateway.writing() as session:
        row = stored.hold(session, handset.id)
        if row is not None:
            row.app_version = hardware.app_version or row.app_version
            if hardware.sims is not None:
                row.sims = _sims(hardware.sims)
            stored.touch(session, [row.id], [row.connector], now, now + ONLINE)


# Being known


def by_token(gateway: Gateway, token: str) -> HandsetState:
    """The telephone of this token; that it called is noted.

    Raises:
        UnknownKey
    """
    if not token or len(token) > LONGEST_TOKEN:
        raise UnknownKey
    with gateway.reading() as session:
        row = stored.by_token(session, digests(gateway, token))
        found = None if row is None else _state(gateway, session, row)
        is_old = row is not None and row.token_hmac != digests(gateway, token)[0]
    if found is None:
        raise UnknownKey
    if is_old:
        _renew_token(gateway, found.id, token)
    heard_of(gateway, found)
    return found


def _renew_token(gateway: Gateway, handset_id: str, token: str) -> None:
    """Keeps the token's digest under the gateway's newest key, so that older ones can go."""
    with gateway.writing() as session:
        row = stored.hold(session, handset_id)
        if row is not None:
            row.token_hmac = digests(gateway, token)[0]


def by_password(gateway: Gateway, login: str, password: str, address: str) -> HandsetState:
    """The telephone whose login and password these are.

    Raises:
        BadCredentials: counted.
        Throttled: too many wrong guesses for this login or from this address.
    """
    name = f"handset {login}"
    with gateway.reading() as session:
        row = stored.by_login(session, login) if len(login) <= LOGIN_LENGTH and storable(login) else None
        found = None if row is None else (_state(gateway, session, row), row.password_hash)
    if found and gateway.verified.knows(0, found[1], password):
        return found[0]
    gateway.guesses.check(name, address)
    if not verify_password(found[1] if found else None, password) or found is None:
        gateway.guesses.count(name, address)
        raise BadCredentials
    gateway.verified.remember(0, found[1], password)
    return found[0]


def heard_of(gateway: Gateway, handset: HandsetState) -> None:
    """Notes that a telephone called, unless that was noted a moment ago."""
    now = gateway.clock.now()
    if now - handset.last_seen >= TOUCH:
        with gateway.writing() as session:
            stored.touch(session, [handset.id], [handset.connector], now, now + ONLINE)


def change_password(gateway: Gateway, handset: HandsetState, current: str, new: str, address: str) -> None:
    """Sets another password, as the telephone's user wished.

    Raises:
        BadCredentials: the current one is another.
        InvalidField: the new one is too short or too long.
        Throttled
    """
    by_password(gateway, handset.login, current, address)
    if not LEAST_PASSWORD <= len(new) <= 128:
        raise InvalidField("newPassword", f"must have {LEAST_PASSWORD} to 128 characters")
    hashed = hash_password(new)
    with gateway.writing() as session:
        row = stored.hold(session, handset.id)
        if row is not None:
            row.password_hash = hashed


def signing_key(gateway: Gateway, handset_id: str) -> str | None:
    """What the telephone signs with; None where there is no such telephone."""
    with gateway.reading() as session:
        row = stored.by_id(session, handset_id)
        sealed = None if row is None else row.signing_key
    return None if sealed is None else vault.decrypt(gateway.settings, _purpose(handset_id), sealed)


def by_id(gateway: Gateway, handset_id: str) -> HandsetState | None:
    """The telephone of this id."""
    if not storable(handset_id):
        return None
    with gateway.reading() as session:
        row = stored.by_id(session, handset_id)
        return None if row is None else _state(gateway, session, row)


def noted(gateway: Gateway, handset_id: str, sims: Sequence[Mapping[str, Any]]) -> None:
    """Notes what cards a telephone says that it has."""
    with gateway.writing() as session:
        row = stored.hold(session, handset_id)
        if row is not None:
            row.sims = _sims(sims)


# For the operator


def every(gateway: Gateway) -> list[HandsetState]:
    """All telephones, by connector."""
    with gateway.reading() as session:
        return [_state(gateway, session, row) for row in stored.every(session)]


def serving(gateway: Gateway, connector: str) -> HandsetState:
    """The telephone that serves a connector.

    Raises:
        NotFound: no such connector, or none serves it.
    """
    with gateway.reading() as session:
        return _state(gateway, session, _serving(session, connector))


def revoke(gateway: Gateway, connector: str) -> HandsetState:
    """Shuts a connector's telephone out at once, with every pairing of the connector. What it was given becomes unknown.

    Raises:
        NotFound
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        row = _serving(session, connector)
        state = _state(gateway, session, row)
        row.revoked_at = now
        stored.forget_pairings(session, connector)
        stored.cut_short(session, connector, now)
        stored.part(session, connector, now)
        return state


def set_number(gateway: Gateway, connector: str, slot: str, number: str | None) -> HandsetState:
    """Says which number the card in a slot has; None takes it away. Telephones seldom know it themselves.

    Raises:
        NotFound
        InvalidField: no such slot, or no number in international form.
    """
    if slot not in SLOTS:
        raise InvalidField("slot", f"must be one of {', '.join(SLOTS)}")
    try:
        given = None if number is None else normalise(number, None)
    except InvalidRecipient:
        raise InvalidField("number", "must be a telephone number in international form, such as +393471234567") from None
    with gateway.writing() as session:
        row = _serving(session, connector)
        row.numbers = {key: kept for key, kept in row.numbers.items() if key != slot} | ({slot: given} if given else {})
        return _state(gateway, session, row)


def set_app(gateway: Gateway, connector: str, changes: Mapping[str, Any], unset: Sequence[str] = ()) -> HandsetState:
    """Changes what a telephone's program shall be set to; keys are ``group.name``. The telephone is told.

    Raises:
        NotFound
        InvalidField: a key to be taken away is not set.
    """
    with gateway.writing() as session:
        row = _serving(session, connector)
        chosen: dict[str, Any] = dict(row.settings.get(APP, {}))
        for key in unset:
            if chosen.pop(key, None) is None:
                raise InvalidField(key, "is not set")
        row.settings = dict(row.settings) | {APP: chosen | dict(changes)}
        stored.tell(session, row.id, SETTINGS_UPDATED, {}, gateway.clock.now())
        return _state(gateway, session, row)


def set_webhooks(gateway: Gateway, handset_id: str, webhooks: Sequence[Mapping[str, str]]) -> None:
    """Keeps what the telephone's user wants it to forward, and where to. The telephone is told."""
    with gateway.writing() as session:
        row = stored.hold(session, handset_id)
        if row is None:
            raise NotFound("handset")
        row.settings = dict(row.settings) | {WEBHOOKS: [dict(each) for each in webhooks]}
        stored.tell(session, handset_id, WEBHOOKS_UPDATED, {}, gateway.clock.now())


def renew_secrets(gateway: Gateway) -> int:
    """Encrypts every telephone's signing key anew, under the gateway's newest key; how many. Raises Unavailable as the vault does."""
    with gateway.writing() as session:
        rows = stored.every(session)
        for row in rows:
            row.signing_key = vault.renewed(gateway.settings, _purpose(row.id), row.signing_key)
        return len(rows)


def digests(gateway: Gateway, secret: str) -> list[bytes]:
    """What is stored of a telephone's secret, under each key of the gateway, the newest first."""
    written = b"dragoman.handset\0" + secret.encode("utf-8", "surrogatepass")
    return [hmac.digest(key.encode(), written, hashlib.sha256) for key in gateway.settings.secret_key]


def _serving(session: Session, connector: str) -> Handset:
    row = stored.of_connector(session, connector)
    if row is None:
        raise NotFound("handset" if stored.kind_of(session, connector) else "connector")
    return row


def _state(gateway: Gateway, session: Session, row: Handset) -> HandsetState:
    kind, _enabled, wanted = stored.kind_of(session, row.connector) or ("", False, {})
    return HandsetState(
        id=row.id,
        connector=row.connector,
        kind=kind,
        login=row.login,
        name=row.name,
        app_version=row.app_version,
        sims=list(row.sims),
        numbers=dict(row.numbers),
        settings=dict(row.settings),
        wanted=wanted,
        last_seen=row.last_seen,
        created_at=row.created_at,
        is_online=gateway.clock.now() - row.last_seen <= ONLINE,
    )


def _sims(sims: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(each) for each in sims[:MOST_SIMS]]


def _login(session: Session) -> str:
    while True:
        login = "".join(secrets.choice(LOGIN_LETTERS) for _ in range(LOGIN_LENGTH))
        if stored.login_is_free(session, login):
            return login


def _password() -> str:
    return secrets.token_urlsafe(PASSWORD_LENGTH)[:PASSWORD_LENGTH]


def _purpose(handset_id: str) -> str:
    return f"handset {handset_id}"
