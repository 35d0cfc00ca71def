"""Prices: the longest prefix, the newest row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import DestinationNotServed
from gateway.domain.tariff import MessageType, PriceList, Tariff

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)
HIGH, LOW = MessageType.HIGH, MessageType.LOW


def a_row(prefix="", units=1000, message_type=HIGH, begun=DAY):
    return Tariff(message_type, prefix, units, NOW - begun)


def test_longest_prefix_wins():
    prices = PriceList([a_row("", 9), a_row("39", 3), a_row("393", 4), a_row("39347", 5)], NOW)
    numbers = {"+39347123456": 5, "+393481234567": 4, "+390612345678": 3, "+4915112345678": 9, "+3934": 4}
    assert {number: prices.units_per_part(HIGH, number) for number in numbers} == numbers
    assert prices.default(HIGH) == 9


def test_not_served():
    prices = PriceList([a_row("39", 3)], NOW)
    assert prices.default(HIGH) is None
    assert prices.default(LOW) is None
    for message_type, number in ((HIGH, "+4915112345678"), (LOW, "+393471234567")):
        with pytest.raises(DestinationNotServed):
            prices.units_per_part(message_type, number)


def test_newest_begun_row_counts():
    rows = [a_row(units=1, begun=3 * DAY), a_row(units=2, begun=DAY), a_row(units=3, begun=-DAY), a_row(units=4, begun=2 * DAY)]
    assert PriceList(rows, NOW).default(HIGH) == 2
    assert PriceList(reversed(rows), NOW).default(HIGH) == 2
    assert PriceList(rows, NOW + DAY).default(HIGH) == 3
    assert PriceList(rows, NOW - 9 * DAY).default(HIGH) is None


def test_free_is_a_price():
    prices = PriceList([a_row("", 7), a_row("39", 0)], NOW)
    assert prices.units_per_part(HIGH, "+393471234567") == 0


@pytest.mark.parametrize(
    ("prefix", "units", "moment"), [("+39", 1, NOW), ("3a", 1, NOW), ("\u0663", 1, NOW), ("", -1, NOW), ("", 1, NOW.replace(tzinfo=None))]
)
def test_impossible_rows(prefix, units, moment):
    with pytest.raises(ValueError):
        Tariff(HIGH, prefix, units, moment)


def test_naive_moment():
    with pytest.raises(ValueError, match="aware"):
        PriceList([], NOW.replace(tzinfo=None))


digits = st.text(st.sampled_from("123"), max_size=4)


@given(st.dictionaries(digits, st.integers(0, 99)), st.text(st.sampled_from("123"), min_size=6, max_size=8))
def test_agrees_with_the_plain_rule(rows, number):
    prices = PriceList([a_row(prefix, units) for prefix, units in rows.items()], NOW)
    matching = [prefix for prefix in rows if number.startswith(prefix)]
    if matching:
        assert prices.units_per_part(HIGH, "+" + number) == rows[max(matching, key=len)]
    else:
        with pytest.raises(DestinationNotServed):
            prices.units_per_part(HIGH, "+" + number)
