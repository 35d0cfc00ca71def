"""A company plugs in a carrier by SMPP with the commands of its page, and a program's messages go out by it, with real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bench.customer import Customer, gateway_on, open_account
from gateway.services import ledger
from gateway.storage.tables import InboundMessage
from tests.support import gunicorn, programs
from tests.support.smsc import Smsc

PATIENCE_SECONDS = 60
PASSWORD = "pa55word"
LONG = "Il treno per Łódź parte alle 9:05 dal binario 3 😀 " * 4
QUICK = {"DRAGOMAN_DISPATCH_POLL_MILLISECONDS": "50", "DRAGOMAN_DISPATCH_LEASE_SECONDS": "3", "DRAGOMAN_LOG_LEVEL": "warning"}
LINK = ("reconnect_seconds=0.05", "reconnect_most_seconds=0.2", "enquire_link_seconds=0.5", "enquire_timeout_seconds=0.5", "window=5")


@pytest.fixture
def web(database_url: str, tmp_path: Path) -> Iterator[gunicorn.GunicornServer]:
    with gateway_on(database_url) as gateway:
        open_account(gateway, 1000)
    web = gunicorn.start(tmp_path, {"DRAGOMAN_DATABASE_URL": database_url, "DRAGOMAN_WEB_WORKERS": "1", **QUICK})
    yield web
    web.stop()


@contextmanager
def dispatching(web: gunicorn.GunicornServer, folder: Path) -> Iterator[None]:
    with (folder / "dispatcher.log").open("ab") as log:
        command = [sys.executable, "-m", "gateway.dispatcher"]
        process = subprocess.Popen(command, env=web.environment, cwd=programs.ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        assert programs.end(process, signal.SIGTERM, 30) == 0


def dragoman(web: gunicorn.GunicornServer, *arguments: str, secret: str = "") -> Any:
    """Runs a command as the operator would; what it printed as JSON."""
    command = [sys.executable, "-m", "gateway.cli", *arguments]
    done = subprocess.run(command, env=web.environment, cwd=programs.ROOT, input=secret, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.slow
def test_a_carrier_is_plugged_in_goes_away_and_comes_back(web, database_url, tmp_path):
    with Smsc(password=PASSWORD, most_binds=1) as smsc:
        settings = [f"--setting={each}" for each in ("host=127.0.0.1", f"port={smsc.port}", "system_id=gateway", *LINK)]
        dragoman(web, "connector", "add", "carrier", "--kind", "smpp", "--off", *settings, "--secret", "password", secret=PASSWORD + "\n")
        dragoman(web, "connector", "test", "carrier")
        wait_for(lambda: not smsc.bound())
        dragoman(web, "connector", "enable", "carrier")
        dragoman(web, "route", "add", "all", "--to", "carrier")
        customer = Customer(web.port)

        def states(order: str) -> set[str]:
            return {each["status"] for each in customer.state(order).body["recipients"]}

        with dispatching(web, tmp_path):
            first = customer.send(["+393471230001", "+393471230002"], message=LONG).body["internal_order_id"]
            wait_for(lambda: states(first) == {"DLVRD"})
            assert [each.text for each in smsc.wholes] == [LONG, LONG]
            assert {each.destination for each in smsc.wholes} == {"393471230001", "393471230002"}

            smsc.deliver("Grazie 😀 " * 20, "393471230001", "393299999999", coding=8, by="udh8", reverse=True)
            wait_for(lambda: all(each.status == 0 for each in smsc.handed))

            smsc.stop()  # the carrier is away: what is accepted now waits and uses up no attempt
            second = customer.send(["+393471230003"]).body["internal_order_id"]
            time.sleep(0.5)
            assert states(second).isdisjoint({"DLVRD", "ERROR"})
            smsc.start()
            wait_for(lambda: states(second) == {"DLVRD"})
        assert smsc.counts["unbind"] >= 1, "it took its leave"
    assert len(smsc.wholes) == 3
    assert smsc.violations == []
    assert smsc.bound_at_once == 1
    with gateway_on(database_url) as gateway:
        assert list(ledger.verify(gateway)) == []
        with gateway.reading() as session:
            assert list(session.scalars(select(InboundMessage.text))) == ["Grazie 😀 " * 20]
    log = (tmp_path / "dispatcher.log").read_text()
    assert PASSWORD not in log and "binario" not in log and "3471230001" not in log
