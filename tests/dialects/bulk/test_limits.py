"""How many calls a minute, and how it is told. Contract 5 and the vectors 1, 2 and 9 of section 10. In memory, and in Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from gateway import create_app
from gateway.services import keys
from gateway.services.core import Gateway
from gateway.services.keys import KeyTerms
from gateway.storage import identity as stored
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.web import rate_limits
from tests.dialects.bulk.conftest import an_account_with_user
from tests.dialects.bulk.program import (
    BALANCE,
    BALANCE_V1,
    BULK,
    GENERATE,
    MESSAGE,
    REGENERATE,
    REVOKE,
    SEND,
    SEND_V1,
    Program,
    done,
    refused,
    said,
)
from tests.support import redis
from tests.support.databases import FixedClock, settings_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOO_MANY = b'{"error":"Too Many Attempts.","message":"Too Many Attempts."}'


@pytest.fixture
def limits() -> dict[str, Any]:
    """The shipped ones."""
    return {}


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[redis.RedisServer]:
    """A Redis that the test may stop."""
    server = redis.start(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def workers(database_url: str, clock: FixedClock, own_redis: redis.RedisServer) -> Iterator[list[FlaskClient]]:
    """Two processes' applications on one Redis, told that there are three."""
    apps = [create_app(settings_for(database_url, redis_url=own_redis.url, web_workers=3), clock) for _ in range(2)]
    yield [app.test_client() for app in apps]
    for app in apps:
        with app.app_context():
            close_connections(db.engine)
            db.engine.dispose()


def left(answer: TestResponse) -> tuple[int, int]:
    """The limit and what is left, as the headers tell. Nothing else is told but on a refusal."""
    refusal = answer.status_code == 429
    assert ("Retry-After" in answer.headers) == ("X-RateLimit-Reset" in answer.headers) == refusal
    assert len(answer.headers.getlist("X-RateLimit-Limit")) == len(answer.headers.getlist("X-RateLimit-Remaining")) == 1
    return int(answer.headers["X-RateLimit-Limit"]), int(answer.headers["X-RateLimit-Remaining"])


def is_silent(answer: TestResponse) -> bool:
    return not any(name.lower().startswith(("x-ratelimit", "retry-after")) for name, _ in answer.headers)


class TestVersion2:
    def test_one_count_for_all_calls_before_the_key_is_checked(self, http: FlaskClient) -> None:
        """Vectors 1 and 2."""
        nobody = Program(http, "nobody")
        calls = (("GET", SEND), ("GET", BALANCE), ("POST", BULK), ("POST", SEND), ("POST", "/api/v2/sandbox/sms/send"))
        told = [left(nobody.call(*calls[number % 5])) for number in range(60)]
        assert told == [(60, remaining) for remaining in range(59, -1, -1)]
        answer = nobody.call("GET", BALANCE)
        assert (answer.status_code, answer.data, left(answer)) == (429, TOO_MANY, (60, 0))
        now = time.time()
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert now < int(answer.headers["X-RateLimit-Reset"]) <= now + 62

    def test_a_valid_key_has_a_count_of_its_own(self, owner: Program, stranger: Program) -> None:
        assert left(owner.call("GET", BALANCE)) == (60, 59)
        assert left(owner.send()) == (60, 59)
        assert left(owner.keyed("GET", BALANCE)) == (60, 58)
        assert left(owner.call("GET", SEND, query_string={"api_key": owner.key})) == (60, 57)
        assert left(owner.send(numbers="abc")) == (60, 56)
        assert left(stranger.send()) == (60, 59)
        assert left(owner.call("GET", BALANCE, headers={"X-API-Key": "bk_wrong"})) == (60, 58)
        assert left(owner.call("POST", SEND, data=b'{"broken', headers={"X-API-Key": owner.key})) == (60, 55)

    def test_each_address_has_a_count_of_its_own(self, http: FlaskClient) -> None:
        for address in ("192.0.2.1", "192.0.2.2"):
            assert left(http.get(BALANCE, environ_base={"REMOTE_ADDR": address})) == (60, 59)

    def test_a_key_may_have_a_limit_of_its_own(self, owner: Program, gateway: Gateway) -> None:
        owner.call("POST", REVOKE, json=owner.login)
        owner.key = keys.create(gateway, keys.BULK, "owner", terms=KeyTerms(calls_per_minute=3)).key
        assert [left(owner.keyed("GET", BALANCE)) for _ in range(3)] == [(3, 2), (3, 1), (3, 0)]
        answer = owner.send()
        assert (answer.status_code, left(answer)) == (429, (3, 0))
        assert done(owner.send_v1())["recipients"] == 1, "v1 counts for itself"

    def test_a_refused_call_sends_nothing(self, owner: Program, gateway: Gateway) -> None:
        for _ in range(60):
            owner.keyed("GET", BALANCE)
        refused(owner.send(), 429, "Too Many Attempts.")
        assert said(owner.call("POST", BALANCE_V1, json=owner.login))["balance"] == 1000

    def test_what_is_not_limited_says_nothing(self, owner: Program) -> None:
        """Vector 9 among them."""
        quiet = (
            ("GET", "/api/v2"), ("GET", "/api/oauth2-callback"), ("GET", "/api/oauth2-redirect.js"), ("GET", "/api/v2/nothing"),
            ("POST", BALANCE), ("OPTIONS", SEND), ("POST", "/api/v2/payments"),
        )  # fmt: skip
        for method, path in quiet:
            assert is_silent(owner.call(method, path)), path
        for path in ("/API/v1.0/REST/status", "/health", "/metrics", "/nowhere"):
            assert is_silent(owner.http.get(path)), path
        assert left(owner.call("GET", BALANCE)) == (60, 59)


class TestVersion1:
    def test_by_user_else_by_address(self, owner: Program, stranger: Program) -> None:
        assert left(owner.send_v1()) == (60, 59)
        assert left(owner.call("POST", BALANCE_V1, data=owner.login)) == (60, 58)
        assert left(stranger.send_v1()) == (60, 59)
        assert left(owner.send_v1(password="wrong")) == (60, 59)
        assert left(owner.call("GET", SEND_V1)) == (60, 58)
        assert left(owner.send()) == (60, 59)

    def test_too_many(self, owner: Program) -> None:
        answers = [owner.send_v1(numbers="abc") for _ in range(61)]
        assert [answer.status_code for answer in answers] == [400] * 60 + [429]
        assert answers[-1].data == TOO_MANY


class TestKeyRoutes:
    def test_a_limit_of_their_own(self, owner: Program, gateway: Gateway) -> None:
        assert left(owner.call("POST", GENERATE, json=owner.login)) == (10, 8), "making the key was one"
        assert left(owner.call("POST", REGENERATE, json=owner.login | {"expiry_days": 0})) == (10, 7)
        assert left(owner.call("POST", REVOKE)) == (10, 9), "nobody in particular: the address"
        assert left(owner.keyed("POST", REGENERATE)) == (10, 9), "by the key: the key"
        answers = [owner.call("POST", GENERATE, json=owner.login) for _ in range(8)]
        assert [answer.status_code for answer in answers] == [409] * 7 + [429]
        assert owner.send_v1().status_code == 200


class TestWindow:
    def test_ends_all_at_once(self, owner: Program, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fixed, from the first call on, and a real second long, as no clock of ours moves the limiter's."""
        monkeypatch.setattr(rate_limits, "WINDOW_SECONDS", 1)
        owner.call("POST", REVOKE, json=owner.login)
        owner.key = keys.create(gateway, keys.BULK, "owner", terms=KeyTerms(calls_per_minute=2)).key
        statuses = [owner.keyed("GET", BALANCE).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        deadline = time.monotonic() + 10
        while owner.keyed("GET", BALANCE).status_code == 429:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert left(owner.keyed("GET", BALANCE))[1] == 0, "the second call of the new window"

    def test_the_database_is_asked_for_the_caller_once(self, owner: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        real = stored.caller_by_prefix

        def counted(engine: Engine, prefix: str, kind: str) -> Any:
            asked.append(prefix)
            return real(engine, prefix, kind)

        monkeypatch.setattr(stored, "caller_by_prefix", counted)
        done(owner.keyed("GET", BALANCE))
        assert len(asked) == 1


class TestRedis:
    def test_counts_for_all_workers(self, workers: list[FlaskClient]) -> None:
        told = [left(workers[number % 2].get((SEND, BALANCE)[number % 3 % 2])) for number in range(60)]
        assert told == [(60, remaining) for remaining in range(59, -1, -1)]
        assert [client.get(BALANCE).status_code for client in workers] == [429, 429]

    def test_holds_no_key_no_name_and_no_address(
        self, workers: list[FlaskClient], own_redis: redis.RedisServer, app: Flask, gateway: Gateway
    ) -> None:
        an_account_with_user(gateway, "mario")
        mario = Program(workers[0], "mario").with_key()
        mario.send()
        mario.send_v1()
        workers[0].get(BALANCE, environ_base={"REMOTE_ADDR": "192.0.2.7"})
        assert own_redis.command("DBSIZE") == ":4"
        for secret in (mario.key, mario.key[3:12], "mario", "192.0.2.7"):
            assert own_redis.command(f"KEYS *{secret}*") == "*0"
        assert own_redis.command("KEYS dragoman:calls*") == "*4"

    def test_away_and_back(self, workers: list[FlaskClient], own_redis: redis.RedisServer) -> None:
        assert left(workers[0].get(BALANCE)) == (60, 59)
        own_redis.stop()
        told = [left(workers[0].get(BALANCE)) for _ in range(21)]
        assert told[:20] == [(20, remaining) for remaining in range(19, -1, -1)], "a third each, as there are three"
        assert workers[0].get(BALANCE).status_code == 429
        assert is_silent(workers[0].get("/API/v1.0/REST/status")), "others are not limited by the stand-in either"
        assert is_silent(workers[0].get("/api/v2"))
        own_redis.start()
        deadline = time.monotonic() + 20
        while left(workers[0].get(BALANCE))[0] != 60:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert left(workers[1].get(BALANCE)) == (60, 58), "counted together again"

    @pytest.mark.parametrize("used_up", [False, True])
    def test_away_in_the_middle_of_a_call(
        self, workers: list[FlaskClient], own_redis: redis.RedisServer, monkeypatch: pytest.MonkeyPatch, used_up: bool
    ) -> None:
        """Between the count and what is told of it."""
        for _ in range(60 if used_up else 0):
            workers[1].get(BALANCE)
        shared = workers[0].application.extensions["dragoman.limiter"].limiter
        real = shared.hit

        def hit_then_stop(*arguments: Any, **options: Any) -> bool:
            allowed: bool = real(*arguments, **options)
            own_redis.stop()
            return allowed

        monkeypatch.setattr(shared, "hit", hit_then_stop)
        answer = workers[0].get(BALANCE)
        assert answer.status_code == (429 if used_up else 401)
        assert left(answer) == (60, 0 if used_up else 59)
        if used_up:
            assert 1 <= int(answer.headers["Retry-After"]) <= 60

    def test_away_from_the_start(self, clock: FixedClock, database_url: str, own_redis: redis.RedisServer) -> None:
        own_redis.stop()
        app = create_app(settings_for(database_url, redis_url=own_redis.url, web_workers=100), clock)
        answers = [app.test_client().post(SEND, json=MESSAGE) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [401, 429], "never less than one"
        with app.app_context():
            close_connections(db.engine)
            db.engine.dispose()


@pytest.mark.parametrize(
    ("url", "storage"),
    [("", "process://"), ("redis://a/0", "counted+redis://a/0"), ("unix:///run/redis.sock", "counted+redis+unix:///run/redis.sock")],
)
def test_the_library_s_spelling_of_addresses(url: str, storage: str, database_url: str) -> None:
    assert rate_limits._storage(url) == storage
