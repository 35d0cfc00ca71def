"""Telephone numbers as this dialect's programs write them (contract 3.8)."""

from __future__ import annotations

import re

import phonenumbers

from gateway.dialects.brevisone.uncertain import BARE_DIGITS, CLIENT_LISTS, SHORTEST_NUMBER
from gateway.domain import msisdn
from gateway.domain.errors import InvalidRecipient, TooManyRecipients

_lost_plus = re.compile(r" [1-9]").match
_split = re.compile("[" + re.escape("".join(CLIENT_LISTS)) + "]").split
_separators = re.compile(r"[ \-./()]")


def listed(value: str, most: int) -> list[str]:
    """The numbers of one ``to``, each as written, with a plus that became a blank on its way put back.

    A blank behind a comma may be there for the eye: it counts as a lost plus only if the first number has lost one too.

    Raises:
        TooManyRecipients: before any of them is looked at.
    """
    count = 1 + sum(value.count(sign) for sign in CLIENT_LISTS)
    if count > most:
        raise TooManyRecipients(count, most)
    is_lost = _lost_plus(value) is not None
    pieces = [piece for piece in _split(value) if piece.strip()]
    return ["+" + piece[1:] if is_lost and _lost_plus(piece) else piece for piece in pieces]


def normalise(written: str, region: str) -> str:
    """The number as E.164 with its plus.

    Digits without any prefix that make a possible international number are one, unless only their national reading is a number
    that is given out: where numbers have no trunk prefix (Italy) every national number would otherwise be somebody else's.

    Raises:
        InvalidRecipient
    """
    national = _read(written, region)
    digits = _separators.sub("", written)
    if digits.isascii() and digits.isdigit() and digits[0] != "0" and len(digits) in BARE_DIGITS:
        whole = "+" + digits
        if not digits.startswith(_country(region)) and msisdn.is_plausible(whole):
            national = whole if national is None or _is_given_out(whole) or not _is_given_out(national) else national
    if national is None or len(national) <= SHORTEST_NUMBER:
        raise InvalidRecipient(written)
    return national


def _read(written: str, region: str) -> str | None:
    try:
        return msisdn.normalise(written, region)
    except InvalidRecipient:
        return None


def _country(region: str) -> str:
    return str(phonenumbers.country_code_for_region(region))


def _is_given_out(number: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(number))
