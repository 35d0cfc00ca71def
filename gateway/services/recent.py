"""What this process read from the database a moment ago: callers by session, by user name, by API key.

Reading them again took a fifth of the time of a send. What must never be stale (a revoked session or key, a changed or
disabled user) is checked again by the statement that charges (:mod:`gateway.storage.accept`); an account's settings may show five
seconds late.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

KEEP_SECONDS = 5.0
MOST_ENTRIES = 10_000

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by key, bounded in number and in age."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value, if it was read at most five seconds ago."""
        kept = self._kept.get(key)
        return kept[1] if kept is not None and time.monotonic() - kept[0] < KEEP_SECONDS else None

    def keep(self, key: Key, value: Value) -> Value:
        """Remembers a value just read; the one read longest ago makes room."""
        with self._lock:
            self._kept[key] = (time.monotonic(), value)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_ENTRIES:
                self._kept.popitem(last=False)
        return value

    def forget(self, key: Key) -> None:
        """Makes the next question read the database."""
        with self._lock:
            self._kept.pop(key, None)
