"""Quiet hours by the recipient's own clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.quiet import Quiet, quiet_until, region_of

PARIS = ZoneInfo("Europe/Paris")
NIGHT = Quiet(21 * 60, 8 * 60, PARIS)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-05-04 20:59:59", None),
        ("2026-05-04 21:00:00", "2026-05-05 08:00"),
        ("2026-05-05 00:00:00", "2026-05-05 08:00"),
        ("2026-05-05 07:59:59", "2026-05-05 08:00"),
        ("2026-05-05 08:00:00", None),
        ("2026-03-29 01:30:00", "2026-03-29 08:00"),  # the night loses an hour
        ("2026-10-25 02:30:00", "2026-10-25 08:00"),  # and gains one
    ],
)
def test_a_night_ends_by_the_clock_on_the_wall(moment: str, until: str | None) -> None:
    assert NIGHT.ends_at(at(moment)) == (None if until is None else at(until))


def test_hours_within_one_day() -> None:
    noon = Quiet(12 * 60, 14 * 60 + 30, PARIS)
    assert noon.ends_at(at("2026-05-04 13:00")) == at("2026-05-04 14:30")
    assert noon.ends_at(at("2026-05-04 14:30")) is None


@pytest.mark.parametrize(("start", "end"), [(5, 5), (-1, 5), (0, 1440), (1440, 0)])
def test_minutes_that_make_no_hours(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="different minutes"):
        Quiet(start, end, PARIS)


@pytest.mark.parametrize(
    ("recipient", "priority", "is_put_off"),
    [
        ("+33612345678", 2, True),
        ("+33612345678", 3, True),
        ("+33612345678", 1, False),
        ("+393471234567", 2, False),
        ("+999000001", 2, False),
    ],
)
def test_only_that_country_and_never_an_alarm(recipient: str, priority: int, is_put_off: bool) -> None:
    found = quiet_until({"FR": NIGHT}, recipient, at("2026-05-04 23:00"), priority)
    assert (found is not None) == is_put_off


def test_no_hours_ask_nothing() -> None:
    assert quiet_until({}, "nonsense", at("2026-05-04 23:00"), 3) is None


@pytest.mark.parametrize(("number", "region"), [("+12025550123", "US"), ("+14165550123", "CA"), ("+999000001", ""), ("12", "")])
def test_countries_of_numbers(number: str, region: str) -> None:
    assert region_of(number) == region
