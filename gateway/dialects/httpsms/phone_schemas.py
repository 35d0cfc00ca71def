"""What telephones send (contract android-devices A.3). Loose where a refusal would lose a message: the program gives up on any 4xx."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from gateway.dialects.httpsms.fields import Moment
from gateway.dialects.httpsms.schemas import LONGEST_NUMBER, Owner
from gateway.dialects.httpsms.uncertain import (
    ATTACHMENT_TYPES,
    LONGEST_RECEIVED,
    MOST_ATTACHMENT_BYTES,
    MOST_ATTACHMENTS,
    MOST_RECEIVED_BYTES,
    PHONE_EVENTS,
)
from gateway.domain.inbound import Attachment
from gateway.web.fields import REQUIRED, Flag, LooseSchema, Text

LONGEST_REASON = 2000
LONGEST_NAME = 255
AT = "The telephone's time: RFC 3339 with an offset; it writes nine digits of a second."


class Written(Text):
    """A text as it came from a person: whatever its characters, none of them is a reason to refuse it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("must be a string")
        if len(value) > self.longest:
            raise ValidationError(f"has more than {self.longest} characters")
        if self.required and not value:
            raise ValidationError(REQUIRED)
        return value


class Files(fields.Field[list[Attachment]]):
    """The files of an MMS. Those that are too many, too large or of an unknown type are left out, which :attr:`LEFT_OUT` shows in their
    place: to refuse the message would lose it.
    """

    LEFT_OUT = "application/x-left-out"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Attachment]:
        if not isinstance(value, list):
            raise ValidationError("must be a list")
        kept: list[Attachment] = []
        room = MOST_RECEIVED_BYTES
        for each in value[:MOST_ATTACHMENTS]:
            file = _file(each)
            size = len(file.content) * 3 // 4
            if size > min(MOST_ATTACHMENT_BYTES, room):
                file = Attachment(file.name, self.LEFT_OUT, "")
            room -= len(file.content) * 3 // 4
            kept.append(file)
        return kept


class Event(Text):
    """A word of the closed set, in any case."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        word = super()._deserialize(value, attr, data, **kwargs).upper()
        if word not in PHONE_EVENTS:
            raise ValidationError(f"must be one of {', '.join(PHONE_EVENTS)}")
        return word


class FcmToken(LooseSchema):
    """``PUT /v1/phones/fcm-token``."""

    phone_number = Owner(required=True, metadata={"description": "The number of the SIM, with country code."})
    sim = Text(longest=20, load_default=None, metadata={"description": "SIM2, or anything else for SIM1."})
    fcm_token = Text(longest=1000, load_default=None, metadata={"description": "Where pushes to this telephone go."})


class Outstanding(LooseSchema):
    """``GET /v1/messages/outstanding``."""

    message_id = Text(required=True, longest=100, metadata={"description": "The message that the push was about."})


class PhoneEvent(LooseSchema):
    """``POST /v1/messages/{id}/events``."""

    event_name = Event(required=True, longest=20, metadata={"description": "SENT, DELIVERED or FAILED."})
    reason = Written(longest=LONGEST_REASON, load_default="", metadata={"description": "With FAILED: a code or a sentence."})
    timestamp = Moment(load_default=None, metadata={"description": AT})


class Receive(LooseSchema):
    """``POST /v1/messages/receive``."""

    sim = Text(longest=20, load_default="", metadata={"description": "SIM2, or anything else for SIM1."})
    sender = Written(required=True, longest=LONGEST_NUMBER, data_key="from", metadata={"description": "A number, a short code or a name."})
    to = Owner(required=True, metadata={"description": "The number of the SIM."})
    content = Written(longest=LONGEST_RECEIVED, load_default="", metadata={"description": "The text; empty only with attachments."})
    encrypted = Flag(load_default=False, metadata={"description": "Whether `content` is cipher text."})
    timestamp = Moment(load_default=None, metadata={"description": AT})
    attachments = Files(
        load_default=[],
        metadata={
            "description": "The files of an MMS, in base64.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("name", "content_type", "content")},
            },
        },
    )


class MissedCall(LooseSchema):
    """``POST /v1/messages/calls/missed``."""

    sim = Text(longest=20, load_default="", metadata={"description": "SIM2, or anything else for SIM1."})
    sender = Written(required=True, longest=LONGEST_NUMBER, data_key="from", metadata={"description": "Who called."})
    to = Owner(required=True, metadata={"description": "The number of the SIM."})
    timestamp = Moment(load_default=None, metadata={"description": AT})


def _file(given: Any) -> Attachment:
    """One file, or what is left of one that makes no sense."""
    known = given if isinstance(given, dict) else {}
    name, kind, content = (each if isinstance(each := known.get(key), str) else "" for key in ("name", "content_type", "content"))
    name, kind = name[:LONGEST_NAME], kind.partition(";")[0].strip().lower()
    try:
        base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return Attachment(name, Files.LEFT_OUT, "")
    return Attachment(name, kind, content) if kind in ATTACHMENT_TYPES else Attachment(name, Files.LEFT_OUT, "")
