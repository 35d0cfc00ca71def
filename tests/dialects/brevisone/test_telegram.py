"""The modes of Telegram (contract 3.3 and 5): bytes in and bytes out, and whole, to a chat, or to a handset when the chat fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from gateway import create_app
from gateway.domain.inbound import Registered
from gateway.domain.routing import FIRST_CHOICE
from gateway.services import connectors, contacts, dispatching, standings, telegram
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import Account, InboundMessage, Order
from tests.dialects.brevisone.program import RECIPIENT, SEE_LOGS, WRITTEN, Program, accepted, refused
from tests.support.builders import attempts, balance, messages
from tests.support.databases import settings_for
from tests.support.dispatchers import running, wait_until
from tests.support.telegram import TOKEN, FakeTelegram, Fault

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BOT = "bot"
ANNA, BERT = 77001, 77002
ANNAS, BERTS = "+491701111111", "+491702222222"
TO = {"telnumber": "0170 1111111; 0170 2222222", "teluser": "Anna", "telgroup": "Night"}
MODES = pytest.mark.parametrize("mode", TO)


def add_bot(gateway: Gateway, **settings: object) -> None:
    changes = Changes(settings=settings, secrets={"token": TOKEN}, inbound_account="apiuser")
    connectors.add(gateway, BOT, "telegram", changes, lambda _kind, _settings: None, enabled=True)


def register(gateway: Gateway, number: str = ANNAS, chat: int = ANNA) -> None:
    dispatching.record(gateway, BOT, [Registered(str(chat), number)])


def went(gateway: Gateway) -> list[tuple[str, str, str | None, bool]]:
    """Whom each message goes to, by which connector and rule, and whether it may not leave that."""
    with gateway.reading() as session:
        pinned = dict(session.execute(select(Order.id, Order.is_pinned)).all())
    return sorted((each.recipient, each.connector, each.route, pinned[each.order_id]) for each in messages(gateway))


def inbox(gateway: Gateway) -> list[tuple[str, str]]:
    """Sender and text of what came in."""
    with gateway.reading() as session:
        return [(sender, text) for sender, text in session.execute(select(InboundMessage.sender, InboundMessage.text))]


@pytest.fixture
def book(gateway: Gateway, account: Account) -> None:
    """Anna and Bert are the group Night."""
    contacts.add_group(gateway, account.name, "Night")
    contacts.add_contact(gateway, account.name, "Anna", ANNAS, ["Night"])
    contacts.add_contact(gateway, account.name, "Bert", BERTS, ["Night"])


@on_sqlite
@pytest.mark.usefixtures("book")
class TestWays:
    @MODES
    def test_without_a_bot(self, owner: Program, gateway: Gateway, mode: str) -> None:
        refused(owner.get(mode=mode, to=TO[mode], telauto="false"), 400, SEE_LOGS)
        assert messages(gateway) == []
        owner.sent(mode=mode, to=TO[mode])
        assert {each[1:] for each in went(gateway)} == {("simulator", None, False)}

    @MODES
    def test_with_a_bot_that_is_switched_off(self, owner: Program, gateway: Gateway, mode: str) -> None:
        add_bot(gateway)
        register(gateway)
        connectors.disable(gateway, BOT)
        refused(owner.get(mode=mode, to=TO[mode], telauto="false"), 400, SEE_LOGS)
        owner.sent(mode=mode, to=TO[mode])
        assert {each[1:] for each in went(gateway)} == {("simulator", None, False)}

    @MODES
    def test_with_a_bot_that_knows_one_of_them(self, owner: Program, gateway: Gateway, mode: str) -> None:
        add_bot(gateway)
        register(gateway)
        owner.sent(mode=mode, to=TO[mode])
        assert {each[1:] for each in went(gateway)} == {(BOT, FIRST_CHOICE, False)}

    @MODES
    def test_with_a_bot_alone(self, owner: Program, gateway: Gateway, mode: str) -> None:
        add_bot(gateway)
        owner.sent(mode=mode, to=TO[mode], telauto="false")
        assert {each[1:] for each in went(gateway)} == {(BOT, None, True)}

    @MODES
    def test_with_a_bot_that_knows_nobody_of_them_or_is_away(self, owner: Program, gateway: Gateway, mode: str) -> None:
        add_bot(gateway)
        register(gateway, "+491709999999")
        owner.sent(mode=mode, to=TO[mode])
        register(gateway)
        standings.note(gateway, BOT, is_connected=False, note="away")
        owner.sent(mode=mode, to=TO[mode])
        assert {each[1:] for each in went(gateway)} == {("simulator", None, False)}

    @pytest.mark.parametrize(("mode", "to"), [("number", ANNAS), ("user", "Anna"), ("group", "Night"), ("nonsense", ANNAS)])
    def test_other_modes_are_sms(self, owner: Program, gateway: Gateway, mode: str, to: str) -> None:
        add_bot(gateway)
        register(gateway)
        owner.sent(mode=mode, to=to)
        owner.sent(mode=mode, to=to, telauto="false")
        assert {each[1:] for each in went(gateway)} == {("simulator", None, False)}

    def test_the_price_is_that_of_an_sms(self, owner: Program, gateway: Gateway, account: Account) -> None:
        owner.sent(to=ANNAS)
        price = 1000 - balance(gateway, account)
        add_bot(gateway)
        register(gateway)
        owner.sent(mode="telnumber", to=ANNAS)
        assert (price > 0, 1000 - balance(gateway, account)) == (True, 2 * price)


class TestRegistrations:
    def test_a_number_has_one_chat_and_a_chat_one_number(self, gateway: Gateway, account: Account) -> None:
        add_bot(gateway)
        for number, chat in ((ANNAS, ANNA), (BERTS, BERT), (ANNAS, BERT), (ANNAS, BERT)):
            register(gateway, number, chat)
        assert [(each.number, each.chat_id) for each in telegram.chats(gateway)] == [(ANNAS, BERT)]
        dispatching.record(gateway, BOT, [Registered(str(ANNA), None)])
        assert len(telegram.chats(gateway)) == 1
        dispatching.record(gateway, BOT, [Registered(str(BERT), None)])
        assert telegram.chats(gateway) == []

    def test_chats_beyond_32_bits(self, gateway: Gateway, account: Account) -> None:
        add_bot(gateway)
        register(gateway, ANNAS, 2**51)
        assert telegram.bot_for(gateway, [BERTS, ANNAS]) == telegram.Bot(BOT, is_connected=True, has_chats=True)
        assert telegram.bot_for(gateway, [BERTS]) == telegram.Bot(BOT, is_connected=True, has_chats=False)
        assert telegram.forget(gateway, ANNAS) == (ANNAS, [BOT])


class TestStory:
    """The whole gateway on the machine's clock, with the simulator for SMS."""

    @pytest.fixture
    def app(self, database_url: str) -> Iterator[Flask]:
        quick = {"simulator_delay_milliseconds": 1, "simulator_receipt_milliseconds": 1, "dispatch_poll_milliseconds": 10}
        quick |= {"dispatch_lease_seconds": 2, "retry_base_seconds": 1}
        app = create_app(settings_for(database_url, web_threads=4, connector_networks="127.0.0.0/8", **quick))
        yield app
        with app.app_context():
            close_connections(db.engine)
            db.engine.dispose()

    @pytest.fixture
    def far_end(self) -> Iterator[FakeTelegram]:
        self.faults: dict[int, Fault] = {}
        far_end = FakeTelegram(self.fault_of)
        yield far_end
        far_end.close()

    def fault_of(self, chat: int, number: int) -> Fault | None:
        fault = self.faults.get(chat)
        return None if fault is Fault.THROTTLED and number > 1 else fault

    @pytest.fixture
    def dispatcher(self, app: Flask, gateway: Gateway, account: Account, far_end: FakeTelegram) -> Iterator[None]:
        add_bot(gateway, **far_end.settings)
        with running(app):
            yield

    def become(self, gateway: Gateway, far_end: FakeTelegram) -> None:
        """Anna registers with the bot."""
        far_end.says(ANNA, "/start")
        far_end.shares(ANNA, ANNAS.lstrip("+"))
        wait_until(lambda: len(far_end.chat(ANNA)) == 2)
        far_end.handed.clear()

    def tries(self, gateway: Gateway) -> list[tuple[str, str | None]]:
        return [(each.connector, each.outcome) for each in attempts(gateway)]

    @pytest.mark.usefixtures("dispatcher")
    def test_to_the_chat_and_by_sms_when_the_bot_is_blocked(
        self, owner: Program, gateway: Gateway, far_end: FakeTelegram, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        self.become(gateway, far_end)
        order = owner.sent(mode="telnumber", to=ANNAS, text="Host down: Grüße 😀")
        wait_until(lambda: owner.raw("GET", f"/state.php?uid={order}").data == b"Status : DELIVERED")
        assert far_end.chat(ANNA)[-1] == "Host down: Grüße 😀"
        assert self.tries(gateway) == [(BOT, "accepted")]
        self.faults[ANNA] = Fault.BLOCKED
        accepted(owner.get(mode="telnumber", to=f"{ANNAS};{BERTS}", text="Host up"))
        wait_until(lambda: {each.state for each in messages(gateway)} == {"delivered"})
        assert [each[:2] for each in went(gateway)] == [(ANNAS, BOT), (ANNAS, "simulator"), (BERTS, "simulator")]
        assert sorted(self.tries(gateway)[1:]) == [(BOT, "final"), (BOT, "final"), ("simulator", "accepted"), ("simulator", "accepted")]
        far_end.says(ANNA, "thank you")
        wait_until(lambda: inbox(gateway) == [(ANNAS, "thank you")])
        far_end.says(BERT, "a stranger")
        far_end.says(ANNA, "/stop")
        wait_until(lambda: telegram.chats(gateway) == [])
        assert inbox(gateway) == [(ANNAS, "thank you")]
        order = owner.sent(mode="telnumber", to=ANNAS, text="By SMS now")
        assert [each.connector for each in messages(gateway) if each.order_id == order] == ["simulator"]
        logged = "".join(capfd.readouterr()) + caplog.text
        assert not [word for word in (TOKEN, TOKEN.partition(":")[2], "Host down", "thank you", ANNAS[1:]) if word in logged]

    @on_sqlite
    @pytest.mark.usefixtures("dispatcher")
    def test_throttled_waits_where_no_sms_may_go(self, owner: Program, gateway: Gateway, far_end: FakeTelegram) -> None:
        self.become(gateway, far_end)
        self.faults[ANNA] = Fault.THROTTLED
        far_end.retry_after = 2
        owner.sent(mode="telnumber", to=ANNAS, telauto="false")
        wait_until(lambda: {each.state for each in messages(gateway)} == {"delivered"})
        assert self.tries(gateway) == [(BOT, "throttled"), (BOT, "accepted")]
        first, second = attempts(gateway)
        assert second.started_at - first.started_at >= timedelta(seconds=2)

    @on_sqlite
    @pytest.mark.usefixtures("dispatcher")
    def test_throttled_goes_by_sms_at_once_where_it_may(self, owner: Program, gateway: Gateway, far_end: FakeTelegram) -> None:
        self.become(gateway, far_end)
        self.faults[ANNA], far_end.retry_after = Fault.THROTTLED, 300
        owner.sent(mode="telnumber", to=ANNAS)
        wait_until(lambda: {each.state for each in messages(gateway)} == {"delivered"})
        assert self.tries(gateway) == [(BOT, "throttled"), ("simulator", "accepted")]

    @on_sqlite
    @pytest.mark.usefixtures("dispatcher")
    def test_what_may_stand_in_the_chat_is_not_sent_as_sms(self, owner: Program, gateway: Gateway, far_end: FakeTelegram) -> None:
        self.become(gateway, far_end)
        self.faults[ANNA] = Fault.ERROR_AFTER
        owner.sent(mode="telnumber", to=ANNAS)
        wait_until(lambda: {each.state for each in messages(gateway)} == {"unknown"})
        assert self.tries(gateway) == [(BOT, "unknown")]

    @on_sqlite
    @pytest.mark.usefixtures("dispatcher")
    def test_alone_it_fails_without_a_chat(self, owner: Program, gateway: Gateway, account: Account) -> None:
        owner.sent(mode="telnumber", to=WRITTEN, telauto="false")
        wait_until(lambda: {each.state for each in messages(gateway)} == {"failed"})
        (message,) = messages(gateway)
        assert (message.recipient, message.failure) == (RECIPIENT, "no_chat no chat registered")
        assert balance(gateway, account) == 1000
