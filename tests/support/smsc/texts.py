"""What a handset would show of submit_sm's octets: data codings, user data headers, parts put together again.

Source: SMPP 3.4, 5.2.19 (data_coding) and 5.3.2.22 to 24 (SAR); 3GPP TS 23.038, 6.2.1 (the alphabet); 3GPP TS 23.040, 9.2.3.24.1
and 9.2.3.24.8 (concatenation).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from tests.support.smsc.codec import HAS_HEADER, MESSAGE_PAYLOAD, SAR_POSITION, SAR_REFERENCE, SAR_TOTAL, Short, Wrong

GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}
ESCAPE = 0x1B


T = TypeVar("T")


class Place(NamedTuple):
    """Which part of a long message; ``how`` is udh8, udh16 or sar."""

    how: str
    reference: int
    total: int
    position: int


@dataclass(frozen=True, slots=True)
class Part:
    """The text of one PDU. ``place`` None: it stands alone."""

    text: str
    place: Place | None
    header: bytes
    octets: bytes


def gsm_text(octets: bytes) -> str:
    """Unpacked septets as text. Raises Wrong for an octet over 127 and for an escape at the end."""
    text, at = [], 0
    while at < len(octets):
        septet = octets[at]
        if septet > 127:
            raise Wrong(f"octet {septet:02x} in the default alphabet")
        if septet == ESCAPE:
            if at + 1 == len(octets) or octets[at + 1] not in EXTENSION:
                raise Wrong("an escape that begins no letter")
            text.append(EXTENSION[octets[at + 1]])
            at += 1
        else:
            text.append(GSM[septet])
        at += 1
    return "".join(text)


def gsm_octets(text: str) -> bytes:
    """The other way; ValueError for a letter that is not in the alphabet."""
    back = {letter: bytes((ESCAPE, code)) for code, letter in EXTENSION.items()}
    return b"".join(back[letter] if letter in back else bytes((GSM.index(letter),)) for letter in text)


def decoded(octets: bytes, data_coding: int, default: str = "gsm") -> str:
    """The text. ``default``: what data_coding 0 means to this SMSC, "gsm" or "latin-1"."""
    alphabet = _alphabet(data_coding)
    try:
        if alphabet == 0:
            return gsm_text(octets) if default == "gsm" else octets.decode(default)
        if alphabet == 8:
            return octets.decode("utf-16-be")
        return octets.decode({1: "ascii", 3: "latin-1"}[alphabet])
    except UnicodeDecodeError as error:
        raise Wrong(f"text that is not in data_coding {data_coding}: {error.reason}") from None
    except KeyError:
        raise Wrong(f"a data_coding of {data_coding:#04x}") from None


def _alphabet(data_coding: int) -> int:
    """0 default, 8 UCS-2, else as it stands; the forms with a message class count as their alphabet (TS 23.038, 4)."""
    if data_coding & 0xF0 == 0x10:
        return data_coding & 0x0C
    return 0 if data_coding & 0xF4 == 0xF0 else data_coding


def part(short: Short, default: str = "gsm") -> Part:
    """What one PDU carries. Raises Wrong for what no handset could show."""
    octets = short.tlvs.get(MESSAGE_PAYLOAD, short.short_message)
    header, place = b"", _sar(short)
    if short.esm_class & HAS_HEADER:
        if not octets or len(octets) < octets[0] + 1:
            raise Wrong("a user data header longer than the message")
        header, octets = octets[: octets[0] + 1], octets[octets[0] + 1 :]
        if place is not None:
            raise Wrong("both a user data header and SAR")
        place = _concatenation(header)
    if place is not None and not 1 <= place.position <= place.total:
        raise Wrong(f"part {place.position} of {place.total}")
    return Part(decoded(octets, short.data_coding, default), place, header, octets)


def _sar(short: Short) -> Place | None:
    given = [tag in short.tlvs for tag in (SAR_REFERENCE, SAR_TOTAL, SAR_POSITION)]
    if not any(given):
        return None
    if not all(given):
        raise Wrong("SAR without all three parameters")
    reference = int.from_bytes(short.tlvs[SAR_REFERENCE], "big")
    return Place("sar", reference, short.tlvs[SAR_TOTAL][0], short.tlvs[SAR_POSITION][0])


def _concatenation(header: bytes) -> Place | None:
    at, found = 1, None
    while at < len(header):
        if at + 2 > len(header) or at + 2 + header[at + 1] > len(header):
            raise Wrong("an information element that ends outside its header")
        kind, value = header[at], header[at + 2 : at + 2 + header[at + 1]]
        if kind == 0x00 and len(value) == 3:
            found = Place("udh8", *value)
        elif kind == 0x08 and len(value) == 4:
            found = Place("udh16", *struct.unpack(">HBB", value))
        at += 2 + len(value)
    return found


class Joiner(Generic[T]):
    """Puts parts together as they come, in any order."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, str, int, int], list[dict[int, tuple[str, T]]]] = {}

    def add(self, source: str, destination: str, piece: Part, thing: T) -> tuple[str, list[T]] | None:
        """The whole text and the things of all parts, once the last part is there."""
        if piece.place is None:
            return piece.text, [thing]
        how, reference, total, position = piece.place
        key = (source, destination, how, reference, total)
        groups = self._open.setdefault(key, [])
        group = next((each for each in groups if position not in each), None)
        if group is None:
            group = {}
            groups.append(group)
        group[position] = (piece.text, thing)
        if len(group) < total:
            return None
        groups.remove(group)
        ordered = [group[number] for number in sorted(group)]
        return "".join(text for text, _ in ordered), [each for _, each in ordered]


def cut(text: str, data_coding: int, by: str, reference: int) -> Iterable[tuple[int, bytes, dict[int, bytes]]]:
    """A text as an SMSC hands it over in deliver_sm: (esm_class, short_message, TLVs) of each PDU.

    Args:
        data_coding: 0, 3 or 8.
        by: "whole" (one short_message), "payload", "udh8", "udh16" or "sar".
    """
    encode = {0: gsm_octets, 3: lambda letters: letters.encode("latin-1"), 8: lambda letters: letters.encode("utf-16-be")}[data_coding]
    if by == "whole":
        return [(0, encode(text), {})]
    if by == "payload":
        return [(0, b"", {MESSAGE_PAYLOAD: encode(text)})]
    pieces = _pieces(text, encode)
    return [_cut_part(piece, by, reference, len(pieces), number) for number, piece in enumerate(pieces, 1)]


def _pieces(text: str, encode: object) -> Sequence[bytes]:
    assert callable(encode)
    pieces = [b""]
    for letter in text:
        octets: bytes = encode(letter)
        if len(pieces[-1]) + len(octets) > 132:
            pieces.append(b"")
        pieces[-1] += octets
    return pieces


def _cut_part(piece: bytes, by: str, reference: int, total: int, number: int) -> tuple[int, bytes, dict[int, bytes]]:
    if by == "sar":
        return 0, piece, {SAR_REFERENCE: struct.pack(">H", reference), SAR_TOTAL: bytes((total,)), SAR_POSITION: bytes((number,))}
    header = bytes((5, 0, 3, reference & 255, total, number)) if by == "udh8" else struct.pack(">BBBHBB", 6, 8, 4, reference, total, number)
    return HAS_HEADER, header + piece, {}
