"""``POST /api/message-state``: what became of a job, told to the device that sent it and to nobody else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from gateway.dispatcher.main import run
from gateway.services import accounts, ledger
from gateway.services.core import Gateway
from tests.dialects.smsnodes.conftest import SAMPLES, STATE, Device, queued, refused
from tests.support.builders import an_order
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATIENCE_SECONDS = 60


def test_a_message_from_the_device_to_its_recipients(owner: Device, app: Flask, gateway: Gateway) -> None:
    """The story: queued, taken by the dispatcher, delivered by the simulator; one number is refused for good."""
    number = queued(owner.send(phoneNumbers=[*SAMPLES, "+999000002"]))
    first = json.loads(owner.state(number).data)
    assert first == {
        "messageId": number,
        "createdAt": "2026-01-05T08:00:00Z",
        "recipients": [{"phoneNumber": to, "state": "queued", "updatedAt": "2026-01-05T08:00:00Z"} for to in [*SAMPLES, "+999000002"]],
    }
    stop = threading.Event()
    dispatcher = threading.Thread(target=run, args=(app, stop))
    dispatcher.start()
    try:
        wait_until(lambda: states(owner, number) == ["delivered", "delivered", "failed"])
    finally:
        stop.set()
        dispatcher.join()
    assert list(ledger.verify(gateway)) == []


def states(device: Device, number: int) -> list[str]:
    return [each["state"] for each in json.loads(device.state(number).data)["recipients"]]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def test_the_last_change_is_told(owner: Device, gateway: Gateway, clock: FixedClock) -> None:
    number = queued(owner.send())
    clock.forward(minutes=5)
    told = json.loads(owner.state(number).data)
    assert {each["updatedAt"] for each in told["recipients"]} == {"2026-01-05T08:00:00Z"}


def test_a_device_sees_its_own_jobs_only(owner: Device, teammate: Device, stranger: Device) -> None:
    number = queued(owner.send())
    assert owner.state(number).status_code == 200
    refused(teammate.state(number), 404, "Message not found")
    refused(stranger.state(number), 404, "Message not found")


@on_sqlite
def test_what_another_api_sent_or_no_api_did(owner: Device, gateway: Gateway) -> None:
    account, _ = accounts.account_with_users(gateway, "owner")
    refused(owner.state(an_order(gateway, account).number), 404, "Message not found")
    refused(owner.state(1), 404, "Message not found")  # the entry of the credit that was bought
    refused(owner.state(10**9), 404, "Message not found")
    refused(owner.state(2**63 - 1), 404, "Message not found")


@on_sqlite
def test_ids_in_other_forms(owner: Device) -> None:
    number = queued(owner.send())
    assert owner.state(str(number)).status_code == 200
    for absent in (..., None):
        refused(owner.state(absent), 400, "Message ID is required")
    odd: tuple[Any, ...] = ("x", 0, -1, 1.5, True, [], 2**63, 10**40)
    for bad in odd:
        answer = owner.state(bad)
        assert answer.status_code == 400
        assert json.loads(answer.data)["error"].startswith("Invalid message ID: must be a whole number")


@on_sqlite
def test_who_asks_is_checked_first(owner: Device, mere_user: Device) -> None:
    refused(owner.state(1, password=...), 400, "Username and password are required")
    refused(owner.state("x", password="wrong horse"), 401, "Invalid credentials")
    refused(mere_user.state(1), 401, "Invalid credentials")
    refused(owner.post(b"{", STATE), 400, "Invalid JSON")
    refused(owner.post(b"x" * 70_000, STATE), 413, "Message too large")
    refused(owner.http.get(STATE), 405, "Method not allowed")
