"""Kills dispatchers with -9 at every step of sending by SMPP, and the owner of a bind while another waits for it.

    python -m bench kills [--kills 200] [--takeovers 5]

First: a dispatcher sends through the SMPP connector to the fake SMSC, which is a process of its own and journals what it gets. Again and
again the dispatcher dies at a step (see ``bench/dying.py``) and another begins. At the end each message's state is held against the
journal. Then: two dispatchers, one carrier; the owner of the lease is killed, and the SMSC's journal tells when the other was bound and
how many binds there ever were at once. The exit code says whether any promise was broken.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import select

from bench.catalogue import Databases
from bench.dying import STEPS
from bench.trial import ENVIRONMENT, MOVING, NAME, TEXTS, moving, read
from gateway import create_app
from gateway.domain.message import State
from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType
from gateway.services import connectors, ledger, ordering
from gateway.services.accounts import NewAccount, create_account
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.ordering import Terms
from gateway.storage.driver import close_connections
from gateway.storage.tables import Account, ConnectorRow
from tests.support import programs
from tests.support.databases import SECRET, settings_for

PASSWORD = "pa55word"
CREDIT = 10_000_000
BATCH = 12
PATIENCE_SECONDS = 60.0
TAKEOVER_SECONDS = 10.0
SHORT_LEASE = {"dispatch_lease_seconds": "2"}
LEASE = {"dispatch_lease_seconds": "8"}
"""As by default."""
SETTINGS = {
    "host": "127.0.0.1",
    "system_id": "gateway",
    "window": 4,
    "ask": True,
    "answer_timeout_seconds": 2.0,
    "enquire_link_seconds": 1.0,
    "enquire_timeout_seconds": 1.0,
    "reconnect_seconds": 0.05,
    "reconnect_most_seconds": 0.5,
}


@dataclass
class Report:
    """What became of one trial."""

    sort: str
    kills: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    taken: int = 0
    again: int = 0
    states: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Smsc:
    """The fake SMSC as a process, and its journal."""

    def __init__(self, folder: Path, *more: str) -> None:
        self._journal = folder / "smsc.journal"
        command = [sys.executable, "-m", "tests.support.smsc", "--password", PASSWORD, "--journal", str(self._journal), *more]
        self._process = subprocess.Popen(command, cwd=programs.ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def lines(self, kind: str) -> list[tuple[float, list[str]]]:
        """The journal's lines of one kind: when, and the words behind."""
        lines = self._journal.read_text(encoding="ascii").splitlines() if self._journal.exists() else []
        split = [line.split() for line in lines if not line.startswith("#")]
        return [(float(words[0]), words[2:]) for words in split if len(words) > 1 and words[1] == kind]

    def stop(self) -> dict[str, object]:
        """Ends it; what it counted."""
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGTERM)
        said: dict[str, object] = json.loads(self._process.stdout.readline() or "{}")
        self._process.stdout.close()
        self._process.wait(20)
        return said


class Sender:
    """Accepts messages and knows the gateway's inside."""

    def __init__(self, gateway: Gateway, port: int, **more: object) -> None:
        self.gateway = gateway
        self.account = create_account(gateway, NewAccount("customer"))
        ledger.add_credit(gateway, "customer", CREDIT * 1000)
        changes = Changes(settings={**SETTINGS, "port": port, **more}, secrets={"password": PASSWORD})
        connectors.add(gateway, NAME, "smpp", changes, lambda _kind, _settings: None, enabled=True)
        self._numbers = itertools.count()
        self._texts = itertools.cycle(TEXTS)

    def order(self, count: int) -> None:
        """Accepts ``count`` messages in one order."""
        submission = Submission(
            account_id=self.account.id,
            user_id=None,
            dialect="smsend",
            message_type=MessageType.HIGH,
            type_token="N",
            text=next(self._texts),
            recipients=[f"+39347{next(self._numbers):07d}" for _ in range(count)],
            fingerprint=b"",
            originator="Dragoman",
            connector=NAME,
        )
        ordering.submit(self.gateway, submission, Terms())

    def owner(self) -> int | None:
        """The process id of who owns the connector and lives."""
        with self.gateway.reading() as session:
            row = session.scalars(select(ConnectorRow).where(ConnectorRow.name == NAME)).one()
            is_held = row.owner is not None and row.lease_until is not None and row.lease_until > self.gateway.clock.now()
            return int(row.owner.split(":")[1]) if is_held and row.owner else None


@contextmanager
def gateway_on(database_url: str) -> Iterator[Gateway]:
    app = create_app(settings_for(database_url, **ENVIRONMENT))
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        try:
            yield gateway
        finally:
            close_connections(gateway.engine)
            gateway.engine.dispose()


def environment(database_url: str, **more: str) -> dict[str, str]:
    """A dispatcher's."""
    given = {f"DRAGOMAN_{name.upper()}": value for name, value in (ENVIRONMENT | more).items()}
    return os.environ | given | {"DRAGOMAN_DATABASE_URL": database_url, "DRAGOMAN_SECRET_KEY": SECRET, "PYTHONPATH": str(programs.ROOT)}


def start(module: list[str], database_url: str, log: Path, **more: str) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *module], env=environment(database_url, **more), cwd=programs.ROOT, stdout=output, stderr=output
        )


def kill_at_steps(sort: str, database_url: str, folder: Path, kills: int, seed: int) -> Report:
    """Lets ``kills`` dispatchers die, each at the next step, then lets one live until nothing moves."""
    report, smsc = Report(sort), Smsc(folder)
    try:
        with gateway_on(database_url) as gateway:
            sender = Sender(gateway, smsc.port)
            for number, step in enumerate(itertools.islice(itertools.cycle(STEPS), 2 * kills)):
                if report.kills.total() == kills:
                    break
                sender.order(BATCH)
                dying = start(["bench.dying", step, str(seed * 1000 + number)], database_url, folder / "log", **SHORT_LEASE)
                report.kills[step] += dead(dying)
            last = start(["gateway.dispatcher"], database_url, folder / "log", **SHORT_LEASE)
            try:
                report.problems += settle(gateway, smsc)
            finally:
                programs.end(last, signal.SIGTERM, 30)
            examine(gateway, smsc, report)
    finally:
        said = smsc.stop()
    report.problems += [f"SMSC: {words}" for words in sorted(set(said["violations"]))]  # type: ignore[call-overload]
    if said["bound_at_once"] != 1:
        report.problems.append(f"{said['bound_at_once']} binds at once")
    return report


def dead(process: subprocess.Popen[bytes]) -> bool:
    """Waits until it has killed itself; one that did not come to its step is killed here, and does not count."""
    try:
        return process.wait(30) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def settle(gateway: Gateway, smsc: Smsc) -> list[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    problems: list[str] = []
    while time.monotonic() < deadline:
        time.sleep(0.5)
        if not moving(gateway):
            problems = wrongs(gateway, smsc)
            if not problems:
                break
    return problems if not moving(gateway) else [f"{moving(gateway)} messages are still on their way"]


def wrongs(gateway: Gateway, smsc: Smsc) -> list[str]:
    """What is not true of the messages."""
    taken = Counter("+" + words[0] for _, words in smsc.lines("whole") if words[1] == "1")
    heard = {"+" + words[0] for _, words in smsc.lines("acknowledged") if words[1] == "0"}
    parts = {"+" + words[1] for _, words in smsc.lines("submit")}
    found: Counter[str] = Counter()
    for row in read(gateway):
        number, state, tries = row.sent.recipient, State(row.message.state), Counter(row.outcomes)
        told = {
            "taken twice": taken[number] > 1,
            "still on their way": state in MOVING,
            "with a try without an end": bool(tries[None]),
            f"shown as {state} and never taken": state in (State.SENT, State.DELIVERED) and not taken[number],
            f"shown as {state}, but taken": state is State.FAILED and bool(parts & {number}),
            "shown as sent, though a receipt was acknowledged": state is State.SENT and number in heard,
            "tried more than once after a try that may have been heard": tries["accepted"] + tries["unknown"] > 1,
            "unknown without an unknown try": state is State.UNKNOWN and not tries["unknown"],
        }
        found.update(words for words, is_so in told.items() if is_so)
    return [f"{count} {words}" for words, count in found.items()]


def examine(gateway: Gateway, smsc: Smsc, report: Report) -> None:
    rows = read(gateway)
    report.messages, report.states = len(rows), Counter(row.message.state for row in rows)
    taken = Counter(words[0] for _, words in smsc.lines("whole") if words[1] == "1")
    report.taken, report.again = taken.total(), sum(count - 1 for count in taken.values())
    report.problems += [f"ledger: {fault.words}" for fault in ledger.verify(gateway)]
    charged = sum(row.message.units - row.message.refunded_units for row in rows)
    with gateway.reading() as session:
        balance = session.scalars(select(Account.balance).where(Account.name == "customer")).one()
    if balance != CREDIT * 1000 - charged:
        report.problems.append("the balance is not what was charged and refunded")


def takeover(sort: str, database_url: str, folder: Path, rounds: int, binds: int = 2) -> tuple[list[float], int, list[str]]:
    """Two dispatchers with the lease of production, one carrier with ``binds`` binds. Kills the owner ``rounds`` times.

    Returns:
        Seconds from each kill until the other is bound, the most binds at once, what went wrong.
    """
    smsc, waits, problems = Smsc(folder), [], []
    with gateway_on(database_url) as gateway:
        sender = Sender(gateway, smsc.port, binds=binds)
        living = [start(["gateway.dispatcher"], database_url, folder / "log", **LEASE) for _ in range(2)]
        try:
            for _ in range(rounds):
                wait_for(lambda: bound_now(smsc) == binds, "not bound")
                sender.order(BATCH)
                pid = sender.owner()
                owner = next(each for each in living if each.pid == pid)
                owner.kill()
                killed_at = time.time()
                owner.wait()
                sender.order(BATCH)
                waits.append(bound_again(smsc, killed_at) - killed_at)
                living.remove(owner)
                living.append(start(["gateway.dispatcher"], database_url, folder / "log", **LEASE))
            wait_for(lambda: not moving(gateway), "messages are still on their way")
        except TimeoutError as error:
            problems.append(str(error))
        finally:
            for each in living:
                programs.end(each, signal.SIGTERM, 30)
            said = smsc.stop()
    most = int(str(said["bound_at_once"]))
    if most > binds:
        problems.append(f"{most} binds at once where {binds} are configured")
    problems += [f"takeover after {wait:.1f} s" for wait in waits if wait > TAKEOVER_SECONDS]
    return waits, most, problems


def bound_again(smsc: Smsc, killed_at: float) -> float:
    """Waits for the first bind after a kill; when it was. The kernel closes the dead owner's connections at once."""

    def found() -> list[float]:
        lines = smsc.lines("bound")
        gone = next((number for number, (at, words) in enumerate(lines) if at >= killed_at - 0.01 and words == ["0"]), len(lines))
        return [at for at, words in lines[gone:] if words != ["0"]]

    wait_for(found, "no takeover")
    return found()[0]


def bound_now(smsc: Smsc) -> int:
    lines = smsc.lines("bound")
    return int(lines[-1][1][0]) if lines else 0


def wait_for(condition: object, otherwise: str, seconds: float = PATIENCE_SECONDS) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="in all, over both databases")
    parser.add_argument("--takeovers", type=int, default=5, help="on each database")
    parser.add_argument("--sqlite", action="store_true", help="without PostgreSQL")
    parser.add_argument("--keep", help="a folder for logs and journals, kept")
    chosen = parser.parse_args()
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="dragoman-kills-") as temporary:
        databases = Databases(Path(chosen.keep or temporary), with_postgres=not chosen.sqlite)
        try:
            if chosen.kills:
                problems += steps_table(databases, chosen.kills)
            if chosen.takeovers:
                problems += takeover_table(databases, chosen.takeovers)
        finally:
            databases.close()
    print("\nNothing lost, nothing sent twice, charge exact, never a bind too many." if not problems else "\n" + "\n".join(problems))
    sys.exit(bool(problems))


def steps_table(databases: Databases, kills: int) -> list[str]:
    """Runs the kills, two trials on each database at once, and prints steps × databases."""
    trials = [(sort, number) for sort in databases.sorts for number in (1, 2)]
    each = -(-kills // len(trials))
    with ThreadPoolExecutor(len(trials)) as pool:
        jobs = []
        for sort, number in trials:
            url, folder = databases.fresh(sort, f"kills-{number}")
            jobs.append(pool.submit(kill_at_steps, sort, url, Path(folder), each, number))
        reports = [job.result() for job in jobs]

    def row(first: str, step: str | None) -> str:
        counts = (sum(r.kills[step] if step else r.kills.total() for r in reports if r.sort == sort) for sort in databases.sorts)
        return f"| {first} | " + " | ".join(map(str, counts)) + " |"

    print("| killed with -9 | " + " | ".join(databases.sorts) + " |\n| --- |" + " ---: |" * len(databases.sorts))
    for step, words in STEPS.items():
        print(row(f"{step}: {words}", step))
    print(row("in all", None) + "\n")
    print("| database | messages | taken by the SMSC | taken again | ended |\n| --- | ---: | ---: | ---: | --- |")
    for report in reports:
        count = ", ".join(f"{number} {state}" for state, number in report.states.most_common())
        print(f"| {report.sort} | {report.messages} | {report.taken} | {report.again} | {count} |")
    short = [f"only {total} kills" for total in [sum(r.kills.total() for r in reports)] if total < kills]
    return short + [f"{report.sort}: {problem}" for report in reports for problem in report.problems]


def takeover_table(databases: Databases, rounds: int) -> list[str]:
    """Runs and prints the takeovers."""
    problems = []
    print("\n| database | owner killed | taken over after, s | longest | most binds at once, of 2 |\n| --- | ---: | --- | ---: | ---: |")
    for sort in databases.sorts:
        url, folder = databases.fresh(sort, "takeover")
        waits, most, found = takeover(sort, url, Path(folder), rounds)
        print(
            f"| {sort} | {len(waits)} | {', '.join(f'{wait:.1f}' for wait in waits)} | {max(waits, default=0):.1f} | {most} |", flush=True
        )
        problems += [f"{sort}: {problem}" for problem in found]
    return problems


if __name__ == "__main__":
    main()
