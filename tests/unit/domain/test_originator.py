"""Senders: text, numbers, short codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import originator
from gateway.domain.errors import InvalidOriginator
from gateway.domain.originator import OriginatorKind


@pytest.mark.parametrize(
    ("value", "expected", "kind"),
    [
        ("MyShop", "MyShop", OriginatorKind.ALPHANUMERIC),
        (" My Shop ", "My Shop", OriginatorKind.ALPHANUMERIC),
        ("H&M", "H&M", OriginatorKind.ALPHANUMERIC),
        ("Caffè 24", "Caffè 24", OriginatorKind.ALPHANUMERIC),
        ("12345678901", "12345678901", OriginatorKind.NUMERIC),
        ("+39 347 123 4567", "+393471234567", OriginatorKind.NUMERIC),
        ("00393471234567", "+393471234567", OriginatorKind.NUMERIC),
        ("1234567890123456", "1234567890123456", OriginatorKind.NUMERIC),
        ("48888", "48888", OriginatorKind.SHORT_CODE),
        ("12345678", "12345678", OriginatorKind.SHORT_CODE),
        ("+48888", "+48888", OriginatorKind.NUMERIC),
    ],
)
def test_accepted(value, expected, kind):
    assert originator.normalise(value) == expected
    assert originator.kind(value) is kind


@pytest.mark.parametrize(
    "value",
    [
        "",
        "  ",
        "ABCDEFGHIJKL",
        "12345678901234567",
        "+",
        "12+34",
        "1_2",
        "My€Shop",
        "a\nb",
        "a\x1bb",
        "a\0",
        "[x]",
        "Łódź",
        "\u0663\u0664",
        "\ud800",
    ],
)
def test_refused(value):
    with pytest.raises(InvalidOriginator):
        originator.normalise(value)


@given(st.text(max_size=20) | st.text(st.sampled_from("+0123456789 -a"), max_size=20))
def test_nothing_else_is_raised_and_the_result_is_settled(value):
    try:
        sender = originator.normalise(value)
    except InvalidOriginator:
        return
    assert originator.normalise(sender) == sender
    assert originator.kind(sender) in OriginatorKind
