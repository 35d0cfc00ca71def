"""What the calls of this dialect have in common in the OpenAPI document: types, the envelope, refusals."""

from __future__ import annotations

from typing import Any

from gateway.domain import errors
from gateway.web.errors import InternalError
from gateway.web.openapi import Header

IDEMPOTENCY_KEY = Header("Idempotency-Key", "A repeat with the same key and the same body is answered again and sends nothing.")

TEXT = {"type": "string"}
MAYBE_TEXT = {"type": ["string", "null"]}
ID = {"type": "string", "format": "uuid"}
TIME = {"type": "string", "format": "date-time"}
MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}
FLAG = {"type": "boolean"}
COUNT = {"type": "integer"}

ASKING = (
    errors.MissingCredentials,
    errors.UnknownKey,
    errors.KeyExpired,
    errors.CallerDisabled,
    errors.AddressNotAllowed,
    errors.PermissionDenied,
    errors.MethodNotAllowed,
    errors.StorageUnavailable,
    InternalError,
)
"""What every call can refuse with."""
READING = (*ASKING, errors.InvalidInput)
WRITING = (*READING, errors.MalformedRequest, errors.RequestTooLarge)
SENDING = (
    *WRITING, errors.IdempotencyMismatch, errors.InsufficientCredit, errors.DailyCapReached, errors.OutcomeUnknown, errors.Unavailable,
)  # fmt: skip


def whole(**properties: Any) -> dict[str, Any]:
    """The JSON Schema of an object that always has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def envelope(data: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a success with this data."""
    return whole(status={"type": "string", "enum": ["success"]}, message=TEXT, data=data)


def list_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a success with a list of these."""
    return envelope({"type": "array", "items": schema})


def told(data: Any, message: str) -> dict[str, Any]:
    """A success as an example."""
    return {"status": "success", "message": message, "data": data}
