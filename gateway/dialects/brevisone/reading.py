"""From bytes to text, whichever alphabet an old program writes (contract 3.5 and 3.6)."""

from __future__ import annotations

from gateway.dialects.brevisone.uncertain import CUT_BYTES, DOTS, FIRST_SMALL_LETTER, HALF_CHARACTER, UNDEFINED
from gateway.domain.errors import InvalidField

_WINDOWS_1252 = {code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in UNDEFINED}


def plain(raw: bytes) -> str:
    """UTF-8, else Windows-1252."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return windows_1252(raw)


def message(raw: bytes) -> str:
    """UTF-8, also with one character cut in two at the end or in front of three dots; else Windows-1252."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _cut_short(raw, error) or windows_1252(raw)


def hexadecimal(digits: str) -> str:
    """The text behind pairs of hex digits, with or without blanks between them.

    Raises:
        InvalidField: "text".
    """
    try:
        return plain(bytes.fromhex(digits))
    except ValueError:
        raise InvalidField("text", "is not pairs of hexadecimal digits") from None


def windows_1252(raw: bytes) -> str:
    """The text in Windows-1252. Every byte has a meaning: see ``uncertain.UNDEFINED``."""
    return raw.decode("latin-1").translate(_WINDOWS_1252)


def _cut_short(raw: bytes, error: UnicodeDecodeError) -> str | None:
    """The text, if its only fault is one character of which the end is missing; else None."""
    before, part, rest = raw[: error.start], raw[error.start : error.end], raw[error.end :]
    if error.reason == "invalid start byte":
        return None
    if rest == DOTS:
        is_utf8 = len(raw) == CUT_BYTES or not before.isascii() or len(part) > 1 or part[0] < FIRST_SMALL_LETTER
    else:
        is_utf8 = not rest and not before.isascii()
    return before.decode("utf-8") + HALF_CHARACTER + rest.decode("ascii") if is_utf8 else None
