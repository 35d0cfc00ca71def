"""Kills the dispatcher and web workers while messages pour in, and counts what became of every message.

    python bench/faults.py [--rounds 20]

On SQLite and on a PostgreSQL of its own, in turn: three web workers, one dispatcher, customers that repeat a request until it
is answered, as programs with an Idempotency-Key do. In each round the dispatcher or one web worker is killed with SIGKILL while
it is at work. What was really handed to the carrier is told by the simulator's journal, not by our own tables. The last line
says whether anything was lost, sent twice, or does not add up.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import func, select, update

from bench.customer import Customer, gateway_on, open_account
from gateway.services import ledger
from gateway.services.core import Gateway
from gateway.storage.tables import Account, Attempt, ConnectorRow, Message, Order
from tests.support import gunicorn, postgres, programs

CUSTOMERS = 3
MOST_RECIPIENTS = 4
CREDIT = 1_000_000
REST_SECONDS = 0.01
DRAIN_SECONDS = 120
ENVIRONMENT = {
    "DRAGOMAN_WEB_WORKERS": "3",
    "DRAGOMAN_DISPATCH_LEASE_SECONDS": "2",
    "DRAGOMAN_DISPATCH_POLL_MILLISECONDS": "50",
    "DRAGOMAN_SIMULATOR_DELAY_MILLISECONDS": "100",
    "DRAGOMAN_SIMULATOR_RECEIPT_MILLISECONDS": "200",
    "DRAGOMAN_LOG_LEVEL": "warning",
}


@dataclass
class Report:
    """What became of everything. ``problems`` is empty when every promise was kept."""

    kills: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    accepted: int = 0
    messages: int = 0
    handed_over: int = 0
    states: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Load:
    """Customers that send until told to stop, and repeat what was not answered under the same key."""

    def __init__(self, port: int) -> None:
        self.accepted: dict[str, int] = {}
        self.unanswered = 0
        self.refused: list[object] = []
        self._numbers = itertools.count()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(Customer(port),)) for _ in range(CUSTOMERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends it; what was begun is repeated until it is answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, customer: Customer) -> None:
        while not self._stop.is_set():
            number = next(self._numbers)
            recipients = [f"+39347{number:07d}{place}" for place in range(1 + number % MOST_RECIPIENTS)]
            self._insist(customer, recipients, secrets.token_hex(8))
            time.sleep(REST_SECONDS)

    def _insist(self, customer: Customer, recipients: list[str], key: str) -> None:
        while True:
            try:
                answer = customer.send(recipients, idempotency_key=key)
            except (OSError, http.client.HTTPException):
                self.unanswered += 1
                time.sleep(REST_SECONDS)
                continue
            if answer.status == 201:
                self.accepted[answer.body["internal_order_id"]] = len(recipients)
            else:
                self.refused.append(answer)
            return


class Dispatcher:
    """The dispatcher's process."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self._log = folder / "dispatcher.log"
        self.start()

    def start(self) -> None:
        """A new one, after :meth:`kill`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway.dispatcher"], env=self._environment, cwd=programs.ROOT, stdout=log, stderr=log
            )

    def kill(self) -> None:
        programs.end(self._process, signal.SIGKILL)

    def stop(self) -> None:
        programs.end(self._process, signal.SIGTERM, 30)


def trial(database_url: str, folder: Path, rounds: int) -> Report:
    """Kills ``rounds`` times, waits until nothing moves any more, and looks at what is left.

    Args:
        database_url: an empty or freshly migrated database.
        folder: for the logs and the journal.
    """
    report, journal = Report(), folder / "journal"
    with gateway_on(database_url) as gateway:
        account_id = open_account(gateway, CREDIT)
        with gateway.writing() as session:
            session.execute(update(ConnectorRow).values(settings={"journal": str(journal)}))
        with running(database_url, folder) as (server, dispatcher):
            load = Load(server.port)
            load.start()
            try:
                for number in range(rounds):
                    wait_for(lambda: in_flight(gateway) > 0, "nothing is being sent")
                    time.sleep(random.uniform(0.1, 0.8))
                    wait_for(lambda: in_flight(gateway) > 0, "nothing is being sent")
                    report.kills[kill_one(server, dispatcher, number)] += 1
            finally:
                load.stop()
            wait_for(lambda: not unsettled(gateway), "messages are still on their way", DRAIN_SECONDS)
        report.unanswered, report.accepted = load.unanswered, len(load.accepted)
        report.problems += [f"refused: {answer}" for answer in load.refused]
        examine(gateway, load.accepted, handed_over(journal), report)
        report.problems += [f"ledger: {fault.words}" for fault in ledger.verify(gateway)]
        with gateway.reading() as session:
            spent = CREDIT * 1000 - session.get_one(Account, account_id).balance
        if spent != sum(load.accepted.values()) * 1000:
            report.problems.append(f"{spent} units were charged for {sum(load.accepted.values())} messages")
    return report


@contextmanager
def running(database_url: str, folder: Path) -> Iterator[tuple[gunicorn.GunicornServer, Dispatcher]]:
    """Web and dispatcher as in production, with short leases."""
    server = gunicorn.start(folder, ENVIRONMENT | {"DRAGOMAN_DATABASE_URL": database_url})
    try:
        dispatcher = Dispatcher(server.environment, folder)
        try:
            yield server, dispatcher
        finally:
            dispatcher.stop()
    finally:
        server.stop()


def kill_one(server: gunicorn.GunicornServer, dispatcher: Dispatcher, number: int) -> str:
    """Kills the dispatcher (even rounds) or a web worker (odd rounds), which is then replaced; which of them."""
    if number % 2 == 0:
        dispatcher.kill()
        dispatcher.start()
        return "dispatcher"
    worker = random.choice(workers(server))
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
    return "web worker"


def workers(server: gunicorn.GunicornServer) -> list[int]:
    """The process ids of gunicorn's workers."""
    listed = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True).stdout
    return [int(line) for line in listed.split()]


def wait_for(condition: Callable[[], bool], otherwise: str, seconds: float = 60.0) -> None:
    """Waits until something is so; the time limit only ends what would hang for ever."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.02)


def in_flight(gateway: Gateway) -> int:
    """Messages that a living dispatcher has handed over and not heard of yet."""
    with gateway.reading() as session:
        running = (Message.state == "sending", Message.lease_until > gateway.clock.now())
        return session.scalar(select(func.count()).select_from(Message).where(*running)) or 0


def unsettled(gateway: Gateway) -> int:
    """Messages that wait or are being sent."""
    with gateway.reading() as session:
        moving = Message.state.in_(("scheduled", "queued", "sending"))
        return session.scalar(select(func.count()).select_from(Message).where(moving)) or 0


def handed_over(journal: Path) -> Counter[tuple[UUID, int]]:
    """How often the carrier was given each message, as the carrier remembers it."""
    lines = journal.read_text(encoding="ascii").splitlines() if journal.exists() else []
    return Counter((UUID(order), int(position)) for order, position, _try in (line.split() for line in lines))


def examine(gateway: Gateway, accepted: dict[str, int], handed: Counter[tuple[UUID, int]], report: Report) -> None:
    """Holds the tables against what the customers were told and against what the carrier was given."""
    with gateway.reading() as session:
        orders = {order_id.hex: count for order_id, count in session.execute(select(Order.id, Order.recipient_count))}
        states = {(row[0], row[1]): row[2] for row in session.execute(select(Message.order_id, Message.position, Message.state))}
        tries = list(session.execute(select(Attempt.order_id, Attempt.position, Attempt.outcome)))
    report.messages, report.handed_over, report.states = len(states), handed.total(), Counter(states.values())
    perhaps_sent = Counter((row[0], row[1]) for row in tries if row[2] in (None, "accepted", "unknown"))
    stored = Counter(order_id.hex for order_id, _position in states)
    unknown = {key for key, state in states.items() if state == "unknown"}
    shown_as_sent = {key for key, state in states.items() if state in ("sent", "delivered")}
    problems: dict[str, Sequence[object]] = {
        "answered 201 and not stored as told": [name for name, count in accepted.items() if stored[name] != count],
        "stored though no customer was told": [name for name in orders if name not in accepted],
        "handed over twice": [key for key, count in handed.items() if count > 1],
        "tried again after a try that may have been heard": [key for key, count in perhaps_sent.items() if count > 1],
        "handed over without a message": [key for key in handed if key not in states],
        "handed over without a try on record": [key for key in handed if not perhaps_sent[key]],
        "handed over, but not shown as sent or unknown": [key for key in handed if key not in shown_as_sent | unknown],
        "shown as sent, but never handed over": [key for key in shown_as_sent if not handed[key]],
        "tries without an end": [row for row in tries if row[2] is None],
    }
    report.problems += [f"{len(found)} {what}, such as {found[0]}" for what, found in problems.items() if found]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=20, help="kills on each database")
    rounds: int = arguments.parse_args().rounds
    print("| database | kills: dispatcher | web worker | unanswered requests | accepted orders | messages | handed over | sent | unknown |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        problems += run("SQLite", f"sqlite:///{folder}/faults.sqlite3", Path(folder), rounds)
    server = postgres.start_own(durable=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            problems += run("PostgreSQL", server.create_database(), Path(folder), rounds)
    finally:
        server.close()
    print("\nNothing lost, nothing sent twice, ledger clean." if not problems else "\n" + "\n".join(problems))
    sys.exit(bool(problems))


def run(name: str, database_url: str, folder: Path, rounds: int) -> list[str]:
    """One row of the table; the problems found."""
    report = trial(database_url, folder, rounds)
    sent = report.states["sent"] + report.states["delivered"]
    print(
        f"| {name} | {report.kills['dispatcher']} | {report.kills['web worker']} | {report.unanswered} | {report.accepted:,} "
        f"| {report.messages:,} | {report.handed_over:,} | {sent:,} | {report.states['unknown']:,} |",
        flush=True,
    )
    return [f"{name}: {problem}" for problem in report.problems]


if __name__ == "__main__":
    main()
