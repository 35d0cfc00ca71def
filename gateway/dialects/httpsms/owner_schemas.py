"""What the calls of contract sections 5 to 7 carry, for the owner's phones, keys, schedules and webhooks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from marshmallow import ValidationError, fields

from gateway.dialects.httpsms.fields import Rows, Strings
from gateway.dialects.httpsms.schemas import Contacts, Owner
from gateway.domain import dates
from gateway.domain.errors import InvalidField
from gateway.domain.pace import Window
from gateway.services import schedules
from gateway.services.webhooks import EVENTS
from gateway.web.fields import REQUIRED, Flag, LooseSchema, Text, Whole

LONGEST_NUMBER = 40
LONGEST_QUERY = 100
LONGEST_REPLY = 1000
FURTHEST_ROW = 10**12
MOST_EVENTS = 100
MOST_WINDOWS_A_DAY = 6
MINUTES = 24 * 60

_uuid = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://").match
_host = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\.?|localhost|\[[0-9A-Fa-f:.]+\]").fullmatch


class Identifier(fields.UUID):
    """A UUID, or "" for none."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if value == "":
            return ""
        if not isinstance(value, str) or not _uuid(value):
            raise ValidationError("must be a UUID")
        return UUID(value)


class Address(Text):
    """The address of a webhook: http or https, which is what an address without a scheme becomes, at a host that looks like one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        written = super()._deserialize(value, attr, data, **kwargs).strip()
        url = written if _scheme(written) else f"https://{written}"
        if len(url) > self.longest or not _is_callable(url):
            raise ValidationError(f"must be an http or https URL of at most {self.longest} characters")
        return url


class Events(Strings):
    """Names of events, of those that there are."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        given = super()._deserialize(value, attr, data, **kwargs)
        strange = [each for each in given if each not in EVENTS]
        if strange:
            raise ValidationError(f"holds {strange[0][:40]}, which is no event; there are {', '.join(EVENTS)}")
        return given


class Windows(fields.Field[list[Window]]):
    """Hours of the week: at least one window, at most six a day, none overlapping."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Window]:
        if not isinstance(value, list):
            raise ValidationError("must be a list")
        if not value:
            raise ValidationError(REQUIRED)
        if len(value) > 7 * MOST_WINDOWS_A_DAY:
            raise ValidationError(f"has more than {7 * MOST_WINDOWS_A_DAY} entries")
        windows = [_window(each, number) for number, each in enumerate(value)]
        if any(sum(other.day == each.day for other in windows) > MOST_WINDOWS_A_DAY for each in windows):
            raise ValidationError(f"has more than {MOST_WINDOWS_A_DAY} windows for one day")
        if schedules.overlap(windows):
            raise ValidationError("has windows that overlap")
        return windows


class Zone(Text):
    """The name of a time zone."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            return dates.zone(super()._deserialize(value, attr, data, **kwargs), attr or "timezone")
        except InvalidField as error:
            raise ValidationError(error.reason) from None


def _is_callable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        name = host[: host.rindex(":")] if parts.port is not None else host
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and bool(_host(name)) and url.isascii() and url.isprintable() and " " not in url


def _window(value: Any, number: int) -> Window:
    keys = ("day_of_week", "start_minute", "end_minute")
    given: list[Any] = [value.get(key) for key in keys] if isinstance(value, dict) else []
    if len(given) != len(keys) or any(type(each) is not int for each in given):
        raise ValidationError(f"must have whole numbers {', '.join(keys)} at index {number}")
    day, start, end = given
    if not (0 <= day <= 6 and 0 <= start < end <= MINUTES):
        raise ValidationError(f"has a day outside 0 to 6, or minutes that do not rise within 0 to {MINUTES}, at index {number}")
    return Window(day, start, end)


def _skip() -> Whole:
    return Whole(0, FURTHEST_ROW, load_default=0, metadata={"description": "Rows to leave out before the first."})


def _query(longest: int = LONGEST_QUERY) -> Text:
    return Text(longest=longest, load_default="", metadata={"description": "Only rows that hold this text."})


class PhonePage(LooseSchema):
    """The query of the list of phones."""

    skip = _skip()
    limit = Rows(20, 10, metadata={"description": "Rows at most; more than 20 means 20."})
    query = _query()


class HeartbeatPage(LooseSchema):
    """The query of the list of heartbeats."""

    owner = Owner(required=True, metadata={"description": "The phone's number."})
    skip = _skip()
    limit = Rows(20, 1, metadata={"description": "Rows at most; more than 20 means 20."})


class KeyPage(LooseSchema):
    """The query of the list of phone keys."""

    skip = _skip()
    limit = Rows(100, 1, metadata={"description": "Rows at most; more than 100 means 100."})


class WebhookPage(KeyPage):
    """The query of the list of webhooks."""

    query = _query()


class UsagePage(LooseSchema):
    """The query of the usage of past months."""

    skip = _skip()
    limit = Rows(100, 12, metadata={"description": "Rows at most; more than 100 means 100."})


class PhoneBody(LooseSchema):
    """A phone to make or to change."""

    phone_number = Owner(required=True, metadata={"description": "International; the account must own it."})
    sim = Text(longest=20, load_default=None, metadata={"description": "SIM2, or anything else for SIM1."})
    fcm_token = Text(longest=1000, load_default=None, metadata={"description": "Where pushes to the telephone go. Empty: none."})
    messages_per_minute = Whole(0, 60, load_default=0, metadata={"description": "0 leaves it as it is; a new phone has 10."})
    max_send_attempts = Whole(0, 5, load_default=0, metadata={"description": "0 leaves it as it is; a new phone has 2."})
    message_expiration_seconds = Whole(
        60, 3600, load_default=None, allow_none=True, metadata={"description": "0 leaves it as it is; a new phone has 600."}
    )
    missed_call_auto_reply = Text(
        longest=LONGEST_REPLY, load_default=None, metadata={"description": "Sent to whoever called in vain. Empty: none."}
    )
    unarchive_thread = Flag(load_default=None, metadata={"description": "Whether a received message takes its thread out of the archive."})
    message_send_schedule_id = Identifier(load_default=None, metadata={"description": "A send schedule of the account. Empty: none."})


class HeartbeatBody(LooseSchema):
    """A sign of life."""

    charging = Flag(load_default=False, metadata={"description": "Whether the handset is being charged."})
    phone_numbers = Strings(
        most=2, longest=LONGEST_NUMBER, load_default=None, metadata={"description": "One or two numbers of the account."}
    )
    owner = Text(longest=LONGEST_NUMBER, load_default=None, metadata={"description": "The same for older apps, with one number."})


class UserBody(LooseSchema):
    """What a user may say of itself."""

    timezone = Text(longest=64, load_default=None, metadata={"description": "Name of a time zone; an unknown one means UTC."})
    active_phone_id = Identifier(load_default=None, metadata={"description": "The phone that the user looks at. Empty: none."})


class NotificationsBody(LooseSchema):
    """Of what a user wants to be told; kept, but nothing is mailed."""

    message_status_enabled = Flag(load_default=False, metadata={"description": "Failed and expired messages."})
    webhook_enabled = Flag(load_default=False, metadata={"description": "Failed calls of webhooks."})
    heartbeat_enabled = Flag(load_default=False, metadata={"description": "Phones that fell silent."})
    newsletter_enabled = Flag(load_default=False, metadata={"description": "News."})


class KeyBody(LooseSchema):
    """A phone key to make."""

    name = Text(required=True, longest=60, metadata={"description": "1 to 60 printable characters."})


class ScheduleBody(LooseSchema):
    """A send schedule."""

    name = Text(required=True, longest=100, metadata={"description": "2 to 100 characters."})
    timezone = Zone(required=True, longest=64, metadata={"description": "Name of a time zone, such as Europe/Rome."})
    windows = Windows(
        required=True,
        metadata={
            "description": "At least one, at most six a day, none overlapping. Sunday is day 0; the end is not included.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "day_of_week": {"type": "integer", "minimum": 0, "maximum": 6},
                    "start_minute": {"type": "integer", "minimum": 0, "maximum": MINUTES - 1},
                    "end_minute": {"type": "integer", "minimum": 1, "maximum": MINUTES},
                },
                "required": ["day_of_week", "start_minute", "end_minute"],
            },
        },
    )


class WebhookBody(LooseSchema):
    """A webhook."""

    url = Address(required=True, longest=255, metadata={"description": "http or https; without a scheme https."})
    signing_key = Text(longest=255, load_default="", metadata={"description": "Signs what is sent there. Empty: nothing is signed."})
    phone_numbers = Contacts(required=True, metadata={"description": "Numbers of the account whose events are wanted."})
    events = Events(most=MOST_EVENTS, longest=64, required=True, metadata={"description": f"Of {', '.join(EVENTS)}."})
