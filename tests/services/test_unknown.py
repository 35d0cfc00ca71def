"""An operator's decisions about messages of uncertain outcome, and answers that come before, during and after them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from gateway.dispatcher.lanes import shares
from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import AttemptKey, FailureKind, Outcome
from gateway.services import dispatching, ledger, unknown
from gateway.services.core import Gateway
from gateway.services.sweeping import sweep
from gateway.services.unknown import Chosen, Done
from gateway.storage import dispatch
from gateway.storage.tables import Account
from tests.support.builders import (
    RECIPIENT,
    an_account,
    an_order,
    attempts,
    balance,
    messages,
    recipients,
    set_connector,
    stored_receipts,
    the_message,
)
from tests.support.databases import FixedClock

NAME = "simulator"


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway) -> Iterator[None]:
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert list(ledger.verify(gateway)) == []


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return an_account(gateway, "acme")


def give_up(gateway: Gateway) -> list[AttemptKey]:
    """Claims all that is due, and no answer comes."""
    keys = [outgoing.key for outgoing in dispatching.claim(gateway, NAME, 10_000, shares)]
    dispatching.record(gateway, NAME, [Outcome.failed(key, FailureKind.UNKNOWN, "t", "no answer") for key in keys])
    return keys


def an_unknown(gateway: Gateway, account: Account, to: list[str] | None = None, **more: timedelta) -> Chosen:
    """An order, all of whose messages are unknown."""
    accepted = an_order(gateway, account, to or [RECIPIENT], **more)  # type: ignore[arg-type]
    give_up(gateway)
    return unknown.choose(gateway, accepted.order_id, None, None, every=True)


class TestList:
    def test_those_that_are_unknown_for_longest_come_first(self, gateway: Gateway, clock: FixedClock, account: Account) -> None:
        an_order(gateway, account, recipients(1), due_at=clock.now() + timedelta(minutes=5))
        an_order(gateway, account, recipients(1, 5))
        give_up(gateway)
        clock.forward(minutes=6)
        give_up(gateway)
        an_order(gateway, account)
        rows, total = unknown.listed(gateway, None, None, 10)
        assert [row.message.recipient for row in rows] == [*recipients(1, 5), *recipients(1)]
        assert (rows[1].since, rows[1].account_name, total) == (clock.now(), "acme", 2)
        assert rows[1].attempt is not None and (rows[1].attempt.carrier_code, rows[1].attempt.detail) == ("t", "no answer")

    def test_shows_the_last_attempt(self, gateway: Gateway, clock: FixedClock, account: Account) -> None:
        unknown.resend(gateway, an_unknown(gateway, account))
        clock.forward(minutes=1)
        give_up(gateway)
        ((row,), _) = unknown.listed(gateway, None, None, 10)
        assert row.attempt is not None and (row.attempt.number, row.since) == (2, clock.now())

    def test_narrowed(self, gateway: Gateway, account: Account) -> None:
        an_unknown(gateway, account, recipients(3))
        an_unknown(gateway, an_account(gateway, "other"))
        assert [row.account_name for row in unknown.listed(gateway, NAME, "other", 10)[0]] == ["other"]
        assert unknown.listed(gateway, "test", None, 10) == ([], 0)
        rows, total = unknown.listed(gateway, NAME, None, 2)
        assert (len(rows), total) == (2, 4)
        with pytest.raises(NotFound, match="connector"):
            unknown.listed(gateway, "pigeon", None, 10)
        with pytest.raises(NotFound, match="account"):
            unknown.listed(gateway, None, "nobody", 10)


class TestChoose:
    def test_one_that_is_alone_need_not_be_named(self, gateway: Gateway, account: Account) -> None:
        order = an_order(gateway, account, recipients(2), client_ref="A1")
        first, second = dispatching.claim(gateway, NAME, 10, shares)
        dispatching.record(gateway, NAME, [Outcome.accepted(first.key, "a"), Outcome.failed(second.key, FailureKind.UNKNOWN)])
        chosen = unknown.choose(gateway, "A1", "acme", None, every=False)
        assert (chosen.order_id.hex, chosen.recipient, chosen.count) == (order.order_id, second.recipient, 1)

    def test_of_several_one_is_named_or_all(self, gateway: Gateway, account: Account) -> None:
        order_id = an_unknown(gateway, account, recipients(3)).order_id.hex
        with pytest.raises(Conflict, match="3 unknown messages"):
            unknown.choose(gateway, order_id, None, None, every=False)
        assert unknown.choose(gateway, order_id, None, None, every=True).count == 3
        assert unknown.choose(gateway, order_id, None, recipients(3)[1], every=False).count == 1

    def test_only_what_is_unknown(self, gateway: Gateway, account: Account) -> None:
        order_id = an_order(gateway, account).order_id
        with pytest.raises(Conflict, match="the order has no unknown message"):
            unknown.choose(gateway, order_id, None, None, every=True)
        give_up(gateway)
        with pytest.raises(Conflict, match="no message of the order to"):
            unknown.choose(gateway, order_id, None, "+390000000000", every=False)
        with pytest.raises(NotFound, match="order"):
            unknown.choose(gateway, "A1", None, None, every=True)


class TestResend:
    def test_waits_again_due_now_and_goes_on_counting(self, gateway: Gateway, clock: FixedClock, account: Account) -> None:
        chosen = an_unknown(gateway, account)
        clock.forward(hours=1)
        assert unknown.resend(gateway, chosen) == Done(1, 0)
        message = the_message(gateway)
        assert (message.state, message.attempts, message.due_at) == (State.QUEUED, 1, clock.now())
        (outgoing,) = dispatching.claim(gateway, NAME, 10, shares)
        dispatching.record(gateway, NAME, [Outcome.accepted(outgoing.key, "b")])
        assert [(each.outcome, each.detail) for each in attempts(gateway)] == [
            ("unknown", "the operator sent it again; before: no answer"),
            ("accepted", None),
        ]
        assert balance(gateway, account) == 999

    def test_only_the_one_that_is_named(self, gateway: Gateway, account: Account) -> None:
        order_id = an_unknown(gateway, account, recipients(3)).order_id.hex
        unknown.resend(gateway, unknown.choose(gateway, order_id, None, recipients(3)[1], every=False))
        assert [message.state for message in messages(gateway)] == [State.UNKNOWN, State.QUEUED, State.UNKNOWN]

    def test_not_after_its_validity(self, gateway: Gateway, clock: FixedClock, account: Account) -> None:
        chosen = an_unknown(gateway, account, validity=timedelta(minutes=5))
        clock.forward(minutes=5)
        with pytest.raises(Conflict, match="validity"):
            unknown.resend(gateway, chosen)
        assert sweep(gateway) == {}
        assert the_message(gateway).state == State.UNKNOWN
        assert attempts(gateway)[0].detail == "no answer"

    @pytest.mark.parametrize("late", ["accepted", "final"])
    def test_a_late_answer_to_the_first_try_does_not_call_off_the_second(self, gateway: Gateway, account: Account, late: str) -> None:
        order_id = an_order(gateway, account).order_id
        (key,) = give_up(gateway)
        unknown.resend(gateway, unknown.choose(gateway, order_id, None, None, every=True))
        answer = Outcome.accepted(key, "a") if late == "accepted" else Outcome.failed(key, FailureKind.FINAL, "11", "wrong number")
        dispatching.record(gateway, NAME, [answer])
        assert the_message(gateway).state == State.QUEUED
        (attempt,) = attempts(gateway)
        later = "" if late == "accepted" else "; later: wrong number"
        assert (attempt.outcome, attempt.detail) == (late, f"the operator sent it again; before: no answer{later}")


class TestSettle:
    @pytest.mark.parametrize(
        ("state", "policy", "credits"),
        [
            (State.DELIVERED, "undelivered", 999),
            (State.SENT, "undelivered", 999),
            (State.UNDELIVERED, "undelivered", 1000),
            (State.UNDELIVERED, "unsent", 999),
            (State.EXPIRED, "unsent", 999),
            (State.EXPIRED, "undelivered", 1000),
            (State.FAILED, "unsent", 1000),
            (State.FAILED, "none", 999),
        ],
    )
    def test_ends_it_and_pays_back_what_the_policy_says(
        self, gateway: Gateway, clock: FixedClock, account: Account, state: State, policy: str, credits: int
    ) -> None:
        set_connector(gateway, refund_policy=policy)
        chosen, tried_at = an_unknown(gateway, account), clock.now()
        ended_at = clock.forward(hours=1)
        assert unknown.settle_as(gateway, chosen, state) == Done(1, 0)
        message = the_message(gateway)
        assert message.state == state
        assert message.failure == (None if state in (State.DELIVERED, State.SENT) else f"settled by the operator as {state}")
        assert message.sent_at == (None if state is State.FAILED else tried_at)
        assert message.final_at == (None if state is State.SENT else ended_at)
        assert message.receipt_due_at is None
        assert attempts(gateway)[0].detail == f"the operator settled it as {state}; before: no answer"
        assert balance(gateway, account) == credits

    def test_once_is_once(self, gateway: Gateway, account: Account) -> None:
        chosen = an_unknown(gateway, account, recipients(3))
        assert unknown.settle_as(gateway, chosen, State.FAILED) == Done(3, 0)
        assert unknown.settle_as(gateway, chosen, State.DELIVERED) == Done(0, 0)
        assert unknown.resend(gateway, chosen) == Done(0, 0)
        assert {message.state for message in messages(gateway)} == {State.FAILED}
        assert balance(gateway, account) == 1000

    @pytest.mark.parametrize("state", [State.QUEUED, State.CANCELLED, State.UNKNOWN, State.BLOCKED])
    def test_not_as_anything(self, gateway: Gateway, account: Account, state: State) -> None:
        with pytest.raises(InvalidField):
            unknown.settle_as(gateway, an_unknown(gateway, account), state)
        assert the_message(gateway).state == State.UNKNOWN

    def test_a_long_reason_is_cut_behind_what_the_operator_did(self, gateway: Gateway, account: Account) -> None:
        order_id = an_order(gateway, account).order_id
        (outgoing,) = dispatching.claim(gateway, NAME, 1, shares)
        dispatching.record(gateway, NAME, [Outcome.failed(outgoing.key, FailureKind.UNKNOWN, detail="€" * 200)])
        unknown.settle_as(gateway, unknown.choose(gateway, order_id, None, None, every=True), State.DELIVERED)
        beginning = "the operator settled it as delivered; before: "
        assert attempts(gateway)[0].detail == beginning + "€" * (200 - len(beginning))

    def test_a_large_order_goes_in_batches(self, gateway: Gateway, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(unknown, "BATCH", 10)
        held: list[int] = []
        hold = dispatch.hold_attempted

        def counted(session: object, keys: list[AttemptKey]) -> object:
            held.append(len(keys))
            return hold(session, keys)  # type: ignore[arg-type]

        monkeypatch.setattr(dispatch, "hold_attempted", counted)
        chosen = an_unknown(gateway, account, recipients(25))
        held.clear()
        assert unknown.settle_as(gateway, chosen, State.FAILED) == Done(25, 0)
        assert held == [10, 10, 5]
        assert balance(gateway, account) == 1000


class TestLateAnswers:
    @pytest.mark.parametrize("state", [State.DELIVERED, State.UNDELIVERED, State.FAILED, State.SENT, State.EXPIRED])
    def test_after_the_decision_they_change_nothing_but_the_attempt(
        self, gateway: Gateway, clock: FixedClock, account: Account, state: State
    ) -> None:
        set_connector(gateway, refund_policy="undelivered")
        order_id = an_order(gateway, account).order_id
        (key,) = give_up(gateway)
        unknown.settle_as(gateway, unknown.choose(gateway, order_id, None, None, every=True), state)
        paid = balance(gateway, account)
        dispatching.record(gateway, NAME, [Outcome.accepted(key, "a"), Receipt("a", State.UNDELIVERED, clock.now())])
        sweep(gateway)
        assert (the_message(gateway).state, balance(gateway, account)) == (state, paid)
        (attempt,) = attempts(gateway)
        assert (attempt.outcome, attempt.smsc_message_id) == ("accepted", "a")
        assert attempt.detail == f"the operator settled it as {state}; before: no answer"
        assert [receipt.account_id for receipt in stored_receipts(gateway)] == [None]

    def test_before_the_decision_they_stand(self, gateway: Gateway, clock: FixedClock, account: Account) -> None:
        order_id = an_order(gateway, account).order_id
        (key,) = give_up(gateway)
        chosen = unknown.choose(gateway, order_id, None, None, every=True)
        dispatching.record(gateway, NAME, [Outcome.accepted(key, "a"), Receipt("a", State.DELIVERED, clock.now())])
        assert unknown.settle_as(gateway, chosen, State.FAILED) == Done(0, 0)
        assert the_message(gateway).state == State.DELIVERED
        assert attempts(gateway)[0].detail == "no answer"

    def test_between_looking_and_locking_they_stand(
        self, app: Flask, gateway: Gateway, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The answer is committed after the decision has found its messages and before it has locked them."""
        order_id = an_order(gateway, account, recipients(3)).order_id
        keys = give_up(gateway)
        chosen = unknown.choose(gateway, order_id, None, None, every=True)
        hold = dispatch.hold_attempted

        def answered() -> None:
            with app.app_context():
                dispatching.record(gateway, NAME, [Outcome.accepted(keys[1], "a")])

        answer = threading.Thread(target=answered)

        def first_the_answer(session: object, wanted: list[AttemptKey]) -> object:
            monkeypatch.setattr(dispatch, "hold_attempted", hold)
            answer.start()
            if gateway.engine.dialect.name == "postgresql":  # SQLite's writer is alone: there the answer waits for its turn
                answer.join(60)
            return hold(session, wanted)  # type: ignore[arg-type]

        monkeypatch.setattr(dispatch, "hold_attempted", first_the_answer)
        done = unknown.settle_as(gateway, chosen, State.FAILED)
        answer.join(60)
        alone = gateway.engine.dialect.name == "sqlite"
        assert done == Done(3 if alone else 2, 0)
        states = [message.state for message in messages(gateway)]
        assert states == [State.FAILED, State.FAILED if alone else State.SENT, State.FAILED]
        assert balance(gateway, account) == (1000 if alone else 999)

    @pytest.mark.parametrize("decision", ["settle", "resend"])
    def test_at_the_same_moment_each_message_has_one_fate(
        self, app: Flask, gateway: Gateway, clock: FixedClock, account: Account, monkeypatch: pytest.MonkeyPatch, decision: str
    ) -> None:
        monkeypatch.setattr(unknown, "BATCH", 20)
        set_connector(gateway, refund_policy="undelivered")
        order_id = an_order(gateway, account, recipients(300)).order_id
        keys = give_up(gateway)
        chosen = unknown.choose(gateway, order_id, None, None, every=True)
        together, failed = threading.Barrier(3), []

        def at_once(work: object) -> None:
            try:
                with app.app_context():
                    together.wait(60)
                    work()  # type: ignore[operator]
            except Exception as error:
                failed.append(error)

        def decide() -> None:
            if decision == "settle":
                unknown.settle_as(gateway, chosen, State.UNDELIVERED)
            else:
                unknown.resend(gateway, chosen)

        def answer() -> None:
            for start in range(280, -20, -20):
                names = [(key, f"n{number}") for number, key in enumerate(keys)][start : start + 20]
                events = [Outcome.accepted(key, name) for key, name in names]
                came = [Receipt(name, State.UNDELIVERED, clock.now()) for _, name in names]
                dispatching.record(gateway, NAME, [*events, *came])

        threads = [threading.Thread(target=at_once, args=(work,)) for work in (decide, decide, answer)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        found = messages(gateway)
        allowed = {State.UNDELIVERED} if decision == "settle" else {State.UNDELIVERED, State.QUEUED}
        assert {message.state for message in found} <= allowed
        undelivered = sum(message.state == State.UNDELIVERED for message in found)
        assert balance(gateway, account) == 1000 - 300 + undelivered
