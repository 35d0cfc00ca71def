"""Everything that can go wrong for a customer, as one closed tree.

GatewayError
├── InvalidInput                 the request cannot be understood or accepted as it stands
│   ├── MalformedRequest         the body or query is not what the dialect says it is
│   ├── RequestTooLarge          more bytes than the gateway reads
│   ├── MissingField
│   ├── InvalidField             a field of the wrong type, shape or range
│   ├── InvalidFields            several fields at once, each with its own errors
│   ├── InvalidRecipient
│   ├── TooManyRecipients
│   ├── InvalidOriginator
│   ├── OriginatorNotAllowed     well formed, but not this account's to use
│   ├── InvalidDate
│   ├── UnknownMessageType
│   ├── EmptyText
│   ├── TextTooLong
│   ├── UnencodableText          the account refuses text outside GSM-7
│   ├── MissingParameter         a placeholder without a value for one recipient
│   └── DestinationNotServed     no tariff covers the number
├── AuthenticationFailed
│   ├── MissingCredentials
│   ├── BadCredentials           wrong user name or password
│   ├── UnknownKey               no such user key, session key, token or API key; or one that was revoked
│   ├── KeyExpired               a genuine API key behind its last day
│   ├── SessionExpired
│   └── CallerChanged            changed since it was read a moment ago: ask anew who calls
├── PermissionDenied
│   ├── CallerDisabled           the user or the account is shut out
│   └── AddressNotAllowed        the key or the user may not be used from this network address
├── NotFound
├── MethodNotAllowed
├── Conflict
│   ├── DuplicateReference       the customer's reference is taken
│   ├── IdempotencyMismatch      same Idempotency-Key, another request
│   ├── NotCancellable           the order is no longer waiting for its hour
│   └── KeyExists                the account has an active API key already
├── InsufficientCredit
├── Throttled
│   └── DailyCapReached          the caller's messages of the day are used up
└── Unavailable
    ├── StorageUnavailable       nothing was recorded; the request may be repeated
    │   └── OutcomeUnknown       the database fell silent in the middle: it may have been recorded
    └── NotBuilt                 a documented call that this gateway does not offer yet

A class carries data, not HTTP numbers and not finished prose: each dialect words it in its own table.
``str(error)`` is for logs and for the command line; it never holds a password, a key or a message text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class GatewayError(Exception):
    """Root of every refusal that a customer can meet."""


class InvalidInput(GatewayError):
    """The request cannot be accepted as it stands. ``field`` names the culprit where there is one."""

    def __init__(self, field: str = "", reason: str = "is not valid") -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field} {reason}".strip())


class MalformedRequest(InvalidInput):
    """The body or the query is not what the dialect says it is. ``reason`` says what was wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__("", reason)


class RequestTooLarge(InvalidInput):
    """More bytes than the gateway reads. ``limit_bytes`` is the most it takes."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__("", f"the body is larger than {limit_bytes} bytes")


class MissingField(InvalidInput):
    """A required field is absent or empty."""

    def __init__(self, field: str) -> None:
        super().__init__(field, "is required")


class InvalidField(InvalidInput):
    """A field of the wrong type, shape or range. ``reason`` completes the sentence "<field> …"."""


class InvalidFields(InvalidInput):
    """``fields`` maps each wrong field to its errors, in the order of the schema; there is at least one."""

    def __init__(self, fields: Mapping[str, Sequence[InvalidInput]]) -> None:
        self.fields = fields
        super().__init__(next(iter(fields)), next(iter(fields.values()))[0].reason)


class InvalidRecipient(InvalidInput):
    """``value`` is not a telephone number that can be dialled from this account."""

    def __init__(self, value: str, reason: str = "is not a telephone number") -> None:
        self.value = value[:40]
        super().__init__("recipient", reason)


class TooManyRecipients(InvalidInput):
    """``count`` recipients were given where ``limit`` are the most."""

    def __init__(self, count: int, limit: int) -> None:
        self.count = count
        self.limit = limit
        super().__init__("recipient", f"has {count} entries, at most {limit} are allowed")


class InvalidOriginator(InvalidInput):
    """``value`` is neither a number nor an alphanumeric sender ID."""

    def __init__(self, value: str, reason: str = "is not a valid sender") -> None:
        self.value = value[:40]
        super().__init__("originator", reason)


class OriginatorNotAllowed(InvalidInput):
    """``value`` is well formed but not approved for this account or message type."""

    def __init__(self, value: str, reason: str = "is not approved for this account") -> None:
        self.value = value[:40]
        super().__init__("originator", reason)


class InvalidDate(InvalidInput):
    """``value`` is in none of the accepted date forms, or out of range."""

    def __init__(self, field: str, value: str, reason: str = "is not a date in a known form") -> None:
        self.value = value[:60]
        super().__init__(field, reason)


class UnknownMessageType(InvalidInput):
    """``value`` names no message type."""

    def __init__(self, value: str) -> None:
        self.value = value[:40]
        super().__init__("message_type", "is unknown")


class EmptyText(InvalidInput):
    """There is nothing to send."""

    def __init__(self) -> None:
        super().__init__("message", "is empty")


class TextTooLong(InvalidInput):
    """The text needs ``parts`` parts or has ``length`` units (septets or UTF-16 units); ``limit`` is the most."""

    def __init__(self, length: int, limit: int, unit: str) -> None:
        self.length = length
        self.limit = limit
        self.unit = unit
        super().__init__("message", f"has {length} {unit}, at most {limit} are allowed")


class UnencodableText(InvalidInput):
    """``character`` at ``index`` (in code points, from 0) does not fit GSM-7 and the account refuses UCS-2."""

    def __init__(self, character: str, index: int) -> None:
        self.character = character
        self.index = index
        super().__init__("message", f"holds U+{ord(character):04X} at {index}, which is outside GSM-7")


class MissingParameter(InvalidInput):
    """The recipient at ``position`` (from 0) has no value for the placeholder ``name``."""

    def __init__(self, name: str, position: int) -> None:
        self.name = name[:40]
        self.position = position
        super().__init__("recipients", f"entry {position} has no value for ${{{self.name}}}")


class DestinationNotServed(InvalidInput):
    """No tariff covers ``recipient`` for this message type."""

    def __init__(self, recipient: str) -> None:
        self.recipient = recipient
        super().__init__("recipient", "has a prefix that is not served")


class AuthenticationFailed(GatewayError):
    """The caller could not be recognised."""


class MissingCredentials(AuthenticationFailed):
    """Neither user name and password nor a key were given."""


class BadCredentials(AuthenticationFailed):
    """Wrong user name or password. Never says which."""


class UnknownKey(AuthenticationFailed):
    """No such user key, session key or token, or one that does not belong together."""


class SessionExpired(AuthenticationFailed):
    """The session was genuine but is over: idle too long, or revoked."""


class KeyExpired(AuthenticationFailed):
    """The API key was genuine but its last day is over."""


class CallerChanged(AuthenticationFailed):
    """The user, session or key changed since it was read a moment ago. Nothing was changed; ask anew who calls, and repeat."""


class PermissionDenied(GatewayError):
    """The caller is known but may not do this. ``action`` names what."""

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__(f"{action} is not permitted")


class CallerDisabled(PermissionDenied):
    """The user or the account is shut out."""

    def __init__(self) -> None:
        super().__init__("sign in")


class AddressNotAllowed(PermissionDenied):
    """The user or the key is good, but not from this network ``address``."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"a call from {address}")


class NotFound(GatewayError):
    """No ``kind`` with this id belongs to the caller."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"{kind} not found")


class MethodNotAllowed(GatewayError):
    """The path exists, the method does not. ``allowed`` lists the methods that do."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(f"use {', '.join(allowed)}")


class Conflict(GatewayError):
    """The request contradicts what is already recorded."""


class DuplicateReference(Conflict):
    """``client_ref`` already names another order of the account."""

    def __init__(self, client_ref: str) -> None:
        self.client_ref = client_ref
        super().__init__("the reference is already in use")


class IdempotencyMismatch(Conflict):
    """The Idempotency-Key was used before with another request."""


class NotCancellable(Conflict):
    """The order is no longer waiting for its hour."""


class KeyExists(Conflict):
    """The account has an active API key of this kind already."""


class InsufficientCredit(GatewayError):
    """``needed_units`` were asked for, ``available_units`` are there (balance plus credit limit)."""

    def __init__(self, needed_units: int, available_units: int) -> None:
        self.needed_units = needed_units
        self.available_units = available_units
        super().__init__(f"{needed_units} units needed, {available_units} available")


class Throttled(GatewayError):
    """Too many calls; try again after ``retry_after_seconds``."""

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"try again in {retry_after_seconds} s")


class DailyCapReached(Throttled):
    """The caller may send ``cap`` messages a day, and this request would exceed it. The next day begins in ``retry_after_seconds``."""

    def __init__(self, cap: int, retry_after_seconds: int) -> None:
        super().__init__(retry_after_seconds)
        self.cap = cap


class Unavailable(GatewayError):
    """The gateway cannot do this now. Nothing was changed."""


class StorageUnavailable(Unavailable):
    """The database did not take the change; nothing was recorded and the request may be repeated."""


class OutcomeUnknown(StorageUnavailable):
    """The database fell silent while it recorded: only asking it, or repeating under the same reference, can tell."""


class NotBuilt(Unavailable):
    """A call of the dialect that this gateway does not offer yet. ``call`` names it."""

    def __init__(self, call: str) -> None:
        self.call = call
        super().__init__(f"{call} is not available yet")
