"""Sending one text to many, by password (v1) and by key (v2). Contract 3, 4.2, 4.5 and the vectors 3 to 6 of section 10."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from gateway.services import ledger
from gateway.services.core import Gateway
from gateway.storage.tables import Account, Message, Order, TariffRow
from tests.dialects.bulk.conftest import an_account_with_user
from tests.dialects.bulk.program import (
    BALANCE_V1,
    MESSAGE,
    ONE,
    ONE_E164,
    SEND,
    SEND_V1,
    TWO,
    TWO_E164,
    Program,
    done,
    refused,
    said,
)
from tests.support.builders import messages

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SANDBOX = "/api/v2/sandbox/sms/send"

FORMS: tuple[Any, ...] = (
    "0702913454, 0776913451",
    "0702913454;0776913451",
    "0702913454\n0776913451\r\n",
    ",0702913454,,0776913451, ;",
    "256702913454,+256776913451",
    "00256702913454,(0776) 913-451",
    "070 291 34 54,0776.913.451",
    "702913454,776913451",
    "0702913454,0776913451,+256702913454,702913454",
    [ONE, TWO, " ", ""],
    [702913454, 256776913451],
    [f"{ONE},{TWO}"],
)


def the_order(gateway: Gateway) -> Order:
    """The only order there is."""
    with gateway.reading() as session:
        (order,) = session.scalars(select(Order))
        session.expunge_all()
        return order


def originators(gateway: Gateway) -> list[str | None]:
    with gateway.reading() as session:
        return list(session.scalars(select(Order.originator)))


def recipients(gateway: Gateway) -> list[str]:
    return [message.recipient for message in messages(gateway)]


class TestVersion2:
    def test_body(self, owner: Program, gateway: Gateway) -> None:
        """Vector 3."""
        answer = owner.send(numbers=f"{ONE},{TWO}")
        data = done(answer)
        order = the_order(gateway)
        assert list(said(answer)) == ["success", "message", "data"]
        assert said(answer)["message"] == "SMS sent successfully"
        assert data == {"message_id": str(order.id), "recipients": 2, "estimated_cost": 2, "remaining_balance": 998}
        assert str(UUID(data["message_id"])) == data["message_id"]
        assert recipients(gateway) == [ONE_E164, TWO_E164]
        assert (order.text, order.originator, order.dialect, order.message_type, order.type_token) == (
            "Good morning", "Acme", "bulk", "high", "",
        )  # fmt: skip
        assert list(ledger.verify(gateway)) == []

    @on_sqlite
    @pytest.mark.parametrize(
        "how",
        [
            {"method": "GET", "query_string": MESSAGE | {"api_key": "{key}"}},
            {"method": "POST", "data": MESSAGE | {"api_key": "{key}"}},
            {"method": "POST", "data": MESSAGE, "content_type": "multipart/form-data", "headers": {"X-API-Key": "{key}"}},
            {"method": "POST", "json": MESSAGE | {"api_key": "{key}"}},
            {"method": "POST", "data": json.dumps(MESSAGE | {"api_key": "{key}"})},
            {"method": "POST", "data": json.dumps(MESSAGE), "content_type": "text/plain", "headers": {"x-api-key": "{key}"}},
            {"method": "POST", "data": "\ufeff" + json.dumps(MESSAGE), "headers": {"Authorization": "Bearer {key}"}},
            {"method": "POST", "query_string": MESSAGE | {"api_key": "{key}"}},
            {"method": "POST", "query_string": {"api_key": "{key}"}, "data": MESSAGE | {"api_key": ""}},
            {"method": "POST", "json": MESSAGE, "headers": {"X-API-Key": "{key}", "Content-Type": "application/vnd.api+json"}},
            {"method": "POST", "json": MESSAGE | {"api_key": "wrong"}, "headers": {"X-API-Key": "{key}"}},
            {"method": "POST", "query_string": {"api_key": "wrong"}, "json": MESSAGE | {"api_key": "{key}"}},
            {"method": "GET", "query_string": MESSAGE, "headers": {"X-API-Key": " {key} ", "Authorization": "Bearer wrong"}},
        ],
        ids=str,
    )
    def test_everywhere_the_key_and_the_fields_may_be(self, owner: Program, gateway: Gateway, how: dict[str, Any]) -> None:
        """Vector 4, and the precedence of contract 4.1: header, body, query."""
        done(owner.call(path=SEND, **_filled(how, owner.key)))
        assert recipients(gateway) == [ONE_E164]

    @on_sqlite
    def test_the_body_wins_and_get_has_none(self, owner: Program, gateway: Gateway) -> None:
        done(owner.keyed("POST", SEND, query_string={"numbers": TWO, "message_body": "from the query"}, data={"numbers": ONE}))
        assert (recipients(gateway), the_order(gateway).text) == ([ONE_E164], "from the query")
        refused(owner.keyed("GET", SEND, json=MESSAGE), 422, "The numbers field is required. (and 1 more error)")

    @on_sqlite
    def test_slashes_do_not_matter(self, owner: Program) -> None:
        for path in ("/api//v2/sms/send", "/api/v2//sms/send/", "/api/v2/sms/send/"):
            done(owner.keyed("POST", path, json=MESSAGE))

    @on_sqlite
    def test_reference_and_type(self, owner: Program, gateway: Gateway) -> None:
        assert done(owner.send(reference="invoice 17", message_type="OTP"))["reference"] == "invoice 17"
        assert (the_order(gateway).label, the_order(gateway).type_token) == ("invoice 17", "otp")
        assert done(owner.send(reference=17, message_type="of the third kind"))["reference"] == "17"

    @on_sqlite
    def test_text_loses_blanks_around_it_and_integers_are_text(self, owner: Program, gateway: Gateway) -> None:
        done(owner.send(message_body="  two words \n"))
        assert the_order(gateway).text == "two words"
        assert done(owner.send(message_body=1234))["recipients"] == 1

    @on_sqlite
    def test_text_in_windows_1252(self, owner: Program, gateway: Gateway) -> None:
        done(owner.keyed("GET", f"{SEND}?numbers={ONE}&message_body=gar%E7on"))
        assert the_order(gateway).text == "garçon"

    @on_sqlite
    def test_a_repeated_idempotency_key_sends_once(self, owner: Program, gateway: Gateway) -> None:
        headers = {"Idempotency-Key": "abc"}
        first = owner.keyed("POST", SEND, json=MESSAGE, headers=headers)
        again = owner.keyed("POST", SEND, data=MESSAGE, query_string={"api_key": owner.key}, headers=headers)
        assert said(first) == said(again) and len(messages(gateway)) == 1
        other = owner.keyed("POST", SEND, json=MESSAGE | {"numbers": TWO}, headers=headers)
        refused(other, 409, "The Idempotency-Key was used with another request.")

    def test_what_a_part_costs(self, owner: Program, gateway: Gateway) -> None:
        assert done(owner.send(message_body="é" * 160))["estimated_cost"] == 1
        assert done(owner.send(message_body="ж" * 71, numbers=f"{ONE};{TWO}"))["estimated_cost"] == 4
        assert owner.balance() == 995


def _filled(how: Any, key: str) -> Any:
    if isinstance(how, dict):
        return {name: _filled(value, key) for name, value in how.items()}
    return how.replace("{key}", key) if isinstance(how, str) else how


class TestNumbers:
    @on_sqlite
    def test_forms(self, owner: Program, gateway: Gateway) -> None:
        for written in FORMS:
            assert done(owner.send(numbers=written))["recipients"] == 2, written
        assert sorted(recipients(gateway)) == [ONE_E164] * len(FORMS) + [TWO_E164] * len(FORMS)

    @on_sqlite
    def test_a_lost_plus(self, owner: Program, gateway: Gateway) -> None:
        done(owner.keyed("GET", f"{SEND}?numbers=+{ONE_E164[1:]}&message_body=x"))
        assert recipients(gateway) == [ONE_E164]

    @on_sqlite
    def test_one_integer(self, owner: Program, gateway: Gateway) -> None:
        done(owner.send(numbers=256702913454))
        assert recipients(gateway) == [ONE_E164]

    @on_sqlite
    def test_other_countries(self, owner: Program, gateway: Gateway) -> None:
        done(owner.send(numbers="+393471234567"))
        assert recipients(gateway) == ["+393471234567"]

    @on_sqlite
    def test_phone_number_instead_of_numbers(self, owner: Program, gateway: Gateway) -> None:
        done(owner.keyed("POST", SEND, json={"phone_number": ONE, "message_body": "x"}))
        done(owner.keyed("POST", SEND, json={"phone_number": ONE, "numbers": TWO, "message_body": "x"}))
        assert sorted(recipients(gateway)) == [ONE_E164, TWO_E164]

    @on_sqlite
    def test_one_bad_number_refuses_all(self, owner: Program, gateway: Gateway) -> None:
        """Vector 6: this body and no other field."""
        bad: tuple[Any, ...] = (
            "abc", f"{ONE},abc", f"{ONE} {TWO}", "12", "+1234567890123456", [True], [None], [[ONE]], [{}], [-702913454], "٠٧٠٢٩١٣٤٥٤",
        )  # fmt: skip
        for written in bad:
            answer = owner.send(numbers=written)
            assert (answer.status_code, answer.data) == (400, b'{"error":"Invalid phone number format."}'), written
        assert messages(gateway) == []

    @on_sqlite
    def test_a_destination_that_is_not_served(self, owner: Program, gateway: Gateway) -> None:
        with gateway.writing() as session:
            session.execute(update(TariffRow).where(TariffRow.prefix == "").values(prefix="256"))
        gateway.catalogue.forget()
        refused(owner.send(numbers="+393471234567"), 400, "This destination is not served.")


class TestVersion1:
    def test_credentials_in_the_query_and_fields_in_a_form(self, owner: Program, gateway: Gateway) -> None:
        """Vector 5."""
        answer = owner.call("POST", SEND_V1, query_string=owner.login, data=MESSAGE)
        data = done(answer)
        assert said(answer)["message"] == "Message sent successfully."
        assert data == {"message_id": str(the_order(gateway).id), "recipients": 1, "estimated_cost": 1, "remaining_balance": 999}
        assert recipients(gateway) == [ONE_E164]

    @on_sqlite
    @pytest.mark.parametrize("way", ["json", "data", "query_string", "GET"])
    def test_other_ways(self, owner: Program, gateway: Gateway, way: str) -> None:
        fields = owner.login | MESSAGE | {"numbers": f"{ONE}, {TWO}", "sender_id": "AcmeShop"}
        method, place = ("GET", "query_string") if way == "GET" else ("POST", way)
        assert done(owner.call(method, SEND_V1, **{place: fields}))["recipients"] == 2
        assert the_order(gateway).originator == "AcmeShop"

    @on_sqlite
    def test_wrong_password(self, owner: Program) -> None:
        """Vector 6: this body and no other field."""
        for wrong in ({"password": "wrong"}, {"username": "nobody"}, {"password": " open.sesame-1"}):
            answer = owner.send_v1(**wrong)
            assert (answer.status_code, answer.data) == (401, b'{"error":"Unauthorized."}')

    @on_sqlite
    def test_credentials_absent(self, owner: Program) -> None:
        absent: tuple[dict[str, Any], ...] = (
            {}, {"username": "owner"}, {"password": "x"}, {"username": "", "password": ""}, {"username": [], "password": {}},
        )  # fmt: skip
        for fields in absent:
            told = refused(owner.call("POST", SEND_V1, json=MESSAGE | fields), 401, "Credentials are required")
            assert told["help"] == "Provide username and password"

    @on_sqlite
    def test_a_key_is_not_taken(self, owner: Program) -> None:
        refused(owner.keyed("POST", SEND_V1, json=MESSAGE | {"api_key": owner.key}), 401, "Credentials are required")

    @on_sqlite
    def test_too_many_wrong_guesses(self, owner: Program, gateway: Gateway) -> None:
        for _ in range(gateway.settings.guesses_per_minute_user):
            refused(owner.send_v1(password="wrong"), 401, "Unauthorized.")
        answer = owner.send_v1(password="wrong")
        refused(answer, 429, "Too Many Attempts.")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert "X-RateLimit-Reset" not in answer.headers

    def test_balance(self, owner: Program) -> None:
        answer = owner.call("POST", BALANCE_V1, data=owner.login)
        assert done(answer) == {"balance": 1000, "currency": "UGX"}
        assert said(answer)["balance"] == 1000
        refused(owner.call("POST", BALANCE_V1), 401, "Credentials are required")


class TestSender:
    @on_sqlite
    def test_absent_is_the_accounts_own(self, owner: Program, gateway: Gateway) -> None:
        for given in (None, "", "   "):
            done(owner.send(sender_id=given))
        assert originators(gateway) == ["Acme"] * 3

    @on_sqlite
    def test_allowed(self, owner: Program, gateway: Gateway) -> None:
        done(owner.send(sender_id=" AcmeShop "))
        assert the_order(gateway).originator == "AcmeShop"

    @on_sqlite
    def test_any_where_the_account_allows_any(self, stranger: Program, gateway: Gateway) -> None:
        done(stranger.send(sender_id="Anything"))
        assert the_order(gateway).originator == "Anything"

    @on_sqlite
    def test_refused(self, owner: Program, gateway: Gateway) -> None:
        wrong: tuple[tuple[Any, str], ...] = (
            ("TwelveLetter", "The sender id field has more than 11 characters."),
            ("Rival", "The sender id field is not approved for this account."),
            ("Жук", "The sender id field holds a character that a sender cannot have."),
            (["Acme"], "The sender id field must be a string."),
        )
        for given, words in wrong:
            told = refused(owner.send(sender_id=given), 422, words)
            assert told["errors"] == {"sender_id": [words]}
        assert messages(gateway) == []


class TestBalance:
    @on_sqlite
    def test_numbers_are_exact(self, owner: Program, gateway: Gateway) -> None:
        """Units, credit limit, what stands in the body."""
        cases = (
            (300, 0, b"0.3"),
            (1100 + 2200, 0, b"3.3"),
            (12_345, 0, b"12.345"),
            (999_001, 0, b"999.001"),
            (0, 0, b"0"),
            (-500, 2500, b"2"),
            (-1001, 1002, b"0.001"),
            (9_007_199_254_740_993, 0, b"9007199254740.993"),
            (1_234_567_890_123_456_789, 0, b"1234567890123456.789"),
        )
        for units, limit, text in cases:
            with gateway.writing() as session:
                session.execute(update(Account).where(Account.name == "owner").values(balance=units, credit_limit=limit))
            answer = owner.keyed("GET", "/api/v2/account/balance")
            wanted = b'{"success":true,"message":"Balance retrieved successfully","data":{"balance":' + text + b',"currency":"UGX"}}'
            assert answer.data == wanted

    def test_cost_and_balance_of_odd_prices(self, gateway: Gateway, owner: Program) -> None:
        with gateway.writing() as session:
            session.execute(update(TariffRow).values(units_per_part=100))
        gateway.catalogue.forget()
        answer = owner.send(numbers=f"{ONE},{TWO},+256702913455")
        assert b'"estimated_cost":0.3,"remaining_balance":999.7}' in answer.data
        assert owner.balance() == 999.7

    @on_sqlite
    def test_post_is_not_offered(self, owner: Program) -> None:
        answer = owner.keyed("POST", "/api/v2/account/balance")
        refused(answer, 405, "This method is not supported. Supported methods: GET, HEAD, OPTIONS.")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


class TestSandbox:
    def test_does_everything_but_reach_a_carrier(self, owner: Program, gateway: Gateway) -> None:
        data = done(owner.keyed("POST", SANDBOX, json=MESSAGE))
        assert (data["sandbox"], data["estimated_cost"], data["remaining_balance"]) == (True, 0, 1000)
        with gateway.reading() as session:
            (message,) = session.scalars(select(Message))
            assert (message.connector, message.recipient) == ("test", ONE_E164)
        assert the_order(gateway).is_test
        assert list(ledger.verify(gateway)) == []

    @on_sqlite
    def test_refuses_as_sending_does(self, owner: Program) -> None:
        refused(owner.keyed("POST", SANDBOX, json=MESSAGE | {"numbers": "abc"}), 400, "Invalid phone number format.")
        refused(owner.call("POST", SANDBOX, json=MESSAGE), 401, "API key is required")


class TestPermissions:
    @on_sqlite
    def test_a_teammate_may_read_only(self, teammate: Program, gateway: Gateway) -> None:
        assert done(teammate.call("POST", BALANCE_V1, json=teammate.login))["balance"] == 1000
        refused(teammate.send_v1(), 403, "This action is unauthorized.")
        for path in ("/api/generate-key", "/api/regenerate-key", "/api/revoke-key"):
            refused(teammate.call("POST", path, json=teammate.login), 403, "This action is unauthorized.")
        assert messages(gateway) == []

    def test_a_stranger_pays_for_himself(self, owner: Program, stranger: Program, gateway: Gateway) -> None:
        done(stranger.send())
        assert (owner.balance(), stranger.balance()) == (1000, 999)

    @on_sqlite
    def test_without_credit(self, gateway: Gateway, owner: Program) -> None:
        an_account_with_user(gateway, "poor", credit=1)
        poor = Program(owner.http, "poor")
        refused(poor.send_v1(numbers=f"{ONE},{TWO}"), 400, "Insufficient balance")
        assert messages(gateway) == []
        assert done(poor.send_v1())["remaining_balance"] == 0


def test_preflights(owner: Program, app: Any) -> None:
    rules = {str(rule) for rule in app.url_map.iter_rules() if rule.endpoint.startswith("bulk.")}
    for path in rules - {"/api/v2/payments"}:
        answer: TestResponse = owner.call("OPTIONS", path, headers={"Origin": "https://shop.example"})
        assert (answer.status_code, answer.data) == (204, b"")
        assert "Content-Type" not in answer.headers
        assert "X-API-Key" in answer.headers["Access-Control-Allow-Headers"]
        assert "X-RateLimit-Limit" not in answer.headers


@on_sqlite
def test_pages(owner: Program) -> None:
    """Contract 7. The page of the calls asks this host for everything it needs."""
    page = owner.call("GET", "/api/v2")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assets = re.findall(r'(?:href|src|data-spec-url)="(/[^"]*)"', page.text)
    assert len(assets) >= 3 and not re.search(r'(?:href|src)="(?:https?:)?//', page.text)
    for asset in assets:
        assert owner.http.get(asset).status_code == 200, asset
    callback = owner.call("GET", "/api/oauth2-callback?code=1&state=2")
    assert (callback.status_code, callback.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    assert re.findall("<(?!/|!)([a-z]+)", callback.text) == ["html", "body", "script"]
    assert 'src="oauth2-redirect.js"' in callback.text
    script = owner.call("GET", "/api/oauth2-redirect.js")
    assert (script.status_code, script.mimetype) == (200, "text/javascript")
