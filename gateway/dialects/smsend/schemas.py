"""The fields of each call. Names are the vendor's; unknown ones are ignored (contract section 2)."""

from __future__ import annotations

from marshmallow import fields

from gateway.dialects.smsend.uncertain import MOST_FRAGMENTS, MOST_PAGE_SIZE, PAGE_SIZE
from gateway.web.fields import Flag, LooseSchema, Text, Whole

LONGEST_MESSAGE = 50_000
LONGEST_URL = 2_000
LONGEST_VALIDITY_MINUTES = 7 * 24 * 60


class Envelope(LooseSchema):
    """What ``/sms`` and ``/paramsms`` share (contract 2.1)."""

    message_type = Text(required=True, longest=100)
    message = Text(required=True, longest=LONGEST_MESSAGE)
    sender = Text(allow_none=True, load_default=None, numbers=True, longest=100)
    scheduled_delivery_time = Text(allow_none=True, load_default=None, longest=100)
    scheduled_delivery_timezone = Text(allow_none=True, load_default=None, longest=100)
    order_id = Text(allow_none=True, load_default=None, numbers=True, longest=100)
    returnCredits = Flag(allow_none=True, load_default=False)
    returnRemaining = Flag(allow_none=True, load_default=False)
    allowInvalidRecipients = Flag(allow_none=True, load_default=False)
    encoding = Text(allow_none=True, load_default=None, longest=10)
    id_landing = Text(allow_none=True, load_default=None, numbers=True, longest=100)
    campaign_name = Text(allow_none=True, load_default=None, numbers=True, longest=255)
    short_link_url = Text(allow_none=True, load_default=None, longest=LONGEST_URL)
    max_fragments = Whole(1, MOST_FRAGMENTS, allow_none=True, load_default=None)
    truncate = Flag(allow_none=True, load_default=False)
    validity_period_min = Whole(1, LONGEST_VALIDITY_MINUTES, allow_none=True, load_default=None)
    richsms_url = Text(allow_none=True, load_default=None, longest=LONGEST_URL)
    richsms_mode = Text(allow_none=True, load_default=None, longest=20)


class Send(Envelope):
    """``POST /sms``."""

    recipient = fields.Raw(required=True)


class ParametricSend(Envelope):
    """``POST /paramsms`` (contract 2.2)."""

    recipients = fields.Raw(required=True)


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
