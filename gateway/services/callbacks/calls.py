"""What the ways of calling share: where a call goes, what it says, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gateway.config import Settings
from gateway.domain.callback import News


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint with its secrets in clear. ``subject`` names the account to httpSMS receivers, "" where nobody asks."""

    id: UUID
    account_id: int | None
    kind: str
    host: str
    url: str = field(repr=False)
    method: str = "POST"
    key_id: str | None = None
    signing_key: str = field(default="", repr=False)
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One event in the words of one kind: the name it goes by and what is stored of it until it is told."""

    event: str
    payload: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call to be made: its id, its event, and when that happened to be written down."""

    id: UUID
    event: str
    payload: Mapping[str, Any] = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it goes out."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """A way of calling.

    ``events`` are the names its endpoints choose from; ``told`` gives an event in its words, None where it has none; ``call`` makes the
    request of a delivery at a moment; ``is_success`` judges the status of the answer; ``sample`` is what a trial tells.
    """

    events: tuple[str, ...]
    told: Callable[[News], Told | None]
    call: Callable[[Target, Delivery, datetime, Settings], Call]
    is_success: Callable[[int], bool]
    sample: Callable[[datetime], Told]


def is_ok(status: int) -> bool:
    """200 to 299."""
    return 200 <= status < 300


def compact(value: Mapping[str, Any]) -> bytes:
    """JSON without blanks, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with ``Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
