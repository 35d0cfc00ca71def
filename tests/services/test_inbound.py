"""What comes from handsets: once, whole, to the right account, and answered where it is a keyword."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy import select

from gateway.domain.inbound import Attachment, Inbound, InboundKind, PartOf
from gateway.domain.keywords import Keyword
from gateway.services import dispatching, inbound, inbound_numbers, keyword_replies, ledger, phones, threads
from gateway.services.callbacks import endpoints
from gateway.services.callbacks.endpoints import NewEndpoint
from gateway.services.core import Gateway
from gateway.services.inbound import complete_stale
from gateway.services.keyword_replies import answer_keywords
from gateway.services.phones import PhoneChange
from gateway.storage.tables import Account, CallbackDelivery, ConnectorRow, InboundMessage, InboundPart, Order
from tests.support.builders import an_account, an_order, balance, messages, recipients, set_connector

NAME = "simulator"
NUMBER = "+393400001111"
SENDER = "+393471234567"


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert list(ledger.verify(gateway)) == []


def sms(gateway: Gateway, text: str = "Hello", **more: object) -> Inbound:
    given: dict[str, object] = {"sender": SENDER, "recipient": NUMBER, "at": gateway.clock.now()}
    return Inbound(text=text, **given | more)  # type: ignore[arg-type]


def come(gateway: Gateway, *came: Inbound, connector: str = NAME) -> None:
    dispatching.record(gateway, connector, came)


def stored(gateway: Gateway) -> list[InboundMessage]:
    """Everything that came, in order."""
    with gateway.reading() as session:
        rows = list(session.scalars(select(InboundMessage).order_by(InboundMessage.id)))
        session.expunge_all()
        return rows


def the_row(gateway: Gateway) -> InboundMessage:
    (row,) = stored(gateway)
    return row


def texts(gateway: Gateway) -> list[str]:
    return [row.text for row in stored(gateway)]


def parts(gateway: Gateway, *texts: str, reference: int = 7, **more: object) -> list[Inbound]:
    """The parts of one long message."""
    return [sms(gateway, text, part=PartOf(reference, len(texts), place), **more) for place, text in enumerate(texts, start=1)]


def at_once(app: Flask, *actions: Callable[[], object]) -> None:
    """Runs actions in threads of their own and hands on what they raised."""
    faults: list[BaseException] = []
    barrier = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> None:
        with app.app_context():
            try:
                barrier.wait(20)
                action()
            except BaseException as error:
                faults.append(error)

    running = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert faults == []


class TestOnce:
    def test_all_that_is_known_is_kept(self, gateway, clock):
        account = an_account(gateway)
        inbound_numbers.add(gateway, account.name, NUMBER, take_unrouted=False)
        earlier = clock.now() - timedelta(minutes=3)
        came = sms(gateway, "Grüße 😀", at=earlier.astimezone(timezone(timedelta(hours=2))), kind=InboundKind.MMS, sim="SIM2",
                   attachments=[Attachment("a.txt", "text/plain", "aGk=")])  # fmt: skip
        come(gateway, came)
        row = the_row(gateway)
        assert (row.account_id, row.connector, row.kind, row.sender, row.recipient) == (account.id, NAME, "mms", SENDER, NUMBER)
        assert (row.text, row.sim, row.at, row.received_at) == ("Grüße 😀", "SIM2", earlier, clock.now())
        assert row.attachments == [{"name": "a.txt", "content_type": "text/plain", "content": "aGk="}]

    def test_a_repeat_is_known_by_the_provider_s_id(self, gateway, clock):
        come(gateway, sms(gateway, provider_id="x1"), sms(gateway, provider_id="x1"))
        clock.forward(hours=1)
        come(gateway, sms(gateway, "another text", provider_id="x1"), sms(gateway, provider_id="x2"))
        come(gateway, sms(gateway, provider_id="x1"), connector="other")
        assert [row.connector for row in stored(gateway)] == [NAME, NAME, "other"]

    def test_without_one_it_is_known_by_all_that_was_said(self, gateway, clock):
        same = sms(gateway)
        come(gateway, same, same)
        come(gateway, same)
        come(gateway, sms(gateway, "Hello!"), sms(gateway, sender="+393471234568"), sms(gateway, recipient=None))
        come(gateway, sms(gateway, at=clock.now() + timedelta(seconds=1)), sms(gateway, kind=InboundKind.CALL))
        assert len(stored(gateway)) == 6

    def test_the_same_from_many_at_once_is_stored_once(self, app, gateway):
        same = [sms(gateway, f"text {number}", provider_id=str(number)) for number in range(20)]

        def repeat(offset: int) -> Callable[[], None]:
            return lambda: come(gateway, *same[offset:], *same[:offset])

        at_once(app, *(repeat(offset) for offset in (0, 5, 10, 15)))
        assert sorted(texts(gateway)) == sorted(f"text {number}" for number in range(20))

    def test_the_id_of_a_repeat_is_that_of_the_first(self, gateway):
        came = [sms(gateway), *parts(gateway, "a", "b")]
        with gateway.writing() as session:
            first = inbound.receive(session, NAME, came, gateway.clock.now())
        with gateway.writing() as session:
            again = inbound.receive(session, NAME, came, gateway.clock.now())
        assert first == [stored(gateway)[0].public_id, None, stored(gateway)[1].public_id]
        assert again == [first[0], None, None]


class TestOddInput:
    def test_what_no_database_takes_is_shown_and_not_dropped(self, gateway):
        come(gateway, sms(gateway, "a\0b\ud800c\ud83d\ude00", sender="\0x", sim="\udfff"))
        row = the_row(gateway)
        assert (row.text, row.sender, row.sim) == ("a\ufffdb\ufffdc😀", "\ufffdx", "\ufffd")

    def test_numbers_and_names_that_are_too_long_are_cut_where_it_can_be_seen(self, gateway):
        come(gateway, sms(gateway, sender="+" + "1" * 40, recipient="+" + "2" * 40, sim="S" * 9))
        row = the_row(gateway)
        assert (row.sender, row.recipient, row.sim) == ("+" + "1" * 30 + "…", "+" + "2" * 15 + "…", "S" * 7 + "…")

    def test_moments_outside_the_calendar_and_parts_without_sense(self, gateway, clock):
        come(gateway, sms(gateway, "far", at=datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-5)))))
        nonsense = (PartOf(1, 1, 1), PartOf(1, 0, 0), PartOf(2, 3, 4), PartOf(2, 3, 0), PartOf(3, 300, 1), PartOf(4, -2, -1))
        come(gateway, *(sms(gateway, f"part {number}", part=part) for number, part in enumerate(nonsense)))
        assert stored(gateway)[0].at == clock.now()
        assert texts(gateway) == ["far", *(f"part {number}" for number in range(6))]

    def test_nothing_at_all(self, gateway):
        come(gateway, sms(gateway, "", sender="", recipient=""))
        assert (the_row(gateway).sender, the_row(gateway).recipient) == ("", None)


class TestLongMessages:
    @pytest.mark.parametrize("order", list(itertools.permutations((0, 1, 2))))
    def test_parts_in_any_order(self, gateway, order):
        three = parts(gateway, "one ", "two ", "three")
        for place in order:
            assert texts(gateway) == []
            come(gateway, three[place])
        assert texts(gateway) == ["one two three"]
        come(gateway, *three)
        assert texts(gateway) == ["one two three"]

    def test_all_at_once_and_twice(self, gateway):
        three = parts(gateway, "one ", "two ", "three")
        come(gateway, *three, *reversed(three))
        assert texts(gateway) == ["one two three"]

    def test_the_last_two_parts_by_two_processes(self, app, gateway):
        for round_ in range(5):
            first, second = parts(gateway, f"{round_} and ", "more", reference=round_)
            at_once(app, lambda: come(gateway, first), lambda: come(gateway, second))  # noqa: B023 - both end within the round
        assert texts(gateway) == [f"{round_} and more" for round_ in range(5)]

    def test_a_character_across_the_border_of_parts(self, gateway):
        come(gateway, *parts(gateway, "smile \ud83d", "\ude00 done"))
        assert texts(gateway) == ["smile 😀 done"]

    def test_references_numbers_and_counts_keep_messages_apart(self, gateway):
        come(gateway, *parts(gateway, "a", "b", reference=1)[:1], *parts(gateway, "c", "d", reference=2)[1:])
        come(gateway, *parts(gateway, "a", "b", "c", reference=1)[1:2], *parts(gateway, "a", "b", reference=1, sender="+39347999")[1:])
        assert texts(gateway) == []
        come(gateway, *parts(gateway, "a", "b", reference=1)[1:])
        assert texts(gateway) == ["ab"]

    def test_a_reference_used_again_loses_neither_message(self, gateway):
        come(gateway, *parts(gateway, "one ", "two"))
        come(gateway, *parts(gateway, "uno ", "due"))
        assert texts(gateway) == ["one two", "uno due"]
        torn, whole = parts(gateway, "lost ", "part"), parts(gateway, "eins ", "zwei")
        come(gateway, torn[0], *whole)
        assert sorted(texts(gateway)) == sorted(["one two", "uno due", "lost [part 2 of 2 is missing]", "eins zwei"])

    def test_what_is_missing_after_a_day_is_told(self, gateway, clock):
        account = an_account(gateway)
        inbound_numbers.add(gateway, account.name, NUMBER, take_unrouted=False)
        come(gateway, *parts(gateway, "one ", "two ", " three")[::2])
        clock.forward(hours=24)
        assert complete_stale(gateway) == 0
        clock.forward(seconds=1)
        assert complete_stale(gateway) == 1
        assert (the_row(gateway).text, the_row(gateway).account_id) == ("one [part 2 of 3 is missing] three", account.id)
        assert complete_stale(gateway) == 0
        clock.forward(hours=2)
        complete_stale(gateway)
        with gateway.reading() as session:
            assert session.scalars(select(InboundPart)).all() == []

    def test_parts_of_a_stored_message_are_forgotten_after_an_hour(self, gateway, clock):
        come(gateway, *parts(gateway, "a", "b"))
        clock.forward(minutes=61)
        assert complete_stale(gateway) == 0
        with gateway.reading() as session:
            assert session.scalars(select(InboundPart)).all() == []


class TestWhose:
    def test_the_number_then_the_phone_then_the_connector_then_nobody(self, gateway):
        by_number, by_phone, by_connector = (an_account(gateway, name) for name in ("number", "phone", "connector"))
        inbound_numbers.add(gateway, "number", NUMBER, take_unrouted=False)
        phones.add(gateway, "phone", NUMBER, PhoneChange())
        phones.add(gateway, "phone", "+393400002222", PhoneChange())
        with gateway.writing() as session:
            session.get_one(ConnectorRow, NAME).inbound_account_id = by_connector.id
        come(gateway, sms(gateway), sms(gateway, recipient="+393400002222"), sms(gateway, recipient="+393400003333"))
        come(gateway, sms(gateway, recipient=None), sms(gateway, "x", recipient=None))
        come(gateway, sms(gateway, recipient="+393400003333"), connector="other")
        found = {(row.connector, row.recipient): row.account_id for row in stored(gateway)}
        assert found == {
            (NAME, NUMBER): by_number.id,
            (NAME, "+393400002222"): by_phone.id,
            (NAME, "+393400003333"): by_connector.id,
            (NAME, None): by_connector.id,
            ("other", "+393400003333"): None,
        }

    def test_a_phone_of_two_accounts_is_that_one_s_that_uses_the_connector(self, gateway):
        one, two = an_account(gateway, "one"), an_account(gateway, "two")
        phones.add(gateway, "one", NUMBER, PhoneChange(connector=NAME))
        phones.add(gateway, "two", NUMBER, PhoneChange())
        come(gateway, sms(gateway))
        come(gateway, sms(gateway), connector="other")
        assert [row.account_id for row in stored(gateway)] == [one.id, None]
        with gateway.writing() as session:
            inbound.receive(session, "third", [sms(gateway)], gateway.clock.now(), two.id)
        assert stored(gateway)[-1].account_id == two.id

    def test_a_number_given_later_takes_what_was_nobody_s(self, gateway):
        account = an_account(gateway)
        come(gateway, sms(gateway, "one"), sms(gateway, "two", recipient="+393400002222"))
        assert inbound_numbers.add(gateway, account.name, NUMBER, take_unrouted=True) == 1
        assert [row.account_id for row in stored(gateway)] == [account.id, None]

    def test_a_national_sender_is_read_in_the_account_s_country(self, gateway):
        account = an_account(gateway)
        inbound_numbers.add(gateway, account.name, NUMBER, take_unrouted=False)
        come(gateway, sms(gateway, "1", sender="3471234567"), sms(gateway, "2", sender="393471234567"), sms(gateway, "3", sender="48105"))
        come(gateway, sms(gateway, "4", sender="DHL"), sms(gateway, "5", sender="3471234567", recipient=None))
        assert [row.sender for row in stored(gateway)].count(SENDER) == 2
        assert {row.text: row.sender for row in stored(gateway)} == {"1": SENDER, "2": SENDER, "3": "48105", "4": "DHL", "5": "3471234567"}


class TestConversations:
    def test_what_comes_is_unread_and_taken_out_of_the_archive(self, gateway, clock):
        account = an_account(gateway, "acme")
        phones.add(gateway, "acme", NUMBER, PhoneChange())
        come(gateway, sms(gateway, "first"))
        (found,) = threads.listed(gateway, account.id, NUMBER, "", 0, 10)
        assert (found.thread.contact, found.thread.is_read, found.thread.last_text) == (SENDER, False, "first")
        threads.change(gateway, account.id, found.thread.id, archived=True, read=True)
        clock.forward(minutes=1)
        come(gateway, sms(gateway, "second"))
        (found,) = threads.listed(gateway, account.id, NUMBER, "", 0, 10)
        assert (found.thread.is_archived, found.thread.is_read, found.thread.last_text) == (False, False, "second")

    def test_an_archive_that_the_phone_keeps_shut_stays_shut(self, gateway):
        account = an_account(gateway, "acme")
        phones.add(gateway, "acme", NUMBER, PhoneChange(unarchive_thread=False))
        come(gateway, sms(gateway, "first"))
        (found,) = threads.listed(gateway, account.id, NUMBER, "", 0, 10)
        threads.change(gateway, account.id, found.thread.id, archived=True, read=True)
        come(gateway, sms(gateway, "second"))
        (found,) = threads.listed(gateway, account.id, NUMBER, "", 0, 10, archived=True)
        assert (found.thread.is_read, found.thread.last_text) == (False, "second")

    def test_a_sender_too_long_for_a_conversation_is_stored_all_the_same(self, gateway):
        account = an_account(gateway, "acme")
        phones.add(gateway, "acme", NUMBER, PhoneChange())
        come(gateway, sms(gateway, sender="a sender of some length"))
        assert threads.listed(gateway, account.id, NUMBER, "", 0, 10) == []
        assert the_row(gateway).account_id == account.id


class TestCallbacks:
    def test_the_account_s_program_is_told_once_of_what_came_and_of_a_missed_call(self, gateway):
        for name in ("acme", "other"):
            an_account(gateway, name)
            endpoints.add(gateway, NewEndpoint(name, "native", "https://example.org/hook"))
        inbound_numbers.add(gateway, "acme", NUMBER, take_unrouted=False)
        for _ in range(2):
            come(gateway, sms(gateway, "Stop"), sms(gateway, "", kind=InboundKind.CALL), *parts(gateway, "a", "b"))
        with gateway.reading() as session:
            deliveries = [(row.event, row.payload) for row in session.scalars(select(CallbackDelivery).order_by(CallbackDelivery.id))]
        assert sorted(event for event, _ in deliveries) == ["call.missed", "inbound.received", "inbound.received"]
        assert all(any(text in json.dumps(payload) for _, payload in deliveries) for text in ('"Stop"', '"ab"'))


class TestAnswers:
    @pytest.fixture
    def acme(self, gateway: Gateway) -> Account:
        account = an_account(gateway, "acme")
        inbound_numbers.add(gateway, "acme", NUMBER, take_unrouted=False)
        keyword_replies.set_reply(gateway, "acme", Keyword.STOP, "You get no more messages.")
        keyword_replies.set_reply(gateway, "acme", Keyword.HELP, "Acme, +390212345")
        return account

    def orders(self, gateway: Gateway) -> list[Order]:
        with gateway.reading() as session:
            rows = list(session.scalars(select(Order).order_by(Order.id)))
            session.expunge_all()
            return rows

    def test_stop_is_answered_though_the_number_opted_out(self, gateway, acme):
        come(gateway, sms(gateway, "Stop"))
        assert answer_keywords(gateway) == 1
        (order,) = self.orders(gateway)
        assert (order.text, order.originator, order.dialect) == ("You get no more messages.", NUMBER, "keyword")
        assert (messages(gateway)[0].recipient, messages(gateway)[0].connector, balance(gateway, acme)) == (SENDER, NAME, 999)
        assert [each.recipient for each in dispatching.claim(gateway, NAME, 10, lambda waiting, most: dict(waiting))] == [SENDER]
        assert answer_keywords(gateway) == 0

    def test_two_machines_that_answer_one_another_stop_at_once(self, gateway, acme, clock):
        for _ in range(5):
            come(gateway, sms(gateway, "help"), sms(gateway, "STOP"))
            answer_keywords(gateway)
            clock.forward(minutes=1)
        assert sorted(order.label for order in self.orders(gateway)) == ["answer to HELP", "answer to STOP"]
        clock.forward(days=1)
        come(gateway, sms(gateway, "help"), sms(gateway, "help", sender="+393471234568"))
        answer_keywords(gateway)
        assert len(self.orders(gateway)) == 4

    def test_by_two_processes_at_once_each_is_answered_once(self, app, gateway, acme):
        come(gateway, *(sms(gateway, "help", sender=number) for number in recipients(5)))
        at_once(app, lambda: answer_keywords(gateway), lambda: answer_keywords(gateway))
        assert sorted(row.recipient for row in messages(gateway)) == recipients(5)

    def test_nobody_is_answered_who_cannot_be_or_to_whom_nothing_is_said(self, gateway, acme):
        come(gateway, sms(gateway, "start"), sms(gateway, "help", sender="48105"), sms(gateway, "help", sender="DHL"))
        come(gateway, sms(gateway, "help", recipient="+393400009999"), sms(gateway, "please help"), sms(gateway, "help", is_encrypted=True))
        assert answer_keywords(gateway) == 0

    def test_without_credit_it_is_given_up_and_without_a_carrier_put_off(self, gateway, acme, clock):
        come(gateway, sms(gateway, "help"))
        ledger.add_credit(gateway, "acme", -1_000_000)
        assert (answer_keywords(gateway), answer_keywords(gateway)) == (1, 0)
        ledger.add_credit(gateway, "acme", 1_000_000)
        come(gateway, sms(gateway, "help", sender="+393471234568"))
        set_connector(gateway, enabled=False)
        gateway.catalogue.forget()
        assert (answer_keywords(gateway), answer_keywords(gateway), self.orders(gateway)) == (1, 0, [])
        set_connector(gateway, enabled=True)
        gateway.catalogue.forget()
        clock.forward(minutes=1)
        assert (answer_keywords(gateway), [row.recipient for row in messages(gateway)]) == (1, ["+393471234568"])

    def test_blocked_in_a_mixed_order_and_answered_in_another_the_ledger_is_exact(self, gateway, acme):
        come(gateway, sms(gateway, "stop"))
        an_order(gateway, acme, [SENDER, *recipients(2)], texts=["a", "b" * 200, "c"])
        answer_keywords(gateway)
        assert balance(gateway, acme) == 1000 - 3 - 1
