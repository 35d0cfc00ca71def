"""Taking an order and taking it back: price, text, time, repeats."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from gateway.dispatcher.lanes import shares
from gateway.domain.errors import (
    CallerChanged,
    DestinationNotServed,
    DuplicateReference,
    EmptyText,
    IdempotencyMismatch,
    InsufficientCredit,
    InvalidDate,
    NotCancellable,
    NotFound,
    TooManyRecipients,
    Unavailable,
    UnencodableText,
)
from gateway.domain.ids import message_id
from gateway.domain.message import State
from gateway.domain.order import Submission
from gateway.domain.parts import TextPolicy
from gateway.domain.tariff import MessageType
from gateway.services import accounts, dispatching, identity, ledger, ordering, pricing
from gateway.services import messages as single
from gateway.services.core import Gateway
from gateway.services.identity import Password
from gateway.services.ordering import Accepted, Terms
from gateway.storage.orders import by_number
from gateway.storage.tables import TEST_CONNECTOR, Account, LedgerEntry, Order, TariffRow
from tests.support.builders import RECIPIENT, an_account, an_order, balance, messages, recipients, set_connector, the_message
from tests.support.databases import FixedClock

THREADS = 20


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    yield
    assert list(ledger.verify(gateway)) == []


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return an_account(gateway)


GIVEN: dict[str, Any] = {
    "user_id": None,
    "dialect": "smsend",
    "message_type": MessageType.HIGH,
    "type_token": "N",
    "text": "Good morning",
    "recipients": [RECIPIENT],
    "fingerprint": b"first",
}


def submit(gateway: Gateway, account: Account, policy: TextPolicy = TextPolicy.UCS2, **changed: Any) -> Accepted:
    """A submission through the use case itself."""
    return ordering.submit(gateway, Submission(**GIVEN | {"account_id": account.id} | changed), Terms(text_policy=policy))


def set_price(gateway: Gateway, prefix: str, units: int) -> None:
    with gateway.writing() as session:
        pricing.set_tariff(session, MessageType.HIGH, prefix, units, gateway.clock.now())
    gateway.catalogue.forget()


def the_order(gateway: Gateway) -> Order:
    with gateway.reading() as session:
        order = session.scalars(select(Order)).one()
        session.expunge(order)
        return order


def orders_and_charges(gateway: Gateway) -> tuple[int, int]:
    with gateway.reading() as session:
        orders = session.scalar(select(func.count()).select_from(Order)) or 0
        charges = session.scalar(select(func.count()).select_from(LedgerEntry).where(LedgerEntry.kind == "charge")) or 0
        return orders, charges


class TestPrice:
    def test_is_parts_times_the_price_of_the_prefix(self, gateway, account):
        set_price(gateway, "39", 50)
        accepted = submit(gateway, account, text="a" * 161, recipients=recipients(3))
        assert (accepted.units, accepted.recipient_count, accepted.balance_units) == (300, 3, 1_000_000 - 300)
        assert accepted.credits_charged == 1
        assert [(each.parts, each.units) for each in messages(gateway)] == [(2, 100)] * 3

    def test_of_each_recipient_where_prefixes_differ(self, gateway, account):
        set_price(gateway, "39", 50)
        set_price(gateway, "33", 70)
        accepted = submit(gateway, account, recipients=["+39347", "+33612", "+44771", "+39348"])
        assert accepted.units == 50 + 70 + 1000 + 50
        assert [each.units for each in messages(gateway)] == [50, 70, 1000, 50]

    def test_of_each_text_where_texts_differ(self, gateway, account):
        set_price(gateway, "39", 50)
        texts = ["one", "z" * 161, "ż" * 70, "ż" * 71]
        accepted = submit(gateway, account, text="template", recipients=recipients(4), texts=texts)
        assert accepted.units == 50 * (1 + 2 + 1 + 2)
        assert [(each.own_text, each.alphabet, each.parts, each.units) for each in messages(gateway)] == [
            ("one", "gsm7", 1, 50),
            ("z" * 161, "gsm7", 2, 100),
            ("ż" * 70, "ucs2", 1, 50),
            ("ż" * 71, "ucs2", 2, 100),
        ]

    def test_nothing_is_sent_where_one_destination_is_not_served(self, gateway, account):
        with gateway.writing() as session:
            session.execute(update(TariffRow).where(TariffRow.message_type == "high").values(prefix="39"))
        gateway.catalogue.forget()
        with pytest.raises(DestinationNotServed):
            submit(gateway, account, recipients=["+39347", "+33612"])
        assert orders_and_charges(gateway) == (0, 0)

    def test_nothing_is_sent_where_credit_does_not_cover_all(self, gateway):
        account = an_account(gateway, credit=2)
        with pytest.raises(InsufficientCredit) as refused:
            submit(gateway, account, recipients=recipients(3))
        assert (refused.value.needed_units, refused.value.available_units) == (3000, 2000)
        assert (orders_and_charges(gateway), balance(gateway, account)) == ((0, 0), 2)

    def test_for_nothing(self, gateway):
        set_price(gateway, "", 0)
        account = an_account(gateway, credit=0)
        assert submit(gateway, account).units == 0


class TestText:
    def test_a_letter_outside_gsm7_makes_it_ucs2(self, gateway, account):
        submit(gateway, account, text="ż" * 71)
        order = the_order(gateway)
        assert (order.alphabet, order.parts, order.text, order.text_read) == ("ucs2", 2, "ż" * 71, None)

    def test_is_transliterated_where_the_account_wants_it(self, gateway, account):
        submit(gateway, account, TextPolicy.TRANSLITERATE, text="“It’s”")
        order = the_order(gateway)
        assert (order.alphabet, order.text_read) == ("gsm7", "“It’s”")
        assert order.text.isascii()

    def test_is_refused_where_the_account_wants_it(self, gateway, account):
        with pytest.raises(UnencodableText):
            submit(gateway, account, TextPolicy.REFUSE, text="Zażółć")
        with pytest.raises(UnencodableText):
            submit(gateway, account, TextPolicy.REFUSE, text="x", recipients=recipients(2), texts=["x", "Zażółć"])
        assert orders_and_charges(gateway) == (0, 0)

    def test_goes_as_ucs2_on_request(self, gateway, account):
        submit(gateway, account, TextPolicy.REFUSE, text="plain", force_ucs2=True)
        assert the_order(gateway).alphabet == "ucs2"

    def test_empty(self, gateway, account):
        with pytest.raises(EmptyText):
            submit(gateway, account, text="")

    def test_is_kept_as_it_is(self, gateway, account, clock):
        texts = ["a\x01\x1b\x7fb", "\u200f\u202e", "😀" * 35, "line\r\nend", "'; DROP TABLE orders; --", "%s :id {x}"]
        for text in texts:
            submit(gateway, account, text=text, label=text)
            clock.forward(seconds=1)
        with gateway.reading() as session:
            stored = [(order.text, order.label) for order in session.scalars(select(Order).order_by(Order.id))]
        assert stored == [(text, text) for text in texts]


class TestTime:
    def test_at_once(self, gateway, account, clock):
        submit(gateway, account)
        message = the_message(gateway)
        assert (message.state, message.due_at, message.expires_at) == ("queued", clock.now(), None)
        assert the_order(gateway).due_at is None

    def test_in_the_past_means_now(self, gateway, account, clock):
        for back in (timedelta(0), timedelta(microseconds=1), timedelta(days=9000)):
            submit(gateway, account, due_at=clock.now() - back)
        assert {(each.state, each.due_at) for each in messages(gateway)} == {("queued", clock.now())}

    @pytest.mark.parametrize("ahead", [timedelta(microseconds=1), timedelta(days=366)])
    def test_ahead(self, gateway, account, clock, ahead):
        submit(gateway, account, due_at=clock.now() + ahead)
        assert (the_message(gateway).state, the_message(gateway).due_at) == ("scheduled", clock.now() + ahead)
        assert balance(gateway, account) == 999

    def test_too_far_ahead(self, gateway, account, clock):
        with pytest.raises(InvalidDate):
            submit(gateway, account, due_at=clock.now() + timedelta(days=366, microseconds=1))
        assert orders_and_charges(gateway) == (0, 0)

    def test_validity_counts_from_the_hour_of_sending(self, gateway, account, clock):
        submit(gateway, account, validity=timedelta(minutes=5))
        submit(gateway, account, validity=timedelta(minutes=5), due_at=clock.now() + timedelta(hours=1))
        assert {each.expires_at for each in messages(gateway)} == {
            clock.now() + timedelta(minutes=5),
            clock.now() + timedelta(hours=1, minutes=5),
        }


class TestLimits:
    def test_too_many_recipients(self, gateway, account):
        most = gateway.settings.max_recipients
        with pytest.raises(TooManyRecipients) as refused:
            submit(gateway, account, recipients=[RECIPIENT] * (most + 1))
        assert (refused.value.count, refused.value.limit) == (most + 1, most)

    def test_no_way_out(self, gateway, account):
        set_connector(gateway, enabled=False)
        gateway.catalogue.forget()
        with pytest.raises(Unavailable):
            submit(gateway, account)
        assert balance(gateway, account) == 1000


class TestIdempotency:
    KEY = "3f1c-one"

    def test_the_same_request_again_gives_the_same_answer(self, gateway, account, clock):
        first = submit(gateway, account, idempotency_key=self.KEY, recipients=recipients(3))
        an_order(gateway, account)
        clock.forward(days=30)
        assert submit(gateway, account, idempotency_key=self.KEY, recipients=recipients(3)) == first
        assert (orders_and_charges(gateway), balance(gateway, account)) == ((2, 2), 996)

    def test_what_is_not_sold_any_more_was_sold_then(self, gateway, account):
        with gateway.writing() as session:
            session.execute(delete(TariffRow))
            pricing.set_tariff(session, MessageType.HIGH, "39", 1000, gateway.clock.now())
        gateway.catalogue.forget()
        first = submit(gateway, account, idempotency_key=self.KEY)
        with gateway.writing() as session:
            session.execute(delete(TariffRow))
        gateway.catalogue.forget()
        assert submit(gateway, account, idempotency_key=self.KEY) == first
        with pytest.raises(IdempotencyMismatch):
            submit(gateway, account, idempotency_key=self.KEY, fingerprint=b"second")
        with pytest.raises(DestinationNotServed):
            submit(gateway, account, idempotency_key="another")

    def test_with_a_reference_of_the_customer_s_own_too(self, gateway, account):
        first = submit(gateway, account, idempotency_key=self.KEY, client_ref="mine")
        assert submit(gateway, account, idempotency_key=self.KEY, client_ref="mine") == first
        assert first.public_id == "mine"

    def test_the_answer_is_the_same_when_the_first_took_the_last_credit(self, gateway):
        account = an_account(gateway, credit=1)
        first = submit(gateway, account, idempotency_key=self.KEY)
        assert submit(gateway, account, idempotency_key=self.KEY) == first
        assert balance(gateway, account) == 0

    def test_another_request_under_the_same_key(self, gateway, account):
        submit(gateway, account, idempotency_key=self.KEY)
        with pytest.raises(IdempotencyMismatch):
            submit(gateway, account, idempotency_key=self.KEY, fingerprint=b"second")
        assert orders_and_charges(gateway) == (1, 1)

    def test_keys_are_each_account_s_own(self, gateway, account):
        first = submit(gateway, account, idempotency_key=self.KEY)
        second = submit(gateway, an_account(gateway), idempotency_key=self.KEY)
        assert first.order_id != second.order_id

    def test_a_refused_request_may_be_repeated(self, gateway):
        account = an_account(gateway, credit=0)
        with pytest.raises(InsufficientCredit):
            submit(gateway, account, idempotency_key=self.KEY)
        ledger.add_credit(gateway, account.name, 1000)
        assert submit(gateway, account, idempotency_key=self.KEY).units == 1000

    def test_a_user_who_was_shut_out_gets_no_answer(self, gateway, account):
        user = accounts.create_user(gateway, account.name, "mario", "correct horse")
        identity.sign_in(gateway, [Password("mario", "correct horse")], "")
        submit(gateway, account, idempotency_key=self.KEY, user_id=user.id)
        accounts.set_user_disabled(gateway, "mario", disabled=True)
        with pytest.raises(CallerChanged):
            submit(gateway, account, idempotency_key=self.KEY, user_id=user.id)

    @pytest.mark.parametrize("credit", [1, 1000])
    def test_twenty_at_once_are_one_order(self, app, gateway, credit):
        account = an_account(gateway, credit=credit)
        ordering.current_offer(gateway)
        answers = at_once(app, lambda: submit(gateway, account, idempotency_key=self.KEY))
        assert answers == [answers[0]] * THREADS
        assert isinstance(answers[0], Accepted)
        assert (orders_and_charges(gateway), balance(gateway, account)) == ((1, 1), credit - 1)


class TestReference:
    def test_twice(self, gateway, account):
        submit(gateway, account, client_ref="mine")
        with pytest.raises(DuplicateReference) as refused:
            submit(gateway, account, client_ref="mine")
        assert refused.value.client_ref == "mine"
        assert (orders_and_charges(gateway), balance(gateway, account)) == ((1, 1), 999)

    def test_twice_is_not_hidden_by_another_key(self, gateway, account):
        submit(gateway, account, client_ref="mine", idempotency_key="first")
        with pytest.raises(DuplicateReference):
            submit(gateway, account, client_ref="mine", idempotency_key="second")

    def test_twice_is_said_even_without_credit(self, gateway):
        account = an_account(gateway, credit=1)
        submit(gateway, account, client_ref="mine")
        with pytest.raises(DuplicateReference):
            submit(gateway, account, client_ref="mine")

    def test_twenty_at_once_are_one_order(self, app, gateway, account):
        ordering.current_offer(gateway)
        answers = at_once(app, lambda: submit(gateway, account, client_ref="mine"))
        assert sorted(type(answer).__name__ for answer in answers) == ["Accepted"] + ["DuplicateReference"] * (THREADS - 1)
        assert (orders_and_charges(gateway), balance(gateway, account)) == ((1, 1), 999)


class TestCancel:
    def test_a_scheduled_order_is_paid_back_whole(self, gateway, account, clock):
        accepted = an_order(gateway, account, recipients(5), due_at=clock.now() + timedelta(hours=1))
        assert balance(gateway, account) == 995
        assert ordering.cancel(gateway, account.id, "smsend", accepted.public_id) == 5
        assert balance(gateway, account) == 1000
        assert {(each.state, each.refunded_units, each.final_at) for each in messages(gateway)} == {("cancelled", 1000, clock.now())}

    def test_only_once(self, gateway, account, clock):
        accepted = an_order(gateway, account, due_at=clock.now() + timedelta(hours=1))
        ordering.cancel(gateway, account.id, "smsend", accepted.public_id)
        with pytest.raises(NotCancellable):
            ordering.cancel(gateway, account.id, "smsend", accepted.public_id)
        assert balance(gateway, account) == 1000

    def test_not_what_goes_at_once(self, gateway, account):
        accepted = an_order(gateway, account)
        with pytest.raises(NotCancellable):
            ordering.cancel(gateway, account.id, "smsend", accepted.public_id)

    def test_not_what_has_begun(self, gateway, account, clock):
        accepted = an_order(gateway, account, recipients(2), due_at=clock.now() + timedelta(hours=1))
        clock.forward(hours=1)
        dispatching.claim(gateway, "simulator", 1, shares)
        with pytest.raises(NotCancellable):
            ordering.cancel(gateway, account.id, "smsend", accepted.public_id)
        assert sorted(each.state for each in messages(gateway)) == ["scheduled", "sending"]

    def test_not_another_s(self, gateway, account, clock):
        accepted = an_order(gateway, account, due_at=clock.now() + timedelta(hours=1), client_ref="mine")
        for owner, dialect in ((an_account(gateway).id, "smsend"), (account.id + 77, "smsend")):
            with pytest.raises(NotFound):
                ordering.cancel(gateway, owner, dialect, accepted.public_id)

    def test_a_free_order(self, gateway, clock):
        set_price(gateway, "", 0)
        account = an_account(gateway, credit=0)
        accepted = an_order(gateway, account, due_at=clock.now() + timedelta(hours=1))
        assert ordering.cancel(gateway, account.id, "smsend", accepted.public_id) == 1

    def test_twenty_at_once_pay_back_once(self, app, gateway, account, clock):
        accepted = an_order(gateway, account, recipients(3), due_at=clock.now() + timedelta(hours=1))
        answers = at_once(app, lambda: ordering.cancel(gateway, account.id, "smsend", accepted.public_id))
        assert sorted(map(str, answers)) == sorted(["3"] + [str(NotCancellable())] * (THREADS - 1))
        assert balance(gateway, account) == 1000

    def test_all_that_wait_for_their_hour(self, gateway, account, clock, monkeypatch):
        monkeypatch.setattr(ordering, "CANCEL_CHUNK", 2)
        stranger = an_account(gateway)
        for _ in range(5):
            an_order(gateway, account, recipients(2), due_at=clock.now() + timedelta(hours=1))
        an_order(gateway, account)
        an_order(gateway, stranger, due_at=clock.now() + timedelta(hours=1))
        assert ordering.cancel_all(gateway, account.id, "another") == 0
        assert ordering.cancel_all(gateway, account.id, "smsend") == 5
        assert ordering.cancel_all(gateway, account.id, "smsend") == 0
        assert (balance(gateway, account), balance(gateway, stranger)) == (999, 999)

    def test_all_leaves_what_has_begun(self, gateway, account, clock):
        an_order(gateway, account, due_at=clock.now() + timedelta(hours=1))
        an_order(gateway, account, recipients(2), due_at=clock.now() + timedelta(minutes=1))
        clock.forward(minutes=1)
        (first,) = dispatching.claim(gateway, "simulator", 1, shares)
        assert ordering.cancel_all(gateway, account.id, "smsend") == 1
        assert {each.state for each in messages(gateway) if each.order_id == first.key.order_id} == {"sending", "scheduled"}

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    def test_all_never_waits_in_a_circle_with_a_dispatcher(self, app, gateway, account, clock, database_url):
        """A dispatcher holds a message and wants the account; whoever holds the account must not want that message."""
        for _ in range(2):
            an_order(gateway, account, due_at=clock.now() + timedelta(hours=1))
            clock.forward(seconds=1)
        newest = messages(gateway)[-1]
        answers: list[Any] = []
        with psycopg.connect(database_url.replace("+psycopg", "")) as dispatcher:
            dispatcher.execute("SELECT 1 FROM messages WHERE order_id = %s FOR UPDATE", (newest.order_id,))
            canceller = threading.Thread(target=in_context(app, lambda: ordering.cancel_all(gateway, account.id, "smsend"), answers))
            canceller.start()
            while not dispatcher.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() > (0,):  # type: ignore[operator]
                time.sleep(0.01)
            dispatcher.execute("UPDATE accounts SET zone = zone WHERE id = %s", (account.id,))
            dispatcher.commit()
            canceller.join()
        assert answers == [2]


def in_context(app: Flask, work: Callable[[], Any], answers: list[Any]) -> Callable[[], None]:
    """A thread's body that keeps what ``work`` gave or raised."""

    def body() -> None:
        with app.app_context():
            try:
                answers.append(work())
            except Exception as error:
                answers.append(error)

    return body


def at_once(app: Flask, work: Callable[[], Any]) -> list[Any]:
    """What ``work()`` gave or raised in each of many threads that start together."""
    gate, answers = threading.Barrier(THREADS), list[Any]()

    def together() -> Any:
        gate.wait()
        return work()

    threads = [threading.Thread(target=in_context(app, together, answers)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_clock_that_stands_gives_every_order_an_id_of_its_own(gateway, account, clock: FixedClock):
    names = {an_order(gateway, account).order_id for _ in range(20)}
    assert len(names) == 20
    assert {State(each.state) for each in messages(gateway)} == {State.QUEUED}


class TestTestMode:
    """Everything happens but the carrier: free, marked, and through a connector that nothing else goes to."""

    def test_is_free_and_marked(self, gateway, account):
        accepted = submit(gateway, account, is_test=True, recipients=recipients(3))
        assert (accepted.is_test, accepted.units, balance(gateway, account)) == (True, 0, 1000)
        assert {(each.connector, each.units) for each in messages(gateway)} == {(TEST_CONNECTOR, 0)}

    def test_of_a_caller_whose_terms_say_so(self, gateway, account):
        submission = Submission(**GIVEN | {"account_id": account.id, "texts": ["a", "b"], "recipients": recipients(2)})
        accepted = ordering.submit(gateway, submission, Terms(is_test=True, connector="mine"))
        assert (accepted.is_test, accepted.units, list(accepted.parts_each)) == (True, 0, [1, 1])
        assert {each.connector for each in messages(gateway)} == {TEST_CONNECTOR}

    def test_goes_without_credit(self, gateway):
        assert submit(gateway, an_account(gateway, credit=0), is_test=True).units == 0

    def test_refuses_what_would_be_refused(self, gateway, account):
        with pytest.raises(EmptyText):
            submit(gateway, account, is_test=True, text="")

    def test_its_connector_is_never_the_usual_way_out(self, gateway, account):
        set_connector(gateway, enabled=False)
        gateway.catalogue.forget()
        with pytest.raises(Unavailable):
            submit(gateway, account)


def test_a_way_out_of_its_own(gateway, account):
    submit(gateway, account, connector="handset")
    ordering.submit(gateway, Submission(**GIVEN | {"account_id": account.id}), Terms(connector="device"))
    assert {each.connector for each in messages(gateway)} == {"handset", "device"}


def test_numbers_rise_with_each_order(gateway, account):
    first, second = submit(gateway, account), submit(gateway, account)
    with gateway.reading() as session:
        found = [by_number(session, account.id, each.number) for each in (first, second)]
        assert [each and each.id for each in found] == [first.id, second.id]
        assert by_number(session, account.id, 1) is None  # the entry of the credit bought
    assert first.number < second.number


@pytest.mark.parametrize("whole", [True, False])
def test_cancelling_what_is_left_of_an_order(gateway, account, clock, whole):
    """One message was taken back by itself, by an API that knows messages."""
    order = submit(gateway, account, recipients=recipients(3), due_at=clock.now() + timedelta(hours=1))
    single.delete(gateway, account.id, message_id(order.id, 1))
    assert balance(gateway, account) == 998
    if whole:
        assert ordering.cancel(gateway, account.id, "smsend", order.public_id) == 2
    else:
        assert ordering.cancel_all(gateway, account.id, "smsend") == 1
    assert balance(gateway, account) == 1000
    with pytest.raises(NotCancellable):
        ordering.cancel(gateway, account.id, "smsend", order.public_id)
