"""The two rules for telephone numbers (contract 1.4): strict for the number that sends, loose for the other party."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from gateway.domain.errors import InvalidField, InvalidRecipient
from gateway.services import phones

LEAST_DIGITS_WITHOUT_PLUS = 10
_contact = re.compile(r"\+?[0-9]{2,15}", re.ASCII).fullmatch
_written = re.compile(r"\+[0-9 ().\-/]{2,40}", re.ASCII).fullmatch


def owner(written: str, field: str = "from") -> str:
    """A number that is to send, as E.164. It need not exist, but it must have a country code.

    Raises:
        InvalidField
    """
    return phones.owner_number(written, field)


def contact(written: str) -> str:
    """The other party: E.164 where it can be read so, else two to fifteen digits as they are, with or without plus (short codes).

    Ten digits and more are taken to begin with a country code, with ``00`` for the plus too.

    Raises:
        InvalidRecipient
    """
    number = written.strip()
    if number.isascii() and number.isdigit() and len(number) >= LEAST_DIGITS_WITHOUT_PLUS:
        number = "+" + number.removeprefix("00")
    if _written(number):
        number = _e164(number)
    if not _contact(number):
        raise InvalidRecipient(written, "must be a telephone number with country code, or a short code of two digits or more")
    return number


def from_query(value: str) -> str:
    """A number from a query: a blank in front is a plus that was form-decoded. Nothing else is rewritten."""
    return "+" + value.strip() if value.startswith(" ") else value.strip()


def is_owner(number: str) -> bool:
    """Whether the owner rule takes this as it stands."""
    try:
        return number.startswith("+") and bool(owner(number))
    except InvalidField:
        return False


def _e164(number: str) -> str:
    try:
        return phonenumbers.format_number(phonenumbers.parse(number, None), PhoneNumberFormat.E164)
    except NumberParseException:
        return number
