"""Messages from handsets: decoded, and told which part of a long one they are.

Source: SMPP 3.4, 5.2.19 (data_coding); 3GPP TS 23.038 clause 4; 3GPP TS 23.040 clause 9.2.3.24.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from datetime import datetime

from gateway.connectors.smpp import pdus
from gateway.connectors.smpp.addresses import number_of
from gateway.domain.alphabet import decode_gsm7
from gateway.domain.inbound import Inbound, InboundKind, PartOf

UDHI = 0x40
MOST_HALVES = 1000

_CODECS = {1: "ascii", 3: "latin-1", 5: "shift_jis", 6: "iso8859_5", 7: "iso8859_8", 10: "iso2022_jp", 13: "euc_jp", 14: "euc_kr"}
_BINARY = {2, 4, 9}
_UCS2 = 8


class InboundReader:
    """Reads messages from handsets.

    A sender's program may cut a long text between the two halves of a character outside the basic plane; no part could be decoded then.
    The half that comes first is kept here and given to the part that holds the other one.
    """

    def __init__(self, default_alphabet: str, region: str | None) -> None:
        self._default = default_alphabet
        self._region = region
        self._halves: OrderedDict[tuple[str, str, int, int], bytes] = OrderedDict()

    def read(self, delivered: pdus.Delivered, now: datetime) -> Inbound:
        """The message. Binary data becomes base64. ``now`` is its time: SMPP gives none."""
        octets, part = _without_header(delivered)
        part = part or _sar(delivered)
        coding = _alphabet(delivered.data_coding)
        if coding == _UCS2 and part is not None:
            octets = self._joined(octets, (delivered.source.digits, delivered.destination.digits, part.reference), part)
        text = base64.b64encode(octets).decode() if coding in _BINARY else self._decoded(octets, coding)
        return Inbound(
            sender=number_of(delivered.source, self._region),
            recipient=number_of(delivered.destination, self._region) or None,
            text=text,
            at=now,
            kind=InboundKind.DATA if coding in _BINARY else InboundKind.SMS,
            part=part,
        )

    def _decoded(self, octets: bytes, coding: int) -> str:
        if coding == _UCS2:
            return octets.decode("utf-16-be", "replace")
        codec = _CODECS.get(coding)
        if codec is None:
            codec = "gsm" if coding >= 0x10 else self._default
        try:
            return decode_gsm7(octets) if codec == "gsm" else octets.decode("latin-1" if codec == "latin1" else codec)
        except ValueError:
            return octets.decode("latin-1")  # an SMSC that did not translate; Latin-1 takes any octet and is what most of those mean

    def _joined(self, octets: bytes, message: tuple[str, str, int], part: PartOf) -> bytes:
        """The octets of a UCS-2 part with every half character either completed or put aside for the part next to it."""
        if len(octets) >= 2 and part.position > 1 and 0xDC <= octets[0] <= 0xDF:
            octets = self._whole((*message, part.position - 1), octets[:2], is_first=False) + octets[2:]
        if len(octets) >= 2 and part.position < part.total and 0xD8 <= octets[-2] <= 0xDB:
            octets = octets[:-2] + self._whole((*message, part.position), octets[-2:], is_first=True)
        return octets

    def _whole(self, border: tuple[str, str, int, int], half: bytes, is_first: bool) -> bytes:
        other = self._halves.pop(border, None)
        if other is None or (other[0] <= 0xDB) == is_first:
            self._halves[border] = half
            if len(self._halves) > MOST_HALVES:
                self._halves.popitem(last=False)
            return b""
        return half + other if is_first else other + half


def _without_header(delivered: pdus.Delivered) -> tuple[bytes, PartOf | None]:
    """The user data behind its header, and what the header says of parts. A header longer than the data is no header."""
    octets = delivered.octets
    end = 1 + octets[0] if octets else 0
    if not delivered.esm_class & UDHI or end > len(octets):
        return octets, None
    return octets[end:], _concatenation(octets[1:end])


def _concatenation(header: bytes) -> PartOf | None:
    at = 0
    while at + 2 <= len(header):
        element, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        at += 2 + length
        if element == 0x00 and len(value) == 3:
            return _part(value[0], value[1], value[2])
        if element == 0x08 and len(value) == 4:
            return _part(int.from_bytes(value[:2], "big"), value[2], value[3])
    return None


def _sar(delivered: pdus.Delivered) -> PartOf | None:
    values = [delivered.tlvs.get(tag, b"") for tag in (pdus.SAR_MSG_REF_NUM, pdus.SAR_TOTAL_SEGMENTS, pdus.SAR_SEGMENT_SEQNUM)]
    if not all(values):
        return None
    return _part(*(int.from_bytes(value, "big") for value in values))


def _part(reference: int, total: int, position: int) -> PartOf | None:
    """None for numbers that are none (3GPP TS 23.040: such a header is ignored) and for the only part of one."""
    return PartOf(reference, total, position) if 1 < total <= 255 and 1 <= position <= total else None


def _alphabet(data_coding: int) -> int:
    """The data_coding of SMPP's own table that says the same, 0x10 standing for GSM-7 by name. Source: 3GPP TS 23.038 clause 4."""
    if data_coding < 0x10:
        return data_coding
    group = data_coding >> 4
    if group <= 0x7:
        bits = data_coding >> 2 & 3
        return 4 if data_coding & 0x20 else {0: 0x10, 1: 4, 2: _UCS2, 3: 0x10}[bits]  # compressed text is not text to us
    if group == 0xE:
        return _UCS2
    if group == 0xF:
        return 4 if data_coding & 0x04 else 0x10
    return 0x10
