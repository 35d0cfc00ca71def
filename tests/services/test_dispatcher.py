"""The whole dispatcher against the simulator, on both databases, with real threads and the machine's clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from gateway import create_app
from gateway.connectors.simulator import Simulator
from gateway.dispatcher.loop import Tenure
from gateway.dispatcher.outage import Outage
from gateway.dispatcher.recovery import PAGE, Recovery
from gateway.domain.errors import StorageUnavailable
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import Event, Outcome, Outgoing
from gateway.services import dispatching, ledger
from gateway.services.core import Gateway
from gateway.services.dispatching import LeaseLost
from gateway.services.sweeping import sweep
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import ConnectorRow
from tests.support.builders import an_account, an_order, attempts, messages, recipients, set_connector, stored_receipts, the_message
from tests.support.databases import SECRET, FixedClock, settings_for
from tests.support.dispatchers import running, wait_until

PATIENCE_SECONDS = 60.0


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """As in production but quick, and on the machine's clock."""
    app = create_app(
        settings_for(
            database_url,
            web_threads=4,
            simulator_delay_milliseconds=1,
            simulator_receipt_milliseconds=1,
            dispatch_poll_milliseconds=10,
            dispatch_lease_seconds=2,
            retry_base_seconds=1,
            graceful_timeout_seconds=5,
        )
    )
    yield app
    with app.app_context():
        close_connections(db.engine)
        db.engine.dispose()


def all_in(gateway: Gateway, *states: State) -> bool:
    return {message.state for message in messages(gateway)} <= set(states)


@pytest.mark.parametrize(
    ("digits", "end", "tries"),
    [
        ("001", State.DELIVERED, ["accepted"]),
        ("002", State.FAILED, ["final"]),
        ("003", State.EXPIRED, ["accepted"]),
        ("004", State.DELIVERED, ["accepted"]),
        ("005", State.DELIVERED, ["throttled", "throttled", "accepted"]),
        ("006", State.UNKNOWN, ["unknown"]),
        ("007", State.DELIVERED, ["accepted"]),
        ("008", State.DELIVERED, ["accepted"]),
        ("009", State.DELIVERED, ["retry_later", "accepted"]),
        ("010", State.UNDELIVERED, ["accepted"]),
    ],
)
def test_magic_numbers_end_as_promised(app, gateway, digits, end, tries):
    an_order(gateway, an_account(gateway), ["+999000" + digits])
    with running(app):
        wait_until(lambda: the_message(gateway).state == end)
        if digits == "007":
            wait_until(lambda: len(stored_receipts(gateway)) == 2)
    assert [attempt.outcome for attempt in attempts(gateway)] == tries
    assert list(ledger.verify(gateway)) == []


def test_many_messages_each_once(app, gateway):
    an_order(gateway, an_account(gateway), recipients(900))
    with running(app):
        wait_until(lambda: all_in(gateway, State.DELIVERED))
    assert len(attempts(gateway)) == 900


def test_two_dispatchers_share_no_message_and_the_second_takes_over(app, gateway):
    account = an_account(gateway)
    an_order(gateway, account, recipients(300))
    with running(app):
        with running(app):
            wait_until(lambda: all_in(gateway, State.DELIVERED))
        an_order(gateway, account, recipients(100, 5000))
        wait_until(lambda: all_in(gateway, State.DELIVERED))
    assert len(attempts(gateway)) == 400


def test_a_process_stops_cleanly_on_sigterm(database_url, app, gateway):
    an_order(gateway, an_account(gateway), recipients(600))
    environment = os.environ | {
        "DRAGOMAN_DATABASE_URL": database_url,
        "DRAGOMAN_SECRET_KEY": SECRET,
        "DRAGOMAN_SIMULATOR_DELAY_MILLISECONDS": "300",
        "DRAGOMAN_DISPATCH_BATCH": "100",
    }
    process = subprocess.Popen([sys.executable, "-m", "gateway.dispatcher"], env=environment, stdout=subprocess.DEVNULL)
    wait_until(lambda: not all_in(gateway, State.QUEUED))
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert all_in(gateway, State.QUEUED, State.SENT, State.DELIVERED)
    assert all(attempt.outcome for attempt in attempts(gateway))
    assert dispatching.own(gateway, "simulator", "next") is not None


def test_receipts_of_a_dead_process_are_asked_for(app, gateway):
    an_order(gateway, an_account(gateway), recipients(20))
    claimed = dispatching.claim(gateway, "simulator", 20, lambda _waiting, most: {2: most})
    before = Simulator(0, 0)
    before.submit(claimed)
    answers = [event for event in before.poll(1) if hasattr(event, "key")]
    dispatching.record(gateway, "simulator", answers)
    assert all_in(gateway, State.SENT)
    with running(app):
        wait_until(lambda: all_in(gateway, State.DELIVERED))


def test_every_receipt_is_asked_for_though_all_are_due_at_one_moment(gateway):
    account = an_account(gateway, credit=5000)
    an_order(gateway, account, recipients(PAGE + 100))
    an_order(gateway, account, recipients(PAGE + 100, 5000))
    claimed = dispatching.claim(gateway, "simulator", 5 * PAGE, lambda _waiting, most: {2: most})
    opened_at = gateway.clock.now()
    gateway.clock = FixedClock(opened_at - timedelta(hours=1))
    dispatching.record(gateway, "simulator", [Outcome.accepted(each.key, each.recipient) for each in claimed])
    asked: list[str] = []

    class Asked(Simulator):
        def query(self, smsc_message_id: str, recipient: str) -> Receipt | None:
            asked.append(recipient)
            return None

    recovery, connector = Recovery(gateway, "simulator", opened_at, 0.0), Asked(0, 0)
    for page in range(3):
        recovery.receipts(connector, page * 100.0)
    assert len(asked) == 2 * PAGE + 200
    assert set(asked) == {each.recipient for each in claimed}
    recovery.receipts(connector, 300.0)
    assert len(asked) == 3 * PAGE + 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_connector_whose_settings_were_changed_is_opened_anew(app, gateway):
    account = an_account(gateway)
    an_order(gateway, account)
    with running(app):
        wait_until(lambda: all_in(gateway, State.DELIVERED))
        set_connector(gateway, settings={"window": 1}, parts_per_second=1000)
        wait_until(lambda: the_fence(gateway) == 2)
        an_order(gateway, account, recipients(20))
        wait_until(lambda: all_in(gateway, State.DELIVERED))
    assert len(attempts(gateway)) == 21


def the_fence(gateway: Gateway) -> int:
    """How often the simulator was taken."""
    with gateway.reading() as session:
        return session.get_one(ConnectorRow, "simulator").fence


class Narrow(Simulator):
    """Has less room than it says."""

    def submit(self, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        return [*super().submit(batch[:1]), *batch[1:]]


def a_tenure(gateway: Gateway, connector: Simulator | None = None) -> Tenure:
    lease = dispatching.own(gateway, "simulator", "me")
    assert lease is not None
    return Tenure(gateway, lease, connector or Simulator(0, 0), Outage("test"))


def test_what_the_connector_did_not_take_waits_again(gateway):
    an_order(gateway, an_account(gateway), recipients(3))
    tenure = a_tenure(gateway, Narrow(0, 60))
    tenure.turn(threading.Event())
    tenure.end()
    assert sorted(message.state for message in messages(gateway)) == [State.QUEUED, State.QUEUED, State.SENT]
    assert sorted(str(attempt.outcome) for attempt in attempts(gateway)) == ["accepted", "returned", "returned"]


def test_once_the_lease_is_lost_nothing_is_sent(gateway):
    tenure = a_tenure(gateway)
    set_connector(gateway, owner="somebody else", fence=99)
    an_order(gateway, an_account(gateway))
    with pytest.raises(LeaseLost):
        tenure.turn(threading.Event())
    tenure.end()
    assert (the_message(gateway).state, attempts(gateway)) == (State.QUEUED, [])


def test_messages_unanswered_at_the_end_are_unknown(gateway):
    an_order(gateway, an_account(gateway))
    gateway.settings = replace(gateway.settings, graceful_timeout_seconds=0)
    tenure = a_tenure(gateway, Simulator(3600, 0))
    tenure.turn(threading.Event())
    tenure.end()
    assert the_message(gateway).state == State.UNKNOWN


def test_outcomes_are_kept_while_the_database_is_away(gateway, monkeypatch):
    an_order(gateway, an_account(gateway), recipients(5))
    tenure = a_tenure(gateway, Simulator(0, 3600))
    stop = threading.Event()
    tenure.turn(stop)
    with monkeypatch.context() as away:
        away.setattr(dispatching, "record", _away)
        tenure.turn(stop)
    assert all_in(gateway, State.SENDING)
    tenure.turn(stop)
    assert all_in(gateway, State.SENT)
    tenure.end()


@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_a_slow_carrier_s_messages_are_not_given_up_while_their_dispatcher_lives(gateway, policy):
    set_connector(gateway, unknown_policy=policy)
    clock = gateway.clock = FixedClock(gateway.clock.now())
    an_order(gateway, an_account(gateway), recipients(3))
    connector = Simulator(3600, 3600)
    tenure, stop = a_tenure(gateway, connector), threading.Event()
    for _ in range(10):
        tenure.turn(stop)
        clock.forward(seconds=gateway.settings.dispatch_lease_seconds * 0.5)
        assert sweep(gateway) == {}
    assert [(message.state, message.fence) for message in messages(gateway)] == [(State.SENDING, 1)] * 3


def test_messages_on_their_way_are_not_given_up_during_a_shutdown(gateway):
    clock = gateway.clock = FixedClock(gateway.clock.now())
    an_order(gateway, an_account(gateway))
    gateway.settings = replace(gateway.settings, graceful_timeout_seconds=1)
    swept: list[dict[str, int]] = []

    class Slow(Simulator):
        def poll(self, timeout_seconds: float) -> list[Event]:
            swept.append(sweep(gateway))
            clock.forward(seconds=gateway.settings.dispatch_lease_seconds * 0.5)
            return super().poll(timeout_seconds)

    tenure = a_tenure(gateway, Slow(0.5, 3600))
    tenure.turn(threading.Event())
    tenure.end()
    assert len(swept) > 5 and not any(swept)
    assert the_message(gateway).state == State.SENT


class Broken(Simulator):
    """Fails at the named calls from the moment it is told to."""

    failing: tuple[str, ...] = ()

    def poll(self, timeout_seconds: float) -> list[Event]:
        if "poll" in self.failing:
            raise RuntimeError("poll")
        return super().poll(timeout_seconds)

    def close(self, timeout_seconds: float) -> list[Event]:
        if "close" in self.failing:
            raise RuntimeError("close")
        return super().close(timeout_seconds)


@pytest.mark.parametrize(
    ("failing", "second"),
    [(("poll", "close"), State.UNKNOWN), (("close",), State.SENT)],
)
def test_an_end_records_and_releases_whatever_the_connector_does(gateway, monkeypatch, failing, second):
    account = an_account(gateway)
    an_order(gateway, account)
    connector, stop = Broken(0, 3600), threading.Event()
    tenure = a_tenure(gateway, connector)
    tenure.turn(stop)
    with monkeypatch.context() as away:
        away.setattr(dispatching, "record", _away)
        tenure.turn(stop)
    assert all_in(gateway, State.SENDING)
    connector._delay = 0.05
    an_order(gateway, account)
    tenure._send()
    connector.failing = failing
    tenure.end()
    assert [message.state for message in messages(gateway)] == [State.SENT, second]
    assert dispatching.own(gateway, "simulator", "next") is not None


def test_an_end_gives_the_lease_back_though_nothing_can_be_recorded(gateway, monkeypatch):
    an_order(gateway, an_account(gateway))
    gateway.settings = replace(gateway.settings, graceful_timeout_seconds=1)
    tenure = a_tenure(gateway)
    tenure.turn(threading.Event())
    monkeypatch.setattr(tenure, "_record", _broken)
    tenure.end()
    assert dispatching.own(gateway, "simulator", "next") is not None


def test_the_speed_limit_holds_a_batch_back(gateway):
    set_connector(gateway, parts_per_second=40)
    an_order(gateway, an_account(gateway), recipients(100))
    tenure = a_tenure(gateway, Simulator(0, 3600))
    tenure.turn(threading.Event())
    assert len(attempts(gateway)) == 10
    tenure.end()


def test_a_misconfigured_connector_rests_and_fails_nothing(gateway):
    account = an_account(gateway)
    an_order(gateway, account, ["+999000011"])
    tenure = a_tenure(gateway, Simulator(0, 0))
    stop = threading.Event()
    tenure.turn(stop)
    tenure.turn(stop)
    an_order(gateway, account)
    tenure.turn(stop)
    assert {message.state for message in messages(gateway)} == {State.QUEUED}
    assert max(message.due_at for message in messages(gateway)) > gateway.clock.now() + timedelta(seconds=30)
    tenure.end()


def _away(*_: object) -> None:
    raise StorageUnavailable("away")


def _broken() -> None:
    raise RuntimeError("a defect")
