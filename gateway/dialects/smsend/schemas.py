"""The fields of each call. Names are the vendor's; unknown ones are ignored (contract section 2)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from gateway.dialects.smsend.uncertain import MOST_FRAGMENTS, MOST_PAGE_SIZE, PAGE_SIZE
from gateway.web.fields import Flag, LooseSchema, Text, Whole

LONGEST_MESSAGE = 50_000
LONGEST_URL = 2_000
LONGEST_VALIDITY_MINUTES = 7 * 24 * 60


def _told(words: str) -> dict[str, Any]:
    """What OpenAPI says of a field."""
    return {"description": words}


class Envelope(LooseSchema):
    """What ``/sms`` and ``/paramsms`` share (contract 2.1)."""

    message_type = Text(required=True, longest=100, metadata=_told("Quality and so the price: N (GP), L (TI), LL (SI), EE, AD."))
    message = Text(required=True, longest=LONGEST_MESSAGE, metadata=_told("The text. `/paramsms` fills `${name}` for each recipient."))
    sender = Text(
        allow_none=True,
        load_default=None,
        numbers=True,
        longest=100,
        metadata=_told("Shown to the recipient; only with high-quality types."),
    )
    scheduled_delivery_time = Text(
        allow_none=True, load_default=None, longest=100, metadata=_told("When to send, such as 20261224180000; absent or past means now.")
    )
    scheduled_delivery_timezone = Text(
        allow_none=True, load_default=None, longest=100, metadata=_told("Zone of that time, such as Europe/Rome.")
    )
    order_id = Text(
        allow_none=True, load_default=None, numbers=True, longest=100, metadata=_told("The program's own reference, unique in the account.")
    )
    returnCredits = Flag(allow_none=True, load_default=False, metadata=_told("Whether `total_sent` counts credits instead of recipients."))
    returnRemaining = Flag(allow_none=True, load_default=False, metadata=_told("Taken; the answer always tells what remains."))
    allowInvalidRecipients = Flag(allow_none=True, load_default=False, metadata=_told("Leaves bad numbers out instead of refusing all."))
    encoding = Text(allow_none=True, load_default=None, longest=10, metadata=_told("gsm or ucs2."))
    id_landing = Text(allow_none=True, load_default=None, numbers=True, longest=100, metadata=_told("Landing pages are not offered."))
    campaign_name = Text(allow_none=True, load_default=None, numbers=True, longest=255, metadata=_told("Kept with the order."))
    short_link_url = Text(allow_none=True, load_default=None, longest=LONGEST_URL, metadata=_told("Put in for %SHORT_LINK%."))
    max_fragments = Whole(1, MOST_FRAGMENTS, allow_none=True, load_default=None, metadata=_told("Most parts."))
    truncate = Flag(allow_none=True, load_default=False, metadata=_told("Cuts the text to `max_fragments` instead of refusing it."))
    validity_period_min = Whole(
        1, LONGEST_VALIDITY_MINUTES, allow_none=True, load_default=None, metadata=_told("Minutes that the carrier may try.")
    )
    richsms_url = Text(allow_none=True, load_default=None, longest=LONGEST_URL, metadata=_told("Put in for %RICHURL____%."))
    richsms_mode = Text(allow_none=True, load_default=None, longest=20, metadata=_told("DIRECT or RECIPIENT."))


class Send(Envelope):
    """``POST /sms``."""

    recipient = fields.Raw(
        required=True,
        metadata=_told("Numbers: a list of strings, or one.")
        | {"oneOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "string"}], "example": ["+393471234567"]},
    )


class ParametricSend(Envelope):
    """``POST /paramsms`` (contract 2.2)."""

    recipients = fields.Raw(
        required=True,
        metadata=_told("Objects with `recipient` and the parameters of the text: keyed 0, 1, … or a list.")
        | {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}, "minItems": 1}]},
    )


class Page(LooseSchema):
    """``GET /smshistory`` (contract 2.6)."""

    start = Text(required=True, data_key="from", longest=100)
    end = Text(load_default="", data_key="to", longest=100)
    timezone = Text(load_default="", longest=100)
    page = Whole(1, 100_000, load_default=1, data_key="pageNumber")
    size = Whole(1, 1_000_000, load_default=PAGE_SIZE, data_key="pageSize")
    dir = Text(load_default="", longest=10)

    @staticmethod
    def rows(values: dict[str, int]) -> tuple[int, int]:
        """(offset, limit) of the page, in rows."""
        limit = min(values["size"], MOST_PAGE_SIZE)
        return (values["page"] - 1) * limit, limit


class RecipientPage(Page):
    """``GET /rcptHistory``."""

    recipient = Text(required=True, longest=40)


class Status(LooseSchema):
    """``GET /status`` (contract 2.7)."""

    getMoney = Flag(load_default=False)
    typeAliases = Flag(load_default=False)
