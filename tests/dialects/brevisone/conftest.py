"""The fixed cast, in Germany: an owner with 1000 credits, a teammate who may not send here, a stranger with another account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.services import ledger
from gateway.services.accounts import NewAccount, create_account, create_user
from gateway.services.core import Gateway
from gateway.services.ledger import add_credit
from gateway.storage.tables import Account
from tests.dialects.brevisone.program import PASSWORD, Program


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


def an_account_with_user(gateway: Gateway, name: str, *, region: str = "DE", credit: int = 1000, **more: object) -> Account:
    """An account and one user of the same name, who may send by this dialect alone."""
    account = create_account(gateway, NewAccount(name=name, region=region, **more))  # type: ignore[arg-type]  # named by the caller
    if credit:
        add_credit(gateway, name, credit * 1000)
    create_user(gateway, name, name, PASSWORD, ["brevisone:send"])
    return account


@pytest.fixture
def account(gateway: Gateway) -> Iterator[Account]:
    """The owner's account. Whatever a test did with it, the ledger proves itself afterwards."""
    yield an_account_with_user(gateway, "apiuser", originator="Monitor")
    assert list(ledger.verify(gateway)) == []


@pytest.fixture
def owner(account: Account, http: FlaskClient) -> Program:
    return Program(http, account.name)


@pytest.fixture
def teammate(gateway: Gateway, owner: Program) -> Program:
    """Another user of the owner's account, who may do everything but this."""
    create_user(gateway, "apiuser", "teammate", PASSWORD, ["smsend:*"])
    return Program(owner.http, "teammate")


@pytest.fixture
def stranger(gateway: Gateway, http: FlaskClient) -> Program:
    an_account_with_user(gateway, "stranger")
    return Program(http, "stranger")
