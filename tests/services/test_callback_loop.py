"""The thread that makes calls, and the dispatcher's process with it: from an order to the program that is called."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from structlog.testing import capture_logs

from gateway import create_app
from gateway.dispatcher import main
from gateway.dispatcher.callbacks import CallbackLoop
from gateway.domain.callback import Happening
from gateway.domain.errors import StorageUnavailable
from gateway.domain.retry import RetryPolicy
from gateway.net.client import Client
from gateway.services.callbacks import outbox, sending
from gateway.services.core import Gateway
from gateway.storage.driver import close_connections
from tests.support.builders import an_account, an_order
from tests.support.callbacks import an_endpoint, deliveries, happen
from tests.support.databases import settings_for
from tests.support.receiver import Receiver, answer, loopback_client


def until(found: Callable[[], object], seconds: float = 20) -> None:
    """Waits for something that another thread does."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def receivers() -> Iterator[tuple[Receiver, Receiver]]:
    found = Receiver(), Receiver()
    yield found
    for each in found:
        each.close()


@pytest.fixture
def client() -> Iterator[Client]:
    found = loopback_client()
    yield found
    found.close()


def test_a_slow_receiver_holds_up_nobody_and_is_waited_for_at_the_end(
    app: Flask, gateway: Gateway, receivers: tuple[Receiver, Receiver], client: Client
) -> None:
    slow, quick = receivers
    slow.gate.clear()
    account, stop = an_account(gateway), threading.Event()
    slow_id, quick_id = (an_endpoint(gateway, account, each.url()).state.id for each in receivers)
    happen(gateway, account, 10)

    def body() -> None:
        with app.app_context():
            CallbackLoop(gateway, client, stop, threads=4).run()

    thread = threading.Thread(target=body)
    thread.start()
    until(lambda: len(quick.came) == 10)
    until(lambda: all(row.delivered_at for row in deliveries(gateway, quick_id)))
    assert len(slow.came) == sending.AT_ONCE
    stop.set()
    slow.gate.set()
    thread.join(20)
    assert not thread.is_alive()
    assert sum(1 for row in deliveries(gateway, slow_id) if row.delivered_at) == sending.AT_ONCE
    assert len(slow.came) == sending.AT_ONCE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_written_down_is_written_down_later(
    gateway: Gateway, receivers: tuple[Receiver, Receiver], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = an_account(gateway)
    an_endpoint(gateway, account, receivers[0].url())
    happen(gateway, account)
    loop = CallbackLoop(gateway, client, threading.Event())
    assert loop.turn()
    loop._rest()
    with monkeypatch.context() as away:
        away.setattr("gateway.storage.db.Session.commit", _away)
        with pytest.raises(StorageUnavailable):
            loop.turn()
    assert [row.delivered_at for row in deliveries(gateway)] == [None]
    loop.turn()
    assert all(row.delivered_at for row in deliveries(gateway))
    assert len(receivers[0].came) == 1


def _away(_session: object) -> None:
    raise StorageUnavailable("gone")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_call_that_is_given_up_is_told_to_the_operator_without_address_or_content(
    gateway: Gateway, receivers: tuple[Receiver, Receiver], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "RETRIES", RetryPolicy(max_attempts=1))
    receivers[0].answers = lambda request: answer(410)
    account = an_account(gateway)
    endpoint = an_endpoint(gateway, account, receivers[0].url("/hook?token=hunter2")).state.id
    with gateway.writing() as session:
        outbox.operator(session, Happening.ALERT_VELOCITY, {"text": "secret words"}, gateway.clock.now(), account.id)
    loop = CallbackLoop(gateway, client, threading.Event())
    with capture_logs() as logs:
        loop.turn()
        until(lambda: loop.turn())
    (row,) = deliveries(gateway, endpoint)
    assert logs == [
        {
            "event": "callback_dead", "log_level": "error", "delivery": str(row.id), "endpoint": str(endpoint),
            "callback_event": "alert.velocity", "attempts": 1, "status": 410, "error": "answered 410",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_program_is_called_about_what_the_dispatcher_sends(database_url: str, receivers: tuple[Receiver, Receiver]) -> None:
    settings = settings_for(
        database_url,
        callback_networks="127.0.0.0/8",
        callback_ports="any",
        simulator_delay_milliseconds=0,
        simulator_receipt_milliseconds=0,
    )
    app, stop = create_app(settings), threading.Event()
    thread = threading.Thread(target=main.run, args=(app, stop))
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        account = an_account(gateway)
        an_endpoint(gateway, account, receivers[0].url(), "native", "message.sent", "message.delivered")
        order = an_order(gateway, account, client_ref="bread-1")
        thread.start()
        try:
            until(lambda: len(receivers[0].came) == 2)
        finally:
            stop.set()
            thread.join(30)
        bodies = [json.loads(request.body) for request in receivers[0].came]
        assert {body["event"] for body in bodies} == {"message.sent", "message.delivered"}
        assert {body["data"]["client_ref"] for body in bodies} == {"bread-1"}
        assert {body["data"]["order_id"] for body in bodies} == {str(order.id)}
        assert all(row.delivered_at for row in deliveries(gateway))
        close_connections(gateway.engine)
        gateway.engine.dispose()
