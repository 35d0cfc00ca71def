"""Carriers call ``/carrier/CONNECTOR/SECRET/…``: what they say is written down once, whoever else calls learns nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.connectors import made
from gateway.connectors.base import Outcome
from gateway.domain.message import State
from gateway.services import connectors, dispatching
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.storage.tables import InboundMessage, Message
from gateway.web.edge import PRIVATE_PATH
from tests.support.builders import an_account, an_order

SECRET = "of-forty-letters-that-nobody-ever-guesses"
RECEIPT = f"/carrier/acme/{SECRET}/receipt"
INBOUND = f"/carrier/acme/{SECRET}/inbound"


@pytest.fixture
def http(app: Flask, gateway: Gateway) -> Iterator[FlaskClient]:
    """The web side, with a connector that is the only one switched on."""
    settings = {"url": "https://api.carrier.example/send", "receipt_time": "at", "inbound_text": "msg", "inlet_answer": "thanks"}
    changes = Changes(settings=settings, secrets={"inlet_secret": SECRET})

    def fits(kind: str, given: Mapping[str, Any]) -> None:
        made(kind, given, gateway.settings)

    connectors.add(gateway, "acme", "http", changes, fits, enabled=True)
    connectors.disable(gateway, "simulator")
    yield app.test_client()


def a_sent_message(gateway: Gateway, name: str | None) -> Callable[[], State]:
    """A message that the carrier took and called so (None: its answer is not there yet); its state, to be asked for."""
    an_order(gateway, an_account(gateway))
    (outgoing,) = dispatching.claim(gateway, "acme", 1, lambda waiting, _most: waiting)
    if name is not None:
        dispatching.record(gateway, "acme", [Outcome.accepted(outgoing.key, name)])

    def state() -> State:
        with gateway.reading() as session:
            return State(session.get_one(Message, tuple(outgoing.key[:3])).state)

    state.outgoing = outgoing  # type: ignore[attr-defined]
    return state


def test_a_receipt_in_each_way_of_writing_it(http: FlaskClient, gateway: Gateway):
    calls: dict[str, Callable[[dict[str, str]], Any]] = {
        "query": lambda fields: http.get(RECEIPT, query_string=fields),
        "form": lambda fields: http.post(RECEIPT, data=fields),
        "JSON": lambda fields: http.post(RECEIPT, json=fields),
        "JSON that is called a form": lambda fields: http.post(RECEIPT, json=fields, content_type="application/x-www-form-urlencoded"),
        "post with a query": lambda fields: http.post(RECEIPT, query_string=fields),
    }
    for name, call in calls.items():
        state = a_sent_message(gateway, name)
        answer = call({"id": name, "status": "DELIVRD", "at": "1700000000"})
        assert (answer.status_code, answer.text, state()) == (200, "thanks", State.DELIVERED), name


def test_receipts_twice_early_and_in_the_wrong_order(http: FlaskClient, gateway: Gateway):
    state = a_sent_message(gateway, "m1")
    for status, expected in (
        ("accepted", State.SENT),
        ("failed", State.UNDELIVERED),
        ("failed", State.UNDELIVERED),
        ("DELIVRD", State.UNDELIVERED),
    ):
        assert http.post(RECEIPT, data={"id": "m1", "status": status}).status_code == 200
        assert state() == expected
    early = a_sent_message(gateway, None)
    assert http.post(RECEIPT, data={"id": "m2", "status": "DELIVRD"}).status_code == 200
    dispatching.record(gateway, "acme", [Outcome.accepted(early.outgoing.key, "m2")])  # type: ignore[attr-defined]
    assert early() == State.DELIVERED


def test_a_message_that_came_in_is_kept_once(http: FlaskClient, gateway: Gateway):
    fields = {"from": "393471234567", "to": "+393331234567", "msg": "Grüße ☂ STOPP?", "id": "mo-1"}
    for _ in range(2):
        assert http.post(INBOUND, data=fields).status_code == 200
    with gateway.reading() as session:
        (row,) = session.scalars(select(InboundMessage)).all()
        assert (row.connector, row.sender, row.recipient, row.text) == ("acme", "+393471234567", "+393331234567", fields["msg"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_does_not_know_the_secret_learns_nothing(http: FlaskClient, gateway: Gateway):
    connectors.add(gateway, "open", "http", Changes(settings={"url": "https://x.example/"}), lambda *_given: None, enabled=True)
    answers = {
        http.get(path).get_data()
        for path in (
            f"/carrier/acme/{SECRET[:-1]}/receipt?id=1&status=DELIVRD",
            f"/carrier/acme/{SECRET}x/receipt?id=1&status=DELIVRD",
            "/carrier/acme/%00/receipt?id=1&status=DELIVRD",
            f"/carrier/%00/{SECRET}/receipt?id=1&status=DELIVRD",
            f"/carrier/nobody/{SECRET}/receipt?id=1&status=DELIVRD",
            f"/carrier/simulator/{SECRET}/receipt?id=1&status=DELIVRD",
            f"/carrier/open/{SECRET}/receipt?id=1&status=DELIVRD",
            f"/carrier/acme/{SECRET}/other?id=1&status=DELIVRD",
        )
    }
    assert answers == {b"not found"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"query_string": {"status": "DELIVRD"}}, 400),
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b"x" * 1_000_001}, 413),
        ({"query_string": "&".join(f"a{number}=1" for number in range(300))}, 400),
        ({"query_string": "id=%FC&status=DELIVRD"}, 200),
        ({"query_string": {"id": "x\0" * 90, "status": "DELIVRD"}}, 200),
    ],
)
def test_calls_that_are_none(http: FlaskClient, options: dict[str, Any], status: int):
    assert http.post(RECEIPT, **options).status_code == status


@pytest.mark.parametrize("path", [RECEIPT, INBOUND, f"//carrier//acme/{SECRET}/x", f"/carrier/acme/{SECRET}", f"/carrier/{SECRET}"])
def test_the_path_is_logged_as_none(path: str):
    """That the log then holds no secret is looked at in tests/e2e/test_old_provider.py, where there is a log."""
    assert PRIVATE_PATH.match(path)
