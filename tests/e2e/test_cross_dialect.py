"""One account behind five APIs: one balance, one history, one set of limits, whichever door a program comes through."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway import create_app
from gateway.dispatcher.main import run
from gateway.domain.message import State
from gateway.services import accounts, devices, keys, ledger, phones, story
from gateway.services.accounts import NewAccount
from gateway.services.core import Gateway
from gateway.services.keys import KeyTerms
from gateway.services.phones import PhoneChange
from gateway.services.story import Found
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.support.databases import settings_for

PASSWORD = "open.sesame-1"
TO = "+393471234567"
NUMBER = "+393331234567"
CREDIT_UNITS = 100_000
TWO_PARTS = "x" * 200
PATIENCE_SECONDS = 60.0
DIALECTS = ("smsend", "brevisone", "smsnodes", "bulk", "httpsms")
IN_WORDS = {"smsend": 201, "brevisone": 200, "smsnodes": 200, "bulk": 200, "httpsms": 200}


@dataclass
class House:
    """An account with a user, a device, a number and a key of each kind; and how its programs call."""

    gateway: Gateway
    http: FlaskClient
    name: str
    username: str
    device: str
    bulk_key: str = ""
    httpsms_key: str = ""
    session: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        return self.http.open(path, method=method, environ_overrides={"REMOTE_ADDR": self.address}, **options)

    def asked(self, path: str, headers: dict[str, str] | None = None, **options: Any) -> Any:
        """What a call that succeeds says; its numbers as they are written."""
        answer = self.call(options.pop("method", "GET"), path, headers=headers, **options)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.data, parse_float=Decimal)

    def send(self, dialect: str, text: str = "Hello", to: str = TO) -> TestResponse:
        """Sends one text to one number as a program of this dialect does."""
        if dialect == "smsend":
            fields = {"message_type": "N", "message": text, "recipient": [to], "sender": NUMBER}
            return self.call("POST", "/API/v1.0/REST/sms", headers=self.session, json=fields)
        if dialect == "brevisone":
            return self.call("POST", "/api.php", data={"username": self.username, "password": PASSWORD, "to": to, "text": text})
        if dialect == "smsnodes":
            fields = {"deviceUsername": self.device, "password": PASSWORD, "phoneNumbers": [to], "message": text}
            return self.call("POST", "/api/send-sms", json=fields)
        if dialect == "bulk":
            return self.call("POST", "/api/v2/sms/send", headers=self.bulk, json={"numbers": to, "message_body": text})
        return self.call("POST", "/v1/messages/send", headers=self.httpsms, json={"from": NUMBER, "to": to, "content": text})

    def send_v1(self, text: str = "Hello") -> TestResponse:
        """The bulk API's older version, with name and password."""
        fields = {"username": self.username, "password": PASSWORD, "numbers": TO, "message_body": text}
        return self.call("POST", "/v1/sms/send", data=fields)

    def sent(self, dialect: str, **message: str) -> Found:
        """Sends, expects success; the message as the operator sees it."""
        before = {each.order.id for each in self.messages()}
        answer = self.send(dialect, **message)
        assert answer.status_code == IN_WORDS[dialect], answer.text
        (found,) = (each for each in self.messages() if each.order.id not in before)
        return found

    def messages(self) -> list[Found]:
        """Every message of the account. Those of one moment are in no order."""
        return story.find_messages(self.gateway, account_name=self.name, recipient=None, state=None, limit=1000)

    def balance(self) -> int:
        """Units, by the ledger."""
        account, entries = story.credit_history(self.gateway, self.name, 1000)
        assert account.balance == sum(entry.units if entry.to_account_id == account.id else -entry.units for entry in entries)
        return account.balance

    @property
    def bulk(self) -> dict[str, str]:
        return {"X-API-Key": self.bulk_key}

    @property
    def httpsms(self) -> dict[str, str]:
        return {"x-api-key": self.httpsms_key}

    def limit(self, **terms: Any) -> None:
        """Changes what the user may do; keys without limits of their own follow."""
        accounts.set_user_limits(self.gateway, self.username, lambda now: replace(now, **terms))

    def sign_in(self) -> None:
        answer = self.call("GET", "/API/v1.0/REST/login", query_string={"username": self.username, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        user_key, key = answer.text.split(";")
        self.session = {"user_key": user_key, "Session_key": key}


def a_house(gateway: Gateway, http: FlaskClient, name: str = "house") -> House:
    house = House(gateway, http, name, f"{name}-ada", f"{name}-telephone")
    accounts.create_account(gateway, NewAccount(name, region="IT"))
    ledger.add_credit(gateway, name, CREDIT_UNITS)
    accounts.create_user(gateway, name, house.username, PASSWORD)
    devices.create(gateway, name, house.device, PASSWORD)
    phones.add(gateway, name, NUMBER, PhoneChange(messages_per_minute=0))
    house.bulk_key = keys.create(gateway, keys.BULK, house.username).key
    house.httpsms_key = keys.create(gateway, keys.HTTPSMS, house.username).key
    house.sign_in()
    return house


@pytest.fixture
def house(app: Flask, gateway: Gateway) -> House:
    return a_house(gateway, app.test_client())


def test_every_balance_agrees_after_each_dialect(house: House) -> None:
    count, left, parts = 0, CREDIT_UNITS, 0
    for dialect in DIALECTS:
        found = house.sent(dialect, text=TWO_PARTS if dialect in ("smsnodes", "bulk") else "Hello")
        count, left, parts = count + 1, left - found.message.units, parts + found.message.parts
        assert found.message.units == found.order.units > 0
        assert house.balance() == left
        status = house.asked("/API/v1.0/REST/status?getMoney=true&typeAliases=true", house.session)
        assert (status["money"] * 1000, status["sms"][0]["quantity"]) == (left, left * found.message.parts // found.message.units)
        credentials = {"username": house.username, "password": PASSWORD}
        for told in (
            house.asked("/v1/sms/balance", method="POST", data=credentials)["balance"],
            house.asked("/api/v2/account/balance", house.bulk)["data"]["balance"],
        ):
            assert told * 1000 == left
        usage = house.asked("/v1/billing/usage", house.httpsms)["data"]
        assert (usage["sent_messages"], usage["total_cost"] * 1000) == (count, CREDIT_UNITS - left)
    assert parts == 7
    assert list(ledger.verify(house.gateway)) == []


def test_an_answer_says_what_the_ledger_says(house: House) -> None:
    for version in (lambda: house.send("bulk"), house.send_v1):
        told = json.loads(version().data, parse_float=Decimal)["data"]
        assert told["remaining_balance"] * 1000 == house.balance()
        assert told["estimated_cost"] * 1000 == house.messages()[0].message.units > 0


def test_the_last_credit_is_spent_once(house: House) -> None:
    """Whoever comes second is refused in the words of its own API, and nothing is stored."""
    price = house.sent("smsend").message.units
    empty = house.balance() - price
    ledger.add_credit(house.gateway, house.name, -empty)
    assert house.send("httpsms").status_code == 200
    refused = {dialect: house.send(dialect) for dialect in DIALECTS}
    statuses = {dialect: answer.status_code for dialect, answer in refused.items()}
    assert statuses == {"smsend": 400, "brevisone": 400, "smsnodes": 402, "bulk": 400, "httpsms": 402}
    assert json.loads(refused["bulk"].data)["error"] == "Insufficient balance"
    assert (house.balance(), len(house.messages())) == (0, 2)


def test_an_order_is_one_thing_in_every_dialect(house: House) -> None:
    orders = {dialect: house.sent(dialect, text=f"from {dialect}").order.id for dialect in DIALECTS}
    for dialect, order in orders.items():
        state = house.asked(f"/API/v1.0/REST/sms/{order.hex}", house.session)
        assert [(each["destination"], each["status"]) for each in state["recipients"]] == [(TO, "WAITING")]
        message = house.asked(f"/v1/messages/{order}", house.httpsms)["data"]
        assert (message["contact"], message["content"], message["status"]) == (TO, f"from {dialect}", "scheduled")
    history = house.asked("/API/v1.0/REST/smshistory?from=20260101000000", house.session)
    assert {UUID(each["order_id"]) for each in history["smshistory"]} == set(orders.values())


def test_a_talk_holds_what_went_out_under_the_number(house: House) -> None:
    orders = {dialect: house.sent(dialect).order.id for dialect in DIALECTS}
    talk = house.asked("/v1/messages", house.httpsms, query_string={"owner": NUMBER, "contact": TO})["data"]
    assert {UUID(each["id"]) for each in talk} == {orders["smsend"], orders["httpsms"]}


def test_open_and_personal_calls_tell_of_their_own_only(house: House) -> None:
    """``state.php`` asks for no password and a device knows its own jobs, so neither shows what others sent."""
    orders = {dialect: house.sent(dialect).order for dialect in DIALECTS}
    for dialect, order in orders.items():
        word = house.call("GET", "/state.php", query_string={"uid": str(order.id)}).text
        assert word == ("Status : QUEUED" if dialect == "brevisone" else "Status : UNKNOWN")
        asked = {"deviceUsername": house.device, "password": PASSWORD, "messageId": order.charge_sequence}
        answer = house.call("POST", "/api/message-state", json=asked)
        assert answer.status_code == (200 if dialect == "smsnodes" else 404), dialect


def test_another_account_sees_nothing(house: House) -> None:
    stranger = a_house(house.gateway, house.http, "stranger")
    for dialect in DIALECTS:
        order = house.sent(dialect).order
        assert stranger.call("GET", f"/API/v1.0/REST/sms/{order.id.hex}", headers=stranger.session).status_code == 404
        assert stranger.call("GET", f"/v1/messages/{order.id}", headers=stranger.httpsms).status_code == 404
    assert (stranger.messages(), stranger.balance()) == ([], CREDIT_UNITS)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("allowed", DIALECTS)
def test_a_user_sends_in_the_dialects_that_it_was_given(house: House, allowed: str) -> None:
    """A device is a user of its own; it sends in its dialect whatever others may do."""
    house.limit(permissions=[f"{allowed}:send"])
    statuses = {dialect: house.send(dialect).status_code for dialect in DIALECTS}
    refused = {"smsend": 401, "brevisone": 403, "bulk": 403, "httpsms": 403}
    assert statuses == IN_WORDS | {name: code for name, code in refused.items() if name != allowed}
    assert house.send_v1().status_code == (200 if allowed == "bulk" else 403)


def test_a_key_may_do_less_than_its_user(house: House) -> None:
    keys.revoke_kind(house.gateway, keys.BULK, house.sent("smsend").order.account_id)
    house.bulk_key = keys.create(house.gateway, keys.BULK, house.username, terms=KeyTerms(permissions=["bulk:read"])).key
    house.httpsms_key = keys.create(house.gateway, keys.HTTPSMS, house.username, terms=KeyTerms(permissions=["httpsms:read"])).key
    assert [house.send(dialect).status_code for dialect in ("bulk", "httpsms")] == [403, 403]
    house.asked("/api/v2/account/balance", house.bulk)
    house.asked("/v1/billing/usage", house.httpsms)
    assert house.send_v1().status_code == 200
    assert len(house.messages()) == 2


def test_a_key_may_not_do_more_than_its_user(house: House) -> None:
    keys.revoke_kind(house.gateway, keys.BULK, house.sent("smsend").order.account_id)
    house.bulk_key = keys.create(house.gateway, keys.BULK, house.username, terms=KeyTerms(permissions=["*"])).key
    house.limit(permissions=["bulk:read"])
    assert house.send("bulk").status_code == 403


def test_a_key_of_one_dialect_is_none_in_another(house: House) -> None:
    house.bulk_key, house.httpsms_key = house.httpsms_key, house.bulk_key
    assert [house.send(dialect).status_code for dialect in ("bulk", "httpsms")] == [401, 401]


def test_a_user_calls_from_its_networks_only(house: House) -> None:
    house.limit(networks=["192.0.2.0/24"])
    accounts.set_user_limits(house.gateway, house.device, lambda now: replace(now, networks=["192.0.2.0/24"]))
    statuses = {dialect: house.send(dialect).status_code for dialect in DIALECTS}
    assert statuses == {"smsend": 401, "brevisone": 403, "smsnodes": 403, "bulk": 403, "httpsms": 401}
    assert house.send_v1().status_code == 403
    house.address = "192.0.2.7"
    assert {dialect: house.send(dialect).status_code for dialect in DIALECTS} == IN_WORDS


def test_a_key_calls_from_its_networks_and_its_users(house: House) -> None:
    terms = KeyTerms(networks=["192.0.2.0/24"])
    house.httpsms_key = keys.create(house.gateway, keys.HTTPSMS, house.username, terms=terms).key
    assert [house.send("httpsms").status_code, house.send("bulk").status_code] == [401, 200]
    house.address = "192.0.2.7"
    assert house.send("httpsms").status_code == 200
    house.limit(networks=["127.0.0.0/8"])
    assert house.send("httpsms").status_code == 401


def test_a_daily_cap_is_shared_by_all_that_a_user_calls(house: House) -> None:
    house.limit(daily_cap=5)
    for send in (*(lambda each=each: house.send(each) for each in ("smsend", "brevisone", "bulk", "httpsms")), house.send_v1):
        assert send().status_code in (200, 201)
    refused = [house.send(dialect).status_code for dialect in ("smsend", "brevisone", "bulk", "httpsms")]
    assert refused == [429, 400, 429, 402]
    assert len(house.messages()) == 5
    assert house.send("smsnodes").status_code == 200, "a device is a user of its own"
    assert list(ledger.verify(house.gateway)) == []


def test_a_keys_own_cap_counts_for_itself(house: House) -> None:
    house.httpsms_key = keys.create(house.gateway, keys.HTTPSMS, house.username, terms=KeyTerms(daily_cap=1)).key
    assert [house.send("httpsms").status_code for _ in range(2)] == [200, 402]
    assert house.send("bulk").status_code == 200


def test_a_daily_cap_is_exact_when_all_come_at_once(house: House, app: Flask) -> None:
    house.limit(daily_cap=7)
    senders = ("smsend", "brevisone", "bulk", "httpsms") * 4
    start = threading.Barrier(len(senders))
    statuses: list[int] = []

    def call(dialect: str) -> None:
        mine = replace(house, http=app.test_client())
        start.wait()
        with app.app_context():
            statuses.append(mine.send(dialect).status_code)

    threads = [threading.Thread(target=call, args=(dialect,)) for dialect in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(status in (200, 201) for status in statuses) == 7
    assert set(statuses) <= {200, 201, 400, 402, 429}
    assert len(house.messages()) == 7
    assert list(ledger.verify(house.gateway)) == []


def test_test_mode_is_free_and_marked(house: House) -> None:
    house.limit(is_test=True)
    accounts.set_user_limits(house.gateway, house.device, lambda now: replace(now, is_test=True))
    for dialect in DIALECTS:
        found = house.sent(dialect)
        assert (found.order.is_test, found.message.connector, found.message.units) == (True, "test", 0)
    assert json.loads(house.send("bulk").data)["data"]["sandbox"] is True
    assert house.balance() == CREDIT_UNITS
    house.limit(is_test=False)
    found = house.sent("brevisone")
    assert (found.order.is_test, found.message.connector) == (False, "simulator")
    assert house.balance() == CREDIT_UNITS - found.message.units


@contextmanager
def living(database_url: str) -> Iterator[House]:
    """A house on the machine's clock, and a dispatcher at work."""
    quick = {"simulator_delay_milliseconds": 1, "simulator_receipt_milliseconds": 1, "dispatch_poll_milliseconds": 10}
    app = create_app(settings_for(database_url, web_threads=4, **quick))
    stop = threading.Event()
    dispatcher = threading.Thread(target=run, args=(app, stop))
    with app.app_context():
        house = a_house(app.extensions["dragoman"], app.test_client())
        dispatcher.start()
        try:
            yield house
        finally:
            stop.set()
            dispatcher.join()
            close_connections(db.engine)
            db.engine.dispose()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def test_delivery_is_told_in_every_dialects_words(database_url: str) -> None:
    with living(database_url) as house:
        accounts.create_user(house.gateway, house.name, "tester", PASSWORD)
        accounts.set_user_limits(house.gateway, "tester", lambda now: replace(now, is_test=True))
        orders = {dialect: house.sent(dialect).order for dialect in DIALECTS}
        tried = replace(house, username="tester").sent("brevisone").order
        wait_until(lambda: {each.message.state for each in house.messages()} == {State.DELIVERED})
        for order in (*orders.values(), tried):
            state = house.asked(f"/API/v1.0/REST/sms/{order.id.hex}", house.session)
            assert state["recipients"][0]["status"] == "DLVRD"
            assert house.asked(f"/v1/messages/{order.id}", house.httpsms)["data"]["status"] == "delivered"
        for order in (orders["brevisone"], tried):
            assert house.call("GET", "/state.php", query_string={"uid": str(order.id)}).text == "Status : DELIVERED"
        asked = {"deviceUsername": house.device, "password": PASSWORD, "messageId": orders["smsnodes"].charge_sequence}
        job = house.asked("/api/message-state", method="POST", json=asked)
        assert [each["state"] for each in job["recipients"]] == ["delivered"]
        assert {each.message.connector for each in house.messages() if each.order.is_test} == {"test"}
        assert list(ledger.verify(house.gateway)) == []
