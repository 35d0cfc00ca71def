"""The two alphabets of a short message, and what it costs to write a text in each.

GSM-7 is written from the published table: 128 characters, and ten more that an escape septet makes two septets
long. National shift tables are left out: they take header room from every part and few carriers honour them.
Source: 3GPP TS 23.038 clauses 6.2.1 (default alphabet) and 6.2.1.1 (extension table).
"""

from __future__ import annotations

import codecs
import enum
import re
import unicodedata

from gateway.domain.errors import UnencodableText


class Alphabet(enum.StrEnum):
    """How the characters of a message are coded on the air."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


ESCAPE = 0x1B

#: Index = septet. The escape septet stands for no character; U+001B in a text is therefore outside GSM-7.
DEFAULT_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅå"  # 0x00
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"  # 0x10
    " !\"#¤%&'()*+,-./"  # 0x20
    "0123456789:;<=>?"  # 0x30
    "¡ABCDEFGHIJKLMNO"  # 0x40
    "PQRSTUVWXYZÄÖÑÜ§"  # 0x50
    "¿abcdefghijklmno"  # 0x60
    "pqrstuvwxyzäöñüà"  # 0x70
)

#: Septet after the escape → character.
EXTENSION_TABLE = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

_NOTHING = "\ufffe"  # "no character here" in a codec table
_AT_SIGN = 0x80


def _code_table() -> str:
    """Our own byte per character: the septet, or 0x80 + septet behind an escape.

    The codec machinery of the standard library keeps code 0 for U+0000, so "@" (septet 0) moves to 0x80, which is free.
    """
    codes = [*DEFAULT_TABLE, *(_NOTHING * 128)]
    codes[0], codes[ESCAPE], codes[_AT_SIGN] = "\0", _NOTHING, "@"
    for septet, character in EXTENSION_TABLE.items():
        codes[0x80 | septet] = character
    return "".join(codes)


# One pass in C over the text: three times faster than a set, and it tells the place of the first stranger.
_CODES = codecs.charmap_build(_code_table())
_EXTENDED = bytes(0x80 | septet for septet in EXTENSION_TABLE)
_PLAIN_ASCII = bytes(ord(character) for character in DEFAULT_TABLE if character.isascii() and ord(character) != ESCAPE)
_TO_SEPTET = bytes.maketrans(bytes([_AT_SIGN]), b"\0")
_DECODED_ESCAPES = re.compile(b"\x1b(.?)", re.DOTALL)


def _codes_of(text: str) -> bytes | None:
    """One byte of ``_code_table`` per character, or None if one is outside GSM-7."""
    try:
        codes = codecs.charmap_encode(text, "strict", _CODES)[0]
    except UnicodeEncodeError:
        return None
    return None if b"\0" in codes else codes


def gsm7_length(text: str) -> int | None:
    """Length in septets, or None when a character is outside GSM-7.

    Asked of every accepted text, hence the way round the codec for plain ASCII.
    """
    if text.isascii() and not text.encode().translate(None, _PLAIN_ASCII):
        return len(text)
    codes = _codes_of(text)
    if codes is None:
        return None
    return len(codes) if codes.isascii() else 2 * len(codes) - len(codes.translate(None, _EXTENDED))


def first_outside_gsm7(text: str) -> tuple[int, str] | None:
    """Index in code points (from 0) and value of the first character outside GSM-7, or None."""
    try:
        codecs.charmap_encode(text, "strict", _CODES)
    except UnicodeEncodeError as error:
        index = error.start
    else:
        index = len(text)
    nul = text.find("\0", 0, index)
    if nul >= 0:
        index = nul
    return (index, text[index]) if index < len(text) else None


def length_septets(text: str) -> int:
    """Length in septets; an extension character takes two.

    Raises:
        UnencodableText: with the first character outside GSM-7.

    Source: 3GPP TS 23.038 clause 6.2.1.1.
    """
    length = gsm7_length(text)
    if length is None:
        raise _unencodable(text)
    return length


def length_utf16_units(text: str) -> int:
    """Length in 16-bit units: one per character of the basic plane, two for the others. A lone surrogate counts one."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def encode_gsm7(text: str) -> bytes:
    """Unpacked septets, one per byte, the escape septet before each extension character.

    Raises:
        UnencodableText: with the first character outside GSM-7.

    Source: 3GPP TS 23.038 clauses 6.2.1 and 6.2.1.1.
    """
    codes = _codes_of(text)
    if codes is None:
        raise _unencodable(text)
    if not codes.isascii():
        codes = codes.translate(_TO_SEPTET)
        for code in _EXTENDED:
            codes = codes.replace(bytes([code]), bytes([ESCAPE, code & 0x7F]))
    return codes


def decode_gsm7(septets: bytes) -> str:
    """Text of unpacked septets.

    An escape before a septet that the extension table does not hold shows that septet's ordinary character; an
    escape before another escape, or at the end, shows a blank.

    Raises:
        ValueError: a byte above 0x7F, which is not a septet.

    Source: 3GPP TS 23.038 clauses 6.2.1 (note 1) and 6.2.1.1.
    """
    if not septets.isascii():
        raise ValueError("a septet is at most 0x7F")
    codes = _DECODED_ESCAPES.sub(_extended_code, septets) if ESCAPE in septets else septets
    return codecs.charmap_decode(codes, "strict", _DECODE_TABLE)[0]


def _extended_code(found: re.Match[bytes]) -> bytes:
    septet = found[1]
    if septet in (b"", b"\x1b"):
        return b" "
    return bytes([0x80 | septet[0]]) if septet[0] in EXTENSION_TABLE else septet


_DECODE_TABLE = "@" + _code_table()[1:]


def _unencodable(text: str) -> UnencodableText:
    found = first_outside_gsm7(text)
    assert found is not None
    return UnencodableText(found[1], found[0])


def _spread(pairs: dict[str, str]) -> dict[int, str]:
    return {ord(character): replacement for characters, replacement in pairs.items() for character in characters}


#: Only what a reader takes for the same sign. A letter that belongs to another alphabet or makes another word
#: (Polish ł, the dotless i of Turkish, Cyrillic) is not here: such a text goes as UCS-2.
TRANSLITERATIONS: dict[int, str] = _spread(
    {
        "\u2018\u2019\u201a\u201b\u02b9\u02bc\u2032\u2039\u203a\u00b4`": "'",
        "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb": '"',
        "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d": "-",
        "\u2026": "...",
        "\u2022": "*",
        "\u2044": "/",
        # blanks of every width, then the invisible: soft hyphen, zero-width blank, word joiner, byte order mark
        "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000": " ",
        "\u00ad\u200b\u2060\ufeff": "",
        "\x0b\u0085\u2028\u2029": "\n",
        # The table has the capital only, and telephones show it for both.
        "ç": "Ç",
        # È begins Italian sentences and means "is"; É keeps it apart from "e" ("and"), a bare E would not.
        "È": "É",
        "áâã": "a",
        "ÁÀÂÃ": "A",
        "êë": "e",
        "ÊË": "E",
        "íîï": "i",
        "ÍÌÎÏ": "I",
        "óôõ": "o",
        "ÓÒÔÕ": "O",
        "úû": "u",
        "ÚÙÛ": "U",
        "ýÿ": "y",
        "ÝŸ": "Y",
        "œ": "oe",
        "Œ": "OE",
        "ﬁ": "fi",
        "ﬂ": "fl",
        "\u2126": "\u03a9",
        "\u212b": "Å",
    }
)
# The table omits the Greek capitals that look like Latin ones and means the Latin ones to stand for them.
TRANSLITERATIONS.update(
    zip(map(ord, "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"), "ABEZHIKMNOPTYX", strict=True)
)

_MARK = "\u0300-\u036f"
_PIECES = re.compile(f"[^{_MARK}][{_MARK}]*|[{_MARK}]+", re.DOTALL)
_ACCENTED = re.compile(f"[^{_MARK}][{_MARK}]+", re.DOTALL)


def transliterate(text: str) -> str:
    """The text with look-alikes from GSM-7 where one is obvious; every other character stays as it was.

    A letter followed by its accent as a mark of its own (as one telephone maker's systems write them) is joined first.
    """
    if text.isascii() and gsm7_length(text) is not None:
        return text
    return _ACCENTED.sub(_joined, text).translate(TRANSLITERATIONS)


def _joined(found: re.Match[str]) -> str:
    whole = unicodedata.normalize("NFC", found[0])
    return whole if gsm7_length(whole.translate(TRANSLITERATIONS)) is not None else found[0]


def first_beyond_transliteration(text: str) -> tuple[int, str] | None:
    """Index (code points, from 0) in ``text`` and value of the first character that ``transliterate`` cannot help, or None."""
    for piece in _PIECES.finditer(text):
        left = first_outside_gsm7(transliterate(piece[0]))
        if left is not None:
            return piece.start() + piece[0].index(left[1]), left[1]
    return None
