"""A telephone with the httpSMS program as the tests play it, and the push service that tells it of messages.

Written from contract android-devices, part A: bodies are pasted together and their reason is not escaped, times have nine digits of a
second, an answer is decoded strictly, and what fails then is dropped in silence.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.cht_phone import Line

NEEDED = (
    "contact", "content", "sim", "created_at", "id", "order_timestamp", "owner", "encrypted", "request_received_at", "status", "type",
    "updated_at",
)  # fmt: skip
"""What must be there and not null in the message of an answer."""


@dataclass
class PushService:
    """What the push service heard: (headers, body), and what it answers next."""

    url: str
    heard: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    status: int = 200

    def ids(self) -> list[str]:
        """The messages that were pushed, in order."""
        return [body["message"]["data"]["KEY_MESSAGE_ID"] for _, body in self.heard]


@contextmanager
def push_service() -> Iterator[PushService]:
    """A push service on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.heard.append((dict(self.headers), body))
            answer = b'{"name": "projects/httpsms-test/messages/1"}' if service.status == 200 else b'{"error": {}}'
            self.send_response(service.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = PushService(f"http://127.0.0.1:{server.server_port}/v1/projects/httpsms-test/messages:send")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


@dataclass
class HttpsmsPhone:
    """One telephone. ``air`` is what it sent: (owner, sim, to, text)."""

    line: Line
    key: str
    number: str
    sim: str = "SIM1"
    air: list[tuple[str, str, str, str]] = field(default_factory=list)

    def register(self, token: str = "f2:APA91b") -> int:
        status, answer = self.call("PUT", "/phones/fcm-token", {"fcm_token": token, "phone_number": self.number, "sim": self.sim})
        if status == 200:
            assert isinstance(answer["data"]["id"], str) and isinstance(answer["data"]["user_id"], str)
        return status

    def pushed(self, message_id: str) -> str | None:
        """What happens on a push: it asks for the message and sends it; its text, None where it is not there."""
        status, answer = self.call("GET", f"/messages/outstanding?message_id={message_id}")
        if status != 200:
            return None
        message = answer["data"]
        missing = [name for name in NEEDED if message[name] is None]
        assert not missing and answer["message"] and answer["status"], missing
        assert isinstance(message["encrypted"], bool)
        self.air.append((message["owner"], message["sim"], message["contact"], message["content"]))
        return str(message["content"])

    def tell(self, message_id: str, event: str, at: datetime, reason: str | None = None) -> tuple[int, Any]:
        """Reports an event, with the body as its template makes it."""
        written = "null" if reason is None else f'"{reason}"'
        body = f'{{\n  "event_name": "{event}",\n  "reason": {written},\n  "timestamp": "{nine_digits(at)}"\n}}'
        return self.send("POST", f"/messages/{message_id}/events", body.encode())

    def receive(self, sender: str, content: str, at: datetime, **more: Any) -> tuple[int, Any]:
        """Forwards an SMS."""
        body = {"sim": self.sim, "from": sender, "to": self.number, "content": content, "encrypted": False, "timestamp": nine_digits(at)}
        return self.call("POST", "/messages/receive", body | {"attachments": None} | more)

    def missed_call(self, sender: str, at: datetime) -> tuple[int, Any]:
        body = {"sim": self.sim, "from": sender, "to": self.number, "timestamp": nine_digits(at)}
        return self.call("POST", "/messages/calls/missed", body)

    def beat(self) -> int:
        return self.call("POST", "/heartbeats", {"charging": True, "phone_numbers": [self.number]})[0]

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        return self.send(method, path, b"" if body is None else json.dumps(body).encode())

    def send(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """One call; the status and what the answer says, None where it has no body."""
        headers = {"x-api-key": self.key, "X-Client-Version": "344c10f"}
        if body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        status, answer = self.line(method, "/v1" + path, headers, body)
        return status, json.loads(answer) if answer else None


def nine_digits(at: datetime) -> str:
    """A time as the program writes it: of nine digits the last six are always zero."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}000000Z"
