"""The fixed cast: an owner with 1000 credits and a key, a teammate who may only read, a stranger with an account of his own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway import create_app
from gateway.services.accounts import NewAccount, create_account, create_user
from gateway.services.core import Gateway
from gateway.services.ledger import add_credit
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import Account
from tests.dialects.bulk.program import PASSWORD, Program
from tests.support.databases import FixedClock, settings_for


@pytest.fixture
def limits() -> dict[str, Any]:
    """Settings that a test module may change. By itself nothing runs into a limit."""
    return {"bulk_calls_per_minute": 10_000, "bulk_key_calls_per_minute": 1000, "guesses_per_minute_address": 1000}


@pytest.fixture
def app(database_url: str, clock: FixedClock, limits: dict[str, Any]) -> Iterator[Flask]:
    """The application on the test's database."""
    quick = {"simulator_delay_milliseconds": 0, "simulator_receipt_milliseconds": 0}
    app = create_app(settings_for(database_url, web_threads=8, **quick, **limits), clock)
    yield app
    with app.app_context():
        close_connections(db.engine)
        db.engine.dispose()


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


def an_account_with_user(gateway: Gateway, name: str, credit: int = 1000, **more: Any) -> Account:
    """A Ugandan account and one user of the same name."""
    account = create_account(gateway, NewAccount(name=name, region="UG", **more))
    if credit:
        add_credit(gateway, name, credit * 1000)
    create_user(gateway, name, name, PASSWORD)
    return account


@pytest.fixture
def owner(gateway: Gateway, http: FlaskClient) -> Program:
    """With a key, 1000 credits and the default sender "Acme"."""
    an_account_with_user(gateway, "owner", originator="Acme", originators=["Acme", "AcmeShop"])
    return Program(http, "owner").with_key()


@pytest.fixture
def teammate(gateway: Gateway, owner: Program) -> Program:
    """Another user of the owner's account, who may only read, and has no key of his own."""
    create_user(gateway, "owner", "teammate", PASSWORD, ["bulk:read"])
    return Program(owner.http, "teammate")


@pytest.fixture
def stranger(gateway: Gateway, http: FlaskClient) -> Program:
    """A user of another account, with 1000 credits and a key."""
    an_account_with_user(gateway, "stranger")
    return Program(http, "stranger").with_key()
