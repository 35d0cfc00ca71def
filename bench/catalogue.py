"""Every fault of the catalogue against every connector: nothing lost, nothing sent twice in silence, every charge exact.

    make faults [ARGS='--kinds smpp simulator --faults never reset --messages 60 --seeds 1 2 --sqlite']

For each kind of connector and each fault that its far end can do, a whole gateway (services, dispatcher, database of its own) sends
messages, short and long, to a far end with that fault, and is given time to settle. Then each message's state, attempts and charge
are held against what the far end was really given. The last line says whether any promise was broken; the exit code does too.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.farends import FAR_ENDS
from bench.trial import Case, Report, log_to, trial
from gateway.connectors import CONNECTORS
from gateway.domain.sending import RefundPolicy, UnknownPolicy
from tests.support import postgres
from tests.support.databases import migrate


class Databases:
    """Fresh databases, copied from a migrated one of each sort."""

    def __init__(self, folder: Path, *, with_postgres: bool) -> None:
        self._folder = folder
        self._file = folder / "template.sqlite3"
        migrate(f"sqlite:///{self._file}")
        self._server = postgres.start() if with_postgres else None
        self._template = ""
        if self._server is not None:
            url = self._server.create_database()
            migrate(url)
            self._template = url.rpartition("/")[2]
        self.sorts = ("SQLite", "PostgreSQL") if with_postgres else ("SQLite",)

    def fresh(self, sort: str, name: str) -> tuple[str, str]:
        """The URL of a new database and the path of a folder for its run."""
        folder = self._folder / f"{sort}-{name}"
        folder.mkdir()
        if sort == "SQLite":
            shutil.copyfile(self._file, folder / "run.sqlite3")
            return f"sqlite:///{folder / 'run.sqlite3'}", str(folder)
        assert self._server is not None
        return self._server.create_database(template=self._template), str(folder)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()


def cases(databases: Databases, kinds: Sequence[str], faults: Sequence[str], seeds: Sequence[int], messages: int) -> Iterator[Case]:
    """All of them. The policies go round, so that each fault meets several over the seeds and databases."""
    policies = itertools.cycle(itertools.product(UnknownPolicy, (RefundPolicy.UNSENT, RefundPolicy.UNDELIVERED, RefundPolicy.NONE)))
    for kind in kinds:
        for fault in FAR_ENDS[kind].faults:
            if faults and fault not in faults:
                continue
            for sort, seed in itertools.product(databases.sorts, seeds):
                url, folder = databases.fresh(sort, f"{kind}-{fault}-{seed}")
                unknown, refund = next(policies)
                yield Case(kind, fault, seed, messages, url, folder, unknown, refund)


def line(report: Report) -> str:
    """A row of the table."""
    case, states = report.case, dict(report.states)
    sort = "SQLite" if case.database_url.startswith("sqlite") else "PostgreSQL"
    count = ", ".join(f"{number} {state}" for state, number in sorted(states.items(), key=lambda each: -each[1]))
    lost = "none" if not report.problems else "; ".join(report.problems)
    return (
        f"| {case.kind} | {case.fault} | {sort} | {case.seed} | {case.unknown}, {case.refund} | {count} | {report.handed} | {report.taken} "
        f"| {report.again} | {report.refunded} | {report.seconds:.1f} | {lost} |"
    )


HEAD = (
    "| connector | fault | database | seed | unknown, refund | ended | handed over | taken | again, shown | refunded | s | broken |\n"
    "| --- | --- | --- | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
)


def main() -> None:
    available = [kind for kind in FAR_ENDS if kind in CONNECTORS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="*", default=available, choices=available)
    parser.add_argument("--faults", nargs="*", default=[], help="all by default")
    parser.add_argument("--messages", type=int, default=48, help="in each run")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1])
    parser.add_argument("--sqlite", action="store_true", help="without PostgreSQL")
    parser.add_argument("--log", default=os.devnull, help="a file for the gateways' logs")
    parser.add_argument("--workers", type=int, default=min(4, (os.cpu_count() or 1) + 1), help="runs at once")
    chosen = parser.parse_args()
    print(HEAD, flush=True)
    failed = ran = 0
    with tempfile.TemporaryDirectory(prefix="dragoman-faults-") as folder:
        databases = Databases(Path(folder), with_postgres=not chosen.sqlite)
        try:
            with ProcessPoolExecutor(chosen.workers, get_context("spawn"), log_to, (chosen.log,)) as pool:
                for report in pool.map(trial, cases(databases, chosen.kinds, chosen.faults, chosen.seeds, chosen.messages)):
                    print(line(report), flush=True)
                    failed += bool(report.problems)
                    ran += 1
        finally:
            databases.close()
    print(f"\n{ran} runs: {'no loss, no silent double, exact charge' if not failed else f'{failed} BROKE A PROMISE'}.")
    sys.exit(bool(failed) or not ran)


if __name__ == "__main__":
    main()
