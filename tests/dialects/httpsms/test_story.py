"""A shop's evening with its program: the real dispatcher, the simulated carrier, and the states as httpSMS tells them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from gateway import create_app
from gateway.services import ledger, phones
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.dialects.httpsms.client import NUMBER, Client
from tests.support.databases import settings_for
from tests.support.dispatchers import running, wait_until

DELIVERED, REFUSED, EXPIRED, UNDELIVERED, UNKNOWN = (f"+999000{digits}" for digits in ("001", "002", "003", "010", "006"))


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """As in production but quick, and on the machine's clock."""
    app = create_app(
        settings_for(
            database_url, web_threads=4, simulator_delay_milliseconds=1, simulator_receipt_milliseconds=1, dispatch_poll_milliseconds=10
        )
    )
    yield app
    with app.app_context():
        close_connections(db.engine)
        db.engine.dispose()


@pytest.fixture
def dispatcher(app: Flask, gateway: Gateway) -> Iterator[None]:
    """A dispatcher in a thread of its own."""
    with running(app):
        yield


def test_every_end_a_message_can_have(owner: Client, gateway: Gateway, dispatcher: None) -> None:
    ends = {DELIVERED: "delivered", REFUSED: "failed", EXPIRED: "expired", UNDELIVERED: "failed", UNKNOWN: "sending"}
    sent = {each["contact"]: each["id"] for each in owner.sent_bulk(list(ends), content="We close at eight.", request_id="evening")}
    at_once = owner.sent(to=DELIVERED, send_at="2020-01-01T00:00:00Z")
    wait_until(lambda: {to: owner.message(message_id)["status"] for to, message_id in sent.items()} == ends)
    wait_until(lambda: owner.message(at_once["id"])["status"] == "delivered")

    told = owner.message(sent[DELIVERED])
    assert told["send_time"] > 0 and told["sent_at"] <= told["delivered_at"] == told["order_timestamp"]
    assert (told["send_attempt_count"], told["request_id"]) == (1, "evening")
    assert owner.message(sent[REFUSED])["failure_reason"] and owner.message(sent[REFUSED])["failed_at"]
    assert owner.message(sent[EXPIRED])["expired_at"] and not owner.message(sent[EXPIRED])["failed_at"]
    assert {each["status"] for each in owner.search(statuses=["failed", "expired"])} == {"failed", "expired"}
    assert {thread["contact"]: thread["status"] for thread in owner.threads()} == ends
    assert list(ledger.verify(gateway)) == []


def test_a_paced_number_holds_its_second_message_back(owner: Client, gateway: Gateway, dispatcher: None) -> None:
    phones.add(gateway, "owner", NUMBER, PhoneChange(messages_per_minute=1))
    first, second = owner.sent_bulk([DELIVERED, UNDELIVERED])
    wait_until(lambda: owner.message(first["id"])["status"] == "delivered")
    assert owner.message(second["id"])["status"] == "scheduled"
    owner.call("DELETE", f"/messages/{second['id']}")
    assert [each["id"] for each in owner.search()] == [first["id"]]
    assert list(ledger.verify(gateway)) == []
