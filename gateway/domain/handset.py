"""Telephones that fetch their messages themselves: how they name a message, what they say of it, and how many they may have.

A telephone knows a message by a name that is ours. It takes a name that it knows for done, whatever became of it, so the name is that of
one try: a message that is tried again has another name, and the same try may be shown as often as it is asked for.
"""

from __future__ import annotations

import base64
import binascii
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from gateway.domain import ids
from gateway.domain.sending import AttemptKey, FailureKind

TELEPHONES = frozenset({"android", "cht", "httpsms_phone"})
"""The kinds of connectors whose telephones fetch their messages themselves; no dispatcher serves them."""
NAME_LENGTH = 36
"""Characters of every name: as long as a UUID is written, which some programs have room for and no more."""
_MESSAGE_BYTES, _ACCOUNT_BYTES, _NUMBER_BYTES = 16, 6, 5
MINUTE, HOUR, DAY = 60, 3600, 86_400


class Stage(enum.StrEnum):
    """How far a telephone says that a message came.

    taken        the telephone has it and will send it
    sent         the network took it
    delivered    the other handset has it
    undelivered  the network took it, and gave it up
    failed       the network did not take it; why stands beside it
    withdrawn    never sent, because it was called back
    """

    TAKEN = "taken"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Report:
    """What a telephone says of one try of a message. The same may come again, late, or out of order.

    ``failure`` is given with the stage ``failed`` and with no other. ``at`` (aware) is the telephone's time of it. ``code`` and ``detail``
    are its own words; no text and no number stands in them. ``is_whole``: of a message in several parts none was sent; where that is not
    known, a failure that would be tried again leaves the outcome unknown, since some part may have arrived.
    """

    key: AttemptKey
    stage: Stage
    at: datetime
    failure: FailureKind | None = None
    code: str = ""
    detail: str = ""
    is_whole: bool = False

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise ValueError("the time of a report must be aware")
        if (self.failure is not None) != (self.stage is Stage.FAILED):
            raise ValueError("a failure, and nothing else, has a kind")


def name_of(key: AttemptKey) -> str:
    """The name that a telephone knows a try by: 36 letters, digits, ``-`` and ``_``."""
    message = ids.message_id(key.order_id, key.position)
    raw = message.bytes + key.account_id.to_bytes(_ACCOUNT_BYTES, "big") + key.number.to_bytes(_NUMBER_BYTES, "big")
    return base64.urlsafe_b64encode(raw).decode("ascii")


def key_of(name: str) -> AttemptKey | None:
    """The try behind a name; None where :func:`name_of` made no such name."""
    if len(name) != NAME_LENGTH or not name.isascii():
        return None
    try:
        raw = base64.b64decode(name, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    order, position = ids.of_message(UUID(bytes=raw[:_MESSAGE_BYTES]))
    account = int.from_bytes(raw[_MESSAGE_BYTES : _MESSAGE_BYTES + _ACCOUNT_BYTES], "big")
    return AttemptKey(account, order, position, int.from_bytes(raw[_MESSAGE_BYTES + _ACCOUNT_BYTES :], "big"))


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator lets a telephone have.

    Args:
        validity: how long it may try to send what it was given.
        caps: seconds of a window → most parts in it; windows begin with their first part.
        most: messages that it may hold at once.
        takes_encrypted: whether its program can read a customer's cipher text.
    """

    validity: timedelta = timedelta(hours=24)
    caps: Mapping[int, int] = field(default_factory=dict)
    most: int = 100
    takes_encrypted: bool = False


class Windows:
    """How many parts a telephone was given in each running window. Kept between calls as :meth:`stored`."""

    def __init__(self, caps: Mapping[int, int], stored: Mapping[str, list[object]], now: datetime) -> None:
        """``stored`` is what :meth:`stored` gave; windows that are over, or no longer capped, are left out."""
        self._caps, self._now = dict(caps), now
        self._used: dict[int, tuple[datetime, int]] = {}
        for name, (since, parts) in stored.items():
            start = datetime.fromisoformat(str(since))
            if int(name) in caps and now - start < timedelta(seconds=int(name)):
                self._used[int(name)] = start, int(str(parts))

    def room(self) -> int | None:
        """How many more messages of one part it may be given now; None: any number."""
        return min((max(most - self._parts(seconds), int(self._parts(seconds) == 0)) for seconds, most in self._caps.items()), default=None)

    def admits(self, parts: int) -> bool:
        """Whether it may be given a message of so many parts now. One that is longer than a window allows has an empty window to itself."""
        return all(self._parts(seconds) == 0 or self._parts(seconds) + parts <= most for seconds, most in self._caps.items())

    def take(self, parts: int) -> None:
        """Counts parts that it is given now."""
        for seconds in self._caps:
            start = self._used.get(seconds, (self._now, 0))[0]
            self._used[seconds] = start, self._parts(seconds) + parts

    def stored(self) -> dict[str, list[object]]:
        """The counts as JSON can hold them."""
        return {str(seconds): [start.isoformat(), parts] for seconds, (start, parts) in self._used.items()}

    def _parts(self, seconds: int) -> int:
        return self._used[seconds][1] if seconds in self._used else 0
