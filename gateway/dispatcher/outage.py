"""The database being away: told once, waited out with growing pauses, and told once when it is over."""

from __future__ import annotations

import structlog

from gateway.domain.errors import StorageUnavailable

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0

log = structlog.get_logger()


class Outage:
    """One thread's view of the database. ``where`` names the thread in the log."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._failures = 0

    def struck(self, error: StorageUnavailable) -> float:
        """Notes a failure; the seconds to wait before the next try."""
        self._failures += 1
        if self._failures == 1:
            log.error("database_away", where=self._where, error=str(error))
        return float(min(FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE_SECONDS))

    def over(self) -> None:
        """Notes a success."""
        if self._failures:
            log.warning("database_back", where=self._where, failures=self._failures)
            self._failures = 0
