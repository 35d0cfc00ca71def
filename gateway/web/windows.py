"""Counters for the limits library that cost less than its own: in this process without a thread, in Redis with one question a call.

The library's memory storage starts a timer thread for nearly every call to look for counters that are over, which cost a tenth of a
send. Here those that are over go when new ones come. And of Redis it asks twice more what the count has just told.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from limits.storage import RedisStorage, Storage

MOST_WINDOWS = 100_000
"""Beyond this many callers in one window the oldest counts are forgotten: memory has an end, and so has what a limit can remember."""


class ProcessWindows(Storage):
    """Counts that begin with their first call and end ``expiry`` seconds later. Safe for several threads."""

    STORAGE_SCHEME = ["process"]  # noqa: RUF012 - the library reads it from the class

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: float | str | bool) -> None:
        super().__init__(uri, wrap_exceptions, **options)
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError  # none is ever raised

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts ``amount`` more and gives the sum of the running window; begins one where none runs."""
        now = time.time()
        with self._lock:
            count, until = self._windows.get(key, (0, 0.0))
            if until <= now:
                self._windows.pop(key, None)
                self._drop_over(now)
                count, until = 0, now + expiry
            self._windows[key] = (count + amount, until)
            return count + amount

    def get(self, key: str) -> int:
        """The sum of the running window."""
        count, until = self._windows.get(key, (0, 0.0))
        return count if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """When the running window ends, in seconds since 1970; now, where none runs."""
        return max(self._windows.get(key, (0, 0.0))[1], time.time())

    def check(self) -> bool:
        """It is always there."""
        return True

    def reset(self) -> int:
        """Forgets everything; how many windows there were."""
        with self._lock:
            number = len(self._windows)
            self._windows.clear()
            return number

    def clear(self, key: str) -> None:
        """Forgets one window."""
        with self._lock:
            self._windows.pop(key, None)

    def _drop_over(self, now: float) -> None:
        """Windows stand in the order in which they began, and all are equally long."""
        while self._windows:
            oldest = next(iter(self._windows))
            if self._windows[oldest][1] > now and len(self._windows) < MOST_WINDOWS:
                return
            del self._windows[oldest]


class SharedWindows(RedisStorage):
    """Counts in Redis, shared by all workers; remembers, in each thread, what the last count gave."""

    PREFIX = "counted+"
    STORAGE_SCHEME = ["counted+redis", "counted+rediss", "counted+redis+unix"]  # noqa: RUF012 - the library reads it from the class

    def __init__(self, uri: str, wrap_exceptions: bool = False, **options: float | str | bool) -> None:
        super().__init__(uri.removeprefix(self.PREFIX), wrap_exceptions=wrap_exceptions, **options)  # type: ignore[arg-type]  # key_prefix is among them
        self._last = threading.local()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts ``amount`` more and gives the sum of the running window; begins one where none runs."""
        count = super().incr(key, expiry, amount)
        self._last.counted = (key, count)
        return count

    def counted(self, key: str) -> int | None:
        """What the last count of this thread gave, if it was of this key."""
        last: tuple[str, int] | None = getattr(self._last, "counted", None)
        return last[1] if last is not None and last[0] == key else None
