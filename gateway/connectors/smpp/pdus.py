"""SMPP PDUs as octets: written, cut out of a stream, and read.

Written here rather than taken from smpplib: docs/decisions/0013-own-smpp-codec.md says why. The tests hold both against each other.
Source: SMPP 3.4, sections 3.2 (layout), 4 (operations) and 5.3 (optional parameters).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

BIND_RECEIVER = 0x01
BIND_TRANSMITTER = 0x02
QUERY_SM = 0x03
SUBMIT_SM = 0x04
DELIVER_SM = 0x05
UNBIND = 0x06
BIND_TRANSCEIVER = 0x09
OUTBIND = 0x0B
ENQUIRE_LINK = 0x15
ALERT_NOTIFICATION = 0x102
DATA_SM = 0x103
RESPONSE = 0x8000_0000
GENERIC_NACK = RESPONSE
SUBMIT_SM_RESP = RESPONSE | SUBMIT_SM

DEST_ADDR_SUBUNIT = 0x0005
RECEIPTED_MESSAGE_ID = 0x001E
SAR_MSG_REF_NUM = 0x020C
SAR_TOTAL_SEGMENTS = 0x020E
SAR_SEGMENT_SEQNUM = 0x020F
NETWORK_ERROR_CODE = 0x0423
MESSAGE_PAYLOAD = 0x0424
MESSAGE_STATE = 0x0427

INTERFACE_VERSION = 0x34
MOST_SEQUENCE = 0x7FFF_FFFF
MOST_SHORT_MESSAGE = 254
MOST_OCTETS = 70_000  # of one PDU: a message_payload of 65,535 and all the rest

_HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")


class MalformedPdu(ValueError):
    """A PDU whose body is not what its command says."""


class Pdu(NamedTuple):
    """One PDU as it came, its header read."""

    command: int
    status: int
    sequence: int
    body: bytes


class Frames:
    """Cuts PDUs out of a stream. ``is_broken``: a length was absurd, so nothing after it can be read."""

    def __init__(self) -> None:
        self._held = b""
        self.is_broken = False

    def feed(self, octets: bytes) -> list[Pdu]:
        """The PDUs that are complete now, those before a break too."""
        data = self._held + octets if self._held else octets
        found: list[Pdu] = []
        at, end = 0, len(data)
        while end - at >= 16:
            length, command, status, sequence = _HEADER.unpack_from(data, at)
            if not 16 <= length <= MOST_OCTETS:
                self.is_broken = True
                break
            if length > end - at:
                break
            found.append(Pdu(command, status, sequence, data[at + 16 : at + length]))
            at += length
        self._held = data[at:]
        return found


def pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """One PDU."""
    return _HEADER.pack(16 + len(body), command, status, sequence) + body


def c_string(octets: bytes, most: int) -> bytes:
    """A C-octet string.

    Args:
        most: octets, the closing zero not counted.

    Raises:
        ValueError: too long, or a zero inside.
    """
    if len(octets) > most or b"\0" in octets:
        raise ValueError(f"must be at most {most} octets without a zero")
    return octets + b"\0"


def tlv(tag: int, value: bytes) -> bytes:
    """One optional parameter."""
    return _TLV.pack(tag, len(value)) + value


def bind_body(system_id: str, password: str, system_type: str, address: tuple[int, int, str]) -> bytes:
    """The body of any of the three binds; ``address``: TON, NPI and address_range."""
    strings = [c_string(each.encode("latin-1"), 64) for each in (system_id, password, system_type)]
    return b"".join(strings) + bytes((INTERFACE_VERSION, *address[:2])) + c_string(address[2].encode("latin-1"), 40)


def query_body(message_id: str) -> bytes:
    """The body of query_sm. The originator, which is not known any more, is left empty."""
    return c_string(message_id.encode("latin-1"), 64) + b"\0\0\0"


def text_of(body: bytes, at: int = 0) -> tuple[str, int]:
    """The C-octet string that begins at ``at``, and where the next parameter begins.

    Raises:
        MalformedPdu: it does not end.
    """
    end = body.find(b"\0", at)
    if end < 0:
        raise MalformedPdu("a text without its end")
    return body[at:end].decode("latin-1"), end + 1


def message_id_of(body: bytes) -> str:
    """The message_id of an answer: the first text, closed or not, as some carriers forget the zero."""
    return body.partition(b"\0")[0][:64].decode("latin-1")


def tlvs_of(body: bytes, at: int) -> dict[int, bytes]:
    """The optional parameters from ``at`` on, the first of each. Unknown ones are kept; a cut one at the end is not."""
    found: dict[int, bytes] = {}
    end = len(body)
    while end - at >= 4:
        tag, length = _TLV.unpack_from(body, at)
        at += 4
        if length > end - at:
            break
        found.setdefault(tag, body[at : at + length])
        at += length
    return found


class Address(NamedTuple):
    """One address with its type of number and numbering plan."""

    ton: int
    npi: int
    digits: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A deliver_sm or data_sm. ``octets`` is the user data, from short_message or message_payload."""

    source: Address = field(repr=False)
    destination: Address = field(repr=False)
    esm_class: int
    data_coding: int
    octets: bytes = field(repr=False)
    tlvs: Mapping[int, bytes] = field(repr=False)


def deliver_sm(body: bytes) -> Delivered:
    """Reads a deliver_sm.

    Raises:
        MalformedPdu: it ends too early.
    """
    source, destination, at = _addresses(body)
    esm_class = _octet(body, at)
    at = text_of(body, text_of(body, at + 3)[1])[1]  # behind protocol_id, priority_flag, schedule_delivery_time and validity_period
    data_coding, length = _octet(body, at + 2), _octet(body, at + 4)
    at += 5
    if length > len(body) - at:
        raise MalformedPdu("short_message is shorter than sm_length")
    tlvs = tlvs_of(body, at + length) if len(body) > at + length else {}
    octets = body[at : at + length] or tlvs.get(MESSAGE_PAYLOAD, b"")
    return Delivered(source, destination, esm_class, data_coding, octets, tlvs)


def data_sm(body: bytes) -> Delivered:
    """Reads a data_sm.

    Raises:
        MalformedPdu: it ends too early.
    """
    source, destination, at = _addresses(body)
    esm_class, data_coding = _octet(body, at), _octet(body, at + 2)
    tlvs = tlvs_of(body, at + 3)
    return Delivered(source, destination, esm_class, data_coding, tlvs.get(MESSAGE_PAYLOAD, b""), tlvs)


def _addresses(body: bytes) -> tuple[Address, Address, int]:
    at = text_of(body)[1]
    source, at = _address(body, at)
    destination, at = _address(body, at)
    return source, destination, at


def _address(body: bytes, at: int) -> tuple[Address, int]:
    ton, npi = _octet(body, at), _octet(body, at + 1)
    digits, at = text_of(body, at + 2)
    return Address(ton, npi, digits), at


def _octet(body: bytes, at: int) -> int:
    if at >= len(body):
        raise MalformedPdu("too short")
    return body[at]


class QueryAnswer(NamedTuple):
    """A query_sm_resp."""

    message_id: str
    final_date: str
    state: int
    error_code: int


def query_sm_resp(body: bytes) -> QueryAnswer:
    """Reads a query_sm_resp.

    Raises:
        MalformedPdu: it ends too early.
    """
    message_id, at = text_of(body)
    final_date, at = text_of(body, at)
    return QueryAnswer(message_id, final_date, _octet(body, at), _octet(body, at + 1))


def sar_tlvs(reference: int, total: int, position: int) -> bytes:
    """The three parameters that say which part of a long message this is."""
    pieces: Iterable[bytes] = (
        tlv(SAR_MSG_REF_NUM, reference.to_bytes(2, "big")),
        tlv(SAR_TOTAL_SEGMENTS, bytes((total,))),
        tlv(SAR_SEGMENT_SEQNUM, bytes((position,))),
    )
    return b"".join(pieces)
