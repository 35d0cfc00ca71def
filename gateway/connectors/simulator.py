"""A carrier that is not there: takes real time, sends receipts, and misbehaves on request.

Every number is delivered, except for the magic ones in the fictional country +999, which are told apart by their last
three digits. ``docs/connectors/simulator.md`` lists them. Nothing is kept: a message's id holds the time it was
accepted, so :meth:`Simulator.query` answers for messages of an earlier process too.
"""

from __future__ import annotations

import heapq
import itertools
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.connectors.base import Event, FailureKind, Kind, Outcome, Outgoing, ProcessSettings, Receipt, Setting, Standing
from gateway.connectors.settings import text, whole
from gateway.domain.message import State

COUNTRY = "+999"
WINDOW = 2000
SLOW = 10
ANSWER_TIMEOUT = 10
RETRY_AFTER_SECONDS = 1.0

_D, _U, _E = State.DELIVERED, State.UNDELIVERED, State.EXPIRED
_CODES = {_D: "000", _U: "005", _E: "003"}


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What happens to one number.

    ``failures`` are the answers to the first tries; with ``accepts`` the next try is taken, otherwise the last of them
    is repeated for ever. ``receipts`` are the states reported, ``slow`` multiplies their delay, ``receipt_first`` lets
    them overtake the answer.
    """

    words: str
    failures: tuple[FailureKind, ...] = ()
    accepts: bool = True
    receipts: tuple[State, ...] = (_D,)
    slow: int = 1
    receipt_first: bool = False

    def failure(self, number: int) -> FailureKind | None:
        """The answer to try ``number`` (from 1), None for taken."""
        if number <= len(self.failures):
            return self.failures[number - 1]
        return None if self.accepts else self.failures[-1]


DELIVERED = Behaviour("delivered")
MAGIC: dict[str, Behaviour] = {
    "001": DELIVERED,
    "002": Behaviour("refused for good", (FailureKind.FINAL,), accepts=False),
    "003": Behaviour("accepted, then expired by receipt", receipts=(_E,)),
    "004": Behaviour("delivered, receipt after ten times the usual delay", slow=SLOW),
    "005": Behaviour("throttled twice, then delivered", (FailureKind.THROTTLED, FailureKind.THROTTLED)),
    "006": Behaviour("no answer: unknown after ten times the usual delay", (FailureKind.UNKNOWN,), accepts=False),
    "007": Behaviour("delivered, receipt sent twice", receipts=(_D, _D)),
    "008": Behaviour("delivered, receipt before the answer", receipt_first=True),
    "009": Behaviour("temporary failure once, then delivered", (FailureKind.RETRY_LATER,)),
    "010": Behaviour("accepted, then undelivered by receipt", receipts=(_U,)),
    "011": Behaviour("connector misconfigured once, then delivered", (FailureKind.MISCONFIGURED,)),
}
_FAILURE_CODES = {
    FailureKind.FINAL: ("11", "invalid destination"),
    FailureKind.RETRY_LATER: ("8", "system error"),
    FailureKind.THROTTLED: ("88", "throttled"),
    FailureKind.MISCONFIGURED: ("14", "invalid password"),
    FailureKind.UNKNOWN: ("", "no answer in time"),
}


def behaviour(recipient: str) -> Behaviour:
    """What happens to a message to this number."""
    return MAGIC.get(recipient[-3:], DELIVERED) if recipient.startswith(COUNTRY) else DELIVERED


class Simulator:
    """The simulated carrier. No thread and no socket: what will happen lies in a heap, ordered by its time.

    Args:
        delay_seconds: from submission to answer.
        receipt_seconds: from answer to receipt.
        window: most unanswered messages.
        now: the wall clock, aware.
        journal: a file that gets one line for each message taken, "order position try", before anything is answered: what a
            carrier would remember of us, whatever becomes of this process. For tests.
    """

    def __init__(
        self,
        delay_seconds: float,
        receipt_seconds: float,
        window: int = WINDOW,
        now: Callable[[], datetime] = _wall_clock,
        journal: str | None = None,
    ) -> None:
        self._delay = delay_seconds
        self._receipt_delay = receipt_seconds
        self._window = window
        self._now = now
        self._coming: list[tuple[float, int, Event]] = []
        self._order = itertools.count()
        self._unanswered = 0
        self._run = secrets.token_hex(4)
        self._changed = threading.Condition()
        self._journal_path = journal
        self._journal: int | None = None

    @classmethod
    def make(cls, settings: Mapping[str, Any], process: ProcessSettings) -> Simulator:
        """From the process's settings and the declared ones."""
        window, journal = settings["window"], settings["journal"]
        delay, receipt_delay = process.simulator_delay_milliseconds / 1000, process.simulator_receipt_milliseconds / 1000
        return cls(delay, receipt_delay, window, journal=journal)

    def open(self) -> None:
        if self._journal_path is not None:
            self._journal = os.open(self._journal_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def room(self) -> int:
        return self._window - self._unanswered

    def submit(self, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        with self._changed:
            taken = batch[: max(self.room(), 0)]
            self._write_down(taken)
            started, wall = time.monotonic(), self._now()
            for outgoing in taken:
                self._plan(outgoing, started, wall)
            self._unanswered += len(taken)
            self._changed.notify()
        return batch[len(taken) :]

    def poll(self, timeout_seconds: float) -> list[Event]:
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while True:
                now = time.monotonic()
                if (self._coming and self._coming[0][0] <= now) or now >= deadline:
                    return self._due(now)
                next_time = self._coming[0][0] if self._coming else deadline
                self._changed.wait(min(next_time, deadline) - now)

    def standing(self) -> Standing:
        return Standing(is_connected=True)

    def find(self, outgoing: Outgoing) -> None:
        """It never took what it did not answer."""

    def query(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        accepted_at = _accepted_at(smsc_message_id)
        if accepted_at is None:
            return None
        wanted = behaviour(recipient)
        at = accepted_at + timedelta(seconds=self._receipt_delay * wanted.slow)
        return _receipt(smsc_message_id, wanted.receipts[-1], at) if at <= self._now() else None

    def close(self, timeout_seconds: float) -> list[Event]:
        if self._journal is not None:
            os.close(self._journal)
            self._journal = None
        return self.poll(0)

    def _write_down(self, taken: Sequence[Outgoing]) -> None:
        if self._journal is not None:
            lines = (f"{key.order_id.hex} {key.position} {key.number}\n" for key in (outgoing.key for outgoing in taken))
            os.write(self._journal, "".join(lines).encode())

    def _plan(self, outgoing: Outgoing, started: float, wall: datetime) -> None:
        """Puts the answer and the receipts of one message on the heap."""
        wanted = behaviour(outgoing.recipient)
        failure = wanted.failure(outgoing.key.number)
        answered = started + self._delay
        if failure is not None:
            patience = ANSWER_TIMEOUT if failure is FailureKind.UNKNOWN else 1
            self._push(started + self._delay * patience, _failed(outgoing, failure))
            return
        accepted_at = wall + timedelta(seconds=self._delay)
        smsc_message_id = f"{int(accepted_at.timestamp() * 1000):x}-{self._run}-{next(self._order):x}"
        reported = self._receipt_delay * wanted.slow
        first, later = (answered + reported, answered) if wanted.receipt_first else (answered, answered + reported)
        if outgoing.wants_receipt:
            for state in wanted.receipts:
                self._push(later, _receipt(smsc_message_id, state, accepted_at + timedelta(seconds=reported)))
        self._push(first, Outcome.accepted(outgoing.key, smsc_message_id, "0"))

    def _push(self, when: float, event: Event) -> None:
        heapq.heappush(self._coming, (when, next(self._order), event))

    def _due(self, now: float) -> list[Event]:
        events: list[Event] = []
        while self._coming and self._coming[0][0] <= now:
            events.append(heapq.heappop(self._coming)[2])
        self._unanswered -= sum(isinstance(event, Outcome) for event in events)
        return events


def _failed(outgoing: Outgoing, failure: FailureKind) -> Outcome:
    code, words = _FAILURE_CODES[failure]
    pause = RETRY_AFTER_SECONDS if failure is FailureKind.THROTTLED else None
    return Outcome.failed(outgoing.key, failure, code, words, pause)


def _receipt(smsc_message_id: str, state: State, at: datetime) -> Receipt:
    return Receipt(smsc_message_id, state, at, _CODES[state])


def _accepted_at(smsc_message_id: str) -> datetime | None:
    """When the message of this id was accepted; None for an id that is not ours."""
    try:
        return datetime.fromtimestamp(int(smsc_message_id.split("-")[0], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


KIND = Kind(
    title="Simulator",
    settings=(
        Setting("window", "Most unanswered messages.", whole(1, 1_000_000), WINDOW),
        Setting("journal", "A file that gets a line for each message taken; for tests.", text(), None),
    ),
    make=Simulator.make,
    takes_encrypted=True,
)
