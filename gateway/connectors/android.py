"""Telephones with the program "SMS Gateway" in its private-server mode: its words, and what an operator can set for one.

The telephone calls us; the endpoints are in :mod:`gateway.inlets.android`. One connector is one telephone.
Source: contract android-devices, part B.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.connectors.base import Kind, Setting
from gateway.connectors.settings import whole
from gateway.domain.errors import InvalidRecipient
from gateway.domain.handset import DAY, HOUR, MINUTE, Report, Stage, Terms
from gateway.domain.inbound import Attachment, Inbound, InboundKind
from gateway.domain.msisdn import normalise
from gateway.domain.sending import AttemptKey, FailureKind

ANY = "any"
FIRST_LANE_PRIORITY = 100
PRIORITIES = {1: FIRST_LANE_PRIORITY, 2: 0, 3: -10}
"""Our lanes as the program's priorities; from 100 on it leaves its own limits and pauses out."""
LONGEST_DETAIL, LONGEST_SENDER, LONGEST_NAME = 150, 32, 255
SHORTEST_FULL_NUMBER = 7

# Radio trouble that passes; Android's own names for it (SmsManager.RESULT_...).
PASSING = frozenset(
    {
        "RESULT_ERROR_NO_SERVICE",
        "RESULT_ERROR_RADIO_OFF",
        "RESULT_ERROR_LIMIT_EXCEEDED",
        "RESULT_RADIO_NOT_AVAILABLE",
        "RESULT_RIL_RADIO_NOT_AVAILABLE",
        "RESULT_RIL_SMS_SEND_FAIL_RETRY",
        "RESULT_RIL_NETWORK_NOT_READY",
    }
)
_CODE = re.compile(r"RESULT_[A-Z_]{3,58}")
_NUMBER = re.compile(r"\+?[0-9][0-9 .-]{4,}")
_TOO_LATE = "ttl expired"
_ABOUT_DELIVERY = "delivery result"


def _sim(value: object) -> str | int:
    if value == ANY:
        return ANY
    if isinstance(value, bool) or str(value) not in ("1", "2", "3"):
        raise ValueError("must be any, 1, 2 or 3")
    return int(str(value))


KIND = Kind(
    title="Android telephone with the program SMS Gateway",
    settings=(
        Setting("sim", "Which card sends: any (as the telephone is set), 1, 2 or 3.", _sim, ANY),
        Setting("parts_per_minute", "Most parts that the telephone is given in a minute; 0: no limit.", whole(0, 10_000), 0),
        Setting("parts_per_hour", "Most parts that it is given in an hour; 0: no limit.", whole(0, 100_000), 0),
        Setting("parts_per_day", "Most parts that it is given in a day; 0: no limit.", whole(0, 1_000_000), 0),
        Setting("claim_hours", "Hours that it may try to send what it was given.", whole(1, 168), 24),
        Setting("ping_seconds", "Seconds between its signs of life, at each of which it also asks for work; 0: none.", whole(0, 86_400), 0),
    ),
    make=None,
)


def terms(values: Mapping[str, Any]) -> Terms:
    """What the telephone may have, by the connector's settings."""
    caps = {MINUTE: values["parts_per_minute"], HOUR: values["parts_per_hour"], DAY: values["parts_per_day"]}
    return Terms(timedelta(hours=values["claim_hours"]), {seconds: most for seconds, most in caps.items() if most})


def sim_number(values: Mapping[str, Any], originator: str | None, numbers: Mapping[str, str]) -> int | None:
    """The slot to send from: the one whose card has the sender's number, else the setting; None leaves it to the telephone."""
    for slot, number in sorted(numbers.items()):
        if number == originator:
            return int(slot)
    return None if values["sim"] == ANY else int(values["sim"])


# What the telephone says of a message


@dataclass(frozen=True, slots=True)
class Told:
    """A state that the telephone reports of its one recipient. ``times``: when each state was first reached; ``error`` its own words."""

    state: str
    times: Mapping[str, datetime]
    error: str = field(default="", repr=False)


def report(key: AttemptKey, told: Told, now: datetime) -> Report | None:
    """The report in the gateway's terms; None where it says nothing new (a state that we do not know, or a wish of ours repeated)."""
    at = min(told.times.get(told.state, now), now)
    match told.state:
        case "Pending" | "Processed":
            return Report(key, Stage.TAKEN, at)
        case "Sent":
            return Report(key, Stage.SENT, at)
        case "Delivered":
            return Report(key, Stage.DELIVERED, at)
        case "Cancelled":
            return Report(key, Stage.WITHDRAWN, at)
        case "Failed":
            return failed(key, told.error, at, was_sent="Sent" in told.times)
        case _:
            return None


def failed(key: AttemptKey, error: str, at: datetime, *, was_sent: bool) -> Report:
    """What a failure means, by its words."""
    code, detail = _code(error), _discreet(error)
    if was_sent or error.lower().startswith(_ABOUT_DELIVERY):
        return Report(key, Stage.UNDELIVERED, at, code=code or "UNDELIVERED", detail=detail)
    if _TOO_LATE in error.lower():
        # Never sent, so it may be tried again; where the message's own validity is over, it expires meanwhile.
        return Report(key, Stage.FAILED, at, FailureKind.RETRY_LATER, "TTL_EXPIRED", "the telephone got to it too late", is_whole=True)
    kind = FailureKind.RETRY_LATER if code in PASSING else FailureKind.FINAL
    return Report(key, Stage.FAILED, at, kind, code or "FAILED", detail)


def _code(error: str) -> str:
    found = _CODE.search(error)
    return found[0] if found else ""


def _discreet(error: str) -> str:
    """The program's words without numbers: an exception's text may quote the recipient's."""
    return _NUMBER.sub("...", " ".join(error.split()))[:LONGEST_DETAIL]


# What comes in

INBOUND_EVENTS = ("sms:received", "sms:data-received", "mms:received", "mms:downloaded")
STATE_EVENTS = {"sms:sent": ("Sent", "sentAt"), "sms:delivered": ("Delivered", "deliveredAt"), "sms:failed": ("Failed", "failedAt")}
LIFE_EVENTS = ("system:ping", "app:started")
FORWARDED = (*INBOUND_EVENTS, *STATE_EVENTS, *LIFE_EVENTS)
"""The events that we ask the telephone to forward to us."""


def told_by(event: str, payload: Mapping[str, Any], moment: Callable[[object], datetime | None]) -> Told:
    """The state in an event of :data:`STATE_EVENTS`."""
    state, time = STATE_EVENTS[event]
    at = moment(payload.get(time))
    return Told(state, {} if at is None else {state: at}, str(payload.get("reason") or ""))


def inbound(
    event: str, event_id: str, payload: Mapping[str, Any], numbers: Mapping[str, str], region: str, at: datetime | None, now: datetime
) -> Inbound:
    """A message in an event of :data:`INBOUND_EVENTS`.

    A repeat is known by the telephone's own id and time of the message, which are also those of a later export of its inbox; the
    id of the event stands in where either is missing.

    Args:
        numbers: of the telephone's cards by slot; the telephone seldom knows them.
        region: country of a sender written without a country code.
        at: when it was received, as the telephone says.
    """
    slot = payload.get("simNumber")
    written = payload.get("recipient")
    recipient = numbers.get(str(slot)) or (_number(str(written), region, None) if written else None)
    own_id = str(payload.get("messageId") or "")
    kind = {"sms:received": InboundKind.SMS, "sms:data-received": InboundKind.DATA}.get(event, InboundKind.MMS)
    return Inbound(
        sender=_sender(str(payload.get("sender") or payload.get("phoneNumber") or ""), region),
        recipient=recipient,
        text=_text(event, payload),
        at=min(at, now) if at else now,
        kind=kind,
        provider_id=f"{event}:{own_id}:{at:%Y%m%d%H%M%S%f}" if own_id and at else f"{event}:{event_id}",
        sim=f"SIM{slot}" if slot in (1, 2, 3) else None,
        attachments=_attachments(payload.get("attachments")),
    )


def _text(event: str, payload: Mapping[str, Any]) -> str:
    if event == "sms:data-received":
        return str(payload.get("data") or "")
    return str(payload.get("message") or payload.get("body") or payload.get("subject") or "")


def _attachments(given: object) -> Sequence[Attachment]:
    if not isinstance(given, list):
        return ()
    found = [each for each in given if isinstance(each, dict)]
    return [
        Attachment(
            str(each.get("name") or each.get("partId") or "attachment")[:LONGEST_NAME],
            str(each.get("contentType") or "application/octet-stream")[:LONGEST_NAME],
            str(each.get("data") or ""),
        )
        for each in found
    ]


def _sender(written: str, region: str) -> str:
    """A full number as E.164; a short code or a name as it came."""
    return (_number(written, region, None) if sum(map(str.isdigit, written)) >= SHORTEST_FULL_NUMBER else None) or written[:LONGEST_SENDER]


def _number(written: str, region: str, otherwise: str | None) -> str | None:
    try:
        return normalise(written, region)
    except InvalidRecipient:
        return otherwise


# What the program shall be set to

SETTINGS: Mapping[str, tuple[type, tuple[Any, ...]]] = {
    "messages.send_interval_min": (int, (0, 86_400)),
    "messages.send_interval_max": (int, (0, 86_400)),
    "messages.sim_selection_mode": (str, ("OSDefault", "RoundRobin", "Random")),
    "messages.log_lifetime_days": (int, (1, 3650)),
    "messages.processing_order": (str, ("LIFO", "FIFO")),
    "webhooks.internet_required": (bool, ()),
    "webhooks.retry_count": (int, (1, 1000)),
    "logs.lifetime_days": (int, (1, 3650)),
}
"""What an operator may set of the program, beyond what the gateway sets: name → type, and its bounds or words."""
LONGEST_RETRIES = 30


def app_setting(name: str, value: object) -> Any:
    """A value for one of :data:`SETTINGS`.

    Raises:
        ValueError: with words for the operator.
    """
    if name not in SETTINGS:
        raise ValueError(f"{name} is not a setting of the program; there are {', '.join(SETTINGS)}")
    kind, allowed = SETTINGS[name]
    if type(value) is not kind:
        raise ValueError(f"{name} must be {'true or false' if kind is bool else 'a whole number' if kind is int else 'a word'}")
    if kind is int and not allowed[0] <= int(str(value)) <= allowed[1]:
        raise ValueError(f"{name} must be from {allowed[0]} to {allowed[1]}")
    if kind is str and value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}")
    return value


def app_settings(values: Mapping[str, Any], chosen: Mapping[str, Any], signing_key: str) -> dict[str, dict[str, Any]]:
    """The answer to the program's question for its settings. What the operator chose goes over what we would set."""
    period, most = next(
        ((word, values[name]) for word, name in _PERIODS if values[name]),
        ("Disabled", None),
    )
    told: dict[str, dict[str, Any]] = {
        # AUTO would make a telephone with Google's services wait for a push that only the program's maker can send.
        "gateway": {"notification_channel": "SSE_ONLY"},
        "messages": {"limit_period": period, "processing_order": "FIFO"} | ({"limit_value": most} if most else {}),
        "ping": {"interval_seconds": values["ping_seconds"] or None},
        "webhooks": {"signing_key": signing_key, "internet_required": True, "retry_count": LONGEST_RETRIES},
    }
    for name, value in chosen.items():
        group, _, word = name.partition(".")
        told.setdefault(group, {})[word] = value
    return told


_PERIODS = (("PerMinute", "parts_per_minute"), ("PerHour", "parts_per_hour"), ("PerDay", "parts_per_day"))
