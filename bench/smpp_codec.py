"""What one PDU costs in smpplib and in the gateway's own codec, and which ordinary answers each can read."""

from __future__ import annotations

import logging
import timeit
from collections.abc import Callable
from types import SimpleNamespace
from uuid import UUID

from smpplib import smpp  # type: ignore[import-untyped]

from gateway.connectors.base import AttemptKey, Outgoing
from gateway.connectors.settings import read
from gateway.connectors.smpp import pdus
from gateway.connectors.smpp.settings import SETTINGS
from gateway.connectors.smpp.writer import SubmitWriter
from gateway.domain.alphabet import Alphabet

ROUNDS = 20_000
TEXT = "Good morning to you all. Your parcel comes today between ten and noon."
RECEIPT = b"id:2684354567 sub:001 dlvrd:001 submit date:2611211604 done date:2611211705 stat:DELIVRD err:000 text:Good morning"
CLIENT = SimpleNamespace(next_sequence=lambda: 7)

SUBMIT = {
    "source_addr_ton": 5, "source_addr": "Dragoman", "dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": "393471234567",
    "registered_delivery": 1, "short_message": TEXT.encode(),
}  # fmt: skip
OUTGOING = Outgoing(AttemptKey(1, UUID(int=1), 0, 1), "+393471234567", TEXT, Alphabet.GSM7, 1, "Dragoman", True)
WRITER = SubmitWriter(read(SETTINGS, {"host": "smsc.example", "system_id": "me"}))
ANSWER = pdus.pdu(pdus.SUBMIT_SM_RESP, 7, b"2684354567\0")
DELIVER = pdus.pdu(
    pdus.DELIVER_SM,
    7,
    b"\0\1\1" + b"393471234567\0" + b"\5\0Dragoman\0" + b"\4\0\0\0\0\0\0\0\0" + bytes((len(RECEIPT),)) + RECEIPT
    + pdus.tlv(pdus.RECEIPTED_MESSAGE_ID, b"2684354567\0") + pdus.tlv(pdus.MESSAGE_STATE, b"\2"),
)  # fmt: skip
ORDINARY = {
    "an answer with message_state": pdus.tlv(0x0427, b"\2"),
    "an answer with additional_status_info_text": pdus.tlv(0x001D, b"fine\0"),
    "an answer with a carrier's own parameter": pdus.tlv(0x1400, b"x"),
}


def theirs(octets: bytes) -> object:
    return smpp.parse_pdu(octets, client=CLIENT, allow_unknown_opt_params=True)


def ours(octets: bytes) -> object:
    (pdu,) = pdus.Frames().feed(octets)
    return pdus.deliver_sm(pdu.body) if pdu.command == pdus.DELIVER_SM else pdus.message_id_of(pdu.body)


CASES: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "write submit_sm": (
        lambda: smpp.make_pdu("submit_sm", client=CLIENT, **SUBMIT).generate(),
        lambda: pdus.pdu(pdus.SUBMIT_SM, 7, WRITER.bodies(OUTGOING)[0]),
    ),
    "read submit_sm_resp": (lambda: theirs(ANSWER), lambda: ours(ANSWER)),
    "read deliver_sm": (lambda: theirs(DELIVER), lambda: ours(DELIVER)),
}


def microseconds(work: Callable[[], object]) -> float:
    """The best of three rounds."""
    return min(timeit.repeat(work, number=ROUNDS, repeat=3)) / ROUNDS * 1e6


def reads(octets: bytes, how: Callable[[bytes], object]) -> str:
    try:
        how(octets)
    except Exception as error:
        return type(error).__name__
    return "read"


def main() -> None:
    """Prints both tables."""
    logging.disable()
    print("| microseconds | smpplib | own |\n|---|---:|---:|")
    for name, (their_way, our_way) in CASES.items():
        print(f"| {name} | {microseconds(their_way):.1f} | {microseconds(our_way):.1f} |")
    print("\n| ordinary PDU | smpplib | own |\n|---|---|---|")
    for name, parameters in ORDINARY.items():
        octets = pdus.pdu(pdus.SUBMIT_SM_RESP, 7, b"2684354567\0" + parameters)
        print(f"| {name} | {reads(octets, theirs)} | {reads(octets, ours)} |")


if __name__ == "__main__":
    main()
