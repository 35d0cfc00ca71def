"""Answers of the database that stay good for a moment: asked once, given to everybody until then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Values by key, each at most ``seconds`` old. Keys must be few: none is ever dropped.

    One thread asks at a time; the others wait for its answer instead of asking too.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: Key, read: Callable[[], Value]) -> Value:
        """The kept value, else what ``read`` gives now. Nothing is kept when it raises."""
        kept = self._fresh(key)
        if kept is None:
            with self._lock:
                kept = self._fresh(key)
                if kept is None:
                    value = read()
                    kept = self._kept[key] = (time.monotonic() + self._seconds, value)
        return kept[1]

    def forget(self) -> None:
        """Makes the next questions read the database."""
        self._kept.clear()

    def _fresh(self, key: Key) -> tuple[float, Value] | None:
        kept = self._kept.get(key)
        return kept if kept is not None and time.monotonic() < kept[0] else None
