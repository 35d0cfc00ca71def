"""The user name and password of ``/login`` and ``/token``, however the program wrote them.

Old programs paste both into the URL without escaping, so ``+`` may be a plus or a blank, a percent sign may stand for
itself, and the bytes may be UTF-8 or Latin-1. Every reading is a candidate, in the order of contract 1.1.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from flask import request

from gateway.domain.errors import MissingCredentials, MissingField
from gateway.services.identity import Password
from gateway.web.authentication import basic_credentials
from gateway.web.bodies import json_object, raw_body

LOGIN_BODY_BYTES = 16 * 1024
Reading = Callable[[bytes], bytes]
READINGS: tuple[Reading, ...] = (
    lambda raw: unquote_to_bytes(raw),
    lambda raw: unquote_to_bytes(raw.replace(b"+", b" ")),
    lambda raw: raw,
)


def candidates() -> list[Password]:
    """The readings of this request's credentials: query first, then Basic, then the body of a POST.

    Raises:
        MissingCredentials: none are there.
        MissingField: only one of the two is there.
    """
    query = request.environ.get("QUERY_STRING", "").encode("latin-1")
    found = readings(query)
    if found:
        return found
    basic = basic_credentials()
    if basic is not None:
        return [basic]
    found = _in_body() if request.method == "POST" else []
    if not found:
        raise MissingCredentials
    return found


def readings(raw: bytes) -> list[Password]:
    """Every reading of a raw query or form that holds ``username`` and ``password``; empty when it holds neither.

    Raises:
        MissingField
    """
    values: dict[bytes, bytes] = {}
    for pair in raw.split(b"&"):
        name, _, value = pair.partition(b"=")
        values.setdefault(unquote_to_bytes(name), value)
    if b"username" not in values and b"password" not in values:
        return []
    for name in (b"username", b"password"):
        if not values.get(name):
            raise MissingField(name.decode())
    return [Password(_text(reading(values[b"username"])), _text(reading(values[b"password"]))) for reading in READINGS]


def _in_body() -> list[Password]:
    body = raw_body(LOGIN_BODY_BYTES)
    if not body.lstrip().startswith(b"{"):
        return readings(body)
    values = json_object(body)
    name, password = values.get("username"), values.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise MissingField("password" if isinstance(name, str) else "username")
    return [Password(name, password)]


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
