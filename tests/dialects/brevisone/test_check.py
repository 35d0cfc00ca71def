"""``/check.php``: figures true to fact, in the form that plug-ins parse (contract 6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from flask import Flask
from sqlalchemy import event, update

from gateway import create_app
from gateway.dialects.brevisone import check
from gateway.dialects.brevisone.routes import GAUGES
from gateway.domain.message import State
from gateway.services import dispatching
from gateway.services.core import Gateway
from gateway.services.gauges import Gauges
from gateway.storage import gauges as stored
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import Account, Message
from tests.dialects.brevisone.program import CHECK, NO_RIGHT, Program, refused
from tests.support.builders import an_order, recipients
from tests.support.databases import FixedClock, settings_for

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ORDER = ["que", "failed", "signal", "total", "state", "load", "time", "disk", "uptime"]


@pytest.fixture
def watcher(app: Flask) -> Program:
    """A monitoring program, which has no password."""
    return Program(app.test_client(), "")


@pytest.fixture
def gauges(app: Flask) -> Gauges:
    found: Gauges = app.extensions[GAUGES]
    return found


def figures(watcher: Program, gauges: Gauges) -> dict[str, str]:
    """All figures as of now, parsed as the current plug-in does."""
    gauges.forget()
    answer = watcher.raw("GET", CHECK)
    assert answer.status_code == 200
    lines = [line.split(":") for line in answer.text.split("\n")]
    assert all(len(line) == 2 for line in lines), "the plug-in would drop a line"
    return {name: value.strip() for name, value in lines}


def in_state(gateway: Gateway, state: State, **values: object) -> None:
    """Puts every message into a state, as the dispatcher would have in the end."""
    with gateway.writing() as session:
        session.execute(update(Message).values(state=state.value, **values))


def test_the_answer_of_a_new_gateway(watcher: Program, gauges: Gauges, clock: FixedClock) -> None:
    found = figures(watcher, gauges)
    assert list(found) == ORDER
    assert (found["que"], found["failed"], found["total"]) == ("0", "0", "0")
    assert found["time"] == str(int(clock.now().timestamp()))
    assert int(found["disk"]) > 100_000


@on_sqlite
def test_the_plug_in_of_2015_reads_by_line(watcher: Program) -> None:
    lines = watcher.raw("GET", CHECK).text.split("\n")
    assert lines[0].startswith("que:")
    assert re.fullmatch(r"failed: \d+", lines[1])
    assert re.fullmatch(r"signal: -\d+db", lines[2])
    assert re.fullmatch(r"total: \d+", lines[3])
    first, _, third = (float(value) for value in lines[5].partition(": ")[2].split(";"))
    assert re.fullmatch(r"load: \d+\.\d\d;\d+\.\d\d;\d+\.\d\d", lines[5])
    assert first < third or first >= 1


def test_counts_are_true(watcher: Program, gauges: Gauges, gateway: Gateway, account: Account, clock: FixedClock) -> None:
    an_order(gateway, account, recipients(3))
    an_order(gateway, account, recipients(2), due_at=clock.now() + timedelta(hours=1))
    an_order(gateway, account, recipients(4), is_test=True)
    found = figures(watcher, gauges)
    assert (found["que"], found["total"]) == ("3", "0")
    clock.forward(hours=2)
    assert figures(watcher, gauges)["que"] == "5"
    in_state(gateway, State.SENT)
    found = figures(watcher, gauges)
    assert (found["que"], found["failed"], found["total"]) == ("0", "0", "5")
    for state in (State.FAILED, State.UNDELIVERED, State.EXPIRED):
        in_state(gateway, state, final_at=clock.now())
        assert figures(watcher, gauges)["failed"] == "5"
    clock.forward(hours=23, minutes=59)
    assert figures(watcher, gauges)["failed"] == "5"
    clock.forward(minutes=2)
    found = figures(watcher, gauges)
    assert (found["failed"], found["total"]) == ("0", "5")


def test_the_total_goes_on_from_what_was_added_up(
    watcher: Program, gauges: Gauges, gateway: Gateway, account: Account, clock: FixedClock
) -> None:
    """An order of the last minutes is counted anew each time, an older one once."""
    for expected in (2, 4, 6, 8):
        an_order(gateway, account, recipients(2))
        in_state(gateway, State.SENT)
        assert figures(watcher, gauges)["total"] == str(expected)
        clock.forward(minutes=7)
    clock.forward(days=1)
    assert figures(watcher, gauges)["total"] == "8"
    clock.forward(minutes=-5)
    assert figures(watcher, gauges)["total"] == "8"


def test_signal_while_a_dispatcher_lives(watcher: Program, gauges: Gauges, gateway: Gateway, clock: FixedClock) -> None:
    found = figures(watcher, gauges)
    assert (found["signal"], found["state"]) == ("-113db", "NO_SIGNAL")
    assert dispatching.own(gateway, "test", "somebody") is not None
    assert figures(watcher, gauges)["state"] == "NO_SIGNAL"
    lease = dispatching.own(gateway, "simulator", "somebody")
    assert lease is not None
    found = figures(watcher, gauges)
    assert (found["signal"], found["state"]) == ("-51db", "SIGNAL_OK")
    clock.forward(minutes=5)
    assert figures(watcher, gauges)["state"] == "NO_SIGNAL"


@on_sqlite
def test_one_option(watcher: Program, gauges: Gauges, gateway: Gateway, account: Account, clock: FixedClock) -> None:
    an_order(gateway, account, recipients(3))
    dispatching.own(gateway, "simulator", "somebody")
    whole = figures(watcher, gauges)
    for name in ORDER:
        answer = watcher.raw("GET", f"{CHECK}?option={name}")
        assert answer.status_code == 200
        if name not in ("load", "uptime"):  # they do not stand still
            assert answer.text == whole[name]
    assert watcher.raw("GET", f"{CHECK}?option=STATE").data == b"SIGNAL_OK"
    assert watcher.raw("GET", f"{CHECK}?option=nonsense&option=state").data == b"SIGNAL_OK"
    assert watcher.raw("GET", f"{CHECK}?option=").text.startswith("que: 3\nfailed: 0\n")


@on_sqlite
def test_an_unknown_option_is_empty(watcher: Program) -> None:
    for option in ("nonsense", "%00", "%FF", "que%20state", "__class__", "x" * 4000):
        answer = watcher.raw("GET", f"{CHECK}?option={option}")
        assert (answer.status_code, answer.data) == (200, b"")


@pytest.fixture
def statements(gateway: Gateway) -> Iterator[list[str]]:
    """Every statement that SQLAlchemy sends."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(gateway.engine, "before_cursor_execute", note)
    yield seen
    event.remove(gateway.engine, "before_cursor_execute", note)


@on_sqlite
def test_figures_are_kept_for_a_moment(watcher: Program, gauges: Gauges, statements: list[str]) -> None:
    watcher.raw("GET", CHECK)
    asked = len(statements)
    assert asked
    for _ in range(3):
        watcher.raw("GET", CHECK)
        watcher.raw("GET", f"{CHECK}?option=state")
    assert len(statements) == asked


@on_sqlite
def test_what_waits_is_counted_by_its_index(gateway: Gateway, clock: FixedClock, statements: list[str]) -> None:
    with gateway.reading() as session:
        stored.due(session, "simulator", clock.now())
        stored.unsent(session)
        counts = [each for each in statements if "count(" in each]
        assert len(counts) == 4
        for each in counts:
            values = ("simulator", clock.now().isoformat(" "), 1)[: each.count("?")]
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", values).all()
            assert [row for row in plan if "ix_messages_waiting" in row[3]], plan


@on_sqlite
def test_the_state_alone_counts_nothing(watcher: Program, statements: list[str]) -> None:
    """A sender asks for it after each alert."""
    for option in ("state", "signal", "load", "time", "uptime"):
        watcher.raw("GET", f"{CHECK}?option={option}")
    assert not [each for each in statements if "orders" in each or "failed" in each]


def test_the_database_is_away() -> None:
    """Still whole and parseable; no word that makes a sender take its alert elsewhere, and nothing that looks healthy."""
    app = create_app(settings_for("sqlite:////nowhere/at/all.sqlite3"))
    watcher = Program(app.test_client(), "")
    found = figures(watcher, app.extensions[GAUGES])
    assert list(found) == ORDER
    assert (found["que"], found["failed"], found["total"], found["disk"]) == ("0", "0", "0", "0")
    assert (found["signal"], found["state"]) == ("-113db", "NO_SIGNAL")
    with app.app_context():
        close_connections(db.engine)
        db.engine.dispose()


@pytest.mark.parametrize(
    ("networks", "address", "may"),
    [
        (("192.0.2.0/24",), "192.0.2.9", True),
        (("192.0.2.0/24",), "198.51.100.7", False),
        (("192.0.2.0/24", "198.51.100.7/32"), "198.51.100.7", True),
        (("192.0.2.0/24",), "::ffff:192.0.2.9", True),
        (("2001:db8::/32",), "2001:db8::1%eth0", True),
        (("2001:db8::/32",), "192.0.2.9", False),
        (("0.0.0.0/0",), "", False),
    ],
)
def test_networks(networks: tuple[str, ...], address: str, may: bool) -> None:
    assert check.is_within(address, [ip_network(each) for each in networks]) is may


@on_sqlite
def test_an_address_that_may_not_ask(gateway: Gateway, watcher: Program) -> None:
    outside = {"REMOTE_ADDR": "198.51.100.7"}
    assert watcher.raw("GET", CHECK, environ_overrides=outside).status_code == 200
    gateway.settings = settings_for(gateway.settings.database_url, brevisone_check_networks="192.0.2.0/24, 2001:db8::/32")
    for url in (CHECK, f"{CHECK}?option=state"):
        refused(watcher.raw("GET", url, environ_overrides=outside), 403, NO_RIGHT)
        assert watcher.raw("GET", url, environ_overrides={"REMOTE_ADDR": "192.0.2.9"}).status_code == 200


@pytest.mark.parametrize(
    ("averages", "processors", "shown"),
    [
        ((0.0, 0.0, 0.0), 2, "0.00;0.00;0.01"),
        ((0.5, 0.4, 0.3), 2, "0.50;0.40;0.51"),
        ((0.03, 0.05, 0.12), 2, "0.03;0.05;0.12"),
        ((1.994, 1.0, 0.5), 2, "1.99;1.00;2.00"),
        ((2.0, 1.0, 0.5), 2, "2.00;1.00;0.50"),
    ],
)
def test_load(averages: tuple[float, float, float], processors: int, shown: str) -> None:
    assert check.load(*averages, processors=processors) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0d 00h 00m 00s"), (59.9, "0d 00h 00m 59s"), (3_723, "0d 01h 02m 03s"), (90_061, "1d 01h 01m 01s")]
)
def test_uptime(seconds: float, shown: str) -> None:
    assert check.uptime(seconds) == shown
