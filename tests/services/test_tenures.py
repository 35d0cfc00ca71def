"""Owning a connector: never two at once, and everybody knows how it does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event

from gateway import create_app
from gateway.connectors import CONNECTORS
from gateway.connectors.base import Kind, Standing
from gateway.connectors.simulator import Simulator
from gateway.dispatcher.loop import ConnectorLoop, Tenure
from gateway.dispatcher.outage import Outage
from gateway.dispatcher.watch import Watch
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.routing import Target
from gateway.domain.sending import AttemptKey, Event, FailureKind, Outcome
from gateway.services import dispatching, routing, standings
from gateway.services.core import Gateway
from gateway.services.routing import Terms
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import ConnectorRow
from tests.support.builders import RECIPIENT, an_account, an_order, messages, set_connector, the_message
from tests.support.databases import FixedClock, settings_for
from tests.support.dispatchers import wait_until

LEASE_SECONDS = 2


class Switch:
    """A way to the database server that can be cut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._pairs: list[socket.socket] = []
        self._is_cut = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Breaks every connection and lets none through."""
        self._is_cut = True
        for each in self._pairs:
            _shut(each)

    def mend(self) -> None:
        """Lets connections through again."""
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                if self._is_cut:
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self._pairs += (near, far)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    _shut(other)


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)


Diary = list[tuple[float, str, str]]
"""When, who, and whether the connector was opened or closed."""


class Recorded(Simulator):
    """Writes down when it is opened and closed."""

    def __init__(self, who: str, diary: Diary, delay_seconds: float) -> None:
        super().__init__(delay_seconds, 3600)
        self._who = who
        self._diary = diary

    def open(self) -> None:
        self._diary.append((time.monotonic(), self._who, "open"))
        super().open()

    def close(self, timeout_seconds: float) -> list[Event]:
        events = super().close(timeout_seconds)
        self._diary.append((time.monotonic(), self._who, "close"))
        return events


@contextmanager
def an_app(database_url: str) -> Iterator[Flask]:
    made = create_app(
        settings_for(database_url, dispatch_lease_seconds=LEASE_SECONDS, dispatch_poll_milliseconds=10, graceful_timeout_seconds=20)
    )
    yield made
    with made.app_context():
        close_connections(db.engine)
        db.engine.dispose()


@contextmanager
def looping(app: Flask, who: str) -> Iterator[None]:
    stop = threading.Event()

    def body() -> None:
        with app.app_context():
            ConnectorLoop(app.extensions["dragoman"], "simulator", who, stop).run()

    thread = threading.Thread(target=body, name=who)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def diary(monkeypatch: pytest.MonkeyPatch) -> Diary:
    """What connectors of the simulator's kind do, by the name of the thread that owns them. They answer after a minute."""
    written: Diary = []

    def make(settings: Any, process: Any) -> Recorded:
        return Recorded(threading.current_thread().name, written, 60.0)

    monkeypatch.setitem(CONNECTORS, "simulator", Kind("Recorded", (), make))
    return written


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_dispatcher_cut_off_from_the_database_closes_before_another_opens(database_url, postgres_server, diary):
    host, port = postgres_server.url.rpartition("@")[2].split(":")
    with closing(Switch((host, int(port)))) as switch:
        through = database_url.replace(f":{port}/", f":{switch.port}/")
        assert through != database_url
        with an_app(through) as cut_off, an_app(database_url) as other:
            with other.app_context():
                gateway: Gateway = other.extensions["dragoman"]
                an_order(gateway, an_account(gateway))
                with looping(cut_off, "first"):
                    wait_until(lambda: the_message(gateway).state == State.SENDING)
                    with looping(other, "second"):
                        switch.cut()
                        wait_until(lambda: any(who == "second" for _, who, _ in diary))
                        switch.mend()
                        wait_until(lambda: the_message(gateway).state == State.UNKNOWN)
    (opened, closed), (taken, _) = (
        [moment for moment, who, _ in sorted(diary) if who == name] for name in ("first", "second")
    )  # the first does not open again while the second lives
    assert opened < closed < taken
    assert taken - closed < 2 * LEASE_SECONDS


def a_tenure(gateway: Gateway, connector: Simulator, watch: Watch | None = None) -> Tenure:
    lease = dispatching.own(gateway, "simulator", "me")
    assert lease is not None
    return Tenure(gateway, lease, connector, Outage("test"), watch=watch)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_lost_lease_gives_the_window_no_time_beyond_its_end(gateway, clock):
    an_order(gateway, an_account(gateway))
    diary: Diary = []
    tenure = a_tenure(gateway, Recorded("me", diary, 3600))
    tenure.turn(threading.Event())
    set_connector(gateway, owner="somebody else", fence=99)
    clock.forward(seconds=gateway.settings.dispatch_lease_seconds)
    began = time.monotonic()
    tenure.end()
    ((closed, _, _),) = diary
    assert closed - began < gateway.settings.graceful_timeout_seconds / 4
    assert the_message(gateway).state == State.UNKNOWN


def noted(gateway: Gateway) -> tuple[bool | None, int, str]:
    found = standings.standings(gateway)["simulator"]
    return found.is_connected, found.score, found.note


def disconnected_at(gateway: Gateway) -> datetime | None:
    return standings.standings(gateway)["simulator"].disconnected_at


class TestStandings:
    def test_a_tenure_writes_down_how_its_connector_does(self, gateway):
        tenure = a_tenure(gateway, Simulator(0, 0))
        assert noted(gateway) == (None, 100, "")
        tenure.turn(threading.Event())
        assert noted(gateway) == (True, 100, "")
        tenure.end()

    def test_since_when_it_is_away(self, gateway, clock):
        watch = Watch(gateway, "simulator", 0.0)
        watch.tell(Standing(is_connected=True), 0.0, is_renewal=False)
        assert (noted(gateway), disconnected_at(gateway)) == ((True, 100, ""), None)
        since = clock.now()
        watch.tell(Standing(is_connected=False, note="bind refused"), 10.0, is_renewal=False)
        assert (noted(gateway), disconnected_at(gateway)) == ((False, 100, "bind refused"), since)
        clock.forward(seconds=5)
        watch.tell(Standing(is_connected=False, note="no answer"), 20.0, is_renewal=False)
        assert (noted(gateway), disconnected_at(gateway)) == ((False, 100, "no answer"), since)
        watch.tell(Standing(is_connected=True), 30.0, is_renewal=False)
        assert disconnected_at(gateway) is None

    def test_what_others_learned_is_left_alone(self, gateway):
        standings.note(gateway, "simulator", is_connected=True)
        with gateway.writing() as session:
            session.connection().exec_driver_sql("UPDATE connector_standings SET receipt_id_form = 'hex', cursor = '17'")
        standings.note(gateway, "simulator", is_connected=False, note="away\0", score=3)
        found = standings.standings(gateway)["simulator"]
        assert (found.receipt_id_form, found.note, found.score) == ("hex", "away", 3)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestWatch:
    @pytest.fixture
    def writes(self, gateway: Gateway) -> Iterator[list[str]]:
        """The statements that change a standing."""
        seen: list[str] = []

        def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "connector_standings" in statement and "INSERT" in statement:
                seen.append(statement)

        event.listen(gateway.engine, "before_cursor_execute", look)
        yield seen
        event.remove(gateway.engine, "before_cursor_execute", look)

    def test_an_idle_connector_is_written_down_once(self, gateway, writes):
        watch = Watch(gateway, "simulator", 0.0)
        for second in range(1000):
            watch.tell(Standing(is_connected=True), float(second), is_renewal=second % 3 == 0)
        assert len(writes) == 1

    def test_never_more_than_once_a_second(self, gateway, writes):
        watch = Watch(gateway, "simulator", 0.0)
        for tenth in range(100):
            watch.tell(Standing(is_connected=tenth % 2 == 0), 100 + tenth / 10, is_renewal=False)
        assert 5 <= len(writes) <= 11

    def test_a_connector_gets_its_time_to_connect(self, gateway, writes):
        watch = Watch(gateway, "simulator", 0.0)
        watch.tell(Standing(is_connected=False), 2.9, is_renewal=True)
        assert writes == []
        watch.tell(Standing(is_connected=False), 3.0, is_renewal=False)
        assert noted(gateway)[0] is False

    def test_failures_cost_and_small_changes_wait_for_the_renewal(self, gateway, writes):
        watch = Watch(gateway, "simulator", 0.0)
        line = Standing(is_connected=True)
        watch.tell(line, 0.0, is_renewal=False)
        for number in range(5):
            watch.saw(Outcome.failed(AttemptKey(1, uuid4(), number, 1), FailureKind.RETRY_LATER), 1.0)
        watch.tell(line, 2.0, is_renewal=False)
        assert noted(gateway)[1] == 50
        watch.tell(line, 8.0, is_renewal=False)
        assert len(writes) == 2
        watch.tell(line, 8.0, is_renewal=True)
        assert len(writes) == 3

    def test_slow_receipts_cost(self, gateway, clock):
        watch = Watch(gateway, "simulator", 0.0)

        def answered(number: int, seconds: float) -> None:
            watch.saw(Outcome.accepted(AttemptKey(1, uuid4(), number, 1), f"id-{number}"), number)
            watch.saw(Receipt(f"id-{number}", State.SENT, clock.now()), number)
            watch.saw(Receipt(f"id-{number}", State.DELIVERED, clock.now()), number + seconds)
            watch.saw(Receipt(f"id-{number}", State.DELIVERED, clock.now()), number + 1e6)

        for number in range(50):
            answered(number, 2.0)
        watch.tell(Standing(is_connected=True), 52.0, is_renewal=False)
        assert noted(gateway)[1] == 100
        for number in range(50, 80):
            answered(number, 120.0)
        watch.tell(Standing(is_connected=True), 200.0, is_renewal=False)
        assert noted(gateway)[1] < 50

    def test_settings_that_cannot_work_are_told(self, app, gateway, monkeypatch):
        def make(settings: Any, process: Any) -> Simulator:
            raise ValueError("host must be set")

        monkeypatch.setitem(CONNECTORS, "simulator", Kind("Broken", (), make))
        with looping(app, "me"):
            wait_until(lambda: noted(gateway)[0] is False)
        assert noted(gateway)[2] == "its settings cannot work: host must be set"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_ill_connector_loses_its_share_of_new_orders(gateway: Gateway, clock: FixedClock) -> None:
    with gateway.writing() as session:
        session.add(ConnectorRow(name="other", kind="simulator", settings={}, created_at=clock.now()))
    routing.add(gateway, "shared", Terms(targets=[Target("simulator"), Target("other")]))
    standings.note(gateway, "simulator", is_connected=True, score=10)
    gateway.catalogue.forget()
    an_order(gateway, an_account(gateway), [f"{RECIPIENT[:-4]}{number:04}" for number in range(500)])
    ill = sum(message.connector == "simulator" for message in messages(gateway))
    assert 10 < ill < 90
