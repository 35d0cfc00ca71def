"""The fixed cast: an owner with 1000 credits and a phone, a teammate of the same account who may only read, a stranger with both."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.services import keys, ledger, phones
from gateway.services.accounts import NewAccount, create_account, create_user
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange
from tests.dialects.httpsms.client import NUMBER, Client

PASSWORD = "open.sesame-1"


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


def a_user(gateway: Gateway, http: FlaskClient, account: str, name: str, permissions: tuple[str, ...] = ("*",)) -> Client:
    """A user with an API key."""
    create_user(gateway, account, name, PASSWORD, permissions)
    return Client(http, keys.create(gateway, keys.HTTPSMS, name).key, name)


def an_account(gateway: Gateway, name: str, credit: int = 1000, **more: Any) -> None:
    """An account with credit and one phone without a pace."""
    create_account(gateway, NewAccount(name=name, **more))
    ledger.add_credit(gateway, name, credit * 1000)
    phones.add(gateway, name, NUMBER, PhoneChange(messages_per_minute=0))


@pytest.fixture
def owner(gateway: Gateway, http: FlaskClient) -> Client:
    an_account(gateway, "owner")
    return a_user(gateway, http, "owner", "owner")


@pytest.fixture
def teammate(gateway: Gateway, http: FlaskClient, owner: Client) -> Client:
    return a_user(gateway, http, "owner", "teammate", ("httpsms:read",))


@pytest.fixture
def stranger(gateway: Gateway, http: FlaskClient) -> Client:
    an_account(gateway, "stranger")
    return a_user(gateway, http, "stranger", "stranger")
