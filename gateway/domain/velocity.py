"""Velocity caps: against SMS pumping, where somebody makes a program send without end to numbers that he earns by."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

TO_ONE_NUMBER = "velocity cap for this number: more than"
TO_A_PREFIX = "velocity cap for"
"""How the reason of a message over a cap begins."""


class Per(enum.StrEnum):
    """What a cap counts: messages to each number, or to all numbers of its prefix together."""

    NUMBER = "number"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True)
class VelocityRule:
    """At most ``most`` messages in each ``window_seconds``. ``prefix`` is digits without plus, "" for every destination; ``account_id``
    None: all accounts together. Windows begin at whole multiples of their length since 1970, so twice as many may pass around a border.
    """

    id: int
    account_id: int | None
    per: Per
    prefix: str
    most: int
    window_seconds: int

    def covers(self, account_id: int, recipient: str) -> bool:
        """Whether a message of this account to this number (E.164) counts."""
        return self.account_id in (None, account_id) and recipient.startswith(self.prefix, 1)

    def scope(self, recipient: str) -> str:
        """Where a message to this number is counted."""
        return f"{self.id}:{recipient if self.per is Per.NUMBER else self.prefix}"

    def window_start(self, now: datetime) -> datetime:
        """The beginning of the window that ``now`` lies in."""
        return datetime.fromtimestamp(now.timestamp() // self.window_seconds * self.window_seconds, UTC)

    @property
    def words(self) -> str:
        """What a message over the cap is told, without its number."""
        if self.per is Per.NUMBER:
            return f"{TO_ONE_NUMBER} {self.most} in {self.window_seconds} s"
        return f"{TO_A_PREFIX} +{self.prefix or '…'}: more than {self.most} in {self.window_seconds} s"


def over_cap(rule: VelocityRule, positions: Sequence[int], count_after: int) -> Sequence[int]:
    """Which of a scope's new messages are over its cap: the last ones.

    Args:
        positions: of the new messages, in their order.
        count_after: messages of the window, the new ones included.
    """
    room = max(rule.most - (count_after - len(positions)), 0)
    return positions[room:]
