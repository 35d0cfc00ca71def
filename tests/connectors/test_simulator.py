"""The simulator keeps the contract, and each magic number does what its page says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.connectors import made
from gateway.connectors.base import FailureKind, Outcome
from gateway.connectors.simulator import MAGIC, Simulator, behaviour
from gateway.domain.message import State
from tests.connectors.contract import ConnectorContract, Rig, an_outgoing, events_until, outcomes, receipts
from tests.support.databases import settings_for

PAGE = Path(__file__).parents[2] / "docs" / "connectors" / "simulator.md"
WISHES = {
    "delivered": "+393471234567",
    "refused": "+999000002",
    "throttled": "+999000005",
    "no_answer": "+999000006",
    "receipt_twice": "+999000007",
    "receipt_first": "+999000008",
    "unknown_status": "+999000006",
}


class SimulatorRig(Rig):
    def __init__(self) -> None:
        self.connector = Simulator(delay_seconds=0.001, receipt_seconds=0.002, window=200)
        self.connector.open()

    def recipient(self, wish: str) -> str:
        return WISHES[wish]


@pytest.fixture
def rig() -> Rig:
    return SimulatorRig()


class TestContract(ConnectorContract):
    pass


def story(number: str, tries: int = 1) -> tuple[list[FailureKind | None], list[State]]:
    """The answers to the first tries, and the receipts after the last."""
    simulator = Simulator(0, 0)
    expected = len(behaviour(number).receipts)
    answers: list[FailureKind | None] = []
    reported: list[State] = []
    for attempt in range(1, tries + 1):
        simulator.submit([an_outgoing(number, number=attempt)])
        events = events_until(
            simulator,
            lambda events: bool(outcomes(events)) and (bool(outcomes(events)[0].failure) or len(receipts(events)) == expected),
        )
        answers += [outcome.failure for outcome in outcomes(events)]
        reported += [receipt.state for receipt in receipts(events)]
    return answers, reported


@pytest.mark.parametrize(
    ("digits", "tries", "answers", "reported"),
    [
        ("001", 1, [None], [State.DELIVERED]),
        ("002", 2, [FailureKind.FINAL] * 2, []),
        ("003", 1, [None], [State.EXPIRED]),
        ("004", 1, [None], [State.DELIVERED]),
        ("005", 3, [FailureKind.THROTTLED, FailureKind.THROTTLED, None], [State.DELIVERED]),
        ("006", 2, [FailureKind.UNKNOWN] * 2, []),
        ("007", 1, [None], [State.DELIVERED] * 2),
        ("008", 1, [None], [State.DELIVERED]),
        ("009", 2, [FailureKind.RETRY_LATER, None], [State.DELIVERED]),
        ("010", 1, [None], [State.UNDELIVERED]),
        ("011", 2, [FailureKind.MISCONFIGURED, None], [State.DELIVERED]),
    ],
)
def test_magic_numbers(digits, tries, answers, reported):
    assert digits in MAGIC
    assert story("+999000" + digits, tries) == (answers, reported)


@pytest.mark.parametrize("number", ["+393471230002", "+12025550002", "+999555999"])
def test_other_numbers_are_delivered(number):
    assert story(number) == ([None], [State.DELIVERED])


def test_the_page_lists_every_magic_number():
    rows = re.findall(r"^\| `\+999…(\d{3})` \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == {digits: each.words for digits, each in MAGIC.items()}


def test_answers_come_in_the_order_of_their_time():
    simulator = Simulator(delay_seconds=0, receipt_seconds=0)
    batch = [an_outgoing("+393471234567", position=number) for number in range(10)]
    simulator.submit(batch)
    answered = [event.key for event in simulator.poll(1) if isinstance(event, Outcome)]
    assert answered == [each.key for each in batch]


def test_after_a_restart_receipts_can_still_be_asked_for():
    wall = datetime(2026, 1, 5, 8, tzinfo=UTC)
    before = Simulator(0, 60, now=lambda: wall)
    before.submit([an_outgoing("+999000003")])
    (outcome,) = outcomes(before.poll(1))
    name = outcome.smsc_message_id or ""
    after = Simulator(0, 60, now=lambda: wall + timedelta(seconds=59))
    assert after.query(name, "+999000003") is None
    later = Simulator(0, 60, now=lambda: wall + timedelta(seconds=60))
    receipt = later.query(name, "+999000003")
    assert receipt is not None and (receipt.state, receipt.smsc_message_id) == (State.EXPIRED, name)
    slow = later.query(name, "+999000004")
    assert slow is None


def test_no_receipt_is_sent_where_none_was_asked_for():
    simulator = Simulator(0, 0)
    outgoing = an_outgoing("+393471234567")
    object.__setattr__(outgoing, "wants_receipt", False)
    simulator.submit([outgoing])
    assert receipts(simulator.poll(0.01) + simulator.poll(0.01)) == []


def test_is_registered_and_refuses_a_senseless_window():
    settings = settings_for("sqlite:///unused.sqlite3")
    assert Simulator.make({"window": 3, "journal": None}, settings).room() == 3
    with pytest.raises(ValueError, match="window"):
        made("simulator", {"window": 0}, settings)
