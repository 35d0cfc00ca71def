"""Who sent this request: by session headers, by a password, by an API key.

Header names with underscores reach us as ``HTTP_USER_KEY`` whichever way they were written; a merged pair (``a,b``) holds
a comma, which is outside the key alphabet, and is refused as an unknown key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from flask import current_app, request

from gateway.domain.errors import MalformedRequest, MissingCredentials, UnknownKey
from gateway.services import identity
from gateway.services.core import Gateway
from gateway.services.identity import Password
from gateway.services.rows import Caller


def current_gateway() -> Gateway:
    """The gateway of the running application."""
    gateway: Gateway = current_app.extensions["dragoman"]
    return gateway


def header_caller(*, renew: bool = True, checked_later: bool = False) -> Caller:
    """The caller behind ``user_key`` and ``Session_key`` or ``Access_token``. An access token is also taken as a session key.
    Arguments as :func:`gateway.services.identity.by_session`.

    Raises:
        MissingCredentials, UnknownKey, SessionExpired, PermissionDenied
    """
    gateway, headers = current_gateway(), request.environ
    user_key, session_key = headers.get("HTTP_USER_KEY", ""), headers.get("HTTP_SESSION_KEY", "")
    token = headers.get("HTTP_ACCESS_TOKEN", "")
    if not user_key or not (session_key or token):
        raise MissingCredentials
    if session_key:
        caller = _by_either(gateway, user_key, session_key, renew=renew, checked_later=checked_later)
    else:
        caller = identity.by_access_token(gateway, user_key, token, address())
    return noted(caller)


def password_caller(candidates: Sequence[Password], *, checked_later: bool = False) -> Caller:
    """The caller behind a user name and password. Arguments and errors as :func:`gateway.services.identity.by_password`."""
    return noted(identity.by_password(current_gateway(), candidates, address(), checked_later=checked_later))


def key_caller(kind: str, key: str, *, checked_later: bool = False) -> Caller:
    """The caller behind an API key. Arguments and errors as :func:`gateway.services.identity.by_api_key`."""
    return noted(identity.by_api_key(current_gateway(), kind, key, address(), checked_later=checked_later))


def noted(caller: Caller) -> Caller:
    """The same; the log of this request will name the account."""
    request.environ["dragoman.account"] = caller.account_name
    return caller


def address() -> str:
    """Where the call comes from: the peer, or what the trusted proxies say."""
    return request.remote_addr or ""


def basic_credentials() -> Password | None:
    """Name and password of an ``Authorization: Basic`` header, None without one.

    Raises:
        MalformedRequest: the header is there but cannot be read.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        raw = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedRequest("the Authorization header is not valid Basic authentication") from None
    name, colon, password = _utf8_or_latin1(raw).partition(":")
    if not colon:
        raise MalformedRequest("the Authorization header is not valid Basic authentication")
    return Password(name, password)


def _by_either(gateway: Gateway, user_key: str, key: str, *, renew: bool, checked_later: bool) -> Caller:
    try:
        return identity.by_session(gateway, user_key, key, address(), renew=renew, checked_later=checked_later)
    except UnknownKey:
        return identity.by_access_token(gateway, user_key, key, address())


def _utf8_or_latin1(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
