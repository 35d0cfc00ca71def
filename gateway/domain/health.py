"""How well a connector does: a score from 0 to 100, lost by failures and slow receipts, and earned back with time.

A carrier that refuses a number for good does its work; what counts against it is what would have befallen any message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.domain.sending import FailureKind

FAULT: Mapping[FailureKind | None, float] = MappingProxyType(
    {
        None: 0.0,
        FailureKind.RETRY_LATER: 1.0,
        FailureKind.UNKNOWN: 1.0,
        FailureKind.MISCONFIGURED: 1.0,
        FailureKind.THROTTLED: 0.3,
    }
)
"""How much of a failure each outcome is. A final refusal is the message's own fault and says nothing."""
HALF_LIFE_SECONDS = 120.0
"""After this time an outcome or a slow receipt counts half."""
TRUST = 5.0
"""So many good outcomes are taken for granted: one failure after a quiet night is not the end."""
QUICK, SLOW = 0.1, 0.005
"""How much the newest receipt moves the recent and the usual delay."""
FIRST_RECEIPTS = 20
"""The usual delay is the average of so many receipts at first, and not known before."""
PATIENCE, PATIENCE_SECONDS = 2.0, 10.0
"""Receipts are slow when they take more than twice as long as usual and ten seconds more."""


class Health:
    """The health of one connector. Times are seconds of any steady clock."""

    def __init__(self, now: float) -> None:
        self._then = now
        self._good = 0.0
        self._bad = 0.0
        self._receipts = 0
        self._recent = 0.0
        self._usual = 0.0
        self._slow_at = now

    def outcome(self, failure: FailureKind | None, now: float) -> None:
        """Takes an outcome into account; None is an acceptance."""
        if failure in FAULT:
            self._fade(now)
            self._bad += FAULT[failure]
            self._good += 1.0 - FAULT[failure]

    def receipt(self, delay_seconds: float, now: float) -> None:
        """Takes into account how long a final receipt took from the carrier's acceptance."""
        self._receipts += 1
        at_first = 1.0 / self._receipts  # a plain average
        self._usual += (delay_seconds - self._usual) * (at_first if self._receipts <= FIRST_RECEIPTS else SLOW)
        self._recent += (delay_seconds - self._recent) * max(at_first, QUICK)
        self._slow_at = now

    def score(self, now: float) -> int:
        """0 to 100."""
        self._fade(now)
        worked = (self._good + TRUST) / (self._good + self._bad + TRUST)
        return round(100 * worked * self._promptness(now))

    def _fade(self, now: float) -> None:
        kept = _kept(now - self._then)
        self._good *= kept
        self._bad *= kept
        self._then = now

    def _promptness(self, now: float) -> float:
        """From 1 for receipts as quick as usual towards 0. Without new receipts the slow ones are forgotten."""
        if self._receipts < FIRST_RECEIPTS:
            return 1.0
        bearable = max(PATIENCE * self._usual, self._usual + PATIENCE_SECONDS)
        if self._recent <= bearable:
            return 1.0
        return 1.0 - (1.0 - bearable / self._recent) * _kept(now - self._slow_at)


def _kept(seconds: float) -> float:
    return float(0.5 ** (max(seconds, 0.0) / HALF_LIFE_SECONDS))
