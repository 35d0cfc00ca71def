"""How fast orders are accepted, beside the floor of the same machine in the same run.

    python -m bench.accept [--seconds 3] [--rounds 3] [--check]

On PostgreSQL (fsync and synchronous_commit on) and on SQLite (WAL, synchronous=FULL), with three sync workers and 8
connections, everything on: session check, validation, ledger row, metrics, logs. The floor is a Flask view with one durable
INSERT under the same gunicorn settings. Rounds are interleaved and medians shown, because machines are noisy.
``--check`` exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.load import Figures, gunicorn, post
from gateway import create_app
from gateway.config import Settings
from gateway.services import accounts, identity, ledger, schema
from gateway.services.identity import Password
from tests.support import postgres

SECRET = "bench-secret-bench-secret"
CREDIT_UNITS = 10**15
CONNECTIONS = 8
WORKERS = 3
GOALS = {"postgresql": 0.4, "sqlite": 0.5}
MESSAGES_GOAL = 30_000
TAIL_GOAL = 3.0
COLUMNS = (
    "database", "floor req/s", "1 recipient req/s", "share of floor", "p50 ms", "p99 ms", "p99/p50",
    "100 recipients msg/s", "p50 ms", "p99 ms",
)  # fmt: skip
ONE = {"message": "Hello world!", "message_type": "N", "recipient": ["+393471234567"], "returnCredits": False}
HUNDRED = ONE | {"recipient": [f"+3934712{number:05d}" for number in range(100)]}


@dataclass(frozen=True, slots=True)
class Round:
    """The three measurements of one round."""

    floor: Figures
    one: Figures
    hundred: Figures


def main() -> None:
    """Measures both databases and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    options = parser.parse_args()
    met = True
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"| --- {'| ---: ' * (len(COLUMNS) - 1)}|")
    with tempfile.TemporaryDirectory() as folder:
        for name in GOALS:
            with database(name, Path(folder)) as url:
                met &= report(name, measure(url, Path(folder), options.seconds, options.rounds))
    if options.check and not met:
        sys.exit("a goal was missed")


@contextmanager
def database(name: str, folder: Path) -> Iterator[str]:
    """A fresh, durable database of this kind; its URL."""
    if name == "sqlite":
        yield f"sqlite:///{folder / 'bench.sqlite3'}"
        return
    server = postgres.start_own(durable=True)
    try:
        yield server.create_database("bench")
    finally:
        server.close()


def measure(url: str, folder: Path, seconds: int, rounds: int) -> list[Round]:
    """Interleaved rounds of floor, one recipient and a hundred."""
    settings = {"DRAGOMAN_SECRET_KEY": SECRET, "DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_DATA_DIR": str(folder)}
    headers = prepared(settings)
    floor_database = url if "postgres" in url else f"sqlite:///{folder / 'floor.sqlite3'}"
    with ExitStack() as stack:
        base = stack.enter_context(gunicorn("wsgi:app", settings, WORKERS)) + "/API/v1.0/REST/sms"
        floor = stack.enter_context(gunicorn("bench.floor:app", settings | {"BENCH_FLOOR_DATABASE": floor_database}, WORKERS)) + "/floor"
        for target, given in ((floor, {}), (base, headers)):
            post(target, json.dumps(ONE), given, seconds=1, connections=CONNECTIONS)
        return [
            Round(
                post(floor, json.dumps(ONE), {}, seconds=seconds, connections=CONNECTIONS),
                post(base, json.dumps(ONE), headers, seconds=seconds, connections=CONNECTIONS),
                post(base, json.dumps(HUNDRED), headers, seconds=seconds, connections=CONNECTIONS),
            )
            for _ in range(rounds)
        ]


def prepared(environment: dict[str, str]) -> dict[str, str]:
    """Migrates, makes an account with plenty of credit, and signs in; the headers to send."""
    app = create_app(Settings.from_environment(environment | {"DRAGOMAN_LOG_LEVEL": "error"}))
    with app.app_context():
        gateway = app.extensions["dragoman"]
        schema.upgrade(gateway)
        accounts.create_account(gateway, accounts.NewAccount("bench"))
        accounts.create_user(gateway, "bench", "bench", "bench-password")
        ledger.add_credit(gateway, "bench", CREDIT_UNITS)
        keys = identity.sign_in(gateway, [Password("bench", "bench-password")], "")
    return {"user_key": keys.user_key, "Session_key": keys.key, "Content-Type": "application/json"}


def report(name: str, rounds: list[Round]) -> bool:
    """Prints one line of the table; whether every goal was met."""
    share = median(each.one.rate / each.floor.rate for each in rounds)
    tail = median(each.one.p99 / each.one.p50 for each in rounds)
    messages = median(each.hundred.rate for each in rounds) * 100
    errors = sum(each.one.errors + each.hundred.errors + each.floor.errors for each in rounds)
    print(
        f"| {name} | {median(each.floor.rate for each in rounds):,.0f} | {median(each.one.rate for each in rounds):,.0f} | {share:.2f} "
        f"| {median(each.one.p50 for each in rounds):.1f} | {median(each.one.p99 for each in rounds):.1f} | {tail:.1f} "
        f"| {messages:,.0f} | {median(each.hundred.p50 for each in rounds):.1f} | {median(each.hundred.p99 for each in rounds):.1f} |"
    )
    if errors:
        print(f"  {errors} requests failed")
    return not errors and share >= GOALS[name] and tail <= TAIL_GOAL and messages >= MESSAGES_GOAL


if __name__ == "__main__":
    main()
