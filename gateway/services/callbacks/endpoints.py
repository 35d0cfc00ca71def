"""Where programs are called: the list of endpoints, kept by the operator.

An address may hold a secret, and a signing key is one: both are encrypted, and an address is shown by its host only. httpSMS keeps its
webhooks itself (:mod:`gateway.services.webhooks`); they are listed here too.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.services import vault, webhooks
from gateway.services.callbacks.calls import Target
from gateway.services.callbacks.kinds import HTTPSMS, KINDS, NATIVE, SMSEND
from gateway.services.core import Gateway
from gateway.storage import callback_queue
from gateway.storage import callbacks as stored
from gateway.storage.identity import account_by_name
from gateway.storage.tables import Account, CallbackEndpoint, Webhook
from gateway.storage.types import storable

URL_PURPOSE, KEY_PURPOSE = "callback url", "callback signing key"
OWN = (NATIVE, SMSEND)
"""The kinds that the operator makes."""
METHODS = {NATIVE: ("POST",), SMSEND: ("GET", "POST")}
"""What each kind may be called by; the first unless another was asked for."""
LONGEST_URL = 2000
KEY_BYTES = 32
_plain = re.compile(r"[!-~]+").fullmatch


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What an operator says of a new endpoint. ``account`` None: the operator's own. No ``events``: all that the kind has."""

    account: str | None
    kind: str
    url: str = field(repr=False)
    method: str | None = None
    events: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class EndpointState:
    """An endpoint as operators see it, with the calls that wait and those that were given up.

    ``failures`` in a row, since ``failing_since``; ``open_until``: it is left alone until then.
    """

    id: UUID
    account: str | None
    kind: str
    host: str
    method: str
    key_id: str | None
    events: Sequence[str]
    enabled: bool
    created_at: datetime
    waiting: int
    dead: int
    failures: int
    failing_since: datetime | None
    open_until: datetime | None


@dataclass(frozen=True, slots=True)
class Made:
    """An endpoint just made, or given a new key: the only time that ``signing_key`` is known. None where the kind signs nothing."""

    state: EndpointState
    signing_key: str | None = field(repr=False)


def add(gateway: Gateway, new: NewEndpoint) -> Made:
    """Makes an endpoint.

    Raises:
        InvalidField: an unusable address, kind, method or event.
        NotFound: no such account.
    """
    _check(new)
    key = _new_key() if new.kind == NATIVE else None
    with gateway.writing() as session:
        row = CallbackEndpoint(
            id=uuid4(),
            account_id=None if new.account is None else _account(session, new.account).id,
            kind=new.kind,
            url=vault.encrypt(gateway.settings, URL_PURPOSE, new.url),
            host=_host(new.url),
            method=new.method or METHODS[new.kind][0],
            events=list(dict.fromkeys(new.events)) or list(KINDS[new.kind].events),
            enabled=True,
            created_at=gateway.clock.now(),
        )
        _give_key(gateway, row, key)
        session.add(row)
        session.flush()
        return Made(_state(session, row), key)


def listed(gateway: Gateway, account: str | None) -> list[EndpointState]:
    """Every endpoint, or those of one account, oldest first.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        account_id = None if account is None else _account(session, account).id
        return [_state(session, row) for row in stored.endpoints(session, account_id)]


def one(gateway: Gateway, endpoint: UUID) -> EndpointState:
    """One endpoint.

    Raises:
        NotFound
    """
    with gateway.reading() as session:
        return _state(session, _found(session, endpoint))


def remove(gateway: Gateway, endpoint: UUID) -> EndpointState:
    """Removes an endpoint, and tells how it stood. Its calls that wait are given up by the next dispatcher that comes to them.

    Raises:
        NotFound
        Conflict: it is a webhook.
    """
    with gateway.writing() as session:
        row = _own(session, endpoint)
        state = _state(session, row)
        callback_queue.forgive(session, endpoint)
        session.delete(row)
        return state


def set_enabled(gateway: Gateway, endpoint: UUID, *, enabled: bool) -> EndpointState:
    """Switches an endpoint on or off. While it is off nothing new is written down for it, and what waits goes on waiting; switched on, it
    is called for what is due, however often it failed before; calls that failed go at their own next try.

    Raises:
        NotFound
        Conflict: it is a webhook.
    """
    with gateway.writing() as session:
        row = _own(session, endpoint)
        row.enabled = enabled
        if enabled:
            callback_queue.forgive(session, endpoint)
        session.flush()
        return _state(session, row)


def rotate_key(gateway: Gateway, endpoint: UUID) -> Made:
    """Gives an endpoint a new signing key. Calls are signed by it from now on, those that wait included.

    Raises:
        NotFound
        Conflict: its kind signs nothing, or it is a webhook.
    """
    key = _new_key()
    with gateway.writing() as session:
        row = _own(session, endpoint)
        if row.kind != NATIVE:
            raise Conflict(f"callbacks of the kind {row.kind} are not signed")
        _give_key(gateway, row, key)
        session.flush()
        return Made(_state(session, row), key)


def target(gateway: Gateway, session: Session, endpoint: UUID) -> Target | None:
    """The endpoint as it is called, with its secrets in clear; None where it is gone.

    Raises:
        Unavailable: a secret cannot be decrypted.
    """
    row = stored.endpoint(session, endpoint)
    if isinstance(row, Webhook):
        key = vault.decrypt(gateway.settings, webhooks.PURPOSE, row.signing_key) if row.signing_key else ""
        return Target(
            row.id, row.account_id, HTTPSMS, _shown_host(row.url), row.url, signing_key=key, subject=_subject(session, row.account_id)
        )
    if row is None:
        return None
    url = vault.decrypt(gateway.settings, URL_PURPOSE, row.url)
    key = vault.decrypt(gateway.settings, KEY_PURPOSE, row.signing_key) if row.signing_key else ""
    return Target(row.id, row.account_id, row.kind, row.host, url, row.method, row.key_id, key)


def renew_secrets(gateway: Gateway) -> int:
    """Encrypts every stored address and signing key of callbacks anew, under the newest secret; their number.

    Raises:
        Unavailable: one was encrypted under a secret that is gone. Nothing was changed.
    """
    renewed = 0
    with gateway.writing() as session:
        for row in stored.with_secrets(session):
            row.url = vault.renewed(gateway.settings, URL_PURPOSE, row.url)
            renewed += 1
            if row.signing_key is not None:
                row.signing_key = vault.renewed(gateway.settings, KEY_PURPOSE, row.signing_key)
                renewed += 1
    return renewed


def _check(new: NewEndpoint) -> None:
    if new.kind not in OWN:
        raise InvalidField("kind", f"is one of {', '.join(OWN)}")
    if new.method is not None and new.method not in METHODS[new.kind]:
        raise InvalidField("method", f"of this kind is {' or '.join(METHODS[new.kind])}")
    strange = next((each for each in new.events if each not in KINDS[new.kind].events), None)
    if strange is not None:
        raise InvalidField("event", f"{strange[:50]!r} is unknown; of this kind there are {', '.join(KINDS[new.kind].events)}")
    if new.account is None and new.kind != NATIVE:
        raise InvalidField("kind", f"of the operator's own endpoints is {NATIVE}")
    _host(new.url)


def _host(url: str) -> str:
    """Host and port, which is what may be shown of an address.

    Raises:
        InvalidField: nothing that could be called.
    """
    if len(url) > LONGEST_URL or not _plain(url):
        raise InvalidField("url", f"must be up to {LONGEST_URL} characters of ASCII, without blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidField("url", "cannot be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "#" in url:
        raise InvalidField("url", "must be like https://example.org/path, without #")
    return parts.hostname[:240] + (f":{port}" if port else "")


def _account(session: Session, name: str) -> Account:
    account = account_by_name(session, name) if storable(name) else None
    if account is None:
        raise NotFound("account")
    return account


def _found(session: Session, endpoint: UUID) -> CallbackEndpoint | Webhook:
    row = stored.endpoint(session, endpoint)
    if row is None:
        raise NotFound("callback")
    return row


def _own(session: Session, endpoint: UUID) -> CallbackEndpoint:
    row = stored.hold(session, endpoint) or _found(session, endpoint)
    if isinstance(row, Webhook):
        raise Conflict("this is a webhook of httpSMS; its owner changes it there")
    return row


def _new_key() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


def _give_key(gateway: Gateway, row: CallbackEndpoint, key: str | None) -> None:
    row.key_id = None if key is None else f"k{secrets.token_hex(6)}"
    row.signing_key = None if key is None else vault.encrypt(gateway.settings, KEY_PURPOSE, key)


def _subject(session: Session, account_id: int) -> str:
    """Whom httpSMS receivers know the account by: its oldest user who may use that API, else its oldest user, else the account."""
    users = stored.users(session, account_id)
    known = [key for key, permissions in users if any(_is_httpsms(each) for each in permissions)]
    return next(iter([*known, *(key for key, _ in users)]), f"account-{account_id}")


def _is_httpsms(permission: str) -> bool:
    return permission == "*" or permission.startswith(("httpsms:", "*:"))


def _state(session: Session, row: CallbackEndpoint | Webhook) -> EndpointState:
    waiting, dead = stored.counts(session, row.id)
    breaker = stored.breaker(session, row.id)
    kind, host, method, key_id, enabled = _shape(row)
    return EndpointState(
        id=row.id,
        account=None if row.account_id is None else session.get_one(Account, row.account_id).name,
        kind=kind,
        host=host,
        method=method,
        key_id=key_id,
        events=row.events,
        enabled=enabled,
        created_at=row.created_at,
        waiting=waiting,
        dead=dead,
        failures=breaker.failures if breaker else 0,
        failing_since=breaker.failing_since if breaker else None,
        open_until=breaker.open_until if breaker else None,
    )


def _shape(row: CallbackEndpoint | Webhook) -> tuple[str, str, str, str | None, bool]:
    """Kind, host, method, key id, and whether it is on."""
    if isinstance(row, Webhook):
        return HTTPSMS, _shown_host(row.url), "POST", None, True
    return row.kind, row.host, row.method, row.key_id, row.enabled


def _shown_host(url: str) -> str:
    try:
        return _host(url)
    except InvalidField:
        return ""
