"""Quiet hours: when people of a country are not to be woken. Decided by the recipient's number, in the country's own time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers

from gateway.domain.order import HIGHEST_PRIORITY

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Quiet:
    """The hours of one country from ``start_minute`` of the day up to, not including, ``end_minute``; the end may lie behind midnight.

    Raises ValueError for minutes outside a day, or start and end that are the same.
    """

    start_minute: int
    end_minute: int
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if not (0 <= self.start_minute < DAY_MINUTES and 0 <= self.end_minute < DAY_MINUTES) or self.start_minute == self.end_minute:
            raise ValueError("quiet hours begin and end at different minutes of a day")

    def ends_at(self, at: datetime) -> datetime | None:
        """When the quiet hours that ``at`` falls into are over; None outside them. By the clock on the wall, whatever its changes."""
        today = at.astimezone(self.zone).date()
        for day in (today - timedelta(days=1), today):
            end_day = day if self.start_minute < self.end_minute else day + timedelta(days=1)
            start, end = self._moment(day, self.start_minute), self._moment(end_day, self.end_minute)
            if start <= at < end:
                return end.astimezone(at.tzinfo)
        return None

    def _moment(self, day: date, minute: int) -> datetime:
        return datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=self.zone)


def quiet_until(hours: Mapping[str, Quiet], recipient: str, at: datetime, priority: int) -> datetime | None:
    """When a message may go that is due ``at``, if that is later; None: it may go then. The first lane is for alarms and always may.

    Args:
        hours: country, two capital letters → its quiet hours.
        recipient: E.164.
    """
    if not hours or priority == HIGHEST_PRIORITY:
        return None
    quiet = hours.get(region_of(recipient))
    return None if quiet is None else quiet.ends_at(at)


@lru_cache(maxsize=65_536)
def region_of(recipient: str) -> str:
    """The country of a number (E.164), two capital letters; "" for one that belongs to none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(recipient)) or ""
    except phonenumbers.NumberParseException:
        return ""
