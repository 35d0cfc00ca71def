"""A customer's program as the tests play it: it has an API key, and checks the envelope of every answer."""

from __future__ import annotations

import json
import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

NUMBER = "+18005550199"
CONTACT = "+18005550100"
MESSAGE: dict[str, Any] = {"from": NUMBER, "to": CONTACT, "content": "Your table is ready."}
MESSAGE_KEYS = {
    "id", "request_id", "owner", "user_id", "contact", "content", "attachments", "encrypted", "type", "status", "sim", "send_time",
    "request_received_at", "created_at", "updated_at", "order_timestamp", "last_attempted_at", "scheduled_at", "scheduled_send_time",
    "sent_at", "delivered_at", "failed_at", "expired_at", "received_at", "send_attempt_count", "max_send_attempts", "failure_reason",
    "can_be_polled",
}  # fmt: skip
"""Contract section 2."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
WITH_DATA = (200, 201, 400, 401, 422)


class Client:
    """One customer's program."""

    def __init__(self, http: FlaskClient, key: str = "", name: str = "") -> None:
        self.http = http
        self.key = key
        self.name = name

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any call below ``/v1``, with the key unless ``headers`` are given."""
        options.setdefault("headers", {"x-api-key": self.key})
        answer = self.http.open("/v1" + path, method=method, **options)
        check_envelope(answer)
        return answer

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.call("GET", path, query_string=query)

    def post(self, path: str, body: Any, **options: Any) -> TestResponse:
        return self.call("POST", path, json=body, **options)

    def send(self, **fields: Any) -> TestResponse:
        """``send`` of a usual message, but for the fields given; ``sender`` stands for ``from``, None leaves a field out."""
        return self.post("/messages/send", message(**fields))

    def sent(self, **fields: Any) -> dict[str, Any]:
        """Sends and expects success; the message."""
        return data(self.send(**fields))

    def sent_bulk(self, to: list[str], **fields: Any) -> list[dict[str, Any]]:
        """Sends one text to many and expects success; the messages."""
        answer = self.post("/messages/bulk-send", message(to=to, **fields))
        found: list[dict[str, Any]] = data(answer)
        return found

    def message(self, message_id: str) -> dict[str, Any]:
        """The message as it stands now."""
        return data(self.get(f"/messages/{message_id}"))

    def conversation(self, contact: str = CONTACT, owner: str = NUMBER, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = data(self.get("/messages", owner=owner, contact=contact, **more))
        return found

    def search(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = data(self.get("/messages/search", **query))
        return found

    def threads(self, owner: str = NUMBER, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = data(self.get("/message-threads", owner=owner, **more))
        return found


def message(**fields: Any) -> dict[str, Any]:
    """The body of a usual message, but for the fields given."""
    if "sender" in fields:
        fields["from"] = fields.pop("sender")
    return {name: value for name, value in (MESSAGE | fields).items() if value is not None}


def check_envelope(answer: TestResponse) -> None:
    """What contract 1.2 and 1.3 ask of every answer."""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers
    if answer.status_code == 204:
        assert answer.data == b""
        return
    assert answer.content_type == "application/json"
    told = json.loads(answer.data)
    assert told["status"] == ("success" if answer.status_code < 300 else "error")
    assert isinstance(told["message"], str) and told["message"]
    assert ("data" in told) == (answer.status_code in WITH_DATA), told
    if answer.status_code == 401:
        assert isinstance(told["data"], str) and "x-api-key" in told["data"]
    if answer.status_code == 422:
        assert told["data"] and all(isinstance(texts, list) and texts for texts in told["data"].values()), told
        assert all(text.startswith(f"The {name} field ") for name, texts in told["data"].items() for text in texts), told


def data(answer: TestResponse) -> Any:
    """The content of a success."""
    assert answer.status_code == 200, answer.text
    return json.loads(answer.data)["data"]


def refused(answer: TestResponse, status: int) -> str:
    """Checks the status of an error; its sentence."""
    assert answer.status_code == status, answer.text
    return str(json.loads(answer.data)["message"])


def wrong(answer: TestResponse) -> dict[str, list[str]]:
    """The wrong fields of a 422."""
    refused(answer, 422)
    found: dict[str, list[str]] = json.loads(answer.data)["data"]
    return found
