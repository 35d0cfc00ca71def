"""Letting a telephone register with a connector: a token to be typed in, a code for once, and a page that tells both.

Only digests are stored. Token and code are worked out anew from the pairing's id and the gateway's newest key, so that the page can show
them; the link to the page is signed, and ends with the token. After a change of that key the page is gone, and what it showed still works.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from gateway.domain.errors import BadCredentials, Conflict, NotFound, UnknownKey
from gateway.services import handsets
from gateway.services.core import Gateway
from gateway.services.handsets import Hardware, Registered, digests
from gateway.services.identity import signed, unsigned
from gateway.storage import handsets as stored
from gateway.storage.tables import Handset, Pairing

TOKEN, CODE = "token", "code"
TOKEN_LIFE, CODE_LIFE = timedelta(days=7), timedelta(minutes=10)
TOKEN_LENGTH = 20
PAGE_SALT = "dragoman.pairing-page"
PAGE = "/console/enter/phone/"
"""Below the path whose rest no log shows."""
GUESSED = "pairing code"
"""All guesses of codes count together: there are but a million."""
MOST_CODES = 4
"""Of one connector at a time: with many, a guess would soon be right."""
CODE_FORM = re.compile("[0-9]{6}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A pairing that a telephone may use. ``page`` is the path of the page that tells it."""

    connector: str
    token: str = field(repr=False)
    token_until: datetime
    code: str = field(repr=False)
    code_until: datetime
    page: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page tells. ``handset``: the name of the telephone that serves the connector, and since when, where there is one;
    ``is_new``: it registered since the pairing was opened."""

    opened: Opened
    handset: tuple[str, datetime] | None
    is_new: bool


def open_pairing(gateway: Gateway, connector: str, kind: str) -> Opened:
    """Lets one telephone register with a connector of a kind. Pairings opened before for it end.

    Raises:
        NotFound: no such connector.
        Conflict: it is of another kind.
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        known = stored.kind_of(session, connector)
        if known is None:
            raise NotFound("connector")
        if known[0] != kind:
            raise Conflict(f"connector {connector} is of kind {known[0]}; telephones pair with those of kind {kind}")
        stored.forget_pairings(session, connector)
        token = _added(gateway, session, connector, TOKEN, now, now + TOKEN_LIFE)
        code = _added(gateway, session, connector, CODE, now, now + CODE_LIFE)
        return _opened(gateway, token, code)


def new_code(gateway: Gateway, connector: str) -> tuple[str, datetime]:
    """A fresh code for a connector, and until when it is good. Of earlier ones the latest few stay, and all tokens."""
    now = gateway.clock.now()
    with gateway.writing() as session:
        stored.forget_old_pairings(session, connector, CODE, MOST_CODES - 1, now)
        row = _added(gateway, session, connector, CODE, now, now + CODE_LIFE)
        return _code(gateway, row.id), row.expires_at


def shown(gateway: Gateway, key: str) -> Shown:
    """What the page behind a link tells; a code that is over, or was used, is replaced.

    Raises:
        UnknownKey: forged, or over.
    """
    token_id, now = unsigned(gateway, PAGE_SALT, key), gateway.clock.now()
    with gateway.reading() as session:
        token = session.get(Pairing, token_id)
        if token is None or token.expires_at <= now or not _is_shown_right(gateway, token):
            raise UnknownKey
        code = next(iter(stored.pairings(session, token.connector, CODE, now)), None)
        handset = _handset(stored.of_connector(session, token.connector))
        opened = _opened(gateway, token, code) if code else None
        connector = token.connector
    if opened is None:
        new_code(gateway, connector)
        return shown(gateway, key)
    return Shown(opened, handset, bool(handset and handset[1] >= opened.token_until - TOKEN_LIFE))


def by_token(gateway: Gateway, token: str, hardware: Hardware, address: str) -> Registered:
    """Registers a telephone by a token.

    Raises:
        BadCredentials: counted.
        Throttled
    """
    gateway.guesses.check("", address)
    return _used(gateway, TOKEN, token.lower(), hardware, "", address)  # the keyboard of a telephone likes to begin with a capital


def by_code(gateway: Gateway, code: str, hardware: Hardware, address: str) -> Registered:
    """Registers a telephone by a code, once. Raises as :func:`by_token`."""
    gateway.guesses.check(GUESSED, address)
    return _used(gateway, CODE, code if CODE_FORM.fullmatch(code) else "", hardware, GUESSED, address)


def _used(gateway: Gateway, kind: str, secret: str, hardware: Hardware, guessed: str, address: str) -> Registered:
    now = gateway.clock.now()
    with gateway.writing() as session:
        row = stored.pairing(session, kind, digests(gateway, f"{kind} {secret}"), now) if secret else None
        if row is not None:
            if kind == CODE:
                row.used_at = now
            return handsets.register(gateway, session, row.connector, hardware)
    gateway.guesses.count(guessed, address)
    raise BadCredentials


def _added(gateway: Gateway, session: Session, connector: str, kind: str, now: datetime, until: datetime) -> Pairing:
    while True:
        id_ = uuid4()
        secret = _token(gateway, id_) if kind == TOKEN else _code(gateway, id_)
        digest = digests(gateway, f"{kind} {secret}")[0]
        if stored.pairing_is_free(session, digest):
            row = Pairing(id=id_, connector=connector, kind=kind, secret_hmac=digest, expires_at=until, created_at=now)
            session.add(row)
            session.flush()
            return row


def _opened(gateway: Gateway, token: Pairing, code: Pairing) -> Opened:
    page = PAGE + signed(gateway, PAGE_SALT, token.id)
    return Opened(token.connector, _token(gateway, token.id), token.expires_at, _code(gateway, code.id), code.expires_at, page)


def _token(gateway: Gateway, id_: UUID) -> str:
    """Twenty letters and digits, a hundred bits: short enough to be typed in."""
    return base64.b32encode(_derived(gateway, TOKEN, id_))[:TOKEN_LENGTH].decode("ascii").lower()


def _is_shown_right(gateway: Gateway, token: Pairing) -> bool:
    return token.secret_hmac in digests(gateway, f"{TOKEN} {_token(gateway, token.id)}")


def _code(gateway: Gateway, id_: UUID) -> str:
    return f"{int.from_bytes(_derived(gateway, CODE, id_)[:8], 'big') % 1_000_000:06}"


def _derived(gateway: Gateway, kind: str, id_: UUID) -> bytes:
    return hmac.digest(gateway.settings.secret_key[0].encode(), f"dragoman.pairing {kind}\0".encode() + id_.bytes, hashlib.sha256)


def _handset(row: Handset | None) -> tuple[str, datetime] | None:
    return None if row is None else (row.name, row.created_at)
