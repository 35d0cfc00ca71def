"""A customer's program as the tests play it: it knows a name and a password, signs in, sends, and checks our manners at every call."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

REST = "/API/v1.0/REST"
PASSWORD = "open.sesame-1"
RECIPIENT = "+393471234567"
MESSAGE: dict[str, Any] = {"message_type": "N", "message": "Hello world!", "recipient": [RECIPIENT]}


class Program:
    """One customer's program. ``keys`` are the headers that it sends with each call once it has signed in."""

    def __init__(self, http: FlaskClient, username: str, password: str = PASSWORD) -> None:
        self.http = http
        self.username = username
        self.password = password
        self.keys: dict[str, str] = {}

    def sign_in(self, kind: str = "login") -> Program:
        """Opens a session, or fetches the lasting token with ``token``."""
        answer = self.call("GET", f"/{kind}", query_string={"username": self.username, "password": self.password})
        assert answer.status_code == 200, answer.text
        user_key, key = answer.text.split(";")
        self.keys = {"user_key": user_key, "Session_key" if kind == "login" else "Access_token": key}
        return self

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any call below the API's prefix, with the keys unless ``headers`` are given."""
        options.setdefault("headers", self.keys)
        answer = self.http.open(REST + path, method=method, **options)
        check_manners(answer, method)
        return answer

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.call("GET", path, query_string=query)

    def send(self, path: str = "/sms", **fields: Any) -> TestResponse:
        """``POST /sms`` of a usual message, but for the fields given."""
        return self.call("POST", path, json=MESSAGE | fields)

    def sent(self, **fields: Any) -> str:
        """Sends and expects success; the order's id."""
        answer = self.send(**fields)
        assert answer.status_code == 201, answer.text
        return str(said(answer)["order_id"])

    def states(self, order_id: str) -> list[str]:
        """The state word of each recipient of an order."""
        return [each["status"] for each in said(self.get(f"/sms/{order_id}"))["recipients"]]

    def credits(self) -> int:
        """How many parts of the best type the balance still buys."""
        return int(said(self.get("/status"))["sms"][0]["quantity"])


def check_manners(answer: TestResponse, method: str = "GET") -> None:
    """What contract 4.5 asks of every answer: no redirect, no HTML, no empty error."""
    assert not 300 <= answer.status_code < 400, answer.headers.get("Location")
    assert "html" not in answer.content_type
    assert "Set-Cookie" not in answer.headers
    if answer.status_code >= 400 and method != "HEAD":
        assert_error_body(answer.data)


def assert_error_body(body: bytes) -> dict[str, Any]:
    """The error body of contract 1.6."""
    told: dict[str, Any] = json.loads(body)
    assert list(told) == ["result", "error_code", "error_message"]
    assert told["result"] == told["error_message"] and isinstance(told["result"], str) and told["result"] not in ("", "OK")
    assert isinstance(told["error_code"], str) and told["error_code"].isupper()
    return told


def said(answer: TestResponse) -> dict[str, Any]:
    """The JSON object of an answer."""
    value: dict[str, Any] = json.loads(answer.data)
    return value


def refused(answer: TestResponse, status: int, code: str) -> str:
    """Checks an error; its sentence."""
    told = assert_error_body(answer.data)
    assert (answer.status_code, told["error_code"]) == (status, code), told
    assert answer.content_type == "application/json;charset=UTF-8"
    return str(told["result"])
