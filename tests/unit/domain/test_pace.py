"""How the messages of one number are spread over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.pace import Pace, Window, interval_seconds

PHONE = UUID(int=1)
ROME = ZoneInfo("Europe/Rome")
MONDAY = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)  # 09:00 in Rome


@pytest.mark.parametrize(("a_minute", "seconds"), [(0, 0), (1, 60), (7, 8), (10, 6), (60, 1), (61, 0)])
def test_interval(a_minute: int, seconds: int) -> None:
    assert interval_seconds(a_minute) == seconds


def test_without_limits_all_go_at_once() -> None:
    assert Pace(PHONE).slots(MONDAY, 3) == [MONDAY] * 3


def test_an_interval_spreads_them() -> None:
    assert Pace(PHONE, 6).slots(MONDAY, 3) == [MONDAY, MONDAY + timedelta(seconds=6), MONDAY + timedelta(seconds=12)]


class TestWindows:
    OFFICE = (Window(1, 9 * 60, 17 * 60), Window(2, 9 * 60, 17 * 60))
    """Monday and Tuesday, nine to five in Rome."""

    def pace(self, seconds: int = 0) -> Pace:
        return Pace(PHONE, seconds, self.OFFICE, ROME)

    @pytest.mark.parametrize(
        ("at", "allowed"),
        [
            (datetime(2026, 1, 5, 7, 59, tzinfo=UTC), MONDAY),
            (MONDAY, MONDAY),
            (datetime(2026, 1, 5, 15, 59, 59, tzinfo=UTC), datetime(2026, 1, 5, 15, 59, 59, tzinfo=UTC)),
            (datetime(2026, 1, 5, 16, 0, tzinfo=UTC), datetime(2026, 1, 6, 8, 0, tzinfo=UTC)),
            (datetime(2026, 1, 6, 16, 0, tzinfo=UTC), datetime(2026, 1, 12, 8, 0, tzinfo=UTC)),
            (datetime(2026, 3, 28, 12, 0, tzinfo=UTC), datetime(2026, 3, 30, 7, 0, tzinfo=UTC)),
        ],
        ids=["before", "at its start", "in its last second", "at its end", "after the last of the week", "over a change of the clock"],
    )
    def test_wait_for_the_next(self, at: datetime, allowed: datetime) -> None:
        assert self.pace().allowed(at) == allowed

    def test_with_an_interval_the_rest_goes_in_the_next(self) -> None:
        last_minute = datetime(2026, 1, 5, 15, 59, 0, tzinfo=UTC)
        assert self.pace(40).slots(last_minute, 3) == [
            last_minute,
            last_minute + timedelta(seconds=40),
            datetime(2026, 1, 6, 8, 0, tzinfo=UTC),
        ]
