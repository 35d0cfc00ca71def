"""PDUs of SMPP 3.4 as bytes and back, written from the specification for the fake SMSC.

It shares nothing with the gateway's connector, so that each checks the other, and it is strict: what the specification does not
allow raises :class:`Wrong`. Source: "Short Message Peer to Peer Protocol Specification v3.4", chapters 3 to 5; clauses at the tables.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

HEADER = struct.Struct(">IIII")
LONGEST = 66_000
"""Octets: a message_payload of 64 KB and everything around it."""

# 5.1.2.1, command_id
GENERIC_NACK = 0x80000000
BIND_RECEIVER, BIND_TRANSMITTER, QUERY_SM, SUBMIT_SM, DELIVER_SM, UNBIND = 1, 2, 3, 4, 5, 6
BIND_TRANSCEIVER, ENQUIRE_LINK = 9, 0x15
RESPONSE = 0x80000000
BINDS = (BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER)

# 5.1.3, command_status
OK, INVALID_LENGTH, INVALID_COMMAND, BIND_STATUS, ALREADY_BOUND, SYSTEM_ERROR = 0, 2, 3, 4, 5, 8
INVALID_SOURCE, INVALID_DESTINATION, INVALID_MESSAGE_ID, BIND_FAILED, INVALID_PASSWORD = 0x0A, 0x0B, 0x0C, 0x0D, 0x0E
INVALID_SYSTEM_ID = 0x0F
QUEUE_FULL, SUBMIT_FAILED, THROTTLED, QUERY_FAILED = 0x14, 0x45, 0x58, 0x67
UNASSIGNED = 0x3FF
"""No status of the specification and none of the range left to carriers."""

# 5.3.2, optional parameters, with the lengths of their values where fixed
RECEIPTED_MESSAGE_ID, MESSAGE_PAYLOAD, MESSAGE_STATE, INTERFACE_VERSION = 0x001E, 0x0424, 0x0427, 0x0210
SAR_REFERENCE, SAR_TOTAL, SAR_POSITION = 0x020C, 0x020E, 0x020F
LENGTHS = {SAR_REFERENCE: 2, SAR_TOTAL: 1, SAR_POSITION: 1, MESSAGE_STATE: 1, INTERFACE_VERSION: 1}

# 5.2.12, esm_class
RECEIPT_TYPE, HAS_HEADER = 0x04, 0x40
# 5.2.28, message_state
STATES = {"ENROUTE": 1, "DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "UNKNOWN": 7, "REJECTD": 8}


class Wrong(Exception):
    """Bytes that are no correct PDU."""


class Pdu(NamedTuple):
    """One PDU; ``raw`` is the whole of it."""

    command: int
    status: int
    sequence: int
    body: bytes
    raw: bytes


class Bind(NamedTuple):
    """4.1.1, 4.1.3, 4.1.5."""

    system_id: str
    password: str
    system_type: str
    interface_version: int
    addr_ton: int
    addr_npi: int
    address_range: str


@dataclass(frozen=True, slots=True)
class Short:
    """The fields that submit_sm (4.4.1) and deliver_sm (4.6.1) have in common, as they stand in the PDU. ``tlvs``: tag → value."""

    source: str = ""
    destination: str = ""
    short_message: bytes = b""
    service_type: str = ""
    source_ton: int = 0
    source_npi: int = 0
    destination_ton: int = 1
    destination_npi: int = 1
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present: int = 0
    data_coding: int = 0
    default_message_id: int = 0
    tlvs: Mapping[int, bytes] = field(default_factory=dict)


class Reader:
    """Takes a body apart from the front."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def octet(self) -> int:
        return self.octets(1)[0]

    def octets(self, count: int) -> bytes:
        taken = self._body[self._at : self._at + count]
        if len(taken) != count:
            raise Wrong(f"the body ends {count - len(taken)} octets too early")
        self._at += count
        return taken

    def words(self, most: int, *, fixed: bool = False) -> str:
        """A C-octet string of up to ``most`` octets, its NUL among them; ``fixed``: of one octet or of exactly ``most``. Clause 3.1."""
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise Wrong("a C-octet string without its NUL")
        length = end + 1 - self._at
        if length > most or (fixed and length not in (1, most)):
            raise Wrong(f"a C-octet string of {length} octets where {most} are allowed")
        text = self._body[self._at : end]
        self._at = end + 1
        if not text.isascii():
            raise Wrong("a C-octet string that is not ASCII")
        return text.decode("ascii")

    def tlvs(self) -> dict[int, bytes]:
        """All that is left. Clause 5.3.1."""
        found: dict[int, bytes] = {}
        while self._at < len(self._body):
            tag, length = struct.unpack(">HH", self.octets(4))
            value = self.octets(length)
            if tag in found:
                raise Wrong(f"optional parameter {tag:04x} twice")
            if tag in LENGTHS and length != LENGTHS[tag]:
                raise Wrong(f"optional parameter {tag:04x} with {length} octets")
            found[tag] = value
        return found

    def end(self) -> None:
        if self._at != len(self._body):
            raise Wrong(f"{len(self._body) - self._at} octets too many")


def split(buffer: bytearray) -> list[Pdu]:
    """Takes the whole PDUs from the front of a buffer. Raises Wrong for a length that cannot be."""
    found = []
    while len(buffer) >= HEADER.size:
        length, command, status, sequence = HEADER.unpack_from(buffer)
        if not HEADER.size <= length <= LONGEST:
            raise Wrong(f"a command_length of {length}")
        if len(buffer) < length:
            break
        raw = bytes(buffer[:length])
        del buffer[:length]
        found.append(Pdu(command, status, sequence, raw[HEADER.size :], raw))
    return found


def pdu(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """A PDU as it goes over the wire."""
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body


def words(text: str) -> bytes:
    return text.encode("ascii") + b"\0"


def tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def read_bind(body: bytes) -> Bind:
    reader = Reader(body)
    bind = Bind(reader.words(16), reader.words(9), reader.words(13), reader.octet(), reader.octet(), reader.octet(), reader.words(41))
    reader.end()
    return bind


def read_short(body: bytes) -> Short:
    """The body of submit_sm or deliver_sm."""
    reader = Reader(body)
    service_type = reader.words(6)
    source_ton, source_npi, source = reader.octet(), reader.octet(), reader.words(21)
    destination_ton, destination_npi, destination = reader.octet(), reader.octet(), reader.words(21)
    esm_class, protocol_id, priority_flag = reader.octet(), reader.octet(), reader.octet()
    schedule, validity = reader.words(17, fixed=True), reader.words(17, fixed=True)
    registered, replace, coding, default = reader.octet(), reader.octet(), reader.octet(), reader.octet()
    length = reader.octet()
    if length > 254:  # 5.2.21
        raise Wrong(f"a sm_length of {length}")
    short_message, tlvs = reader.octets(length), reader.tlvs()
    if short_message and MESSAGE_PAYLOAD in tlvs:  # 5.3.2.32
        raise Wrong("both short_message and message_payload")
    return Short(
        source, destination, short_message, service_type, source_ton, source_npi, destination_ton, destination_npi, esm_class, protocol_id,
        priority_flag, schedule, validity, registered, replace, coding, default, tlvs,
    )  # fmt: skip


def short_body(short: Short) -> bytes:
    """The body of submit_sm or deliver_sm."""
    return b"".join(
        (
            words(short.service_type),
            bytes((short.source_ton, short.source_npi)),
            words(short.source),
            bytes((short.destination_ton, short.destination_npi)),
            words(short.destination),
            bytes((short.esm_class, short.protocol_id, short.priority_flag)),
            words(short.schedule_delivery_time),
            words(short.validity_period),
            bytes((short.registered_delivery, short.replace_if_present, short.data_coding, short.default_message_id)),
            bytes((len(short.short_message),)),
            short.short_message,
            *(tlv(tag, value) for tag, value in short.tlvs.items()),
        )
    )


def read_query(body: bytes) -> str:
    """The message_id that query_sm asks for; 4.8.1."""
    reader = Reader(body)
    message_id, _ton, _npi, _source = reader.words(65), reader.octet(), reader.octet(), reader.words(21)
    reader.end()
    return message_id


def query_answer(message_id: str, final_date: str, state: int, error: int = 0) -> bytes:
    """4.8.2."""
    return words(message_id) + words(final_date) + bytes((state, error))
