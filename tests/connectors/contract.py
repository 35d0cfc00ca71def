"""What every connector must do, whatever is at its other end.

A connector's test file inherits :class:`ConnectorContract` and gives a ``rig``: the connector, opened, and a far end that
can be told how to answer the next message.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from gateway.connectors.base import AttemptKey, Connector, Event, FailureKind, Outcome, Outgoing, Receipt, Returned
from gateway.domain.alphabet import Alphabet
from gateway.domain.message import State

PATIENCE_SECONDS = 20.0
LONG = "Łódź, 雪, 😀, and so on. " * 40


def an_outgoing(recipient: str, text: str = "Good morning", number: int = 1, position: int = 0) -> Outgoing:
    """A message to hand over."""
    key = AttemptKey(1000, UUID(int=7), position, number)
    return Outgoing(key, recipient, text, Alphabet.UCS2 if not text.isascii() else Alphabet.GSM7, 1, "Dragoman", True)


def events_until(connector: Connector, enough: Callable[[list[Event]], bool]) -> list[Event]:
    """Polls until there is enough; gives up after a long while, so that a silent connector fails and does not hang."""
    events: list[Event] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not enough(events) and time.monotonic() < deadline:
        events += connector.poll(0.05)
    return events


def outcomes(events: list[Event]) -> list[Outcome]:
    return [event for event in events if isinstance(event, Outcome)]


def receipts(events: list[Event]) -> list[Receipt]:
    return [event for event in events if isinstance(event, Receipt)]


class Rig(ABC):
    """A connector and its far end."""

    connector: Connector
    secrets: tuple[str, ...] = ()

    @abstractmethod
    def recipient(self, wish: str) -> str:
        """A number whose message goes as wished: delivered, refused, throttled, no_answer, receipt_twice, receipt_first, unknown_status."""


class ConnectorContract:
    """The cases."""

    @pytest.mark.parametrize("text", ["plain", "Zażółć gęślą jaźń", "😀" * 35, LONG], ids=["gsm7", "polish", "emoji", "long"])
    def test_takes_any_text(self, rig: Rig, text: str):
        rig.connector.submit([an_outgoing(rig.recipient("delivered"), text)])
        (outcome,) = outcomes(events_until(rig.connector, lambda events: bool(outcomes(events))))
        assert outcome.failure is None and outcome.smsc_message_id

    def test_every_message_ends_in_one_outcome(self, rig: Rig):
        batch = [an_outgoing(rig.recipient("delivered"), position=number) for number in range(50)]
        left = rig.connector.submit(batch)
        events = events_until(rig.connector, lambda events: len(outcomes(events)) >= len(batch) - len(left))
        assert sorted(outcome.key for outcome in outcomes(events)) == [each.key for each in batch[: len(batch) - len(left)]]
        assert len({outcome.smsc_message_id for outcome in outcomes(events)}) == len(outcomes(events))

    def test_gives_back_what_it_has_no_room_for(self, rig: Rig):
        room = rig.connector.room()
        batch = [an_outgoing(rig.recipient("delivered"), position=number) for number in range(room + 3)]
        assert list(rig.connector.submit(batch)) == batch[room:]
        assert rig.connector.room() == 0

    def test_delivery_is_reported(self, rig: Rig):
        rig.connector.submit([an_outgoing(rig.recipient("delivered"))])
        events = events_until(rig.connector, lambda events: bool(receipts(events)))
        assert receipts(events)[0].smsc_message_id == outcomes(events)[0].smsc_message_id
        assert receipts(events)[0].state is State.DELIVERED

    @pytest.mark.parametrize(
        ("wish", "kind"),
        [("refused", FailureKind.FINAL), ("throttled", FailureKind.THROTTLED), ("no_answer", FailureKind.UNKNOWN)],
    )
    def test_failures_are_of_the_closed_set(self, rig: Rig, wish: str, kind: FailureKind):
        rig.connector.submit([an_outgoing(rig.recipient(wish))])
        (outcome,) = outcomes(events_until(rig.connector, lambda events: bool(outcomes(events))))
        assert (outcome.failure, outcome.smsc_message_id) == (kind, None)

    def test_a_status_nobody_knows_is_not_a_success(self, rig: Rig):
        rig.connector.submit([an_outgoing(rig.recipient("unknown_status"))])
        (outcome,) = outcomes(events_until(rig.connector, lambda events: bool(outcomes(events))))
        assert outcome.failure in (FailureKind.UNKNOWN, FailureKind.RETRY_LATER)

    def test_a_receipt_that_comes_twice_is_handed_out_twice(self, rig: Rig):
        rig.connector.submit([an_outgoing(rig.recipient("receipt_twice"))])
        assert len(receipts(events_until(rig.connector, lambda events: len(receipts(events)) >= 2))) == 2

    def test_a_receipt_before_the_answer_is_handed_out_as_it_comes(self, rig: Rig):
        rig.connector.submit([an_outgoing(rig.recipient("receipt_first"))])
        events = events_until(rig.connector, lambda events: bool(outcomes(events)) and bool(receipts(events)))
        assert isinstance(events[0], Receipt)
        assert events[0].smsc_message_id == outcomes(events)[0].smsc_message_id

    def test_an_id_of_somebody_else_has_no_receipt(self, rig: Rig):
        assert rig.connector.query("not one of ours", rig.recipient("delivered")) is None

    def test_an_idle_poll_gives_nothing(self, rig: Rig):
        assert rig.connector.poll(0) == []

    def test_secrets_texts_and_numbers_stay_out_of_repr_and_logs(self, rig: Rig, caplog: pytest.LogCaptureFixture, capfd):
        recipient, text = rig.recipient("refused"), "a very private text"
        outgoing = an_outgoing(recipient, text)
        rig.connector.submit([outgoing])
        events = events_until(rig.connector, lambda events: bool(outcomes(events)))
        shown = repr((outgoing, events, rig.connector)) + caplog.text + "".join(capfd.readouterr())
        assert not [word for word in (recipient, text, *rig.secrets) if word in shown]

    def test_close_ends_what_was_taken(self, rig: Rig):
        rig.connector.submit([an_outgoing(rig.recipient("delivered"))])
        events = rig.connector.close(5.0)
        assert all(isinstance(event, Outcome | Returned | Receipt) for event in events)
        assert all(event.at <= datetime.now(UTC) for event in receipts(events))
