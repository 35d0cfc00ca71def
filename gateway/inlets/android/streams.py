"""Streams of events to telephones that hold a connection open (server-sent events).

A stream costs a thread of its process and nothing else: no database connection, no work while nothing happens. One thread per process, the
watcher, asks the database once a second for all telephones that are connected here, and wakes those that there is something for. How
many streams a process may hold is bounded, so that threads are left for whoever else calls; a process of its own for streams
(``dragoman events``) holds many more. A telephone that is sent away asks for work every quarter of an hour, and tries again.
Source: contract android-devices B.3 (GET /events) and B.8.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import cast

import structlog
from flask import Flask
from flask.blueprints import BlueprintSetupState

from gateway.domain.errors import StorageUnavailable, Unavailable
from gateway.services import handset_events
from gateway.services.core import Gateway

EVENTS = "dragoman.handset-streams"
"""Where an application keeps its streams."""
WATCH_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 15.0
REPEAT_SECONDS = 10.0
"""How soon a telephone is told again of work that it did not fetch, or that its limits hold back."""
TOUCH_SECONDS = 60.0
PER_HANDSET = 2
ENQUEUED = "MessageEnqueued"
KEEP_ALIVE = b":keepalive\n\n"

log = structlog.get_logger()


def frame(name: str, data: object) -> bytes:
    """One event. There is always a line of data: without one the program would never hear of it."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


class Stream:
    """One open connection of a telephone."""

    def __init__(self, owner: Streams, handset_id: str, connector: str) -> None:
        self.handset_id = handset_id
        self.connector = connector
        self._owner = owner
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def frames(self) -> Iterator[bytes]:
        """What goes over the wire, until the stream ends."""
        try:
            yield frame(ENQUEUED, {})
            while True:
                try:
                    told = self._waiting.get(timeout=KEEP_ALIVE_SECONDS)
                except queue.Empty:
                    told = KEEP_ALIVE
                if told is None:
                    return
                yield told
        finally:
            self.close()

    def tell(self, told: bytes) -> None:
        """Sends a frame."""
        self._waiting.put(told)

    def end(self) -> None:
        """Ends the stream after what it was told."""
        self._waiting.put(None)

    def close(self) -> None:
        """Gives the place back. May be called more than once."""
        self._owner.closed(self)


class Streams:
    """The open streams of one process.

    Args:
        most: so many at once; 0: none here.
    """

    def __init__(self, app: Flask, gateway: Gateway, most: int) -> None:
        self.most = most
        self.is_wanted: Callable[[], bool] = lambda: True
        """Whether the process goes on. Once it does not, every stream ends."""
        self._app = app
        self._gateway = gateway
        self._lock = threading.Lock()
        self._open: dict[str, list[Stream]] = defaultdict(list)
        self._count = 0
        self._watcher: threading.Thread | None = None
        self._is_empty = threading.Event()
        self._notified: dict[str, float] = {}
        self._next_touch = 0.0

    def __len__(self) -> int:
        return self._count

    def open(self, handset_id: str, connector: str) -> Stream:
        """A new stream. A telephone may have two for a moment, while it changes networks; with a third the oldest end.

        Raises:
            Unavailable: this process holds as many as it may, or is about to end.
        """
        stream = Stream(self, handset_id, connector)
        with self._lock:
            if self._count >= self.most or not self.is_wanted():
                raise Unavailable("no more event streams here; messages can be fetched without")
            mine = self._open[handset_id]
            for old in mine[: max(0, len(mine) + 1 - PER_HANDSET)]:  # one that was ended stays here until its connection notices
                old.end()
            mine.append(stream)
            self._count += 1
            self._is_empty.clear()
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="handset-events", daemon=True)
                self._watcher.start()
        return stream

    def closed(self, stream: Stream) -> None:
        """Forgets a stream."""
        with self._lock:
            mine = self._open.get(stream.handset_id, [])
            if stream in mine:
                mine.remove(stream)
                self._count -= 1
            if not mine:
                self._open.pop(stream.handset_id, None)
            if not self._count:
                self._is_empty.set()

    def end(self) -> None:
        """Ends every stream."""
        for stream in self._every():
            stream.end()

    def _every(self) -> list[Stream]:
        with self._lock:
            return [stream for mine in self._open.values() for stream in mine]

    def _watch(self) -> None:
        """The watcher's life: as long as there are streams."""
        is_away = False
        while True:
            with self._lock:
                if not self._count:
                    self._watcher = None
                    return
            try:
                if not self.is_wanted():
                    self.end()
                else:
                    self.look()
                is_away = False
            except StorageUnavailable:
                is_away = True
            except Exception:
                if not is_away:
                    log.exception("handset_events_failed")
                is_away = True
            self._is_empty.wait(WATCH_SECONDS)

    def look(self) -> None:
        """One look at the database for all that are connected here."""
        now, streams = time.monotonic(), self._every()
        connectors = {stream.handset_id: stream.connector for stream in streams}
        with self._app.app_context():
            news = handset_events.look(self._gateway, connectors)
            for stream in streams:
                if stream.handset_id not in news.live:
                    stream.end()
                for command in news.commands.get(stream.handset_id, ()):
                    stream.tell(frame(command.name, command.data))
                if stream.connector in news.with_work and now - self._notified.get(stream.connector, -REPEAT_SECONDS) >= REPEAT_SECONDS:
                    stream.tell(frame(ENQUEUED, {}))
            self._notified = {name: at for name, at in self._notified.items() if name in news.with_work and now - at < REPEAT_SECONDS}
            self._notified |= {name: now for name in news.with_work if name not in self._notified}
            handset_events.told(self._gateway, news)
            if now >= self._next_touch:
                handset_events.connected(self._gateway, {id_: name for id_, name in connectors.items() if id_ in news.live})
                self._next_touch = now + TOUCH_SECONDS


def install(state: BlueprintSetupState) -> None:
    """Gives an application its streams: half of a web worker's threads, and none where a worker has but one."""
    app = cast(Flask, state.app)
    gateway: Gateway = app.extensions["dragoman"]
    app.extensions[EVENTS] = Streams(app, gateway, gateway.settings.web_threads // 2)
