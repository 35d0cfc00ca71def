"""Two programs replace the account's one key at the same instant, over and over: one new key works, and never two or none."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import pytest

from bench.customer import gateway_on
from gateway.services import accounts
from tests.support import gunicorn, rawhttp

pytestmark = pytest.mark.slow
ROUNDS = 80
PASSWORD = "open.sesame-1"


def replaced(target: int | str, gate: threading.Barrier, keys: list[str]) -> None:
    """Replaces the key with a password, at the moment that the other one does."""
    body = json.dumps({"username": "owner", "password": PASSWORD}).encode()
    gate.wait()
    answer = rawhttp.request(
        target, "/api/regenerate-key", method="POST", headers={"Content-Type": "application/json"}, body=body, timeout=30
    )
    assert answer.status == 200, answer
    keys.append(json.loads(answer.body)["api_key"])


def opens(target: int | str, key: str) -> bool:
    """Whether the key is good for a call."""
    answer = rawhttp.request(target, "/api/v2/account/balance", headers={"X-API-Key": key}, timeout=30)
    assert answer.status == 200 or b'"Invalid API key"' in answer.body, answer
    return answer.status == 200


def test_of_two_keys_made_at_once_one_works(database_url: str, tmp_path: Path) -> None:
    with gateway_on(database_url) as gateway:
        accounts.create_account(gateway, accounts.NewAccount("owner"))
        accounts.create_user(gateway, "owner", "owner", PASSWORD)
    unlimited = {"DRAGOMAN_BULK_KEY_CALLS_PER_MINUTE": "100000", "DRAGOMAN_BULK_CALLS_PER_MINUTE": "100000"}
    web = gunicorn.start(tmp_path, {"DRAGOMAN_DATABASE_URL": database_url, "DRAGOMAN_WEB_WORKERS": "3", **unlimited})
    working: Counter[int] = Counter()
    former = ""
    try:
        for _ in range(ROUNDS):
            gate, keys = threading.Barrier(2), list[str]()
            threads = [threading.Thread(target=replaced, args=(web.target, gate, keys)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(keys) == 2
            good = [key for key in keys if opens(web.target, key)]
            working[len(good)] += 1
            assert not former or not opens(web.target, former)
            former = good[0] if good else ""
    finally:
        web.stop()
    database = database_url.partition(":")[0]
    print(f"{database}: of two keys made at once exactly one worked in {working[1]} of {ROUNDS} rounds")  # noqa: T201 - the figure is wanted
    assert working == {1: ROUNDS}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bodies_with_and_without_a_length(database_url: str, tmp_path: Path) -> None:
    """By length, in chunks without a content type, and none at all."""
    with gateway_on(database_url) as gateway:
        accounts.create_account(gateway, accounts.NewAccount("owner"))
        accounts.create_user(gateway, "owner", "owner", PASSWORD)
    body = json.dumps({"username": "owner", "password": PASSWORD}).encode()
    web = gunicorn.start(tmp_path, {"DRAGOMAN_DATABASE_URL": database_url})
    head = b"POST /api/%b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%b\r\n\r\n"
    try:
        made = rawhttp.send(head % (b"generate-key", b"Content-Length: %d" % len(body)) + body, web.target)
        chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        remade = rawhttp.send(head % (b"regenerate-key", b"Transfer-Encoding: chunked") + chunked, web.target)
        key = json.loads(remade.body)["api_key"].encode()
        again = rawhttp.send(head % (b"regenerate-key", b"X-API-Key: " + key), web.target)
        key = json.loads(again.body)["api_key"].encode()
        ended = rawhttp.send(head % (b"revoke-key", b"Content-Type: application/json\r\nAuthorization: Bearer " + key), web.target)
        assert [answer.status for answer in (made, remade, again, ended)] == [200, 200, 200, 200]
        assert PASSWORD not in web.log() and key.decode() not in web.log()
    finally:
        web.stop()
