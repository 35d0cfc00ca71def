"""Who calls: by user name and password (v1), by API key (v2), by either (key routes). And how often each may.

The limiter asks first and the view afterwards; both get the same answer from one look-up (contract 5: counted before the check,
in the bucket of whoever calls if that is known, else of the address).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import request

from gateway.config import Settings
from gateway.dialects.bulk.errors import KeyMissing, Unauthenticated
from gateway.dialects.bulk.inputs import once, text, values
from gateway.dialects.bulk.uncertain import NAME
from gateway.domain.errors import AuthenticationFailed, GatewayError, MalformedRequest, MissingCredentials, UnknownKey
from gateway.services import identity, keys
from gateway.services.identity import Password
from gateway.services.rows import Caller
from gateway.web.authentication import address, basic_credentials, current_gateway, key_caller, password_caller
from gateway.web.rate_limits import Allowance


def by_password(checked_later: bool = False) -> Caller:
    """The caller behind ``username`` and ``password`` (contract 3.1).

    Raises:
        MissingCredentials: one of the two is absent.
        BadCredentials, Throttled, CallerDisabled, AddressNotAllowed
    """
    password = given_password()
    if password is None:
        raise MissingCredentials
    return password_caller([password], checked_later=checked_later)


def by_key(checked_later: bool = False) -> Caller:
    """The caller behind an API key (contract 4.1).

    Raises:
        KeyMissing
        UnknownKey, KeyExpired, CallerDisabled, AddressNotAllowed
    """
    key = given_key()
    if key is None:
        raise KeyMissing
    return key_caller(keys.BULK, key, checked_later=checked_later)


def by_password_only(checked_later: bool = False) -> Caller:
    """Who may make a first key: user name and password in the parameters, or HTTP Basic (contract 6.2).

    Raises:
        Unauthenticated: neither, or wrong.
        Throttled, CallerDisabled, AddressNotAllowed
    """
    return _for_keys(given_password() or _basic(), None)


def by_either(checked_later: bool = False) -> Caller:
    """Who may replace or revoke the key: as :func:`by_password_only`, or by the key itself. Raises the same."""
    password = given_password() or _basic()
    return _for_keys(password, given_key() if password is None else None)


@dataclass(frozen=True, slots=True)
class Door:
    """One way in.

    Args:
        scope: the calls that are counted together.
        recognise: who calls; its argument says whether a caller remembered for a moment will do.
        calls: how many calls a minute.
        own: whether a user's or key's own limit comes before that.
    """

    scope: str
    recognise: Callable[[bool], Caller]
    calls: Callable[[Settings], int]
    own: bool = True

    def caller(self, action: str) -> Caller:
        """The caller of this request, if allowed to do this.

        Raises:
            PermissionDenied, and what ``recognise`` raises.
        """
        return _permitted(once("caller", lambda: self.recognise(False)), action)

    def again(self, action: str) -> Caller:
        """The same, asked anew."""
        return _permitted(self.recognise(False), action)

    def allowance(self, *, checked_later: bool = False) -> Callable[[], Allowance]:
        """For the limiter. ``checked_later``: that the call ends in a submission, which looks again."""

        def found() -> Allowance:
            calls = self.calls(current_gateway().settings)
            try:
                caller = once("caller", lambda: self.recognise(checked_later))
            except GatewayError:  # the view meets it again, and tells it
                return Allowance(self.scope, f"address {address()}", calls)
            return Allowance(self.scope, _bucket(caller), (caller.calls_per_minute if self.own else None) or calls)

        return found


V1 = Door("bulk.v1", by_password, lambda settings: settings.bulk_calls_per_minute)
V2 = Door("bulk.v2", by_key, lambda settings: settings.bulk_calls_per_minute)
FIRST_KEY = Door("bulk.keys", by_password_only, lambda settings: settings.bulk_key_calls_per_minute, own=False)
OTHER_KEY = Door("bulk.keys", by_either, lambda settings: settings.bulk_key_calls_per_minute, own=False)


def given_password() -> Password | None:
    """User name and password among the parameters."""
    username, password = text("username"), text("password")
    return None if username is None or password is None else Password(username, password)


def given_key() -> str | None:
    """The API key: header, then body, then query, then as a bearer token; an empty one counts as absent.

    Raises:
        UnknownKey: it is not even text.
    """
    header = request.headers.get("X-API-Key", "").strip()
    if header:
        return header
    if "api_key" in values():
        key = values()["api_key"]
        if not isinstance(key, str):
            raise UnknownKey
        return key
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _basic() -> Password | None:
    """HTTP Basic of the key routes; a header that cannot be read is somebody unknown, as a wrong password is (contract 6.2).

    Raises:
        Unauthenticated
    """
    try:
        return basic_credentials()
    except MalformedRequest as error:
        raise Unauthenticated from error


def _for_keys(password: Password | None, key: str | None) -> Caller:
    try:
        if password is not None:
            return password_caller([password])
        if key is not None:
            return key_caller(keys.BULK, key)
    except AuthenticationFailed as error:
        raise Unauthenticated from error
    raise Unauthenticated


def _permitted(caller: Caller, action: str) -> Caller:
    identity.require(caller, NAME, action)
    return caller


def _bucket(caller: Caller) -> str:
    return caller.key_scope or f"user:{caller.user_id}"
