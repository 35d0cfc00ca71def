"""One connection of the fake SMSC."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any

from tests.support.smsc import codec
from tests.support.smsc.codec import Bind, Pdu, Wrong, pdu
from tests.support.smsc.faults import FORMS, Behaviour

if TYPE_CHECKING:
    from tests.support.smsc.server import Handed, Smsc, Submitted

RESET = struct.pack("ii", 1, 0)
FLOOD = 200
SECONDS_TO_LEAVE = 1.0


class Session(asyncio.Protocol):
    """Reads PDUs, answers them, does as the SMSC's treatment says. ``bind`` is None before the bind and after the end."""

    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc
        self._buffer = bytearray()
        self._sequence = 0
        self._handed: dict[int, Handed] = {}
        self._submitted: set[int] = set()
        self._is_hung = False
        self._transport: Any = None
        self.number = 0
        self.bind: Bind | None = None
        self.command = 0

    @property
    def can_receive(self) -> bool:
        return self.bind is not None and self.command != codec.BIND_TRANSMITTER and not self._is_hung

    # --- the connection ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._smsc.counts["connection"] += 1
        self.number = self._smsc.counts["connection"]
        self._smsc.sessions[self.number] = self

    def connection_lost(self, error: Exception | None) -> None:
        self.bind = None
        self._smsc.sessions.pop(self.number, None)
        self._smsc.bound_changed()
        self._smsc.hand_again()

    def data_received(self, data: bytes) -> None:
        if self._is_hung:
            return
        self._buffer += data
        try:
            for each in codec.split(self._buffer):
                if not self._is_hung:
                    self._read(each)
        except Wrong as error:
            self._smsc.wrong(str(error), bytes(self._buffer))
            self.write(pdu(codec.GENERIC_NACK, codec.INVALID_LENGTH, 0))
            self.drop()

    def write(self, octets: bytes) -> None:
        if not self._is_hung and not self._transport.is_closing():
            self._transport.write(octets)

    def drop(self) -> None:
        """Closes at once."""
        self._transport.abort()

    # --- what comes in ---

    def _read(self, each: Pdu) -> None:
        if each.command & codec.RESPONSE:
            self._read_answer(each)
        elif each.command in codec.BINDS:
            self._read_bind(each)
        elif each.command == codec.ENQUIRE_LINK:
            self._smsc.counts["enquire_link"] += 1
            self._answer(each)
        elif self.bind is None:
            self._refuse(each, codec.BIND_STATUS, "a command before the bind")
        elif each.command == codec.SUBMIT_SM:
            self._read_submit(each)
        elif each.command == codec.QUERY_SM:
            self._read_query(each)
        elif each.command == codec.UNBIND:
            self._smsc.counts["unbind"] += 1
            self._answer(each)
            self._transport.close()
        else:
            self._smsc.wrong(f"a command {each.command:#x}", each.raw)
            self.write(pdu(codec.GENERIC_NACK, codec.INVALID_COMMAND, each.sequence))

    def _answer(self, each: Pdu, status: int = codec.OK, body: bytes = b"") -> None:
        self.write(pdu(each.command | codec.RESPONSE, status, each.sequence, body))

    def _refuse(self, each: Pdu, status: int, words: str) -> None:
        self._smsc.wrong(words, each.raw)
        self._answer(each, status)

    def _read_bind(self, each: Pdu) -> None:
        smsc = self._smsc
        smsc.counts["bind"] += 1
        status = smsc.treatment.on_bind(smsc.counts["bind"])
        try:
            bind = codec.read_bind(each.body)
        except Wrong as error:
            self._refuse(each, codec.BIND_FAILED, str(error))
            return
        if self.bind is not None:
            self._refuse(each, codec.ALREADY_BOUND, "a second bind on one connection")
            return
        if status == codec.OK and bind.system_id != smsc.system_id:
            status = codec.INVALID_SYSTEM_ID
        if status == codec.OK and bind.password != smsc.password:
            status = codec.INVALID_PASSWORD
        if status == codec.OK and len(smsc.bound()) >= smsc.most_binds:
            smsc.counts["bind beyond"] += 1
            status = codec.ALREADY_BOUND
        if status != codec.OK:
            smsc.counts["bind refused"] += 1
            self._answer(each, status)
            return
        self.bind, self.command = bind, each.command
        smsc.bound_changed()
        self._answer(each, codec.OK, codec.words("fake") + codec.tlv(codec.INTERFACE_VERSION, b"\x34"))
        smsc.hand_again()

    def _read_submit(self, each: Pdu) -> None:
        if self.command == codec.BIND_RECEIVER:
            self._refuse(each, codec.BIND_STATUS, "submit_sm from a receiver")
            return
        if each.sequence in self._submitted or not 1 <= each.sequence <= 0x7FFFFFFF:
            self._smsc.wrong(f"sequence_number {each.sequence} while it is in use, or out of range", each.raw)
        try:
            submitted, behaviour = self._smsc.take(self, each)
        except Wrong as error:
            self._refuse(each, codec.SUBMIT_FAILED, str(error))
            return
        self._submitted.add(each.sequence)
        self._treat(each, submitted, behaviour)

    def _treat(self, each: Pdu, submitted: Submitted, behaviour: Behaviour) -> None:
        """Answer, receipts and accidents, in the order of the behaviour."""
        smsc = self._smsc
        if behaviour.receipt_first:
            smsc.report_all(submitted, behaviour)
        if behaviour.action:
            self.act(behaviour.action)
        delay = behaviour.answer_after

        def answer() -> None:
            self._submitted.discard(each.sequence)
            body = codec.words(FORMS[behaviour.answer_id](submitted.number)) if behaviour.status == codec.OK else b""
            for _ in range(behaviour.answers):
                self._answer(each, behaviour.status, body)

        if delay is not None:
            smsc.later(delay, answer)
        if not behaviour.receipt_first:
            smsc.later((delay or 0.0) + behaviour.receipt_after, lambda: smsc.report_all(submitted, behaviour))

    def _read_query(self, each: Pdu) -> None:
        self._smsc.counts["query_sm"] += 1
        try:
            body = self._smsc.ask(codec.read_query(each.body))
        except Wrong as error:
            self._refuse(each, codec.QUERY_FAILED, str(error))
            return
        self._answer(each, codec.OK if body else codec.QUERY_FAILED, body or b"")

    def _read_answer(self, each: Pdu) -> None:
        handed = self._handed.pop(each.sequence, None)
        if each.command == codec.DELIVER_SM | codec.RESPONSE:
            if handed is None:
                self._smsc.wrong("deliver_sm_resp for nothing", each.raw)
            elif each.status == codec.OK and each.body != b"\0":
                self._smsc.wrong("deliver_sm_resp without the one NUL of its message_id", each.raw)  # 4.6.2
            if handed is not None:
                handed.status = each.status
                self._smsc.note(f"acknowledged {handed.short.source} {each.status}")
        elif each.command == codec.GENERIC_NACK:
            self._smsc.counts["generic_nack"] += 1
        elif each.command == codec.ENQUIRE_LINK | codec.RESPONSE:
            self._smsc.counts["enquire_link_resp"] += 1

    # --- what goes out ---

    def hand(self, handed: Handed) -> None:
        """A deliver_sm."""
        handed.sequence, handed.session = self._next(), self.number
        handed.sent += 1
        self._handed[handed.sequence] = handed
        self.write(pdu(codec.DELIVER_SM, 0, handed.sequence, codec.short_body(handed.short)))

    def act(self, action: str) -> None:
        """Something of ``ACTIONS``."""
        self._smsc.counts[action] += 1
        self._smsc.note(f"action {action} {self.number}")
        if action == "reset":
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.drop()
        elif action == "close":
            self._transport.close()
        elif action == "unbind":
            self.write(pdu(codec.UNBIND, 0, self._next()))
            self._smsc.later(SECONDS_TO_LEAVE, self._transport.close)
        elif action == "hang":
            self._is_hung = True
            self.bind = None  # whoever answers new connections does not count it any more
            self._smsc.sessions.pop(self.number, None)
            self._smsc.hung.append(self)
            self._smsc.bound_changed()
            self._transport.pause_reading()
        elif action == "noise":
            self.write(self._smsc.dice.randbytes(200))
            self._transport.close()
        else:
            self.write(self._octets(action))

    def _octets(self, action: str) -> bytes:
        if action == "bad_length":
            return codec.HEADER.pack(7, codec.ENQUIRE_LINK, 0, self._next())
        if action == "unknown_command":
            return pdu(0x0000_0777, 0, self._next(), b"\1\2\3")
        if action == "nack":
            return pdu(codec.GENERIC_NACK, codec.INVALID_COMMAND, 0x7FFF_FFF0)
        if action == "flood":
            return b"".join(pdu(codec.ENQUIRE_LINK, 0, self._next()) for _ in range(FLOOD))
        raise ValueError(f"no action is called {action}")

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence
