"""CHT Gateway, a program that turns an Android telephone into a modem: it polls one address, and one call does everything.

The telephone fetches its messages itself, so no dispatcher owns such a connector: :mod:`gateway.inlets.cht` answers its calls, and this
file knows how they read. Source: contract android-devices, part C.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.connectors.base import AttemptKey, FailureKind, Inbound, Kind, Setting
from gateway.connectors.settings import REQUIRED, text, whole
from gateway.domain import msisdn
from gateway.domain.errors import InvalidRecipient
from gateway.domain.handset import Report, Stage

MOST_MESSAGES = 100
MOST_UPDATES = 200
"""The program sends ten and twenty; more than this is not it."""
LONGEST_TEXT = 20_000
LONGEST_ID = 200

OLDEST, NEWEST = timedelta(days=3650), timedelta(days=1)
DELIVERY_FAILED = "Delivery failed:"
_url_safe = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=-]+").fullmatch


@dataclass(frozen=True, slots=True)
class Update:
    """What the telephone says of one message: ``status`` in its own words, ``reason`` with FAILED."""

    id: str
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Poll:
    """One call. ``skipped`` counts entries that cannot be read: refusing the call would make the telephone repeat it for ever."""

    messages: Sequence[Inbound]
    updates: Sequence[Update]
    skipped: int


def read(given: Mapping[str, Any], number: str | None, now: datetime) -> Poll:
    """What a call says.

    Args:
        given: its JSON object.
        number: the telephone's own, as the operator entered it.

    Raises:
        ValueError: it is not of this protocol.
    """
    listed = {name: _entries(given, name, most) for name, most in (("messages", MOST_MESSAGES), ("updates", MOST_UPDATES))}
    messages = [_message(each, number, now) for each in listed["messages"]]
    updates = [_update(each) for each in listed["updates"]]
    read_messages, read_updates = [each for each in messages if each], [each for each in updates if each]
    return Poll(read_messages, read_updates, len(messages) + len(updates) - len(read_messages) - len(read_updates))


def reports(update: Update, key: AttemptKey, at: datetime) -> list[Report]:
    """What an update means; nothing for a status that this version does not know.

    A failure is final: the program tries a telephone without service twenty times by itself, and its user may start a failed message
    again by hand, so another try of ours could make two of one. Of a message that was reported as sent it is told too when a part
    failed, or when the network could not deliver it.
    """
    detail = update.reason
    match update.status:
        case "PENDING" | "UNSENT":
            return [Report(key, Stage.TAKEN, at)]
        case "SENT":
            return [Report(key, Stage.SENT, at, code=update.status)]
        case "DELIVERED":
            return [Report(key, Stage.DELIVERED, at, code=update.status)]
        case "FAILED" if detail.startswith(DELIVERY_FAILED):
            return [Report(key, Stage.UNDELIVERED, at, code=detail)]
        case "FAILED":
            failed = Report(key, Stage.FAILED, at, FailureKind.FINAL, code=update.status, detail=detail)
            return [failed, Report(key, Stage.UNDELIVERED, at, code=detail)]
    return []


def _entries(given: Mapping[str, Any], name: str, most: int) -> list[Any]:
    listed = given.get(name)
    if listed is None:
        return []
    if not isinstance(listed, list) or len(listed) > most:
        raise ValueError(f"{name} must be a list of at most {most}")
    return listed


def _message(entry: Any, number: str | None, now: datetime) -> Inbound | None:
    if not isinstance(entry, dict):
        return None
    id_, sender, content = entry.get("id"), entry.get("from"), entry.get("content")
    if not isinstance(id_, str) or not isinstance(content, str) or not id_ or len(id_) > LONGEST_ID or len(content) > LONGEST_TEXT:
        return None
    return Inbound(
        sender=sender if isinstance(sender, str) else "",
        recipient=number,
        text=content,
        at=_moment(entry.get("sms_sent") or entry.get("sms_received"), now),
        provider_id=id_,
    )


def _update(entry: Any) -> Update | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not isinstance(entry.get("status"), str):
        return None
    reason = entry.get("reason")
    return Update(entry["id"], entry["status"], reason if isinstance(reason, str) else "")


def _moment(milliseconds: object, now: datetime) -> datetime:
    """A time in milliseconds since 1970; ``now`` where there is none, or where the clock of telephone or carrier is not set."""
    # Compared as whole numbers: JSON may hold one that no float can.
    if type(milliseconds) is not int or not (now - OLDEST).timestamp() * 1000 <= milliseconds <= (now + NEWEST).timestamp() * 1000:
        return now
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _credential(value: object) -> str:
    """The program takes both out of its URL and does not decode them."""
    words = text(100)(value)
    if not _url_safe(words):
        raise ValueError("must be of letters, digits and . _ ~ - ! $ & ' ( ) * + , ; =")
    return str(words)


def _number(value: object) -> str:
    try:
        return msisdn.normalise(str(text(40)(value)), None)
    except InvalidRecipient as error:
        raise ValueError(error.reason) from None


KIND = Kind(
    title="CHT Gateway, an Android telephone that polls",
    settings=(
        Setting("username", "The name in the telephone's URL.", _credential, REQUIRED),
        Setting("password", "The password in the telephone's URL.", _credential, REQUIRED, secret=True),
        Setting("number", "The telephone's own number, which messages come to.", _number, None),
        Setting("most", "Messages that may be with the telephone at once without an answer.", whole(1, 100), 20),
        Setting("validity_hours", "Hours that the telephone may keep a message before its outcome counts as unknown.", whole(1, 168), 24),
    ),
    make=None,
)
