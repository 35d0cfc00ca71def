"""Numbers that must not be written to. Contract 2.11 and 3.8."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.services import ledger, optouts
from gateway.services.core import Gateway
from tests.dialects.smsend.program import RECIPIENT, Program, refused, said
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SECOND, THIRD = "+393471234568", "+393471234569"


def listed(program: Program, **query: Any) -> list[str]:
    return [each["phoneNumber"] for each in said(program.get("/blacklist/sms", **query))["blacklist"]]


class TestAdding:
    def test_by_query_and_by_body(self, owner: Program) -> None:
        answer = owner.call("POST", "/blacklist/sms?phoneNumber=%2B393471234567")
        assert (answer.status_code, answer.text, answer.content_type) == (200, "true", "text/plain;charset=UTF-8")
        assert owner.call("POST", "/blacklist/sms?phoneNumber=+393471234568").text == "true", "its plus became a blank"
        assert owner.call("POST", "/blacklist/sms?phoneNumber=00393471234568").text == "true", "it is there already"
        assert owner.call("POST", "/blacklist/sms", json={"phoneNumbers": [THIRD]}).text == "true"
        assert sorted(listed(owner)) == [RECIPIENT, SECOND, THIRD]

    def test_a_batch_is_counted(self, owner: Program) -> None:
        numbers = [RECIPIENT, "0039 347 1234568", SECOND]
        answer = owner.call("POST", "/blacklist/smsbatch", data=json.dumps(numbers), content_type="application/json")
        assert (answer.status_code, answer.text, answer.content_type) == (200, "2", "application/json;charset=UTF-8")
        assert owner.call("POST", "/blacklist/smsbatch", json={"phoneNumbers": [*numbers, THIRD]}).text == "3"
        assert len(listed(owner)) == 3

    def test_one_that_is_malformed_keeps_all_out(self, owner: Program) -> None:
        refused(owner.call("POST", "/blacklist/smsbatch", json=[RECIPIENT, "+39abc"]), 400, "INVALID_RECIPIENT")
        assert listed(owner) == []

    @on_sqlite
    @pytest.mark.parametrize("path", ["/blacklist/sms", "/blacklist/smsbatch"])
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "INVALID_REQUEST"), (b"{}", "MISSING_PARAMETER"), (b'{"phoneNumbers":[]}', "MISSING_PARAMETER"),
            (b'{"phoneNumbers":[null]}', "INVALID_PARAMETER"), (b'{"phoneNumbers":[["x"]]}', "INVALID_PARAMETER"),
            (b'{"phoneNumbers":["\\u0000"]}', "INVALID_RECIPIENT"), (b"7", "MISSING_PARAMETER"), (b'"x"', "MISSING_PARAMETER"),
            (b'{"phoneNumbers":["' + b"1" * 5000 + b'"]}', "INVALID_RECIPIENT"),
            (b"[" + b"1," * 100_000 + b"1]", None),
        ],
    )  # fmt: skip
    def test_bad_bodies(self, owner: Program, path: str, body: bytes, code: str | None) -> None:
        expected = code or ("TOO_MANY_RECIPIENTS" if path.endswith("batch") else "MISSING_PARAMETER")
        refused(owner.call("POST", path, data=body), 400, expected)

    @on_sqlite
    def test_who_may_not(self, owner: Program, teammate: Program, stranger: Program) -> None:
        refused(teammate.call("POST", "/blacklist/sms?phoneNumber=00393471234567"), 401, "NOT_PERMITTED")
        refused(teammate.call("POST", "/blacklist/smsbatch", json=[RECIPIENT]), 401, "NOT_PERMITTED")
        refused(teammate.call("DELETE", f"/blacklist/sms/{RECIPIENT}"), 401, "NOT_PERMITTED")
        refused(owner.call("POST", "/blacklist/smsbatch", json=[RECIPIENT], headers={}), 401, "MISSING_CREDENTIALS")
        owner.call("POST", "/blacklist/smsbatch", json=[RECIPIENT])
        assert listed(teammate) == [RECIPIENT]
        assert listed(stranger) == []
        refused(stranger.call("DELETE", f"/blacklist/sms/{RECIPIENT}"), 404, "NOT_FOUND")


class TestList:
    def test_body(self, owner: Program, gateway: Gateway, clock: FixedClock) -> None:
        optouts.add(gateway, 0, [THIRD], "WEB")
        owner.call("POST", "/blacklist/smsbatch", json=[RECIPIENT])
        entry = '{"phoneNumber":"+393471234567","origin":"API","date":"2026-01-05 09:00:00"}'
        answer = owner.get("/blacklist/sms")
        assert answer.status_code == 200
        assert answer.text == f'{{"result":"OK","blacklist":[{entry}],"total":1,"pageNumber":1,"pageSize":10}}'

    def test_pages_and_filters(self, owner: Program, gateway: Gateway, clock: FixedClock) -> None:
        numbers = [f"+39347000000{number}" for number in range(5)]
        for number in numbers:
            owner.call("POST", "/blacklist/smsbatch", json=[number])
            clock.forward(seconds=1)
        optouts.add(gateway, _account(gateway), [RECIPIENT], "STOPSMS")
        assert listed(owner) == [RECIPIENT, *reversed(numbers)]
        assert listed(owner, pageNumber=2, pageSize=4) == [numbers[1], numbers[0]]
        assert listed(owner, number="1234") == listed(owner, origins="STOPSMS,WEB") == [RECIPIENT]
        assert listed(owner, number=" 39347000") == listed(owner, number="0039347000") == list(reversed(numbers))
        assert listed(owner, number="%") == listed(owner, number="_") == []
        assert listed(owner, origins="api", **{"from": "2026-01-05 09:00:03"}) == [numbers[4], numbers[3]]
        assert listed(owner, to="20260105090001") == [numbers[1], numbers[0]]
        assert listed(owner, to="2026-01-05 08:00:00", timezone="UTC") == [numbers[0]]

    @on_sqlite
    @pytest.mark.parametrize(
        ("query", "code"),
        [({"from": "x"}, "INVALID_DATE"), ({"to": "x"}, "INVALID_DATE"), ({"timezone": "Mars"}, "INVALID_PARAMETER"),
         ({"origins": "PAPER"}, "INVALID_PARAMETER"), ({"pageSize": "0"}, "INVALID_PARAMETER"), ({"number": "\0"}, "INVALID_PARAMETER")],
    )  # fmt: skip
    def test_bad_queries(self, owner: Program, query: dict[str, str], code: str) -> None:
        refused(owner.get("/blacklist/sms", **query), 400, code)


class TestRemoving:
    def test_by_path(self, owner: Program) -> None:
        owner.call("POST", "/blacklist/smsbatch", json=[RECIPIENT, SECOND, THIRD])
        for written in ("+393471234567", "00393471234568", "%2B393471234569"):
            assert owner.call("DELETE", f"/blacklist/sms/{written}").text == "true"
        assert listed(owner) == []
        refused(owner.call("DELETE", f"/blacklist/sms/{RECIPIENT}"), 404, "NOT_FOUND")
        refused(owner.call("DELETE", "/blacklist/sms/abc"), 400, "INVALID_RECIPIENT")


class TestSending:
    def test_a_blacklisted_number_is_free_and_says_so(self, owner: Program, gateway: Gateway) -> None:
        owner.call("POST", "/blacklist/smsbatch", json=[SECOND])
        answer = owner.send(recipient=[RECIPIENT, SECOND, THIRD], message="x" * 200, returnCredits=True)
        told = said(answer)
        assert (answer.status_code, told["total_sent"], told["remaining_credits"]) == (201, 4, 996)
        assert owner.states(told["order_id"]) == ["WAITING", "BLACKLISTED", "WAITING"]
        (entry,) = said(owner.get("/rcptHistory", recipient=SECOND, **{"from": "20260101000000"}))["rcpthistory"]
        assert entry["status"] == 9
        alone = said(owner.send(recipient=[SECOND]))
        assert (alone["total_sent"], owner.credits()) == (1, 996)
        assert list(ledger.verify(gateway)) == []

    def test_parametric_and_taken_back(self, owner: Program, gateway: Gateway) -> None:
        owner.call("POST", "/blacklist/smsbatch", json=[SECOND])
        people = [{"recipient": RECIPIENT, "name": "Ada"}, {"recipient": SECOND, "name": "B" * 200}]
        order = {"message_type": "N", "message": "Hi ${name}", "recipients": people, "scheduled_delivery_time": "20260601120000"}
        order_id = said(owner.call("POST", "/paramsms", json=order))["order_id"]
        assert owner.states(order_id) == ["SCHEDULED", "BLACKLISTED"]
        assert said(owner.call("DELETE", f"/sms/{order_id}"))["cancelled"] == 1
        assert (owner.credits(), owner.states(order_id)) == (1000, ["ERROR", "BLACKLISTED"])
        assert list(ledger.verify(gateway)) == []


def _account(gateway: Gateway) -> int:
    return optouts.list_of(gateway, "owner")
