"""Messages that came in, as smSend's programs read them. Contract 2.12."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask

from gateway.domain.inbound import Inbound, InboundKind
from gateway.services import dispatching, inbound_numbers
from gateway.services.core import Gateway
from tests.dialects.smsend.program import Program, refused, said
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FIRST, SECOND, SHORT = "+393400001111", "+393400002222", "48105"
SENDER = "+393471234567"
SINCE = {"from": "20260101000000"}


@pytest.fixture(autouse=True)
def numbers(gateway: Gateway, owner: Program, stranger: Program) -> None:
    for number in (FIRST, SECOND, SHORT):
        inbound_numbers.add(gateway, "owner", number, take_unrouted=False)
    inbound_numbers.add(gateway, "stranger", "+393400003333", take_unrouted=False)


def come(gateway: Gateway, *texts: str, to: str | None = FIRST, sender: str = SENDER, kind: InboundKind = InboundKind.SMS) -> None:
    now = gateway.clock.now()
    dispatching.record(gateway, "simulator", [Inbound(sender, to, text, now, kind) for text in texts])


def texts(program: Program, path: str, **query: Any) -> list[str]:
    return [each["text"] for each in said(program.get(path, **query))["messages"]]


class TestNew:
    def test_body(self, owner: Program, gateway: Gateway) -> None:
        come(gateway, "Grüße 😀 \"'", sender="DHL")
        answer = owner.get("/newrsmsmessage")
        row = said(answer)["messages"][0]["id"]
        text = "Gr\\u00fc\\u00dfe \\ud83d\\ude00 \\\"'"
        entry = f'{{"id":{row},"sender":"DHL","recipient":"{FIRST}","text":"{text}","receivedDate":"20260105090000"}}'
        assert answer.text == f'{{"result":"OK","total":1,"pageNumber":1,"pageSize":100,"messages":[{entry}]}}'
        assert owner.get("/newrsmsmessage").text == '{"result":"OK","total":0,"pageNumber":1,"pageSize":100,"messages":[]}'

    def test_each_is_given_once_oldest_first(self, owner: Program, stranger: Program, gateway: Gateway) -> None:
        come(gateway, *"abcde")
        come(gateway, "missed", kind=InboundKind.CALL)
        come(gateway, "theirs", to="+393400003333")
        come(gateway, "nobody's", to="+393400009999")
        assert texts(owner, "/newrsmsmessage", limit=2) == ["a", "b"]
        assert texts(owner, "/newrsmsmessage", limit=500) == ["c", "d", "e"]
        come(gateway, "f")
        assert texts(owner, "/newrsmsmessage") == ["f"]
        assert texts(stranger, "/newrsmsmessage") == ["theirs"]

    def test_of_some_numbers(self, owner: Program, gateway: Gateway) -> None:
        for text, to in (("one", FIRST), ("two", SECOND), ("short", SHORT)):
            come(gateway, text, to=to)
        assert texts(owner, f"/newrsmsmessage/{SECOND}") == ["two"]
        assert texts(owner, "/newrsmsmessage/00393400001111,48105") == ["one", "short"]
        assert texts(owner, "/newrsmsmessage") == []

    def test_two_callers_at_once_get_each_message_once(self, app: Flask, owner: Program, gateway: Gateway) -> None:
        come(gateway, *(str(number) for number in range(60)))
        got: list[list[str]] = []

        def fetch() -> None:
            program = Program(app.test_client(), "owner")
            program.keys = owner.keys
            while found := texts(program, "/newrsmsmessage", limit=5):
                got.append(found)

        running = [threading.Thread(target=fetch) for _ in range(3)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        assert sorted(int(text) for page in got for text in page) == list(range(60))

    @on_sqlite
    @pytest.mark.parametrize(
        ("path", "code"),
        [("/newrsmsmessage?limit=0", "INVALID_PARAMETER"), ("/newrsmsmessage?limit=x", "INVALID_PARAMETER"),
         ("/newrsmsmessage/abc", "INVALID_RECIPIENT"), ("/newrsmsmessage/%2C", "INVALID_PARAMETER"),
         ("/newrsmsmessage/" + "48105," * 101, "INVALID_PARAMETER"), ("/srsmshistory/48105/x", "INVALID_PARAMETER"),
         ("/srsmshistory/48105/" + "9" * 30, "INVALID_PARAMETER"), ("/srsmshistory", "MISSING_PARAMETER"),
         ("/srsmshistory?from=x", "INVALID_DATE"), ("/mosmshistory?from=20260101000000", "MISSING_PARAMETER"),
         ("/mosmshistory?from=20260101000000&type=HELLO", "INVALID_PARAMETER"), ("/mosmshistory?type=STOP", "MISSING_PARAMETER")],
    )  # fmt: skip
    def test_bad_requests(self, owner: Program, path: str, code: str) -> None:
        refused(owner.call("GET", path), 400, code)

    @on_sqlite
    def test_without_keys(self, owner: Program) -> None:
        for path in (
            "/newrsmsmessage",
            "/newrsmsmessage/48105",
            "/srsmshistory",
            "/srsmshistory/48105",
            "/srsmshistory/48105/1",
            "/mosmshistory",
        ):
            refused(owner.call("GET", path, headers={}), 401, "MISSING_CREDENTIALS")


class TestHistory:
    def test_pages_spans_and_numbers(self, owner: Program, stranger: Program, gateway: Gateway, clock: FixedClock) -> None:
        for number in range(4):
            come(gateway, f"text {number}", to=FIRST if number % 2 else SECOND)
            clock.forward(seconds=1)
        come(gateway, "call", kind=InboundKind.CALL)
        ask = "/srsmshistory"
        assert texts(owner, ask, **SINCE) == ["text 3", "text 2", "text 1", "text 0"]
        assert texts(owner, ask, **SINCE) == texts(owner, ask, **SINCE), "reading takes nothing away"
        assert texts(owner, f"{ask}/{FIRST}", **SINCE) == ["text 3", "text 1"]
        assert texts(owner, ask, pageSize=3, pageNumber=2, dir="asc", **SINCE) == ["text 3"]
        assert texts(owner, ask, **{"from": "20260105090001", "to": "20260105090002"}) == ["text 2", "text 1"]
        assert texts(owner, ask, timezone="UTC", **{"from": "20260105080003"}) == ["text 3"]
        page = said(owner.get(ask, timezone="Asia/Tokyo", pageSize=1, **SINCE))
        assert (page["total"], page["pageSize"], page["messages"][0]["receivedDate"]) == (4, 1, "20260105170003")
        assert texts(stranger, ask, **SINCE) == []

    def test_behind_an_id(self, owner: Program, gateway: Gateway) -> None:
        come(gateway, *"abcd")
        ids = [each["id"] for each in said(owner.get(f"/srsmshistory/{FIRST}", dir="asc", **SINCE))["messages"]]
        assert ids == sorted(ids)
        assert texts(owner, f"/srsmshistory/{FIRST}/{ids[1]}") == ["c", "d"]
        assert texts(owner, f"/srsmshistory/{FIRST}/{ids[1]}", limit=1) == ["c"]
        assert texts(owner, f"/srsmshistory/{SECOND}/0") == []

    def test_keywords(self, owner: Program, gateway: Gateway) -> None:
        come(gateway, "STOP", "Contact", "Start", "Hello")
        for kind, found in (("STOP", ["STOP"]), ("contact", ["Contact"]), ("OTHER", ["Start", "Hello"])):
            assert texts(owner, "/mosmshistory", type=kind, dir="asc", **SINCE) == found
