"""Credit: whole units in and out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import credit
from gateway.domain.errors import InvalidField


@pytest.mark.parametrize(
    ("written", "units"),
    [("0", 0), ("1", 1000), ("12.345", 12345), ("12.5", 12500), ("12.3450", 12345), ("-0.001", -1), ("+7", 7000), ("1e3", 1000000),
     ("0e999", 0), ("0.000000", 0), ("9223372036854775.807", 2**63 - 1)],
)  # fmt: skip
def test_parse(written, units):
    assert credit.parse_credits(written) == units


@pytest.mark.parametrize(
    "written",
    ["", " ", "1.2345", "0.0001", "1e-4", "NaN", "Infinity", "1e999", "1e-999", "9223372036854775.808",
     "1,5", "1_000", "\u0661", ".5", "5.",
     "0x1", "1" * 30, "99999999999999999999.99999999999999999999"],
)  # fmt: skip
def test_refused(written):
    with pytest.raises(InvalidField):
        credit.parse_credits(written)


@pytest.mark.parametrize(
    ("units", "written"), [(0, "0"), (12345, "12.345"), (12500, "12.5"), (12000, "12"), (5, "0.005"), (-1, "-0.001"), (-1500, "-1.5")]
)
def test_format(units, written):
    assert credit.format_credits(units) == written


@given(st.integers(-credit.MAX_UNITS, credit.MAX_UNITS))
def test_round_trip_and_rounding(units):
    assert credit.parse_credits(credit.format_credits(units)) == units
    assert credit.credits_floor(units) * 1000 <= units <= credit.credits_ceil(units) * 1000
    assert credit.credits_ceil(units) - credit.credits_floor(units) == (units % 1000 != 0)


@given(st.text() | st.text(st.sampled_from("0123456789.eE+-"), max_size=12))
def test_nothing_else_is_raised(written):
    try:
        assert abs(credit.parse_credits(written)) <= credit.MAX_UNITS
    except InvalidField as error:
        assert error.field == "credits"
