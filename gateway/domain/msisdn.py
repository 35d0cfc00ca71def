"""Telephone numbers: any usual way of writing one → E.164 with its plus.

Accepted by shape (6 to 15 digits), not by numbering plan: the sample numbers of the legacy manuals are not assigned
anywhere and must pass. The number library reads national forms and warns; it does not decide what is allowed.
Source: ITU-T E.164 clause 6; contract smsend 3.5.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from gateway.domain.errors import InvalidRecipient

_MAX_WRITTEN = 40  # characters; the longest number with a separator after each digit stays below

_e164 = re.compile(r"\+[1-9][0-9]{5,14}").fullmatch
_digits = re.compile(r"\+?[0-9]+").fullmatch
_trunk_zero = re.compile(r"(?:\+|00)[^(]*\( ?0 ?\)").match

_BLANKS = " \t\u00a0\u2007\u2009\u202f"
_DASHES = "-\u2010\u2011\u2012\u2013"
_DIRECTION_MARKS = "\u200e\u200f\u202a\u202c\u202d\u2066\u2068\u2069"  # address books copy them along
_SEPARATORS = dict.fromkeys(map(ord, _BLANKS + _DASHES + _DIRECTION_MARKS + ".()/"))


def normalise(value: str, default_region: str | None) -> str:
    """The number as E.164 with its plus.

    ``00…`` is read as ``+…``. A number without country code is read in ``default_region`` (ISO 3166 code, e.g. "IT"). If
    such digits could also be a full number of that region's country written without plus (``393471234567`` in Italy),
    the better reading wins: a mobile before another assigned number, that before a possible one; on a tie the national one.

    Raises:
        InvalidRecipient: letters, foreign digits or signs; no country code and no region; not 6 to 15 digits.
    """
    if _e164(value):
        return value
    if len(value) > _MAX_WRITTEN:
        raise InvalidRecipient(value, "is too long for a telephone number")
    number = value.strip().translate(_SEPARATORS)
    if not _digits(number):
        raise InvalidRecipient(value, "may hold digits, an initial plus and separators only" if number else "is empty")
    if _trunk_zero(value.strip()):
        # "+44 (0)20 …": whether the zero belongs to the number depends on the country (Italy keeps it).
        number = _without_trunk_zero(number)
    if number.startswith("00"):
        number = "+" + number[2:]
    elif not number.startswith("+"):
        return _national(value, number, default_region)
    if not _e164(number):
        raise InvalidRecipient(value, "is not a country code and 6 to 15 digits in all")
    return number


def is_plausible(msisdn: str) -> bool:
    """Whether the number library holds a number of this length possible in its country. For warnings, not for refusals."""
    parsed = _parsed(msisdn, None)
    return parsed is not None and phonenumbers.is_possible_number(parsed)


def _national(value: str, digits: str, region: str | None) -> str:
    if region is None:
        raise InvalidRecipient(value, "has no country code")
    number = _read_in_region(digits, region)
    if number is None or not _e164(number):
        raise InvalidRecipient(value, f"is not a telephone number in {region}")
    return number


@lru_cache(maxsize=16384)
def _read_in_region(digits: str, region: str) -> str | None:
    national = _parsed(digits, region)
    readings = [national]
    if digits.startswith(str(phonenumbers.country_code_for_region(region))):
        readings.append(_parsed("+" + digits, None))
    best = max((reading for reading in readings if reading is not None), key=_rank, default=None)
    if best is None or _rank(best) == 0:
        return None
    return phonenumbers.format_number(best, PhoneNumberFormat.E164)


def _rank(number: PhoneNumber) -> int:
    if phonenumbers.is_valid_number(number):
        kind = phonenumbers.number_type(number)
        return 3 if kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE) else 2
    return 1 if phonenumbers.is_possible_number(number) else 0


def _without_trunk_zero(number: str) -> str:
    international = "+" + number.removeprefix("00") if number.startswith("00") else number
    parsed = _parsed(international, None)
    return international if parsed is None else phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def _parsed(number: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except NumberParseException:
        return None
