"""The part that all connectors over HTTP share: threads that send, one that asks, and a window in front of them.

What a carrier's API knows is a :class:`Way`; its calls block, each in a thread of the lane. Connections are kept open by the client.

    submit → queue → sending threads → way.send → outcomes ─┐
                     asking thread   → way.ask / way.find   ├→ poll
                                     → way.check (away)     ─┘
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import structlog

from gateway.connectors.base import AttemptKey, Event, FailureKind, Outcome, Outgoing, ProcessSettings, Receipt, Returned, Setting, Standing
from gateway.connectors.http_answers import THROTTLED, by_error, retry_after
from gateway.connectors.settings import REQUIRED, flag, text, whole
from gateway.net.client import Answer, CallFailed, Client, OutgoingError

QUEUE_PER_CONNECTION = 2
FIRST_AWAY_SECONDS, MOST_AWAY_SECONDS = 1.0, 60.0
LEAST_ASK_SECONDS, ASK_GROWTH, MOST_ASK_SECONDS = 1.0, 1.7, 1800.0
ASKED_FOR_SECONDS = 4 * 24 * 3600.0
MOST_ASKED = 200_000
"""Messages whose state is asked for at a time, about 60 MB. Those beyond it are asked for after the next start of the dispatcher."""
FIND_SECONDS = 20.0
FINDS = 6
ABSENT_TWICE = 2
LEAST_SILENCE_SECONDS = 5.0

log = structlog.get_logger()


class AskLater(Exception):
    """The carrier wants to be asked less often."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asked too often, to be asked again in {seconds:g} seconds")
        self.seconds = seconds


class Way(Protocol):
    """One carrier's API. Calls block, may come from several threads at once, and raise OutgoingError where no answer came."""

    def send(self, outgoing: Outgoing) -> Outcome:
        """Hands one message over."""

    def ask(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        """The final receipt of a message, None while there is none. Raises AskLater."""

    def find(self, outgoing: Outgoing) -> Outcome | None:
        """Whether the carrier has a message with our reference: accepted, or None where it knows none. Raises AskLater."""

    def check(self) -> str:
        """Whether the carrier lets us in, without sending anything: "" if so, else why not, in words for the operator."""

    def close(self) -> None:
        """Closes the kept connections."""


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How a lane behaves. ``has_states``: ask the carrier what became of messages. ``can_find``: it can be asked by our reference.
    ``absence_is_proof``: where it knows no such reference the message was not taken, and sending it again is harmless.
    ``repeats_are_safe``: a repeated send with the same reference is not sent twice.
    """

    connections: int = 8
    has_states: bool = False
    can_find: bool = False
    absence_is_proof: bool = False
    repeats_are_safe: bool = False
    first_ask_seconds: float = 5.0
    find_seconds: float = FIND_SECONDS


@dataclass(slots=True)
class _Question:
    """Something to ask again and again, with growing pauses, until it is answered or ``ends`` (steady clock)."""

    name: tuple[str, object]
    ask: Callable[[], Event | None] = field(repr=False)
    pause: float
    ends: float
    growth: float = ASK_GROWTH


class Lane:
    """A connector over HTTP. See :class:`gateway.connectors.base.Connector` for what the methods promise."""

    def __init__(self, way: Way, settings: LaneSettings) -> None:
        self._way = way
        self._settings = settings
        self._window = settings.connections * (1 + QUEUE_PER_CONNECTION)
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._happened = threading.Condition(self._lock)
        self._to_ask = threading.Condition(self._lock)
        self._queue: deque[Outgoing] = deque()
        self._open: set[AttemptKey] = set()
        self._events: list[Event] = []
        self._questions: list[tuple[float, int, _Question]] = []
        self._asked: set[tuple[str, object]] = set()
        self._order = itertools.count()
        self._is_connected, self._note = False, "not tried yet"
        self._away_seconds = 0.0
        self._check_at: float | None = None
        self._silent_until = 0.0
        self._closing = False
        self._threads: list[threading.Thread] = []

    def open(self) -> None:
        self._check_at = time.monotonic()
        bodies = [self._send_all] * self._settings.connections + [self._ask_all]
        self._threads = [threading.Thread(target=body, name="http-lane", daemon=True) for body in bodies]
        for thread in self._threads:
            thread.start()

    def room(self) -> int:
        return max(self._window - len(self._open), 0) if self._is_connected else 0

    def submit(self, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        with self._lock:
            taken = batch[: self.room()]
            self._open.update(each.key for each in taken)
            self._queue.extend(taken)
            self._work.notify_all()
        return batch[len(taken) :]

    def poll(self, timeout_seconds: float) -> list[Event]:
        with self._lock:
            if not self._events:
                self._happened.wait_for(lambda: self._events, timeout_seconds)
            events, self._events = self._events, []
            self._open.difference_update(event.key for event in events if isinstance(event, Outcome | Returned))
        return events

    def standing(self) -> Standing:
        return Standing(self._is_connected, self._note)

    def query(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        if self._settings.has_states:
            with self._lock:
                self._watch(smsc_message_id, recipient, soon=True)
        return None

    def find(self, outgoing: Outgoing) -> None:
        if not self._settings.can_find:
            return
        absent = itertools.count(1)

        def ask() -> Event | None:
            found = self._way.find(outgoing)
            if found is not None:
                self._taken(outgoing, found)
            if found is not None or not self._settings.absence_is_proof or next(absent) < ABSENT_TWICE:
                return found
            return Outcome.failed(outgoing.key, FailureKind.RETRY_LATER, detail="the carrier knows no such message")

        seconds = self._settings.find_seconds
        with self._lock:
            # The first question waits, too: the call that got no answer may still be at work at the far end.
            self._add(_Question(("find", outgoing.key), ask, seconds, time.monotonic() + seconds * FINDS, growth=1.0), seconds)

    def close(self, timeout_seconds: float) -> list[Event]:
        deadline = time.monotonic() + timeout_seconds
        with self._lock:
            self._closing = True
            self._give_back()
            for condition in (self._work, self._to_ask):
                condition.notify_all()
        for thread in self._threads[: self._settings.connections]:
            thread.join(max(deadline - time.monotonic(), 0.0))
        self._way.close()
        return self.poll(0)

    # -- sending -------------------------------------------------------------------------------------------------------

    def _send_all(self) -> None:
        while (outgoing := self._next()) is not None:
            self._settled(outgoing, self._sent(outgoing))

    def _next(self) -> Outgoing | None:
        with self._lock:
            self._work.wait_for(lambda: self._queue or self._closing)
            return self._queue.popleft() if self._queue else None

    def _sent(self, outgoing: Outgoing) -> Outcome:
        try:
            outcome = self._way.send(outgoing)
        except OutgoingError as error:
            if isinstance(error, CallFailed) and not error.reached:
                self._went_away(str(error))
            outcome = by_error(outgoing.key, error)
        except Exception as error:
            # Its words may hold the text, so only its class is told.
            log.error("send_crashed", error=type(error).__name__)
            outcome = Outcome.failed(outgoing.key, FailureKind.UNKNOWN, detail=f"defect: {type(error).__name__}")
        if outcome.failure is FailureKind.UNKNOWN and self._settings.repeats_are_safe:
            return replace(outcome, failure=FailureKind.RETRY_LATER)
        return outcome

    def _settled(self, outgoing: Outgoing, outcome: Outcome) -> None:
        with self._lock:
            if outcome.failure in (FailureKind.THROTTLED, FailureKind.MISCONFIGURED):
                # The dispatcher rests now; what waits here would only be refused as well, or lock the account.
                self._give_back()
            if outcome.failure is FailureKind.MISCONFIGURED:
                self._note = f"misconfigured: {outcome.carrier_code} {outcome.detail}".strip()
                self._check_at = self._check_at or time.monotonic()
                self._to_ask.notify_all()
            elif outcome.failure is None:
                self._note = ""
            self._happen(outcome)
        self._taken(outgoing, outcome)

    def _taken(self, outgoing: Outgoing, outcome: Outcome) -> None:
        if outcome.failure is None and outgoing.wants_receipt and self._settings.has_states:
            with self._lock:
                self._watch(outcome.smsc_message_id or "", outgoing.recipient, soon=False)

    def _give_back(self) -> None:
        for outgoing in self._queue:
            self._happen(Returned(outgoing.key))
        self._queue.clear()

    def _happen(self, event: Event) -> None:
        self._events.append(event)
        self._happened.notify_all()

    # -- away and back -------------------------------------------------------------------------------------------------

    def _went_away(self, words: str) -> None:
        """A call did not reach the carrier. Nothing more is taken until a check does."""
        with self._lock:
            if self._is_connected:
                self._is_connected, self._note = False, words
                self._check_after(FIRST_AWAY_SECONDS)
            self._give_back()

    def _check(self) -> None:
        try:
            trouble = self._way.check()
        except OutgoingError as error:
            trouble = str(error)
        except Exception as error:
            log.error("check_crashed", error=type(error).__name__)
            trouble = f"defect: {type(error).__name__}"
        with self._lock:
            if not trouble:
                # After a refusal for our own fault the note stands until a message is taken: good credentials do not pay bills.
                self._note = "" if not self._is_connected else self._note
                self._is_connected, self._check_at = True, None
                self._away_seconds = 0.0
                return
            self._is_connected, self._note = False, trouble
            self._check_after(min(max(self._away_seconds * 2, FIRST_AWAY_SECONDS), MOST_AWAY_SECONDS))
            self._give_back()

    def _check_after(self, seconds: float) -> None:
        self._away_seconds = seconds
        self._check_at = time.monotonic() + seconds
        self._to_ask.notify_all()

    # -- asking --------------------------------------------------------------------------------------------------------

    def _watch(self, smsc_message_id: str, recipient: str, *, soon: bool) -> None:
        """From now on the state of this message is asked for. Nothing happens where it is asked for already."""
        if ("state", smsc_message_id) in self._asked or len(self._asked) >= MOST_ASKED:
            return
        first = self._settings.first_ask_seconds
        ends = time.monotonic() + ASKED_FOR_SECONDS
        pause = max(first, LEAST_ASK_SECONDS)
        question = _Question(("state", smsc_message_id), lambda: self._way.ask(smsc_message_id, recipient), pause, ends)
        self._add(question, 0.0 if soon else first)

    def _add(self, question: _Question, seconds: float) -> None:
        if question.name in self._asked:
            return
        self._asked.add(question.name)
        self._later(question, seconds)

    def _later(self, question: _Question, seconds: float) -> None:
        heapq.heappush(self._questions, (time.monotonic() + seconds, next(self._order), question))
        self._to_ask.notify_all()

    def _ask_all(self) -> None:
        while not self._closing:
            if self._check_at is not None and time.monotonic() >= self._check_at:
                self._check()
            elif (question := self._next_question()) is not None:
                self._ask(question)

    def _next_question(self) -> _Question | None:
        """The next question that is due; None when there was something else to look at first."""
        with self._lock:
            now = time.monotonic()
            if self._closing:
                return None
            asks_at = max(self._questions[0][0], self._silent_until) if self._questions and self._is_connected else None
            if asks_at is not None and asks_at <= now:
                return heapq.heappop(self._questions)[2]
            next_at = min((at for at in (self._check_at, asks_at) if at is not None), default=None)
            self._to_ask.wait(None if next_at is None else max(next_at - now, 0.0))
            return None

    def _ask(self, question: _Question) -> None:
        found: Event | None = None
        try:
            found = question.ask()
        except OutgoingError as error:
            if isinstance(error, CallFailed) and not error.reached:
                self._went_away(str(error))
        except AskLater as error:
            self._silent_until = time.monotonic() + error.seconds
        except Exception as error:
            log.error("question_crashed", error=type(error).__name__)
        with self._lock:
            if found is not None:
                self._asked.discard(question.name)
                self._happen(found)
            elif time.monotonic() >= question.ends:
                self._asked.discard(question.name)
            else:
                pause = question.pause
                question.pause = min(pause * question.growth, MOST_ASK_SECONDS)
                self._later(question, pause)


class Calls:
    """One far end's client with its time limits, made from the settings that all these connectors have."""

    def __init__(self, settings: Mapping[str, Any], process: ProcessSettings) -> None:
        try:
            self._client = Client(process.connector_networks, ca_file=settings["ca_file"], connections_per_host=settings["connections"] + 1)
        except OSError as error:
            raise ValueError(f"ca_file cannot be read: {error.strerror or 'it holds no certificate'}") from None
        self.close = self._client.close
        self._connect, self._read = float(settings["connect_timeout_seconds"]), float(settings["timeout_seconds"])

    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """A call that asks and does nothing. Raises OutgoingError, AskLater."""
        answer = self.call(method, url, headers, body)
        if answer.status == THROTTLED:
            raise AskLater(retry_after(answer) or LEAST_SILENCE_SECONDS)
        return answer

    def call(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """Raises OutgoingError."""
        return self._client.request(
            method,
            url,
            headers=headers,
            body=body,
            connect_timeout_seconds=self._connect,
            read_timeout_seconds=self._read,
            total_timeout_seconds=self._connect + self._read,
        )


COMMON: tuple[Setting, ...] = (
    Setting("connections", "Calls at the same time.", whole(1, 64), 8),
    Setting("connect_timeout_seconds", "Longest wait for a connection.", whole(1, 60), 5),
    Setting("timeout_seconds", "Longest wait for an answer; without one the message is unknown.", whole(1, 300), 30),
    Setting("ca_file", "A file (PEM) with the certificate authorities to trust instead of the system's.", text(), None),
)
"""Settings of every connector over HTTP."""

ASKING: tuple[Setting, ...] = (
    Setting("ask_states", "Ask the far end what became of messages.", flag, True),
    Setting("first_ask_seconds", "Seconds after sending until that is first asked; then ever more rarely.", whole(0, 3600), 5),
)
REPEATS = Setting(
    "repeats_are_safe",
    "The far end does not send a repeated call twice (another Dragoman does not), so what got no answer is sent again.",
    flag,
    False,
)
BASE_URL = Setting("base_url", "Where the far end's API begins, up to and without the paths of its manual.", text(500), REQUIRED)


def asking_lane(settings: Mapping[str, Any], *, can_find: bool = False, absence_is_proof: bool = False) -> LaneSettings:
    """How the lane of a carrier behaves that can be asked, as far as the operator wants it asked."""
    return LaneSettings(
        connections=settings["connections"],
        has_states=settings["ask_states"],
        can_find=can_find,
        absence_is_proof=absence_is_proof,
        repeats_are_safe=settings.get("repeats_are_safe", False),
        first_ask_seconds=float(settings["first_ask_seconds"]),
        find_seconds=float(settings["timeout_seconds"]),
    )


def base_url(value: str) -> str:
    """A base URL without the slash at its end. Raises ValueError for what is no http or https URL, or holds a password."""
    url = value.rstrip("/")
    head, _, rest = url.partition("://")
    if head not in ("http", "https") or not rest or "?" in rest or "#" in rest or "@" in rest:
        raise ValueError("base_url must be http://host or https://host, perhaps with a path, and without user name, query and fragment")
    return url
