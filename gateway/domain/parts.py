"""How a text is cut into parts, and how many there are. The part is the unit of price.

One part holds 160 septets or 70 UTF-16 units; a longer text loses room in every part to the concatenation header
(six octets), which leaves 153 and 67. An escape pair or a surrogate pair stays whole, so a part may end one short.
Source: 3GPP TS 23.040 clause 9.2.3.24.1; contract smsend 3.2.
"""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass

from gateway.domain.alphabet import (
    ESCAPE,
    Alphabet,
    encode_gsm7,
    first_beyond_transliteration,
    first_outside_gsm7,
    gsm7_length,
    transliterate,
)
from gateway.domain.errors import EmptyText, InvalidField, UnencodableText

SINGLE_LIMIT = {Alphabet.GSM7: 160, Alphabet.UCS2: 70}
PART_LIMIT = {Alphabet.GSM7: 153, Alphabet.UCS2: 67}

_SINGLE_SEPTETS = SINGLE_LIMIT[Alphabet.GSM7]
_SINGLE_UNITS = SINGLE_LIMIT[Alphabet.UCS2]


class TextPolicy(enum.StrEnum):
    """What an account wants done with a text that is not GSM-7."""

    UCS2 = "ucs2"
    TRANSLITERATE = "transliterate"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text as it will travel.

    ``length`` counts septets (GSM-7) or UTF-16 units (UCS-2). ``offender`` is the first character that forced UCS-2 and
    ``offender_index`` its place in ``text`` (code points, from 0); both are None for GSM-7 and where UCS-2 was asked for.
    """

    text: str
    alphabet: Alphabet
    length: int
    parts: int
    offender: str | None
    offender_index: int | None


def encode(text: str, policy: TextPolicy = TextPolicy.UCS2, force_ucs2: bool = False) -> Encoded:
    """The text as it will travel: its alphabet, length and number of parts.

    With TRANSLITERATE the replaced text is taken only when it makes the whole message GSM-7; otherwise the original
    goes as UCS-2, since damage that saves nothing helps nobody. ``force_ucs2`` is the caller's explicit wish and
    overrides the policy, REFUSE included.

    Raises:
        EmptyText: for "".
        InvalidField: field "message", for U+0000 or half of a surrogate pair.
        UnencodableText: under REFUSE, with the first character outside GSM-7.
    """
    if not text:
        raise EmptyText
    if not force_ucs2:
        length = gsm7_length(text)
        if length is not None:
            return _in_gsm7(text, length)
    units = _checked_units(text)
    if force_ucs2:
        return Encoded(text, Alphabet.UCS2, units, _count_ucs2(text, units), None, None)
    return _outside_gsm7(text, units, policy)


def _in_gsm7(text: str, length: int) -> Encoded:
    parts = 1 if length <= _SINGLE_SEPTETS else _count_gsm7(text, length)
    return Encoded(text, Alphabet.GSM7, length, parts, None, None)


def _outside_gsm7(text: str, units: int, policy: TextPolicy) -> Encoded:
    if policy == TextPolicy.TRANSLITERATE:
        replaced = transliterate(text)
        length = gsm7_length(replaced)
        if length is not None:
            if not replaced:  # nothing but invisible characters
                raise EmptyText
            return _in_gsm7(replaced, length)
        found = first_beyond_transliteration(text)
    else:
        found = first_outside_gsm7(text)
    assert found is not None
    index, character = found
    if policy == TextPolicy.REFUSE:
        raise UnencodableText(character, index)
    return Encoded(text, Alphabet.UCS2, units, _count_ucs2(text, units), character, index)


def count(text: str, alphabet: Alphabet) -> int:
    """Number of parts that ``split`` gives, without building them. 0 for "".

    Raises:
        InvalidField: field "message", for U+0000 or half of a surrogate pair.
        UnencodableText: a character outside GSM-7 where GSM-7 is asked for.
    """
    if not text:
        return 0
    if alphabet == Alphabet.GSM7:
        return _count_gsm7(text, len(_checked_septets(text)))
    return _count_ucs2(text, _checked_units(text))


def split(text: str, alphabet: Alphabet) -> list[str]:
    """The exact texts of the parts, in order; their sum is ``text``. Raises as ``count`` does."""
    starts = [0, *_ends(text, alphabet)]
    return [text[start:end] for start, end in itertools.pairwise(starts)]


def cut(text: str, alphabet: Alphabet, max_parts: int) -> str:
    """The longest beginning of ``text`` that fits ``max_parts`` parts of ``alphabet``.

    A beginning of a UCS-2 text may be plain GSM-7: encode the result again before pricing it. Raises as ``count`` does.

    Raises:
        ValueError: ``max_parts`` below 1.
    """
    if max_parts < 1:
        raise ValueError("max_parts must be at least 1")
    ends = _ends(text, alphabet)
    if len(ends) <= max_parts:
        return text
    if max_parts > 1:
        return text[: ends[max_parts - 1]]
    return text[: _ends(text, alphabet, SINGLE_LIMIT[alphabet])[0]]


def _ends(text: str, alphabet: Alphabet, limit: int = 0) -> list[int]:
    """Where each part ends, in code points. ``limit`` 0 means: one part if it fits, else parts with a header."""
    if not text:
        return []
    if alphabet == Alphabet.GSM7:
        septets = _checked_septets(text)
        if not limit and len(septets) <= _SINGLE_SEPTETS:
            return [len(text)]
        return _ends_of_septets(septets, len(text), limit or PART_LIMIT[alphabet])
    units = _checked_units(text)
    if not limit and units <= _SINGLE_UNITS:
        return [len(text)]
    return _ends_of_units(text, units, limit or PART_LIMIT[alphabet])


def _ends_of_septets(septets: bytes, characters: int, limit: int) -> list[int]:
    if len(septets) == characters:
        return [*range(limit, characters, limit), characters]
    ends: list[int] = []
    start = passed = 0
    while len(septets) - start > limit:
        end = start + limit
        if septets[end - 1] == ESCAPE:
            end -= 1
        passed += end - start - septets.count(ESCAPE, start, end)
        ends.append(passed)
        start = end
    ends.append(characters)
    return ends


def _ends_of_units(text: str, units: int, limit: int) -> list[int]:
    if units == len(text):
        return [*range(limit, units, limit), units]
    octets = text.encode("utf-16-be")
    ends: list[int] = []
    start = passed = 0
    while units - start > limit:
        end = start + limit
        if 0xD8 <= octets[2 * end - 2] <= 0xDB:  # the first half of a pair
            end -= 1
        passed += len(octets[2 * start : 2 * end].decode("utf-16-be"))
        ends.append(passed)
        start = end
    ends.append(len(text))
    return ends


def _count_gsm7(text: str, length: int) -> int:
    if length <= _SINGLE_SEPTETS:
        return 1
    if length == len(text):
        return -(-length // PART_LIMIT[Alphabet.GSM7])
    return len(_ends(text, Alphabet.GSM7))


def _count_ucs2(text: str, units: int) -> int:
    if units <= _SINGLE_UNITS:
        return 1
    if units == len(text):
        return -(-units // PART_LIMIT[Alphabet.UCS2])
    return len(_ends(text, Alphabet.UCS2))


def _checked_septets(text: str) -> bytes:
    if "\0" in text:
        raise InvalidField("message", "holds the character U+0000")
    return encode_gsm7(text)


def _checked_units(text: str) -> int:
    """Length in UTF-16 units of a text that can be sent at all."""
    if "\0" in text:
        raise InvalidField("message", "holds the character U+0000")
    try:
        return len(text.encode("utf-16-le")) // 2
    except UnicodeEncodeError as error:
        raise InvalidField("message", f"holds half of a surrogate pair at {error.start}") from None
