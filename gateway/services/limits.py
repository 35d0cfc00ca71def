"""Wrong guesses, counted per address and per user before any password is hashed.

With Redis the count is shared by all workers and machines. When Redis is away each process counts for itself: a limit
may then be reached late, by as many times as there are processes; nobody is locked out and nothing is let in unchecked.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from gateway.config import Settings
from gateway.domain.errors import Throttled

REDIS_RETRY_SECONDS = 2.0
REDIS_TIMEOUT_SECONDS = 0.5


class GuessLimits:
    """Counts failed sign-ins. Keys are digests, so neither names nor addresses stand readable in Redis."""

    def __init__(self, settings: Settings) -> None:
        self._per_user = RateLimitItemPerMinute(settings.guesses_per_minute_user)
        self._per_address = RateLimitItemPerMinute(settings.guesses_per_minute_address)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared = FixedWindowRateLimiter(_redis(settings.redis_url)) if settings.redis_url else None
        self._away_until = 0.0

    def check(self, username: str, address: str) -> None:
        """Refuses when the user or the address has guessed wrong too often.

        Raises:
            Throttled: with the seconds until the next guess is allowed.
        """
        for item, key in self._keys(username, address):
            if not self._ask("test", item, key):
                raise Throttled(max(1, round(self._ask("get_window_stats", item, key).reset_time - time.time())))

    def count(self, username: str, address: str) -> None:
        """Notes one wrong guess."""
        for item, key in self._keys(username, address):
            self._ask("hit", item, key)

    def _keys(self, username: str, address: str) -> list[tuple[RateLimitItemPerMinute, str]]:
        pairs = [(self._per_address, f"address:{address}")] if address else []
        if username:
            pairs.append((self._per_user, f"user:{username}"))
        return [(item, hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]) for item, key in pairs]

    def _ask(self, verb: str, item: RateLimitItemPerMinute, key: str) -> Any:
        limiter = self._limiter()
        try:
            return getattr(limiter, verb)(item, key)
        except StorageError:
            self._away_until = time.monotonic() + REDIS_RETRY_SECONDS
            return getattr(self._own, verb)(item, key)

    def _limiter(self) -> FixedWindowRateLimiter:
        if self._shared is None or time.monotonic() < self._away_until:
            return self._own
        return self._shared


def _redis(url: str) -> Storage:
    return RedisStorage(
        url,
        wrap_exceptions=True,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        key_prefix="dragoman:guesses",
    )
