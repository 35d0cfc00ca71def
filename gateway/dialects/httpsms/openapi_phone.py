"""The calls of telephones, for the OpenAPI document (contract section 7)."""

from __future__ import annotations

from typing import Any

from gateway.dialects.httpsms import phone_schemas
from gateway.dialects.httpsms.openapi_messages import MESSAGE, SENT
from gateway.dialects.httpsms.openapi_owner import PHONE, PHONE_EXAMPLE
from gateway.dialects.httpsms.openapi_shapes import READING, WRITING, envelope, told
from gateway.dialects.httpsms.uncertain import PREFIX
from gateway.domain import errors
from gateway.web.errors import InternalError
from gateway.web.openapi import Operation, Success

_KEYS = ("user_key", "phone_key")
_NUMBER, _CONTACT, _AT = "+18005550199", "+18005550100", "2026-01-05T08:00:01.250000000Z"
_RECEIVED: dict[str, Any] = SENT | {
    "id": "0199f3a2-7c00-7000-8000-00000b000000",
    "request_id": None,
    "content": "See you at eight",
    "attachments": [],
    "type": "mobile-originated",
    "status": "received",
    "received_at": "2026-01-05T08:00:01.250000Z",
    "max_send_attempts": 0,
}
_TAKEN: dict[str, Any] = SENT | {"status": "sending", "last_attempted_at": "2026-01-05T08:00:02Z", "send_attempt_count": 1}


def _message(example: dict[str, Any], message: str) -> tuple[Success, ...]:
    return (Success(200, "", schema=envelope(MESSAGE), example=told(example, message)),)


PHONE_OPERATIONS = (
    Operation(
        PREFIX + "/phones/fcm-token", ("PUT",), "Register a telephone",
        "Makes the phone where there is none of this number. With a telephone's key, the number is bound to that key.",
        body=phone_schemas.FcmToken, body_example={"fcm_token": "f2:APA91b", "phone_number": _NUMBER, "sim": "SIM1"}, security=_KEYS,
        success=(Success(200, "", schema=envelope(PHONE), example=told(PHONE_EXAMPLE | {"fcm_token": "f2:APA91b"}, "phone registered")),),
        errors=WRITING,
    ),
    Operation(
        PREFIX + "/messages/outstanding", ("GET",), "Take the message of a push",
        "Once: asked for again, it is not there. The telephone must serve a connector of the kind `httpsms_phone`.",
        query=phone_schemas.Outstanding, security=_KEYS,
        success=_message(_TAKEN, "outstanding message fetched successfully"), errors=(*READING, errors.NotFound),
    ),
    Operation(
        PREFIX + "/messages/<message_id>/events", ("POST",), "Tell what became of a message",
        "A body that is no JSON because of its unescaped `reason` is read as far as it can be.",
        body=phone_schemas.PhoneEvent, path={"message_id": "The message's `id`. One with a dot is passed over: 204."},
        body_example={"event_name": "FAILED", "reason": "NO_SERVICE", "timestamp": _AT}, security=_KEYS,
        success=(
            *_message(_TAKEN | {"status": "sent"}, "message event stored successfully"),
            Success(204, "It is about a part of a long message, and passed over."),
        ),
        errors=(*WRITING, errors.NotFound),
    ),
    Operation(
        PREFIX + "/messages/receive", ("POST",), "Bring a message that came in", "The same message again is stored once.",
        body=phone_schemas.Receive,
        body_example={
            "sim": "SIM1", "from": _CONTACT, "to": _NUMBER, "content": "See you at eight", "encrypted": False, "timestamp": _AT,
            "attachments": None,
        },
        security=_KEYS, success=_message(_RECEIVED, "message received successfully"), errors=WRITING,
    ),
    Operation(
        PREFIX + "/messages/calls/missed", ("POST",), "Bring a missed call",
        "Where the number has a `missed_call_auto_reply`, that is sent, once for each call.", body=phone_schemas.MissedCall,
        body_example={"sim": "SIM1", "from": _CONTACT, "to": _NUMBER, "timestamp": _AT}, security=_KEYS,
        success=_message(_RECEIVED | {"type": "call/missed", "content": ""}, "missed call stored successfully"), errors=WRITING,
    ),
    Operation(
        PREFIX + "/attachments/<user_id>/<message_id>/<index>/<file>", ("GET",), "Read a received file",
        "Its address stands in the message. Needs no key.",
        path={
            "user_id": "The `user_id` of the message.", "message_id": "The message's `id`.", "index": "The file's place, from 0.",
            "file": "The file's name.",
        },
        success=(Success(200, "The file."),), errors=(errors.NotFound, errors.MethodNotAllowed, InternalError),
    ),
)  # fmt: skip
