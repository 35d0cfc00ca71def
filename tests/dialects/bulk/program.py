"""A customer's program as the tests play it: it knows a name, a password and perhaps a key, and checks our manners at every call."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PASSWORD = "open.sesame-1"
ONE, TWO = "0702913454", "0776913451"
ONE_E164, TWO_E164 = "+256702913454", "+256776913451"
MESSAGE: dict[str, Any] = {"numbers": ONE, "message_body": "Good morning"}
SEND, BULK, BALANCE = "/api/v2/sms/send", "/api/v2/sms/send/bulk", "/api/v2/account/balance"
SEND_V1, BALANCE_V1 = "/v1/sms/send", "/v1/sms/balance"
GENERATE, REGENERATE, REVOKE = "/api/generate-key", "/api/regenerate-key", "/api/revoke-key"


class Program:
    """One customer's program. ``key`` goes with the calls of v2 once there is one."""

    def __init__(self, http: FlaskClient, username: str, password: str = PASSWORD) -> None:
        self.http = http
        self.login = {"username": username, "password": password}
        self.key = ""

    def with_key(self, **fields: Any) -> Program:
        """Makes the account's key."""
        answer = self.call("POST", GENERATE, json=self.login | fields)
        assert answer.status_code == 200, answer.text
        self.key = said(answer)["api_key"]
        return self

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any call, as it is given."""
        answer = self.http.open(path, method=method, **options)
        check_manners(answer, method)
        return answer

    def keyed(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any call with the key in its header."""
        return self.call(method, path, headers={"X-API-Key": self.key} | options.pop("headers", {}), **options)

    def send(self, **fields: Any) -> TestResponse:
        """``POST /api/v2/sms/send`` of a usual message, but for the fields given."""
        return self.keyed("POST", SEND, json=MESSAGE | fields)

    def send_v1(self, **fields: Any) -> TestResponse:
        """``POST /v1/sms/send``."""
        return self.call("POST", SEND_V1, json=self.login | MESSAGE | fields)

    def send_each(self, *messages: Any, **fields: Any) -> TestResponse:
        """``POST /api/v2/sms/send/bulk``."""
        return self.keyed("POST", BULK, json={"messages": list(messages)} | fields)

    def balance(self) -> Any:
        """What can be spent."""
        return said(self.keyed("GET", BALANCE))["data"]["balance"]


def check_manners(answer: TestResponse, method: str = "GET") -> None:
    """What contract 2 asks of every answer."""
    assert not 300 <= answer.status_code < 400, answer.headers.get("Location")
    assert answer.headers["Cache-Control"] == "no-cache, private"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.headers["Content-Type"] == "application/json"
        told = json.loads(answer.data)
        assert "success" not in told and "data" not in told
        assert told.get("error") or told == {"message": "Server Error"}
        assert told.get("message", told.get("error")) in (told.get("error"), "Server Error")
        assert ("errors" in told) == (answer.status_code == 422)


def said(answer: TestResponse) -> dict[str, Any]:
    """The JSON object of an answer."""
    value: dict[str, Any] = json.loads(answer.data)
    return value


def done(answer: TestResponse) -> dict[str, Any]:
    """``data`` of a success."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    told = said(answer)
    assert told["success"] is True and isinstance(told["message"], str)
    data: dict[str, Any] = told["data"]
    return data


def refused(answer: TestResponse, status: int, words: str) -> dict[str, Any]:
    """Checks an error; its body."""
    told = said(answer)
    assert (answer.status_code, told.get("error", told.get("message"))) == (status, words), told
    return told
