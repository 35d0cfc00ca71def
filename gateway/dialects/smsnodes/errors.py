"""How SMS Nodes tells each kind of error: a status and one sentence in ``error`` (contract 2.3).

The page prints three sentences; the others are ours. Both of its sample programs take every status outside 2xx for a failure.
"""

from __future__ import annotations

from gateway.domain import errors
from gateway.domain.credit import format_credits
from gateway.web.dialect import ErrorRow, ErrorTable
from gateway.web.errors import InternalError

CREDENTIALS = "Username and password are required"
PAYLOAD = "Phone numbers and message are required"
REQUIRED = {
    "deviceUsername": CREDENTIALS,
    "password": CREDENTIALS,
    "phoneNumbers": PAYLOAD,
    "message": PAYLOAD,
    "messageId": "Message ID is required",
}
UNCERTAIN = (("X-Outcome", "unknown"),)
"""Tells an answer after which the message may be queued from one after which it is not: the sentence is the page's own for both."""
ERROR_SCHEMA = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


def _missing(error: errors.MissingField) -> str:
    return REQUIRED.get(error.field, f"{error.field} is required")


def _field(error: errors.InvalidField) -> str:
    if error.field == "priority":
        return "Priority must be between 1 and 5"
    return f"Invalid {'message ID' if error.field == 'messageId' else error.field}: {error.reason}"


def _number(error: errors.InvalidRecipient) -> str:
    return f"Invalid phone number: {printable(error.value)}"


def _too_many(error: errors.TooManyRecipients) -> str:
    return f"Too many phone numbers: {error.count}, at most {error.limit} are allowed"


def _outside(error: errors.UnencodableText) -> str:
    return f"The message holds U+{ord(error.character):04X} at position {error.index}, which is outside the GSM alphabet"


def _credit(error: errors.InsufficientCredit) -> str:
    return f"Insufficient credit: {format_credits(error.needed_units)} needed, {format_credits(error.available_units)} available"


def _cap(error: errors.DailyCapReached) -> str:
    return f"Daily limit of {error.cap} messages reached"


def _not_found(error: errors.NotFound) -> str:
    return f"{error.kind.capitalize()} not found"


def printable(value: str) -> str:
    """A customer's own value, safe to say back: control characters and halves of pairs shown as ``?``."""
    return "".join(character if character.isprintable() else "?" for character in value)


ERRORS: ErrorTable = {
    errors.InvalidInput: ErrorRow(400, "", "Invalid request"),
    errors.MalformedRequest: ErrorRow(400, "", "Invalid JSON"),
    errors.RequestTooLarge: ErrorRow(413, "", "Message too large"),
    errors.MissingField: ErrorRow(400, "", _missing),
    errors.InvalidField: ErrorRow(400, "", _field),
    errors.InvalidRecipient: ErrorRow(400, "", _number),
    errors.TooManyRecipients: ErrorRow(400, "", _too_many),
    errors.EmptyText: ErrorRow(400, "", PAYLOAD),
    errors.TextTooLong: ErrorRow(413, "", "Message too large"),
    errors.UnencodableText: ErrorRow(400, "", _outside),
    errors.DestinationNotServed: ErrorRow(400, "", "Destination is not served"),
    errors.AuthenticationFailed: ErrorRow(401, "", "Invalid credentials"),
    errors.MissingCredentials: ErrorRow(400, "", CREDENTIALS),
    errors.PermissionDenied: ErrorRow(403, "", "Permission denied"),
    errors.CallerDisabled: ErrorRow(403, "", "Device is disabled"),
    errors.AddressNotAllowed: ErrorRow(403, "", "Address is not allowed"),
    errors.NotFound: ErrorRow(404, "", _not_found),
    errors.MethodNotAllowed: ErrorRow(405, "", "Method not allowed"),
    errors.Conflict: ErrorRow(409, "", "Conflict"),
    errors.IdempotencyMismatch: ErrorRow(409, "", "Idempotency-Key was used with another request"),
    errors.InsufficientCredit: ErrorRow(402, "", _credit),
    errors.Throttled: ErrorRow(429, "", "Too many requests"),
    errors.DailyCapReached: ErrorRow(429, "", _cap),
    errors.Unavailable: ErrorRow(503, "", "Service unavailable"),
    errors.StorageUnavailable: ErrorRow(500, "", "Database error"),
    errors.OutcomeUnknown: ErrorRow(500, "", "Database error", UNCERTAIN),
    InternalError: ErrorRow(500, "", "Internal server error"),
}
