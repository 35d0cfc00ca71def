"""Telephones that hold a connection open: the shipped nginx, the process for their streams, and a web worker without threads to spare."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.connectors import made
from gateway.services import connectors, pairing
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from tests.support import gunicorn, nginx, programs, rawhttp
from tests.support.builders import an_account, an_order
from tests.support.databases import FixedClock

BASE = "/api/mobile/v1"
STREAMS = 40
PROXIED = {"DRAGOMAN_PROXY_COUNT": "1"}


class EventsProcess:
    """``dragoman events``, as it is started in production."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.bind = f"127.0.0.1:{programs.free_port()}"
        self.output = folder / "events.log"
        own = {"DRAGOMAN_EVENTS_BIND": self.bind, "DRAGOMAN_EVENTS_STREAMS": str(STREAMS), "PYTHONPATH": str(programs.ROOT)}
        command = [sys.executable, "-m", "gateway.cli", "events"]
        with self.output.open("ab") as output:
            environment = gunicorn.clean_environment() | settings | own
            self.process = subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        programs.wait_until(self._answers, self.process, self.output, 60)

    def _answers(self) -> bool:
        try:
            return rawhttp.request(int(self.bind.rpartition(":")[2]), "/health", timeout=5).status == 200
        except (OSError, rawhttp.NoAnswer):
            return False


class Listener:
    """A telephone's stream, read as bytes."""

    def __init__(self, port: int, token: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        request = f"GET {BASE}/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n"
        self.socket.sendall(request.encode())
        self.heard = b""

    def until(self, words: bytes) -> bytes:
        """Everything up to these words, which are then forgotten."""
        while words not in self.heard:
            more = self.socket.recv(65536)
            assert more, self.heard
            self.heard += more
        before, _, self.heard = self.heard.partition(words)
        return before


@pytest.fixture
def settings(gateway: Gateway, clock: FixedClock, tmp_path: Path) -> dict[str, str]:
    clock.moment = datetime.now(UTC)  # the other processes have the machine's clock
    url = gateway.settings.database_url
    return {"DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_SECRET_KEY": gunicorn.SECRET, "DRAGOMAN_DATA_DIR": str(tmp_path)} | PROXIED


@pytest.fixture
def events(settings: dict[str, str], tmp_path: Path) -> Iterator[EventsProcess]:
    running = EventsProcess(tmp_path, settings)
    yield running
    programs.end(running.process, signal.SIGTERM)


@pytest.fixture
def front(settings: dict[str, str], events: EventsProcess, nginx_program: str, tmp_path: Path) -> Iterator[nginx.NginxServer]:
    """nginx before one sync worker and the process for streams."""
    web = gunicorn.start(tmp_path, settings | {"DRAGOMAN_WEB_WORKERS": "1"})
    (tmp_path / "nginx").mkdir()
    front = nginx.start(tmp_path / "nginx", web.upstream, events.bind)
    yield front
    front.stop()
    web.stop()


def registered(gateway: Gateway, name: str, port: int) -> str:
    """The token of a telephone that serves a connector of this name."""

    def fits(kind: str, stored: dict[str, object]) -> None:
        made(kind, stored, gateway.settings)

    connectors.add(gateway, name, "android", Changes(), fits, enabled=True)  # type: ignore[arg-type]
    token = pairing.open_pairing(gateway, name, "android").token
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = rawhttp.request(port, f"{BASE}/device", method="POST", headers=headers, body=b'{"name":"A/B","simCards":[]}')
    assert answer.status == 201, answer
    found: dict[str, str] = json.loads(answer.body)
    return found["token"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_streams_take_no_worker_and_end_with_their_process(
    gateway: Gateway, front: nginx.NginxServer, events: EventsProcess, request: pytest.FixtureRequest
) -> None:
    token = registered(gateway, "drawer", front.http_port)
    listener = Listener(front.http_port, token)
    request.addfinalizer(listener.socket.close)
    head = listener.until(b"\r\n\r\n").decode().lower()
    assert head.startswith("http/1.1 200") and "content-type: text/event-stream" in head and "cache-control: no-cache" in head
    listener.until(b"event: MessageEnqueued\ndata: {}\n\n")
    an_order(gateway, an_account(gateway), connector="drawer")
    listener.until(b"event: MessageEnqueued\ndata: {}\n\n")
    with ExitStack() as held:
        for number in range(STREAMS - 1):
            other = Listener(front.http_port, registered(gateway, f"drawer-{number}", front.http_port))
            held.callback(other.socket.close)
            other.until(b"data: {}\n\n")
        full = rawhttp.request(front.http_port, f"{BASE}/events", headers={"Authorization": f"Bearer {token}"})
        assert (full.status, full.header("Retry-After"), set(json.loads(full.body))) == (503, "60", {"message"})
        assert rawhttp.request(front.http_port, f"{BASE}/health").status == 200  # the only worker is free
        began = time.monotonic()
        assert programs.end(events.process, signal.SIGTERM, 60) == 0
        assert time.monotonic() - began < 15, events.output.read_text()  # it did not wait for its streams to be cut
        listener.until(b"\r\n0\r\n\r\n")  # the end of a chunked body
    answer = rawhttp.request(front.http_port, f"{BASE}/events", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 503  # by the web worker, which has no thread to spare
    assert "Traceback" not in events.output.read_text()
