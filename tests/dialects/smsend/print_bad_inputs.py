"""Prints the table of bad inputs with the answers that a real server gives: ``python -m tests.dialects.smsend.print_bad_inputs``.

Starts gunicorn on an embedded database in a temporary folder. The last line says what it all cost.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway import create_app
from gateway.services import ledger
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.dialects.smsend.bad_inputs import CASES, WIRE
from tests.dialects.smsend.test_bad_inputs import LIMITS, Town, found, sent
from tests.support import gunicorn, rawhttp
from tests.support.builders import messages
from tests.support.databases import FixedClock, migrate, settings_for


def main() -> int:
    """Prints the table; 1 if an answer was a 500, or anything was charged."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'test.sqlite3'}"
        migrate(url)
        clock = FixedClock(datetime.now(UTC) - timedelta(minutes=10))
        app = create_app(settings_for(url, **LIMITS), clock)
        with app.app_context():
            town = found(app, clock)
            environment = {f"DRAGOMAN_{name.upper()}": str(value) for name, value in LIMITS.items()}
            web = gunicorn.start(folder, environment | {"DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_WEB_THREADS": "4"})
            try:
                bad = sum(_tell(case, answer) for case, answer in _answers(town, web))
            finally:
                web.stop()
            faults, count = list(ledger.verify(town.gateway)), len(messages(town.gateway))
            _print(f"\n{len(CASES) + len(WIRE)} cases; 500s: {bad}; messages sent by them: {count - 1}; ledger faults: {len(faults)}")
            close_connections(db.engine)
            db.engine.dispose()
    return 1 if bad or faults or count != 1 else 0


def _answers(town: Town, web: gunicorn.GunicornServer) -> Iterator[tuple[str, rawhttp.Answer]]:
    for case in CASES:
        target, headers = case.filled(town.known)
        try:
            answer = rawhttp.request(web.target, target, method=case.method, headers=headers, body=case.body, timeout=60)
        except (OSError, rawhttp.NoAnswer):  # refused while it was still being sent
            answer = rawhttp.request(
                web.target, target, method=case.method, headers=headers | {"Content-Length": str(len(case.body))}, timeout=60
            )
        yield case.name, answer
    for wire in WIRE:
        yield wire.name, sent(web.target, wire, town.known)


def _tell(name: str, answer: rawhttp.Answer) -> bool:
    try:
        told = json.loads(answer.body)
        result = told["result"] if isinstance(told, dict) else answer.body.decode()
    except ValueError:
        result = "(gunicorn's own page)"
    _print(f"| {name} | {answer.status} | {str(result)[:100].replace('|', '/')} |")
    return answer.status >= 500 and answer.status not in (501, 505)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
