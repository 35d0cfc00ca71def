"""One bind: its socket, its window, its timers. Knows PDUs and nothing of messages.

A link is driven by the loop of :mod:`gateway.connectors.smpp.loop` and tells its owner what happens. Connecting and the TLS handshake
wait in a short thread of their own; everything else happens in the loop's thread and never waits.
Source: SMPP 3.4, sections 2.2 to 2.9 (sessions, errors, timers).
"""

from __future__ import annotations

import enum
import random
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from gateway.connectors.smpp import pdus, statuses
from gateway.connectors.smpp.dialling import dial, where, words
from gateway.connectors.smpp.pdus import Frames, Pdu

CHUNK = 65_536  # octets asked of the socket at once
MOST_CHUNKS = 16  # in one turn, so that one busy link does not keep the others waiting
MOST_UNSENT = 1_000_000  # octets; an SMSC that does not read is not read either
MOST_LATE = 10_000
LINGER_SECONDS = 1.0  # after the SMSC's unbind, for answers still on their way
REFUSED_DOUBLINGS = 10.0

log = structlog.get_logger()


class Phase(enum.Enum):
    """Where a link stands."""

    RESTING = enum.auto()
    CONNECTING = enum.auto()
    BINDING = enum.auto()
    BOUND = enum.auto()
    UNBINDING = enum.auto()  # we said unbind
    LEAVING = enum.auto()  # the SMSC did
    CLOSED = enum.auto()  # for good


class Owner(Protocol):
    """Whom a link tells what happens. A token is what the owner gave with a request."""

    def changed(self) -> None:
        """The link was bound, or is not bound any more, or has another trouble to show."""

    def answered(self, token: Any, pdu: Pdu) -> None:
        """The SMSC answered a request in time."""

    def timed_out(self, token: Any) -> None:
        """No answer came in time."""

    def answered_late(self, token: Any, pdu: Pdu) -> None:
        """The answer came after all."""

    def lost(self, written: list[Any], unwritten: list[Any]) -> None:
        """The link is gone with these requests unanswered; of ``unwritten`` not an octet was handed to the network."""

    def delivered(self, link: Link, pdu: Pdu) -> None:
        """A deliver_sm or data_sm came; the owner answers it."""

    def dialled(self, link: Link, attempt: int, connected: socket.socket | str) -> None:
        """From the connecting thread: a socket, or why there is none. To be given to :meth:`Link.connected` in the loop's thread."""


@dataclass(slots=True)
class _Pending:
    token: Any
    deadline: float
    offset: int  # where its first octet stands in the stream that we write


class Link:
    """One bind. ``note``: its last trouble, in words for the operator, "" while it is well.

    Args:
        command: which bind.
        settings: the connector's.
        context: for TLS.
        owner: is told what happens.
        selector: the loop's.
    """

    def __init__(
        self, command: int, settings: Mapping[str, Any], context: ssl.SSLContext | None, owner: Owner, selector: selectors.BaseSelector
    ) -> None:
        self.sends = command != pdus.BIND_RECEIVER
        self.phase = Phase.RESTING
        self.note = ""
        self._command = command
        self._settings = settings
        self._context = context
        self._owner = owner
        self._selector = selector
        self._window: int = settings["window"]
        self._answer_timeout: float = settings["answer_timeout_seconds"]
        self._enquire_after: float = settings["enquire_link_seconds"]
        self._failures = self._refusals = self._attempt = 0
        self._wake_at = 0.0  # end of a rest, of waiting for bind_resp or unbind_resp
        self._begin()

    def _begin(self) -> None:
        """A stream begins: nothing sent, nothing heard."""
        self._socket: socket.socket | None = None
        self._frames = Frames()
        self._out = bytearray()
        self._sent = 0
        self._sequence = 0
        self._pending: dict[int, _Pending] = {}
        self._late: dict[int, Any] = {}
        self._heard = self._bound_at = 0.0
        self._enquired = False
        self._mask = 0
        self.has_more = False

    # What the loop asks

    def free(self) -> int:
        """How many more requests its window takes now."""
        return self._window - len(self._pending) if self.phase is Phase.BOUND and self.sends else 0

    @property
    def is_bound(self) -> bool:
        return self.phase is Phase.BOUND

    @property
    def is_closed(self) -> bool:
        return self.phase is Phase.CLOSED

    @property
    def is_idle(self) -> bool:
        """No request of ours is unanswered."""
        return not self._pending

    def due(self) -> float:
        """When it must be given its next turn, in seconds of the steady clock."""
        if self.phase in (Phase.CONNECTING, Phase.CLOSED):
            return float("inf")
        if self.phase is not Phase.BOUND:
            return self._wake_at if not self._pending else min(self._wake_at, self._first_deadline())
        enquire = self._heard + self._enquire_after + (self._settings["enquire_timeout_seconds"] if self._enquired else 0.0)
        return min(enquire, self._first_deadline()) if self._pending else enquire

    def turn(self, now: float) -> None:
        """What time alone brings about."""
        self._expire(now)
        match self.phase:
            case Phase.RESTING if now >= self._wake_at:
                self._dial()
            case Phase.BINDING if now >= self._wake_at:
                self.drop(now, "no answer to the bind")
            case Phase.UNBINDING | Phase.LEAVING if now >= self._wake_at:
                self.drop(now, "unbound")
            case Phase.BOUND:
                self._enquire(now)

    def request(self, command: int, body: bytes, token: Any, now: float) -> None:
        """Writes a request. Only with room in the window."""
        offset = self._sent + len(self._out)
        sequence = self._write(command, body)
        self._pending[sequence] = _Pending(token, now + self._answer_timeout, offset)

    def answer(self, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        """Writes an answer."""
        self._out += pdus.pdu(command, sequence, body, status)

    def flush(self, now: float) -> None:
        """Hands what is written to the network, as far as it takes it."""
        if self._socket is None:
            return
        try:
            while self._out:
                sent = self._socket.send(self._out)
                del self._out[:sent]
                self._sent += sent
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError as error:
            self.drop(now, f"lost while writing: {words(error)}")
            return
        self._watch()

    def read(self, now: float) -> None:
        """Takes in what the network has, and acts on it."""
        self.has_more = False
        for _ in range(MOST_CHUNKS):
            octets = self._received(now)
            if octets is None:
                return
            self._heard, self._enquired = now, False
            for pdu in self._frames.feed(octets):
                self._act(pdu, now)
                if self._socket is None:
                    return
            if len(octets) < CHUNK and self._context is None and not self._frames.is_broken:
                return
            if self._frames.is_broken:
                self._write_nack(0, statuses.INVALID_COMMAND_LENGTH)
                self.flush(now)
                self.drop(now, "the SMSC sent what is not SMPP")
                return
        self.has_more = True

    def connected(self, attempt: int, result: socket.socket | str, now: float) -> None:
        """What became of an attempt to connect; the socket of one that was given up is closed."""
        if self.phase is not Phase.CONNECTING or attempt != self._attempt:
            if not isinstance(result, str):
                result.close()
            return
        if isinstance(result, str):
            self._rest(now, f"cannot connect: {result}")
            return
        self._begin()
        self._socket = result
        self._heard = now
        self._mask = selectors.EVENT_READ
        self._selector.register(result, self._mask, self)
        self.phase = Phase.BINDING
        self._wake_at = now + self._answer_timeout
        address = (self._settings["address_ton"], self._settings["address_npi"], self._settings["address_range"])
        body = pdus.bind_body(self._settings["system_id"], self._settings["password"], self._settings["system_type"], address)
        self._write(self._command, body)

    def unbind(self, now: float, until: float) -> None:
        """Says good-bye and waits for the answer until then. A link that is not bound is just closed."""
        if self.phase is Phase.BOUND:
            self._write(pdus.UNBIND, b"")
            self.phase, self._wake_at = Phase.UNBINDING, until
            self._owner.changed()
        elif self.phase is not Phase.UNBINDING:
            self.close(now)

    def close(self, now: float) -> None:
        """The end: no new attempt follows."""
        if self._socket is None:
            self.phase = Phase.CLOSED
        else:
            self.phase = Phase.UNBINDING
            self.drop(now, "closed")

    def drop(self, now: float, reason: str, refused: bool = False) -> None:
        """Closes the connection and tells the owner what was not answered. After our own unbind that is the end."""
        if self._socket is None:
            return
        self._selector.unregister(self._socket)
        self._socket.close()
        asked = list(self._pending.values())
        lasted = now - self._bound_at if self._bound_at else 0.0
        sent = self._sent
        was_told = self.phase is Phase.UNBINDING
        self._begin()
        if lasted > self._pause():
            self._failures = 0
        if was_told:
            self.phase = Phase.CLOSED
            self._owner.changed()
        else:
            self._rest(now, reason, refused)
        self._owner.lost([each.token for each in asked if each.offset < sent], [each.token for each in asked if each.offset >= sent])

    # What it does by itself

    def _rest(self, now: float, reason: str, refused: bool = False) -> None:
        self.phase, self.note = Phase.RESTING, reason
        if refused:
            least = self._settings["refused_seconds"]
            pause = min(least * (1 << self._refusals), least * REFUSED_DOUBLINGS)
            self._refusals = min(self._refusals + 1, 10)
            log.error("smpp_bind_refused", host=self._settings["host"], reason=reason, pause_seconds=round(pause, 1))
        else:
            pause = self._pause()
            self._failures = min(self._failures + 1, 30)
            log.warning("smpp_link_down", host=self._settings["host"], reason=reason, pause_seconds=round(pause, 1))
        self._wake_at = now + pause * random.uniform(0.75, 1.25)
        self._owner.changed()

    def _pause(self) -> float:
        least: float = self._settings["reconnect_seconds"]
        most: float = self._settings["reconnect_most_seconds"]
        return min(least * (1 << self._failures), most)

    def _dial(self) -> None:
        self.phase = Phase.CONNECTING
        self._attempt += 1
        arguments = (self._settings, self._context, self._attempt, lambda attempt, result: self._owner.dialled(self, attempt, result))
        threading.Thread(target=dial, args=arguments, name="smpp-connect", daemon=True).start()

    def _write(self, command: int, body: bytes) -> int:
        self._sequence = self._sequence % pdus.MOST_SEQUENCE + 1
        self._out += pdus.pdu(command, self._sequence, body)
        return self._sequence

    def _write_nack(self, sequence: int, status: int) -> None:
        self._out += pdus.pdu(pdus.GENERIC_NACK, sequence, status=status)

    def _watch(self) -> None:
        """Asks the selector for what is wanted now."""
        if self._socket is None:
            return
        mask = selectors.EVENT_WRITE if self._out else 0
        if len(self._out) < MOST_UNSENT:
            mask |= selectors.EVENT_READ
        if mask != self._mask:
            self._mask = mask
            self._selector.modify(self._socket, mask, self)

    def _received(self, now: float) -> bytes | None:
        """None where there is nothing now, or never more."""
        assert self._socket is not None
        try:
            octets = self._socket.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            self.drop(now, f"lost: {words(error)}")
            return None
        if not octets:
            self.drop(now, "closed by the SMSC")
            return None
        return octets

    def _first_deadline(self) -> float:
        return next(iter(self._pending.values())).deadline

    def _expire(self, now: float) -> None:
        """Requests are asked in the order of their deadlines, so only the first matters."""
        while self._pending and self._first_deadline() <= now:
            sequence = next(iter(self._pending))
            token = self._pending.pop(sequence).token
            if len(self._late) >= MOST_LATE:
                del self._late[next(iter(self._late))]
            self._late[sequence] = token
            self._owner.timed_out(token)

    def _enquire(self, now: float) -> None:
        if self._enquired:
            if now >= self._heard + self._enquire_after + self._settings["enquire_timeout_seconds"]:
                self.drop(now, "no answer to enquire_link")
        elif now >= self._heard + self._enquire_after:
            self._enquired = True
            self._write(pdus.ENQUIRE_LINK, b"")

    def _act(self, pdu: Pdu, now: float) -> None:
        try:
            act = _ACTS.get(pdu.command)
            if act is not None:
                act(self, pdu, now)
            elif not pdu.command & pdus.RESPONSE:
                self._write_nack(pdu.sequence, statuses.INVALID_COMMAND)
        except pdus.MalformedPdu:
            if not pdu.command & pdus.RESPONSE:
                self._write_nack(pdu.sequence, statuses.INVALID_COMMAND_LENGTH)
        except Exception as error:  # a defect of ours must not take the PDUs behind it along
            log.error("smpp_fault", error=type(error).__name__, where=where(error))

    def _on_answer(self, pdu: Pdu, now: float) -> None:
        pending = self._pending.pop(pdu.sequence, None)
        if pending is not None:
            self._owner.answered(pending.token, pdu)
        elif pdu.sequence in self._late:
            self._owner.answered_late(self._late.pop(pdu.sequence), pdu)

    def _on_nack(self, pdu: Pdu, now: float) -> None:
        if self.phase is Phase.BINDING:
            self._on_bound(pdu, now)
        else:
            self._on_answer(pdu, now)

    def _on_bound(self, pdu: Pdu, now: float) -> None:
        if self.phase is not Phase.BINDING:
            return
        if pdu.status or pdu.command == pdus.GENERIC_NACK:
            reason = f"bind refused: {statuses.code_of(pdu.status)} {statuses.name_of(pdu.status)}"
            self.drop(now, reason, refused=statuses.is_refusal_of_bind(pdu.status))
            return
        self.phase, self.note = Phase.BOUND, ""
        self._bound_at = now
        self._refusals = 0
        log.info("smpp_bound", host=self._settings["host"])
        self._owner.changed()

    def _on_delivered(self, pdu: Pdu, now: float) -> None:
        self._owner.delivered(self, pdu)

    def _on_enquire(self, pdu: Pdu, now: float) -> None:
        self.answer(pdus.RESPONSE | pdus.ENQUIRE_LINK, pdu.sequence)

    def _on_unbind(self, pdu: Pdu, now: float) -> None:
        self.answer(pdus.RESPONSE | pdus.UNBIND, pdu.sequence)
        if self.phase is Phase.BOUND:
            self.phase, self._wake_at = Phase.LEAVING, now + LINGER_SECONDS
            self._owner.changed()

    def _on_unbound(self, pdu: Pdu, now: float) -> None:
        if self.phase is Phase.UNBINDING:
            self.drop(now, "unbound")

    def _ignore(self, pdu: Pdu, now: float) -> None:
        """Nothing is to be done, and no answer exists."""


_ACTS: Mapping[int, Callable[[Link, Pdu, float], None]] = {
    pdus.SUBMIT_SM_RESP: Link._on_answer,
    pdus.RESPONSE | pdus.QUERY_SM: Link._on_answer,
    pdus.GENERIC_NACK: Link._on_nack,
    pdus.RESPONSE | pdus.BIND_RECEIVER: Link._on_bound,
    pdus.RESPONSE | pdus.BIND_TRANSMITTER: Link._on_bound,
    pdus.RESPONSE | pdus.BIND_TRANSCEIVER: Link._on_bound,
    pdus.DELIVER_SM: Link._on_delivered,
    pdus.DATA_SM: Link._on_delivered,
    pdus.ENQUIRE_LINK: Link._on_enquire,
    pdus.UNBIND: Link._on_unbind,
    pdus.RESPONSE | pdus.UNBIND: Link._on_unbound,
    pdus.ALERT_NOTIFICATION: Link._ignore,
    pdus.OUTBIND: Link._ignore,
}
