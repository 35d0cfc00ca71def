"""How the messages of one number are spread over time: so many a minute, and only in its hours.

Source: contract httpsms section 3, "Throttling and scheduling".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of one day of the week: ``day`` 0 is Sunday, ``start_minute`` up to but not including ``end_minute`` of that day."""

    day: int
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True)
class Pace:
    """The rhythm of the number ``phone_id``: ``interval_seconds`` between two messages, within ``windows`` (none: at any hour)."""

    phone_id: UUID
    interval_seconds: int = 0
    windows: Sequence[Window] = ()
    zone: ZoneInfo = ZoneInfo("UTC")  # noqa: RUF009 - immutable

    def slots(self, first: datetime, count: int) -> list[datetime]:
        """When each of ``count`` messages may go, none before ``first``."""
        slots = []
        at = first
        for _ in range(count):
            at = self.allowed(at)
            slots.append(at)
            at += timedelta(seconds=self.interval_seconds)
        return slots

    def allowed(self, at: datetime) -> datetime:
        """``at``, or the beginning of the next window. A window that the clock change swallows is passed over."""
        if not self.windows:
            return at
        local = at.astimezone(self.zone)
        for days in range(8):
            day = (local + timedelta(days=days)).date()
            for window in sorted(self.windows, key=lambda window: window.start_minute):
                if window.day != day.isoweekday() % 7:
                    continue
                start, end = (self._moment(day, minute) for minute in (window.start_minute, window.end_minute))
                if at < end:
                    return max(at, start)
        return at

    def _moment(self, day: date, minute: int) -> datetime:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return (midnight + timedelta(minutes=minute)).astimezone(UTC)  # on the wall clock, then as an instant


def interval_seconds(messages_per_minute: int) -> int:
    """Seconds between two messages, rounded down; 0 for no limit: 7 a minute gives 8 s, above 60 gives 0."""
    return 60 // messages_per_minute if messages_per_minute else 0
