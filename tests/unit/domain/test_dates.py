"""Dates: every form an old program sends, the two odd hours of the year, and nothing but InvalidDate for the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import dates
from gateway.domain.errors import InvalidDate, InvalidField

ROME = ZoneInfo("Europe/Rome")
ZONES = [
    UTC,
    ROME,
    *map(ZoneInfo, ("America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")),
    timezone(timedelta(hours=-3)),
]


def at(year, month, day, hour=0, minute=0, second=0, microsecond=0):
    return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("211126", at(2026, 11, 20, 23, 0)),
        ("20261121", at(2026, 11, 20, 23, 0)),
        ("2026-11-21", at(2026, 11, 20, 23, 0)),
        ("2111260147", at(2026, 11, 21, 0, 47)),
        ("202611210147", at(2026, 11, 21, 0, 47)),
        ("20261121014738", at(2026, 11, 21, 0, 47, 38)),
        ("20171223101010", at(2017, 12, 23, 9, 10, 10)),
        (" 20171223101010\n", at(2017, 12, 23, 9, 10, 10)),
        ("2026-11-21 01:47", at(2026, 11, 21, 0, 47)),
        ("2026-11-21 01:47.0", at(2026, 11, 21, 0, 47)),
        ("2026-11-21 01:47:38", at(2026, 11, 21, 0, 47, 38)),
        ("2026-11-21 01:47:38.0", at(2026, 11, 21, 0, 47, 38)),
        ("2026-11-21T01:47", at(2026, 11, 21, 0, 47)),
        ("2026-11-21T01:47:38.978521", at(2026, 11, 21, 0, 47, 38, 978521)),
        ("2026-11-21T01:47:38.9", at(2026, 11, 21, 0, 47, 38, 900000)),
        ("2026-11-21T01:47:38.1234567+02:00", at(2026, 11, 20, 23, 47, 38, 123456)),
        ("2026-11-21T01:47:38.123456789Z", at(2026, 11, 21, 1, 47, 38, 123456)),
        ("2017-08-18T13:31:00", at(2017, 8, 18, 11, 31)),
        ("2017-08-18T13:31:00-0530", at(2017, 8, 18, 19, 1)),
        ("2017-08-18 13:31:00 +0200", at(2017, 8, 18, 11, 31)),
        ("2017-08-18t13:31z", at(2017, 8, 18, 13, 31)),
        ("Jul 21, 2026 1:31:05 PM", at(2026, 7, 21, 11, 31, 5)),
        ("Jul 21, 2026, 1:31:05 PM", at(2026, 7, 21, 11, 31, 5)),
        ("Jul 21, 2026, 1:31:05\u202fPM", at(2026, 7, 21, 11, 31, 5)),
        ("Jul 21, 2026, 1:31:05\u00a0PM", at(2026, 7, 21, 11, 31, 5)),
        ("Jul 21, 2026, 1:31:05?PM", at(2026, 7, 21, 11, 31, 5)),
        ("Jul 21, 2026, 1:31:05PM", at(2026, 7, 21, 11, 31, 5)),
        ("Jan 1, 2026, 12:00:00 AM", at(2025, 12, 31, 23, 0)),
        ("Jan 1, 2026, 12:00:00 PM", at(2026, 1, 1, 11, 0)),
        ("20280229", at(2028, 2, 28, 23, 0)),
        ("2026-03-29 02:30", at(2026, 3, 29, 1, 30)),  # skipped: 03:30 summer time
        ("2026-03-29 03:30", at(2026, 3, 29, 1, 30)),
        ("2026-10-25 02:30", at(2026, 10, 25, 0, 30)),  # twice: the first
        ("2026-10-25 02:30:00+01:00", at(2026, 10, 25, 1, 30)),
        ("19700101", at(1969, 12, 31, 23, 0)),
        ("21991231", at(2199, 12, 30, 23, 0)),
    ],
)
def test_accepted_forms(value, expected):
    parsed = dates.parse(value, ROME)
    assert parsed == expected
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "0", "now", "null", "1732153658", "1732153658000", "1732153658.5", "-1", "2026", "2026112101473", "20261121014738Z",
        "000000", "20260229", "20261301", "20261100", "2111262460", "20261121246000", "2026-11-21 24:00", "2026-11-21 10:60",
        "2026-11-21T10:00:60", "2026-11-21 10:00.5", "2026-11-21T10:00:00.1234567890", "2026-11-21T10:00:00+19:00",
        "2026-11-21T10:00:00+01:60", "2026-11-21T", "2026-11-21Z", "2026-11-21  10:00", "2026-1-1", "26-11-2026", "21/11/2026",
        "0000-00-00 00:00:00", "1969-12-31", "22000101", "99991231235959", "Jul 32, 2026 1:31:05 PM", "Jul 21, 2026 13:31:05 PM",
        "Jul 21, 2026 0:31:05 AM", "Foo 21, 2026 1:31:05 PM", "lug 21, 2026 1:31:05 PM", "Jul 21, 2026 1:31:05", "/Date(1732153658000)/",
        "\u0662\u0660\u0662\u0666\u0661\u0661\u0662\u0661", "20261121\0", "\ud800", "9" * 10000, "2026-W47-6", "2026-11-21T10",
    ],
)  # fmt: skip
def test_refused_forms(value):
    with pytest.raises(InvalidDate) as caught:
        dates.parse(value, ROME, "some_field")
    assert caught.value.field == "some_field"


def test_render():
    assert dates.render(at(2026, 11, 21, 0, 47, 38, 999999), ROME) == "20261121014738"
    with pytest.raises(ValueError, match="naive"):
        dates.render(at(2026, 1, 1).replace(tzinfo=None), ROME)


@pytest.mark.parametrize("name", ["Europe/Rome", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+2"])
def test_known_zones(name):
    assert dates.zone(name).key == name


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "../etc/passwd", "/etc/localtime", "Europe", "Europe/", "Europe/Nowhere", "Europe/Rome\0", "Europe/Rome\n",
     "a" * 5000, "Europe//Rome", "+02:00", "localtime", "posix/Europe/Rome", "right/UTC", "tzdata.zi", "\ud800", "zone.tab", "a" * 60],
)  # fmt: skip
def test_unknown_zones(name):
    with pytest.raises(InvalidField) as caught:
        dates.zone(name, "tz")
    assert caught.value.field == "tz"


@given(st.text() | st.from_regex(r"[A-Za-z_/.+-]{1,20}"))
def test_zone_raises_nothing_else(name):
    try:
        assert dates.zone(name).key == name
    except InvalidField:
        pass


date_like = st.from_regex(
    r"\A(?:[0-9]{6,14}|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
    r"|[A-Z][a-z]{2} [0-9]{1,2}, [0-9]{4},? [0-9]{1,2}:[0-9]{2}:[0-9]{2} (?:AM|PM))\Z"
)


@given(date_like | st.text(), st.sampled_from(ZONES))
def test_parse_raises_nothing_else(value, zone):
    try:
        parsed = dates.parse(value, zone)
    except InvalidDate:
        return
    assert parsed.tzinfo is UTC


seconds = int((at(2199, 12, 30) - at(1970, 1, 2)).total_seconds())
moments = st.integers(0, seconds).map(lambda second: at(1970, 1, 2) + timedelta(seconds=second))


@given(moments, st.sampled_from(ZONES))
def test_a_moment_survives_rendering_but_for_the_second_of_two_hours(moment, zone):
    again = dates.parse(dates.render(moment, zone), zone)
    assert dates.render(again, zone) == dates.render(moment, zone)
    assert again == moment or moment.astimezone(zone).fold == 1


@pytest.mark.parametrize("zone", [ROME, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")])
def test_a_local_time_survives_unless_it_never_was(zone):
    moment = at(2026, 1, 1)  # UTC only to count evenly; written without a zone
    while moment.year == 2026:
        back = dates.parse(dates.render(moment, UTC), zone).astimezone(zone).replace(tzinfo=UTC)
        forward = back - moment
        assert forward in (timedelta(0), timedelta(minutes=30), timedelta(hours=1))
        if forward:
            before, after = moment.replace(tzinfo=zone), moment.replace(tzinfo=zone, fold=1)
            assert before.utcoffset() != after.utcoffset()
        moment += timedelta(minutes=15)
