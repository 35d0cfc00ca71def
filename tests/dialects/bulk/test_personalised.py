"""Sending each a text of its own. Contract 4.4."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from gateway.services import accounts, identity, keys, ledger
from gateway.services.core import Gateway
from gateway.storage.tables import Account, TariffRow
from tests.dialects.bulk.program import BULK, MESSAGE, ONE, ONE_E164, SEND, SEND_V1, TWO, TWO_E164, Program, done, refused, said
from tests.support.builders import messages

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
REPEAT = {"Idempotency-Key": "k-1"}
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


def set_tariff(gateway: Gateway, prefix: str) -> None:
    """Only numbers that begin so have a price now; "" for all."""
    with gateway.writing() as session:
        session.execute(update(TariffRow).values(prefix=prefix))
    gateway.catalogue.forget()


class TestRepeats:
    """What the first answer said is said again, whatever changed in between (the order says what was sent)."""

    def test_a_destination_that_is_served_by_now(self, owner: Program, gateway: Gateway) -> None:
        set_tariff(gateway, "256")
        body = {"messages": [to("+393471234567", "a"), to(ONE, "ж" * 71), to("abc", "b"), to(ONE, "b"), to(ONE_E164, "ж" * 71)]}
        first = owner.keyed("POST", BULK, json=body, headers=REPEAT)
        assert [each["index"] for each in done(first)["successful_messages"]] == [1, 3, 4]
        set_tariff(gateway, "")
        again = owner.keyed("POST", BULK, json=body, headers=REPEAT)
        assert (again.status_code, said(again)) == (200, said(first))
        assert sent(gateway) == [(ONE_E164, "ж" * 71), (ONE_E164, "b")]
        assert list(ledger.verify(gateway)) == []

    def test_destinations_that_are_served_no_more(self, owner: Program, gateway: Gateway) -> None:
        body = {"messages": [to("+393471234567", "a"), to(ONE, "b")]}
        for served in ("256", "1"):  # one of the two, then neither
            set_tariff(gateway, "")
            headers = {"Idempotency-Key": f"until {served}"}
            first = owner.keyed("POST", BULK, json=body, headers=headers)
            set_tariff(gateway, served)
            again = owner.keyed("POST", BULK, json=body, headers=headers)
            assert (again.status_code, said(again)) == (200, said(first))
        assert len(messages(gateway)) == 4

    @on_sqlite
    @pytest.mark.parametrize("policies", [("transliterate", "ucs2"), ("ucs2", "transliterate"), ("ucs2", "refuse")])
    def test_another_policy_for_texts(self, owner: Program, gateway: Gateway, policies: tuple[str, str]) -> None:
        body = {"messages": [to(ONE, "Ştefan " * 11), to(TWO, "ж")]}
        answers = []
        for policy in policies:
            with gateway.writing() as session:
                session.execute(update(Account).where(Account.name == "owner").values(text_policy=policy))
            gateway.keys.forget(f"{keys.BULK}:{owner.key[: identity.PREFIX_LENGTH]}")
            answers.append(owner.keyed("POST", BULK, json=body, headers=REPEAT))
        assert said(answers[0]) == said(answers[1])
        assert len(done(answers[0])["successful_messages"]) == 2

    @on_sqlite
    def test_another_request_under_the_key(self, owner: Program, gateway: Gateway) -> None:
        done(owner.keyed("POST", BULK, json={"messages": [to(ONE, "a")]}, headers=REPEAT))
        used = "The Idempotency-Key was used with another request."
        refused(owner.keyed("POST", BULK, json={"messages": [to(ONE, "b")]}, headers=REPEAT), 409, used)
        refused(owner.keyed("POST", BULK, json={"messages": [to("abc", "b")]}, headers=REPEAT), 409, used)
        refused(owner.keyed("POST", SEND, json=MESSAGE, headers=REPEAT), 409, used)

    @on_sqlite
    def test_nobody_is_told_who_may_not_send_any_more(self, owner: Program, gateway: Gateway) -> None:
        body = {"messages": [to(ONE, "a")]}
        done(owner.keyed("POST", BULK, json=body, headers=REPEAT))
        accounts.set_user_disabled(gateway, "owner", disabled=True)
        for each in (body, {"messages": [to(ONE, "b")]}):
            refused(owner.keyed("POST", BULK, json=each, headers=REPEAT), 403, "This account is disabled.")


@on_sqlite
@pytest.mark.parametrize("call", [lambda owner: owner.keyed, lambda owner: owner.call])
def test_a_repeat_of_one_text_for_all_stands_without_a_price(owner: Program, gateway: Gateway, call: Any) -> None:
    path, who = (SEND, {}) if call(owner) == owner.keyed else (SEND_V1, owner.login)
    first = call(owner)("POST", path, json=MESSAGE | who, headers=REPEAT)
    set_tariff(gateway, "1")
    again = call(owner)("POST", path, json=MESSAGE | who, headers=REPEAT)
    assert done(again) == done(first)
    assert len(messages(gateway)) == 1


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
