"""How the bulk API tells each kind of error: one table, looked up by :mod:`gateway.web.errors`.

Some bodies are printed in the sources and kept to the letter: ``FORMS``. In all others the same sentence stands in ``error`` and
in ``message``, because clients read one or the other (contract 2); those with 422 also hold ``errors``, field by field (2.1).
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.dialects.bulk.uncertain import STATUS_OF_NO_CREDIT
from gateway.domain import errors
from gateway.domain.errors import AuthenticationFailed, GatewayError, InvalidInput, MissingCredentials, MissingField
from gateway.web.dialect import ErrorRow, ErrorTable
from gateway.web.errors import InternalError

FIELD_NAMES = {
    "originator": "sender_id",
    "message": "message_body",
    "recipient": "numbers",
    "recipients": "messages",
    "client_ref": "reference",
}
UNCERTAIN = "The message may have been recorded. Repeat the call with the same Idempotency-Key, or ask your provider"


class KeyMissing(MissingCredentials):
    """No API key in any of its places (contract 4.1)."""


class Unauthenticated(AuthenticationFailed):
    """Nobody who may manage keys, or a wrong password or key (contract 6.2)."""


FORMS: Mapping[type[GatewayError], tuple[str, ...]] = {
    errors.InvalidRecipient: ("error",),
    errors.BadCredentials: ("error",),
    KeyMissing: ("error", "help"),
    InternalError: ("message",),
}
"""Errors whose bodies hold exactly these fields (contract 2, 3.2, 4.1)."""

HELP: Mapping[type[GatewayError], str] = {
    MissingCredentials: "Provide username and password",
    KeyMissing: "Provide X-API-Key header or api_key parameter",
    errors.KeyExists: "Use /api/regenerate-key to replace it, or /api/revoke-key to end it",
}

ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "message": {"type": "string"},
        "help": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
}


def wrong_fields(error: InvalidInput) -> dict[str, list[str]]:
    """Each wrong field and what is wrong with it, for ``errors`` of a 422."""
    if isinstance(error, errors.InvalidFields):
        return {named(name): [sentence(each) for each in wrong] for name, wrong in error.fields.items()}
    return {named(error.field): [sentence(error)]} if error.field else {}


def sentence(error: InvalidInput) -> str:
    """What is wrong with one field, as Laravel would word it."""
    if not error.field:
        return "The given data was invalid."
    label = named(error.field).replace("_", " ")
    return (
        f"The {label} field {error.reason}."
        if not isinstance(error, MissingField | errors.EmptyText)
        else f"The {label} field is required."
    )


def named(field: str) -> str:
    """The name that clients know a field by."""
    return FIELD_NAMES.get(field, field)


def _several(error: errors.InvalidFields) -> str:
    wrong = [text for texts in wrong_fields(error).values() for text in texts]
    more = len(wrong) - 1
    return wrong[0] + (f" (and {more} more error{'s' if more > 1 else ''})" if more else "")


def _malformed(error: errors.MalformedRequest) -> str:
    return f"The request could not be read: {error.reason}."


def _too_large(error: errors.RequestTooLarge) -> str:
    return f"The request is larger than {error.limit_bytes} bytes." if error.limit_bytes else "The request is too large."


def _not_found(error: errors.NotFound) -> str:
    return "No active API key" if error.kind == "key" else f"The {error.kind} was not found."


def _method(error: errors.MethodNotAllowed) -> str:
    return f"This method is not supported. Supported methods: {', '.join(error.allowed)}."


def _cap(error: errors.DailyCapReached) -> str:
    return f"At most {error.cap} messages a day are allowed."


def _not_built(error: errors.NotBuilt) -> str:
    return f"{error.call} is not offered by this gateway."


ERRORS: ErrorTable = {
    errors.InvalidInput: ErrorRow(422, "", sentence),
    errors.MalformedRequest: ErrorRow(400, "", _malformed),
    errors.RequestTooLarge: ErrorRow(413, "", _too_large),
    errors.MissingField: ErrorRow(422, "", sentence),
    errors.InvalidField: ErrorRow(422, "", sentence),
    errors.InvalidFields: ErrorRow(422, "", _several),
    errors.InvalidRecipient: ErrorRow(400, "", "Invalid phone number format."),
    errors.TooManyRecipients: ErrorRow(422, "", sentence),
    errors.InvalidOriginator: ErrorRow(422, "", sentence),
    errors.OriginatorNotAllowed: ErrorRow(422, "", sentence),
    errors.InvalidDate: ErrorRow(422, "", sentence),
    errors.UnknownMessageType: ErrorRow(422, "", sentence),
    errors.EmptyText: ErrorRow(422, "", sentence),
    errors.TextTooLong: ErrorRow(422, "", sentence),
    errors.UnencodableText: ErrorRow(422, "", sentence),
    errors.MissingParameter: ErrorRow(422, "", sentence),
    errors.DestinationNotServed: ErrorRow(400, "", "This destination is not served."),
    errors.AuthenticationFailed: ErrorRow(401, "", "Unauthorized."),
    errors.MissingCredentials: ErrorRow(401, "", "Credentials are required"),
    errors.BadCredentials: ErrorRow(401, "", "Unauthorized."),
    errors.UnknownKey: ErrorRow(401, "", "Invalid API key"),
    errors.KeyExpired: ErrorRow(401, "", "API key has expired"),
    KeyMissing: ErrorRow(401, "", "API key is required"),
    Unauthenticated: ErrorRow(401, "", "Unauthenticated."),
    errors.PermissionDenied: ErrorRow(403, "", "This action is unauthorized."),
    errors.CallerDisabled: ErrorRow(403, "", "This account is disabled."),
    errors.AddressNotAllowed: ErrorRow(403, "", "This network address may not call."),
    errors.NotFound: ErrorRow(404, "", _not_found),
    errors.MethodNotAllowed: ErrorRow(405, "", _method),
    errors.Conflict: ErrorRow(409, "", "The request contradicts what is recorded."),
    errors.IdempotencyMismatch: ErrorRow(409, "", "The Idempotency-Key was used with another request."),
    errors.KeyExists: ErrorRow(409, "", "API key already exists"),
    errors.InsufficientCredit: ErrorRow(STATUS_OF_NO_CREDIT, "", "Insufficient balance"),
    errors.Throttled: ErrorRow(429, "", "Too Many Attempts."),
    errors.DailyCapReached: ErrorRow(429, "", _cap),
    errors.Unavailable: ErrorRow(503, "", "The gateway cannot do this now. Try again later."),
    errors.StorageUnavailable: ErrorRow(503, "", "The database does not answer and nothing was sent. Try again later."),
    errors.OutcomeUnknown: ErrorRow(503, "", UNCERTAIN),
    errors.NotBuilt: ErrorRow(501, "", _not_built),
    InternalError: ErrorRow(500, "", "Server Error"),
}
