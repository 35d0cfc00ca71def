"""How httpSMS tells each kind of error: one table, looked up by :mod:`gateway.web.errors`.

The original has no error codes: clients look at the HTTP status, and at the names of the wrong fields on 422 (contract 1.2).
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.dialects.httpsms.uncertain import CREDIT_STATUS
from gateway.domain import errors
from gateway.domain.errors import GatewayError, InvalidFields, InvalidInput
from gateway.web.dialect import ErrorRow, ErrorTable
from gateway.web.errors import InternalError

UNAUTHORIZED = "You are not authorized to carry out this request."
HINT = "Send an API key that is valid here in the [x-api-key] header of the request"
INVALID = "Some fields of the request are missing or not valid"
UNCERTAIN = "The message may have been recorded: repeat the request with the same Idempotency-Key, or look for it in the list"

FIELDS: Mapping[type[GatewayError], str] = {
    errors.InvalidRecipient: "to",
    errors.TooManyRecipients: "to",
    errors.DestinationNotServed: "to",
    errors.InvalidDate: "send_at",
    errors.InvalidOriginator: "from",
    errors.OriginatorNotAllowed: "from",
    errors.EmptyText: "content",
    errors.TextTooLong: "content",
    errors.UnencodableText: "content",
    errors.IdempotencyMismatch: "Idempotency-Key",
    errors.DuplicateReference: "request_id",
}
"""The field that an error belongs to, where the middle's name for it is not the client's."""
REASONS: Mapping[type[GatewayError], str] = {
    errors.IdempotencyMismatch: "was used with another request",
    errors.DuplicateReference: "is already in use",
}
"""What is wrong with that field, for errors that are about no field in the middle."""

ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["error"]},
        "message": {"type": "string", "description": "A sentence for people."},
        "data": {
            "description": "422: the wrong fields, each with its sentences. 401: a hint. 400: empty. Absent on all others.",
            "oneOf": [
                {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
                {"type": "string"},
            ],
        },
    },
    "required": ["status", "message"],
}


def fields_of(error: GatewayError) -> dict[str, list[str]]:
    """The wrong fields of an error that is told as 422, each with its sentences."""
    if isinstance(error, InvalidFields):
        return {name: [_sentence(name, each) for each in wrong] for name, wrong in error.fields.items()}
    name = FIELDS.get(type(error)) or (error.field if isinstance(error, InvalidInput) else "") or "payload"
    return {name: [_sentence(name, error)]}


def _sentence(name: str, error: GatewayError) -> str:
    reason = error.reason if isinstance(error, InvalidInput) else REASONS.get(type(error), "is not valid")
    return f"The {name} field {reason}"


def _malformed(error: errors.MalformedRequest) -> str:
    return f"The request cannot be read: {error.reason}"


def _not_found(error: errors.NotFound) -> str:
    return f"The {error.kind} was not found"


def _method(error: errors.MethodNotAllowed) -> str:
    return f"Method not allowed, use {', '.join(error.allowed)}"


def _slow(error: errors.Throttled) -> str:
    return f"Too many requests, try again in {error.retry_after_seconds} seconds"


def _cap(error: errors.DailyCapReached) -> str:
    return f"At most {error.cap} messages a day are allowed, the next day begins in {error.retry_after_seconds} seconds"


def _not_built(error: errors.NotBuilt) -> str:
    return f"{error.call} is not available on this gateway"


ERRORS: ErrorTable = {
    errors.InvalidInput: ErrorRow(422, "", INVALID),
    errors.MalformedRequest: ErrorRow(400, "", _malformed),
    errors.RequestTooLarge: ErrorRow(413, "", "The request is too large"),
    errors.AuthenticationFailed: ErrorRow(401, "", UNAUTHORIZED),
    errors.CallerDisabled: ErrorRow(401, "", UNAUTHORIZED),
    errors.AddressNotAllowed: ErrorRow(401, "", UNAUTHORIZED),
    errors.PermissionDenied: ErrorRow(403, "", "This user or API key may not do that"),
    errors.NotFound: ErrorRow(404, "", _not_found),
    errors.MethodNotAllowed: ErrorRow(405, "", _method),
    errors.Conflict: ErrorRow(409, "", "The request contradicts what is recorded"),
    errors.DuplicateReference: ErrorRow(422, "", INVALID),
    errors.IdempotencyMismatch: ErrorRow(422, "", INVALID),
    errors.InsufficientCredit: ErrorRow(CREDIT_STATUS, "", "There is not enough credit left for this request"),
    errors.DailyCapReached: ErrorRow(CREDIT_STATUS, "", _cap),
    errors.Throttled: ErrorRow(429, "", _slow),
    errors.Unavailable: ErrorRow(503, "", "The gateway cannot do this now, try again later"),
    errors.OutcomeUnknown: ErrorRow(503, "", UNCERTAIN),
    errors.NotBuilt: ErrorRow(501, "", _not_built),
    InternalError: ErrorRow(500, "", "We ran into an internal error while handling the request."),
}
