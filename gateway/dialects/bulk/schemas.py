"""The fields of each call. Names are the vendor's; unknown ones are ignored (contract 3.1, 4.2, 4.4, 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from gateway.dialects.bulk.uncertain import LONGEST_MESSAGE, LONGEST_REFERENCE, LONGEST_SENDER, NUMBER_SEPARATORS
from gateway.web.fields import REQUIRED, LooseSchema, Text, Whole

MOST_EXPIRY_DAYS = 365
STRINGS_OF_NUMBERS = "must be a string of numbers separated by commas, or a list of them"


class Numbers(fields.Field[list[str]]):
    """Telephone numbers as written: a string with separators, one integer, or a list of either. Blank items are dropped.

    What is neither text nor a whole number becomes ``?``, which no number is.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        if type(value) not in (str, int, list):
            raise ValidationError(STRINGS_OF_NUMBERS)
        given = value if isinstance(value, list) else [value]
        items = [item.strip() for each in given for item in NUMBER_SEPARATORS.split(_written(each))]
        found = [item for item in items if item]
        if not found:
            raise ValidationError(REQUIRED)
        return found


class Entries(fields.Field[list[Any]]):
    """A list, whatever is in it: each entry is judged by itself."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("must be a list")
        if not value:
            raise ValidationError(REQUIRED)
        return value


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int and value >= 0 else "?"


SENDER = {"description": "What the handset shows as the sender, up to 11 characters. Left out: the account's own.", "example": "Acme"}
REFERENCE = {"description": "The caller's own reference. Stored with the order and given back.", "example": "invoice-17"}
KEY = {"description": "The API key, where it is not in a header.", "example": "bk_…"}


class Send(LooseSchema):
    """``/api/v2/sms/send`` and its sandbox (contract 4.2)."""

    numbers = Numbers(
        required=True,
        metadata={
            "type": "string",
            "description": "Telephone numbers separated by commas, semicolons or line breaks. In JSON a list will do.",
            "example": "0702913454,0776913451",
        },
    )
    message_body = Text(
        required=True, longest=LONGEST_MESSAGE, numbers=True, metadata={"description": "The text, the same for all.", "example": "Hello"}
    )
    sender_id = Text(load_default=None, longest=LONGEST_SENDER, numbers=True, metadata=SENDER)
    message_type = Text(
        load_default="", metadata={"description": "otp, transactional or promotional: stored, and without effect. Others are ignored."}
    )
    reference = Text(load_default="", longest=LONGEST_REFERENCE, numbers=True, metadata=REFERENCE)


class SendWithKey(Send):
    """The same, with the key among the parameters."""

    api_key = Text(load_default=None, metadata=KEY)


class Login(LooseSchema):
    """User name and password, as every call of v1 and the key routes carry them (contract 3.1, 6.2)."""

    username = Text(required=True, numbers=True, metadata={"description": "The user's name.", "example": "acme"})
    password = Text(required=True, numbers=True, metadata={"description": "The user's password.", "example": "…"})


class SendWithPassword(Send):
    """``/v1/sms/send`` (contract 3.1)."""

    username = Text(load_default=None, metadata={"description": "The user's name. Required.", "example": "acme"})
    password = Text(load_default=None, metadata={"description": "The user's password. Required.", "example": "…"})


class Personalised(LooseSchema):
    """``POST /api/v2/sms/send/bulk`` (contract 4.4)."""

    messages = Entries(
        required=True,
        metadata={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"number": {"type": "string"}, "message_body": {"type": "string"}},
                "required": ["number", "message_body"],
            },
            "description": "A number and a text each.",
            "example": [{"number": "0702913454", "message_body": "Hello Ada"}],
        },
    )
    sender_id = Text(load_default=None, longest=LONGEST_SENDER, numbers=True, metadata=SENDER)
    message_type = Text(load_default="", metadata={"description": "As in /api/v2/sms/send."})
    reference = Text(load_default="", longest=LONGEST_REFERENCE, numbers=True, metadata=REFERENCE)
    api_key = Text(load_default=None, metadata=KEY)


class Entry(LooseSchema):
    """One of ``messages``."""

    number = Text(required=True, numbers=True, longest=100)
    message_body = Text(required=True, numbers=True, longest=LONGEST_MESSAGE)


class WithKey(LooseSchema):
    """Calls that need nothing but the key (contract 4.3)."""

    api_key = Text(load_default=None, metadata=KEY)


class Expiry(LooseSchema):
    """``/api/generate-key`` and ``/api/regenerate-key`` (contract 6.1)."""

    expiry_days = Whole(
        1,
        MOST_EXPIRY_DAYS,
        load_default=None,
        allow_none=False,  # which would also take 0 for absent, and a key that never expires is not what 0 asks for
        metadata={"description": "Days of 24 hours from now. Left out: the key does not expire.", "example": 30},
    )


class GenerateKey(Expiry):
    """``/api/generate-key`` with who asks."""

    username = Text(load_default=None, metadata={"description": "The user's name, unless HTTP Basic says it.", "example": "acme"})
    password = Text(load_default=None, metadata={"description": "The user's password, unless HTTP Basic says it.", "example": "…"})


class RegenerateKey(GenerateKey):
    """``/api/regenerate-key`` with who asks."""

    api_key = Text(load_default=None, metadata={"description": "The current key instead of a password.", "example": "bk_…"})


class RevokeKey(LooseSchema):
    """``/api/revoke-key``: only who asks."""

    username = Text(load_default=None, metadata={"description": "The user's name, unless HTTP Basic says it.", "example": "acme"})
    password = Text(load_default=None, metadata={"description": "The user's password, unless HTTP Basic says it.", "example": "…"})
    api_key = Text(load_default=None, metadata={"description": "The current key instead of a password.", "example": "bk_…"})
