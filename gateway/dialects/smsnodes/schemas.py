"""What a program may send, loose where its contract is (section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from gateway.dialects.smsnodes.uncertain import DEFAULT_PRIORITY, HIGHEST_PRIORITY, LOWEST_PRIORITY, MOST_PARTS
from gateway.domain.alphabet import Alphabet
from gateway.domain.errors import InvalidRecipient, TextTooLong
from gateway.domain.parts import PART_LIMIT
from gateway.web.fields import REQUIRED, LooseSchema, Text, Whole

LONGEST_MESSAGE = MOST_PARTS * PART_LIMIT[Alphabet.GSM7]
LARGEST_ID = 2**63 - 1


class Secret(fields.String):
    """A user name or password: any text, even one that no user can have. Everything else counts as absent."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValidationError(REQUIRED)
        return value


class Message(Text):
    """The text to send; another type counts as absent."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(REQUIRED)
        if len(value) > self.longest:
            raise TextTooLong(len(value), self.longest, "characters")
        return super()._deserialize(value, attr, data, **kwargs)


class Numbers(fields.List[str]):
    """Recipients as they were written: a list, or one text with commas between them. JSON integers stand for their digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if isinstance(value, str):
            value = [each for each in value.split(",") if each.strip()]
        elif type(value) is int:
            value = [value]
        if not isinstance(value, list) or not value:
            raise ValidationError(REQUIRED)
        return value


class Priority(Whole):
    """1 to 5; null is the default."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int | None:
        number = super()._deserialize(value, attr, data, **kwargs)
        if number is None:  # 0 and "", which mean null elsewhere
            raise ValidationError("is out of range")
        return number


class Credentials(LooseSchema):
    """Who calls: in every body."""

    device_username = Secret(required=True, data_key="deviceUsername", metadata={"description": "Name of the device."})
    password = Secret(required=True, metadata={"description": "Password of the device."})


class Payload(LooseSchema):
    """What is to be sent."""

    phone_numbers = Numbers(
        fields.String(), required=True, data_key="phoneNumbers", metadata={"description": "Recipients; one text with commas will do."}
    )
    message = Message(required=True, longest=LONGEST_MESSAGE, metadata={"description": "The text."})
    priority = Priority(
        LOWEST_PRIORITY,
        HIGHEST_PRIORITY,
        load_default=DEFAULT_PRIORITY,
        allow_none=True,
        metadata={"description": "5 is the most urgent, unless the operator chose otherwise."},
    )


class Send(Credentials, Payload):
    """The body of a send, for the description; it is read in two steps, since who calls is told before what is wrong."""


class JobQuery(LooseSchema):
    """Which job is asked for."""

    message_id = Whole(1, LARGEST_ID, required=True, data_key="messageId", metadata={"description": "As the send answered."})


class AskState(Credentials, JobQuery):
    """The body of a question, likewise."""


class Queued(LooseSchema):
    """The answer to a send."""

    message = fields.String(required=True)
    messageId = fields.Integer(required=True, metadata={"description": "Rises with each job of the account."})
    deviceOnline = fields.Boolean(required=True, metadata={"description": "A dispatcher serves the device's connector."})
    sentImmediately = fields.Boolean(required=True, metadata={"description": "It does, and has no backlog."})


class Health(LooseSchema):
    """The answer about the gateway."""

    status = fields.String(required=True, metadata={"description": "healthy or unhealthy"})
    timestamp = fields.String(required=True, metadata={"description": "ISO 8601, UTC"})
    ssl = fields.Boolean(required=True, metadata={"description": "Whether this request came by TLS."})
    encryption = fields.String(required=True, metadata={"description": "What is encrypted in the database."})
    connectedDevices = fields.Integer(required=True, metadata={"description": "Devices that could send now."})


class RecipientState(LooseSchema):
    """One message of a job."""

    phoneNumber = fields.String(required=True)
    state = fields.String(required=True)
    updatedAt = fields.String(required=True, metadata={"description": "ISO 8601, UTC"})


class JobState(LooseSchema):
    """The answer about a job."""

    messageId = fields.Integer(required=True)
    createdAt = fields.String(required=True, metadata={"description": "ISO 8601, UTC"})
    recipients = fields.List(fields.Nested(RecipientState), required=True)


def number_text(value: Any) -> str:
    """A recipient as text: strings, and JSON integers for their digits.

    Raises:
        InvalidRecipient: anything else.
    """
    if type(value) is str:
        return value
    if type(value) is int and 0 <= value < 10**15:
        return str(value)
    raise InvalidRecipient("null" if value is None else type(value).__name__, "is not a string of digits")
