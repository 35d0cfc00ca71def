"""Accepting an order: whole or not at all, once or not at all, on both databases."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import func, select, update

from gateway.domain.errors import CallerChanged, InsufficientCredit, StorageUnavailable
from gateway.domain.ids import uuid7
from gateway.services import accounts, identity, keys, ledger
from gateway.services.core import Gateway
from gateway.storage import accept as acceptance
from gateway.storage import driver
from gateway.storage.accept import Item, Mixed, NewOrder, Recorded, ReferenceTaken, Uniform
from gateway.storage.driver import Statement, fetch
from gateway.storage.ledger import entries
from gateway.storage.tables import Account, LedgerEntry, Message, Order, SessionRow
from tests.support.builders import an_account, messages, recipients
from tests.support.databases import MORNING

PRICE = 1000
CHUNK = acceptance.CHUNK
MANY = 21
"""More than two chunks, as the tests have them."""
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(acceptance, "CHUNK", 10)


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    yield
    assert list(ledger.verify(gateway)) == []


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return an_account(gateway, credit=10)


def a_new_order(account: Account, rows: Any = 1, **changed: Any) -> NewOrder:
    """An order with ``rows``: Uniform, Mixed, or the number of messages of one credit each."""
    rows = Uniform(recipients(rows), 1, PRICE) if isinstance(rows, int) else rows
    order = NewOrder(
        account_id=account.id,
        id=uuid7(MORNING, uuid4().bytes[:10]),
        user_id=None,
        user_revision=None,
        session_id=None,
        credential_id=None,
        dialect="smsend",
        client_ref=None,
        idempotency_key=None,
        fingerprint=b"\x00\xff",
        message_type="high",
        type_token="N",
        text="Grüß Gott 😀",
        text_read=None,
        alphabet="ucs2",
        parts=1,
        originator="Dragoman",
        label="",
        wants_receipt=True,
        priority=2,
        units=rows.units * len(rows) if isinstance(rows, Uniform) else sum(item.units for item in rows.rows),
        due_at=None,
        expires_at=None,
        created_at=MORNING,
        state="queued",
        connector="simulator",
        messages=rows,
    )
    return dataclasses.replace(order, **changed)


def accept(gateway: Gateway, order: NewOrder) -> Recorded:
    return acceptance.accept(gateway.engine, order)


def counts(gateway: Gateway) -> tuple[int, int, int]:
    """Orders, messages and charges."""
    with gateway.reading() as session:
        orders, stored, charges = (
            session.scalar(select(func.count()).select_from(table).where(*condition)) or 0
            for table, condition in ((Order, ()), (Message, ()), (LedgerEntry, (LedgerEntry.kind == "charge",)))
        )
        return orders, stored, charges


def standing(gateway: Gateway, account: Account) -> tuple[int, int]:
    """Balance in units, and the number of ledger entries."""
    with gateway.reading() as session:
        row = session.get_one(Account, account.id)
        return row.balance, row.ledger_sequence


class TestWhole:
    def test_order_messages_ledger_and_debit(self, gateway, account):
        order = a_new_order(account, 3, client_ref="order-1", label="spring", expires_at=MORNING + timedelta(hours=1))
        assert accept(gateway, order) == Recorded(balance_units=7000, sequence=2)
        assert counts(gateway) == (1, 3, 1)
        assert standing(gateway, account) == (7000, 2)
        with gateway.reading() as session:
            stored = session.scalars(select(Order)).one()
            (entry,) = entries(session, account.id, 1)
            assert (stored.id, stored.client_ref, stored.text, stored.fingerprint) == (order.id, "order-1", "Grüß Gott 😀", b"\x00\xff")
            assert (stored.recipient_count, stored.units, stored.charge_sequence, stored.created_at) == (3, 3000, 2, MORNING)
            assert (entry.units, entry.balance_after, entry.order_id, entry.kind) == (3000, 7000, order.id, "charge")
            assert entry.created_at == MORNING
            assert (entry.from_account_id, entry.to_account_id) == (account.id, 2)

    def test_uniform_messages(self, gateway, account):
        due = MORNING + timedelta(days=1, microseconds=7)
        accept(gateway, a_new_order(account, 3, due_at=due, state="scheduled", priority=1))
        stored = messages(gateway)
        assert [(each.position, each.recipient) for each in stored] == list(enumerate(recipients(3)))
        assert {(each.own_text, each.alphabet, each.parts, each.units, each.attempts, each.fence) for each in stored} == {
            (None, None, 1, PRICE, 0, 0)
        }
        assert {(each.state, each.connector, each.priority, each.due_at) for each in stored} == {("scheduled", "simulator", 1, due)}

    def test_mixed_messages(self, gateway, account):
        rows = [Item("+39340", "one", "gsm7", 1, 1000), Item("+39341", None, None, 2, 2500), Item("+39342", "żółw", "ucs2", 3, 0)]
        accept(gateway, a_new_order(account, Mixed(rows)))
        stored = messages(gateway)
        assert [(each.recipient, each.own_text, each.alphabet, each.parts, each.units) for each in stored] == [row[:5] for row in rows]
        assert standing(gateway, account)[0] == 6500

    def test_more_than_one_chunk(self, gateway, monkeypatch):
        monkeypatch.setattr(acceptance, "CHUNK", CHUNK)
        number = CHUNK + 1
        account = an_account(gateway, credit=number)
        accept(gateway, a_new_order(account, number))
        assert counts(gateway) == (1, number, 1)
        assert standing(gateway, account) == (0, 2)
        stored = messages(gateway)
        assert [each.recipient for each in stored] == recipients(number)
        assert [each.position for each in stored] == list(range(number))

    def test_more_than_one_chunk_of_mixed_messages(self, gateway):
        account = an_account(gateway, credit=2 * MANY)
        rows = [Item(number, f"text {index}", "gsm7", 1, index % 2 * 1000) for index, number in enumerate(recipients(MANY))]
        accept(gateway, a_new_order(account, Mixed(rows)))
        assert [each.own_text for each in messages(gateway)] == [row.text for row in rows]

    def test_for_nothing(self, gateway):
        account = an_account(gateway, credit=0)
        assert accept(gateway, a_new_order(account, Uniform(recipients(2), 1, 0))) == Recorded(0, 1)

    def test_down_to_the_credit_limit(self, gateway):
        account = accounts.create_account(gateway, accounts.NewAccount(name="trusted", credit_limit_units=2000))
        assert accept(gateway, a_new_order(account, 2)).balance_units == -2000
        with pytest.raises(InsufficientCredit) as refused:
            accept(gateway, a_new_order(account))
        assert (refused.value.needed_units, refused.value.available_units) == (1000, 0)


class TestNothing:
    @pytest.mark.parametrize("number", [11, MANY])
    def test_when_credit_does_not_cover_it(self, gateway, account, number):
        with pytest.raises(InsufficientCredit) as refused:
            accept(gateway, a_new_order(account, number))
        assert (refused.value.needed_units, refused.value.available_units) == (number * PRICE, 10_000)
        assert counts(gateway) == (0, 0, 0)
        assert standing(gateway, account) == (10_000, 1)
        assert accept(gateway, a_new_order(account)).sequence == 2

    def test_when_the_account_is_not_there(self, gateway, account):
        account.id += 1
        with pytest.raises(CallerChanged):
            accept(gateway, a_new_order(account))
        assert counts(gateway) == (0, 0, 0)

    def test_when_the_account_is_closed(self, gateway, account):
        with gateway.writing() as session:
            session.execute(update(Account).where(Account.id == account.id).values(status="closed"))
        with pytest.raises(CallerChanged):
            accept(gateway, a_new_order(account))
        assert counts(gateway) == (0, 0, 0)

    def test_when_the_user_was_disabled(self, gateway, account):
        user = accounts.create_user(gateway, account.name, "mario", "correct horse")
        accept(gateway, a_new_order(account, user_id=user.id, client_ref="before"))
        accounts.set_user_disabled(gateway, "mario", disabled=True)
        for reference in ("after", "before"):
            with pytest.raises(CallerChanged):
                accept(gateway, a_new_order(account, user_id=user.id, client_ref=reference))
        assert counts(gateway) == (1, 1, 1)

    @pytest.mark.parametrize("number", [1, MANY])
    def test_when_the_session_was_revoked(self, gateway, number):
        account = an_account(gateway, credit=2 * MANY)
        user = accounts.create_user(gateway, account.name, "mario", "correct horse")
        row = SessionRow(id=uuid4(), user_id=user.id, created_at=MORNING, last_seen=MORNING)
        session_id = row.id
        with gateway.writing() as session:
            session.add(row)
        accept(gateway, a_new_order(account, user_id=user.id, session_id=session_id))
        with gateway.writing() as session:
            session.execute(update(SessionRow).values(revoked_at=MORNING))
        with pytest.raises(CallerChanged):
            accept(gateway, a_new_order(account, number, user_id=user.id, session_id=session_id))
        assert counts(gateway) == (1, 1, 1)

    @pytest.mark.parametrize("number", [1, MANY])
    def test_when_the_user_was_changed(self, gateway, number):
        account = an_account(gateway, credit=2 * MANY)
        user = accounts.create_user(gateway, account.name, "mario", "correct horse")
        accept(gateway, a_new_order(account, user_id=user.id, user_revision=0))
        identity.change_password(gateway, "mario", "battery staple")
        with pytest.raises(CallerChanged):
            accept(gateway, a_new_order(account, number, user_id=user.id, user_revision=0))
        accept(gateway, a_new_order(account, user_id=user.id, user_revision=1))
        assert counts(gateway) == (2, 2, 2)

    @pytest.mark.parametrize("number", [1, MANY])
    def test_when_the_key_was_revoked(self, gateway, number):
        account = an_account(gateway, credit=2 * MANY)
        user = accounts.create_user(gateway, account.name, "mario", "correct horse")
        key = keys.create(gateway, keys.HTTPSMS, "mario")
        accept(gateway, a_new_order(account, user_id=user.id, credential_id=key.id))
        keys.revoke(gateway, key.prefix)
        with pytest.raises(CallerChanged):
            accept(gateway, a_new_order(account, number, user_id=user.id, credential_id=key.id))
        assert counts(gateway) == (1, 1, 1)


class TestReferences:
    @pytest.mark.parametrize("column", ["client_ref", "idempotency_key"])
    @pytest.mark.parametrize("number", [1, MANY])
    def test_a_taken_one_changes_nothing(self, gateway, column, number):
        account = an_account(gateway, credit=2 * MANY)
        accept(gateway, a_new_order(account, **{column: "mine"}))
        before = standing(gateway, account)
        with pytest.raises(ReferenceTaken) as refused:
            accept(gateway, a_new_order(account, number, **{column: "mine"}))
        assert refused.value.column == column
        assert counts(gateway) == (1, 1, 1)
        assert standing(gateway, account) == before

    @pytest.mark.parametrize("column", ["client_ref", "idempotency_key"])
    @pytest.mark.parametrize("number", [1, MANY])
    def test_a_taken_one_is_said_even_where_the_credit_is_gone(self, gateway, column, number):
        account = an_account(gateway, credit=1)
        accept(gateway, a_new_order(account, **{column: "mine"}))
        with pytest.raises(ReferenceTaken) as refused:
            accept(gateway, a_new_order(account, number, **{column: "mine"}))
        assert refused.value.column == column

    def test_are_each_account_s_own(self, gateway, account):
        accept(gateway, a_new_order(account, client_ref="mine", idempotency_key="mine"))
        accept(gateway, a_new_order(an_account(gateway), client_ref="mine", idempotency_key="mine"))
        assert counts(gateway) == (2, 2, 2)

    def test_client_references_are_each_dialect_s_own(self, gateway, account):
        accept(gateway, a_new_order(account, client_ref="mine"))
        accept(gateway, a_new_order(account, client_ref="mine", dialect="another"))
        assert counts(gateway) == (2, 2, 2)

    @pytest.mark.parametrize("number", [1, MANY])
    def test_the_very_same_order_again_is_the_same_order(self, gateway, number):
        account = an_account(gateway, credit=MANY)
        order = a_new_order(account, number, client_ref="mine")
        first = accept(gateway, order)
        assert accept(gateway, order) == first
        assert counts(gateway) == (1, number, 1)


class TestConcurrency:
    def test_credit_for_five_is_never_spent_by_six(self, gateway):
        account = an_account(gateway, credit=5)
        outcomes = at_once(12, lambda _: accept(gateway, a_new_order(account)))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InsufficientCredit"] * 7 + ["Recorded"] * 5
        assert sorted(outcome.sequence for outcome in outcomes if isinstance(outcome, Recorded)) == [2, 3, 4, 5, 6]
        assert standing(gateway, account) == (0, 6)

    def test_long_and_short_orders_of_one_account(self, gateway):
        account = an_account(gateway, credit=3 * MANY)
        outcomes = at_once(6, lambda index: accept(gateway, a_new_order(account, MANY if index % 3 == 0 else 1)))
        assert [outcome for outcome in outcomes if not isinstance(outcome, Recorded)] == []
        assert counts(gateway) == (6, 2 * MANY + 4, 6)


@on_postgresql
class TestLostConnection:
    """PostgreSQL's own: a connection that ends while idle, before a statement, or between a commit and its answer."""

    @pytest.mark.parametrize("number", [1, MANY])
    def test_while_idle(self, gateway, number):
        account = an_account(gateway, credit=2 * MANY)
        accept(gateway, a_new_order(account))
        end_backend(gateway)
        accept(gateway, a_new_order(account, number))
        assert counts(gateway) == (2, 1 + number, 2)

    def test_while_idle_when_reading(self, gateway, account):
        accept(gateway, a_new_order(account))
        end_backend(gateway)
        assert fetch(gateway.engine, Statement("SELECT 1"), {}) == (1,)

    @pytest.mark.parametrize("number", [1, MANY])
    @pytest.mark.parametrize("spare", [0, 1])
    def test_after_the_commit_gives_the_same_answer(self, gateway, monkeypatch, number, spare):
        """The answer is lost, so the order is given again; also when it had taken the last credit there was."""
        account = an_account(gateway, credit=number + spare * number)
        name = "_accept_whole" if number == 1 else "_accept_chunks"
        tries = deaf_once(monkeypatch, name)
        assert accept(gateway, a_new_order(account, number, client_ref="mine")) == Recorded(spare * number * PRICE, 2)
        assert len(tries) == 2
        assert counts(gateway) == (1, number, 1)

    @pytest.mark.parametrize("number", [1, MANY])
    def test_in_the_middle(self, gateway, monkeypatch, number):
        account = an_account(gateway, credit=MANY)
        with broken_at(monkeypatch, gateway, 1 if number == 1 else 2):
            accept(gateway, a_new_order(account, number))
        assert counts(gateway) == (1, number, 1)

    def test_every_time(self, gateway, account, monkeypatch):
        def never(*_arguments: object) -> None:
            raise psycopg.OperationalError("the connection is lost")

        monkeypatch.setattr(acceptance, "_accept_whole", never)
        with pytest.raises(StorageUnavailable):
            accept(gateway, a_new_order(account))


def test_an_error_in_the_middle_leaves_nothing(gateway, account):
    """A defect of ours, which the database notices at the last message: no number."""
    rows = [Item(number, None, None, 1, PRICE) for number in recipients(MANY)]
    order = a_new_order(account, Mixed([*rows[:9], Item(None, None, None, 1, PRICE)]))  # type: ignore[arg-type]
    with pytest.raises((psycopg.IntegrityError, sqlite3.IntegrityError)):
        accept(gateway, order)
    assert counts(gateway) == (0, 0, 0)
    assert standing(gateway, account) == (10_000, 1)
    accept(gateway, a_new_order(account))


def at_once(number: int, work: Any) -> list[Any]:
    """What ``work(0)``, ``work(1)``, … gave or raised, all started at the same moment."""
    outcomes: list[Any] = [None] * number
    gate = threading.Barrier(number)

    def body(index: int) -> None:
        gate.wait()
        try:
            outcomes[index] = work(index)
        except Exception as error:
            outcomes[index] = error

    threads = [threading.Thread(target=body, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def hot_connection(gateway: Gateway) -> Any:
    """This thread's connection for the hot path."""
    return driver._held_for(gateway.engine).connection(gateway.engine)


def end_backend(gateway: Gateway) -> None:
    """The server ends the hot connection, as a restart or a proxy does."""
    process = hot_connection(gateway).info.backend_pid
    url = gateway.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (process,))


def deaf_once(monkeypatch: pytest.MonkeyPatch, name: str) -> list[None]:
    """Makes the first answer of an accepting function get lost behind its commit; grows by one with each try."""
    real = getattr(acceptance, name)
    tries: list[None] = []

    def deaf(*arguments: Any) -> Recorded | None:
        tries.append(None)
        recorded: Recorded | None = real(*arguments)
        if len(tries) == 1:
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return recorded

    monkeypatch.setattr(acceptance, name, deaf)
    return tries


@contextmanager
def broken_at(monkeypatch: pytest.MonkeyPatch, gateway: Gateway, statement: int) -> Iterator[None]:
    """The server ends the connection just before its n-th statement, once."""
    connection, left = hot_connection(gateway), [statement]
    real = type(connection).execute

    def execute(self: Any, *arguments: Any, **options: Any) -> Any:
        if self is connection:
            left[0] -= 1
            if left[0] == 0:
                end_backend(gateway)
        return real(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(connection), "execute", execute)
        yield
    assert left[0] <= 0
