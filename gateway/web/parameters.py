"""Parameters as PHP programs get them: from the query and from a form, as bytes, whose alphabet the dialect decides.

Flask's own ``args`` and ``form`` read bytes that are not UTF-8 as if they had not been escaped, and put the query before the body.
Source: contracts brevisone 3.1 and bulk 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from gateway.domain.errors import MalformedRequest
from gateway.web.bodies import raw_body

MOST_PARAMETERS = 1000
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

Parameters = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body. ``filename`` None: a field, not a file."""

    name: str
    filename: str | None
    content: bytes


def query() -> Parameters:
    """The parameters of the query string; of a repeated name the last one.

    Raises:
        MalformedRequest: more than a thousand.
    """
    return _last(_pairs(request.environ.get("QUERY_STRING", "").encode("latin-1")))


def form(limit_bytes: int) -> Parameters:
    """The parameters of an urlencoded or multipart body. Empty for any other body, and for multipart without a boundary.

    Raises:
        RequestTooLarge, MalformedRequest
    """
    kind, _ = _content_type()
    if kind not in (FORM, MULTIPART):
        return {}
    body = raw_body(limit_bytes)
    if kind == FORM:
        return _last(_pairs(body))
    mark = boundary()
    return _fields(body, mark) if mark and body else {}


def boundary() -> bytes:
    """What separates the parts of a multipart/form-data body; empty for any other body."""
    kind, options = _content_type()
    return options.get("boundary", "").encode("latin-1", "replace") if kind == MULTIPART else b""


def parts(body: bytes, boundary: bytes, most: int) -> list[Part]:
    """The fields and files of a multipart body, in their order.

    Raises:
        ValueError: it cannot be parsed.
        MalformedRequest: more than ``most``.
    """
    decoder = MultipartDecoder(boundary, max_parts=most)
    decoder.receive_data(body)
    decoder.receive_data(None)
    found: list[tuple[str, str | None, list[bytes]]] = []
    try:
        while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
            if isinstance(event, Data):
                found[-1][2].append(event.data)
            elif isinstance(event, Field | File):
                found.append((event.name or "", event.filename if isinstance(event, File) else None, []))
    except RequestEntityTooLarge:
        raise MalformedRequest(f"there are more than {most} parameters") from None
    return [Part(name, filename, b"".join(pieces)) for name, filename, pieces in found]


def _content_type() -> tuple[str, dict[str, str]]:
    kind, options = parse_options_header(request.environ.get("CONTENT_TYPE", ""))
    return kind.lower(), options


def _pairs(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in raw.split(b"&", MOST_PARAMETERS):
        name, _, value = pair.partition(b"=")
        if name:
            yield _unescaped(name), _unescaped(value)


def _unescaped(raw: bytes) -> bytes:
    return unquote_to_bytes(raw.replace(b"+", b" "))


def _last(pairs: Iterator[tuple[bytes, bytes]]) -> Parameters:
    found: Parameters = {}
    for count, (name, value) in enumerate(pairs):
        if count >= MOST_PARAMETERS:
            raise MalformedRequest(f"there are more than {MOST_PARAMETERS} parameters")
        found[name.decode("utf-8", "replace")] = value
    return found


def _fields(body: bytes, boundary: bytes) -> Parameters:
    """The fields of a multipart body as bytes; files are passed over. What cannot be parsed holds no parameters, as in PHP."""
    try:
        return {part.name: part.content for part in parts(body, boundary, MOST_PARAMETERS) if part.filename is None}
    except ValueError:
        return {}
