"""Reading bodies that old programs send: any length header, any alphabet, any mistake; never more than the limit."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from flask import request

from gateway.domain.errors import MalformedRequest, RequestTooLarge


def raw_body(limit_bytes: int) -> bytes:
    """The request's body, chunked or not.

    Werkzeug would cut a chunked body at its limit without a word; so one byte more than the limit is asked for.

    Raises:
        RequestTooLarge
        MalformedRequest: it ends early.
    """
    environ = request.environ
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced and not (announced.isascii() and announced.isdigit()):
        raise MalformedRequest("Content-Length is not a number")
    if announced and int(announced) > limit_bytes:
        raise RequestTooLarge(limit_bytes)
    if not announced and not environ.get("wsgi.input_terminated"):
        return b""
    try:
        body: bytes = environ["wsgi.input"].read(int(announced) if announced else limit_bytes + 1)
    except Exception:  # the client stalled, went away, or wrote chunks that are none: each server has classes of its own for it
        raise MalformedRequest("the body did not arrive whole") from None
    if len(body) > limit_bytes:
        raise RequestTooLarge(limit_bytes)
    if announced and len(body) < int(announced):
        raise MalformedRequest("the body is shorter than Content-Length says")
    return body


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, read as :func:`json_value` does.

    Raises:
        MalformedRequest: as there, or the JSON is no object.
    """
    value = json_value(body)
    if not isinstance(value, dict):
        raise MalformedRequest("the body is not a JSON object")
    return value


def json_value(body: bytes) -> Any:
    """The JSON in a body, whatever its content type says.

    Bytes that are not UTF-8 are read as Windows-1252 (contract smsend 4.9): old Java, .NET and Perl programs send
    their platform's alphabet and call it JSON.

    Raises:
        MalformedRequest: no JSON, nested too deep, or with values that JSON does not have.
    """
    text = decoded(body)
    if not text.strip():
        raise MalformedRequest("the body is empty, a JSON object is expected")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise MalformedRequest("the JSON is nested too deep") from None
    except ValueError as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise MalformedRequest(f"the body is not valid JSON{where}") from None


def decoded(body: bytes) -> str:
    """The text of a body: UTF-8 with or without its mark, else Windows-1252.

    Raises:
        MalformedRequest: it is neither.
    """
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise MalformedRequest("the body is neither UTF-8 nor Windows-1252 text")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
