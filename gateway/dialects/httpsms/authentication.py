"""Who calls: an API key in the header ``x-api-key``, or for a user's key in the body or the query (contract 1.1)."""

from __future__ import annotations

from flask import request

from gateway.dialects.httpsms.reading import body_field
from gateway.dialects.httpsms.uncertain import NAME
from gateway.domain.errors import MissingCredentials
from gateway.services import identity, keys
from gateway.services.rows import Caller
from gateway.web.authentication import key_caller

HEADER = "x-api-key"
MISSING = frozenset({"", "undefined"})


def caller(action: str, *, checked_later: bool = False) -> Caller:
    """The user behind a user's key, if allowed to do this. A phone's key is unknown here.

    Args:
        action: "send", "read" or "manage".
        checked_later: only on calls that end in submitting (:func:`gateway.services.identity.by_session`).

    Raises:
        MissingCredentials, UnknownKey, KeyExpired, CallerDisabled, AddressNotAllowed, PermissionDenied
    """
    key = header_key() or _usable(body_field(HEADER)) or _usable(request.args.get(HEADER))
    if not key:
        raise MissingCredentials
    found = key_caller(keys.HTTPSMS, key, checked_later=checked_later)
    identity.require(found, NAME, action)
    return found


def header_key() -> str:
    """The key in the header, "" where there is none."""
    return _usable(request.headers.get(HEADER))


def _usable(value: object) -> str:
    """A key without blanks around it; "" for what counts as missing."""
    key = value.strip() if isinstance(value, str) else ""
    return "" if key in MISSING else key
