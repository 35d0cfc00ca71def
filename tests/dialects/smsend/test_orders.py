"""What became of it: state, cancelling, history, credit. Contract 2.4 to 2.7 and 3.8."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from gateway.dialects.smsend.uncertain import STATE_NUMBERS, STATES
from gateway.domain.message import State
from gateway.services import ledger
from gateway.services.core import Gateway
from gateway.storage.tables import Message
from tests.dialects.smsend.conftest import an_account_with_user
from tests.dialects.smsend.program import RECIPIENT, Program, refused, said
from tests.support.builders import messages
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SECOND = "+393471234568"
SINCE = {"from": "20260101000000"}
WORDS = {
    "WAITING", "SCHEDULED", "SENT", "WAIT4DLVR", "DLVRD", "TIMEOUT", "ERROR", "KO", "TOOM4USER", "TOOM4NUM", "UNKNRCPT", "UNKNPFX",
    "INVALIDDST", "BLACKLISTED", "INVALIDCONTENTS", "DEMO",
}  # fmt: skip


def becomes(gateway: Gateway, clock: FixedClock, state: State) -> None:
    """Every message is in this state, and final now if it is a final one."""
    with gateway.writing() as session:
        session.execute(update(Message).values(state=state.value, final_at=clock.now() if state is State.DELIVERED else None))


class TestState:
    def test_body(self, owner: Program, gateway: Gateway, clock: FixedClock) -> None:
        order_id = owner.sent(recipient=["0039 347 1234567", SECOND])
        answer = owner.get(f"/sms/{order_id}")
        waiting = '{"result":"OK","recipients":[%s,%s],"recipient_number":2}'
        one = '{"destination":"%s","status":"WAITING","delivery_date":""}'
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
        assert answer.text == waiting % (one % RECIPIENT, one % SECOND)
        becomes(gateway, clock, State.DELIVERED)
        recipient = said(owner.get(f"/sms/{order_id}"))["recipients"][0]
        assert recipient == {"destination": RECIPIENT, "status": "DLVRD", "delivery_date": "20260105090000"}

    @on_sqlite
    @pytest.mark.parametrize(
        ("state", "token", "word", "number"),
        [
            (State.SCHEDULED, "N", "SCHEDULED", 2),
            (State.QUEUED, "N", "WAITING", 2),
            (State.SENDING, "N", "WAITING", 2),
            (State.SENT, "N", "WAIT4DLVR", 2),
            (State.SENT, "L", "SENT", 4),
            (State.SENT, "LL", "SENT", 4),
            (State.DELIVERED, "N", "DLVRD", 4),
            (State.UNDELIVERED, "N", "KO", 9),
            (State.EXPIRED, "N", "TIMEOUT", 10),
            (State.UNKNOWN, "N", "WAIT4DLVR", 2),
            (State.FAILED, "N", "ERROR", 9),
            (State.CANCELLED, "N", "ERROR", 9),
            (State.BLOCKED, "N", "BLACKLISTED", 9),
        ],
    )
    def test_words_and_numbers(
        self, owner: Program, gateway: Gateway, clock: FixedClock, state: State, token: str, word: str, number: int
    ) -> None:
        order_id = owner.sent(message_type=token)
        becomes(gateway, clock, state)
        assert owner.states(order_id) == [word]
        (entry,) = said(owner.get("/rcptHistory", recipient=RECIPIENT, **SINCE))["rcpthistory"]
        assert entry["status"] == number

    def test_every_state_has_a_word_and_a_number(self) -> None:
        assert set(STATES) == set(STATE_NUMBERS) == set(State)
        assert set(STATES.values()) <= WORDS
        assert set(STATE_NUMBERS.values()) <= {2, 4, 9, 10}

    @on_sqlite
    @pytest.mark.parametrize("order_id", ["unknown", "bulk", "0" * 32, "x" * 200, "a%2Fb", "..", "%00", "%ED%A0%80", "%FF", "' OR 1=1 --"])
    def test_unknown(self, owner: Program, order_id: str) -> None:
        refused(owner.call("GET", f"/sms/{order_id}"), 404, "NOT_FOUND")
        if order_id != "bulk":
            refused(owner.call("DELETE", f"/sms/{order_id}"), 404, "NOT_FOUND")

    def test_another_account_sees_and_cancels_nothing(self, owner: Program, stranger: Program) -> None:
        mine = said(owner.send(order_id="mine", scheduled_delivery_time="20260601120000"))
        for order_id in (mine["order_id"], mine["internal_order_id"]):
            refused(stranger.get(f"/sms/{order_id}"), 404, "NOT_FOUND")
            refused(stranger.call("DELETE", f"/sms/{order_id}"), 404, "NOT_FOUND")
        assert said(stranger.call("DELETE", "/sms/bulk"))["cancelled"] == 0
        assert said(stranger.get("/smshistory", **SINCE))["total"] == 0
        assert said(stranger.get("/rcptHistory", recipient=RECIPIENT, **SINCE))["total"] == 0
        assert owner.states("mine") == ["SCHEDULED"]


class TestCancelling:
    def test_an_order(self, owner: Program, gateway: Gateway) -> None:
        order_id = owner.sent(recipient=[RECIPIENT, SECOND], scheduled_delivery_time="20260601120000")
        assert owner.credits() == 998
        answer = owner.call("DELETE", f"/sms/{order_id}")
        assert (answer.status_code, answer.text) == (200, '{"result":"OK","cancelled":2}')
        assert owner.credits() == 1000
        assert owner.states(order_id) == ["ERROR", "ERROR"]
        assert list(ledger.verify(gateway)) == []

    def test_all(self, owner: Program, gateway: Gateway) -> None:
        for _ in range(3):
            owner.sent(scheduled_delivery_time="20260601120000")
        now = owner.sent()
        answer = owner.call("DELETE", "/sms/bulk")
        assert (answer.status_code, answer.text) == (200, '{"result":"OK","cancelled":3}')
        assert owner.credits() == 999
        assert owner.states(now) == ["WAITING"]
        assert said(owner.call("DELETE", "//sms//bulk/"))["cancelled"] == 0
        assert list(ledger.verify(gateway)) == []

    @on_sqlite
    def test_what_is_not_scheduled(self, owner: Program, gateway: Gateway, clock: FixedClock) -> None:
        order_id = owner.sent()
        refused(owner.call("DELETE", f"/sms/{order_id}"), 404, "NOT_SCHEDULED")
        scheduled = owner.sent(scheduled_delivery_time="20260601120000")
        becomes(gateway, clock, State.SENDING)
        refused(owner.call("DELETE", f"/sms/{scheduled}"), 404, "NOT_SCHEDULED")
        assert owner.credits() == 998


class TestHistory:
    def test_body(self, owner: Program, clock: FixedClock) -> None:
        owner.sent(order_id="A1", message_type="L", recipient=[RECIPIENT, SECOND], sender="")
        clock.forward(minutes=1)
        owner.sent(order_id="A2", message_type="GP", sender="AcmeShop", scheduled_delivery_time="20260601120000")
        entry = '{"order_id":"%s","create_time":"%s","schedule_time":"%s","message_type":"%s","sender":"%s","num_recipients":%d}'
        second = entry % ("A2", "20260105090100", "20260601120000", "GP", "AcmeShop", 1)
        first = entry % ("A1", "20260105090000", "", "L", "Acme", 2)
        answer = owner.get("/smshistory", **SINCE)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
        assert answer.text == f'{{"total":2,"pageNumber":1,"pageSize":10,"result":"OK","smshistory":[{second},{first}]}}'

    @on_sqlite
    def test_a_sender_is_never_null(self, stranger: Program) -> None:
        stranger.sent()
        (entry,) = said(stranger.get("/smshistory", **SINCE))["smshistory"]
        assert (entry["sender"], entry["schedule_time"]) == ("", "")

    @on_sqlite
    def test_pages(self, owner: Program, clock: FixedClock) -> None:
        for number in range(12):
            owner.sent(order_id=f"A{number}")
            clock.forward(seconds=1)
        newest = [f"A{number}" for number in reversed(range(12))]
        assert orders(owner.get("/smshistory", **SINCE)) == newest[:10]
        assert orders(owner.get("/smshistory", pageNumber=2, **SINCE)) == newest[10:]
        assert orders(owner.get("/smshistory", pageNumber=3, pageSize=5, **SINCE)) == newest[10:]
        assert orders(owner.get("/smshistory", pageNumber=9, **SINCE)) == []
        assert orders(owner.get("/smshistory", dir="asc", pageSize=2, sort="create_time", **SINCE)) == ["A0", "A1"]
        assert orders(owner.get("/smshistory", dir="DESC", pageSize=2, **SINCE)) == ["A11", "A10"]
        page = said(owner.get("/smshistory", pageSize=1000, **SINCE))
        assert (page["total"], page["pageSize"], len(page["smshistory"])) == (12, 1000, 12)
        assert said(owner.get("/smshistory", pageSize=500_000, **SINCE))["pageSize"] == 10_000, "says what it holds"

    @on_sqlite
    def test_spans(self, owner: Program, clock: FixedClock) -> None:
        owner.sent(order_id="first")  # at 9:00:00 in Rome
        clock.forward(hours=1)
        owner.sign_in().sent(order_id="second")
        ask = owner.get
        assert orders(ask("/smshistory", **{"from": "20260105090000", "to": "20260105095959"})) == ["first"]
        assert orders(ask("/smshistory", **{"from": "20260105090001"})) == ["second"]
        assert orders(ask("/smshistory", **{"from": "20260105080000", "timezone": "UTC", "to": "20260105083000"})) == ["first"]
        assert orders(ask("/smshistory", **{"from": "2026-01-05 09:30", "to": "now"})) == ["second"]
        assert orders(ask("/smshistory", **{"from": "20260106000000"})) == []
        assert orders(ask("/smshistory", **{"from": "20260107000000", "to": "20260101000000"})) == []
        times = said(ask("/smshistory", timezone="Asia/Tokyo", **SINCE))["smshistory"]
        assert [each["create_time"] for each in times] == ["20260105180000", "20260105170000"]

    @on_sqlite
    @pytest.mark.parametrize("call", ["/smshistory", "/rcptHistory"])
    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({}, "MISSING_PARAMETER"),
            ({"from": ""}, "MISSING_PARAMETER"),
            ({"from": "yesterday"}, "INVALID_DATE"),
            (SINCE | {"to": "tomorrow"}, "INVALID_DATE"),
            (SINCE | {"timezone": "Europe"}, "INVALID_PARAMETER"),
            (SINCE | {"timezone": "../../etc/passwd"}, "INVALID_PARAMETER"),
            (SINCE | {"pageNumber": "0"}, "INVALID_PARAMETER"),
            (SINCE | {"pageNumber": "-1"}, "INVALID_PARAMETER"),
            (SINCE | {"pageNumber": "x"}, "INVALID_PARAMETER"),
            (SINCE | {"pageNumber": "9" * 30}, "INVALID_PARAMETER"),
            (SINCE | {"pageSize": "0"}, "INVALID_PARAMETER"),
            (SINCE | {"pageSize": "1.5"}, "INVALID_PARAMETER"),
            (SINCE | {"pageSize": "٣"}, "INVALID_PARAMETER"),
            (SINCE | {"pageSize": ""}, "INVALID_PARAMETER"),
        ],
    )
    def test_refused(self, owner: Program, call: str, query: dict[str, str], code: str) -> None:
        refused(owner.get(call, **{"recipient": RECIPIENT} | query), 400, code)


class TestRecipientHistory:
    def test_body(self, owner: Program) -> None:
        owner.sent(order_id="A1", recipient=[SECOND, RECIPIENT])
        answer = owner.get("/rcptHistory", recipient=RECIPIENT, **SINCE)
        entry = '"order_id":"A1","create_time":"20260105090000","schedule_time":"","message_type":"N","sender":"Acme"'
        expected = '{"total":1,"pageNumber":1,"pageSize":10,"result":"OK","rcpthistory":[{%s,"destination":"%s","status":2}]}'
        assert (answer.status_code, answer.text) == (200, expected % (entry, RECIPIENT))

    @on_sqlite
    @pytest.mark.parametrize(
        "written", ["+393471234567", "%2B393471234567", "%20393471234567", "00393471234567", "3471234567", "%2B39%20347%20123%204567"]
    )
    def test_ways_to_write_the_number(self, owner: Program, written: str) -> None:
        owner.sent()
        answer = owner.call("GET", f"/rcptHistory?from=20260101000000&recipient={written}")
        assert said(answer)["total"] == 1

    @on_sqlite
    def test_refused(self, owner: Program) -> None:
        refused(owner.get("/rcptHistory", **SINCE), 400, "MISSING_PARAMETER")
        refused(owner.get("/rcptHistory", recipient="x", **SINCE), 400, "INVALID_RECIPIENT")
        refused(owner.call("GET", "/rcptHistory?from=20260101000000&recipient=%00"), 400, "INVALID_PARAMETER")

    @on_sqlite
    def test_pages(self, owner: Program, clock: FixedClock) -> None:
        for number in range(3):
            owner.sent(order_id=f"A{number}", recipient=[RECIPIENT, SECOND])
            clock.forward(seconds=1)
        page = said(owner.get("/rcptHistory", recipient=SECOND, pageSize=2, pageNumber=2, **SINCE))
        assert (page["total"], [each["order_id"] for each in page["rcpthistory"]]) == (3, ["A0"])


class TestStatus:
    def test_body(self, owner: Program) -> None:
        answer = owner.get("/status", getMoney="false", typeAliases="true")
        kinds = ",".join(f'{{"type":"{name}","quantity":1000}}' for name in ("N", "L", "LL", "EE", "AD"))
        email = '"email":{"bandwidth":0,"billing":"EMAILPERHOUR","expiry":"2099-12-31","purchased":"2026-01-05"}'
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
        assert answer.text == f'{{"money":null,"sms":[{kinds}],{email}}}'

    @on_sqlite
    @pytest.mark.parametrize(
        ("query", "types", "money"),
        [
            ("", ["GP", "TI", "SI", "EE", "AD"], None),
            ("typeAliases=false", ["GP", "TI", "SI", "EE", "AD"], None),
            ("typeAliases=", ["GP", "TI", "SI", "EE", "AD"], None),
            ("typeAliases=True", ["N", "L", "LL", "EE", "AD"], None),
            ("typeAliases=1&getMoney=1", ["N", "L", "LL", "EE", "AD"], 999.0),
            ("getMoney=true", ["GP", "TI", "SI", "EE", "AD"], 999.0),
            ("getMoney=", ["GP", "TI", "SI", "EE", "AD"], None),
        ],
    )
    def test_flags(self, owner: Program, query: str, types: list[str], money: float | None) -> None:
        owner.sent()
        told = said(owner.call("GET", f"/status?{query}"))
        assert ([each["type"] for each in told["sms"]], told["money"]) == (types, money)
        assert [each["quantity"] for each in told["sms"]] == [999] * 5
        assert all(type(each["quantity"]) is int for each in told["sms"])

    @on_sqlite
    def test_bad_flags(self, owner: Program) -> None:
        refused(owner.get("/status", getMoney="maybe"), 400, "INVALID_PARAMETER")

    @on_sqlite
    def test_huge_and_negative_balances_fit_32_bits(self, gateway: Gateway, owner: Program) -> None:
        an_account_with_user(gateway, "rich", credit=10**12)
        an_account_with_user(gateway, "deep", credit=0, credit_limit_units=5000)
        rich, deep = Program(owner.http, "rich").sign_in(), Program(owner.http, "deep").sign_in()
        assert rich.credits() == 2**31 - 1
        assert said(rich.send())["remaining_credits"] == 2**31 - 1
        for _ in range(5):
            deep.sent()
        assert deep.credits() == 0
        assert said(deep.get("/status", getMoney=1))["money"] == -5.0


@on_sqlite
def test_an_order_a_day_old_is_still_there(owner: Program, clock: FixedClock) -> None:
    order_id = owner.sent()
    clock.moment += timedelta(days=1)
    assert owner.sign_in().states(order_id) == ["WAITING"]
    assert json.loads(owner.get("/smshistory", **SINCE).data)["total"] == 1


def orders(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["order_id"] for each in said(answer)["smshistory"]]


def test_messages_carry_what_was_asked(owner: Program, gateway: Gateway) -> None:
    owner.sent(recipient=[RECIPIENT, SECOND])
    assert [each.position for each in messages(gateway)] == [0, 1]
