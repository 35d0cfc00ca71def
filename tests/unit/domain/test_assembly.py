"""Texts as they come are shown whole, and what cannot be kept is shown to be missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.assembly import cleaned, cut, is_msisdn, is_number, kept, moment, part_of, whole
from gateway.domain.inbound import PartOf

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_good_text_stays_as_it_is(text):
    assert cleaned(text) == text


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 40))
def test_any_text_can_be_stored_and_none_is_shortened_in_silence(text, most):
    found = cut(text, most)
    assert "\0" not in found and len(found) <= most
    assert found.encode().decode() == found
    assert found == cleaned(text) or found.endswith("…")


@given(st.text(st.characters(exclude_categories=())), st.data())
def test_a_text_cut_anywhere_in_utf_16_comes_together_again(text, data):
    units = text.encode("utf-16-le", "surrogatepass")
    at = 2 * data.draw(st.integers(0, len(units) // 2))
    halves = [units[:at].decode("utf-16-le", "surrogatepass"), units[at:].decode("utf-16-le", "surrogatepass")]
    assert whole({1: kept(halves[0]), 2: kept(halves[1])}, 2) == cleaned(text)


def test_missing_parts_are_told_in_their_places():
    assert whole({2: kept("b")}, 4) == "[part 1 of 4 is missing]b[part 3 of 4 is missing][part 4 of 4 is missing]"


@pytest.mark.parametrize(
    ("given_", "read"),
    [(PartOf(70000, 2, 1), PartOf(70000 & 0xFFFF, 2, 1)), (PartOf(-1, 255, 255), PartOf(0xFFFF, 255, 255)), (PartOf(1, 256, 1), None),
     (PartOf(1, 1, 1), None), (PartOf(1, 2, 3), None), (PartOf(1, 2, 0), None), (None, None)],
)  # fmt: skip
def test_only_a_place_that_makes_sense_is_one(given_, read):
    assert part_of(given_) == read


def test_moments_no_calendar_has_are_now():
    assert moment(datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), NOW) == NOW
    assert moment(datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), NOW) == NOW
    assert moment(datetime(2026, 1, 5, 2, tzinfo=timezone(timedelta(hours=2))), datetime.max.replace(tzinfo=UTC)) == NOW


def test_numbers():
    assert [is_number(each) for each in ("+393471234567", "48105", "12", "DHL", "+39 347", "+" + "1" * 17, "٣٩١")] == [
        True,
        True,
        *[False] * 5,
    ]
    assert [is_msisdn(each) for each in ("+393471234567", "48105", "+048105555", "+39347123456789012")] == [True, False, False, False]
