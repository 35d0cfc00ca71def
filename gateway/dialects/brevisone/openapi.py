"""The calls of this dialect as the OpenAPI document tells them."""

from __future__ import annotations

from typing import Any

from gateway.dialects.brevisone import schemas
from gateway.dialects.brevisone.uncertain import API, CHECK, DONE, STATE
from gateway.domain import errors
from gateway.web.errors import InternalError
from gateway.web.openapi import Header, Operation, Success

SECURITY: dict[str, dict[str, Any]] = {
    "username": {"type": "apiKey", "in": "query", "name": "username"},
    "password": {"type": "apiKey", "in": "query", "name": "password"},
}
TEXT = {"type": "string"}
REPEAT = (Header("Idempotency-Key", "Makes a repetition of the same request harmless.", example="3f1c-one"),)
ALWAYS = (errors.MethodNotAllowed, InternalError)
SENDING = (
    errors.MissingField, errors.InvalidInput, errors.AuthenticationFailed, errors.Throttled, errors.CallerDisabled,
    errors.PermissionDenied, errors.AddressNotAllowed, errors.Conflict, errors.InsufficientCredit, errors.DailyCapReached,
    errors.Unavailable, errors.StorageUnavailable, errors.OutcomeUnknown, *ALWAYS,
)  # fmt: skip
SENT = (Success(200, "Recorded and paid; the header `X-Message-Id` names it.", "text/plain", TEXT, DONE),)
EXAMPLE = {"username": "apiuser", "password": "secret", "to": "00491701234567", "text": "Test", "mode": "number"}
FIGURES = "que: 0\nfailed: 0\nsignal: -51db\ntotal: 12\nstate: SIGNAL_OK\nload: 0.03;0.05;0.06\ntime: 1767600000\ndisk: 421888\nuptime: 3d 04h 05m 06s"  # noqa: E501 - an answer as it is

OPERATIONS = (
    Operation(
        API, ("GET",), "Send a text", query=schemas.Send, headers=REPEAT, security=(("username", "password"),),
        success=SENT, errors=SENDING,
    ),
    Operation(
        API, ("POST",), "Send a text", "The parameters may also stand behind the question mark; where both have one, the body's counts.",
        body=schemas.Send, body_types=("application/x-www-form-urlencoded", "multipart/form-data"), body_example=EXAMPLE, headers=REPEAT,
        security=(("username", "password"),), success=SENT, errors=SENDING,
    ),
    Operation(
        CHECK, ("GET",), "How the gateway is", "A line for each figure, always in this order; or one figure alone.", query=schemas.Check,
        success=(Success(200, "The figures.", "text/plain", TEXT, FIGURES),), errors=(errors.AddressNotAllowed, *ALWAYS),
    ),
    Operation(
        STATE, ("GET",), "Where an order stands", "Whoever has the id may ask.", query=schemas.MessageState,
        success=(Success(200, "`UNKNOWN` also for an id that is none.", "text/plain", TEXT, "Status : DELIVERED"),),
        errors=(errors.StorageUnavailable, *ALWAYS),
    ),
)  # fmt: skip
