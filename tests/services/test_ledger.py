"""Credit: every unit where the ledger says, whatever happens in whatever order; and a proof that notices when it is not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import event, text

from gateway.dispatcher.lanes import shares
from gateway.domain.errors import InsufficientCredit, InvalidField, NotCancellable, NotFound
from gateway.domain.sending import AttemptKey, FailureKind, Outcome, Returned
from gateway.services import accounts, dispatching, ledger, ordering
from gateway.services.core import Gateway
from gateway.services.ledger import MOST_UNITS
from gateway.storage import ledger as stored
from gateway.storage.tables import Account, LedgerEntry
from tests.support.builders import an_account, an_order, balance, recipients

PRICE = 1000


def standing(gateway: Gateway, account_id: int) -> tuple[int, int]:
    """Balance in units, and the number of the last entry."""
    with gateway.reading() as session:
        account = session.get_one(Account, account_id)
        return account.balance, account.ledger_sequence


def entries(gateway: Gateway, account: Account) -> list[LedgerEntry]:
    """The account's entries, oldest first."""
    with gateway.reading() as session:
        rows = list(stored.entries(session, account.id, 1000))[::-1]
        session.expunge_all()
        return rows


def faults(gateway: Gateway) -> list[str]:
    return [fault.words for fault in ledger.verify(gateway)]


class TestAddCredit:
    def test_sells(self, gateway, clock):
        account = an_account(gateway, "acme", credit=0)
        entry = ledger.add_credit(gateway, "acme", 1_234_567, "invoice 7")
        assert (entry.account_id, entry.sequence, entry.units, entry.balance_after) == (account.id, 1, 1_234_567, 1_234_567)
        assert (entry.from_account_id, entry.to_account_id, entry.kind, entry.note) == (1, account.id, "credit", "invoice 7")
        assert (entry.created_at, entry.order_id, entry.refund_of) == (clock.now(), None, None)
        assert standing(gateway, account.id) == (1_234_567, 1)

    def test_takes_back(self, gateway):
        account = an_account(gateway, "acme", credit=2)
        entry = ledger.add_credit(gateway, "acme", -2000)
        assert (entry.from_account_id, entry.to_account_id, entry.units, entry.balance_after) == (account.id, 1, 2000, 0)

    def test_takes_back_no_more_than_there_is(self, gateway):
        account = an_account(gateway, "acme", credit=2)
        with pytest.raises(InsufficientCredit) as refused:
            ledger.add_credit(gateway, "acme", -2001)
        assert (refused.value.needed_units, refused.value.available_units) == (2001, 2000)
        assert standing(gateway, account.id) == (2000, 1)

    def test_takes_back_down_to_the_limit(self, gateway):
        accounts.create_account(gateway, accounts.NewAccount("trusted", credit_limit_units=500))
        assert ledger.add_credit(gateway, "trusted", -500).balance_after == -500
        with pytest.raises(InsufficientCredit):
            ledger.add_credit(gateway, "trusted", -1)

    def test_of_an_amount_that_cannot_be(self, gateway):
        an_account(gateway, "acme")
        for units in (0, MOST_UNITS + 1, -MOST_UNITS - 1, 2**63, -(2**63)):
            with pytest.raises(InvalidField):
                ledger.add_credit(gateway, "acme", units)

    def test_beyond_what_an_account_may_hold(self, gateway):
        account = an_account(gateway, "rich", credit=0)
        ledger.add_credit(gateway, "rich", MOST_UNITS)
        with pytest.raises(InvalidField):
            ledger.add_credit(gateway, "rich", 1)
        assert standing(gateway, account.id) == (MOST_UNITS, 1)
        an_order(gateway, account)
        assert standing(gateway, account.id) == (MOST_UNITS - PRICE, 2)
        assert faults(gateway) == []

    def test_to_no_customer(self, gateway):
        for name in ("nobody", "issuer", "revenue"):
            with pytest.raises(NotFound):
                ledger.add_credit(gateway, name, 1)

    def test_with_an_endless_note(self, gateway):
        an_account(gateway, "acme")
        assert ledger.add_credit(gateway, "acme", 1, "x" * 200).note == "x" * 200
        with pytest.raises(InvalidField):
            ledger.add_credit(gateway, "acme", 1, "x" * 201)

    def test_from_many_sides_at_once_loses_nothing(self, app, gateway):
        account = an_account(gateway, "acme", credit=0)

        def sell() -> None:
            with app.app_context():
                for _ in range(5):
                    ledger.add_credit(gateway, "acme", 7)

        threads = [threading.Thread(target=sell) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert standing(gateway, account.id) == (8 * 5 * 7, 40)
        assert faults(gateway) == []


class TestRefund:
    def test_is_tied_to_its_charge(self, gateway, clock):
        account = an_account(gateway, credit=5)
        an_order(gateway, account)
        accepted = an_order(gateway, account, recipients(2), due_at=clock.now() + timedelta(hours=1))
        ordering.cancel(gateway, account.id, "smsend", accepted.public_id)
        *_, charge, refund = entries(gateway, account)
        assert (charge.kind, refund.kind, refund.refund_of, refund.order_id) == ("charge", "refund", charge.sequence, charge.order_id)
        assert (refund.from_account_id, refund.to_account_id, refund.units) == (2, account.id, 2000)

    def test_of_messages_no_carrier_took_comes_once_for_the_order(self, gateway):
        account = an_account(gateway, credit=5)
        an_order(gateway, account, recipients(3))
        claimed = dispatching.claim(gateway, "simulator", 10, shares)
        failed = [Outcome.failed(each.key, FailureKind.FINAL) for each in claimed]
        for _ in range(2):
            dispatching.record(gateway, "simulator", failed)
        assert [entry.units for entry in entries(gateway, account) if entry.kind == "refund"] == [3000]
        assert balance(gateway, account) == 5


@dataclass
class Sold:
    """An order in the model."""

    public_id: str
    units: int
    scheduled: bool
    is_cancelled: bool = False


class Customer(RuleBasedStateMachine):
    """One account against a model that only adds and subtracts."""

    gateway: Gateway

    @initialize(limit=st.sampled_from([0, 0, 3 * PRICE]))
    def arrive(self, limit: int) -> None:
        self.account = an_account(self.gateway, credit=0)
        with self.gateway.writing() as session:
            session.get_one(Account, self.account.id).credit_limit = limit
        self.limit, self.balance, self.entries = limit, 0, 0
        self.orders: list[Sold] = []

    def expect(self, change: int) -> None:
        self.balance += change
        self.entries += 1

    @rule(units=st.integers(1, 20_000))
    def buy(self, units: int) -> None:
        ledger.add_credit(self.gateway, self.account.name, units)
        self.expect(units)

    @rule(units=st.integers(1, 20_000))
    def give_back(self, units: int) -> None:
        if self.balance + self.limit >= units:
            ledger.add_credit(self.gateway, self.account.name, -units)
            self.expect(-units)
            return
        with pytest.raises(InsufficientCredit):
            ledger.add_credit(self.gateway, self.account.name, -units)

    @rule(number=st.integers(1, 6), parts=st.integers(1, 3), scheduled=st.booleans())
    def send(self, number: int, parts: int, scheduled: bool) -> None:
        cost = number * parts * PRICE
        due_at = self.gateway.clock.now() + timedelta(hours=1) if scheduled else None
        words = "x" * (150 * parts)
        if self.balance + self.limit < cost:
            with pytest.raises(InsufficientCredit):
                an_order(self.gateway, self.account, recipients(number), words, due_at=due_at)
            return
        accepted = an_order(self.gateway, self.account, recipients(number), words, due_at=due_at)
        self.expect(-cost)
        assert (accepted.units, accepted.balance_units) == (cost, self.balance)
        self.orders.append(Sold(accepted.public_id, cost, scheduled))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.orders))
        if order.scheduled and not order.is_cancelled:
            ordering.cancel(self.gateway, self.account.id, "smsend", order.public_id)
            order.is_cancelled = True
            self.expect(order.units)
            return
        with pytest.raises(NotCancellable):
            ordering.cancel(self.gateway, self.account.id, "smsend", order.public_id)

    @rule(most=st.integers(1, 8), ends=st.lists(st.sampled_from(["taken", "refused", "returned", "unknown"]), min_size=8, max_size=8))
    def dispatch(self, most: int, ends: list[str]) -> None:
        claimed = dispatching.claim(self.gateway, "simulator", most, shares)
        outcomes = [OUTCOMES[end](each.key) for each, end in zip(claimed, ends, strict=False)]
        dispatching.record(self.gateway, "simulator", outcomes)
        owed: dict[object, int] = {}
        for each, end in zip(claimed, ends, strict=False):
            if end == "refused" and each.key.account_id == self.account.id:
                owed[each.key.order_id] = owed.get(each.key.order_id, 0) + each.parts * PRICE
        for units in owed.values():
            self.expect(units)

    @invariant()
    def adds_up(self) -> None:
        if hasattr(self, "account"):
            assert standing(self.gateway, self.account.id) == (self.balance, self.entries)
            assert self.balance + self.limit >= 0

    def teardown(self) -> None:
        assert list(ledger.verify(self.gateway)) == []


OUTCOMES: dict[str, Callable[[AttemptKey], Outcome | Returned]] = {
    "taken": lambda key: Outcome.accepted(key, f"{key.order_id}-{key.position}"),
    "refused": lambda key: Outcome.failed(key, FailureKind.FINAL),
    "returned": Returned,
    "unknown": lambda key: Outcome.failed(key, FailureKind.UNKNOWN),
}


def test_any_sequence_of_sales_charges_and_refunds_adds_up(gateway):
    class OnThisDatabase(Customer):
        pass

    OnThisDatabase.gateway = gateway
    few = settings(max_examples=12, stateful_step_count=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(OnThisDatabase, settings=few)


PLANTED = {
    "balance {a} differs from the ledger's {b}": "UPDATE accounts SET balance = balance + 1 WHERE name = 'acme'",
    "has {a} entries up to sequence {b}": """DELETE FROM ledger_entries WHERE sequence = 1
        AND account_id = (SELECT id FROM accounts WHERE name = 'acme')""",
    "entry {a} does not follow from the one before: balance {b}": "UPDATE ledger_entries SET balance_after = 1 WHERE kind = 'refund'",
    "entry {a} moves {b} units between the wrong accounts": "UPDATE ledger_entries SET from_account_id = 2 WHERE kind = 'credit'",
    "balance {a} is below its limit {b}": "UPDATE accounts SET balance = -1 WHERE name = 'acme'",
    "an order without its charge: {a} units, {b} charged": "UPDATE ledger_entries SET units = units - 1 WHERE kind = 'charge'",
    "charge {a} is no order's ({b} units)": "DELETE FROM orders",
    "{a} messages worth {b} units belong to no order": "DELETE FROM orders",
    "an order of {a} units has messages worth {b}": "DELETE FROM messages WHERE position = 1",
    "refunds of {a} units where the messages gave back {b}": "UPDATE messages SET refunded_units = 0 WHERE state = 'cancelled'",
    "refunds {a} units of a charge of {b}": "UPDATE ledger_entries SET refund_of = NULL WHERE kind = 'refund'",
    "a message gave back {a} units of {b}": "UPDATE messages SET refunded_units = units + 1 WHERE state = 'queued'",
}
"""What each check of the proof says → a corruption that it must notice."""

MORE_PLANTED = {
    "a charge of another order": "UPDATE orders SET charge_sequence = charge_sequence + 1",
    "a charge without its order's name": "UPDATE ledger_entries SET order_id = NULL WHERE kind = 'charge'",
    "a charge called a sale": "UPDATE ledger_entries SET kind = 'credit' WHERE kind = 'charge'",
    "a sale that came from revenue": "UPDATE ledger_entries SET from_account_id = 2 WHERE kind = 'credit'",
    "a refund of another order's charge": """UPDATE ledger_entries SET refund_of = (
        SELECT min(c.sequence) FROM ledger_entries c WHERE c.account_id = ledger_entries.account_id AND c.kind = 'charge'
    ) WHERE kind = 'refund'""",
    "a message more than was paid for": """INSERT INTO messages (account_id, order_id, position, recipient, parts, units, state,
        connector, priority, due_at) SELECT account_id, order_id, position + 100, recipient, parts, 0, state, connector, priority, due_at
        FROM messages WHERE position = 1""",
    "an entry that repeats another's charge": """INSERT INTO ledger_entries (account_id, sequence, from_account_id, to_account_id, units,
        balance_after, kind, order_id, note, created_at) SELECT account_id, sequence + 3, account_id, 2, units,
        balance_after - units, kind, order_id, '', created_at FROM ledger_entries WHERE kind = 'charge' AND sequence = 2""",
    "a balance in the clouds": "UPDATE accounts SET balance = 9000000000000000000 WHERE name = 'acme'",
}


@pytest.fixture
def history(gateway, clock) -> None:
    """A sale (10), a charge (3), a charge (2) and its refund (2): entries 1 to 4 of acme, entry 1 of a stranger."""
    account = an_account(gateway, "acme", credit=10)
    an_account(gateway, "stranger", credit=10)
    an_order(gateway, account, recipients(3))
    accepted = an_order(gateway, account, recipients(2), due_at=clock.now() + timedelta(hours=1))
    ordering.cancel(gateway, account.id, "smsend", accepted.public_id)
    assert faults(gateway) == []


def spoil(gateway: Gateway, statement: str) -> None:
    """Changes rows behind the gateway's back, past what the database would refuse."""
    with gateway.writing() as session:
        if session.connection().dialect.name == "sqlite":
            session.execute(text("PRAGMA ignore_check_constraints = ON"))
        else:
            session.execute(text("ALTER TABLE accounts DROP CONSTRAINT ck_accounts_balance_within_limit"))
        session.execute(text(statement))


class TestVerify:
    def test_there_is_a_corruption_for_every_check(self):
        assert set(PLANTED) == {words for words, _ in stored._CHECKS}

    @pytest.mark.parametrize("words", PLANTED)
    def test_notices(self, gateway, history, words):
        spoil(gateway, PLANTED[words])
        start = words.partition("{")[0] or " messages worth "
        assert [found for found in faults(gateway) if start in found], faults(gateway)

    @pytest.mark.parametrize("what", MORE_PLANTED)
    def test_notices_also(self, gateway, history, what):
        spoil(gateway, MORE_PLANTED[what])
        assert faults(gateway)

    def test_names_the_account(self, gateway, history):
        spoil(gateway, "UPDATE accounts SET balance = balance + 1 WHERE name = 'acme'")
        (fault,) = ledger.verify(gateway)
        assert fault.account_id == accounts.account_with_users(gateway, "acme")[0].id
        assert fault.words == "balance 7001 differs from the ledger's 7000"

    def test_changes_nothing(self, gateway, history):
        written: list[str] = []
        event.listen(gateway.engine, "before_cursor_execute", lambda _c, _k, statement, *_: written.append(statement.lstrip()[:6]))
        assert faults(gateway) == []
        assert set(written) == {"SELECT"}
