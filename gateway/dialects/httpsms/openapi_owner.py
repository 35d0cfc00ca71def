"""The calls about phones, heartbeats, users, usage, keys, schedules, webhooks and files, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from gateway.dialects.httpsms import bulk_files, owner_schemas
from gateway.dialects.httpsms.openapi_shapes import (
    COUNT,
    FLAG,
    ID,
    IDEMPOTENCY_KEY,
    MAYBE_TEXT,
    MAYBE_TIME,
    READING,
    SENDING,
    TEXT,
    TIME,
    WRITING,
    envelope,
    list_of,
    told,
    whole,
)
from gateway.dialects.httpsms.uncertain import BATCH_FIELDS, PREFIX
from gateway.domain import errors
from gateway.services.phone_keys import MOST_KEYS
from gateway.services.schedules import MOST_SCHEDULES
from gateway.services.webhooks import EVENTS, MOST_WEBHOOKS
from gateway.web.openapi import Header, Operation, Success

_KEY = ("user_key",)
_MAYBE_ID = {"type": ["string", "null"], "format": "uuid"}
_TEXTS = {"type": "array", "items": TEXT}
_MADE: dict[str, Any] = {"created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-05T08:00:00Z"}
_USER = "4f1d2c3b5a697887"


def _one(schema: dict[str, Any], example: dict[str, Any], message: str, status: int = 200, description: str = "") -> tuple[Success, ...]:
    return (Success(status, description, schema=envelope(schema), example=told(example, message)),)


def _many(schema: dict[str, Any], example: dict[str, Any], things: str) -> tuple[Success, ...]:
    return (Success(200, schema=list_of(schema), example=told([example], f"fetched 1 {things}")),)


def _nothing(message: str) -> tuple[Success, ...]:
    return (Success(200, schema=envelope({"type": "null"}), example=told(None, message)),)


def _full(message: str) -> Success:
    """The answer to whoever has as many as there may be; no class of errors is behind it."""
    schema = {"type": "object", "properties": {"status": TEXT, "message": TEXT}, "required": ["status", "message"]}
    return Success(402, "There are as many as there may be.", schema=schema, example={"status": "error", "message": message})


_GONE = (Success(204, "Done; there is no body."),)

PHONE = whole(
    id=ID, user_id=TEXT, fcm_token=MAYBE_TEXT, phone_number=TEXT, messages_per_minute=COUNT, sim=TEXT,
    message_send_schedule_id=_MAYBE_ID, max_send_attempts=COUNT,
    message_expiration_seconds=COUNT, missed_call_auto_reply=MAYBE_TEXT, unarchive_thread=FLAG,
    created_at=TIME, updated_at=TIME,
)  # fmt: skip
PHONE_EXAMPLE: dict[str, Any] = {
    "id": "32343a19-da5e-4b1b-a767-3298a73703cb",
    "user_id": _USER,
    "fcm_token": None,
    "phone_number": "+18005550199",
    "messages_per_minute": 10,
    "sim": "SIM1",
    "message_send_schedule_id": None,
    "max_send_attempts": 2,
    "message_expiration_seconds": 600,
    "missed_call_auto_reply": None,
    "unarchive_thread": True,
    **_MADE,
}
HEARTBEAT = whole(id=ID, owner=TEXT, version=TEXT, charging=FLAG, user_id=TEXT, timestamp=TIME)
_HEARTBEAT: dict[str, Any] = {
    "id": "5e0f6b6e-3c2e-4f55-8a0c-0d4a2f4d9b10",
    "owner": "+18005550199",
    "version": "344c10f",
    "charging": True,
    "user_id": _USER,
    "timestamp": "2026-01-05T08:00:00Z",
}
USER = whole(
    id=TEXT, email=TEXT, api_key=TEXT, timezone=TEXT, active_phone_id=_MAYBE_ID, subscription_name=TEXT, subscription_id=MAYBE_TEXT,
    subscription_status=MAYBE_TEXT, subscription_renews_at=MAYBE_TIME, subscription_ends_at=MAYBE_TIME,
    notification_message_status_enabled=FLAG, notification_webhook_enabled=FLAG, notification_heartbeat_enabled=FLAG,
    notification_newsletter_enabled=FLAG, created_at=TIME, updated_at=TIME,
)  # fmt: skip
_OWN: dict[str, Any] = {
    "id": _USER,
    "email": "anna@acme.example",
    "api_key": "uk_…",
    "timezone": "Europe/Rome",
    "active_phone_id": None,
    "subscription_name": "free",
    "subscription_id": None,
    "subscription_status": None,
    "subscription_renews_at": None,
    "subscription_ends_at": None,
    "notification_message_status_enabled": False,
    "notification_webhook_enabled": False,
    "notification_heartbeat_enabled": False,
    "notification_newsletter_enabled": False,
    **_MADE,
}
USAGE = whole(
    id=ID, user_id=TEXT, sent_messages=COUNT, received_messages=COUNT, total_cost={"type": "number", "description": "In credits."},
    start_timestamp=TIME, end_timestamp=TIME, created_at=TIME, updated_at=TIME,
)  # fmt: skip
_USAGE: dict[str, Any] = {
    "id": "0a7de1f1-6c3e-5f0e-9a44-6f1c4b3d2e10",
    "user_id": _USER,
    "sent_messages": 321,
    "received_messages": 0,
    "total_cost": 325.5,
    "start_timestamp": "2025-12-31T23:00:00Z",
    "end_timestamp": "2026-01-31T22:59:59Z",
    "created_at": "2025-12-31T23:00:00Z",
    "updated_at": "2026-01-05T08:00:00Z",
}
PHONE_KEY = whole(
    id=ID, name=TEXT, user_id=TEXT, user_email=TEXT, phone_numbers=_TEXTS, phone_ids={"type": "array", "items": ID}, api_key=TEXT,
    created_at=TIME, updated_at=TIME,
)  # fmt: skip
_PHONE_KEY: dict[str, Any] = {
    "id": "1f0c55f5-91c5-4a3c-a9e5-3b7cf6a1d6a1",
    "name": "Reception",
    "user_id": _USER,
    "user_email": "anna@acme.example",
    "phone_numbers": [],
    "phone_ids": [],
    "api_key": "pk_2Xh3Lr9sA…",
    **_MADE,
}
WINDOW = whole(day_of_week=COUNT, start_minute=COUNT, end_minute=COUNT)
SCHEDULE = whole(
    id=ID, user_id=TEXT, name=TEXT, timezone=TEXT, windows={"type": "array", "items": WINDOW}, created_at=TIME, updated_at=TIME
)
_SCHEDULE_BODY: dict[str, Any] = {
    "name": "Office hours",
    "timezone": "Europe/Rome",
    "windows": [{"day_of_week": 1, "start_minute": 540, "end_minute": 1080}],
}
_SCHEDULE = {"id": "8a6a2f0d-6a61-4a52-8a52-51f6a6b0a8c3", "user_id": _USER, **_SCHEDULE_BODY, **_MADE}
WEBHOOK = whole(
    id=ID, user_id=TEXT, url=TEXT, signing_key=TEXT, phone_numbers=_TEXTS, events={"type": "array", "items": {"enum": list(EVENTS)}},
    created_at=TIME, updated_at=TIME,
)  # fmt: skip
_WEBHOOK_BODY: dict[str, Any] = {
    "url": "https://acme.example/events",
    "signing_key": "a secret of yours",
    "phone_numbers": ["+18005550199"],
    "events": ["message.phone.sent", "message.phone.delivered"],
}
_WEBHOOK = {"id": "c4a8d2c0-0a25-4a43-9b38-1e2f0a51c9d7", "user_id": _USER, **_WEBHOOK_BODY, **_MADE}
_COUNTS = dict.fromkeys(BATCH_FIELDS.values(), COUNT)
BATCH = whole(request_id=TEXT, total=COUNT, **_COUNTS, created_at=TIME)
_BATCH: dict[str, Any] = {
    "request_id": "bulk-UhG2Qm4-march.csv",
    "total": 2,
    **dict.fromkeys(BATCH_FIELDS.values(), 0),
    "delivered_count": 2,
    "created_at": "2026-01-05T08:00:00Z",
}
_PHONE_ID, _KEY_ID, _SCHEDULE_ID, _WEBHOOK_ID, _USER_ID = (
    f"The {thing}'s `id`." for thing in ("phone", "key", "schedule", "webhook", "user")
)

_PHONES = (
    Operation(
        PREFIX + "/phones", ("GET",), "List phones", "Newest first.", query=owner_schemas.PhonePage, security=_KEY,
        success=_many(PHONE, PHONE_EXAMPLE, "phones"), errors=READING,
    ),
    Operation(
        PREFIX + "/phones", ("PUT",), "Make or change a phone",
        "By its number, which must be one that the account may send from. What is absent stays as it is.",
        body=owner_schemas.PhoneBody, body_example={"phone_number": "+18005550199", "messages_per_minute": 20, "sim": "SIM1"},
        security=_KEY,
        success=_one(PHONE, PHONE_EXAMPLE | {"messages_per_minute": 20}, "phone saved"), errors=WRITING,
    ),
    Operation(
        PREFIX + "/phones/<phone_id>", ("DELETE",), "Delete a phone", "Its messages stay.", path={"phone_id": _PHONE_ID}, security=_KEY,
        success=_nothing("phone deleted"), errors=(*READING, errors.NotFound),
    ),
    Operation(
        PREFIX + "/heartbeats", ("GET",), "List a phone's heartbeats", "Newest first.", query=owner_schemas.HeartbeatPage, security=_KEY,
        success=_many(HEARTBEAT, _HEARTBEAT, "heartbeats"), errors=READING,
    ),
    Operation(
        PREFIX + "/heartbeats", ("POST",), "Store a heartbeat", "The newest hundred of each number are kept.",
        body=owner_schemas.HeartbeatBody, body_example={"charging": True, "phone_numbers": ["+18005550199"]},
        headers=(Header("X-Client-Version", "The build of the app."),), security=(*_KEY, "phone_key"),
        success=(Success(201, schema=list_of(HEARTBEAT), example=told([_HEARTBEAT], "heartbeat stored")),), errors=WRITING,
    ),
)  # fmt: skip
_USERS = (
    Operation(
        PREFIX + "/users/me", ("GET",), "Read the user", "`api_key` is the key that the request came with.", security=_KEY,
        success=_one(USER, _OWN, "user fetched"), errors=READING,
    ),
    Operation(
        PREFIX + "/users/me", ("PUT",), "Set time zone and active phone", body=owner_schemas.UserBody,
        body_example={"timezone": "Europe/Rome"},
        security=_KEY, success=_one(USER, _OWN, "user changed"), errors=WRITING,
    ),
    Operation(
        PREFIX + "/users/me", ("DELETE",), "Leave for good",
        "The user is shut out, in every API of this gateway. Messages and credit stay.",
        security=_KEY, success=_GONE, errors=READING,
    ),
    Operation(
        PREFIX + "/users/<user_id>/notifications", ("PUT",), "Set notifications",
        "Kept and shown; nothing is mailed. What is absent is off.",
        body=owner_schemas.NotificationsBody, body_example={"webhook_enabled": True}, path={"user_id": _USER_ID}, security=_KEY,
        success=_one(USER, _OWN | {"notification_webhook_enabled": True}, "notifications changed"), errors=WRITING,
    ),
    Operation(
        PREFIX + "/users/<user_id>/api-keys", ("DELETE",), "Replace the API key", "The old key is dead from that moment.",
        path={"user_id": _USER_ID}, security=_KEY, success=_one(USER, _OWN, "API key replaced"), errors=READING,
    ),
    Operation(
        PREFIX + "/billing/usage", ("GET",), "Read this month's usage", "The account's messages by every API of this gateway.",
        security=_KEY,
        success=_one(USAGE, _USAGE, "usage fetched"), errors=READING,
    ),
    Operation(
        PREFIX + "/billing/usage-history", ("GET",), "List the usage of past months", "Newest first, without the current one.",
        query=owner_schemas.UsagePage, security=_KEY, success=_many(USAGE, _USAGE, "months"), errors=READING,
    ),
    Operation(
        PREFIX + "/phone-api-keys", ("GET",), "List phone keys", "Newest first. Of each key only the beginning is shown.",
        query=owner_schemas.KeyPage, security=_KEY, success=_many(PHONE_KEY, _PHONE_KEY, "phone API keys"), errors=READING,
    ),
    Operation(
        PREFIX + "/phone-api-keys", ("POST",), "Make a phone key", "Only this answer shows the key whole.", body=owner_schemas.KeyBody,
        body_example={"name": "Reception"}, security=_KEY,
        success=(
            *_one(PHONE_KEY, _PHONE_KEY | {"api_key": "pk_… (67 characters)"}, "phone API key created"),
            _full(f"A user may have {MOST_KEYS} phone API keys"),
        ),
        errors=WRITING,
    ),
    Operation(
        PREFIX + "/phone-api-keys/<key_id>", ("DELETE",), "End a phone key", path={"key_id": _KEY_ID}, security=_KEY, success=_GONE,
        errors=(*READING, errors.NotFound),
    ),
    Operation(
        PREFIX + "/phone-api-keys/<key_id>/phones/<phone_id>", ("DELETE",), "Free a phone from a key",
        path={"key_id": _KEY_ID, "phone_id": _PHONE_ID}, security=_KEY, success=_GONE, errors=(*READING, errors.NotFound),
    ),
)  # fmt: skip
_RULES = (
    Operation(
        PREFIX + "/send-schedules", ("GET",), "List send schedules", "Newest first, all of them.", security=_KEY,
        success=_many(SCHEDULE, _SCHEDULE, "send schedules"), errors=READING,
    ),
    Operation(
        PREFIX + "/send-schedules", ("POST",), "Make a send schedule", "A phone keeps it once it names it.",
        body=owner_schemas.ScheduleBody,
        body_example=_SCHEDULE_BODY, security=_KEY,
        success=(*_one(SCHEDULE, _SCHEDULE, "send schedule created", 201), _full(f"An account may have {MOST_SCHEDULES} send schedules")),
        errors=WRITING,
    ),
    Operation(
        PREFIX + "/send-schedules/<schedule_id>", ("PUT",), "Replace a send schedule", "Messages that have their time already keep it.",
        body=owner_schemas.ScheduleBody, body_example=_SCHEDULE_BODY, path={"schedule_id": _SCHEDULE_ID}, security=_KEY,
        success=_one(SCHEDULE, _SCHEDULE, "send schedule changed"), errors=(*WRITING, errors.NotFound),
    ),
    Operation(
        PREFIX + "/send-schedules/<schedule_id>", ("DELETE",), "Delete a send schedule", path={"schedule_id": _SCHEDULE_ID}, security=_KEY,
        success=_GONE, errors=(*READING, errors.NotFound),
    ),
    Operation(
        PREFIX + "/webhooks", ("GET",), "List webhooks", "Newest first, with their signing keys.", query=owner_schemas.WebhookPage,
        security=_KEY, success=_many(WEBHOOK, _WEBHOOK, "webhooks"), errors=READING,
    ),
    Operation(
        PREFIX + "/webhooks", ("POST",), "Make a webhook", "An account may have ten. Events are not sent yet.",
        body=owner_schemas.WebhookBody,
        body_example=_WEBHOOK_BODY, security=_KEY,
        success=(*_one(WEBHOOK, _WEBHOOK, "webhook created", 201), _full(f"An account may have {MOST_WEBHOOKS} webhooks")),
        errors=WRITING,
    ),
    Operation(
        PREFIX + "/webhooks/<webhook_id>", ("PUT",), "Replace a webhook", body=owner_schemas.WebhookBody, body_example=_WEBHOOK_BODY,
        path={"webhook_id": _WEBHOOK_ID}, security=_KEY, success=_one(WEBHOOK, _WEBHOOK, "webhook changed"),
        errors=(*WRITING, errors.NotFound),
    ),
    Operation(
        PREFIX + "/webhooks/<webhook_id>", ("DELETE",), "Delete a webhook", path={"webhook_id": _WEBHOOK_ID}, security=_KEY,
        success=_nothing("webhook deleted"), errors=(*READING, errors.NotFound),
    ),
)  # fmt: skip
_FILES = (
    Operation(
        PREFIX + "/bulk-messages", ("POST",), "Send a file of messages",
        "Every row is checked before the first message is queued; what is wrong with any is told by its number, the header being row 1.",
        body=bulk_files.BulkFile, body_types=("multipart/form-data",), headers=(IDEMPOTENCY_KEY,), security=_KEY,
        success=(
            Success(
                202, "All rows were queued, or as many as the sentence says.",
                schema={"type": "object", "properties": {"status": TEXT, "message": TEXT}, "required": ["status", "message"]},
                example={"status": "success", "message": "2 out of 2 messages added to queue"},
            ),
        ),
        errors=SENDING,
    ),
    Operation(
        PREFIX + "/bulk-messages", ("GET",), "List the newest files", "The last ten.", security=_KEY,
        success=_many(BATCH, _BATCH, "batches"), errors=READING,
    ),
)  # fmt: skip
OWNER_OPERATIONS = (*_PHONES, *_USERS, *_RULES, *_FILES)
