"""Callers that this process read from the database a moment ago.

Reading them again took a fifth of the time of a send. What must never be stale, a revoked session or a disabled user, is checked
again by the statement that charges (:mod:`gateway.storage.accept`); an account's settings may show five seconds late.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from datetime import datetime
from uuid import UUID

from gateway.storage.identity import Caller

KEEP_SECONDS = 5.0
MOST_ENTRIES = 10_000


class RecentCallers:
    """Callers by session, with when the session was last seen. Bounded in number and in age."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, tuple[float, Caller, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, session_id: UUID) -> tuple[Caller, datetime] | None:
        """The caller and when the session was last seen, if read at most five seconds ago."""
        kept = self._kept.get(session_id)
        return (kept[1], kept[2]) if kept is not None and time.monotonic() - kept[0] < KEEP_SECONDS else None

    def keep(self, session_id: UUID, caller: Caller, last_seen: datetime) -> None:
        """Remembers a caller just read; the one read longest ago makes room."""
        with self._lock:
            self._kept[session_id] = (time.monotonic(), caller, last_seen)
            self._kept.move_to_end(session_id)
            while len(self._kept) > MOST_ENTRIES:
                self._kept.popitem(last=False)
