"""The API key: where it may stand, how it is made, replaced and revoked. Contract 4.1, 6 and the vectors 7 and 8 of section 10."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from gateway.services import accounts, keys
from gateway.services.core import Gateway
from gateway.services.keys import KeyTerms
from tests.dialects.bulk.program import (
    BALANCE,
    GENERATE,
    MESSAGE,
    PASSWORD,
    REGENERATE,
    REVOKE,
    SEND,
    Program,
    done,
    refused,
    said,
)
from tests.support.builders import messages
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UNAUTHENTICATED = {"error": "Unauthenticated.", "message": "Unauthenticated."}


def basic(username: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


def works(owner: Program, key: str) -> bool:
    """Whether the key opens the balance; expects "Invalid API key" where not."""
    answer = owner.call("GET", BALANCE, headers={"X-API-Key": key})
    if answer.status_code != 200:
        refused(answer, 401, "Invalid API key")
    return answer.status_code == 200


class TestLife:
    def test_from_making_to_revoking(self, stranger: Program, gateway: Gateway, clock: FixedClock) -> None:
        """Vector 7."""
        done_revoking = stranger.call("POST", REVOKE, json=stranger.login)
        assert said(done_revoking) == {"success": True, "message": "API key revoked successfully"}
        made = stranger.call("POST", GENERATE, json=stranger.login | {"expiry_days": 3})
        first = done(made)["api_key"]
        assert done(made)["expires_at"] == (clock.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert said(made)["api_key"] == first
        assert works(stranger, first)

        told = refused(stranger.call("POST", GENERATE, json=stranger.login), 409, "API key already exists")
        assert "/api/regenerate-key" in told["help"] and works(stranger, first)

        replaced = stranger.call("POST", REGENERATE, headers={"X-API-Key": first})
        second = done(replaced)["api_key"]
        assert done(replaced)["expires_at"] is None, "the old key's end is not inherited"
        assert (works(stranger, first), works(stranger, second)) == (False, True)

        assert stranger.call("POST", REVOKE, headers={"X-API-Key": second}).status_code == 200
        assert not works(stranger, second)
        refused(stranger.call("POST", REVOKE, json=stranger.login), 404, "No active API key")
        third = done(stranger.call("POST", REGENERATE, json=stranger.login))["api_key"]
        assert works(stranger, third), "without a key, regenerate acts as generate"

    def test_a_revoked_key_sends_nothing_more(self, owner: Program, gateway: Gateway) -> None:
        done(owner.send())
        assert owner.call("POST", REVOKE, json=owner.login).status_code == 200
        refused(owner.send(), 401, "Invalid API key")
        assert len(messages(gateway)) == 1

    @on_sqlite
    def test_an_expired_key(self, owner: Program, clock: FixedClock, gateway: Gateway) -> None:
        key = done(owner.call("POST", REGENERATE, json=owner.login | {"expiry_days": "1"}))["api_key"]
        clock.forward(hours=23, minutes=59)
        assert works(owner, key)
        clock.forward(minutes=1)
        for path, method in ((BALANCE, "GET"), (SEND, "POST")):
            refused(owner.call(method, path, headers={"X-API-Key": key}), 401, "API key has expired")
        assert said(owner.call("POST", REVOKE, headers={"X-API-Key": key})) == UNAUTHENTICATED
        refused(owner.call("POST", REVOKE, json=owner.login), 404, "No active API key")
        done(owner.call("POST", GENERATE, json=owner.login))

    @on_sqlite
    def test_terms_outlive_a_replacement(self, owner: Program, gateway: Gateway) -> None:
        owner.call("POST", REVOKE, json=owner.login)
        made = keys.create(gateway, keys.BULK, "owner", terms=KeyTerms(permissions=["bulk:read", "bulk:keys"], calls_per_minute=7))
        owner.key = done(owner.call("POST", REGENERATE, headers={"X-API-Key": made.key}))["api_key"]
        assert owner.keyed("GET", BALANCE).headers["X-RateLimit-Limit"] == "7"
        refused(owner.send(), 403, "This action is unauthorized.")


class TestWhoMay:
    @on_sqlite
    def test_ways_to_say_who(self, owner: Program) -> None:
        passwords: tuple[dict[str, Any], ...] = (
            {"json": owner.login}, {"data": owner.login}, {"query_string": owner.login}, {"headers": basic("owner")},
        )  # fmt: skip
        for how in passwords:
            owner.key = done(owner.call("POST", REGENERATE, **how))["api_key"]
        current: tuple[dict[str, Any], ...] = (
            {"headers": {"X-API-Key": "{key}"}},
            {"json": {"api_key": "{key}"}},
            {"query_string": {"api_key": "{key}"}},
            {"headers": {"Authorization": "Bearer {key}"}},
            {"data": json.dumps({"api_key": "{key}", "expiry_days": 3})},
        )
        for how in current:
            filled = json.loads(json.dumps(how).replace("{key}", owner.key))
            owner.key = done(owner.call("POST", REGENERATE, **filled))["api_key"]

    @on_sqlite
    def test_nobody(self, owner: Program) -> None:
        headers: tuple[dict[str, str], ...] = (
            {},
            basic("owner", "wrong"),
            basic("nobody"),
            {"X-API-Key": "wrong"},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic !!!"},
            {"Authorization": "Basic"},
            {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()},
        )
        for path in (GENERATE, REGENERATE, REVOKE):
            for each in headers:
                answer = owner.call("POST", path, headers=each)
                assert (answer.status_code, said(answer)) == (401, UNAUTHENTICATED)
        assert said(owner.call("POST", GENERATE, json={"username": "owner", "password": "wrong"})) == UNAUTHENTICATED
        assert works(owner, owner.key)

    @on_sqlite
    def test_a_key_makes_no_first_key(self, owner: Program) -> None:
        assert said(owner.keyed("POST", GENERATE)) == UNAUTHENTICATED

    @on_sqlite
    def test_only_the_owner_s_key_is_touched(self, owner: Program, stranger: Program) -> None:
        done(stranger.call("POST", REGENERATE, json=stranger.login))
        stranger.call("POST", REVOKE, json=stranger.login)
        assert works(owner, owner.key)

    @on_sqlite
    def test_a_disabled_user(self, owner: Program, gateway: Gateway) -> None:
        accounts.set_user_disabled(gateway, "owner", disabled=True)
        refused(owner.send(), 403, "This account is disabled.")
        refused(owner.keyed("GET", BALANCE), 403, "This account is disabled.")
        refused(owner.send_v1(), 403, "This account is disabled.")
        refused(owner.call("POST", REVOKE, json=owner.login), 403, "This account is disabled.")

    @on_sqlite
    def test_a_network_that_may_not(self, owner: Program, gateway: Gateway) -> None:
        owner.call("POST", REVOKE, json=owner.login)
        owner.key = keys.create(gateway, keys.BULK, "owner", terms=KeyTerms(networks=["192.0.2.0/24"])).key
        refused(owner.send(), 403, "This network address may not call.")

    @on_sqlite
    def test_too_many_wrong_passwords(self, owner: Program, gateway: Gateway) -> None:
        for _ in range(gateway.settings.guesses_per_minute_user):
            assert owner.call("POST", REVOKE, headers=basic("owner", "wrong")).status_code == 401
        refused(owner.call("POST", REVOKE, headers=basic("owner", "wrong")), 429, "Too Many Attempts.")


class TestExpiry:
    @on_sqlite
    @pytest.mark.parametrize("path", [GENERATE, REGENERATE])
    def test_bad_days(self, owner: Program, path: str) -> None:
        """Vector 8."""
        words = "The expiry days field must be a whole number from 1 to 365."
        for days in (366, 0, -1, "0", "soon", "1.5", 1.5, True, [1], 2**70, "٣"):
            told = refused(owner.call("POST", path, json=owner.login | {"expiry_days": days}), 422, words)
            assert told["errors"] == {"expiry_days": [words]}
        refused(owner.call("POST", path, data=owner.login | {"expiry_days": "366"}), 422, words)
        assert works(owner, owner.key)

    @on_sqlite
    def test_good_days(self, owner: Program, clock: FixedClock) -> None:
        given: tuple[Any, ...] = (1, 365, "30", " 7 ", None, "")
        for days in given:
            end = done(owner.call("POST", REGENERATE, json=owner.login | {"expiry_days": days}))["expires_at"]
            wanted = clock.now() + timedelta(days=int(days)) if days else None
            assert end == (wanted and wanted.strftime("%Y-%m-%dT%H:%M:%SZ"))


class TestKeyMissing:
    @on_sqlite
    def test_exactly_two_fields(self, owner: Program) -> None:
        """Vector 1."""
        wanted = {"error": "API key is required", "help": "Provide X-API-Key header or api_key parameter"}
        for method, path in (
            ("GET", SEND),
            ("POST", SEND),
            ("GET", BALANCE),
            ("POST", SEND + "/bulk"),
            ("POST", "/api/v2/sandbox/sms/send"),
        ):
            for headers in ({}, {"X-API-Key": "  "}, {"Authorization": "Bearer "}, basic("owner")):
                answer = owner.call(method, path, headers=headers, query_string={"api_key": ""})
                assert (answer.status_code, said(answer)) == (401, wanted)

    @on_sqlite
    def test_a_wrong_key(self, owner: Program, stranger: Program) -> None:
        wrong = (
            "x", owner.key[:-1], owner.key + "A", owner.key + "," + owner.key, "A" * 5000, "' OR 1=1 --", "uk_" + owner.key[3:],
            owner.key[:12] + stranger.key[12:],
        )  # fmt: skip
        for key in wrong:
            refused(owner.call("POST", SEND, json=MESSAGE, headers={"X-API-Key": key}), 401, "Invalid API key")
        for value in (7, True, [owner.key], {"a": 1}, "\0", "\ud800", "ключ"):
            refused(owner.call("POST", SEND, json=MESSAGE | {"api_key": value}), 401, "Invalid API key")
