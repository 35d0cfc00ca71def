"""Prints what every program of the catalogue gets at every door: ``python -m tests.e2e.print_clients``.

Starts gunicorn on an embedded database, a dispatcher, and nginx with and without TLS. The last line counts what went wrong.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from gateway.services import ledger
from tests.e2e.clients import cast as customers
from tests.e2e.clients import catalogue
from tests.e2e.clients.cast import Cast
from tests.e2e.clients.catalogue import Program
from tests.e2e.clients.town import DOORS, running
from tests.support import node
from tests.support.databases import migrate


def main() -> int:
    """Prints the table; 1 if a program was not answered as its manual says, or the books do not agree."""
    with tempfile.TemporaryDirectory() as name:
        template, folder = Path(name, "template.sqlite3"), Path(name, "town")
        folder.mkdir()
        migrate(f"sqlite:///{template}")
        with running(template, folder) as town, customers.assembled(town, folder / "programs") as cast:
            cast.packages = node.packages()
            _print(f"| API | program | {' | '.join(DOORS)} | messages |")
            _print("|---" * (len(DOORS) + 3) + "|")
            bad = sum(_told(cast, program) for program in customers.PROGRAMS)
            faults = list(ledger.verify(town.gateway))
            leaks = [secret for secret in cast.secrets() if secret in cast.logs()]
    count = len(customers.PROGRAMS)
    _print(f"\n{count} programs, {count * len(DOORS)} runs; wrong: {bad}; ledger faults: {len(faults)}; secrets in logs: {len(leaks)}")
    return 1 if bad or faults or leaks else 0


def _told(cast: Cast, program: Program) -> int:
    """Prints a program's line; at how many doors it went wrong."""
    cells, bad = [], 0
    for door in DOORS:
        ran, sent = cast.act(program, door)
        complaint = catalogue.wrong(program, ran) or ("" if len(sent) == len(program.sent) else f"sent {len(sent)}")
        cells.append(f"{ran.status} WRONG: {complaint[:60]}" if complaint else str(ran.status))
        bad += bool(complaint)
    _print(f"| {program.dialect} | {program.name} | {' | '.join(cells)} | {len(program.sent)} |")
    return bad


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
