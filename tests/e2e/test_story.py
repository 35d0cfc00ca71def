"""One customer's story, told with real processes: web server, dispatcher and the simulated carrier, on both databases."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import create_app
from gateway.services import accounts, ledger
from gateway.services.core import Gateway
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.support import gunicorn, programs, rawhttp
from tests.support.databases import settings_for

REST = "/API/v1.0/REST"
PASSWORD = "open.sesame-1"
PATIENCE_SECONDS = 60
QUICK = {"DRAGOMAN_SIMULATOR_DELAY_MILLISECONDS": "20", "DRAGOMAN_SIMULATOR_RECEIPT_MILLISECONDS": "100"}


@pytest.fixture
def gateway(database_url: str) -> Iterator[Gateway]:
    """Our own look at the database that the processes work on."""
    app = create_app(settings_for(database_url))
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        accounts.create_account(gateway, accounts.NewAccount("Bakery", originator="Bakery"))
        ledger.add_credit(gateway, "Bakery", 100_000)
        accounts.create_user(gateway, "Bakery", "ada@bakery.example", PASSWORD)
        yield gateway
        close_connections(db.engine)
        db.engine.dispose()


@pytest.fixture
def web(gateway: Gateway, database_url: str, tmp_path: Path) -> Iterator[gunicorn.GunicornServer]:
    """gunicorn, and a dispatcher beside it."""
    web = gunicorn.start(tmp_path, {"DRAGOMAN_DATABASE_URL": database_url, "DRAGOMAN_WEB_THREADS": "2", **QUICK})
    output = tmp_path / "dispatcher.log"
    with output.open("ab") as log:
        command = [sys.executable, "-m", "gateway.dispatcher"]
        dispatcher = subprocess.Popen(command, env=web.environment, cwd=programs.ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        programs.wait_until(lambda: "dispatcher_started" in output.read_text(), dispatcher, output, PATIENCE_SECONDS)
        yield web
    finally:
        code = programs.end(dispatcher, signal.SIGTERM, 30)
        web.stop()
    assert code == 0, output.read_text()


def test_a_customers_day(web: gunicorn.GunicornServer, gateway: Gateway) -> None:
    keys: dict[str, str] = {}

    def call(method: str, path: str, body: object = None, status: int = 200) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        answer = rawhttp.request(web.target, REST + path, method=method, headers=keys, body=data, timeout=30)
        assert answer.status == status, answer
        return json.loads(answer.body) if answer.body.startswith(b"{") else answer.body.decode()

    def credits() -> int:
        return int(call("GET", "/status?typeAliases=true")["sms"][0]["quantity"])

    def states(order_id: str) -> list[str]:
        return [each["status"] for each in call("GET", f"/sms/{order_id}")["recipients"]]

    # She signs in: the plus of no one's name is at stake here, the at sign travels as it is.
    user_key, session_key = call("GET", f"/login?username=ada@bakery.example&password={PASSWORD}").split(";")
    keys |= {"user_key": user_key, "Session_key": session_key}
    assert call("GET", "/checksession") == "true"
    assert credits() == 100

    # She tells three people at length: two parts each, six credits.
    three = ["+393471234567", "+393471234568", "00393471234569"]
    text = "Fresh bread from six o'clock, and on Saturdays from five. " * 3
    sent = call("POST", "/sms", {"message_type": "N", "message": text, "recipient": three, "order_id": "bread-1"}, 201)
    assert (sent["order_id"], sent["total_sent"], sent["remaining_credits"]) == ("bread-1", 3, 94)
    until(lambda: states("bread-1") == ["DLVRD"] * 3)
    assert credits() == 94
    dates = {each["delivery_date"] for each in call("GET", "/sms/bread-1")["recipients"]}
    assert all(len(date) == 14 for date in dates)

    # Each by name; one number does not exist and is charged all the same, as the carrier took it.
    each = {"0": {"recipient": "+393471234567", "name": "Bob"}, "1": {"recipient": "+999000010", "name": "Eve"}}
    personal = call("POST", "/paramsms", {"message_type": "GP", "message": "Hi ${name}", "recipients": each}, 201)
    until(lambda: states(personal["order_id"]) == ["DLVRD", "KO"])
    assert credits() == 92

    # She schedules one for tomorrow, thinks again, and has her credit back.
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    order = {"message_type": "L", "message": "Closed on Monday", "recipient": three, "scheduled_delivery_time": tomorrow}
    later = call("POST", "/sms", order, 201)
    assert states(later["order_id"]) == ["SCHEDULED"] * 3 and credits() == 89
    assert call("DELETE", f"/sms/{later['order_id']}")["result"] == "OK"
    assert credits() == 92
    call("DELETE", f"/sms/{later['order_id']}", status=404)

    # Two seconds ahead goes out by itself, and as medium quality ends as SENT.
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    order = {"message_type": "L", "message": "Soon", "recipient": "+393471234567", "scheduled_delivery_time": soon}
    quick = call("POST", "/sms", order, 201)
    until(lambda: states(quick["order_id"]) == ["SENT"])

    # What is more than she has is refused as a whole.
    many = [f"+39347{number:07d}" for number in range(92)]
    refused = call("POST", "/sms", {"message_type": "N", "message": "x", "recipient": many}, 400)
    assert refused["error_code"] == "NOT_ENOUGH_CREDIT"
    assert credits() == 91

    # In the evening she looks back.
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y%m%d%H%M%S")
    history = call("GET", f"/smshistory?from={yesterday}")
    assert [entry["message_type"] for entry in history["smshistory"]] == ["L", "L", "GP", "N"]
    assert (history["total"], history["smshistory"][-1]["sender"]) == (4, "Bakery")
    to_bob = call("GET", f"/rcptHistory?from={yesterday}&recipient=+393471234567")
    assert [entry["status"] for entry in to_bob["rcpthistory"]] == [4, 9, 4, 4]
    assert list(ledger.verify(gateway)) == []


def until(condition: Callable[[], bool]) -> None:
    """Waits for the dispatcher."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)
