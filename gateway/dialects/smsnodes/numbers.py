"""Phone numbers by their shape (contract 2.4): the page's own samples are in nobody's numbering plan and must pass."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from gateway.dialects.smsnodes.uncertain import INTERNATIONAL_ON_A_TIE, PLUS_ZERO, SEPARATORS
from gateway.domain import msisdn

BARE = re.compile(r"[1-9][0-9]{5,14}")
MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def normalise(value: str, region: str) -> str:
    """The number with its plus: as written behind a plus or ``00``; a single 0 in front is national in ``region``; other digits are
    read with a country code where that makes the better number.

    Raises:
        InvalidRecipient: not a number of 6 to 15 digits.
    """
    number = value.translate(SEPARATORS)
    if number.startswith("00"):
        number = "+" + number[2:]
    if PLUS_ZERO.fullmatch(number):
        return number
    if BARE.fullmatch(number) and not number.startswith(str(phonenumbers.country_code_for_region(region))):
        return _bare(number, region)
    return msisdn.normalise(value, region)


@lru_cache(maxsize=16384)
def _bare(digits: str, region: str) -> str:
    """Digits that do not begin with the region's own country code; those that do are weighed by :mod:`gateway.domain.msisdn`."""
    abroad, at_home = _rank("+" + digits, None), _rank(digits, region)
    if abroad and (abroad > at_home or (abroad == at_home and INTERNATIONAL_ON_A_TIE)):
        return "+" + digits
    return msisdn.normalise(digits, region)


def _rank(digits: str, region: str | None) -> int:
    """How good a number it is: a mobile 3, another assigned one 2, a possible one 1, else 0."""
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException:
        return 0
    if phonenumbers.is_valid_number(number):
        return 3 if phonenumbers.number_type(number) in MOBILE else 2
    return 1 if phonenumbers.is_possible_number(number) else 0
