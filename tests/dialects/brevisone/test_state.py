"""``/state.php``, and one alert's whole way (contract 7)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import update

from gateway import create_app
from gateway.dialects.brevisone.uncertain import OUTCOMES, STATES
from gateway.dispatcher.main import run
from gateway.domain.message import State
from gateway.services.core import Gateway
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import Account, Message
from tests.dialects.brevisone.conftest import an_account_with_user
from tests.dialects.brevisone.program import STATE, Program
from tests.support.builders import an_order
from tests.support.databases import settings_for

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATIENCE_SECONDS = 60


def state(program: Program, uid: object) -> str:
    answer = program.raw("GET", f"{STATE}?uid={uid}")
    assert answer.status_code == 200
    assert answer.text.startswith("Status : ")
    return answer.text.removeprefix("Status : ")


def test_by_the_id_of_the_header(owner: Program, stranger: Program) -> None:
    uid = owner.sent()
    assert [state(owner, uid), state(owner, uid.hex), state(owner, f"%20{uid}%20")] == ["QUEUED"] * 3
    assert state(owner, stranger.sent()) == "QUEUED"


@on_sqlite
def test_every_state(owner: Program, gateway: Gateway) -> None:
    uid = owner.sent()
    for each in State:
        with gateway.writing() as session:
            session.execute(update(Message).values(state=each.value))
        assert state(owner, uid) == STATES[each]


SEVERAL = (
    (("queued", "delivered"), "QUEUED"),
    (("sending", "failed"), "QUEUED"),
    (("sent", "failed"), "SENT"),
    (("failed", "delivered"), "FAILED"),
    (("unknown", "delivered"), "UNKNOWN"),
    (("delivered", "delivered"), "DELIVERED"),
)


@on_sqlite
def test_several_recipients(owner: Program, gateway: Gateway) -> None:
    uid = owner.sent(to="01701234567,01701234568")
    for states, word in SEVERAL:
        with gateway.writing() as session:
            for position, each in enumerate(states):
                session.execute(update(Message).where(Message.position == position).values(state=each))
        assert state(owner, uid) == word


def test_every_word_has_its_place() -> None:
    assert set(STATES) == set(State)
    assert set(STATES.values()) == set(OUTCOMES)


@on_sqlite
def test_an_order_of_another_dialect_stays_unknown(owner: Program, gateway: Gateway, account: Account) -> None:
    assert state(owner, an_order(gateway, account).id) == "UNKNOWN"


@on_sqlite
def test_what_is_no_id(owner: Program) -> None:
    sent = owner.sent()
    odd = ("", "x", "0", "%00", "%FF", uuid4(), UUID(int=0), UUID(int=sent.int + 1), "9" * 36, f"{{{sent}}}", "x" * 5000, "%D9%A1" * 32)
    assert {state(owner, uid) for uid in odd} == {"UNKNOWN"}
    assert owner.raw("GET", STATE).data == b"Status : UNKNOWN"


class TestStory:
    """An alert on its way, with a real dispatcher and the simulated carrier."""

    @pytest.fixture
    def app(self, database_url: str) -> Iterator[Flask]:
        quick = {"simulator_delay_milliseconds": 1, "simulator_receipt_milliseconds": 1, "dispatch_poll_milliseconds": 10}
        app = create_app(settings_for(database_url, web_threads=4, graceful_timeout_seconds=5, **quick))
        yield app
        with app.app_context():
            close_connections(db.engine)
            db.engine.dispose()

    def test_an_alert(self, app: Flask, gateway: Gateway) -> None:
        an_account_with_user(gateway, "nagios", originator="Nagios")
        program = Program(app.test_client(), "nagios")
        assert program.raw("GET", "/check.php?option=state").text == "NO_SIGNAL"
        good, bad = program.sent(text="CRIT – Platte voll"), program.sent(to="+999000010")
        assert state(program, good) == "QUEUED"
        stop = threading.Event()
        dispatcher = threading.Thread(target=run, args=(app, stop))
        dispatcher.start()
        try:
            until(program, good, "DELIVERED")
            until(program, bad, "FAILED")
        finally:
            stop.set()
            dispatcher.join(30)
        assert not dispatcher.is_alive()


def until(program: Program, uid: UUID, word: str) -> None:
    """Waits for the dispatcher."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while state(program, uid) != word:
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
