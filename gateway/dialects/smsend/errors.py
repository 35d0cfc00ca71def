"""How smSend tells each kind of error: one table, looked up by :mod:`gateway.web.errors`.

Clients re-login exactly on 401, read ``result`` of every other answer, and take 404 at login for wrong credentials
(contract 1.1, 1.5, 1.6). The codes are ours: the sources do not document any.
"""

from __future__ import annotations

from gateway.domain import errors
from gateway.domain.credit import format_credits
from gateway.domain.errors import (
    DuplicateReference,
    InsufficientCredit,
    InvalidDate,
    InvalidField,
    InvalidOriginator,
    InvalidRecipient,
    MethodNotAllowed,
    MissingField,
    MissingParameter,
    OriginatorNotAllowed,
    RequestTooLarge,
    TextTooLong,
    Throttled,
    TooManyRecipients,
    UnencodableText,
    UnknownMessageType,
)
from gateway.web.dialect import ErrorRow, ErrorTable
from gateway.web.errors import InternalError

UNCERTAIN = "The order may have been recorded: repeat it with the same order_id or Idempotency-Key, or look for it in the history"
CHALLENGE = (("WWW-Authenticate", 'Basic realm="smsend"'),)
FIELD_NAMES = {"originator": "sender", "client_ref": "order_id"}


ERROR_SCHEMA = {
    "type": "object",
    "properties": {"result": {"type": "string"}, "error_code": {"type": "string"}, "error_message": {"type": "string"}},
    "required": ["result", "error_code", "error_message"],
}


def _named(field: str) -> str:
    return FIELD_NAMES.get(field, field)


def _malformed(error: errors.MalformedRequest) -> str:
    return f"Invalid request: {error.reason}"


def _too_large(error: RequestTooLarge) -> str:
    return f"The request is larger than {error.limit_bytes} bytes" if error.limit_bytes else "The request is too large"


def _missing(error: MissingField) -> str:
    return f"Missing parameter: {_named(error.field)}"


def _field(error: InvalidField) -> str:
    return f"Invalid parameter: {_named(error.field)} {error.reason}"


def _recipient(error: InvalidRecipient) -> str:
    return f"Invalid recipient: {printable(error.value)} ({error.reason})"


def _too_many(error: TooManyRecipients) -> str:
    return f"Too many recipients: {error.count}, at most {error.limit} are allowed"


def _sender(error: InvalidOriginator | OriginatorNotAllowed) -> str:
    return f"Invalid sender: {printable(error.value)} {error.reason}"


def _date(error: InvalidDate) -> str:
    return f"Invalid date in {error.field}: {printable(error.value)} {error.reason}"


def _type(error: UnknownMessageType) -> str:
    return f"Invalid message_type: {printable(error.value)} is unknown"


def _long(error: TextTooLong) -> str:
    return f"The message is too long: {error.length} {error.unit}, at most {error.limit} are allowed"


def _outside(error: UnencodableText) -> str:
    return f"The message holds U+{ord(error.character):04X} at position {error.index}, which is outside the GSM alphabet"


def _parameter(error: MissingParameter) -> str:
    return f"Recipient {error.position} has no value for ${{{printable(error.name)}}}"


def _duplicate(error: DuplicateReference) -> str:
    return f"The order_id {printable(error.client_ref)} is already in use"


def _credit(error: InsufficientCredit) -> str:
    return f"Not enough credit: {format_credits(error.needed_units)} needed, {format_credits(error.available_units)} available"


def _slow(error: Throttled) -> str:
    return f"Too many attempts, try again in {error.retry_after_seconds} seconds"


def _cap(error: errors.DailyCapReached) -> str:
    return f"At most {error.cap} messages a day are allowed, the next day begins in {error.retry_after_seconds} seconds"


def _method(error: MethodNotAllowed) -> str:
    return f"Method not allowed, use {', '.join(error.allowed)}"


def _not_found(error: errors.NotFound) -> str:
    return f"The {error.kind} was not found"


def _not_built(error: errors.NotBuilt) -> str:
    return f"{error.call} is not available yet on this gateway"


def printable(value: str) -> str:
    """A customer's own value, safe to say back: control characters and halves of pairs shown as ``?``."""
    return "".join(character if character.isprintable() else "?" for character in value)


ERRORS: ErrorTable = {
    errors.InvalidInput: ErrorRow(400, "INVALID_REQUEST", "Invalid request"),
    errors.MalformedRequest: ErrorRow(400, "INVALID_REQUEST", _malformed),
    errors.RequestTooLarge: ErrorRow(413, "REQUEST_TOO_LARGE", _too_large),
    errors.MissingField: ErrorRow(400, "MISSING_PARAMETER", _missing),
    errors.InvalidField: ErrorRow(400, "INVALID_PARAMETER", _field),
    errors.InvalidFields: ErrorRow(400, "INVALID_REQUEST", "Invalid request"),
    errors.InvalidRecipient: ErrorRow(400, "INVALID_RECIPIENT", _recipient),
    errors.TooManyRecipients: ErrorRow(400, "TOO_MANY_RECIPIENTS", _too_many),
    errors.InvalidOriginator: ErrorRow(400, "INVALID_SENDER", _sender),
    errors.OriginatorNotAllowed: ErrorRow(400, "INVALID_SENDER", _sender),
    errors.InvalidDate: ErrorRow(400, "INVALID_DATE", _date),
    errors.UnknownMessageType: ErrorRow(400, "INVALID_MESSAGE_TYPE", _type),
    errors.EmptyText: ErrorRow(400, "EMPTY_MESSAGE", "The message is empty"),
    errors.TextTooLong: ErrorRow(400, "MESSAGE_TOO_LONG", _long),
    errors.UnencodableText: ErrorRow(400, "INVALID_CHARACTER", _outside),
    errors.MissingParameter: ErrorRow(400, "MISSING_PARAMETER", _parameter),
    errors.DestinationNotServed: ErrorRow(400, "UNKNOWN_PREFIX", "The recipient's prefix is not served"),
    errors.AuthenticationFailed: ErrorRow(401, "NOT_AUTHORIZED", "Not authorized"),
    errors.MissingCredentials: ErrorRow(401, "MISSING_CREDENTIALS", "Credentials are missing", CHALLENGE),
    errors.BadCredentials: ErrorRow(404, "WRONG_CREDENTIALS", "Wrong username or password"),
    errors.UnknownKey: ErrorRow(401, "INVALID_KEY", "The user_key, Session_key or Access_token is not valid"),
    errors.CallerDisabled: ErrorRow(401, "DISABLED", "This user or account is disabled"),
    errors.AddressNotAllowed: ErrorRow(401, "ADDRESS_NOT_ALLOWED", "This user may not call from this network address"),
    errors.SessionExpired: ErrorRow(401, "SESSION_EXPIRED", "The session has expired, log in again"),
    errors.KeyExpired: ErrorRow(401, "SESSION_EXPIRED", "The key has expired"),
    errors.CallerChanged: ErrorRow(401, "SESSION_EXPIRED", "The user was changed, log in again"),
    errors.PermissionDenied: ErrorRow(401, "NOT_PERMITTED", "This user may not do that"),
    errors.NotFound: ErrorRow(404, "NOT_FOUND", _not_found),
    errors.MethodNotAllowed: ErrorRow(405, "METHOD_NOT_ALLOWED", _method),
    errors.Conflict: ErrorRow(400, "CONFLICT", "The request contradicts what is recorded"),
    errors.DuplicateReference: ErrorRow(400, "DUPLICATE_ORDER_ID", _duplicate),
    errors.IdempotencyMismatch: ErrorRow(400, "IDEMPOTENCY_KEY_REUSED", "The Idempotency-Key was used with another request"),
    errors.NotCancellable: ErrorRow(404, "NOT_SCHEDULED", "The order is not scheduled any more"),
    errors.KeyExists: ErrorRow(400, "CONFLICT", "The account has a key already"),
    errors.InsufficientCredit: ErrorRow(400, "NOT_ENOUGH_CREDIT", _credit),
    errors.Throttled: ErrorRow(429, "TOO_MANY_ATTEMPTS", _slow),
    errors.DailyCapReached: ErrorRow(429, "DAILY_CAP_REACHED", _cap),
    errors.Unavailable: ErrorRow(503, "UNAVAILABLE", "The gateway cannot do this now, try again later"),
    errors.StorageUnavailable: ErrorRow(503, "UNAVAILABLE", "The database does not answer and nothing was changed, try again later"),
    errors.OutcomeUnknown: ErrorRow(503, "OUTCOME_UNKNOWN", UNCERTAIN),
    errors.NotBuilt: ErrorRow(501, "NOT_AVAILABLE", _not_built),
    InternalError: ErrorRow(500, "INTERNAL_ERROR", "Internal error"),
}
