"""What an operator watches: health, readiness, figures that are right with several workers, and a log that can be searched."""

from __future__ import annotations

import json
import re

import pytest

from bench.customer import Customer, gateway_on, open_account
from tests.support import gunicorn, rawhttp

REST = "/API/v1.0/REST"
HITS = 30

pytestmark = pytest.mark.slow


@pytest.fixture
def server(database_url, tmp_path):
    with gateway_on(database_url) as gateway:
        open_account(gateway, 1000)
    server = gunicorn.start(tmp_path, {"DRAGOMAN_DATABASE_URL": database_url, "DRAGOMAN_WEB_WORKERS": "3"})
    yield server
    server.stop()


def metric(server: gunicorn.GunicornServer, line: str) -> float:
    text = rawhttp.request(server.target, "/metrics").body.decode()
    return sum(float(found[1]) for found in re.finditer(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE))


def test_counters_are_the_same_whichever_worker_is_asked(server):
    customer = Customer(server.port)
    for number in range(HITS):
        assert customer.send([f"+39347{number:07d}"]).status == 201
    rawhttp.request(server.target, f"{REST}/groups")
    sends = 'dragoman_requests_total{dialect="smsend",endpoint="smsend.send",status="201"}'
    for _ in range(6):
        assert metric(server, sends) == HITS
        assert metric(server, 'dragoman_messages_accepted_total{dialect="smsend"}') == HITS
        assert metric(server, 'dragoman_unsupported_calls_total{call="/groups",dialect="smsend"}') == 1
    assert b"pid=" not in rawhttp.request(server.target, "/metrics").body
    assert metric(server, 'dragoman_messages_waiting{connector="simulator",priority="2"}') == HITS
    assert metric(server, 'dragoman_connector_owned{connector="simulator"}') == 0


def test_no_number_key_or_raw_path_is_a_label(server):
    customer = Customer(server.port)
    assert customer.send(["+393471234567"]).status == 201
    rawhttp.request(server.target, f"{REST}/sms/+393471234567")
    rawhttp.request(server.target, f"{REST}/nothing/393471234567")
    text = rawhttp.request(server.target, "/metrics").body.decode()
    assert "393471234567" not in text
    assert not any(secret in text for secret in customer._keys.values())


def test_health_and_readiness(server):
    assert rawhttp.request(server.target, "/health").status == 200
    answer = rawhttp.request(server.target, "/ready")
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ready"})


def test_a_request_can_be_found_in_the_log_by_its_id(server):
    answer = rawhttp.request(server.target, f"{REST}/status", headers={"X-Request-Id": "my-request-4711"})
    assert answer.header("X-Request-Id") == "my-request-4711"
    own = rawhttp.request(server.target, f"{REST}/status").header("X-Request-Id")
    assert own and own != rawhttp.request(server.target, f"{REST}/status", headers={"X-Request-Id": "bad id\x7f"}).header("X-Request-Id")
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    found = next(line for line in lines if line.get("request_id") == "my-request-4711")
    assert (found["path"], found["status"], found["method"]) == (f"{REST}/status", 401, "GET")


def test_a_database_that_was_not_migrated_is_not_ready(tmp_path):
    server = gunicorn.start(tmp_path, {"DRAGOMAN_DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"})
    try:
        answer = rawhttp.request(server.target, "/ready")
        assert answer.status == 503
        assert "dragoman migrate" in json.loads(answer.body)["reason"]
    finally:
        server.stop()
