"""The calls of SMS Nodes, for OpenAPI."""

from __future__ import annotations

from gateway.dialects.smsnodes import schemas
from gateway.dialects.smsnodes.uncertain import ENCRYPTION, HEALTH, QUEUED, SEND, STATE
from gateway.domain import errors
from gateway.web.errors import InternalError
from gateway.web.openapi import Header, Operation, Success

ALWAYS = (errors.MethodNotAllowed, InternalError)
SIGNING_IN = (
    *ALWAYS,
    errors.MalformedRequest,
    errors.RequestTooLarge,
    errors.MissingField,
    errors.BadCredentials,
    errors.PermissionDenied,
    errors.CallerDisabled,
    errors.AddressNotAllowed,
    errors.Throttled,
    errors.StorageUnavailable,
)
SENDING = (
    errors.InvalidField,
    errors.InvalidRecipient,
    errors.TooManyRecipients,
    errors.EmptyText,
    errors.TextTooLong,
    errors.UnencodableText,
    errors.DestinationNotServed,
    errors.InsufficientCredit,
    errors.IdempotencyMismatch,
    errors.DailyCapReached,
    errors.OutcomeUnknown,
    errors.Unavailable,
)
WHO = {"deviceUsername": "phone-1", "password": "secret of phone-1"}
REPEAT = Header("Idempotency-Key", "The same key and request are sent once and answered twice.", example="order-17")

OPERATIONS = (
    Operation(
        rule=SEND,
        methods=("POST",),
        summary="Send a text",
        description="Stored and paid for before it is answered. One bad number refuses the whole.",
        body=schemas.Send,
        body_example={**WHO, "phoneNumbers": ["+1234567890", "+0987654321"], "message": "Hello", "priority": 1},
        headers=(REPEAT,),
        success=(
            Success(
                description="Queued.",
                schema=schemas.Queued,
                example={"message": QUEUED, "messageId": 123, "deviceOnline": True, "sentImmediately": True},
            ),
        ),
        errors=(*SIGNING_IN, *SENDING),
    ),
    Operation(
        rule=STATE,
        methods=("POST",),
        summary="What became of a message",
        description="An addition of this gateway. A device sees its own messages only.",
        body=schemas.AskState,
        body_example={**WHO, "messageId": 123},
        success=(
            Success(
                description="A state for each recipient, in the order given.",
                schema=schemas.JobState,
                example={
                    "messageId": 123,
                    "createdAt": "2024-01-15T10:30:00Z",
                    "recipients": [{"phoneNumber": "+1234567890", "state": "delivered", "updatedAt": "2024-01-15T10:30:04Z"}],
                },
            ),
        ),
        errors=(*SIGNING_IN, errors.InvalidField, errors.NotFound),
    ),
    Operation(
        rule=HEALTH,
        methods=("GET",),
        summary="How the gateway is",
        success=tuple(
            Success(
                status=status,
                description=words,
                schema=schemas.Health,
                example={
                    "status": name,
                    "timestamp": "2024-01-15T10:30:00Z",
                    "ssl": True,
                    "encryption": ENCRYPTION,
                    "connectedDevices": connected,
                },
            )
            for status, name, words, connected in (
                (200, "healthy", "The database answers.", 3),
                (503, "unhealthy", "The database does not answer.", 0),
            )
        ),
        errors=ALWAYS,
    ),
)
