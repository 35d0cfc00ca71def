"""A customer of the smSend dialect, looked at from outside; and the gateway's inside to compare with. For scripts and tests."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from gateway import create_app
from gateway.services import accounts, ledger
from gateway.services.core import Gateway
from gateway.services.schema import upgrade
from gateway.storage.driver import close_connections
from tests.support.databases import settings_for

PREFIX = "/API/v1.0/REST"
NAME, PASSWORD = "acme", "correct-horse"
TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``body`` is the parsed JSON."""

    status: int
    body: Any


class Customer:
    """Signs in once; each call has a connection of its own, as with most old programs."""

    def __init__(self, port: int) -> None:
        self._port = port
        credentials = urlencode({"username": NAME, "password": PASSWORD})
        status, body = self._call("GET", f"/login?{credentials}", {}, b"")
        assert status == 200, body
        user_key, _, session_key = body.decode().partition(";")
        self._keys = {"user_key": user_key, "Session_key": session_key}

    def send(self, recipients: Sequence[str], *, idempotency_key: str | None = None, **fields: Any) -> Answer:
        """``POST /sms``."""
        body = {"message_type": "N", "message": "The train leaves at nine", "recipient": list(recipients), **fields}
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})
        return self._asked("POST", "/sms", headers, json.dumps(body).encode())

    def state(self, order_id: str) -> Answer:
        """``GET /sms/{id}``."""
        return self._asked("GET", f"/sms/{order_id}")

    def cancel(self, order_id: str) -> Answer:
        """``DELETE /sms/{id}``."""
        return self._asked("DELETE", f"/sms/{order_id}")

    def _asked(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        status, answer = self._call(method, path, self._keys | (headers or {}), body)
        return Answer(status, json.loads(answer))

    def _call(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)) as connection:
            connection.request(method, PREFIX + path, body, headers | {"Connection": "close"})
            response = connection.getresponse()
            return response.status, response.read()


@contextmanager
def gateway_on(database_url: str) -> Iterator[Gateway]:
    """The gateway of this process on a database, which is migrated if need be. Nothing stays open."""
    app = create_app(settings_for(database_url, log_level="error"))
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        upgrade(gateway)
        try:
            yield gateway
        finally:
            close_connections(gateway.engine)
            gateway.engine.dispose()


def open_account(gateway: Gateway, credit: int) -> int:
    """The account that :class:`Customer` signs in to, with whole credits; its id."""
    account = accounts.create_account(gateway, accounts.NewAccount(NAME))
    accounts.create_user(gateway, NAME, NAME, PASSWORD)
    ledger.add_credit(gateway, NAME, credit * 1000)
    return account.id
