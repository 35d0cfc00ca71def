"""Sustained rate over one SMPP bind with receipts recorded, beside smpplib's bare loop; and the same over a million old messages.

    make bench ARGS='smpp [--messages 20000] [--old 1000000] [--delay 0] [--sqlite] [--read-ahead 0 200] [--check]'

The far end is the fast SMSC of the tests, a process of its own that answers at once (or after ``--delay`` milliseconds) and reports every
message delivered. "Whole" is the dispatcher's own process from the first claim to the last receipt recorded, with the settings it has by
default; "bare" is smpplib submitting to the same SMSC and writing nothing down, without receipts and with them. ``--check``: exit code 1
when old messages cost more than a fifth of the rate.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import smpplib.client  # type: ignore[import-untyped]
import smpplib.consts  # type: ignore[import-untyped]
from sqlalchemy import ColumnElement, String, cast, exists, func, insert, literal, select, true, update
from sqlalchemy.orm import Session

from gateway import create_app
from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType
from gateway.services import connectors, ledger, ordering
from gateway.services.accounts import NewAccount, create_account
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.ordering import Terms
from gateway.services.schema import upgrade
from gateway.storage.driver import close_connections
from gateway.storage.tables import Attempt, Base, ConnectorRow, Message, Order, ReceiptRow
from tests.support import postgres, programs
from tests.support.databases import SECRET, settings_for

NAME = "carrier"
TEXT = "The train leaves at nine"
WINDOWS = (1, 10, 50)
PER_ORDER = 500
PER_OLD_ORDER = 100_000
LEAST_RATIO = 0.8
PATIENCE_SECONDS = 600.0
QUICK = {"log_level": "error"}


class FastSmsc:
    """The fast SMSC's process."""

    def __init__(self, delay_milliseconds: float) -> None:
        command = [sys.executable, "-m", "tests.support.smsc", "--fast", "--delay", str(delay_milliseconds)]
        self._process = subprocess.Popen(command, cwd=programs.ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> dict[str, int]:
        """Ends it; what it counted."""
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGTERM)
        counted: dict[str, int] = json.loads(self._process.stdout.readline())
        self._process.stdout.close()
        self._process.wait()
        return counted


def bare(port: int, window: int, messages: int, *, wants_receipt: bool) -> float:
    """smpplib's own loop: messages a second until every answer, and every receipt if wanted, has come."""
    client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True)
    answered, reported = [0], [0]

    def on_answer(**_: Any) -> None:
        answered[0] += 1

    def on_receipt(**_: Any) -> None:
        reported[0] += 1

    client.set_message_sent_handler(on_answer)
    client.set_message_received_handler(on_receipt)
    client.connect()
    client._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else its answers to receipts wait for delayed acknowledgements
    client.bind_transceiver(system_id="gateway", password="pa55word")
    started, sent = time.perf_counter(), 0
    while answered[0] < messages or (wants_receipt and reported[0] < messages):
        while sent < messages and sent - answered[0] < window:
            client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
                source_addr="Dragoman",
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                destination_addr=f"3934{sent:08d}",
                short_message=TEXT.encode(),
                registered_delivery=wants_receipt,
            )
            sent += 1
        client.read_once()
    rate = messages / (time.perf_counter() - started)
    client.unbind()
    client.disconnect()
    return rate


@contextmanager
def gateway_on(database_url: str) -> Iterator[Gateway]:
    app = create_app(settings_for(database_url, **QUICK))
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        upgrade(gateway)
        try:
            yield gateway
        finally:
            close_connections(gateway.engine)
            gateway.engine.dispose()


@dataclass
class Bench:
    """One database, one SMSC."""

    gateway: Gateway
    database_url: str
    folder: Path
    account_id: int

    def whole(self, window: int, read_ahead: int, messages: int) -> float:
        """Messages a second from the first claim to the last receipt recorded."""
        more = {"window": window, "read_ahead": read_ahead}
        with self.gateway.writing() as session:
            settings = session.scalars(select(ConnectorRow.settings).where(ConnectorRow.name == NAME)).one()
            session.execute(update(ConnectorRow).where(ConnectorRow.name == NAME).values(settings=settings | more))
        self.fill(messages)
        process = self.dispatcher()
        try:
            wait_for(lambda: self.any(exists().where(Message.state == "sending")) or not self.is_under_way(), 0.005)
            started = time.perf_counter()
            wait_for(lambda: not self.is_under_way(), 0.02)
            return messages / (time.perf_counter() - started)
        finally:
            programs.end(process, signal.SIGTERM, 30)

    def fill(self, messages: int) -> None:
        """Accepts them, with receipts."""
        for start in range(0, messages, PER_ORDER):
            submission = Submission(
                account_id=self.account_id,
                user_id=None,
                dialect="smsend",
                message_type=MessageType.HIGH,
                type_token="N",
                text=TEXT,
                recipients=[f"+3934{number:08d}" for number in range(start, min(start + PER_ORDER, messages))],
                fingerprint=b"",
                originator="Dragoman",
                connector=NAME,
            )
            ordering.submit(self.gateway, submission, Terms())

    def dispatcher(self) -> subprocess.Popen[bytes]:
        given = {"DRAGOMAN_DATABASE_URL": self.database_url, "DRAGOMAN_SECRET_KEY": SECRET, "DRAGOMAN_LOG_LEVEL": "error"}
        command = [sys.executable, "-m", "gateway.dispatcher"]
        with (self.folder / "dispatcher.log").open("ab") as log:
            return subprocess.Popen(command, env=os.environ | given, cwd=programs.ROOT, stdout=log, stderr=log)

    def is_under_way(self) -> bool:
        """Whether any message waits, is being sent or awaits its receipt. Three small indexes answer."""
        unfinished = (Message.state.in_(("scheduled", "queued")), Message.state == "sending", Message.receipt_due_at.is_not(None))
        return any(self.any(exists().where(each)) for each in unfinished)

    def any(self, condition: Any) -> bool:
        with self.gateway.reading() as session:
            return bool(session.scalar(select(condition)))

    def grow_old(self, count: int) -> None:
        """Adds ``count`` delivered messages with their orders, attempts and receipts, as copies of one that was sent here."""
        with self.gateway.reading() as session:
            model = session.scalars(select(Message).where(Message.state == "delivered", Message.receipt_due_at.is_(None)).limit(1)).one()
            key = (model.account_id, model.order_id, model.position)
        for number in range(-(-count // PER_OLD_ORDER)):
            with self.gateway.writing() as session:
                old = UUID(int=uuid4().int >> 48 | 0x018000007000 << 80)  # of a day that is long gone
                size = min(PER_OLD_ORDER, count - number * PER_OLD_ORDER)
                copy_order(session, key, old)
                for table in (Message, Attempt, ReceiptRow):
                    copy_rows(session, table, key, old, size)
        self.settle_down()

    def settle_down(self) -> None:
        """What a database does by itself in quieter hours: statistics, and the log of the great load brought into the tables."""
        steps = ("ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)") if self.gateway.settings.is_sqlite else ("VACUUM (ANALYZE)", "CHECKPOINT")
        connection = self.gateway.engine.raw_connection()
        try:
            driver: Any = connection.driver_connection
            if not self.gateway.settings.is_sqlite:
                driver.rollback()
                driver.autocommit = True
            for step in steps:
                driver.execute(step)
        finally:
            connection.invalidate()


def copy_order(session: Session, key: tuple[int, UUID, int], old: UUID) -> None:
    columns = {column.key: column for column in Order.__table__.columns}
    values = [literal(old, columns["id"].type) if name == "id" else column for name, column in columns.items()]
    rows = select(*values).where(Order.account_id == key[0], Order.id == key[1])
    session.execute(insert(Order).from_select(list(columns), rows))


def copy_rows(session: Session, table: type[Base], key: tuple[int, UUID, int], old: UUID, size: int) -> None:
    """``size`` rows, equal but for the order, the position and the carrier's name."""
    series = select(literal(0).label("n")).cte("series", recursive=True)
    series = series.union_all(select(series.c.n + 1).where(series.c.n < size - 1))
    columns = {column.key: column for column in table.__table__.columns if not (table is ReceiptRow and column.key == "id")}

    def value(name: str) -> ColumnElement[Any]:
        own: dict[str, ColumnElement[Any]] = {
            "order_id": literal(old, columns["order_id"].type),
            "position": series.c.n,
            "recipient": literal("+3933") + cast(series.c.n + 10_000_000, String),
            "smsc_message_id": literal(f"{old.hex[-8:]}-") + cast(series.c.n, String),
        }
        return own.get(name, columns[name])

    model = table.__table__.c
    found = (model.account_id == key[0], model.order_id == key[1], model.position == key[2])
    limited = select(*(value(name) for name in columns)).select_from(table.__table__.join(series, true())).where(*found)
    if table is ReceiptRow:
        limited = limited.where(model.id == select(func.min(model.id)).where(*found).scalar_subquery())
    session.execute(insert(table).from_select([column.name for column in columns.values()], limited))


def wait_for(condition: Any, pause_seconds: float) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("messages are still on their way")
        time.sleep(pause_seconds)


def measure(sort: str, database_url: str, folder: Path, smsc: FastSmsc, chosen: argparse.Namespace) -> bool:
    """The rows of one database; whether old messages cost little enough."""
    runs = [(window, ahead, share(window, ahead, chosen.messages)) for ahead in chosen.read_ahead for window in WINDOWS]
    with gateway_on(database_url) as gateway:
        account = create_account(gateway, NewAccount("bench"))
        ledger.add_credit(gateway, "bench", 10**9)
        settings = {"host": "127.0.0.1", "port": smsc.port, "system_id": "gateway"}
        changes = Changes(settings=settings, secrets={"password": "pa55word"})
        connectors.add(gateway, NAME, "smpp", changes, lambda _kind, _settings: None, enabled=True)
        bench = Bench(gateway, database_url, folder, account.id)
        bench.whole(WINDOWS[-1], 0, chosen.messages // 4)  # the first run of a fresh database counts for nothing
        fresh = []
        for window, ahead, messages in runs:
            fresh.append(bench.whole(window, ahead, messages))
            plain, reported = (bare(smsc.port, window, messages, wants_receipt=wanted) for wanted in (False, True))
            figures = f"{fresh[-1]:,.0f} | {plain:,.0f} | {reported:,.0f} | {fresh[-1] / reported:.2f}"
            print(f"| {sort} | {window} | {ahead} | {figures} | | |", flush=True)
        held = not list(ledger.verify(gateway))
        if not chosen.old:
            return held
        bench.grow_old(chosen.old)
        bench.whole(WINDOWS[-1], 0, chosen.messages // 4)
        ratios = []
        for (window, ahead, messages), before in zip(runs, fresh, strict=True):
            old = bench.whole(window, ahead, messages)
            ratios.append(old / before)
            print(f"| {sort} | {window} | {ahead} | | | | | {old:,.0f} | {ratios[-1]:.2f} |", flush=True)
        return held and min(ratios) >= LEAST_RATIO


def share(window: int, ahead: int, messages: int) -> int:
    """How many messages a run has, so that the slow ones do not take all the time."""
    return max(messages * min(window + ahead, 50) // 50, messages // 20, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="in a run; fewer where the window is small")
    parser.add_argument("--old", type=int, default=1_000_000, help="old messages; 0 leaves that part out")
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds that the SMSC takes to answer")
    parser.add_argument("--read-ahead", nargs="*", type=int, default=[0, 200], help="messages held ready beyond the window")
    parser.add_argument("--sqlite", action="store_true", help="without PostgreSQL")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    print(f"{chosen.messages:,} messages, the SMSC answers after {chosen.delay:g} ms, {chosen.old:,} old messages\n")
    heads = ("database", "window", "read ahead", "whole msg/s", "bare msg/s", "with receipts", "whole / that", "over old msg/s", "ratio")
    print(f"| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}", flush=True)
    smsc = FastSmsc(chosen.delay)
    try:
        with tempfile.TemporaryDirectory() as folder:
            held = measure("SQLite", f"sqlite:///{folder}/bench.sqlite3", Path(folder), smsc, chosen)
        if not chosen.sqlite:
            server = postgres.start_own(durable=True)
            try:
                with tempfile.TemporaryDirectory() as folder:
                    held &= measure("PostgreSQL", server.create_database(), Path(folder), smsc, chosen)
            finally:
                server.close()
    finally:
        counted = smsc.stop()
    print(f"\nThe SMSC got {counted['submit_sm']:,} submit_sm and {counted['receipts answered']:,} answers to its receipts.")
    sys.exit(chosen.check and not held)


if __name__ == "__main__":
    main()
