"""Receipts whose ids have another form than at submission: matched once proven, early ones too, on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.dispatcher.lanes import shares
from gateway.dispatcher.recovery import Inquiry
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import FailureKind, Outcome, Outgoing
from gateway.services import dispatching, ledger, sweeping
from gateway.services.core import Gateway
from gateway.storage.tables import ConnectorStanding
from tests.support.builders import an_account, an_order, messages, recipients, the_message

NAME = "simulator"
FORM = "decimal here, hexadecimal at submission"


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    yield
    assert list(ledger.verify(gateway)) == []


def accept(gateway: Gateway, *names: str) -> list[str]:
    """Sends as many messages; the carrier names them so. Their recipients."""
    an_order(gateway, an_account(gateway), recipients(len(names)))
    claimed = dispatching.claim(gateway, NAME, len(names), shares)
    dispatching.record(gateway, NAME, [Outcome.accepted(each.key, name) for each, name in zip(claimed, names, strict=True)])
    return [each.recipient for each in claimed]


def report(gateway: Gateway, name: str, recipient: str = "", state: State = State.DELIVERED) -> None:
    dispatching.record(gateway, NAME, [Receipt(name, state, gateway.clock.now(), "000", recipient)])


def states(gateway: Gateway) -> dict[str | None, str]:
    return {each.smsc_message_id: each.state for each in messages(gateway)}


def learned(gateway: Gateway) -> str | None:
    with gateway.reading() as session:
        standing = session.get(ConnectorStanding, NAME)
        return None if standing is None else standing.receipt_id_form


def test_a_form_is_learned_by_proof_and_then_counts(gateway):
    first, _ = accept(gateway, "a1", "a2")
    report(gateway, str(0xA2))
    assert states(gateway) == {"a1": State.SENT, "a2": State.SENT} and learned(gateway) is None
    report(gateway, str(0xA1), first)
    assert states(gateway) == {"a1": State.DELIVERED, "a2": State.SENT} and learned(gateway) == FORM
    report(gateway, str(0xA2))
    assert states(gateway) == {"a1": State.DELIVERED, "a2": State.DELIVERED}


def test_no_receipt_is_given_to_a_message_that_only_has_that_number(gateway):
    accept(gateway, "16", "10")
    by_name = {each.smsc_message_id: each.recipient for each in messages(gateway)}
    report(gateway, "16", by_name["10"])
    assert states(gateway) == {"16": State.SENT, "10": State.DELIVERED}


def test_one_that_comes_before_its_message_is_recognised_by_a_sweep(gateway):
    report(gateway, str(0xA1), recipients(1)[0])
    accept(gateway, "a1")
    assert the_message(gateway).state == State.SENT
    sweeping.sweep(gateway)
    assert (the_message(gateway).state, learned(gateway)) == (State.DELIVERED, FORM)


def test_an_early_one_in_a_learned_form_waits_under_its_messages_id(gateway):
    (first,) = accept(gateway, "a1")
    report(gateway, str(0xA1), first)
    report(gateway, str(0xB7))
    accept(gateway, "b7")
    assert states(gateway) == {"a1": State.DELIVERED, "b7": State.DELIVERED}


def test_a_strangers_receipt_stays_parked_and_unchanged(gateway):
    accept(gateway, "a1")
    report(gateway, "16", "+491701234567")
    for _ in range(3):
        sweeping.sweep(gateway)
    assert states(gateway) == {"a1": State.SENT} and learned(gateway) is None


class Asked:
    """Stands where a connector would, and notes what it is asked about."""

    def __init__(self) -> None:
        self.keys: list[object] = []

    def find(self, outgoing: Outgoing) -> None:
        self.keys.append(outgoing.key)


def asked(inquiry: Inquiry, moments: Sequence[float]) -> list[int]:
    counts = []
    for now in moments:
        connector = Asked()
        inquiry.ask(connector, now)  # type: ignore[arg-type]
        counts.append(len(connector.keys))
    return counts


def test_unknown_messages_are_asked_about_with_growing_pauses(gateway):
    an_order(gateway, an_account(gateway))
    (outgoing,) = dispatching.claim(gateway, NAME, 1, shares)
    inquiry = Inquiry(gateway, NAME, 0.0)
    assert asked(inquiry, [0.0]) == [0]
    dispatching.record(gateway, NAME, [Outcome.failed(outgoing.key, FailureKind.UNKNOWN)])
    assert asked(inquiry, [1.0, 5.0, 6.0, 10.0, 15.0, 20.0, 25.0]) == [0, 1, 0, 1, 0, 1, 0]
    dispatching.record(gateway, NAME, [Outcome.accepted(outgoing.key, "a1")])
    assert the_message(gateway).state == State.SENT
    assert asked(inquiry, [100.0, 200.0]) == [0, 0]


def test_every_unknown_message_has_its_turn(gateway, monkeypatch):
    monkeypatch.setattr(Inquiry, "PAGE", 2)
    an_order(gateway, an_account(gateway), recipients(5))
    claimed = dispatching.claim(gateway, NAME, 5, shares)
    dispatching.record(gateway, NAME, [Outcome.failed(each.key, FailureKind.UNKNOWN) for each in claimed])
    assert asked(Inquiry(gateway, NAME, 0.0), [0.0, 5.0, 10.0, 15.0]) == [2, 2, 1, 2]
