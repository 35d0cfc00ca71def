"""Numbers by their shape and priorities by their lane, without a gateway."""

from __future__ import annotations

import pytest

from gateway.dialects.smsnodes import numbers
from gateway.dialects.smsnodes.job import lane
from gateway.dialects.smsnodes.uncertain import STATES
from gateway.domain.errors import InvalidRecipient
from gateway.domain.message import State

TO = "+393471234567"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+1234567890", "+1234567890"),
        ("+0987654321", "+0987654321"),
        ("+0 98-76.54(32)1", "+0987654321"),
        ("+098765", "+098765"),
        ("00987654", "+987654"),
        ("000987654321", "+0987654321"),
        ("+39 347 123 4567", TO),
        ("0039 347 1234567", TO),
        ("393471234567", TO),
        ("3471234567", TO),
        ("3931234567", "+393931234567"),  # a mobile at home, no number of 31234567 in Italy
        ("3281234567", "+393281234567"),  # a mobile at home before a fixed line in Belgium
        ("06 12345678", "+390612345678"),
        ("491701234567", "+491701234567"),
        ("447911123456", "+447911123456"),
        ("12025550123", "+12025550123"),
        ("1234567890", "+391234567890"),  # too short for its country, so at home
        ("+44 (0)20 7946 0958", "+442079460958"),
    ],
)
def test_numbers_are_read_by_their_shape(written: str, read: str) -> None:
    assert numbers.normalise(written, "IT") == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "+",
        "12345",
        "+12345",
        "+01234",
        "+1234567890123456",
        "+0123456789012345",
        "00",
        "abc",
        "+39x471234567",
        "++391234567",
        "٣٤٥٦٧٨٩",
    ],
)
def test_what_is_no_number(written: str) -> None:
    with pytest.raises(InvalidRecipient):
        numbers.normalise(written, "IT")


def test_both_orders_use_every_lane() -> None:
    assert [lane(priority, "5-first") for priority in (1, 2, 3, 4, 5)] == [3, 2, 2, 1, 1]
    assert [lane(priority, "1-first") for priority in (1, 2, 3, 4, 5)] == [1, 1, 2, 2, 3]


def test_every_state_has_a_word() -> None:
    assert set(STATES) == set(State)
