"""Carriers that speak HTTP over a real socket, and misbehave: by the number they are sent to, or by a seed.

:class:`HttpCarrier` is a server whose answers a function gives. :class:`JsonCarrier` is a whole carrier behind one: it takes messages,
names them, remembers how often it took each, and calls back with receipts. What it remembers is the truth that a test compares with.
"""

from __future__ import annotations

import enum
import heapq
import http.client
import itertools
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

NO_LINGER = b"\1\0\0\0\0\0\0\0"


@dataclass(frozen=True, slots=True)
class Request:
    """One call. Header names are in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """Query and form."""
        return dict(parse_qsl(self.query, True)) | dict(parse_qsl(self.body.decode("latin-1"), True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, given after ``seconds``."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Reply:
        """JSON."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


class Silence(enum.Enum):
    """Instead of an answer: nothing until the caller gives up, a connection broken in the middle of the answer, or one closed."""

    NEVER = enum.auto()
    BROKEN = enum.auto()
    CLOSED = enum.auto()


Talk = Callable[[Request], "Reply | Silence"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers who went away are no news here."""


class HttpCarrier:
    """A server on loopback, on a free port or on ``port``. ``requests`` are all that came, in their order."""

    def __init__(self, talk: Talk, port: int = 0) -> None:
        self.requests: list[Request] = []
        self._connections: list[socket.socket] = []
        self._over = threading.Event()
        carrier = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                carrier._connections.append(self.connection)

            def handle_any(self) -> None:
                request = _read(self)
                carrier.requests.append(request)
                carrier._answer(self, talk(request))

            do_GET = do_POST = do_PUT = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on the test's screen."""

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops listening, lets go of callers who still wait, and closes every connection."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, handler: BaseHTTPRequestHandler, reply: Reply | Silence) -> None:
        if isinstance(reply, Silence):
            handler.close_connection = True
            if reply is Silence.NEVER:
                self._over.wait()
            elif reply is Silence.BROKEN:
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
                handler.wfile.flush()
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            return
        if reply.seconds:
            self._over.wait(reply.seconds)
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body)


def _read(handler: BaseHTTPRequestHandler) -> Request:
    body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    parts = urlsplit(handler.path)
    headers = {name.lower(): value for name, value in handler.headers.items()}
    return Request(handler.command, parts.path, parts.query, headers, body)


class Fault(enum.Enum):
    """What goes wrong with one message. Those of the second half took it."""

    THROTTLED = "429, not taken"
    REFUSED = "400, not taken"
    LATE = "taken, answered late"
    NEVER = "taken, never answered"
    ERROR_AFTER = "taken, then 500"
    BROKEN = "taken, connection broken in the middle of the answer"
    GARBAGE = "taken, 200 with garbage instead of JSON"
    RECEIPT_TWICE = "taken, receipt sent twice"
    RECEIPT_FIRST = "taken, receipt before the answer"
    RECEIPT_NEVER = "taken, no receipt"
    RECEIPTS_OUT_OF_ORDER = "taken, 'sent' reported after 'delivered'"
    UNDELIVERED = "taken, then given up"


BY_NUMBER = {
    "002": Fault.REFUSED,
    "005": Fault.THROTTLED,
    "006": Fault.NEVER,
    "007": Fault.RECEIPT_TWICE,
    "008": Fault.RECEIPT_FIRST,
    "010": Fault.UNDELIVERED,
    "012": Fault.ERROR_AFTER,
    "013": Fault.BROKEN,
    "014": Fault.GARBAGE,
    "015": Fault.RECEIPTS_OUT_OF_ORDER,
}
"""In the country code +999, by the last three digits; the simulator's meanings where it has them."""


class JsonCarrier:
    """Takes ``POST /send`` with ``to``, ``text``, ``ref`` in JSON and answers ``{"id": ...}``.

    Args:
        receipt_url: called by POST form with ``id``, ``status``, ``at`` for each message; None: nobody is called.
        seed, rate: this share of messages (0 to 1) meets a fault, drawn from ``faults`` by the seed and the message's try.
        secret: the token that callers must show.

    Attributes:
        taken: how often each reference was taken. names: reference → the last id given. undelivered: references that were given up.
    """

    def __init__(
        self,
        receipt_url: str | None = None,
        *,
        seed: int = 0,
        rate: float = 0.0,
        faults: tuple[Fault, ...] = tuple(Fault),
        secret: str = "let-me-in-please",
        receipt_seconds: float = 0.0,
        late_seconds: float = 0.3,
    ) -> None:
        self.receipt_url = receipt_url
        self.secret = secret
        self.taken: Counter[str] = Counter()
        self.names: dict[str, str] = {}
        self.undelivered: set[str] = set()
        self._seed, self._rate, self._faults = seed, rate, faults
        self._receipt_seconds, self._late_seconds = receipt_seconds, late_seconds
        self._tries: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._calls = Calls()
        self.server = HttpCarrier(self._talk)

    @property
    def settings(self) -> dict[str, Any]:
        """What an operator sets for a connector of kind ``http`` to this carrier; ``token`` is a secret one."""
        return {
            "url": f"{self.server.url}/send",
            "body_type": "json",
            "body": '{"to": "{recipient}", "text": "{text}", "from": "{originator}", "ref": "{reference}", "parts": "{parts:number}"}',
            "headers": "X-Token: {secret:token}",
            "message_id": "json:/id",
            "error_words": "json:/error",
            "rules": "2xx json:/ok=true => accepted\n2xx => unknown",
            "receipt_time": "at",
            "timeout_seconds": 1,
            "token": self.secret,
        }

    def close(self) -> None:
        self._calls.close()
        self.server.close()

    def _talk(self, request: Request) -> Reply | Silence:
        if request.path != "/send":
            return Reply(404)
        if request.headers.get("x-token") != self.secret:
            return Reply.of({"error": f"who is {request.headers.get('x-token')}?"}, 401)
        message = request.json
        with self._lock:
            self._tries[message["ref"]] += 1
            fault = self._fault(message["to"], message["ref"])
        if fault is Fault.THROTTLED:
            return Reply.of({"error": "slowly"}, 429, **{"Retry-After": "1"})
        if fault is Fault.REFUSED:
            return Reply.of({"error": f"no such number {message['to']} for {message['text']}"}, 400)
        return self._take(message["ref"], fault)

    def _fault(self, recipient: str, reference: str) -> Fault | None:
        if recipient.startswith("+999") and recipient[-3:] in BY_NUMBER:
            return BY_NUMBER[recipient[-3:]]
        chance = random.Random(f"{self._seed} {reference} {self._tries[reference]}")
        return chance.choice(self._faults) if chance.random() < self._rate else None

    def _take(self, reference: str, fault: Fault | None) -> Reply | Silence:
        with self._lock:
            self.taken[reference] += 1
            name = self.names[reference] = f"m{next(self._numbers)}"
            if fault is Fault.UNDELIVERED:
                self.undelivered.add(reference)
        self._report(name, fault)
        reply = Reply.of({"ok": True, "id": name})
        answers: dict[Fault, Reply | Silence] = {
            Fault.LATE: Reply(reply.status, reply.body, reply.headers, self._late_seconds),
            Fault.NEVER: Silence.NEVER,
            Fault.ERROR_AFTER: Reply.of({"error": "disk full"}, 500),
            Fault.BROKEN: Silence.BROKEN,
            Fault.GARBAGE: Reply(200, b"\xff\x00<html>" * 20),
            Fault.RECEIPT_FIRST: Reply(reply.status, reply.body, reply.headers, self._late_seconds),
        }
        return answers.get(fault, reply) if fault else reply

    def _report(self, name: str, fault: Fault | None) -> None:
        if self.receipt_url is None or fault is Fault.RECEIPT_NEVER:
            return
        state = "failed" if fault is Fault.UNDELIVERED else "delivered"
        states = [state, state] if fault is Fault.RECEIPT_TWICE else [state, "sent"] if fault is Fault.RECEIPTS_OUT_OF_ORDER else [state]
        # A receipt that shall not come first waits a moment, so that the answer is on its way.
        wait = 0.0 if fault is Fault.RECEIPT_FIRST else max(self._receipt_seconds, 0.05)
        for each in states:
            fields = {"id": name, "status": each, "at": str(int(time.time()))}
            self._calls.later(wait, self.receipt_url, fields)


class Calls:
    """Calls somebody back, later, again and again until there is a 2xx; gives up after ten tries."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, str, dict[str, str], int]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closing = False
        self.statuses: list[int] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def later(self, seconds: float, url: str, fields: dict[str, str], tries: int = 10) -> None:
        """Calls ``url`` by POST with a form."""
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._order), url, fields, tries))
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(15)

    def _run(self) -> None:
        while (due := self._next()) is not None:
            _, _, url, fields, tries = due
            status = _post(url, fields)
            self.statuses.append(status)
            if not 200 <= status < 300 and tries > 1:
                self.later(0.5, url, fields, tries - 1)

    def _next(self) -> tuple[float, int, str, dict[str, str], int] | None:
        with self._changed:
            while not self._closing:
                left = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(left)
        return None


def _post(url: str, fields: dict[str, str]) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    with suppress(OSError, http.client.HTTPException):
        connection.request("POST", parts.path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})
        status = connection.getresponse().status
        connection.close()
        return status
    connection.close()
    return 0
