"""Who is calling: signing in with a password, and being known again by a session key or an access token.

A session key is the session's id, signed; an access token is a credential's id, signed with another salt. Neither is
stored, so the database holds nothing that opens a door, and a forged key is refused without a query.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import UUID, uuid4

from itsdangerous import BadSignature, Signer

from gateway.domain.errors import BadCredentials, InvalidField, MissingCredentials, PermissionDenied, SessionExpired, UnknownKey
from gateway.services.core import Gateway
from gateway.services.passwords import MAX_PASSWORD_BYTES, hash_password, verify_password
from gateway.storage import identity as stored
from gateway.storage.identity import Caller
from gateway.storage.tables import Credential, SessionRow, User

TOUCH_SECONDS = 10
"""A session's last use is written at most this often; its end may come this much later, never earlier."""
SESSION_SALT = "dragoman.session"
TOKEN_SALT = "dragoman.access-token"
MINIMUM_PASSWORD_LENGTH = 8
ACCESS_TOKEN = "access_token"
KEY_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
LONGEST_KEY = 200


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
    """Opens a session. ``candidates`` are readings of the same input; the first that fits wins.

    Raises:
        MissingCredentials: no candidate.
        BadCredentials: none fits; counted once.
        Throttled: too many wrong guesses by this user or address.
        PermissionDenied: the user or the account is disabled.
    """
    user = authenticate(gateway, candidates, address)
    now = gateway.clock.now()
    row = SessionRow(id=uuid4(), user_id=user.id, created_at=now, last_seen=now)
    with gateway.writing() as session:
        session.add(row)
        key = signed(gateway, SESSION_SALT, row.id)
    return SignedIn(user.user_key, key)


def access_token(gateway: Gateway, candidates: Sequence[Password], address: str) -> SignedIn:
    """The user's access token: the same on each call until it is revoked. It does not expire. Raises as :func:`sign_in`."""
    user = authenticate(gateway, candidates, address)
    with gateway.writing() as session:
        token = stored.live_access_token(session, user.id)
        if token is None:
            token = Credential(id=uuid4(), account_id=user.account_id, user_id=user.id, kind=ACCESS_TOKEN, created_at=gateway.clock.now())
            session.add(token)
        key = signed(gateway, TOKEN_SALT, token.id)
    return SignedIn(user.user_key, key)


def authenticate(gateway: Gateway, candidates: Sequence[Password], address: str) -> User:
    """The user whose name and password these are. Raises as :func:`sign_in`."""
    candidates = list(dict.fromkeys(candidates))
    if not candidates or not candidates[0].username:
        raise MissingCredentials
    first = candidates[0].username
    found = [(candidate, _find(gateway, candidate.username)) for candidate in candidates]
    for candidate, user in found:
        if user is not None and gateway.verified.knows(user.id, user.password_hash, candidate.password):
            return _usable(user)
    gateway.guesses.check(first, address)
    for candidate, user in found:
        if verify_password(user.password_hash if user else None, candidate.password) and user is not None:
            gateway.verified.remember(user.id, user.password_hash, candidate.password)
            return _usable(user)
    gateway.guesses.count(first, address)
    raise BadCredentials


def by_session(gateway: Gateway, user_key: str, session_key: str, *, renew: bool = True, checked_later: bool = False) -> Caller:
    """The caller behind a session key.

    Args:
        renew: whether this call counts as activity of the session.
        checked_later: that the use case itself checks session and user in the statement that changes something;
            then a caller read a moment ago will do.

    Raises:
        UnknownKey: forged, unknown, or not this user's.
        SessionExpired: idle for too long, or revoked.
        PermissionDenied: the user or the account is disabled.
    """
    session_id = unsigned(gateway, SESSION_SALT, session_key)
    recent = gateway.callers.get(session_id) if checked_later else None
    if recent is not None and recent[0].user_key == user_key and gateway.clock.now() - recent[1] < timedelta(seconds=TOUCH_SECONDS):
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
    gateway.callers.keep(session_id, _active(caller), last_seen)
    return caller


def by_access_token(gateway: Gateway, user_key: str, token: str) -> Caller:
    """The caller behind an access token. Raises as :func:`by_session`."""
    found = stored.caller_by_credential(gateway.engine, unsigned(gateway, TOKEN_SALT, token), ACCESS_TOKEN)
    if found is None or found[0].user_key != user_key:
        raise UnknownKey
    caller, expires_at, revoked = found
    if revoked or (expires_at is not None and expires_at <= gateway.clock.now()):
        raise SessionExpired
    return _active(caller)


def knows_user_key(gateway: Gateway, user_key: str) -> bool:
    """Whether some user has this key."""
    with gateway.reading() as session:
        return stored.user_key_exists(session, user_key)


def require(caller: Caller, dialect: str, action: str) -> None:
    """Refuses what the user was not given. Permissions read ``dialect:action``; ``*`` stands for all of either.

    Raises:
        PermissionDenied
    """
    wanted = {"*", f"{dialect}:{action}", f"{dialect}:*", f"*:{action}"}
    if caller.permissions.isdisjoint(wanted):
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


def _find(gateway: Gateway, username: str) -> User | None:
    with gateway.reading() as session:
        found = stored.user_by_name(session, username)
        if found is None:
            return None
        session.expunge_all()
        user, account = found
        user.disabled = user.disabled or account.status != "active"
        return user


def _usable(user: User) -> User:
    if user.disabled:
        raise PermissionDenied("sign in")
    return user


def _active(caller: Caller) -> Caller:
    if caller.disabled or caller.account_status != "active":
        raise PermissionDenied("sign in")
    return caller


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
