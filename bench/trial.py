"""One gateway, one far end with one fault: messages sent, time to settle, and what became of each held against the truth."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from bench.farends import FAR_ENDS, FarEnd, Hardship, Sent, Told
from gateway import create_app
from gateway.domain.message import State
from gateway.domain.order import Submission
from gateway.domain.sending import RefundPolicy, UnknownPolicy, refundable
from gateway.domain.tariff import MessageType
from gateway.services import connectors, ledger, ordering
from gateway.services.accounts import NewAccount, create_account
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.ordering import Terms
from gateway.storage.driver import close_connections
from gateway.storage.tables import Account, Attempt, Message, Order
from tests.support.databases import settings_for
from tests.support.dispatchers import running

NAME = "carrier"
CREDIT = 1_000_000
PER_ORDER = 6
TEXTS = ("The train leaves at nine", "Zażółć gęślą jaźń 😀", "[€] " * 60 + "end", "Łódź, 雪, 😀, and so on. " * 9)
SETTLE_SECONDS = 60.0
CALM_SECONDS = 0.3
MOVING = (State.SCHEDULED, State.QUEUED, State.SENDING)
ENVIRONMENT = {
    "dispatch_lease_seconds": "3",
    "dispatch_poll_milliseconds": "20",
    "retry_base_seconds": "1",
    "retry_attempts": "5",
    "graceful_timeout_seconds": "3",
    "log_level": "error",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One run. ``unknown`` and ``refund`` are the connector's policies."""

    kind: str
    fault: str
    seed: int
    messages: int
    database_url: str
    folder: str
    unknown: UnknownPolicy = UnknownPolicy.HOLD
    refund: RefundPolicy = RefundPolicy.UNSENT


@dataclass
class Row:
    """One message as the gateway shows it at the end."""

    sent: Sent
    message: Message
    outcomes: list[str | None]


@dataclass
class Report:
    """What became of one run. ``problems`` is empty when every promise was kept."""

    case: Case
    states: Counter[str] = field(default_factory=Counter)
    handed: int = 0
    taken: int = 0
    again: int = 0
    refunded: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def trial(case: Case) -> Report:
    """Runs one case on a migrated, empty database."""
    report, started = Report(case), time.monotonic()
    far_end = FAR_ENDS[case.kind](case.fault, case.seed, Path(case.folder))
    app = create_app(settings_for(case.database_url, **ENVIRONMENT, **far_end.environment))
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        try:
            far_end.open(app)
            account = prepare(app, gateway, far_end, case)
            order(gateway, account, far_end, case)
            with running(app):
                report.problems += settle(gateway, far_end, case.unknown)
            examine(gateway, far_end, report)
        finally:
            far_end.close()
            close_connections(gateway.engine)
            gateway.engine.dispose()
    report.seconds = time.monotonic() - started
    return report


def prepare(app: Flask, gateway: Gateway, far_end: FarEnd, case: Case) -> Account:
    """The account that pays and the connector under test."""
    account = create_account(gateway, NewAccount("customer"))
    ledger.add_credit(gateway, account.name, CREDIT * 1000)
    settings, secrets = far_end.connector()
    changes = Changes(unknown_policy=case.unknown, refund_policy=case.refund, settings=settings, secrets=secrets)
    connectors.add(gateway, NAME, case.kind, changes, lambda _kind, _settings: None, enabled=True)
    far_end.added(app, NAME)
    return account


def order(gateway: Gateway, account: Account, far_end: FarEnd, case: Case) -> None:
    """Accepts the messages, some to an order, all of them for the connector under test."""
    texts = itertools.cycle(TEXTS)
    for start in range(0, case.messages, PER_ORDER):
        submission = Submission(
            account_id=account.id,
            user_id=None,
            dialect="smsend",
            message_type=MessageType.HIGH,
            type_token="N",
            text=next(texts),
            recipients=[far_end.recipient(number) for number in range(start, min(start + PER_ORDER, case.messages))],
            fingerprint=b"",
            originator="Dragoman",
            connector=NAME,
        )
        ordering.submit(gateway, submission, Terms())


def settle(gateway: Gateway, far_end: FarEnd, policy: UnknownPolicy) -> list[str]:
    """Waits until nothing moves, at neither end, and nothing is wrong any more; else what is still wrong when the time is over."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        time.sleep(CALM_SECONDS)
        if not moving(gateway) and (far_end.is_done() or time.monotonic() > deadline):
            problems = faults_of(read(gateway), far_end, policy)
            if not problems or time.monotonic() > deadline:
                return problems
        elif time.monotonic() > deadline:
            return [f"{moving(gateway)} messages are still on their way", *faults_of(read(gateway), far_end, policy)]


def moving(gateway: Gateway) -> int:
    """Messages that wait or are being sent."""
    with gateway.reading() as session:
        return session.scalar(select(func.count()).select_from(Message).where(Message.state.in_(MOVING))) or 0


def read(gateway: Gateway) -> list[Row]:
    """Every message with the outcomes of its attempts, oldest first."""
    with gateway.reading() as session:
        found = session.execute(select(Message, Order.text).join(Order, Order.id == Message.order_id)).all()
        tries = session.execute(select(Attempt.order_id, Attempt.position, Attempt.outcome).order_by(Attempt.number)).all()
        session.expunge_all()
    outcomes: dict[tuple[object, int], list[str | None]] = {}
    for order_id, position, outcome in tries:
        outcomes.setdefault((order_id, position), []).append(outcome)
    return [
        Row(
            Sent(message.order_id, message.position, message.recipient, message.own_text or text),
            message,
            outcomes.get((message.order_id, message.position), []),
        )
        for message, text in found
    ]


def faults_of(rows: Sequence[Row], far_end: FarEnd, policy: UnknownPolicy) -> list[str]:
    """What is not true of the messages, in words, with how many each."""
    found: Counter[str] = Counter()
    for row in rows:
        found.update(wrongs(row, far_end.told(row.sent), far_end.faults[far_end.fault], policy))
    return [f"{count} {words}" for words, count in found.items()]


def wrongs(row: Row, told: Told, hardship: Hardship, policy: UnknownPolicy) -> Iterator[str]:
    """What is not true of one message."""
    state, tries = State(row.message.state), Counter(row.outcomes)
    finals = told.reported - {"sent"}
    if tries[None]:
        yield "with a try without an end"
    if told.handed > len(row.outcomes):
        yield "handed over more often than tried"
    if told.taken > tries["unknown"] + tries["accepted"]:
        yield "sent twice in silence"
    if told.taken > 1 and policy is UnknownPolicy.HOLD:
        yield "sent again though the policy is to hold"
    if told.texts - {row.sent.text}:
        yield "with another text than was accepted"
    if state in (State.SENT, State.DELIVERED, State.UNDELIVERED) and not told.taken:
        yield f"shown as {state}, but the far end never took them"
    if state is State.SENT and finals:
        yield f"shown as sent, but reported as {', '.join(sorted(finals))}"
    if state in (State.DELIVERED, State.UNDELIVERED, State.EXPIRED) and state.value not in told.said:
        yield f"shown as {state}, but never reported so"
    if state is State.FAILED and told.taken:
        yield "shown as failed, but taken by the far end"
    if state is State.UNKNOWN and not (tries["unknown"] and (hardship.hides or told.partly)):
        yield "unknown without need"
    if state in (State.CANCELLED, State.BLOCKED):
        yield f"shown as {state}"


def examine(gateway: Gateway, far_end: FarEnd, report: Report) -> None:
    """Counts, and holds the charge against the policies."""
    rows = read(gateway)
    for row in rows:
        told = far_end.told(row.sent)
        report.states[row.message.state] += 1
        report.handed += told.handed
        report.taken += told.taken
        report.again += max(told.taken - 1, 0)
    report.problems += [f"far end: {words}" for words in far_end.complaints()]
    if len(rows) != report.case.messages:
        report.problems.append(f"{report.case.messages} messages were accepted, {len(rows)} are there")
    owed = {id(row): row.message.units if _is_refundable(row, report.case.refund) else 0 for row in rows}
    wrong = sum(row.message.refunded_units != owed[id(row)] for row in rows)
    if wrong:
        report.problems.append(f"{wrong} messages refunded otherwise than the policy says")
    report.refunded = sum(map(bool, owed.values()))
    with gateway.reading() as session:
        balance = session.scalars(select(Account.balance).where(Account.name == "customer")).one()
    if balance != CREDIT * 1000 - sum(row.message.units for row in rows) + sum(owed.values()):
        report.problems.append("the balance is not what was charged and refunded")
    report.problems += [f"ledger: {fault.words}" for fault in ledger.verify(gateway)]


def _is_refundable(row: Row, policy: RefundPolicy) -> bool:
    return refundable(policy, State(row.message.state), row.message.sent_at is not None)


def log_to(path: str) -> None:
    """What this process writes to its error output goes to a file."""
    os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), 2)
