"""The fake SMSC itself; ``tests/support/smsc/__init__.py`` tells how it is used."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from tests.support.smsc import codec
from tests.support.smsc.codec import Pdu, Short
from tests.support.smsc.faults import FAULTS, FORMS, Behaviour, Script, Treatment
from tests.support.smsc.session import Session
from tests.support.smsc.texts import Joiner, Part, cut, part

FIRST_ID = 0xA0000000
"""Ids are written with eight hexadecimal digits, the first of them a letter."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Submitted:
    """One submit_sm as it came. ``raw`` is the whole PDU, ``number`` the id we gave it (see :data:`FORMS`), ``is_taken`` whether it
    was answered, or would have been, with status 0."""

    at: float
    session: int
    sequence: int
    short: Short
    raw: bytes
    part: Part
    number: int
    is_taken: bool


class Whole(NamedTuple):
    """One message put together from its parts."""

    source: str
    destination: str
    text: str
    parts: tuple[Submitted, ...]

    @property
    def is_taken(self) -> bool:
        """Whether every part was taken: the handset shows it."""
        return all(each.is_taken for each in self.parts)


class Violation(NamedTuple):
    """Something our side did that SMPP 3.4 does not allow."""

    words: str
    raw: bytes


@dataclass
class Handed:
    """One deliver_sm on its way. ``status``: what our side answered; None: not yet."""

    short: Short
    is_receipt: bool
    sent: int = 0
    status: int | None = None
    session: int = 0
    sequence: int = 0


@dataclass
class Taken:
    """What the SMSC knows of a message by its id, for query_sm."""

    states: tuple[str, ...]
    done: bool = False


class Smsc:
    """An SMSC on a port of loopback, in a thread of its own. Use it as a context manager, or :meth:`start` and :meth:`stop` it.

    Args: see the package.
    """

    def __init__(
        self,
        *,
        system_id: str = "gateway",
        password: str = "pa55word",
        most_binds: int = 10,
        tls: ssl.SSLContext | None = None,
        fault: str | None = None,
        seed: int = 1,
        treatment: Treatment | None = None,
        default_alphabet: str = "gsm",
        answers_query: bool = True,
        port: int = 0,
        journal: str | None = None,
    ) -> None:
        dice = random.Random(seed)
        self.system_id, self.password, self.most_binds, self.tls = system_id, password, most_binds, tls
        self.script = Script(dice)
        self.treatment = treatment or (FAULTS[fault].make(dice) if fault else self.script)
        self.default_alphabet, self.answers_query = default_alphabet, answers_query
        self.port = port
        self.submitted: list[Submitted] = []
        self.wholes: list[Whole] = []
        self.handed: list[Handed] = []
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.bound_at_once = 0
        self.pending = 0
        self.sessions: dict[int, Session] = {}
        self.hung: list[Session] = []
        self.dice = dice
        self._journal = open(journal, "a", encoding="ascii", buffering=1) if journal else None
        self._taken: dict[str, Taken] = {}
        self._joiner: Joiner[Submitted] = Joiner()
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._references = 0

    # --- life ---

    def start(self) -> Smsc:
        """Listens; the port is in ``port``."""
        self._started.clear()
        self._thread = threading.Thread(target=self._run, name="smsc", daemon=True)
        self._thread.start()
        if not self._started.wait(20):
            raise TimeoutError("the SMSC did not start")
        return self

    def stop(self) -> None:
        """Closes every connection and the port. It can be started again, on the same port and with the same memory."""
        loop, thread = self._loop, self._thread
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(20)
        self._loop = self._thread = None

    def __enter__(self) -> Smsc:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._journal is not None:
            self._journal.close()

    # --- what tests ask ---

    def wait_for(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Waits until something is so. Raises TimeoutError with what was seen."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not seen in {seconds:g} s; {dict(self.counts)}, violations {self.violations[:3]}")
            time.sleep(0.005)

    def bound(self) -> list[Session]:
        """The connections that are bound now."""
        return [session for session in list(self.sessions.values()) if session.bind is not None]

    def texts(self, *, taken: bool = True) -> list[str]:
        """The texts of whole messages in the order they became whole; ``taken``: only those that were accepted."""
        return [whole.text for whole in list(self.wholes) if whole.is_taken or not taken]

    # --- what tests tell ---

    def deliver(
        self,
        text: str,
        source: str = "393471234567",
        destination: str = "4477",
        *,
        coding: int = 0,
        by: str = "whole",
        reverse: bool = False,
        **fields: Any,
    ) -> list[Handed]:
        """Hands an inbound message to our side; ``by``: whole, payload, udh8, udh16 or sar; ``coding``: 0, 3 or 8."""

        def work() -> list[Handed]:
            self._references += 1
            shorts = [
                Short(source, destination, octets, esm_class=esm_class, data_coding=coding, tlvs=tlvs, source_ton=1, source_npi=1, **fields)
                for esm_class, octets, tlvs in cut(text, coding, by, self._references)
            ]
            return [self.hand(short, is_receipt=False) for short in (reversed(shorts) if reverse else shorts)]

        return self.on_thread(work)

    def receipt(self, submitted: Submitted, state: str = "DELIVRD", form: str = "both", id_form: str = "dec", error: str = "000") -> None:
        """Hands out a receipt now."""
        self.on_thread(lambda: self.report(submitted, state, form, id_form, error))

    def act(self, action: str) -> None:
        """Does something of :data:`ACTIONS` to every bound connection."""

        def work() -> None:
            for session in self.bound():
                session.act(action)

        self.on_thread(work)

    def send(self, octets: bytes) -> None:
        """Sends octets as they are to every bound connection."""

        def work() -> None:
            for session in self.bound():
                session.write(octets)

        self.on_thread(work)

    def on_thread(self, work: Callable[[], T]) -> T:
        """Runs something on the SMSC's thread and gives what it gave."""
        assert self._loop is not None, "the SMSC is not started"

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)

    # --- what the sessions call, on the SMSC's thread ---

    def note(self, words: str) -> None:
        """A line for the journal, behind the time in seconds since 1970."""
        if self._journal is not None:
            self._journal.write(f"{time.time():.3f} {words}\n")

    def wrong(self, words: str, raw: bytes) -> None:
        self.violations.append(Violation(words, raw))
        self.note(f"violation {words}")

    def bound_changed(self) -> None:
        now = len(self.bound())
        self.bound_at_once = max(self.bound_at_once, now)
        self.note(f"bound {now}")

    def take(self, session: Session, pdu: Pdu) -> tuple[Submitted, Behaviour]:
        """Looks at one submit_sm and decides what becomes of it. Raises Wrong."""
        short = codec.read_short(pdu.body)
        piece = part(short, self.default_alphabet)
        self.counts["submit_sm"] += 1
        behaviour = self.script.on_recipient(short.destination)
        if behaviour is None:
            behaviour = self.treatment.on_submit(self.counts["submit_sm"], piece.place.position if piece.place else 1)
        number = FIRST_ID + len(self.submitted) * 7
        submitted = Submitted(time.monotonic(), session.number, pdu.sequence, short, pdu.raw, piece, number, behaviour.status == codec.OK)
        self.submitted.append(submitted)
        if submitted.is_taken:
            self._taken[FORMS[behaviour.answer_id](number)] = Taken(behaviour.receipts)
        self.note(f"submit {session.number} {short.destination} {int(submitted.is_taken)} {number}")
        whole = self._joiner.add(short.source, short.destination, piece, submitted)
        if whole is not None:
            self.wholes.append(Whole(short.source, short.destination, whole[0], tuple(whole[1])))
            self.note(f"whole {short.destination} {int(self.wholes[-1].is_taken)}")
        return submitted, behaviour

    def report_all(self, submitted: Submitted, behaviour: Behaviour) -> None:
        """Every receipt of a message that was taken."""
        if submitted.is_taken and submitted.short.registered_delivery & 3:
            for state in behaviour.receipts:
                self.report(submitted, state, behaviour.receipt_form, behaviour.receipt_id, "000" if state == "DELIVRD" else "005")

    def report(self, submitted: Submitted, state: str, form: str, id_form: str, error: str) -> None:
        """One receipt. Source: SMPP 3.4, appendix B, and 5.3.2.12, 5.3.2.35."""
        name, short = FORMS[id_form](submitted.number), submitted.short
        now = datetime.now(UTC)
        text, tlvs = b"", {}
        if form != "tlv":
            dates = f"submit date:{now:%y%m%d%H%M} done date:{now:%y%m%d%H%M}"
            text = f"id:{name} sub:001 dlvrd:{int(state == 'DELIVRD'):03d} {dates} stat:{state} err:{error} text:".encode() + b"..."
        if form != "text":
            tlvs = {codec.RECEIPTED_MESSAGE_ID: codec.words(name), codec.MESSAGE_STATE: bytes((codec.STATES[state],))}
        self.hand(
            Short(
                short.destination,
                short.source,
                text,
                source_ton=short.destination_ton,
                source_npi=short.destination_npi,
                destination_ton=short.source_ton,
                destination_npi=short.source_npi,
                esm_class=codec.RECEIPT_TYPE,
                tlvs=tlvs,
            ),
            is_receipt=True,
        )

    def hand(self, short: Short, *, is_receipt: bool) -> Handed:
        """Gives a deliver_sm to a connection that receives, now or when there is one, until our side has answered."""
        handed = Handed(short, is_receipt)
        self.handed.append(handed)
        self.counts["receipt" if is_receipt else "inbound"] += 1
        receiver = next((session for session in self.bound() if session.can_receive), None)
        if receiver is not None:
            receiver.hand(handed)
        return handed

    def hand_again(self) -> None:
        """What nobody has answered, and whose connection is gone, goes to one that is there."""
        session = next((session for session in self.bound() if session.can_receive), None)
        if session is None:
            return
        for handed in self.handed:
            if handed.status is None and handed.session not in self.sessions:
                session.hand(handed)

    def ask(self, message_id: str) -> bytes | None:
        """The body of query_sm_resp; None for an id that is not known."""
        taken = self._taken.get(message_id)
        if taken is None or not self.answers_query:
            return None
        state = taken.states[-1] if taken.states else "ENROUTE"
        final = "" if state == "ENROUTE" else f"{datetime.now(UTC):%y%m%d%H%M%S}000+"
        return codec.query_answer(message_id, final, codec.STATES[state])

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Does something after a while; at once for 0."""
        assert self._loop is not None
        if seconds <= 0:
            work()
            return
        self.pending += 1

        def due() -> None:
            self.pending -= 1
            work()

        self._loop.call_later(seconds, due)

    # --- the thread ---

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        self._loop = loop
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        server = loop.run_until_complete(loop.create_server(lambda: Session(self), sock=listener, ssl=self.tls))
        self._started.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            for session in [*self.sessions.values(), *self.hung]:
                session.drop()
            loop.run_until_complete(asyncio.sleep(0.01))
            loop.run_until_complete(server.wait_closed())
            loop.close()
