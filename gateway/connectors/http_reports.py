"""What carriers call us for: receipts and messages from handsets, at ``/carrier/CONNECTOR/SECRET/receipt`` and ``…/inbound``.

Reads a call as the connector's settings say. Recording it is the inlet's work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.connectors.base import Inbound, Receipt, Setting
from gateway.connectors.http_answers import words
from gateway.connectors.http_rules import at
from gateway.connectors.settings import text
from gateway.domain.message import State

MOST_REPORTS = 1000
LEAST_SECRET = 16
LONGEST_TEXT = 40_000

INLET_SECRET = Setting(
    "inlet_secret", "The secret in the addresses that the carrier calls, letters, digits, - and _; without it nobody can.", text(200), "",
    secret=True,
)  # fmt: skip

REPORTS: tuple[Setting, ...] = (
    INLET_SECRET,
    Setting("inlet_answer", "What the carrier wants to read when it called.", text(200, least=0), "OK"),
    Setting("report_list", "Pointer to the list of reports, where one JSON call holds several.", text(200, least=0), ""),
    Setting("receipt_id", "Parameter (or /pointer into JSON) with the message's id.", text(200), "id"),
    Setting("receipt_state", "Parameter with its state.", text(200), "status"),
    Setting("receipt_time", "Parameter with the time of the event.", text(200, least=0), ""),
    Setting("receipt_code", "Parameter with the carrier's error code.", text(200, least=0), ""),
    Setting("delivered_words", "States that mean delivered, separated by commas.", text(), "delivered,DELIVRD,DELIVERED,DLVRD"),
    Setting("undelivered_words", "States that mean given up.", text(), "undelivered,failed,rejected,UNDELIV,REJECTD,DELETED,UNDELIVERABLE"),
    Setting("expired_words", "States that mean expired.", text(), "expired,EXPIRED"),
    Setting("inbound_sender", "Parameter with the sender of a message that came in.", text(200), "from"),
    Setting("inbound_recipient", "Parameter with the number it came to.", text(200), "to"),
    Setting("inbound_text", "Parameter with its text.", text(200), "text"),
    Setting("inbound_time", "Parameter with its time.", text(200, least=0), ""),
    Setting("inbound_id", "Parameter with the carrier's id for it.", text(200, least=0), "id"),
    Setting("zone", "Time zone of the carrier's times that name none.", text(60), "UTC"),
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a carrier. ``fields`` are the query and the form, the form winning."""

    fields: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False, default=b"")


class BadCall(ValueError):
    """The call cannot be read. The words name a field, no value."""


Read = Callable[[Mapping[str, Any], Call, datetime], "Sequence[Receipt | Inbound]"]


def receipts(settings: Mapping[str, Any], call: Call, now: datetime) -> list[Receipt]:
    """The receipts of a call; those whose state is none of the known words are left out. Raises BadCall."""
    states = _states(settings)
    found = []
    for report in _reports(settings, call):
        name, state = _required(report, settings["receipt_id"]), _required(report, settings["receipt_state"])
        if state.lower() in states:
            when = moment(_value(report, settings["receipt_time"]), settings["zone"], now)
            code = _value(report, settings["receipt_code"]) or state
            found.append(Receipt(name, states[state.lower()], when, code))
    return found


def inbound(settings: Mapping[str, Any], call: Call, now: datetime) -> list[Inbound]:
    """The messages of a call. Raises BadCall."""
    found = []
    for report in _reports(settings, call):
        written = _value(report, settings["inbound_text"])
        if written is None or len(written) > LONGEST_TEXT:
            raise BadCall(f"{settings['inbound_text']} is missing or too long")
        sender = number(_required(report, settings["inbound_sender"]))
        recipient = number(_value(report, settings["inbound_recipient"]) or "")
        when = moment(_value(report, settings["inbound_time"]), settings["zone"], now)
        found.append(Inbound(sender, recipient or None, written, when, provider_id=_value(report, settings["inbound_id"]) or ""))
    return found


def number(written: str) -> str:
    """A telephone number with its plus; a name, or a short code, as it came."""
    digits = re.sub(r"[ ()./-]", "", written.strip())
    if re.fullmatch(r"(\+|00)?[1-9][0-9]{6,14}", digits):
        return "+" + digits.removeprefix("+").removeprefix("00")
    return written.strip()


def moment(written: str | None, zone: str, now: datetime) -> datetime:
    """A carrier's time: ISO 8601, seconds or milliseconds since 1970, or 14 or 12 digits. Never after ``now``, which also stands for
    what cannot be read.
    """
    found = _read_moment((written or "").strip(), zone)
    return min(found, now) if found and now - found < timedelta(days=365) else now


def _read_moment(written: str, zone: str) -> datetime | None:
    try:
        local = ZoneInfo(zone)
        if re.fullmatch("[0-9]{14}|[0-9]{12}", written):
            return datetime.strptime(written, "%Y%m%d%H%M%S" if len(written) == 14 else "%Y%m%d%H%M").replace(tzinfo=local).astimezone(UTC)
        if re.fullmatch("[0-9]{10}|[0-9]{13}", written):
            return datetime.fromtimestamp(int(written) / (1 if len(written) == 10 else 1000), UTC)
        if re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", written):
            read = datetime.fromisoformat(written)
            return (read if read.tzinfo else read.replace(tzinfo=local)).astimezone(UTC)
    except (ValueError, OSError, OverflowError, ZoneInfoNotFoundError):
        pass
    return None


def _states(settings: Mapping[str, Any]) -> dict[str, State]:
    found: dict[str, State] = {}
    for name, state in (("expired", State.EXPIRED), ("undelivered", State.UNDELIVERED), ("delivered", State.DELIVERED)):
        found |= {word.strip().lower(): state for word in settings[f"{name}_words"].split(",") if word.strip()}
    return found


def _reports(settings: Mapping[str, Any], call: Call) -> Sequence[Mapping[str, Any]]:
    """The reports of a call: its parameters, or what its JSON holds."""
    if call.body.lstrip()[:1] not in (b"{", b"["):
        return [call.fields]
    try:
        value = json.loads(call.body)
    except (ValueError, RecursionError):
        raise BadCall("the body is no JSON") from None
    found = at(value, settings["report_list"]) if settings["report_list"] else value
    entries = found if isinstance(found, list) else [found]
    if len(entries) > MOST_REPORTS or not all(isinstance(each, dict) for each in entries):
        raise BadCall(f"the body holds no report, or more than {MOST_REPORTS}")
    return [dict(call.fields) | each for each in entries]


def _value(report: Mapping[str, Any], name: str) -> str | None:
    if not name:
        return None
    value = at(report, name) if name.startswith("/") else report.get(name)
    return words(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _required(report: Mapping[str, Any], name: str) -> str:
    value = _value(report, name)
    if not value:
        raise BadCall(f"{name} is missing")
    return value


def require_usable(settings: Mapping[str, Any]) -> None:
    """Raises ValueError for a secret that could be guessed, or cannot stand in a path, and for a zone that is none."""
    require_zone(settings["zone"])
    require_secret(settings)


def require_zone(name: str) -> None:
    """Raises ValueError for a time zone that is none."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("zone must be a name such as Europe/Rome") from None


def require_secret(settings: Mapping[str, Any]) -> None:
    """Raises ValueError for a secret that could be guessed, or cannot stand in a path."""
    secret = settings["inlet_secret"]
    if secret and (len(secret) < LEAST_SECRET or not re.fullmatch("[A-Za-z0-9_-]+", secret)):
        raise ValueError(f"inlet_secret must be at least {LEAST_SECRET} letters, digits, - or _")


READERS: Mapping[str, Read] = {"receipt": receipts, "inbound": inbound}
