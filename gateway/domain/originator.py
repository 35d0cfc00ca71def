"""Senders: what may stand where the handset shows who wrote.

Either up to eleven characters with a letter among them, or digits. Whether an account may use one is not decided here.
Source: 3GPP TS 23.040 clause 9.1.2.5 (eleven septet characters fit the address field); contract smsend 3.6.
"""

from __future__ import annotations

import enum
import re

from gateway.domain.alphabet import DEFAULT_TABLE
from gateway.domain.errors import InvalidOriginator

MAX_CHARACTERS = 11
MAX_DIGITS = 16
MAX_SHORT_CODE_DIGITS = 8

# The extension characters are left out: they take two septets and many handsets show a blank for them.
_ALPHABET = frozenset(DEFAULT_TABLE) - frozenset("\n\r\x1b")
_SEPARATORS = dict.fromkeys(map(ord, " -.()/"))
_number = re.compile(r"\+?[0-9]+").fullmatch
_international = re.compile(r"00[1-9][0-9]{6,13}").fullmatch


class OriginatorKind(enum.StrEnum):
    """What a sender looks like; the carrier is told it as type of number."""

    ALPHANUMERIC = "alphanumeric"
    NUMERIC = "numeric"
    SHORT_CODE = "short_code"


def normalise(value: str) -> str:
    """The sender in its one written form: text without outer blanks, or digits with or without plus.

    Text: 1 to 11 characters of the GSM-7 default table, a letter among them; case is kept. Number: 1 to 16 digits;
    separators are dropped and ``00`` before a country code becomes a plus, so that one number is one sender.

    Raises:
        InvalidOriginator: ``reason`` says which rule is broken.
    """
    sender = value.strip(" ")
    if not sender:
        raise InvalidOriginator(value, "is empty")
    number = sender.translate(_SEPARATORS)
    if _number(number):
        return _normalise_number(value, number)
    if len(sender) > MAX_CHARACTERS:
        raise InvalidOriginator(value, f"has more than {MAX_CHARACTERS} characters")
    if not _ALPHABET.issuperset(sender):
        raise InvalidOriginator(value, "holds a character that a sender cannot have")
    if not any(map(str.isalpha, sender)):
        raise InvalidOriginator(value, "has neither a letter nor digits only")
    return sender


def kind(value: str) -> OriginatorKind:
    """What a sender looks like. Digits without plus are a short code up to eight of them.

    Raises:
        InvalidOriginator: as ``normalise``.
    """
    sender = normalise(value)
    if not _number(sender):
        return OriginatorKind.ALPHANUMERIC
    if len(sender) <= MAX_SHORT_CODE_DIGITS and not sender.startswith("+"):
        return OriginatorKind.SHORT_CODE
    return OriginatorKind.NUMERIC


def _normalise_number(value: str, number: str) -> str:
    if _international(number):
        number = "+" + number[2:]
    if len(number.removeprefix("+")) > MAX_DIGITS:
        raise InvalidOriginator(value, f"has more than {MAX_DIGITS} digits")
    return number
