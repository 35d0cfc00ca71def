"""What holds for every call: keys, decoding of bodies, and programs in browsers (contract 1.1 to 1.3)."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from gateway.services import keys
from gateway.services.core import Gateway
from gateway.storage.tables import Account, User
from tests.dialects.httpsms.client import CONTACT, MESSAGE, NUMBER, Client, check_envelope, data, refused
from tests.support.builders import messages
from tests.support.databases import FixedClock

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UNAUTHORIZED = "You are not authorized to carry out this request."
QUERY = f"owner=%2B{NUMBER[1:]}&contact=%2B{CONTACT[1:]}"


class TestKeys:
    def test_all_bad_keys_get_the_same_answer(self, owner: Client, gateway: Gateway, clock: FixedClock) -> None:
        phone_key = keys.create(gateway, keys.HTTPSMS_PHONE, "owner").key
        over = keys.create(gateway, keys.HTTPSMS, "owner", clock.now() + timedelta(hours=1)).key
        clock.forward(hours=2)
        bodies = set()
        for key in (None, "", "undefined", "uk_" + "x" * 64, owner.key[:-1] + "_", owner.key + "x", phone_key, over, "ключ", "a,b"):
            answer = owner.call("GET", f"/messages?{QUERY}", headers={} if key is None else {"x-api-key": key.encode().decode("latin-1")})
            assert refused(answer, 401) == UNAUTHORIZED
            bodies.add(answer.data)
        assert len(bodies) == 1
        assert set(json.loads(bodies.pop())) == {"status", "message", "data"}

    def test_a_disabled_account_or_user_gets_it_too(self, owner: Client, stranger: Client, gateway: Gateway) -> None:
        with gateway.writing() as session:
            session.execute(update(Account).where(Account.name == "owner").values(status="disabled"))
            session.execute(update(User).where(User.username == "stranger").values(disabled=True))
        for each in (owner, stranger):
            assert refused(each.get("/messages"), 401) == UNAUTHORIZED
            assert refused(each.send(), 401) == UNAUTHORIZED
        assert messages(gateway) == []

    def test_a_key_that_ends_is_dead_at_once(self, owner: Client, gateway: Gateway) -> None:
        owner.sent()  # remembered from here on
        keys.replace(gateway, keys.HTTPSMS, "owner")
        refused(owner.send(), 401)
        refused(owner.get("/messages"), 401)
        assert len(messages(gateway)) == 1

    def test_a_key_may_stand_in_the_body_or_the_query(self, owner: Client) -> None:
        body = MESSAGE | {"x-api-key": owner.key}
        for headers in ({}, {"x-api-key": ""}, {"x-api-key": "undefined"}):
            data(owner.post("/messages/send", body, headers=headers))
            data(owner.post(f"/messages/send?x-api-key={owner.key}", MESSAGE, headers=headers))
            data(owner.call("GET", f"/messages?{QUERY}&x-api-key={owner.key}", headers=headers))
        refused(owner.post("/messages/send", body, headers={"x-api-key": "uk_wrong"}), 401)  # the header goes first
        refused(owner.post("/messages/send", MESSAGE | {"x-api-key": ["a"]}, headers={}), 401)

    def test_the_header_in_any_case(self, owner: Client) -> None:
        data(owner.call("GET", f"/messages?{QUERY}", headers={"X-API-Key": f" {owner.key} "}))

    def test_a_key_goes_before_the_body(self, owner: Client) -> None:
        refused(owner.call("POST", "/messages/send", data=b"{", headers={}), 401)


class TestBodies:
    def test_content_types_that_mean_json(self, owner: Client) -> None:
        for kind in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json", "text/json"]:
            data(owner.call("POST", "/messages/send", data=json.dumps(MESSAGE), content_type=kind))

    def test_others_cannot_be_decoded(self, owner: Client, gateway: Gateway) -> None:
        for kind in ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "garbage"]:
            answer = owner.call("POST", "/messages/send", data=json.dumps(MESSAGE), content_type=kind)
            refused(answer, 400)
            assert json.loads(answer.data)["data"] == {}
            assert messages(gateway) == []

    def test_no_json_object(self, owner: Client) -> None:
        for body in [b"", b"{", b"[]", b'"text"', b"null", b"1", b'{"from": NaN}', b"[" * 100_000, b"\xff\xfe{", b"{'a': 1}"]:
            refused(owner.call("POST", "/messages/send", data=body, content_type="application/json"), 400)

    def test_values_of_another_type(self, owner: Client, gateway: Gateway) -> None:
        fields: list[dict[str, Any]] = [
            {"from": 18005550199},
            {"to": [CONTACT]},
            {"to": 12345},
            {"content": 5},
            {"content": {"a": 1}},
            {"encrypted": "true"},
            {"encrypted": 1},
            {"request_id": 7},
            {"attachments": "https://example.org/a.png"},
            {"attachments": [1]},
        ]
        for field in fields:
            refused(owner.post("/messages/send", MESSAGE | field), 400)
            assert messages(gateway) == []

    def test_recipients_of_another_type(self, owner: Client) -> None:
        for to in [CONTACT, [1], {"0": CONTACT}, [CONTACT, None], [[CONTACT]]]:
            refused(owner.post("/messages/bulk-send", MESSAGE | {"to": to}), 400)

    def test_of_a_name_given_twice_the_last_counts(self, owner: Client) -> None:
        body = json.dumps(MESSAGE)[:-1] + ', "content": "last", "CONTENT": "very last"}'
        assert data(owner.call("POST", "/messages/send", data=body, content_type="application/json"))["content"] == "very last"

    def test_old_alphabets(self, owner: Client) -> None:
        body = json.dumps(MESSAGE | {"content": "naïve €"}, ensure_ascii=False)
        for encoding in ("utf-8", "utf-8-sig", "cp1252"):
            sent = data(owner.call("POST", "/messages/send", data=body.encode(encoding), content_type="application/json"))
            assert sent["content"] == "naïve €"

    def test_a_chunked_body(self, owner: Client) -> None:

        answer = owner.call(
            "POST",
            "/messages/send",
            input_stream=io.BytesIO(json.dumps(MESSAGE).encode()),
            content_type="application/json",
            environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        )
        data(answer)


class TestBrowsers:
    def test_every_route_answers_a_browser_s_question(self, app: Flask, http: FlaskClient) -> None:
        rules = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("httpsms.")}
        assert "/v1/messages/send" in rules
        for rule in sorted(rules):
            path = rule.replace("<", "").replace(">", "")
            answer = http.options(path, headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"})
            assert (answer.status_code, answer.data) == (204, b""), rule
            assert "Content-Type" not in answer.headers, rule
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
            assert answer.headers["Access-Control-Allow-Headers"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers

    def test_answers_of_every_kind_may_be_read(self, owner: Client) -> None:
        owner.sent()  # check_envelope looks at the header of each
        refused(owner.get("/nowhere"), 404)
        refused(owner.call("PATCH", "/messages"), 405)
        refused(owner.call("GET", "/messages", headers={}), 401)

    def test_other_paths_are_not_ours(self, http: FlaskClient) -> None:
        for path in ("/health", "/v10/messages", "/API/v1.0/REST/login"):
            assert "Access-Control-Allow-Origin" not in http.options(path).headers


def test_unknown_paths_and_methods(owner: Client) -> None:
    for path in ("", "/", "/nowhere", "/messages/a/b/c", "//messages"):
        refused(owner.get(path), 404)
    answer = owner.call("PUT", "/messages/send", json=MESSAGE)
    assert refused(answer, 405) and "POST" in answer.headers["Allow"]


def test_the_health_page_is_not_under_v1(http: FlaskClient) -> None:
    assert http.get("/health").status_code == 200
    check_envelope(http.get("/v1/health"))
