"""Claim and mark, and the whole way through the simulator, on one database.

    python bench/dispatch.py [URL …]

Without a URL it measures a fresh SQLite file. Databases must be empty; each is migrated first. The simulator answers at
once; "drained" counts messages from waiting to their delivery receipt, everything recorded.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flask import Flask
from sqlalchemy import select

from gateway import create_app
from gateway.config import Settings
from gateway.dispatcher.lanes import shares
from gateway.dispatcher.main import run
from gateway.domain.order import Submission
from gateway.domain.sending import Outcome
from gateway.domain.tariff import MessageType
from gateway.services import dispatching, ledger, ordering
from gateway.services.accounts import NewAccount, create_account
from gateway.services.core import Gateway
from gateway.services.ordering import Terms
from gateway.services.schema import upgrade
from gateway.storage.tables import Message

MESSAGES = 30_000
PER_ORDER = 100


@contextmanager
def gateway_on(url: str) -> Iterator[tuple[Flask, Gateway]]:
    app = create_app(
        Settings.from_environment(
            {
                "DRAGOMAN_DATABASE_URL": url,
                "DRAGOMAN_SECRET_KEY": "only-for-the-benchmark",
                "DRAGOMAN_SIMULATOR_DELAY_MILLISECONDS": "0",
                "DRAGOMAN_SIMULATOR_RECEIPT_MILLISECONDS": "0",
                "DRAGOMAN_DISPATCH_BATCH": "500",
                "DRAGOMAN_LOG_LEVEL": "error",
            }
        )
    )
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        upgrade(gateway)
        yield app, gateway


def fill(gateway: Gateway, account_id: int, *, wants_receipt: bool) -> None:
    for start in range(0, MESSAGES, PER_ORDER):
        submission = Submission(
            account_id=account_id,
            user_id=None,
            dialect="smsend",
            message_type=MessageType.HIGH,
            type_token="N",
            text="The train leaves at nine",
            recipients=[f"+3934{number:08d}" for number in range(start, start + PER_ORDER)],
            fingerprint=b"",
            wants_receipt=wants_receipt,
        )
        ordering.submit(gateway, submission, Terms())


def claim_and_mark(gateway: Gateway, batch: int) -> tuple[float, float]:
    """Messages a second, and the median claim in milliseconds."""
    claims, count, started = [], 0, time.perf_counter()
    while True:
        before = time.perf_counter()
        claimed = dispatching.claim(gateway, "simulator", batch, shares)
        claims.append(time.perf_counter() - before)
        if not claimed:
            break
        count += len(claimed)
        dispatching.record(
            gateway, "simulator", [Outcome.accepted(each.key, each.key.order_id.hex + str(each.key.position)) for each in claimed]
        )
    return count / (time.perf_counter() - started), median(claims) * 1000


def drain(app: Flask, gateway: Gateway) -> float:
    """Messages a second from waiting to delivered, with the real dispatcher."""
    stop = threading.Event()
    dispatcher = threading.Thread(target=run, args=(app, stop))
    started = time.perf_counter()
    dispatcher.start()
    while under_way(gateway):
        time.sleep(0.1)
    seconds = time.perf_counter() - started
    stop.set()
    dispatcher.join()
    return MESSAGES / seconds


def under_way(gateway: Gateway) -> bool:
    """Whether any message still waits, is being sent, or awaits its receipt. Three small indexes answer."""
    unfinished = (Message.state.in_(("scheduled", "queued")), Message.state == "sending", Message.receipt_due_at.is_not(None))
    with gateway.reading() as session:
        return any(session.execute(select(Message.position).where(each).limit(1)).first() for each in unfinished)


def measure(url: str) -> None:
    with gateway_on(url) as (app, gateway):
        account = create_account(gateway, NewAccount(name="bench"))
        ledger.add_credit(gateway, "bench", 10**9)
        name = "SQLite" if gateway.settings.is_sqlite else "PostgreSQL"
        for batch in (100, 500):
            fill(gateway, account.id, wants_receipt=False)
            rate, claim_ms = claim_and_mark(gateway, batch)
            print(f"| {name} | claim and mark, batch {batch} | {rate:,.0f} | claim p50 {claim_ms:.1f} ms |")
        fill(gateway, account.id, wants_receipt=True)
        print(f"| {name} | drained through the simulator, with receipts | {drain(app, gateway):,.0f} | |")
        faults = list(ledger.verify(gateway))
        print(f"| {name} | faults in the ledger | {len(faults)} | |")


def main() -> None:
    print(f"{MESSAGES:,} messages, {PER_ORDER} to an order\n\n| database | what | messages/s | |\n| --- | --- | ---: | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for url in sys.argv[1:] or [f"sqlite:///{folder}/bench.sqlite3"]:
            measure(url)


if __name__ == "__main__":
    main()
