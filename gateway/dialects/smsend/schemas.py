"""The fields of each call. Names are the vendor's; unknown ones are ignored (contract section 2)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from gateway.dialects.smsend.uncertain import MOST_FRAGMENTS, MOST_NEW, MOST_PAGE_SIZE, PAGE_SIZE
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


class Paged(LooseSchema):
    """Which page of a list, and the zone of its times."""

    end = Text(load_default="", data_key="to", longest=100)
    timezone = Text(load_default="", longest=100)
    page = Whole(1, 100_000, load_default=1, data_key="pageNumber")
    size = Whole(1, 1_000_000, load_default=PAGE_SIZE, data_key="pageSize")

    @staticmethod
    def rows(values: dict[str, int]) -> tuple[int, int]:
        """(offset, limit) of the page, in rows."""
        limit = min(values["size"], MOST_PAGE_SIZE)
        return (values["page"] - 1) * limit, limit


class Page(Paged):
    """``GET /smshistory`` (contract 2.6), ``GET /srsmshistory`` (2.12)."""

    start = Text(required=True, data_key="from", longest=100)
    dir = Text(load_default="", longest=10)


class RecipientPage(Page):
    """``GET /rcptHistory``."""

    recipient = Text(required=True, longest=40)


class Status(LooseSchema):
    """``GET /status`` (contract 2.7)."""

    getMoney = Flag(load_default=False)
    typeAliases = Flag(load_default=False)


class BlacklistPage(Paged):
    """``GET /blacklist/sms`` (contract 2.11)."""

    start = Text(load_default="", data_key="from", longest=100)
    number = Text(load_default="", longest=40, metadata=_told("A part of the number."))
    origins = Text(load_default="", longest=100, metadata=_told("Of API, WEB and STOPSMS, split by commas; none means all."))


class BlacklistNumber(LooseSchema):
    """``POST /blacklist/sms`` (contract 2.11)."""

    phoneNumber = Text(load_default="", longest=40, metadata=_told("The number, with `+` or `00`; a body may name numbers instead."))


class BlacklistNumbers(LooseSchema):
    """The body of ``POST /blacklist/sms`` and ``/blacklist/smsbatch`` where it is an object (contract 2.11)."""

    phoneNumbers = fields.Raw(
        required=True,
        metadata=_told("Numbers with `+` or `00`. The body of `/blacklist/smsbatch` may also be the bare list.")
        | {"type": "array", "items": {"type": "string"}, "minItems": 1, "example": ["+393471234567"]},
    )


class NewMessages(LooseSchema):
    """``GET /newrsmsmessage`` (contract 2.12)."""

    limit = Whole(1, 1_000_000, load_default=MOST_NEW, metadata=_told(f"How many at most; more than {MOST_NEW} is {MOST_NEW}."))


class MoPage(Page):
    """``GET /mosmshistory`` (contract 2.12)."""

    type = Text(required=True, longest=20, metadata=_told("STOP, CONTACT or OTHER."))
