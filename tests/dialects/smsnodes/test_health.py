"""``GET /api/health``, pages in browsers, and the native health beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway import create_app
from gateway.services import devices
from gateway.services.core import Gateway
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.dialects.smsnodes.conftest import HEALTH, PASSWORD, SEND, STATE, Device, serve
from tests.support.databases import settings_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def behind_proxy(database_url: str) -> Iterator[FlaskClient]:
    """The gateway with one trusted proxy in front."""
    app = create_app(settings_for(database_url, proxy_count=1))
    yield app.test_client()
    with app.app_context():
        close_connections(db.engine)
        db.engine.dispose()


def test_ssl_is_how_this_request_came(http: FlaskClient, behind_proxy: FlaskClient) -> None:
    assert json.loads(http.get(HEALTH).data)["ssl"] is False
    assert json.loads(http.get(HEALTH, base_url="https://localhost").data)["ssl"] is True
    assert json.loads(http.get(HEALTH, headers={"X-Forwarded-Proto": "https"}).data)["ssl"] is False  # nobody trusted says so
    assert json.loads(behind_proxy.get(HEALTH, headers={"X-Forwarded-Proto": "https"}).data)["ssl"] is True
    assert json.loads(behind_proxy.get(HEALTH, headers={"X-Forwarded-Proto": "http"}).data)["ssl"] is False


def test_the_time_is_the_gateway_s_in_utc(http: FlaskClient) -> None:
    assert json.loads(http.get(HEALTH).data)["timestamp"] == "2026-01-05T08:00:00Z"


def test_what_is_said_of_encryption_is_true(owner: Device, gateway: Gateway) -> None:
    said = json.loads(owner.http.get(HEALTH).data)["encryption"]
    owner.send(message="a text to look for")
    with gateway.reading() as session:
        connection = session.connection()
        (stored,) = connection.exec_driver_sql("SELECT password_hash FROM users WHERE username = 'owner'").scalars()
        (text,) = connection.exec_driver_sql("SELECT text FROM orders").scalars()
    assert stored.startswith("$argon2id$") and "argon2id" in said
    assert text == "a text to look for" and "message texts are not encrypted" in said


def test_connected_devices_are_those_that_could_send(owner: Device, gateway: Gateway) -> None:
    devices.create(gateway, "owner", "second", PASSWORD)
    devices.create(gateway, "owner", "third", PASSWORD)
    devices.set_disabled(gateway, "third", disabled=True)
    assert json.loads(owner.http.get(HEALTH).data)["connectedDevices"] == 0
    serve(gateway)
    assert json.loads(owner.http.get(HEALTH).data)["connectedDevices"] == 2


def test_head(http: FlaskClient) -> None:
    answer = http.head(HEALTH)
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("path", [SEND, STATE, HEALTH])
def test_a_browser_may_ask_before_it_calls(http: FlaskClient, path: str) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = http.options(path, headers=asked)
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]


def test_every_answer_may_be_read_by_a_page(owner: Device) -> None:
    for answer in (owner.send(), owner.send(priority=9), owner.http.get(HEALTH), owner.http.get(SEND), owner.http.get(SEND + "/x")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_the_native_health_is_another_path(app: Flask) -> None:
    answer = app.test_client().get("/health")
    assert (answer.status_code, json.loads(answer.data)) == (200, {"status": "ok"})
    assert "Access-Control-Allow-Origin" not in answer.headers
