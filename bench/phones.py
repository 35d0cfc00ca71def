"""What idle Android telephones cost those who send: rate and latency of accepting, without and with telephones that hold a stream open.

    python -m bench.phones [--phones 500] [--seconds 4] [--rounds 3] [--check]

On PostgreSQL and on SQLite, with three sync web workers and ``dragoman events`` beside them. Rounds without and with telephones are
interleaved on the same processes. Also: the memory of the process that holds the streams, and how long after an order a telephone hears
of it. ``--check`` exits with 1 when accepting keeps less than 80 % of its rate.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from sqlalchemy import select

from bench.accept import CONNECTIONS, GOALS, ONE, SECRET, WORKERS, database, prepared
from bench.load import ROOT, Figures, free_port, gunicorn, post
from gateway import create_app
from gateway.config import Settings
from gateway.connectors import made
from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType
from gateway.services import connectors, handsets, ordering
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.handsets import Hardware
from gateway.services.ordering import Terms
from gateway.storage.tables import Account

SHARE_GOAL = 0.8
CONNECT_SECONDS = 60.0
HEARD_WITHIN_SECONDS = 10.0
COLUMNS = (
    "database", "phones", "req/s without", "req/s with", "share", "p99 ms without", "p99 ms with", "MiB without", "MiB with",
    "median s to hear",
)  # fmt: skip


class Phones:
    """Connections that each hold a stream open, read by one thread."""

    def __init__(self, port: int, tokens: Sequence[str]) -> None:
        self._selector = selectors.DefaultSelector()
        self.heard: dict[str, list[float]] = {token: [] for token in tokens}
        self._sockets = [self._opened(port, token) for token in tokens]
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self) -> None:
        """Until each has had its first event."""
        deadline = time.monotonic() + CONNECT_SECONDS
        while not all(self.heard.values()):
            if time.monotonic() > deadline:
                sys.exit(f"{sum(not times for times in self.heard.values())} telephones heard nothing")
            time.sleep(0.1)

    def close(self) -> None:
        """Hangs up."""
        self._over.set()
        self._reader.join()
        for each in self._sockets:
            each.close()

    def _opened(self, port: int, token: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_SECONDS)
        connection.sendall(f"GET /api/mobile/v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, token)
        return connection

    def _read(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(0.2):
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not data:
                    self._selector.unregister(key.fileobj)
                elif b"MessageEnqueued" in data:
                    self.heard[key.data].append(time.monotonic())


def main() -> None:
    """Measures both databases and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit with 1 when accepting keeps too little of its rate")
    options = parser.parse_args()
    met = True
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"| --- {'| ---: ' * (len(COLUMNS) - 1)}|")
    for name in GOALS:
        with tempfile.TemporaryDirectory() as folder, database(name, Path(folder)) as url:
            met &= measured(name, url, Path(folder), options.phones, options.seconds, options.rounds)
    if options.check and not met:
        sys.exit("a goal was missed")


def measured(name: str, url: str, folder: Path, phones: int, seconds: int, rounds: int) -> bool:
    """Prints one line; whether accepting kept its rate and no request failed."""
    environment = {"DRAGOMAN_SECRET_KEY": SECRET, "DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_DATA_DIR": str(folder)}
    headers = prepared(environment)
    with ExitStack() as stack:
        gateway = stack.enter_context(opened(environment))
        tokens = registered(gateway, phones)
        base = stack.enter_context(gunicorn("wsgi:app", environment, WORKERS)) + "/API/v1.0/REST/sms"
        port, process = stack.enter_context(events(environment, folder, phones))
        send(base, headers, 1)
        without: list[Figures] = []
        with_them: list[Figures] = []
        memory, heard = [resident(process)], []
        for _ in range(rounds):
            without.append(send(base, headers, seconds))
            held = Phones(port, tokens)
            held.wait()
            with_them.append(send(base, headers, seconds))
            heard += delays(gateway, held, tokens)
            memory.append(resident(process))
            held.close()
    share = median(a.rate / b.rate for a, b in zip(with_them, without, strict=True))
    rates = [median(each.rate for each in each_kind) for each_kind in (without, with_them)]
    print(
        f"| {name} | {phones} | {rates[0]:,.0f} | {rates[1]:,.0f} | {share:.2f} "
        f"| {median(each.p99 for each in without):.1f} | {median(each.p99 for each in with_them):.1f} "
        f"| {memory[0]:.0f} | {max(memory):.0f} | {median(heard):.2f} |",
        flush=True,
    )
    return share >= SHARE_GOAL and not sum(each.errors for each in without + with_them)


def send(base: str, headers: Mapping[str, str], seconds: int) -> Figures:
    """Orders of one recipient, over and over."""
    return post(base, json.dumps(ONE), headers, seconds=seconds, connections=CONNECTIONS)


def delays(gateway: Gateway, held: Phones, tokens: Sequence[str]) -> list[float]:
    """How long after an order for it each of a few telephones heard of work."""
    with gateway.reading() as session:
        account_id = session.scalars(select(Account.id).where(Account.name == "bench")).one()
    found = []
    for index in range(0, len(tokens), max(1, len(tokens) // 5)):
        token, before = tokens[index], len(held.heard[tokens[index]])
        began = time.monotonic()
        ordering.submit(gateway, order(account_id, f"phone-{index}"), Terms())
        while len(held.heard[token]) == before and time.monotonic() - began < HEARD_WITHIN_SECONDS:
            time.sleep(0.005)
        found.append(time.monotonic() - began)
    return found


def order(account_id: int, connector: str) -> Submission:
    """An order that goes to one telephone."""
    return Submission(
        account_id=account_id,
        user_id=None,
        dialect="smsend",
        message_type=MessageType.HIGH,
        type_token="N",
        text="Hello world!",
        recipients=["+393471234567"],
        fingerprint=b"",
        connector=connector,
    )


@contextmanager
def opened(environment: Mapping[str, str]) -> Iterator[Gateway]:
    """The gateway of this process."""
    app = create_app(Settings.from_environment({**environment, "DRAGOMAN_LOG_LEVEL": "error"}))
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        yield gateway
        gateway.close()


def registered(gateway: Gateway, count: int) -> list[str]:
    """The tokens of telephones, each with a connector of its own."""

    def fits(kind: str, stored: Mapping[str, object]) -> None:
        made(kind, stored, gateway.settings)

    tokens = []
    for index in range(count):
        connectors.add(gateway, f"phone-{index}", "android", Changes(), fits, enabled=True)
        with gateway.writing() as session:
            tokens.append(handsets.register(gateway, session, f"phone-{index}", Hardware("bench")).token)
    return tokens


@contextmanager
def events(environment: Mapping[str, str], folder: Path, streams: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The process that holds the streams: its port, and itself."""
    port = free_port()
    # A telephone that hangs up is noticed at its next comment: until then a round's streams stand beside those of the round before.
    own = {"DRAGOMAN_EVENTS_BIND": f"127.0.0.1:{port}", "DRAGOMAN_EVENTS_STREAMS": str(2 * streams + 10)}
    with (folder / "events.log").open("wb") as log:
        command = [sys.executable, "-m", "gateway.cli", "events"]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | dict(environment) | own, stdout=log, stderr=log)
        try:
            _wait(port)
            yield port, process
        finally:
            process.terminate()
            process.wait(60)


def _wait(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("the process for streams did not answer")


def resident(process: subprocess.Popen[bytes]) -> float:
    """Memory of a process's children, in MiB."""
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout.split()
    pages = sum(int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children)
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    main()
