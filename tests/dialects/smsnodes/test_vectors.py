"""The acceptance vectors of contract 6, on both databases. The sixth, storage down, is in ``test_errors``."""

from __future__ import annotations

import json
import re

import pytest

from gateway.services import ledger
from gateway.services.core import Gateway
from gateway.storage.tables import Order
from tests.dialects.smsnodes.conftest import HEALTH, SAMPLES, Device, queued, refused, serve
from tests.support.builders import messages


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    yield
    assert list(ledger.verify(gateway)) == []


def the_orders(gateway: Gateway) -> list[Order]:
    with gateway.reading() as session:
        rows = session.query(Order).order_by(Order.id).all()
        session.expunge_all()
        return rows


def test_vector_1_the_page_s_own_request_to_an_offline_device(owner: Device, gateway: Gateway) -> None:
    answer = owner.send(priority=1)
    number = queued(answer)
    told = json.loads(answer.data)
    assert told == {"message": "SMS queued successfully", "messageId": number, "deviceOnline": False, "sentImmediately": False}
    assert answer.mimetype == "application/json"
    assert [message.recipient for message in messages(gateway)] == SAMPLES
    assert {message.state for message in messages(gateway)} == {"queued"}


def test_vector_2_the_same_to_a_connected_device(owner: Device, gateway: Gateway) -> None:
    serve(gateway)
    told = json.loads(owner.send().data)
    assert (told["deviceOnline"], told["sentImmediately"]) == (True, True)


def test_vector_3_credentials(owner: Device) -> None:
    refused(owner.send(password=...), 400, "Username and password are required")
    refused(owner.send(password="wrong horse"), 401, "Invalid credentials")
    refused(owner.send(deviceUsername="nobody"), 401, "Invalid credentials")


def test_vector_4_priority(owner: Device, gateway: Gateway) -> None:
    queued(owner.send(priority=...))
    (order,) = the_orders(gateway)
    assert (order.type_token, order.priority) == ("priority 1", 3)
    refused(owner.send(priority=6), 400, "Priority must be between 1 and 5")
    assert len(the_orders(gateway)) == 1


@pytest.mark.parametrize("body", [b"{}", b"", b"  \n"])
def test_vector_5_nothing(owner: Device, body: bytes) -> None:
    refused(owner.post(body), 400, "Username and password are required")


def test_vector_7_health(owner: Device, gateway: Gateway) -> None:
    serve(gateway)
    answer = owner.http.get(HEALTH)
    told = json.loads(answer.data)
    assert answer.status_code == 200
    assert {name: type(value) for name, value in told.items()} == {
        "status": str, "timestamp": str, "ssl": bool, "encryption": str, "connectedDevices": int,
    }  # fmt: skip
    assert (told["status"], told["ssl"], told["connectedDevices"]) == ("healthy", False, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["timestamp"])
