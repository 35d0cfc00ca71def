"""The fixed cast: an owner with 1000 credits, a teammate of the same account, a stranger with another one."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.services.accounts import NewAccount, create_account, create_user
from gateway.services.core import Gateway
from gateway.services.ledger import add_credit
from gateway.storage.tables import Account, User
from tests.dialects.smsend.program import PASSWORD, Program


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


def an_account_with_user(gateway: Gateway, name: str, credit: int = 1000, **more: Any) -> tuple[Account, User]:
    """An account and one user of the same name."""
    account = create_account(gateway, NewAccount(name=name, **more))
    if credit:
        add_credit(gateway, name, credit * 1000)
    return account, create_user(gateway, name, name, PASSWORD)


@pytest.fixture
def owner(gateway: Gateway, http: FlaskClient) -> Program:
    """Signed in, with 1000 credits and the default sender "Acme"."""
    an_account_with_user(gateway, "owner", originator="Acme", originators=["Acme", "AcmeShop", "+393471111111"])
    return Program(http, "owner").sign_in()


@pytest.fixture
def teammate(gateway: Gateway, owner: Program) -> Program:
    """Another user of the owner's account, who may only read."""
    create_user(gateway, "owner", "teammate", PASSWORD, ["smsend:read"])
    return Program(owner.http, "teammate").sign_in()


@pytest.fixture
def stranger(gateway: Gateway, http: FlaskClient) -> Program:
    """A user of another account, with 1000 credits."""
    an_account_with_user(gateway, "stranger")
    return Program(http, "stranger").sign_in()
