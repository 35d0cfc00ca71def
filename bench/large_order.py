"""One order with very many recipients over HTTP: how long the answer takes, and what it costs the worker in memory.

    python bench/large_order.py [--recipients 100000]

On SQLite and on a PostgreSQL of its own with durable writes, in turn; one web worker. A small order comes first, so that what a
worker needs anyway is not counted. Memory is the kernel's: VmRSS before and after, VmHWM at its highest, in MiB.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import func, select

from bench.customer import Answer, Customer, gateway_on, open_account
from gateway.services import ledger
from gateway.storage.tables import Account, LedgerEntry, Message
from tests.support import gunicorn, postgres

ENVIRONMENT = {"DRAGOMAN_WEB_WORKERS": "1", "DRAGOMAN_LOG_LEVEL": "warning", "DRAGOMAN_MAX_RECIPIENTS": "1000000"}


@dataclass(frozen=True, slots=True)
class Step:
    """One request: how it went, and the worker's memory in MiB once it was over."""

    answer: Answer
    seconds: float
    resident: float
    highest: float


@dataclass(frozen=True, slots=True)
class Report:
    """Every step of one trial. ``problems`` is empty when the books agree."""

    before: Step
    accepted: Step
    state: Step
    scheduled: Step
    cancelled: Step
    problems: list[str]


class Worker:
    """The only worker of a gunicorn, looked at after each request."""

    def __init__(self, server: gunicorn.GunicornServer) -> None:
        listed = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True).stdout
        (self._pid,) = (int(line) for line in listed.split())

    def note(self, ask: Callable[..., Answer], *arguments: object, **fields: object) -> Step:
        """Asks, and looks at the worker."""
        started = time.perf_counter()
        answer = ask(*arguments, **fields)
        return Step(answer, time.perf_counter() - started, self._memory("VmRSS"), self._memory("VmHWM"))

    def _memory(self, name: str) -> float:
        lines = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024


def trial(database_url: str, folder: Path, number: int) -> Report:
    """Sends, asks for, schedules and takes back an order of ``number`` recipients.

    Args:
        database_url: an empty or freshly migrated database.
        folder: for the log.
    """
    with gateway_on(database_url) as gateway:
        account_id = open_account(gateway, number * 2)
        server = gunicorn.start(folder, ENVIRONMENT | {"DRAGOMAN_DATABASE_URL": database_url})
        try:
            watched, customer = Worker(server), Customer(server.port)
            before = watched.note(customer.send, ["+393471234567"])
            recipients = [f"+3934{index:08d}" for index in range(number)]
            accepted = watched.note(customer.send, recipients)
            state = watched.note(customer.state, accepted.answer.body["order_id"])
            tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            scheduled = watched.note(customer.send, recipients[:-1], scheduled_delivery_time=tomorrow)
            cancelled = watched.note(customer.cancel, scheduled.answer.body["order_id"])
        finally:
            server.stop()
        problems = [f"ledger: {fault.words}" for fault in ledger.verify(gateway)]
        with gateway.reading() as session:
            stored = session.scalar(select(func.count()).select_from(Message))
            charges = list(session.scalars(select(LedgerEntry.units).where(LedgerEntry.kind == "charge").order_by(LedgerEntry.sequence)))
            refunds = list(session.scalars(select(LedgerEntry.units).where(LedgerEntry.kind == "refund")))
            balance = session.get_one(Account, account_id).balance
    told = [message["destination"] for message in state.answer.body["recipients"]]
    facts = {
        "every request is answered": [step.answer.status for step in (before, accepted, state, scheduled, cancelled)]
        == [201, 201, 200, 201, 200],
        "every message is stored": stored == 2 * number,
        "the state names every recipient in order": told == recipients,
        "one charge for each order": charges == [1000, number * 1000, (number - 1) * 1000],
        "one refund, of exactly its charge": refunds == [(number - 1) * 1000],
        "the balance is what is left": balance == (number - 1) * 1000,
    }
    return Report(before, accepted, state, scheduled, cancelled, problems + [f"not so: {fact}" for fact, so in facts.items() if not so])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipients", type=int, default=100_000, help="recipients of the order")
    number: int = arguments.parse_args().recipients
    print(f"One order with {number:,} recipients, one web worker\n")
    print("| database | step | seconds | VmRSS, MiB | VmHWM, MiB |\n| --- | --- | ---: | ---: | ---: |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        problems = run("SQLite", f"sqlite:///{folder}/large.sqlite3", Path(folder), number)
    server = postgres.start_own(durable=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            problems += run("PostgreSQL", server.create_database(), Path(folder), number)
    finally:
        server.close()
    print("\nEvery message stored, every unit accounted for." if not problems else "\n" + "\n".join(problems))
    sys.exit(bool(problems))


def run(name: str, database_url: str, folder: Path, number: int) -> list[str]:
    """The rows of one database; the problems found."""
    report = trial(database_url, folder, number)
    steps = {
        "an order of one, before": report.before,
        "POST /sms, accepted": report.accepted,
        "GET /sms/{id}": report.state,
        "POST /sms, scheduled": report.scheduled,
        "DELETE /sms/{id}, refunded": report.cancelled,
    }
    for words, step in steps.items():
        print(f"| {name} | {words} | {step.seconds:.2f} | {step.resident:.0f} | {step.highest:.0f} |", flush=True)
    return [f"{name}: {problem}" for problem in report.problems]


if __name__ == "__main__":
    main()
