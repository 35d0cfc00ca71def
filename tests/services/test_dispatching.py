"""From waiting to its end: every path of a message, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, func, select, update
from structlog.testing import capture_logs

from gateway.dispatcher.lanes import shares
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import Event, FailureKind, Outcome, Outgoing, Returned
from gateway.services import dispatching, ledger, ordering, sweeping
from gateway.services.core import Gateway
from gateway.services.dispatching import LeaseLost
from gateway.services.sweeping import sweep
from gateway.storage.tables import LedgerEntry, ReceiptRow
from tests.support.builders import (
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
def ledger_adds_up(gateway: Gateway):
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert list(ledger.verify(gateway)) == []


def claim(gateway: Gateway, most: int = 100) -> list[Outgoing]:
    return dispatching.claim(gateway, NAME, most, shares)


def claim_one(gateway: Gateway) -> Outgoing:
    (outgoing,) = claim(gateway)
    return outgoing


def record(gateway: Gateway, *events: Event) -> None:
    dispatching.record(gateway, NAME, events)


def fail(gateway: Gateway, kind: FailureKind, **more: float) -> None:
    record(gateway, Outcome.failed(claim_one(gateway).key, kind, "8", "no", **more))


def sent(gateway: Gateway, name: str = "smsc-1", most: int = 100) -> Outgoing:
    (outgoing,) = claim(gateway, most)
    record(gateway, Outcome.accepted(outgoing.key, name))
    return outgoing


def receipt(clock: FixedClock, state: State, name: str = "smsc-1") -> Receipt:
    return Receipt(name, state, clock.now(), "000")


class TestClaim:
    def test_hands_out_what_the_connector_needs(self, gateway, clock):
        an_order(gateway, an_account(gateway), text="Zażółć 😀", originator="Dragoman", validity=timedelta(hours=1))
        outgoing = claim_one(gateway)
        assert (outgoing.recipient, outgoing.text, outgoing.originator) == ("+393471234567", "Zażółć 😀", "Dragoman")
        assert (outgoing.alphabet, outgoing.parts, outgoing.wants_receipt) == ("ucs2", 1, True)
        assert outgoing.expires_at == clock.now() + timedelta(hours=1)

    def test_leaves_a_started_attempt_before_anything_is_sent(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        outgoing = claim_one(gateway)
        (attempt,) = attempts(gateway)
        assert (attempt.number, attempt.connector, attempt.started_at, attempt.outcome) == (outgoing.key.number, NAME, clock.now(), None)
        assert the_message(gateway).state == State.SENDING

    def test_takes_each_message_once(self, gateway):
        an_order(gateway, an_account(gateway), recipients(7))
        assert len(claim(gateway, 3)) == 3
        assert len(claim(gateway)) == 4
        assert claim(gateway) == []

    def test_leaves_a_scheduled_message_until_its_hour(self, gateway, clock):
        an_order(gateway, an_account(gateway), due_at=clock.now() + timedelta(hours=2))
        assert claim(gateway) == []
        clock.forward(hours=2)
        assert len(claim(gateway)) == 1

    def test_leaves_a_message_whose_validity_is_over(self, gateway, clock):
        an_order(gateway, an_account(gateway), validity=timedelta(minutes=5))
        clock.forward(minutes=5)
        assert claim(gateway) == []

    def test_uses_each_recipient_s_own_text(self, gateway):
        an_order(gateway, an_account(gateway), recipients(2), texts=["one", "zwei ż"])
        assert [(outgoing.text, outgoing.alphabet.value) for outgoing in claim(gateway)] == [("one", "gsm7"), ("zwei ż", "ucs2")]

    def test_the_lowest_lane_is_never_starved(self, gateway):
        account = an_account(gateway)
        an_order(gateway, account, recipients(100), priority=1)
        an_order(gateway, account, recipients(10, 500), priority=3)
        lowest = [outgoing for outgoing in claim(gateway, 50) if outgoing.recipient in recipients(10, 500)]
        assert len(lowest) == 5

    def test_nothing_goes_to_another_connector(self, gateway):
        an_order(gateway, an_account(gateway))
        assert dispatching.claim(gateway, "other", 10, shares) == []


class TestOutcomes:
    def test_accepted(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        sent(gateway)
        message, (attempt,) = the_message(gateway), attempts(gateway)
        assert (message.state, message.smsc_message_id, message.sent_at, message.lease_until) == (State.SENT, "smsc-1", clock.now(), None)
        assert message.receipt_due_at == clock.now() + timedelta(hours=gateway.settings.receipt_timeout_hours)
        assert (attempt.outcome, attempt.smsc_message_id, attempt.finished_at) == ("accepted", "smsc-1", clock.now())

    def test_accepted_without_a_receipt_wanted_waits_for_none(self, gateway):
        an_order(gateway, an_account(gateway), wants_receipt=False)
        sent(gateway)
        assert the_message(gateway).receipt_due_at is None

    def test_final_refusal_fails_and_is_paid_back(self, gateway):
        account = an_account(gateway, credit=10)
        an_order(gateway, account)
        fail(gateway, FailureKind.FINAL)
        message = the_message(gateway)
        assert (message.state, message.failure, message.refunded_units) == (State.FAILED, "8 no", 1000)
        assert balance(gateway, account) == 10

    def test_temporary_failure_waits_longer_each_time_and_ends(self, gateway, clock):
        account = an_account(gateway, credit=10)
        an_order(gateway, account)
        base, waits = gateway.settings.retry_base_seconds, []
        for _ in range(gateway.settings.retry_attempts - 1):
            fail(gateway, FailureKind.RETRY_LATER)
            waits.append((the_message(gateway).due_at - clock.now()).total_seconds())
            assert claim(gateway) == []
            clock.forward(seconds=waits[-1])
        assert all(base * 2**n <= wait <= base * 2**n * 1.2 for n, wait in enumerate(waits))
        fail(gateway, FailureKind.RETRY_LATER)
        assert the_message(gateway).state == State.FAILED
        assert [attempt.number for attempt in attempts(gateway)] == list(range(1, gateway.settings.retry_attempts + 1))
        assert balance(gateway, account) == 10

    def test_a_carrier_s_own_pause_is_kept(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        fail(gateway, FailureKind.RETRY_LATER, retry_after_seconds=900)
        assert the_message(gateway).due_at == clock.now() + timedelta(seconds=900)

    @pytest.mark.parametrize("kind", [FailureKind.THROTTLED, FailureKind.MISCONFIGURED])
    def test_what_is_not_the_message_s_fault_uses_up_no_attempt(self, gateway, clock, kind):
        an_order(gateway, an_account(gateway))
        for _ in range(gateway.settings.retry_attempts + 2):
            fail(gateway, kind)
            clock.forward(minutes=2)
        message = the_message(gateway)
        assert (message.state, message.attempts) == (State.QUEUED, 0)

    def test_unknown_is_held(self, gateway, clock):
        account = an_account(gateway, credit=10)
        an_order(gateway, account)
        fail(gateway, FailureKind.UNKNOWN)
        clock.forward(days=1)
        sweep(gateway)
        assert claim(gateway) == []
        assert the_message(gateway).state == State.UNKNOWN
        assert balance(gateway, account) == 9

    def test_unknown_is_sent_again_where_the_operator_chose_so(self, gateway, clock):
        set_connector(gateway, unknown_policy="resend")
        an_order(gateway, an_account(gateway))
        fail(gateway, FailureKind.UNKNOWN)
        assert the_message(gateway).state == State.QUEUED
        clock.forward(minutes=1)
        sent(gateway)
        assert [attempt.outcome for attempt in attempts(gateway)] == ["unknown", "accepted"]

    def test_returned_waits_again_as_if_unclaimed(self, gateway):
        an_order(gateway, an_account(gateway))
        record(gateway, Returned(claim_one(gateway).key))
        message = the_message(gateway)
        assert (message.state, message.attempts) == (State.QUEUED, 0)
        sent(gateway)
        assert [attempt.outcome for attempt in attempts(gateway)] == ["returned", "accepted"]

    def test_recording_twice_changes_nothing_more(self, gateway):
        account = an_account(gateway, credit=10)
        an_order(gateway, account, recipients(2))
        first, second = claim(gateway)
        events = [Outcome.accepted(first.key, "a"), Outcome.failed(second.key, FailureKind.FINAL)]
        record(gateway, *events)
        record(gateway, *events)
        assert [message.state for message in messages(gateway)] == [State.SENT, State.FAILED]
        assert balance(gateway, account) == 9

    def test_a_carrier_s_odd_characters_are_stored(self, gateway):
        an_order(gateway, an_account(gateway))
        record(gateway, Outcome.failed(claim_one(gateway).key, FailureKind.FINAL, "x" * 300, "a\0b\ud800 " + "y" * 300))
        assert the_message(gateway).state == State.FAILED


class TestLateOutcomes:
    def test_after_the_lease_the_message_is_unknown_until_the_answer_comes(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        outgoing = claim_one(gateway)
        clock.forward(seconds=gateway.settings.dispatch_lease_seconds + 1)
        assert sweep(gateway) == {"lease_over": 1}
        assert (the_message(gateway).state, attempts(gateway)[0].outcome) == (State.UNKNOWN, "unknown")
        record(gateway, Outcome.accepted(outgoing.key, "late"))
        assert (the_message(gateway).state, attempts(gateway)[0].outcome) == (State.SENT, "accepted")
        assert attempts(gateway)[0].detail == "no outcome before the lease ended"

    def test_an_answer_with_words_of_its_own_replaces_the_older_ones(self, gateway):
        an_order(gateway, an_account(gateway))
        key = claim_one(gateway).key
        record(gateway, Outcome.failed(key, FailureKind.UNKNOWN, "t", "no answer"))
        record(gateway, Outcome.failed(key, FailureKind.FINAL, "11", "invalid destination"))
        (attempt,) = attempts(gateway)
        assert (attempt.carrier_code, attempt.detail) == ("11", "invalid destination")

    def test_an_answer_to_an_older_claim_leaves_the_newer_one_alone(self, gateway, clock):
        set_connector(gateway, unknown_policy="resend")
        an_order(gateway, an_account(gateway))
        older = claim_one(gateway)
        clock.forward(seconds=gateway.settings.dispatch_lease_seconds + 1)
        sweep(gateway)
        clock.forward(minutes=1)
        claim_one(gateway)
        record(gateway, Outcome.failed(older.key, FailureKind.FINAL))
        assert the_message(gateway).state == State.SENDING
        assert [attempt.outcome for attempt in attempts(gateway)] == ["final", None]

    def test_a_running_lease_is_left_alone(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        claim_one(gateway)
        clock.forward(seconds=gateway.settings.dispatch_lease_seconds - 1)
        assert sweep(gateway) == {}


class TestReceipts:
    @pytest.mark.parametrize("state", [State.DELIVERED, State.UNDELIVERED, State.EXPIRED])
    def test_ends_the_message(self, gateway, clock, state):
        an_order(gateway, an_account(gateway))
        sent(gateway)
        record(gateway, receipt(clock, state))
        message = the_message(gateway)
        assert (message.state, message.final_at, message.receipt_due_at) == (state, clock.now(), None)
        assert stored_receipts(gateway)[0].order_id == message.order_id

    def test_before_the_answer_it_is_parked_and_applied_with_it(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        outgoing = claim_one(gateway)
        record(gateway, receipt(clock, State.DELIVERED))
        assert (the_message(gateway).state, stored_receipts(gateway)[0].account_id) == (State.SENDING, None)
        record(gateway, Outcome.accepted(outgoing.key, "smsc-1"))
        assert the_message(gateway).state == State.DELIVERED
        assert stored_receipts(gateway)[0].order_id == outgoing.key.order_id

    def test_in_one_batch_with_the_answer(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        record(gateway, receipt(clock, State.DELIVERED), Outcome.accepted(claim_one(gateway).key, "smsc-1"))
        assert the_message(gateway).state == State.DELIVERED

    def test_twice_is_stored_twice_and_counts_once(self, gateway, clock):
        set_connector(gateway, refund_policy="undelivered")
        account = an_account(gateway, credit=10)
        an_order(gateway, account)
        sent(gateway)
        record(gateway, receipt(clock, State.UNDELIVERED), receipt(clock, State.UNDELIVERED))
        record(gateway, receipt(clock, State.UNDELIVERED))
        assert len(stored_receipts(gateway)) == 3
        assert balance(gateway, account) == 10

    def test_a_final_state_never_moves_back(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        sent(gateway)
        for state in (State.DELIVERED, State.SENT, State.UNDELIVERED, State.EXPIRED):
            record(gateway, receipt(clock, state))
        assert the_message(gateway).state == State.DELIVERED

    def test_one_left_parked_by_a_race_is_found_by_the_sweep(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        record(gateway, receipt(clock, State.DELIVERED))
        sent(gateway, "other")
        with gateway.writing() as session:
            session.execute(update(ReceiptRow).values(smsc_message_id="other"))
        assert sweep(gateway) == {"receipt_late": 1}
        assert the_message(gateway).state == State.DELIVERED

    def test_one_of_nobody_s_is_forgotten_after_days(self, gateway, clock):
        record(gateway, receipt(clock, State.DELIVERED, "nobody's"))
        clock.forward(days=6)
        sweep(gateway)
        assert len(stored_receipts(gateway)) == 1
        clock.forward(days=2)
        sweep(gateway)
        assert stored_receipts(gateway) == []


class TestSweeps:
    def test_validity_over_while_waiting(self, gateway, clock):
        account = an_account(gateway, credit=10)
        an_order(gateway, account, recipients(3), validity=timedelta(minutes=5))
        clock.forward(minutes=6)
        assert sweep(gateway) == {"validity_over": 3}
        assert {message.state for message in messages(gateway)} == {State.EXPIRED}
        assert balance(gateway, account) == 10

    def test_receipt_overdue(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        sent(gateway)
        clock.forward(hours=gateway.settings.receipt_timeout_hours, seconds=1)
        assert sweep(gateway) == {"receipt_overdue": 1}
        message = the_message(gateway)
        assert (message.state, message.failure) == (State.EXPIRED, "no receipt came")

    def test_with_nothing_to_do_nobody_queues_for_the_writers_lock(self, gateway, monkeypatch):
        an_order(gateway, an_account(gateway), recipients(3), validity=timedelta(minutes=5))
        sent(gateway, most=1)
        claim(gateway, 1)
        record(gateway, receipt(gateway.clock, State.DELIVERED, "nobody's"))
        with monkeypatch.context() as watched:
            watched.setattr(Gateway, "writing", _no_writing)
            assert sweep(gateway) == {}


class TestRefunds:
    @pytest.mark.parametrize(("policy", "back"), [("none", 0), ("unsent", 1), ("undelivered", 3)])
    def test_by_policy(self, gateway, clock, policy, back):
        set_connector(gateway, refund_policy=policy)
        account = an_account(gateway, credit=10)
        an_order(gateway, account, recipients(4))
        delivered, undelivered, expired, refused = (outgoing.key for outgoing in claim(gateway))
        record(
            gateway,
            Outcome.accepted(delivered, "a"),
            Outcome.accepted(undelivered, "b"),
            Outcome.accepted(expired, "c"),
            Outcome.failed(refused, FailureKind.FINAL),
        )
        record(gateway, receipt(clock, State.DELIVERED, "a"), receipt(clock, State.UNDELIVERED, "b"), receipt(clock, State.EXPIRED, "c"))
        assert balance(gateway, account) == 10 - 4 + back

    def test_one_ledger_entry_for_each_order_of_a_batch(self, gateway):
        accounts = [an_account(gateway, credit=100) for _ in range(3)]
        for account in accounts:
            an_order(gateway, account, recipients(5))
        record(gateway, *(Outcome.failed(outgoing.key, FailureKind.FINAL) for outgoing in claim(gateway)))
        assert [balance(gateway, account) for account in accounts] == [100, 100, 100]
        with gateway.reading() as session:
            assert session.scalar(select(func.count()).select_from(LedgerEntry).where(LedgerEntry.kind == "refund")) == 3

    def test_a_cancelled_order_is_not_sent_and_paid_back_once(self, gateway, clock):
        account = an_account(gateway, credit=10)
        order = an_order(gateway, account, recipients(2), due_at=clock.now() + timedelta(hours=1))
        ordering.cancel(gateway, account.id, "smsend", order.public_id)
        clock.forward(hours=2)
        assert claim(gateway) == []
        assert balance(gateway, account) == 10


class TestLeases:
    def test_has_one_owner_at_a_time(self, gateway):
        assert dispatching.own(gateway, NAME, "first") is not None
        assert dispatching.own(gateway, NAME, "second") is None

    def test_is_free_once_released(self, gateway):
        lease = dispatching.own(gateway, NAME, "first")
        assert lease is not None
        dispatching.release(gateway, lease)
        assert dispatching.own(gateway, NAME, "second") is not None

    def test_is_taken_over_when_its_owner_is_silent(self, gateway, clock):
        old = dispatching.own(gateway, NAME, "first")
        clock.forward(seconds=gateway.settings.dispatch_lease_seconds + 1)
        new = dispatching.own(gateway, NAME, "second")
        assert old is not None and new is not None and new.fence == old.fence + 1
        an_order(gateway, an_account(gateway))
        with pytest.raises(LeaseLost):
            dispatching.renew(gateway, old)
        with pytest.raises(LeaseLost):
            dispatching.claim(gateway, NAME, 10, shares, old)
        dispatching.release(gateway, old)
        assert len(dispatching.claim(gateway, NAME, 10, shares, dispatching.renew(gateway, new))) == 1

    def test_of_a_connector_switched_off_is_lost(self, gateway):
        lease = dispatching.own(gateway, NAME, "first")
        assert lease is not None
        set_connector(gateway, enabled=False)
        with pytest.raises(LeaseLost):
            dispatching.renew(gateway, lease)

    def test_lengthens_only_attempts_that_still_run(self, gateway, clock):
        lease = dispatching.own(gateway, NAME, "me")
        assert lease is not None
        an_order(gateway, an_account(gateway), recipients(4))
        running, answered, older, foreign = claim(gateway)
        first_end = the_lease_end(gateway, running)
        record(gateway, Outcome.accepted(answered.key, "a"))
        clock.forward(seconds=1)
        dispatching.renew(gateway, lease, [running.key, answered.key, older.key._replace(number=0)])
        assert first_end is not None and the_lease_end(gateway, running) == first_end + timedelta(seconds=1)
        assert [the_lease_end(gateway, each) for each in (answered, older, foreign)] == [None, first_end, first_end]

    def test_once_lost_lengthens_nothing(self, gateway, clock):
        lease = dispatching.own(gateway, NAME, "me")
        assert lease is not None
        an_order(gateway, an_account(gateway))
        outgoing = claim_one(gateway)
        first_end = the_lease_end(gateway, outgoing)
        set_connector(gateway, fence=99)
        clock.forward(seconds=1)
        with pytest.raises(LeaseLost):
            dispatching.renew(gateway, lease, [outgoing.key])
        assert the_lease_end(gateway, outgoing) == first_end


def the_lease_end(gateway: Gateway, outgoing: Outgoing) -> datetime | None:
    (found,) = [message for message in messages(gateway) if message.position == outgoing.key.position]
    return found.lease_until


def _no_writing(_gateway: Gateway) -> None:
    raise AssertionError("a writing transaction was begun")


class TestTogether:
    def test_a_defect_of_one_does_not_stop_the_others(self, gateway: Gateway, clock: FixedClock, monkeypatch: pytest.MonkeyPatch):
        def broken(_: Gateway) -> int:
            raise ZeroDivisionError

        monkeypatch.setattr(sweeping, "SWEEPS", {"broken": broken} | dict(sweeping.SWEEPS))
        an_order(gateway, an_account(gateway), validity=timedelta(minutes=1))
        clock.forward(minutes=2)
        with capture_logs() as logs:
            assert sweep(gateway) == {"validity_over": 1}
        assert [(line["event"], line["sweep"]) for line in logs if line["log_level"] == "error"] == [("sweep_failed", "broken")]

    def test_refunds_come_behind_every_lock_of_messages(self, gateway: Gateway):
        """A refused message and a receipt for another of its account, told in one breath: one order each, both paid back."""
        set_connector(gateway, refund_policy="undelivered")
        account = an_account(gateway)
        an_order(gateway, account)
        sent(gateway, "smsc-1")
        an_order(gateway, account)
        second = claim_one(gateway)
        statements: list[str] = []
        event.listen(gateway.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        record(gateway, Outcome.failed(second.key, FailureKind.FINAL), Receipt("smsc-1", State.UNDELIVERED, gateway.clock.now()))
        assert {each.state for each in messages(gateway)} == {State.FAILED, State.UNDELIVERED}
        assert balance(gateway, account) == 1000
        accounts = [index for index, text in enumerate(statements) if "UPDATE accounts" in text]
        written = [index for index, text in enumerate(statements) if "UPDATE messages" in text]
        assert len(written) == 2 and len(accounts) == 2 and max(written) < min(accounts)
