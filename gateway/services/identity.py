"""Who is calling: signing in with a password, and being known again by a session key or an access token.

A session key is the session's id, signed; an access token is a credential's id, signed with another salt; of an API key only
a keyed digest is stored. So the database holds nothing that opens a door, and a forged key is refused without a query.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from uuid import UUID, uuid4

from itsdangerous import BadSignature, Signer

from gateway.domain.errors import (
    AddressNotAllowed,
    BadCredentials,
    CallerDisabled,
    InvalidField,
    KeyExpired,
    MissingCredentials,
    PermissionDenied,
    SessionExpired,
    UnknownKey,
)
from gateway.services.core import Gateway
from gateway.services.passwords import MAX_PASSWORD_BYTES, hash_password, verify_password
from gateway.storage import identity as stored
from gateway.storage.identity import Caller, KeyFound
from gateway.storage.tables import Credential, SessionRow

TOUCH_SECONDS = 10
"""A session's last use is written at most this often; its end may come this much later, never earlier."""
SESSION_SALT = "dragoman.session"
TOKEN_SALT = "dragoman.access-token"
MINIMUM_PASSWORD_LENGTH = 8
ACCESS_TOKEN = "access_token"
KEY_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
LONGEST_KEY = 200
PREFIX_LENGTH = 12
"""Characters of an API key that it is found by. They are shown to operators; the rest proves it."""
USED_SECONDS = 60
"""The last use of an API key is written at most this often."""


@dataclass(frozen=True, slots=True)
class Password:
    """One reading of the name and password that a program sent."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a program needs for its next calls. Both parts are made of letters, digits, ``.``, ``_`` and ``-``."""

    user_key: str
    key: str


def sign_in(gateway: Gateway, candidates: Sequence[Password], address: str) -> SignedIn:
    """Opens a session. ``candidates`` are readings of the same input; the first that fits wins. Raises as :func:`by_password`."""
    caller = by_password(gateway, candidates, address)
    now = gateway.clock.now()
    row = SessionRow(id=uuid4(), user_id=caller.user_id, created_at=now, last_seen=now)
    with gateway.writing() as session:
        session.add(row)
        key = signed(gateway, SESSION_SALT, row.id)
    return SignedIn(caller.user_key, key)


def access_token(gateway: Gateway, candidates: Sequence[Password], address: str) -> SignedIn:
    """The user's access token: the same on each call until it is revoked. It does not expire. Raises as :func:`by_password`."""
    caller = by_password(gateway, candidates, address)
    with gateway.writing() as session:
        token = stored.live_access_token(session, caller.user_id)
        if token is None:
            now = gateway.clock.now()
            token = Credential(id=uuid4(), account_id=caller.account_id, user_id=caller.user_id, kind=ACCESS_TOKEN, created_at=now)
            session.add(token)
        key = signed(gateway, TOKEN_SALT, token.id)
    return SignedIn(caller.user_key, key)


def by_password(gateway: Gateway, candidates: Sequence[Password], address: str | None, *, checked_later: bool = False) -> Caller:
    """The caller whose name and password these are: for signing in, and for dialects that send both with every request.

    Args:
        candidates: readings of the same input; the first that fits wins.
        address: where the call comes from.
        checked_later: as in :func:`by_session`.

    Raises:
        MissingCredentials: no candidate.
        BadCredentials: none fits; counted once.
        Throttled: too many wrong guesses by this user or address.
        CallerDisabled: the user or the account is disabled.
        AddressNotAllowed: the user may not call from there.
    """
    candidates = list(dict.fromkeys(candidates))
    if not candidates or not candidates[0].username:
        raise MissingCredentials
    remembered = _remembered(gateway, candidates, address) if checked_later else None
    if remembered is not None:
        return remembered
    first = candidates[0].username
    found = [(each, *user) for each in candidates if (user := stored.caller_by_name(gateway.engine, each.username)) is not None]
    for given, caller, stored_hash in found:
        if gateway.verified.knows(caller.user_id, stored_hash, given.password):
            return _kept(gateway, given.username, caller, stored_hash, address)
    gateway.guesses.check(first, address or "")
    for given, caller, stored_hash in found:
        if verify_password(stored_hash, given.password):
            gateway.verified.remember(caller.user_id, stored_hash, given.password)
            return _kept(gateway, given.username, caller, stored_hash, address)
    for _ in range(len(candidates) - len(found)):
        verify_password(None, candidates[0].password)  # an unknown user takes as long as a wrong password
    gateway.guesses.count(first, address or "")
    raise BadCredentials


def by_session(
    gateway: Gateway, user_key: str, session_key: str, address: str | None = None, *, renew: bool = True, checked_later: bool = False
) -> Caller:
    """The caller behind a session key.

    Args:
        address: where the call comes from; None is not checked.
        renew: whether this call counts as activity of the session.
        checked_later: that the use case itself checks session, user and key in the statement that changes something;
            then a caller read a moment ago will do.

    Raises:
        UnknownKey: forged, unknown, or not this user's.
        SessionExpired: idle for too long, or revoked.
        CallerDisabled, AddressNotAllowed: as :func:`by_password`.
    """
    session_id = unsigned(gateway, SESSION_SALT, session_key)
    recent = gateway.sessions.get(session_id) if checked_later else None
    if recent is not None and recent[0].user_key == user_key and gateway.clock.now() - recent[1] < timedelta(seconds=TOUCH_SECONDS):
        if _may_enter(recent[0], address):
            return recent[0]
    found = stored.caller_by_session(gateway.engine, session_id)
    if found is None or found[0].user_key != user_key:
        raise UnknownKey
    caller, last_seen, revoked = found
    idle = gateway.clock.now() - last_seen
    if revoked or idle > timedelta(seconds=gateway.settings.session_idle_seconds + TOUCH_SECONDS):
        raise SessionExpired
    if renew and idle >= timedelta(seconds=TOUCH_SECONDS):
        last_seen = gateway.clock.now()
        stored.touch_session(gateway.engine, session_id, last_seen)
    admitted = _admitted(caller, address)
    gateway.sessions.keep(session_id, (admitted, last_seen))
    return admitted


def by_access_token(gateway: Gateway, user_key: str, token: str, address: str | None = None) -> Caller:
    """The caller behind an access token. Raises as :func:`by_session`."""
    found = stored.caller_by_credential(gateway.engine, unsigned(gateway, TOKEN_SALT, token), ACCESS_TOKEN)
    if found is None or found.caller.user_key != user_key:
        raise UnknownKey
    if found.revoked or _is_over(gateway, found):
        raise SessionExpired
    return _admitted(found.caller, address)


def by_api_key(gateway: Gateway, kind: str, key: str, address: str | None = None, *, checked_later: bool = False) -> Caller:
    """The caller behind an API key (:mod:`gateway.services.keys`). The same function for every kind of key.

    Args:
        kind: which kind of key this call takes.
        address, checked_later: as in :func:`by_session`.

    Raises:
        UnknownKey: unknown, malformed, revoked, or of another kind.
        KeyExpired
        CallerDisabled, AddressNotAllowed: as :func:`by_password`.
    """
    if not PREFIX_LENGTH < len(key) <= LONGEST_KEY or not KEY_ALPHABET.issuperset(key):
        raise UnknownKey
    name = f"{kind}:{key[:PREFIX_LENGTH]}"
    recent = gateway.keys.get(name) if checked_later else None
    if recent is not None and _proves(gateway, key, recent.secret_hmac) and not _is_over(gateway, recent):
        if _may_enter(recent.caller, address):
            return recent.caller
    found = stored.caller_by_prefix(gateway.engine, key[:PREFIX_LENGTH], kind)
    if found is None or found.revoked or not _proves(gateway, key, found.secret_hmac):
        raise UnknownKey
    if _is_over(gateway, found):
        raise KeyExpired
    admitted = _admitted(found.caller, address)
    gateway.keys.keep(name, _used(gateway, key, found))
    return admitted


def key_digest(secret: str, key: str) -> bytes:
    """What is stored of an API key: HMAC-SHA-256 under a secret of the gateway."""
    return hmac.digest(secret.encode(), b"dragoman.api-key\0" + key.encode(), hashlib.sha256)


def _proves(gateway: Gateway, key: str, secret_hmac: bytes | None) -> bool:
    """Whether this is the key, under any secret that still verifies."""
    digests = [key_digest(secret, key) for secret in gateway.settings.secret_key]
    return any(hmac.compare_digest(digest, secret_hmac or b"") for digest in digests)


def _used(gateway: Gateway, key: str, found: KeyFound) -> KeyFound:
    """Writes down, once a minute, that the key was used; and its digest under the newest secret, so that older ones can go."""
    now = gateway.clock.now()
    credential_id = found.caller.credential_id
    if credential_id is None or (found.last_used_at is not None and now - found.last_used_at < timedelta(seconds=USED_SECONDS)):
        return found
    digest = key_digest(gateway.settings.secret_key[0], key)
    stored.touch_key(gateway.engine, credential_id, digest, now)
    return replace(found, last_used_at=now, secret_hmac=digest)


def knows_user_key(gateway: Gateway, user_key: str) -> bool:
    """Whether some user has this key."""
    with gateway.reading() as session:
        return stored.user_key_exists(session, user_key)


def require(caller: Caller, dialect: str, action: str) -> None:
    """Refuses what the user was not given. Permissions read ``dialect:action``; ``*`` stands for all of either.
    A key with permissions of its own needs them in both places.

    Raises:
        PermissionDenied
    """
    wanted = {"*", f"{dialect}:{action}", f"{dialect}:*", f"*:{action}"}
    if caller.permissions.isdisjoint(wanted) or (caller.key_permissions is not None and caller.key_permissions.isdisjoint(wanted)):
        raise PermissionDenied(f"{dialect}:{action}")


def change_password(gateway: Gateway, username: str, password: str) -> None:
    """Sets a new password. Open sessions and the access token stay, as they did at the providers.

    Raises:
        InvalidField: shorter than eight characters or longer than 512 bytes.
        BadCredentials: no such user.
    """
    new_hash = hash_password(usable_password(password))
    with gateway.writing() as session:
        found = stored.user_by_name(session, username)
        if found is None:
            raise BadCredentials
        found[0].password_hash = new_hash
        found[0].revision += 1


def usable_password(password: str) -> str:
    """The password, if it may be one.

    Raises:
        InvalidField
    """
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise InvalidField("password", f"must have at least {MINIMUM_PASSWORD_LENGTH} characters")
    if len(password.encode("utf-8", "surrogatepass")) > MAX_PASSWORD_BYTES:
        raise InvalidField("password", f"must have at most {MAX_PASSWORD_BYTES} bytes")
    return password


def new_user_key() -> str:
    """A short opaque identifier for a user."""
    return secrets.token_hex(8)


def _remembered(gateway: Gateway, candidates: Sequence[Password], address: str | None) -> Caller | None:
    """The caller, if somebody let in a moment ago fits. One who does not fit now is no refusal: the database is asked."""
    for given in candidates:
        recent = gateway.users.get(given.username)
        if recent is not None and gateway.verified.knows(recent[0].user_id, recent[1], given.password) and _may_enter(recent[0], address):
            return recent[0]
    return None


def _kept(gateway: Gateway, username: str, caller: Caller, stored_hash: str, address: str | None) -> Caller:
    admitted = _admitted(caller, address)
    gateway.users.keep(username, (admitted, stored_hash))
    return admitted


def _admitted(caller: Caller, address: str | None) -> Caller:
    if caller.disabled or caller.account_status != "active":
        raise CallerDisabled
    if not _may_enter(caller, address):
        raise AddressNotAllowed(address or "")
    return caller


def _may_enter(caller: Caller, address: str | None) -> bool:
    """Whether the caller may call from there. None is not checked; "" is an address that nobody knows, and lies in no network."""
    return not caller.networks or address is None or all(_within(address, networks) for networks in caller.networks)


@lru_cache(maxsize=4096)
def _within(address: str, networks: frozenset[str]) -> bool:
    """Whether the address lies in one of the networks. An IPv4 address in IPv6 dress counts as IPv4; what is no address lies nowhere."""
    try:
        host = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped:
        host = host.ipv4_mapped
    return any(host in ipaddress.ip_network(network) for network in networks)


def _is_over(gateway: Gateway, found: KeyFound) -> bool:
    return found.expires_at is not None and found.expires_at <= gateway.clock.now()


@lru_cache(maxsize=16)
def _signer(keys: tuple[str, ...], salt: str) -> Signer:
    """The newest key signs, every key verifies."""
    return Signer(list(reversed(keys)), salt=salt, digest_method=hashlib.sha256)


def signed(gateway: Gateway, salt: str, id_: UUID) -> str:
    """An id as a key: readable, unforgeable, good for one purpose (its salt)."""
    body = base64.urlsafe_b64encode(id_.bytes).rstrip(b"=")
    return _signer(gateway.settings.secret_key, salt).sign(body).decode("ascii")


def unsigned(gateway: Gateway, salt: str, key: str) -> UUID:
    """The id in a key.

    Raises:
        UnknownKey: not signed by us for this purpose.
    """
    if len(key) > LONGEST_KEY or not KEY_ALPHABET.issuperset(key):
        raise UnknownKey
    try:
        body = _signer(gateway.settings.secret_key, salt).unsign(key)
        return UUID(bytes=base64.urlsafe_b64decode(body + b"=="))
    except (BadSignature, ValueError):
        raise UnknownKey from None
