"""How a text travels in SMPP: its data_coding, its octets, its parts.

The text is cut where :mod:`gateway.domain.parts` cuts it, so that as many parts are sent as were priced. GSM 7-bit packing is left out:
the carriers that want it are few, and SMPP leaves the fill bits behind a header to each of them.
Source: SMPP 3.4, 5.2.19; 3GPP TS 23.038 clause 4 (message class); 3GPP TS 23.040 clauses 9.2.3.24.1 and 9.2.3.24.8.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.connectors.smpp import pdus
from gateway.domain.alphabet import ESCAPE, Alphabet, decode_gsm7, encode_gsm7
from gateway.domain.errors import GatewayError, UnencodableText
from gateway.domain.parts import SINGLE_LIMIT, split

DEFAULT = 0x00
LATIN_1 = 0x03
UCS2 = 0x08
FLASH = 0x10  # message class 0, GSM 7-bit
FLASH_UCS2 = 0x18

UDHI = 0x40
MOST_PARTS = 255
MOST_PAYLOAD = 0xFFFF

WIDE_LIMIT = {Alphabet.GSM7: 152, Alphabet.UCS2: 66}
"""Room in a part whose header has a 16-bit reference: one octet less than with 8 bits."""


class CannotSend(ValueError):
    """A message that SMPP cannot carry as it is. The words are for the operator and hold neither text nor number."""


class Piece(NamedTuple):
    """One submit_sm's share of a text: bits for esm_class, the short_message with its header, and optional parameters."""

    esm_bits: int
    octets: bytes
    tlvs: bytes


class Coded(NamedTuple):
    """A text ready to travel."""

    data_coding: int
    pieces: list[Piece]


class TextWriter:
    """Codes texts as one carrier wants them. Gives each long message a reference of its own, from a counter that begins anywhere."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._concatenation: str = settings["concatenation"]
        self._default: str = settings["default_alphabet"]
        self._sends_latin1: bool = settings["send_latin1"]
        self._references = itertools.count(random.randrange(0x10000))

    def coded(self, text: str, alphabet: Alphabet, is_flash: bool) -> Coded:
        """The text in the alphabet it was priced in; in UCS-2 where the carrier's alphabet does not hold it.

        Raises:
            CannotSend: it has more parts than a header can number, or holds what no alphabet holds.
        """
        try:
            found = self._in_gsm7(text, is_flash) if alphabet is Alphabet.GSM7 else None
            return found or self._in_ucs2(text, is_flash)
        except GatewayError as error:
            raise CannotSend(f"the text cannot be coded: {type(error).__name__}") from None

    def _in_gsm7(self, text: str, is_flash: bool) -> Coded | None:
        """None where the carrier's alphabet does not hold the text."""
        try:
            septets = encode_gsm7(text)
        except UnencodableText:
            return None
        codec = "gsm" if is_flash else self._codec_for(text)
        if codec is None:
            return None
        data_coding = FLASH if is_flash else LATIN_1 if codec == "latin3" else DEFAULT
        if len(septets) <= SINGLE_LIMIT[Alphabet.GSM7]:
            return Coded(data_coding, [Piece(0, septets if codec == "gsm" else _bytes_in(codec, text), b"")])
        return self._long(text, Alphabet.GSM7, codec, data_coding)

    def _codec_for(self, text: str) -> str | None:
        if self._sends_latin1 and _fits(text, "latin-1"):
            return "latin3"
        return self._default if self._default == "gsm" or _fits(text, _PYTHON_NAMES[self._default]) else None

    def _in_ucs2(self, text: str, is_flash: bool) -> Coded:
        data_coding = FLASH_UCS2 if is_flash else UCS2
        parts = split(text, Alphabet.UCS2)
        if len(parts) <= 1:
            return Coded(data_coding, [Piece(0, text.encode("utf-16-be"), b"")])
        return self._long(text, Alphabet.UCS2, "ucs2", data_coding)

    def _long(self, text: str, alphabet: Alphabet, codec: str, data_coding: int) -> Coded:
        if self._concatenation == "payload":
            return Coded(data_coding, [_payload(_bytes_in(codec, text))])
        parts = split(text, alphabet)
        reference, total = next(self._references), len(parts)
        if total > MOST_PARTS:
            raise CannotSend(f"the text has more than {MOST_PARTS} parts")
        if self._concatenation == "sar":
            number = reference % 0xFFFF + 1
            return Coded(
                data_coding, [Piece(0, _bytes_in(codec, each), pdus.sar_tlvs(number, total, place)) for place, each in enumerate(parts, 1)]
            )
        head = bytes((5, 0, 3, reference & 0xFF, total))
        if self._concatenation == "udh16":
            wide = split_wide(text, alphabet)
            if len(wide) == total:
                parts, head = wide, bytes((6, 8, 4, *(reference & 0xFFFF).to_bytes(2, "big"), total))
        return Coded(
            data_coding, [Piece(UDHI, head + bytes((place,)) + _bytes_in(codec, each), b"") for place, each in enumerate(parts, 1)]
        )


def split_wide(text: str, alphabet: Alphabet) -> list[str]:
    """The parts of a long text behind headers with a 16-bit reference; they may be more than were priced."""
    limit = WIDE_LIMIT[alphabet]
    if alphabet is Alphabet.GSM7:
        septets = encode_gsm7(text)
        return [decode_gsm7(each) for each in _cut(septets, limit, lambda end: septets[end - 1] == ESCAPE)]
    units = text.encode("utf-16-be")
    return [each.decode("utf-16-be") for each in _cut(units, 2 * limit, lambda end: 0xD8 <= units[end - 2] <= 0xDB, 2)]


def _cut(octets: bytes, limit: int, breaks_pair: Any, unit: int = 1) -> list[bytes]:
    found = []
    start = 0
    while len(octets) - start > limit:
        end = start + limit
        if breaks_pair(end):
            end -= unit
        found.append(octets[start:end])
        start = end
    return [*found, octets[start:]]


def _payload(octets: bytes) -> Piece:
    if len(octets) > MOST_PAYLOAD:
        raise CannotSend("the text is too long for message_payload")
    return Piece(0, b"", pdus.tlv(pdus.MESSAGE_PAYLOAD, octets))


_PYTHON_NAMES = {"latin3": "latin-1", "latin1": "latin-1", "ascii": "ascii", "ucs2": "utf-16-be"}


def _bytes_in(codec: str, text: str) -> bytes:
    return encode_gsm7(text) if codec == "gsm" else text.encode(_PYTHON_NAMES[codec])


def _fits(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
