"""The speed limit of one connector: a token bucket in parts per second. Time is handed in, so tests need no waiting."""

from __future__ import annotations

BURST_SECONDS = 0.25


class TokenBucket:
    """Tokens are parts. A batch may overdraw the bucket, because a message's parts are known only once it is claimed; the debt
    is then paid by waiting, so that the rate holds on average.

    Args:
        parts_per_second: 0 means no limit.
        now: seconds of any steady clock.
    """

    def __init__(self, parts_per_second: int, now: float) -> None:
        self._rate = parts_per_second
        self._most = max(parts_per_second * BURST_SECONDS, 1.0)
        self._tokens = self._most
        self._then = now

    def room(self, now: float, most: int) -> int:
        """How many messages may be claimed now, up to ``most``, each counted as one part."""
        if not self._rate:
            return most
        self._refill(now)
        return max(min(int(self._tokens), most), 0)

    def spend(self, parts: int) -> None:
        """Takes the parts of what was claimed."""
        if self._rate:
            self._tokens -= parts

    def wait_seconds(self, now: float) -> float:
        """Until the next message may be claimed; 0 when one may now."""
        if not self._rate:
            return 0.0
        self._refill(now)
        return max((1.0 - self._tokens) / self._rate, 0.0)

    def _refill(self, now: float) -> None:
        self._tokens = min(self._tokens + (now - self._then) * self._rate, self._most)
        self._then = now
