"""The envelope that every answer comes in (contract 1.2), and how moments are written (1.3)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from flask import Response

from gateway.dialects.httpsms.errors import HINT, fields_of
from gateway.web.dialect import Answer

_compact = json.JSONEncoder(separators=(",", ":")).encode


def success(data: Any, message: str, status: int = 200) -> Response:
    """An answer with content; ``data`` None is sent as null."""
    return _json({"data": data, "message": message, "status": "success"}, status)


def done(message: str, status: int = 202) -> Response:
    """A success without a ``data`` key."""
    return _json({"message": message, "status": "success"}, status)


def empty(status: int = 204) -> Response:
    """A success without a body."""
    return Response(status=status)


def error(answer: Answer) -> Response:
    """An error: ``data`` is a hint on 401, the wrong fields on 422, an empty object on 400, and absent on all others."""
    body: dict[str, Any] = {"message": answer.words, "status": "error"}
    if answer.status == 401:
        body["data"] = HINT
    elif answer.status == 422:
        body["data"] = fields_of(answer.error)
    elif answer.status == 400:
        body["data"] = {}
    return _json(body, answer.status)


def unauthorized(message: str, hint: str) -> Response:
    """A 401 with words of its own."""
    return _json({"data": hint, "message": message, "status": "error"}, 401)


def moment(value: datetime | None) -> str | None:
    """RFC 3339 in UTC with ``Z``; None for None."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(value: dict[str, Any], status: int) -> Response:
    return Response(_compact(value), status, content_type="application/json")
