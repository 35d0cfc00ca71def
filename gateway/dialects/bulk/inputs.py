"""The parameters of a request, wherever they stand: query, form, multipart or JSON, freely mixed.

Contract 2: a value in the body beats one of the same name in the query; on GET only the query counts. Strings lose the blanks
around them and empty ones count as absent, but for ``password``, which is kept as it came.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, TypeVar

from flask import request
from werkzeug.http import parse_options_header

from gateway.domain.errors import GatewayError
from gateway.web.authentication import current_gateway
from gateway.web.bodies import decoded, json_object, raw_body
from gateway.web.parameters import Parameters, form, query

Values = dict[str, Any]
T = TypeVar("T")
UNTRIMMED = frozenset({"password"})


def once(name: str, find: Callable[[], T]) -> T:
    """What ``find`` gives or raises, found out at most once in a request: the limiter and the view ask the same."""
    kept: dict[str, tuple[T | None, GatewayError | None]] = request.environ.setdefault("dragoman.bulk", {})
    if name not in kept:
        try:
            kept[name] = (find(), None)
        except GatewayError as error:
            kept[name] = (None, error)
    found, refusal = kept[name]
    if refusal is not None:
        raise refusal
    return found  # type: ignore[return-value]  # None only where find gave None


def values() -> Values:
    """This request's parameters. Values of a query or form are strings, those of JSON whatever JSON has but null.

    Raises:
        MalformedRequest, RequestTooLarge
    """
    return once("values", lambda: _given(_decoded(query())) | _given(_body()))


def text(name: str) -> str | None:
    """One parameter as text, a whole number for its digits; None when it is absent or of another kind."""
    value = values().get(name)
    return str(value) if type(value) in (str, int) else None


def _given(found: Values) -> Values:
    trimmed = {
        name: value.strip() if isinstance(value, str) and name not in UNTRIMMED else value for name, value in found.items()
    }  # fmt: skip
    return {name: value for name, value in trimmed.items() if value is not None and value != ""}


def _body() -> Values:
    if request.method != "POST":
        return {}
    limit = current_gateway().settings.max_body_bytes
    body = raw_body(limit)
    if not body.strip():
        return {}
    kind = parse_options_header(request.environ.get("CONTENT_TYPE", ""))[0].lower()
    if kind.endswith(("/json", "+json")) or body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return json_object(body)
    request.environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}  # it was read, and form() reads it again
    return _decoded(form(limit))


def _decoded(found: Parameters) -> Values:
    return {name: decoded(value) for name, value in found.items()}
