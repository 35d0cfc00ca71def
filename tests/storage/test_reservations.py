"""What an order reserves before it is charged: its share of a daily cap, and a time for each message of a paced number."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select

from gateway.domain.errors import CallerChanged, InsufficientCredit
from gateway.domain.ids import uuid7
from gateway.domain.pace import Pace, Window
from gateway.services import accounts, ledger, phones
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange
from gateway.storage import accept as acceptance
from gateway.storage.accept import Cap, CapReached, NewOrder, Recorded, ReferenceTaken, Uniform
from gateway.storage.tables import Account, DailyUse, Order, Phone
from tests.support.builders import an_account, balance, messages, recipients
from tests.support.databases import MORNING

PRICE = 1000
TODAY = MORNING.date()
SECONDS = 6
"""Between two messages of the number."""
THREADS, EACH = 8, 5
BULK = 23
"""More than two chunks, as the tests have them."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptance, "CHUNK", 10)


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway) -> Iterator[None]:
    yield
    assert list(ledger.verify(gateway)) == []


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return an_account(gateway, credit=100)


@pytest.fixture
def phone(gateway: Gateway, account: Account) -> UUID:
    """A number that sends from, free at once."""
    row = Phone(id=uuid4(), account_id=account.id, number="+393400000000", created_at=MORNING, updated_at=MORNING)
    with gateway.writing() as session:
        session.add(row)
        return row.id


def a_new_order(account: Account, count: int = 1, **changed: Any) -> NewOrder:
    """An order of ``count`` messages of one credit each."""
    order = NewOrder(
        account_id=account.id, id=uuid7(MORNING, uuid4().bytes[:10]), user_id=None, user_revision=None, session_id=None, credential_id=None,
        dialect="httpsms", client_ref=None, idempotency_key=None, fingerprint=b"", message_type="high", type_token="", text="Hello",
        text_read=None, alphabet="gsm7", parts=1, originator=None, label="", wants_receipt=True, priority=2, units=count * PRICE,
        due_at=None, expires_at=None, created_at=MORNING, state="queued", connector="simulator",
        messages=Uniform(recipients(count), 1, PRICE),
    )  # fmt: skip
    return dataclasses.replace(order, **changed)


def accept(gateway: Gateway, order: NewOrder) -> Recorded:
    return acceptance.accept(gateway.engine, order)


def used(gateway: Gateway) -> dict[tuple[str, Any], int]:
    with gateway.reading() as session:
        return {(row.scope, row.day): row.count for row in session.scalars(select(DailyUse))}


def next_slot(gateway: Gateway, phone: UUID) -> datetime | None:
    with gateway.reading() as session:
        return session.get_one(Phone, phone).next_slot_at


def dues(gateway: Gateway) -> list[float]:
    """When each message is due, in seconds after the morning's hour, earliest first."""
    return sorted((message.due_at - MORNING).total_seconds() for message in messages(gateway))


class TestCap:
    def test_counts_messages_up_to_the_last_one(self, gateway: Gateway, account: Account) -> None:
        cap = Cap("key:1", TODAY, 5)
        accept(gateway, a_new_order(account, 2, cap=cap))
        with pytest.raises(CapReached):
            accept(gateway, a_new_order(account, 4, cap=cap))
        accept(gateway, a_new_order(account, 3, cap=cap))
        with pytest.raises(CapReached):
            accept(gateway, a_new_order(account, 1, cap=cap))
        assert used(gateway) == {("key:1", TODAY): 5}
        assert (len(messages(gateway)), balance(gateway, account)) == (5, 95)

    @pytest.mark.parametrize("most", [0, 3])
    def test_an_order_larger_than_the_cap_leaves_nothing(self, gateway: Gateway, account: Account, most: int) -> None:
        with pytest.raises(CapReached):
            accept(gateway, a_new_order(account, 4, cap=Cap("key:1", TODAY, most)))
        assert (used(gateway), messages(gateway), balance(gateway, account)) == ({}, [], 100)

    def test_scopes_and_days_are_apart(self, gateway: Gateway, account: Account) -> None:
        for scope, day in (("key:1", TODAY), ("key:2", TODAY), ("key:1", TODAY + timedelta(days=1))):
            accept(gateway, a_new_order(account, 2, cap=Cap(scope, day, 2)))
        assert set(used(gateway).values()) == {2}
        assert len(used(gateway)) == 3

    def test_what_cannot_be_paid_uses_nothing(self, gateway: Gateway, account: Account) -> None:
        cap = Cap("key:1", TODAY, 500)
        with pytest.raises(InsufficientCredit):
            accept(gateway, a_new_order(account, 101, cap=cap))
        assert used(gateway) == {}
        accept(gateway, a_new_order(account, 100, cap=cap))
        with pytest.raises(InsufficientCredit):
            accept(gateway, a_new_order(account, 1, cap=cap))
        assert used(gateway) == {("key:1", TODAY): 100}

    def test_a_repeated_reference_uses_nothing(self, gateway: Gateway, account: Account) -> None:
        cap = Cap("key:1", TODAY, 10)
        accept(gateway, a_new_order(account, 2, cap=cap, client_ref="a"))
        with pytest.raises(ReferenceTaken):
            accept(gateway, a_new_order(account, 2, cap=cap, client_ref="a"))
        assert used(gateway) == {("key:1", TODAY): 2}

    def test_a_caller_who_changed_uses_nothing(self, gateway: Gateway, account: Account) -> None:
        user = accounts.create_user(gateway, account.name, "mario", "correct horse")
        with pytest.raises(CallerChanged):
            accept(gateway, a_new_order(account, cap=Cap("key:1", TODAY, 10), user_id=user.id, user_revision=user.revision + 1))
        assert used(gateway) == {}

    def test_is_exact_under_threads_and_short_credit(self, app: Flask, gateway: Gateway) -> None:
        """Of orders that want more than either, as many are taken as the smaller allows; the cap counts these alone."""
        account = an_account(gateway, credit=7)
        cap = Cap("key:1", TODAY, 30)

        def one() -> bool:
            try:
                accept(gateway, a_new_order(account, 1, cap=cap))
            except (CapReached, InsufficientCredit):
                return False
            return True

        assert sum(at_once(app, one)) == 7
        assert used(gateway) == {("key:1", TODAY): 7}
        assert balance(gateway, account) == 0


class TestPace:
    def test_messages_get_times_one_behind_the_other(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        accept(gateway, a_new_order(account, 3, pace=Pace(phone, SECONDS)))
        accept(gateway, a_new_order(account, 2, pace=Pace(phone, SECONDS)))
        assert dues(gateway) == [0, 6, 12, 18, 24]
        assert next_slot(gateway, phone) == MORNING + timedelta(seconds=30)
        assert [message.recipient for message in sorted(messages(gateway), key=lambda message: message.due_at)][:3] == recipients(3)

    def test_a_rest_is_not_made_up_for(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        accept(gateway, a_new_order(account, 2, pace=Pace(phone, SECONDS)))
        later = MORNING + timedelta(minutes=10)
        accept(gateway, a_new_order(account, 2, pace=Pace(phone, SECONDS), created_at=later))
        assert dues(gateway) == [0, 6, 600, 606]

    def test_an_order_of_several_chunks(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        accept(gateway, a_new_order(account, BULK, pace=Pace(phone, SECONDS)))
        stored = messages(gateway)
        assert [message.position for message in stored] == list(range(BULK))
        assert [(message.due_at - MORNING).total_seconds() for message in stored] == [number * SECONDS for number in range(BULK)]
        assert [message.recipient for message in stored] == recipients(BULK)
        with gateway.reading() as session:
            assert session.scalars(select(Order.recipient_count)).one() == BULK

    def test_validity_counts_from_each_message_s_time(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        validity = timedelta(minutes=2)
        accept(gateway, a_new_order(account, 12, pace=Pace(phone, SECONDS), validity=validity, expires_at=MORNING + validity))
        assert [message.expires_at for message in messages(gateway)] == [message.due_at + validity for message in messages(gateway)]

    def test_without_a_limit_all_go_at_once_but_after_those_before(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        accept(gateway, a_new_order(account, 2, pace=Pace(phone, SECONDS)))
        accept(gateway, a_new_order(account, 3, pace=Pace(phone, 0)))
        assert dues(gateway) == [0, 6, 12, 12, 12]

    def test_hours_of_the_number(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        """It is Monday, 09:00 in Rome. The window ends half an hour later; what does not fit waits for the next Monday."""
        window = Window(1, 9 * 60, 9 * 60 + 30)
        accept(gateway, a_new_order(account, 4, pace=Pace(phone, 600, (window,), ZoneInfo("Europe/Rome"))))
        assert dues(gateway) == [0, 600, 1200, 7 * 86400]
        assert MORNING.astimezone(UTC).isoweekday() == 1

    def test_a_scheduled_order_keeps_its_hour_and_books_nothing(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        due = MORNING + timedelta(hours=2)
        accept(gateway, a_new_order(account, 3, pace=Pace(phone, SECONDS), due_at=due, state="scheduled"))
        assert dues(gateway) == [7200] * 3
        assert next_slot(gateway, phone) is None

    def test_numbers_have_rhythms_of_their_own(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        other = Phone(id=uuid4(), account_id=account.id, number="+393400000001", created_at=MORNING, updated_at=MORNING)
        with gateway.writing() as session:
            session.add(other)
            other_id = other.id
        accept(gateway, a_new_order(account, 2, pace=Pace(phone, SECONDS)))
        accept(gateway, a_new_order(account, 2, pace=Pace(other_id, SECONDS)))
        assert dues(gateway) == [0, 0, 6, 6]

    def test_what_cannot_be_paid_books_nothing(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        cap = Cap("key:1", TODAY, 1000)
        accept(gateway, a_new_order(account, 1, pace=Pace(phone, SECONDS)))
        booked = next_slot(gateway, phone)
        with pytest.raises(InsufficientCredit):
            accept(gateway, a_new_order(account, 100, pace=Pace(phone, SECONDS), cap=cap))
        assert next_slot(gateway, phone) == booked
        assert (used(gateway), len(messages(gateway)), balance(gateway, account)) == ({}, 1, 99)

    def test_a_cap_that_is_reached_books_nothing(self, gateway: Gateway, account: Account, phone: UUID) -> None:
        with pytest.raises(CapReached):
            accept(gateway, a_new_order(account, 2, pace=Pace(phone, SECONDS), cap=Cap("key:1", TODAY, 1)))
        assert next_slot(gateway, phone) is None

    def test_two_orders_at_once_never_share_a_time(self, app: Flask, gateway: Gateway, account: Account, phone: UUID) -> None:
        def one() -> bool:
            return bool(accept(gateway, a_new_order(account, 1, pace=Pace(phone, SECONDS))))

        assert sum(at_once(app, one, threads=2)) == 2 * EACH
        assert dues(gateway) == [number * SECONDS for number in range(2 * EACH)]

    def test_bulk_orders_at_once_do_not_mix(self, app: Flask, gateway: Gateway, account: Account, phone: UUID) -> None:
        def one() -> bool:
            return bool(accept(gateway, a_new_order(account, 3, pace=Pace(phone, SECONDS))))

        assert sum(at_once(app, one, threads=4)) == 4 * EACH
        stored = messages(gateway)
        assert dues(gateway) == [number * SECONDS for number in range(4 * EACH * 3)]
        for start in range(0, len(stored), 3):
            first, second, third = (message.due_at for message in stored[start : start + 3])
            assert second - first == third - second == timedelta(seconds=SECONDS)


def at_once(app: Flask, one: Any, threads: int = THREADS) -> list[bool]:
    """What ``one`` gave, called so often in each of so many threads that begin together."""
    together = threading.Barrier(threads)

    def many() -> list[bool]:
        with app.app_context():
            together.wait(60)
            return [one() for _ in range(EACH)]

    with ThreadPoolExecutor(threads) as pool:
        return [result for each in [pool.submit(many) for _ in range(threads)] for result in each.result(120)]


class TestACapAndAnOrderThatStands:
    """A day that is used up by the very order that is asked for again is no refusal."""

    def test_repeated_by_its_key(self, gateway: Gateway, account: Account) -> None:
        cap = Cap("user:1", TODAY, 1)
        accept(gateway, a_new_order(account, cap=cap, idempotency_key="mine"))
        with pytest.raises(ReferenceTaken):
            accept(gateway, a_new_order(account, cap=cap, idempotency_key="mine"))
        with pytest.raises(CapReached):
            accept(gateway, a_new_order(account, cap=cap, idempotency_key="another"))

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    def test_when_the_connection_broke_behind_its_commit(self, gateway: Gateway, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        tries = []
        real = acceptance._accept_chunks

        def lost_once(*arguments: Any) -> Recorded | None:
            recorded = real(*arguments)
            tries.append(recorded)
            if len(tries) == 1:
                raise psycopg.OperationalError("the connection was lost")
            return recorded

        monkeypatch.setattr(acceptance, "_accept_chunks", lost_once)
        recorded = accept(gateway, a_new_order(account, cap=Cap("user:1", TODAY, 1)))
        assert (recorded.balance_units, len(messages(gateway))) == (99 * PRICE, 1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_changing_a_number_while_it_sends_stands_in_nobody_s_way(app: Flask, gateway: Gateway, account: Account, phone: UUID) -> None:
    pace = Pace(phone, SECONDS)

    def send(_: int) -> None:
        with app.app_context():
            accept(gateway, a_new_order(account, pace=pace))

    def change(number: int) -> None:
        with app.app_context():
            phones.add(gateway, account.name, "+393400000000", PhoneChange(messages_per_minute=number))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(call, number) for number in range(40) for call in (send, change)]:
            done.result()  # a deadlock would be an error here
    assert len(messages(gateway)) == 40
