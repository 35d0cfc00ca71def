"""Between the dispatcher's thread and the loop's: messages one way, events the other. No side ever waits for the other's work."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from gateway.connectors.base import Event, Outgoing, Standing
from gateway.connectors.smpp.link import Link

MOST_QUESTIONS = 1000


class Question(NamedTuple):
    """A message whose state shall be asked of the SMSC."""

    smsc_message_id: str
    recipient: str


class Dialled(NamedTuple):
    """What became of an attempt to connect: a socket, or why there is none."""

    link: Link
    attempt: int
    result: socket.socket | str


class Post(NamedTuple):
    """What the loop finds in its box."""

    messages: list[Outgoing]
    questions: list[Question]
    dialled: list[Dialled]


class Mailbox:
    """Both sides' box.

    A message takes room from :meth:`put` until its end was handed out by :meth:`take`, so that the events that wait are bounded too.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._messages: list[Outgoing] = []
        self._questions: list[Question] = []
        self._dialled: list[Dialled] = []
        self._events: list[Event] = []
        self._room = 0  # for all messages, those on their way included
        self._taken = 0
        self._ended = 0  # messages whose end lies in _events
        self._is_asleep = False
        self.is_over = False
        self.standing = Standing(is_connected=False, note="not connected yet")
        self.closing_at: float | None = None
        self._bell, self.ear = socket.socketpair()
        self._bell.setblocking(False)
        self.ear.setblocking(False)

    # The dispatcher's side

    def room(self) -> int:
        with self._changed:
            return max(self._room - self._taken, 0)

    def put(self, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Takes messages; gives back those beyond the room."""
        with self._changed:
            taken = max(self._room - self._taken, 0)
            self._messages += batch[:taken]
            self._taken += min(taken, len(batch))
            self._wake()
        return batch[taken:]

    def ask(self, question: Question) -> None:
        """Leaves a question; drops it where too many wait."""
        with self._changed:
            if len(self._questions) < MOST_QUESTIONS and question not in self._questions:
                self._questions.append(question)
                self._wake()

    def take(self, timeout_seconds: float) -> list[Event]:
        """The events since the last call, as soon as there are any."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while not self._events:
                left = deadline - time.monotonic()
                if left <= 0:
                    return []
                self._changed.wait(left)
            events, self._events = self._events, []
            self._taken -= self._ended
            self._ended = 0
        return events

    def close(self, deadline: float) -> None:
        """Tells the loop to end by then."""
        with self._changed:
            self.closing_at = deadline
            self._wake()

    # The loop's side

    def fetch(self, has_rung: bool = True) -> Post:
        """What came. The loop is awake from here on. ``has_rung``: the ear has something to read."""
        if has_rung:
            with suppress(BlockingIOError):
                self.ear.recv(4096)
        with self._changed:
            self._is_asleep = False
            post = Post(self._messages, self._questions, self._dialled)
            self._messages, self._questions, self._dialled = [], [], []
        return post

    def may_sleep(self) -> bool:
        """Whether the box is empty. If so, the bell rings for whatever comes next."""
        with self._changed:
            self._is_asleep = not (self._messages or self._questions or self._dialled)
            return self._is_asleep

    def tell(self, events: list[Event], ended: int) -> None:
        """Puts events where the dispatcher finds them. ``ended``: how many messages end with them."""
        with self._changed:
            self._events += events
            self._ended += ended
            self._changed.notify()

    def allow(self, room: int) -> None:
        """How many messages may be on their way from now on."""
        with self._changed:
            self._room = room

    def backlog(self) -> int:
        """How many events wait for the dispatcher."""
        return len(self._events)

    def dialled(self, one: Dialled) -> None:
        """From a connecting thread. After the end the socket is closed at once."""
        with self._changed:
            if not self.is_over:
                self._dialled.append(one)
                self._wake()
                return
        if not isinstance(one.result, str):
            one.result.close()

    def end(self) -> None:
        """The loop is over; nobody listens any more."""
        with self._changed:
            self.is_over = True
            self._room = 0
            left, self._dialled = self._dialled, []
            self._bell.close()
            self.ear.close()
            self._changed.notify()
        for one in left:
            if not isinstance(one.result, str):
                one.result.close()

    def _wake(self) -> None:
        if self._is_asleep and not self.is_over:
            self._is_asleep = False
            with suppress(BlockingIOError):
                self._bell.send(b"!")
