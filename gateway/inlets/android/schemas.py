"""What the program sends, read: loose in what is said beside the point, strict in what is kept.

Source: contract android-devices B.3 and B.7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from marshmallow import fields

from gateway.connectors.android import Told
from gateway.domain.errors import InvalidField, MalformedRequest
from gateway.services.handsets import Hardware
from gateway.web.fields import UNSTORABLE, LooseSchema, Text

MOST_SIMS, MOST_REPORTS = 8, 1000
LONGEST_ID = 64
AGENT = re.compile(r"me\.capcom\.smsgateway/([A-Za-z0-9._+-]{1,40})")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})")
WEBHOOK_URL = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?")
WEBHOOK_EVENT = re.compile(r"[a-z]{2,16}(?::[a-z-]{2,32}){1,2}")
LONGEST_URL = 256
SIM_FIELDS = ("slotIndex", "simNumber", "phoneNumber", "carrierName", "iccid")


class DeviceSchema(LooseSchema):
    """What a telephone says of itself. Push tokens are not kept: nobody could use them but the program's maker."""

    id = Text(longest=LONGEST_ID, load_default="")
    name = Text(longest=256, load_default="")
    simCards = fields.Raw(load_default=None, allow_none=True)


class PasswordSchema(LooseSchema):
    """A change of the password."""

    currentPassword = Text(longest=512, required=True)
    newPassword = Text(longest=512, required=True)


class WebhookSchema(LooseSchema):
    """An address that the telephone's user wants events forwarded to."""

    id = Text(longest=36, load_default=None, allow_none=True)
    url = Text(longest=LONGEST_URL, required=True)
    event = Text(longest=64, required=True)


def hardware(data: Mapping[str, Any], agent: str) -> Hardware:
    """The telephone as it describes itself, and by its User-Agent."""
    values = DeviceSchema().read(data)
    found = AGENT.search(agent)
    name = "".join(letter if letter.isprintable() else "?" for letter in values["name"][:128])  # operators see it on a terminal
    return Hardware(name or "telephone", found[1] if found else "", _sims(values["simCards"]))


def _sims(given: object) -> list[dict[str, Any]] | None:
    """The cards, with the fields that we know; numbers in them are masked by the program."""
    if not isinstance(given, list):
        return None
    cards = [card for card in given[:MOST_SIMS] if isinstance(card, dict)]
    return [{name: card[name] for name in SIM_FIELDS if _is_plain(card.get(name))} for card in cards]


def _is_plain(value: object) -> bool:
    return type(value) is int or (isinstance(value, str) and len(value) <= 64 and not UNSTORABLE.search(value))


def sims_of_event(payload: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The cards in an ``app:started`` event."""
    return _sims(payload.get("simCards"))


def moment(value: object) -> datetime | None:
    """A date as the program writes it, in UTC; None where it is none, or lies outside the calendar there."""
    if not isinstance(value, str) or not DATE.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def reports(value: object) -> list[tuple[str, Told]]:
    """The messages and states in a report; what cannot be read is left out, as an unknown message is no error.

    Raises:
        MalformedRequest: it is no list of messages.
    """
    given = [value] if isinstance(value, dict) else value
    if not isinstance(given, list) or len(given) > MOST_REPORTS or not all(isinstance(each, dict) for each in given):
        raise MalformedRequest("the body is not a list of messages")
    return [(str(each.get("id")), _told(each)) for each in given]


def _told(given: Mapping[str, Any]) -> Told:
    recipients = given.get("recipients")
    first = recipients[0] if isinstance(recipients, list) and recipients and isinstance(recipients[0], dict) else {}
    states = given.get("states")
    times = {str(name): at for name, text in states.items() if (at := moment(text))} if isinstance(states, dict) else {}
    return Told(str(first.get("state") or given.get("state")), times, str(first.get("error") or "")[:1000])


def webhook(data: Mapping[str, Any], new_id: str) -> dict[str, str]:
    """A webhook of the telephone's user.

    Raises:
        MissingField, InvalidField
    """
    values = WebhookSchema().read(data)
    if not WEBHOOK_URL.fullmatch(values["url"]) or not urlsplit(values["url"]).hostname:
        raise InvalidField("url", "must be an address such as https://example.org/hook")
    if not WEBHOOK_EVENT.fullmatch(values["event"]):
        raise InvalidField("event", "must be the name of an event, such as sms:received")
    return {"id": values["id"] or new_id, "url": values["url"], "event": values["event"]}
