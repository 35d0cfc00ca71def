"""Sending each a text of its own. Contract 4.4."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from gateway.services import ledger
from gateway.services.core import Gateway
from gateway.storage.tables import TariffRow
from tests.dialects.bulk.program import BULK, ONE, ONE_E164, TWO, TWO_E164, Program, done, refused, said
from tests.support.builders import messages

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NO_NUMBER = "Invalid phone number format."


def to(number: Any, text: Any) -> dict[str, Any]:
    return {"number": number, "message_body": text}


def sent(gateway: Gateway) -> list[tuple[str, str | None]]:
    return [(message.recipient, message.own_text) for message in messages(gateway)]


def test_good_ones_go_in_one_order_and_bad_ones_are_told(owner: Program, gateway: Gateway) -> None:
    data = done(
        owner.send_each(
            to(ONE, "Hello Ada"),
            to("abc", "Hello"),
            to(702913454, "ж" * 71),
            "not an object",
            to(TWO, " "),
            to(None, "Hello"),
            to(TWO, "Hello Bob"),
            reference="r-1",
            sender_id="AcmeShop",
        )
    )
    assert data["successful_messages"] == [
        {"index": 0, "number": ONE, "number_of_messages": 1},
        {"index": 2, "number": "702913454", "number_of_messages": 2},
        {"index": 6, "number": TWO, "number_of_messages": 1},
    ]
    assert data["failed_messages"] == [
        {"index": 1, "number": "abc", "error": NO_NUMBER},
        {"index": 3, "number": None, "error": "The messages field must hold objects."},
        {"index": 4, "number": TWO, "error": "The message body field is required."},
        {"index": 5, "number": None, "error": NO_NUMBER},
    ]
    assert (data["estimated_cost"], data["remaining_balance"], data["reference"]) == (4, 996, "r-1")
    assert sent(gateway) == [(ONE_E164, "Hello Ada"), (ONE_E164, "ж" * 71), (TWO_E164, "Hello Bob")]
    assert len({message.order_id for message in messages(gateway)}) == 1
    assert list(ledger.verify(gateway)) == []


@on_sqlite
def test_the_same_twice_is_sent_once_and_told_twice(owner: Program, gateway: Gateway) -> None:
    data = done(owner.send_each(to(ONE, "Hi"), to(ONE_E164, "Hi"), to(ONE, "Ho"), to(ONE, "Hi ")))
    assert [each["index"] for each in data["successful_messages"]] == [0, 1, 2, 3]
    assert data["failed_messages"] == []
    assert sent(gateway) == [(ONE_E164, "Hi"), (ONE_E164, "Ho")]


@on_sqlite
def test_none_accepted(owner: Program, gateway: Gateway) -> None:
    answer = owner.http.post(BULK, json={"messages": [to("abc", "Hi"), []]}, headers={"X-API-Key": owner.key})
    told = said(answer)
    assert (answer.status_code, told["success"], told["message"]) == (200, False, "No message was accepted.")
    assert told["data"]["successful_messages"] == []
    assert [each["index"] for each in told["data"]["failed_messages"]] == [0, 1]
    assert messages(gateway) == []


@on_sqlite
def test_a_destination_that_is_not_served_fails_alone(owner: Program, gateway: Gateway) -> None:
    with gateway.writing() as session:
        session.execute(update(TariffRow).where(TariffRow.prefix == "").values(prefix="256"))
    gateway.catalogue.forget()
    data = done(owner.send_each(to("+393471234567", "Hi"), to(ONE, "Hi")))
    assert data["failed_messages"] == [{"index": 0, "number": "+393471234567", "error": "This destination is not served."}]


@on_sqlite
def test_a_repeat_tells_the_same(owner: Program, gateway: Gateway) -> None:
    body = {"messages": [to(ONE, "Hi"), to("x", "Hi"), to(TWO, "ж" * 71)]}
    first, again = (owner.keyed("POST", BULK, json=body, headers={"Idempotency-Key": "k-1"}) for _ in range(2))
    assert said(first) == said(again)
    assert len(messages(gateway)) == 2


@on_sqlite
def test_the_whole_request_may_be_wrong(owner: Program, gateway: Gateway) -> None:
    refused(owner.send_each(), 422, "The messages field is required.")
    refused(owner.keyed("POST", BULK, data={"messages": "x"}), 422, "The messages field must be a list.")
    refused(owner.send_each(to(ONE, "Hi"), sender_id="Rival"), 422, "The sender id field is not approved for this account.")
    refused(owner.send_each(*[to(ONE, "Hi")] * 100_001), 422, "The messages field has 100001 entries, at most 100000 are allowed.")
    refused(owner.call("POST", BULK, json={"messages": [to(ONE, "Hi")]}), 401, "API key is required")
    many = [to(f"07029{number:05d}", "Hi") for number in range(1001)]
    refused(owner.send_each(*many), 400, "Insufficient balance")
    assert messages(gateway) == []
