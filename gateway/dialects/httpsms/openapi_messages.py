"""The calls about messages and threads, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from gateway.dialects.httpsms import schemas
from gateway.dialects.httpsms.messages import MESSAGES
from gateway.dialects.httpsms.threads import THREADS
from gateway.domain import errors
from gateway.web.errors import InternalError
from gateway.web.openapi import Header, Operation, Success

SECURITY: dict[str, dict[str, Any]] = {
    "user_key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A user's key, which begins with `uk_`."}
}
IDEMPOTENCY_KEY = Header("Idempotency-Key", "A repeat with the same key and the same body is answered again and sends nothing.")

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_ID = {"type": "string", "format": "uuid"}
_TIME = {"type": "string", "format": "date-time"}
_MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}
_FLAG = {"type": "boolean"}
_COUNT = {"type": "integer"}


def envelope(data: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a success with this data."""
    properties = {"status": {"type": "string", "enum": ["success"]}, "message": _TEXT, "data": data}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _whole(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


MESSAGE = _whole(
    {
        "id": _ID,
        "request_id": _MAYBE_TEXT,
        "owner": _TEXT,
        "user_id": _TEXT,
        "contact": _TEXT,
        "content": _TEXT,
        "attachments": {"type": ["array", "null"], "items": _TEXT},
        "encrypted": _FLAG,
        "type": {"type": "string", "enum": ["mobile-terminated", "mobile-originated", "call/missed"]},
        "status": {"type": "string", "enum": ["pending", "scheduled", "sending", "sent", "delivered", "failed", "expired", "received"]},
        "sim": {"type": "string", "enum": ["SIM1", "SIM2", "DEFAULT"]},
        "send_time": {"type": ["integer", "null"], "description": "Nanoseconds from acceptance to the carrier's or handset's taking it."},
        "request_received_at": _TIME,
        "created_at": _TIME,
        "updated_at": _TIME,
        "order_timestamp": _TIME,
        "last_attempted_at": _MAYBE_TIME,
        "scheduled_at": _MAYBE_TIME,
        "scheduled_send_time": _MAYBE_TIME,
        "sent_at": _MAYBE_TIME,
        "delivered_at": _MAYBE_TIME,
        "failed_at": _MAYBE_TIME,
        "expired_at": _MAYBE_TIME,
        "received_at": _MAYBE_TIME,
        "send_attempt_count": _COUNT,
        "max_send_attempts": _COUNT,
        "failure_reason": _MAYBE_TEXT,
        "can_be_polled": _FLAG,
    }
)
THREAD = _whole(
    {
        "id": _ID,
        "user_id": _TEXT,
        "owner": _TEXT,
        "contact": _TEXT,
        "is_archived": _FLAG,
        "is_read": _FLAG,
        "color": _TEXT,
        "status": _TEXT,
        "last_message_content": _MAYBE_TEXT,
        "last_message_id": {"type": ["string", "null"], "format": "uuid"},
        "created_at": _TIME,
        "updated_at": _TIME,
        "order_timestamp": _TIME,
    }
)
_SENT: dict[str, Any] = {
    "id": "0199f3a2-7c00-7000-8000-00000a000000",
    "request_id": "invoice-17",
    "owner": "+18005550199",
    "user_id": "4f1d2c3b5a697887",
    "contact": "+18005550100",
    "content": "Your table is ready.",
    "attachments": None,
    "encrypted": False,
    "type": "mobile-terminated",
    "status": "pending",
    "sim": "SIM1",
    "send_time": None,
    "request_received_at": "2026-01-05T08:00:00Z",
    "created_at": "2026-01-05T08:00:00Z",
    "updated_at": "2026-01-05T08:00:00Z",
    "order_timestamp": "2026-01-05T08:00:00Z",
    "last_attempted_at": None,
    "scheduled_at": None,
    "scheduled_send_time": None,
    "sent_at": None,
    "delivered_at": None,
    "failed_at": None,
    "expired_at": None,
    "received_at": None,
    "send_attempt_count": 0,
    "max_send_attempts": 2,
    "failure_reason": None,
    "can_be_polled": False,
}
_DELIVERED = _SENT | {
    "status": "delivered",
    "send_time": 2_500_000_000,
    "updated_at": "2026-01-05T08:00:04Z",
    "order_timestamp": "2026-01-05T08:00:04Z",
    "last_attempted_at": "2026-01-05T08:00:02Z",
    "scheduled_at": "2026-01-05T08:00:00Z",
    "sent_at": "2026-01-05T08:00:02.500000Z",
    "delivered_at": "2026-01-05T08:00:04Z",
    "send_attempt_count": 1,
}
_THREAD = {
    "id": "6e0f1f0a-2a4e-4a0e-9d4b-0a7c1f0b2d11",
    "user_id": "4f1d2c3b5a697887",
    "owner": "+18005550199",
    "contact": "+18005550100",
    "is_archived": False,
    "is_read": True,
    "color": "indigo",
    "status": "delivered",
    "last_message_content": "Your table is ready.",
    "last_message_id": "0199f3a2-7c00-7000-8000-00000a000000",
    "created_at": "2026-01-05T08:00:00Z",
    "updated_at": "2026-01-05T08:00:00Z",
    "order_timestamp": "2026-01-05T08:00:00Z",
}
_ASKING = (
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
_READING = (*_ASKING, errors.InvalidInput)
_WRITING = (*_READING, errors.MalformedRequest, errors.RequestTooLarge)
_SENDING = (
    *_WRITING, errors.IdempotencyMismatch, errors.InsufficientCredit, errors.DailyCapReached, errors.OutcomeUnknown, errors.Unavailable,
)  # fmt: skip
_BODY = {"from": "+18005550199", "content": "Your table is ready.", "request_id": "invoice-17"}
_MESSAGE_ID, _THREAD_ID = "The message's `id`.", "The thread's `id`."


def _told(data: Any, message: str) -> dict[str, Any]:
    return {"status": "success", "message": message, "data": data}


def _list_of(schema: dict[str, Any]) -> dict[str, Any]:
    return envelope({"type": "array", "items": schema})


MESSAGE_OPERATIONS = (
    Operation(
        MESSAGES + "/send",
        ("POST",),
        "Send a message",
        "`from` must be one of the account's phones. The number's pace and hours decide when the message goes, unless `send_at` is given.",
        body=schemas.Send,
        body_example=_BODY | {"to": "+18005550100"},
        headers=(IDEMPOTENCY_KEY,),
        security=("user_key",),
        success=(Success(200, "The message was accepted.", schema=envelope(MESSAGE), example=_told(_SENT, "message added to queue")),),
        errors=_SENDING,
    ),
    Operation(
        MESSAGES + "/bulk-send",
        ("POST",),
        "Send one text to many",
        "Each entry of `to` gets a message of its own. All are accepted or none is.",
        body=schemas.BulkSend,
        body_example=_BODY | {"to": ["+18005550100", "+18005550101"]},
        headers=(IDEMPOTENCY_KEY,),
        security=("user_key",),
        success=(
            Success(
                200,
                "All messages were accepted; they stand in the order of `to`.",
                schema=_list_of(MESSAGE),
                example=_told([_SENT], "1 out of 1 messages added to queue"),
            ),
        ),
        errors=_SENDING,
    ),
    Operation(
        MESSAGES,
        ("GET",),
        "List a conversation",
        "Newest first. Messages that the account sent by other APIs of this gateway are listed too.",
        query=schemas.Messages,
        security=("user_key",),
        success=(Success(200, schema=_list_of(MESSAGE), example=_told([_DELIVERED], "fetched 1 messages")),),
        errors=_READING,
    ),
    Operation(
        MESSAGES + "/search",
        ("GET",),
        "Search messages",
        "Looks at the newest ten thousand messages of the account. The header `token` is not needed.",
        query=schemas.SearchMessages,
        security=("user_key",),
        success=(Success(200, schema=_list_of(MESSAGE), example=_told([_DELIVERED], "fetched 1 messages")),),
        errors=_READING,
    ),
    Operation(
        MESSAGES + "/<message_id>",
        ("GET",),
        "Read a message",
        path={"message_id": _MESSAGE_ID},
        security=("user_key",),
        success=(Success(200, schema=envelope(MESSAGE), example=_told(_DELIVERED, "message fetched successfully")),),
        errors=(*_READING, errors.NotFound),
    ),
    Operation(
        MESSAGES + "/<message_id>",
        ("DELETE",),
        "Delete a message",
        "It leaves every list. One that still waits is not sent, and its price is paid back.",
        path={"message_id": _MESSAGE_ID},
        security=("user_key",),
        success=(Success(204, "The message was deleted."),),
        errors=(*_READING, errors.NotFound),
    ),
    Operation(
        THREADS,
        ("GET",),
        "List conversations",
        "The one with the newest message first.",
        query=schemas.Threads,
        security=("user_key",),
        success=(Success(200, schema=_list_of(THREAD), example=_told([_THREAD], "fetched 1 message threads")),),
        errors=_READING,
    ),
    Operation(
        THREADS + "/<thread_id>",
        ("PUT",),
        "Archive a conversation or mark it read",
        body=schemas.ChangeThread,
        body_example={"is_archived": True},
        path={"thread_id": _THREAD_ID},
        security=("user_key",),
        success=(
            Success(200, schema=envelope(THREAD), example=_told(_THREAD | {"is_archived": True}, "message thread updated successfully")),
        ),
        errors=(*_WRITING, errors.NotFound),
    ),
    Operation(
        THREADS + "/<thread_id>",
        ("DELETE",),
        "Delete a conversation",
        "Its messages leave every list. Those that still wait are not sent, and paid back.",
        path={"thread_id": _THREAD_ID},
        security=("user_key",),
        success=(Success(204, "The conversation was deleted."),),
        errors=(*_READING, errors.NotFound),
    ),
)
