"""``POST /paramsms``: contract 2.2."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.parts import TextPolicy
from gateway.services import ledger
from gateway.services.core import Gateway
from tests.dialects.smsend.conftest import an_account_with_user
from tests.dialects.smsend.program import Program, refused, said
from tests.support.builders import messages

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA = {"recipient": "+393331112222", "name": "Ada", "city": "Turin"}
BOB = {"recipient": "+393331113333", "name": "Bob", "city": "Bari"}
HI = {"message_type": "N", "message": "Hi ${name}, see you in ${city}"}


def parametric(program: Program, recipients: object, **fields: Any) -> Any:
    return program.call("POST", "/paramsms", json=HI | {"recipients": recipients} | fields)


@pytest.mark.parametrize("recipients", [{"0": ADA, "1": BOB}, [ADA, BOB]], ids=["object", "list"])
def test_each_gets_a_text_of_its_own(owner: Program, gateway: Gateway, recipients: object) -> None:
    answer = parametric(owner, recipients)
    assert answer.status_code == 201
    assert list(said(answer)) == ["result", "order_id", "total_sent", "remaining_credits", "internal_order_id"]
    assert (said(answer)["total_sent"], said(answer)["remaining_credits"]) == (2, 998)
    assert [(each.recipient, each.own_text) for each in messages(gateway)] == [
        ("+393331112222", "Hi Ada, see you in Turin"),
        ("+393331113333", "Hi Bob, see you in Bari"),
    ]
    assert [each["destination"] for each in said(owner.get(f"/sms/{said(answer)['order_id']}"))["recipients"]] == [
        "+393331112222",
        "+393331113333",
    ]
    assert list(ledger.verify(gateway)) == []


def test_each_is_priced_by_its_own_text(owner: Program, gateway: Gateway) -> None:
    long, cyrillic = ADA | {"name": "a" * 200}, BOB | {"name": "ж" * 100}
    answer = said(parametric(owner, [long, cyrillic], returnCredits="true"))
    assert (answer["total_sent"], answer["remaining_credits"]) == (4, 996)
    assert [(each.parts, each.alphabet) for each in messages(gateway)] == [(2, "gsm7"), (2, "ucs2")]
    assert list(ledger.verify(gateway)) == []


@on_sqlite
@pytest.mark.parametrize(
    ("template", "row", "text"),
    [
        ("${name}${name}", ADA, "AdaAda"),
        ("${Name}", ADA | {"Name": "x"}, "x"),
        ("${n1}", ADA | {"n1": 7}, "7"),
        ("${n1}", ADA | {"n1": 7.25}, "7.25"),
        ("${name}", ADA | {"name": "${city}"}, "${city}"),
        ("${name} $5 {x} ${} ${a-b}", ADA, "Ada $5 {x} ${} ${a-b}"),
        ("${name}", ADA | {"name": "{{7*7}}"}, "{{7*7}}"),
        ("a${name}", ADA | {"name": ""}, "a"),
        ("no placeholder", ADA, "no placeholder"),
        ("to ${recipient}", ADA, "to +393331112222"),
    ],
)
def test_placeholders(owner: Program, gateway: Gateway, template: str, row: dict[str, object], text: str) -> None:
    assert parametric(owner, [row], message=template).status_code == 201
    assert [each.own_text for each in messages(gateway)] == [text]


@on_sqlite
@pytest.mark.parametrize(
    ("recipients", "code"),
    [
        ([ADA, {"recipient": "+393331113333", "name": "Bob"}], "MISSING_PARAMETER"),
        ([ADA, BOB | {"city": None}], "MISSING_PARAMETER"),
        ([ADA, BOB | {"city": ["x"]}], "INVALID_PARAMETER"),
        ([ADA, BOB | {"city": {}}], "INVALID_PARAMETER"),
        ([ADA, BOB | {"city": True}], "INVALID_PARAMETER"),
        ([ADA, BOB | {"city": "\0"}], "INVALID_PARAMETER"),
        ([ADA, BOB | {"city": "\ud800"}], "INVALID_PARAMETER"),
        ([ADA, BOB | {"city": "x" * 2001}], "INVALID_PARAMETER"),
        ([ADA, BOB | {"city": "x" * 1500}], "MESSAGE_TOO_LONG"),
        ([ADA, BOB | {"recipient": "nobody"}], "INVALID_RECIPIENT"),
        ([ADA, {"name": "Bob", "city": "Bari"}], "INVALID_RECIPIENT"),
        ([], "MISSING_PARAMETER"),
        ({}, "MISSING_PARAMETER"),
        (None, "MISSING_PARAMETER"),
        (["+393331112222"], "INVALID_PARAMETER"),
        ([[ADA]], "INVALID_PARAMETER"),
        ("+393331112222", "INVALID_PARAMETER"),
        ({"0": "+393331112222"}, "INVALID_PARAMETER"),
        (ADA, "INVALID_PARAMETER"),
        (7, "INVALID_PARAMETER"),
    ],
)
def test_all_or_nothing(owner: Program, gateway: Gateway, recipients: object, code: str) -> None:
    refused(parametric(owner, recipients), 400, code)
    assert messages(gateway) == [] and owner.credits() == 1000


@on_sqlite
def test_a_sentence_names_the_recipient_and_the_parameter(owner: Program) -> None:
    words = refused(parametric(owner, [ADA, {"recipient": "+393331113333", "name": "Bob"}]), 400, "MISSING_PARAMETER")
    assert words == "Recipient 1 has no value for ${city}"


@on_sqlite
@pytest.mark.parametrize("word", ["1e999", "-1e999", "NaN", "Infinity"])
def test_a_number_without_end_is_no_parameter(owner: Program, gateway: Gateway, word: str) -> None:
    body = '{"message_type":"N","message":"${a}","recipients":[{"recipient":"+393331112222","a":@}]}'.replace("@", word)
    assert owner.call("POST", "/paramsms", data=body).status_code == 400
    assert messages(gateway) == []


@on_sqlite
def test_bad_numbers_may_be_left_out(owner: Program, gateway: Gateway) -> None:
    answer = parametric(owner, [BOB | {"recipient": "nobody"}, ADA], allowInvalidRecipients=True)
    assert (answer.status_code, said(answer)["total_sent"]) == (201, 1)
    assert [each.own_text for each in messages(gateway)] == ["Hi Ada, see you in Turin"]
    refused(parametric(owner, [BOB | {"recipient": "nobody"}], allowInvalidRecipients=True), 400, "INVALID_RECIPIENT")


@on_sqlite
def test_a_number_twice_counts_once_unless_its_texts_differ(owner: Program) -> None:
    assert said(parametric(owner, [ADA, ADA, ADA | {"recipient": "0039 333 1112222"}]))["total_sent"] == 1
    assert said(parametric(owner, [ADA, ADA | {"name": "Eva"}]))["total_sent"] == 2


@on_sqlite
def test_rich_links_of_each(owner: Program, gateway: Gateway) -> None:
    rows = [ADA | {"url": "https://e.org/1"}, BOB | {"url": "https://e.org/2"}]
    assert parametric(owner, rows, message="${name} %RICHURL________%", richsms_mode="RECIPIENT").status_code == 201
    assert [each.own_text for each in messages(gateway)] == ["Ada https://e.org/1", "Bob https://e.org/2"]
    refused(parametric(owner, [ADA], message="%RICHURL________%", richsms_mode="RECIPIENT"), 400, "MISSING_PARAMETER")


@on_sqlite
def test_an_expanded_text_may_be_empty_or_cut(owner: Program, gateway: Gateway) -> None:
    refused(parametric(owner, [ADA | {"name": ""}], message="${name}"), 400, "EMPTY_MESSAGE")
    assert parametric(owner, [ADA | {"name": "x" * 1900}], message="${name}", truncate=True).status_code == 201
    assert len(messages(gateway)[0].own_text or "") == 1071


@on_sqlite
def test_an_expanded_text_is_bounded_even_when_it_is_cut(owner: Program, gateway: Gateway) -> None:
    answer = parametric(owner, [ADA | {"name": "x" * 2000}], message="${name}" * 100, truncate=True)
    refused(answer, 400, "MESSAGE_TOO_LONG")


@on_sqlite
def test_the_account_decides_about_other_alphabets(gateway: Gateway, owner: Program) -> None:
    an_account_with_user(gateway, "strict", text_policy=TextPolicy.REFUSE)
    strict = Program(owner.http, "strict").sign_in()
    refused(parametric(strict, [ADA | {"name": "ж"}]), 400, "INVALID_CHARACTER")


@on_sqlite
def test_names_stay_fixed_by_limits_of_the_low_type(owner: Program) -> None:
    refused(parametric(owner, [ADA | {"name": "x" * 150}], message_type="LL"), 400, "MESSAGE_TOO_LONG")


def test_the_same_parametric_request_again(owner: Program, gateway: Gateway) -> None:
    keys = owner.keys | {"Idempotency-Key": "p"}
    answers = [owner.call("POST", "/paramsms", json=HI | {"recipients": [ADA, BOB]}, headers=keys) for _ in range(2)]
    assert answers[0].data == answers[1].data and len(messages(gateway)) == 2
