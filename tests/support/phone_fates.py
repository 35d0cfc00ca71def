"""What a played telephone keeps of a message, what becomes of it there, and how the program writes and reads dates.

Source: contract android-devices, B.2, B.3 and B.5.
"""

from __future__ import annotations

import enum
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timezone

ONE_PART = 70
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
"""What its date parser reads as we mean it; six digits would be taken for so many milliseconds."""


class Mismatch(AssertionError):
    """The server's answer is not what the program can read."""


class Fate(enum.Enum):
    """What becomes of a message on the telephone, and of its reports."""

    DELIVERED = "delivered"
    SENT = "sent, and never a word from the network"
    REFUSED = "refused by the network"
    NO_SERVICE = "no service"
    UNDELIVERED = "sent, and given up by the network"
    DEAD = "the battery died after Processed"
    SILENT = "delivered, and every report lost until the message is seen again"
    TWICE = "delivered, each report made twice"
    DISORDER = "delivered, the reports of Processed and Sent come after that of Delivered"
    PATCHY = "a part failed, then the whole was delivered"


@dataclass
class Stored:
    """A message that the telephone knows. ``times`` holds the first time of each state."""

    id: str
    text: str
    recipient: str
    sim: int | None
    priority: int
    created: datetime
    valid_until: datetime | None
    wants_delivery: bool
    state: str = "Pending"
    error: str | None = None
    times: dict[str, datetime] = field(default_factory=dict)


def written(moment: datetime, zone: timezone) -> str:
    """A date as the program writes it: three digits, and ``Z`` or a numeric offset."""
    local = moment.astimezone(zone)
    offset = "Z" if zone == UTC else f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:]
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03}{offset}"


def read(value: str | None) -> datetime | None:
    """A date as the program reads it. Raises Mismatch for one that it would misread."""
    if value is None:
        return None
    if not DATE.fullmatch(value):
        raise Mismatch(f"the program misreads the date {value}")
    return datetime.fromisoformat(value)


def by_recipient(fates: Mapping[str, Fate], usual: Fate = Fate.DELIVERED) -> Callable[[Stored], Fate]:
    """Fates by whom the message is to."""
    return lambda message: fates.get(message.recipient, usual)


def by_seed(seed: int, among: Sequence[Fate] = tuple(Fate)) -> Callable[[Stored], Fate]:
    """A fate for each message and try, by chance but the same with the same seed. Only long messages have parts to fail singly."""
    tries: Counter[str] = Counter()

    def choose(message: Stored) -> Fate:
        tries[message.recipient] += 1
        fate = random.Random(f"{seed} {message.recipient} {tries[message.recipient]}").choice(list(among))
        return Fate.DELIVERED if fate is Fate.PATCHY and len(message.text) <= ONE_PART else fate

    return choose
