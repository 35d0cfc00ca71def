"""``/login`` and ``/token``: contract 1.1 and 1.3, and the limits on guessing."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway import create_app
from gateway.services import accounts, identity, passwords
from gateway.services.core import Gateway
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.dialects.smsend.conftest import an_account_with_user
from tests.dialects.smsend.program import PASSWORD, REST, Program, refused
from tests.support.databases import FixedClock, settings_for

KEYS = re.compile(r"[A-Za-z0-9._-]+;[A-Za-z0-9._-]+")
ODD_NAME, ODD_PASSWORD = "a+b@x.it", "p%zz è wd"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def basic(username: str, password: str, encoding: str = "utf-8") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode(encoding)).decode()}


@pytest.fixture
def odd(gateway: Gateway) -> None:
    """A user whose name and password suffer in URLs."""
    accounts.create_account(gateway, accounts.NewAccount("odd"))
    accounts.create_user(gateway, "odd", ODD_NAME, ODD_PASSWORD)


@pytest.mark.parametrize("call", ["login", "token"])
def test_the_body_is_two_keys_and_nothing_else(owner: Program, call: str) -> None:
    answer = owner.call("GET", f"/{call}", query_string={"username": "owner", "password": PASSWORD}, headers={})
    assert answer.status_code == 200
    assert KEYS.fullmatch(answer.text)
    assert answer.headers["Content-Type"] == "text/plain;charset=UTF-8"
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Referrer-Policy"] == "no-referrer"
    assert len(answer.text) < 120


@on_sqlite
@pytest.mark.parametrize("call", ["login", "token"])
@pytest.mark.parametrize(
    "request_",
    [
        {"method": "GET", "headers": basic("owner", PASSWORD)},
        {"method": "GET", "headers": {"Content-Type": "application/json"}, "query_string": f"username=owner&password={PASSWORD}"},
        {"method": "GET", "headers": {}, "query_string": f"password={PASSWORD}&x=1&username=owner"},
        {"method": "POST", "headers": {}, "query_string": f"username=owner&password={PASSWORD}"},
        {"method": "POST", "headers": {}, "data": {"username": "owner", "password": PASSWORD}},
        {"method": "POST", "headers": {}, "json": {"username": "owner", "password": PASSWORD}},
        {"method": "POST", "headers": basic("owner", PASSWORD)},
    ],
    ids=["basic", "content-type", "order", "post query", "post form", "post json", "post basic"],
)
def test_ways_to_give_credentials(owner: Program, call: str, request_: dict[str, Any]) -> None:
    assert owner.call(path=f"/{call}", **request_).status_code == 200


def test_the_token_is_the_same_every_time_and_a_session_never(owner: Program, clock: FixedClock) -> None:
    query = {"username": "owner", "password": PASSWORD}
    tokens = {owner.get("/token", **query).text for _ in range(3)}
    sessions = {owner.get("/login", **query).text for _ in range(3)}
    clock.forward(days=400)
    assert len(tokens) == 1 and len(sessions) == 3
    user_key, token = tokens.pop().split(";")
    assert owner.call("GET", "/status", headers={"user_key": user_key, "Access_token": token}).status_code == 200
    assert {each.split(";")[0] for each in sessions} == {user_key}


@on_sqlite
@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("username=owner&password=wrong-wrong", {}, 404, "WRONG_CREDENTIALS"),
        ("username=nobody&password=wrong-wrong", {}, 404, "WRONG_CREDENTIALS"),
        ("username=OWNER&password=" + PASSWORD, {}, 404, "WRONG_CREDENTIALS"),
        ("username=owner", {}, 400, "MISSING_PARAMETER"),
        ("password=x", {}, 400, "MISSING_PARAMETER"),
        ("username=&password=", {}, 400, "MISSING_PARAMETER"),
        ("username=owner&password=", {}, 400, "MISSING_PARAMETER"),
        ("", {}, 401, "MISSING_CREDENTIALS"),
        ("user=owner", {"Authorization": "Bearer abc"}, 401, "MISSING_CREDENTIALS"),
        ("", {"Authorization": "Basic ????"}, 400, "INVALID_REQUEST"),
        ("", {"Authorization": "Basic b3duZXI="}, 400, "INVALID_REQUEST"),
        ("", {"Authorization": "Basic"}, 400, "INVALID_REQUEST"),
        ("", basic("owner", "wrong"), 404, "WRONG_CREDENTIALS"),
        ("", basic("", ""), 401, "MISSING_CREDENTIALS"),
        ("username=owner&password=" + "x" * 600, {}, 404, "WRONG_CREDENTIALS"),
        ("username=a%00b&password=x%00y", {}, 404, "WRONG_CREDENTIALS"),
    ],
)
@pytest.mark.parametrize("call", ["login", "token"])
def test_refusals(owner: Program, call: str, query: str, headers: dict[str, str], status: int, code: str) -> None:
    answer = owner.call("GET", f"/{call}", query_string=query, headers=headers)
    refused(answer, status, code)
    challenge = answer.headers.get("WWW-Authenticate")
    assert challenge == ('Basic realm="smsend"' if status == 401 else None)


@pytest.mark.parametrize(
    "query",
    [
        b"username=a+b@x.it&password=p%zz \xc3\xa8 wd",
        b"username=a+b@x.it&password=p%25zz%20%C3%A8%20wd",
        b"username=a+b@x.it&password=p%zz%20\xe8%20wd",
        b"username=a+b@x.it&password=p%zz%20%C3%A8%20wd",
        b"username=a%2Bb%40x.it&password=p%25zz+%C3%A8+wd",
        b"username=a%2Bb%40x.it&password=p%25zz%20%E8%20wd",
    ],
    ids=["java", "python and c#", "node", "perl", "form-encoded", "escaped latin-1"],
)
def test_credentials_arrive_however_they_were_written(http: FlaskClient, odd: None, query: bytes) -> None:
    answer = http.get(f"{REST}/login", environ_overrides={"QUERY_STRING": query.decode("latin-1")})
    assert answer.status_code == 200, answer.text


@on_sqlite
def test_a_password_that_looks_escaped_is_taken_as_it_stands(http: FlaskClient, gateway: Gateway) -> None:
    accounts.create_account(gateway, accounts.NewAccount("escaped"))
    accounts.create_user(gateway, "escaped", "escaped", "100%25+sure")
    answer = http.get(f"{REST}/login", environ_overrides={"QUERY_STRING": "username=escaped&password=100%25+sure"})
    assert answer.status_code == 200, answer.text


@on_sqlite
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_basic_in_either_alphabet(http: FlaskClient, odd: None, encoding: str) -> None:
    assert http.get(f"{REST}/login", headers=basic(ODD_NAME, ODD_PASSWORD, encoding)).status_code == 200


@on_sqlite
def test_a_json_login_with_half_a_pair_is_wrong_and_no_more(owner: Program) -> None:
    body = json.dumps({"username": "\ud800", "password": "\udfff"})
    refused(owner.call("POST", "/login", data=body, headers={}), 404, "WRONG_CREDENTIALS")


@on_sqlite
def test_a_login_body_is_bounded(owner: Program) -> None:
    refused(owner.call("POST", "/login", data="username=a&password=" + "x" * 20_000, headers={}), 413, "REQUEST_TOO_LARGE")


@on_sqlite
def test_a_new_password_counts_at_once(owner: Program) -> None:
    assert owner.call("POST", "/pwdreset", query_string={"password": "new.password-2"}).text == "true"
    old = owner.call("GET", "/login", query_string={"username": "owner", "password": PASSWORD})
    refused(old, 404, "WRONG_CREDENTIALS")
    owner.password = "new.password-2"
    owner.sign_in()


@on_sqlite
def test_a_disabled_user_does_not_get_in(owner: Program, gateway: Gateway) -> None:
    accounts.set_user_disabled(gateway, "owner", disabled=True)
    for call in ("/login", "/token"):
        refused(owner.get(call, username="owner", password=PASSWORD), 401, "DISABLED")
        refused(owner.get(call, username="owner", password="wrong"), 404, "WRONG_CREDENTIALS")


class TestGuesses:
    """Three wrong ones a minute for a user, six from an address; refused before anything is hashed."""

    @pytest.fixture
    def app(self, database_url: str, clock: FixedClock) -> Iterator[Flask]:
        app = create_app(settings_for(database_url, guesses_per_minute_user=3, guesses_per_minute_address=6), clock)
        yield app
        with app.app_context():
            close_connections(db.engine)
            db.engine.dispose()

    @pytest.fixture
    def hashed(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Passwords that were hashed to compare them."""
        seen: list[str] = []

        def counted(stored: str | None, password: str) -> bool:
            seen.append(password)
            return passwords.verify_password(stored, password)

        monkeypatch.setattr(identity, "verify_password", counted)
        return seen

    def guess(self, program: Program, username: str, password: str, address: str = "192.0.2.1") -> Any:
        query = {"username": username, "password": password}
        return program.call("GET", "/login", query_string=query, headers={}, environ_overrides={"REMOTE_ADDR": address})

    def test_one_user(self, http: FlaskClient, gateway: Gateway, hashed: list[str]) -> None:
        an_account_with_user(gateway, "owner")
        program = Program(http, "owner")
        for number in range(3):
            refused(self.guess(program, "owner", f"wrong{number}", f"192.0.2.{number}"), 404, "WRONG_CREDENTIALS")
        assert hashed == ["wrong0", "wrong1", "wrong2"], "one for each request, though a request has three readings"
        answer = self.guess(program, "owner", PASSWORD, "192.0.2.9")
        refused(answer, 429, "TOO_MANY_ATTEMPTS")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert len(hashed) == 3

    @on_sqlite
    def test_one_address(self, http: FlaskClient, gateway: Gateway, hashed: list[str]) -> None:
        an_account_with_user(gateway, "owner")
        program = Program(http, "owner")
        for number in range(6):
            refused(self.guess(program, f"name{number}", "wrong"), 404, "WRONG_CREDENTIALS")
        refused(self.guess(program, "owner", PASSWORD), 429, "TOO_MANY_ATTEMPTS")
        assert len(hashed) == 6
        assert self.guess(program, "owner", PASSWORD, "192.0.2.2").status_code == 200

    @on_sqlite
    def test_who_was_just_verified_is_not_shut_out_by_others(self, http: FlaskClient, gateway: Gateway, hashed: list[str]) -> None:
        an_account_with_user(gateway, "owner")
        program = Program(http, "owner").sign_in()
        for _ in range(4):
            self.guess(program, "owner", "wrong")
        assert self.guess(program, "owner", PASSWORD).status_code == 200
        assert program.get("/status").status_code == 200

    @on_sqlite
    def test_readings_of_one_request_count_once(self, http: FlaskClient, gateway: Gateway, hashed: list[str]) -> None:
        an_account_with_user(gateway, "owner")
        program = Program(http, "owner")
        for _ in range(3):
            refused(self.guess(program, "owner", "a+%2B"), 404, "WRONG_CREDENTIALS")
        refused(self.guess(program, "owner", "a+%2B"), 429, "TOO_MANY_ATTEMPTS")
        assert 6 <= len(hashed) <= 9
