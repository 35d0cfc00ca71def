"""Telephone numbers: what is read how, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import msisdn
from gateway.domain.errors import InvalidRecipient


@pytest.mark.parametrize(
    ("value", "region", "expected"),
    [
        ("+39123456789", None, "+39123456789"),
        ("+349123456789", None, "+349123456789"),
        ("+39349123456789", None, "+39349123456789"),
        ("+393471234567", "FR", "+393471234567"),
        ("00393471234567", None, "+393471234567"),
        (" +39 347-123.45/67 ", None, "+393471234567"),
        ("+39\u00a0347\u2011123 4567", None, "+393471234567"),
        ("\u202a+393471234567\u202c", None, "+393471234567"),
        ("+123456", None, "+123456"),
        ("3471234567", "IT", "+393471234567"),
        ("347 1234567", "IT", "+393471234567"),
        ("0612345678", "IT", "+390612345678"),
        ("393471234567", "IT", "+393471234567"),
        ("3912345678", "IT", "+393912345678"),
        ("390612345678", "IT", "+390612345678"),
        ("39123456789", "IT", "+39123456789"),
        ("07911 123456", "GB", "+447911123456"),
        ("447911123456", "GB", "+447911123456"),
        ("4915112345678", "DE", "+4915112345678"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("0044 (0)20 7946 0958", None, "+442079460958"),
        ("+39 (06) 12345678", None, "+390612345678"),
        ("+39 (0)6 12345678", None, "+390612345678"),
        ("(201) 555-0123", "US", "+12015550123"),
    ],
)
def test_readings(value, region, expected):
    assert msisdn.normalise(value, region) == expected


@pytest.mark.parametrize(
    ("value", "region"),
    [
        ("", None), (" ", "IT"), ("+", None), ("-", "IT"), ("++393471234567", None), ("+12345", None), ("+1234567890123456", None),
        ("+0987654321", None), ("000393471234567", None), ("3471234567", None), ("12", "IT"), ("48888", "IT"), ("3471234567", "XX"),
        ("1-800-FLOWERS", "US"), ("+39347123456a", None), ("tel:+393471234567", None), ("+39347*1234567", None),
        ("\u0663\u0664\u0667\u0661\u0662\u0663\u0664\u0665\u0666\u0667", "IT"), ("+39\u0663471234567", None), ("\uff0b393471234567", None),
        ("+393471234567\n+393471234568", None), ("+39347+1234567", None), ("+39\0347", None), ("9" * 5000, "IT"), ("\ud800", "IT"),
    ],
)  # fmt: skip
def test_refusals(value, region):
    with pytest.raises(InvalidRecipient):
        msisdn.normalise(value, region)


@pytest.mark.parametrize(
    ("number", "plausible"), [("+393471234567", True), ("+39123456789", True), ("+1234567890", False), ("+0987654321", False), ("x", False)]
)
def test_plausible(number, plausible):
    assert msisdn.is_plausible(number) is plausible


number_like = st.text(st.sampled_from("0123456789+-. ()/\u00a0x"), max_size=20) | st.text()


@given(number_like, st.sampled_from([None, "IT", "US", "DE", "GB", "XX"]))
def test_nothing_else_is_raised_and_the_result_is_settled(value, region):
    try:
        number = msisdn.normalise(value, region)
    except InvalidRecipient:
        return
    assert number[0] == "+" and number[1] != "0" and number.isascii() and number[1:].isdigit() and 6 <= len(number) - 1 <= 15
    assert msisdn.normalise(number, None) == number
    assert isinstance(msisdn.is_plausible(number), bool)
