"""How fast the dialects that send a password with every request are accepted, beside the one with sessions.

    python -m bench.dialects [--seconds 3] [--rounds 5] [--check]

One recipient a request, three sync workers, 8 connections, on both databases; one gunicorn serves all four, and rounds are
interleaved. Limits count in each worker, or in the Redis that DRAGOMAN_REDIS_URL names; the user's own limit is set high enough not
to be met. ``--check`` exits with 1 when one of the three keeps less than 80 % of the session dialect's rate.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from bench.accept import CONNECTIONS, CREDIT_UNITS, SECRET, WORKERS, database
from bench.load import Figures, gunicorn, post
from gateway import create_app
from gateway.config import Settings
from gateway.services import accounts, devices, identity, ledger, schema
from gateway.services.identity import Password
from gateway.services.keys import MOST_CALLS_PER_MINUTE

NAME, PASSWORD, DEVICE = "bench", "bench-password", "bench-device"
SESSION = "smsend"
GOAL = 0.8
JSON = {"Content-Type": "application/json"}
TEXT, NUMBER = "Hello world!", "+393471234567"


@dataclass(frozen=True, slots=True)
class Call:
    """One sending request of a dialect."""

    path: str
    body: str
    headers: dict[str, str]


def main() -> None:
    """Measures both databases and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit with 1 when a dialect is too slow")
    options = parser.parse_args()
    met = True
    print("| database | dialect | req/s | of the session dialect | p50 ms | p99 ms |\n| --- | --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("postgresql", "sqlite"):
            with database(name, Path(folder)) as url:
                met &= report(name, measure(url, Path(folder), options.seconds, options.rounds))
    if options.check and not met:
        sys.exit("a dialect that sends its password is too slow")


def measure(url: str, folder: Path, seconds: int, rounds: int) -> dict[str, list[Figures]]:
    """Interleaved rounds of every dialect."""
    settings = {"DRAGOMAN_SECRET_KEY": SECRET, "DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_DATA_DIR": str(folder)}
    calls = prepared(settings)
    figures: dict[str, list[Figures]] = {name: [] for name in calls}
    with gunicorn("wsgi:app", settings, WORKERS) as base:
        for call in calls.values():
            post(base + call.path, call.body, call.headers, seconds=1, connections=CONNECTIONS)
        for _ in range(rounds):
            for name, call in calls.items():
                figures[name].append(post(base + call.path, call.body, call.headers, seconds=seconds, connections=CONNECTIONS))
    return figures


def prepared(environment: dict[str, str]) -> dict[str, Call]:
    """Migrates, makes an account with plenty of credit, a user and a device; one call of each dialect."""
    app = create_app(Settings.from_environment(environment | {"DRAGOMAN_LOG_LEVEL": "error"}))
    with app.app_context():
        gateway = app.extensions["dragoman"]
        schema.upgrade(gateway)
        accounts.create_account(gateway, accounts.NewAccount(NAME))
        accounts.create_user(gateway, NAME, NAME, PASSWORD)
        accounts.set_user_limits(gateway, NAME, lambda terms: replace(terms, calls_per_minute=MOST_CALLS_PER_MINUTE))
        devices.create(gateway, NAME, DEVICE, PASSWORD)
        ledger.add_credit(gateway, NAME, CREDIT_UNITS)
        keys = identity.sign_in(gateway, [Password(NAME, PASSWORD)], "")
    credentials = {"username": NAME, "password": PASSWORD}
    return {
        SESSION: Call(
            "/API/v1.0/REST/sms",
            json.dumps({"message": TEXT, "message_type": "N", "recipient": [NUMBER]}),
            {"user_key": keys.user_key, "Session_key": keys.key} | JSON,
        ),
        "brevisone": Call(
            "/api.php",
            urlencode(credentials | {"to": NUMBER, "text": TEXT, "mode": "number"}),
            {"Content-Type": "application/x-www-form-urlencoded"},
        ),
        "smsnodes": Call(
            "/api/send-sms",
            json.dumps({"deviceUsername": DEVICE, "password": PASSWORD, "phoneNumbers": [NUMBER], "message": TEXT}),
            JSON,
        ),
        "bulk v1": Call("/v1/sms/send", json.dumps(credentials | {"numbers": NUMBER, "message_body": TEXT}), JSON),
    }


def report(name: str, figures: dict[str, list[Figures]]) -> bool:
    """Prints the lines of one database; whether every dialect is fast enough."""
    met = True
    for dialect, rounds in figures.items():
        share = median(each.rate / session.rate for each, session in zip(rounds, figures[SESSION], strict=True))
        rate, p50, p99 = (median(getattr(each, field) for each in rounds) for field in ("rate", "p50", "p99"))
        print(f"| {name} | {dialect} | {rate:,.0f} | {share:.2f} | {p50:.1f} | {p99:.1f} |")
        errors = sum(each.errors for each in rounds)
        if errors:
            print(f"  {errors} requests failed")
        met &= not errors and share >= GOAL
    return met


if __name__ == "__main__":
    main()
