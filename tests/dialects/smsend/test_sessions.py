"""The keys on every other call, and how long they live: contract 1.2, 1.4, 1.5, 1.7."""

from __future__ import annotations

import itertools
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from gateway.services import accounts, console_login
from gateway.services.core import Gateway
from gateway.services.identity import SESSION_SALT, signed
from gateway.storage.tables import Account, Credential
from tests.dialects.smsend.program import PASSWORD, REST, Program, refused, said
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SLACK = 10  # seconds; how seldom a session's last use is written


def test_each_call_renews_the_session(owner: Program, clock: FixedClock) -> None:
    for _ in range(4):
        clock.forward(seconds=299)
        assert owner.get("/status").status_code == 200
    clock.forward(seconds=300 + SLACK + 1)
    refused(owner.get("/status"), 401, "SESSION_EXPIRED")
    refused(owner.send(), 401, "SESSION_EXPIRED")
    owner.sign_in()
    assert owner.send().status_code == 201


@on_sqlite
def test_sending_renews_too(owner: Program, clock: FixedClock) -> None:
    for _ in range(4):
        clock.forward(seconds=200)
        owner.sent()


@on_sqlite
def test_calls_seconds_apart_keep_a_session_alive(owner: Program, clock: FixedClock) -> None:
    for _ in range(9):
        clock.forward(seconds=9)
        owner.sent()
    clock.forward(seconds=299)
    assert owner.get("/status").status_code == 200


@on_sqlite
def test_checksession_does_not_renew(owner: Program, clock: FixedClock) -> None:
    for _ in range(3):
        clock.forward(seconds=100)
        answer = owner.get("/checksession")
        assert (answer.status_code, answer.text) == (200, "true")
        assert answer.headers["Content-Type"] == "text/plain;charset=UTF-8"
    clock.forward(seconds=SLACK + 1)
    answer = owner.get("/checksession")
    assert (answer.status_code, answer.text) == (200, "false")
    refused(owner.get("/status"), 401, "SESSION_EXPIRED")


@on_sqlite
def test_checksession_of_others(owner: Program, stranger: Program, clock: FixedClock, gateway: Gateway) -> None:
    user_key, session_key = owner.keys.values()
    asked = {
        "forged": ({"user_key": user_key, "Session_key": "x" * 40}, 200, "false"),
        "another user's": ({"user_key": user_key, "Session_key": stranger.keys["Session_key"]}, 200, "false"),
        "unknown user": ({"user_key": "0" * 16, "Session_key": session_key}, 404, ""),
        "merged": ({"user_key": f"{user_key},{user_key}", "Session_key": session_key}, 404, ""),
        "no session": ({"user_key": user_key}, 404, ""),
        "nothing": ({}, 404, ""),
    }
    for name, (headers, status, text) in asked.items():
        answer = owner.call("GET", "/checksession", headers=headers)
        assert answer.status_code == status, name
        if text:
            assert answer.text == text, name
        else:
            refused(answer, 404, "NOT_FOUND")
    accounts.set_user_disabled(gateway, "owner", disabled=True)
    assert owner.get("/checksession").text == "false"
    token = stranger.sign_in("token")
    accounts.set_user_disabled(gateway, "stranger", disabled=True)
    assert token.get("/checksession").text == "false"


@on_sqlite
def test_many_sessions_at_once(owner: Program, http: FlaskClient) -> None:
    programs = [Program(http, "owner").sign_in() for _ in range(25)]
    assert len({program.keys["Session_key"] for program in programs}) == 25
    assert {program.send().status_code for program in [owner, *programs]} == {201}


SPELLINGS = (("user_key", "Session_key"), ("User_key", "Session_key"), ("USER_KEY", "SESSION_KEY"), ("user-key", "session-key"))


@on_sqlite
@pytest.mark.parametrize("names", SPELLINGS)
def test_spellings_of_the_header_names(owner: Program, names: tuple[str, str]) -> None:
    headers = dict(zip(names, owner.keys.values(), strict=True))
    assert owner.call("GET", "/status", headers=headers).status_code == 200


@on_sqlite
@pytest.mark.parametrize("name", ["Access_token", "ACCESS_TOKEN", "access-token", "Session_key"])
def test_places_of_the_access_token(owner: Program, name: str) -> None:
    user_key, token = owner.sign_in("token").keys.values()
    assert owner.call("GET", "/status", headers={"user_key": user_key, name: token}).status_code == 200
    assert owner.call("POST", "/sms", json=_message(), headers={"user_key": user_key, name: token}).status_code == 201


CALLS = (
    ("GET", "/status", 401),
    ("POST", "/sms", 401),
    ("POST", "/paramsms", 401),
    ("GET", "/sms/abc", 401),
    ("DELETE", "/sms/abc", 401),
    ("DELETE", "/sms/bulk", 401),
    ("GET", "/smshistory", 401),
    ("GET", "/rcptHistory", 401),
    ("POST", "/pwdreset", 401),
    ("GET", "/dashboard", 404),
    ("GET", "/checksession", 404),
)


@on_sqlite
def test_every_call_wants_valid_keys(owner: Program, stranger: Program, gateway: Gateway) -> None:
    user_key, session_key = owner.keys["user_key"], owner.keys["Session_key"]
    token = Program(owner.http, "owner").sign_in("token").keys["Access_token"]
    wrong = {
        "none": {},
        "user_key alone": {"user_key": user_key},
        "session alone": {"Session_key": session_key},
        "empty": {"user_key": user_key, "Session_key": ""},
        "unknown user": {"user_key": "0123456789abcdef", "Session_key": session_key},
        "another's session": {"user_key": user_key, "Session_key": stranger.keys["Session_key"]},
        "another's user_key": {"user_key": stranger.keys["user_key"], "Session_key": session_key},
        "cut": {"user_key": user_key, "Session_key": session_key[:-1]},
        "long": {"user_key": user_key, "Session_key": session_key * 9},
        "merged": {"user_key": user_key, "Session_key": f"{session_key},{session_key}"},
        "session as token": {"user_key": user_key, "Access_token": session_key},
        "not ours": {"user_key": user_key, "Access_token": "eyJhbGciOiJub25lIn0.e30."},
        "not ascii": {"user_key": user_key, "Session_key": "è" + session_key},
        "token of nobody": {"user_key": stranger.keys["user_key"], "Access_token": token},
    }
    for (method, path, status), (name, headers) in itertools.product(CALLS, wrong.items()):
        answer = owner.call(method, path, headers=headers, json={})
        if path == "/checksession" and answer.status_code == 200:
            assert answer.text == "false", name
            continue
        assert answer.status_code == status, (method, path, name, answer.text)
    assert owner.credits() == stranger.credits() == 1000


@on_sqlite
def test_a_well_signed_key_of_no_session(owner: Program, gateway: Gateway) -> None:
    headers = owner.keys | {"Session_key": signed(gateway, SESSION_SALT, UUID(int=7))}
    refused(owner.call("GET", "/status", headers=headers), 401, "INVALID_KEY")


def test_a_disabled_user_is_out_at_once(owner: Program, gateway: Gateway) -> None:
    token = Program(owner.http, "owner").sign_in("token")
    owner.sent()
    accounts.set_user_disabled(gateway, "owner", disabled=True)
    refused(owner.send(), 401, "SESSION_EXPIRED")
    refused(owner.get("/status"), 401, "SESSION_EXPIRED")
    refused(token.send(), 401, "DISABLED")
    refused(token.get("/dashboard"), 404, "NOT_FOUND")
    accounts.set_user_disabled(gateway, "owner", disabled=False)
    assert token.send().status_code == 201
    refused(owner.send(), 401, "SESSION_EXPIRED")


@on_sqlite
def test_a_closed_account_is_out_at_once(owner: Program, gateway: Gateway) -> None:
    owner.sent()
    with gateway.writing() as session:
        session.execute(update(Account).where(Account.name == "owner").values(status="closed"))
    refused(owner.send(), 401, "DISABLED")
    refused(owner.get("/status"), 401, "DISABLED")
    refused(owner.get("/login", username="owner", password=PASSWORD), 401, "DISABLED")


@on_sqlite
def test_a_revoked_token_is_out_and_the_next_one_is_another(owner: Program, gateway: Gateway, clock: FixedClock) -> None:
    token = Program(owner.http, "owner").sign_in("token")
    with gateway.writing() as session:
        session.execute(update(Credential).values(revoked_at=clock.now()))
    refused(token.get("/status"), 401, "SESSION_EXPIRED")
    assert Program(owner.http, "owner").sign_in("token").keys["Access_token"] != token.keys["Access_token"]


@on_sqlite
def test_who_may_only_read_may_only_read(teammate: Program, owner: Program) -> None:
    order_id = owner.sent(scheduled_delivery_time="20260601120000")
    assert teammate.states(order_id) == ["SCHEDULED"]
    assert teammate.get("/dashboard").status_code == 200
    refused(teammate.send(), 401, "NOT_PERMITTED")
    refused(teammate.call("DELETE", f"/sms/{order_id}"), 401, "NOT_PERMITTED")
    refused(teammate.call("DELETE", "/sms/bulk"), 401, "NOT_PERMITTED")
    refused(teammate.call("POST", "/pwdreset", query_string={"password": "another.one-3"}), 401, "NOT_PERMITTED")
    assert owner.states(order_id) == ["SCHEDULED"]


@on_sqlite
def test_pwdreset(owner: Program) -> None:
    for method in ("POST", "GET"):
        answer = owner.call(method, "/pwdreset?password=n%26w+pass%C3%A8")
        assert (answer.status_code, answer.text) == (200, "true")
    assert owner.get("/status").status_code == 200, "open sessions stay"
    owner.password = "n&w+passè"
    owner.sign_in()
    refused(owner.call("POST", "/pwdreset?password=short"), 400, "INVALID_PARAMETER")
    refused(owner.call("POST", "/pwdreset?password="), 400, "MISSING_PARAMETER")
    refused(owner.call("POST", "/pwdreset"), 400, "MISSING_PARAMETER")
    refused(owner.call("POST", "/pwdreset?password=" + "x" * 513), 400, "INVALID_PARAMETER")
    owner.sign_in()


@on_sqlite
def test_dashboard_gives_a_link_that_works_once(owner: Program, gateway: Gateway) -> None:
    answer = owner.get("/dashboard")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain;charset=UTF-8"
    base, found, key = answer.text.partition(console_login.PATH)
    assert base == "http://127.0.0.1:8080" and found and key.isprintable() and " " not in key
    assert console_login.enter(gateway, key) > 0
    assert owner.get("/dashboard").text != answer.text


@on_sqlite
def test_head_and_unknown_methods(owner: Program) -> None:
    assert owner.call("HEAD", "/status").status_code == 200
    for method, path in (
        ("PUT", "/sms"),
        ("GET", "/sms"),
        ("PATCH", "/login"),
        ("OPTIONS", "/sms"),
        ("DELETE", "/status"),
        ("FOO", "/sms"),
    ):
        answer = owner.call(method, path)
        refused(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["Allow"]
    refused(owner.call("GET", "/nonsense"), 404, "NOT_FOUND")
    refused(owner.call("GET", ""), 404, "NOT_FOUND")
    assert said(owner.http.get(f"{REST}/a/b/c"))["error_code"] == "NOT_FOUND"


def _message() -> dict[str, object]:
    return {"message_type": "N", "message": "Hi", "recipient": ["+393471234567"]}
