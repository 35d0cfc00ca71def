"""The fixed cast: a device of the owner with 1000 credits, a teammate's device that may only read, a stranger's device, a mere user."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from gateway.services import accounts, devices
from gateway.services.accounts import NewAccount, create_account
from gateway.services.core import Gateway
from gateway.services.ledger import add_credit
from gateway.storage.tables import ConnectorRow

PASSWORD = "correct horse"
SEND, STATE, HEALTH = "/api/send-sms", "/api/message-state", "/api/health"
SAMPLES = ["+1234567890", "+0987654321"]
"""The page's own numbers, which no numbering plan has."""


@dataclass(frozen=True)
class Device:
    """A program that sends as the page's samples do."""

    http: FlaskClient
    name: str
    password: str = PASSWORD
    defaults: dict[str, Any] = field(default_factory=lambda: {"phoneNumbers": SAMPLES, "message": "Hello"})

    def send(self, **fields: Any) -> TestResponse:
        """A send; fields given as ``...`` are left out."""
        body = {"deviceUsername": self.name, "password": self.password, **self.defaults, **fields}
        return self.post(json.dumps({name: value for name, value in body.items() if value is not ...}).encode())

    def post(self, body: bytes, path: str = SEND, content_type: str | None = "application/json", **headers: str) -> TestResponse:
        """Any bytes."""
        return self.http.post(path, data=body, content_type=content_type, headers=headers)

    def state(self, number: object, **fields: Any) -> TestResponse:
        """What became of a message."""
        body = {"deviceUsername": self.name, "password": self.password, "messageId": number, **fields}
        return self.post(json.dumps({name: value for name, value in body.items() if value is not ...}).encode(), STATE)


def refused(answer: TestResponse, status: int, words: str) -> None:
    """The answer is this error, in the one form that errors have."""
    assert (answer.status_code, json.loads(answer.data)) == (status, {"error": words})
    assert answer.mimetype == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def queued(answer: TestResponse) -> int:
    """The number of a job that was taken."""
    assert answer.status_code == 200, answer.data
    number = json.loads(answer.data)["messageId"]
    assert type(number) is int
    return number


def serve(gateway: Gateway, connector: str = "simulator", seconds: float = 30) -> None:
    """A dispatcher owns the connector from now on."""
    with gateway.writing() as session:
        lease = {"owner": "a dispatcher", "lease_until": gateway.clock.now() + timedelta(seconds=seconds)}
        session.execute(update(ConnectorRow).where(ConnectorRow.name == connector).values(**lease))
    gateway.ways.forget()
    gateway.pulse.forget()


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def owner(gateway: Gateway, http: FlaskClient) -> Device:
    """A device of an account with 1000 credits and the sender "Acme"."""
    create_account(gateway, NewAccount("owner", originator="Acme"))
    add_credit(gateway, "owner", 1_000_000)
    devices.create(gateway, "owner", "owner", PASSWORD)
    return Device(http, "owner")


@pytest.fixture
def teammate(gateway: Gateway, owner: Device) -> Device:
    """A device of the same account that may not send."""
    devices.create(gateway, "owner", "teammate", PASSWORD)
    accounts.set_user_limits(gateway, "teammate", lambda terms: type(terms)(permissions=["smsnodes:read"]))
    return Device(owner.http, "teammate")


@pytest.fixture
def stranger(gateway: Gateway, http: FlaskClient) -> Device:
    """A device of another account, with 1000 credits."""
    create_account(gateway, NewAccount("stranger"))
    add_credit(gateway, "stranger", 1_000_000)
    devices.create(gateway, "stranger", "stranger", PASSWORD)
    return Device(http, "stranger")


@pytest.fixture
def mere_user(gateway: Gateway, owner: Device) -> Device:
    """A user of the owner's account with every permission, who is no device."""
    accounts.create_user(gateway, "owner", "clerk", PASSWORD)
    return Device(owner.http, "clerk")
