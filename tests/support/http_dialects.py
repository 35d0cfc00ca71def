"""Far ends that speak the five dialects as their contracts say, for the connectors that are their clients.

Each is small and strict: it takes what the contract's clients send and nothing else. What a number meets is told by its last digits, as in
:mod:`tests.support.http_carrier`.
"""

from __future__ import annotations

import base64
import itertools
import threading
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from tests.support.http_carrier import BY_NUMBER, Fault, HttpCarrier, Reply, Request, Silence

PASSWORD = "pass-wörd:1"
KEY = "key-of-forty-letters-that-nobody-guesses"
LATE_SECONDS = 0.3


@dataclass(slots=True)
class Taken:
    """A message that the far end has. ``state`` is the gateway's own word for it."""

    name: str
    recipient: str
    text: str
    reference: str
    state: str = "delivered"


class FarEnd(ABC):
    """What the five have in common: messages, faults, a server."""

    kind: str
    has_states = True

    def __init__(self) -> None:
        self.messages: list[Taken] = []
        self.tries: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.server = HttpCarrier(self._talk)

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What the operator sets, secrets among them."""

    @abstractmethod
    def talk(self, request: Request) -> Reply | Silence:
        """The dialect."""

    @abstractmethod
    def refused(self) -> Reply:
        """The answer to a wrong number."""

    @abstractmethod
    def throttled(self) -> Reply:
        """The answer to too many calls."""

    def take(self, recipient: str, text: str, reference: str, answer: Any) -> Reply | Silence:
        """Takes a message, or meets its fault; ``answer`` makes the reply of a :class:`Taken`."""
        recipient = "+" + recipient.removeprefix("00").removeprefix("+")
        fault = BY_NUMBER.get(recipient[-3:]) if recipient.startswith("+999") else None
        with self.lock:
            self.tries[reference] += 1
            is_first = self.tries[reference] == 1
        if fault is Fault.REFUSED:
            return self.refused()
        if fault is Fault.THROTTLED:
            return self.throttled()
        with self.lock:
            message = Taken(self.name_for(reference), recipient, text, reference)
            message.state = "undelivered" if fault is Fault.UNDELIVERED else "delivered"
            self.messages.append(message)
        if fault is Fault.NEVER and is_first:
            return Silence.NEVER
        if fault is Fault.ERROR_AFTER:
            return Reply(500, b"<html>Bad gateway</html>")
        reply: Reply = answer(message)
        return reply

    def name_for(self, reference: str) -> str:
        """The far end's name for a new message."""
        return f"{next(self.numbers)}"

    def named(self, name: str) -> Taken | None:
        """The message of this name."""
        with self.lock:
            return next((each for each in self.messages if each.name == name), None)

    def close(self) -> None:
        self.server.close()

    def _talk(self, request: Request) -> Reply | Silence:
        return self.talk(request)


class SmSendFarEnd(FarEnd):
    kind = "smsend"
    words: ClassVar = {"delivered": "DLVRD", "undelivered": "KO", "sent": "WAIT4DLVR"}

    def __init__(self) -> None:
        self.session = 0
        super().__init__()

    @property
    def settings(self) -> dict[str, Any]:
        return {"base_url": self.server.url + "/API/v1.0/REST/", "username": "ada", "password": PASSWORD}

    def talk(self, request: Request) -> Reply | Silence:
        path = request.path.removeprefix("/API/v1.0/REST")
        if path == "/login":
            given = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
            if given != f"ada:{PASSWORD}":
                return Reply(404, b'{"result": "wrong"}')
            self.session += 1
            return Reply(200, f"U1;S{self.session}".encode())
        if request.headers.get("user_key") != "U1" or request.headers.get("session_key") != f"S{self.session}":
            return Reply.of({"result": "session expired"}, 401)
        if path == "/sms" and request.method == "POST":
            message = request.json
            assert message["truncate"] is False and len(message["order_id"]) <= 32
            if any(each.reference == message["order_id"] for each in self.messages):
                return Reply.of({"result": "The order_id is already in use"}, 400)
            return self.take(message["recipient"][0], message["message"], message["order_id"], _ordered)
        found = self.named(path.removeprefix("/sms/"))
        if not path.startswith("/sms/"):
            return Reply.of({"result": "OK"})
        if found is None:
            return Reply.of({"result": "not found"}, 404)
        one = {"destination": found.recipient, "status": self.words[found.state], "delivery_date": "20260301120000"}
        return Reply.of({"result": "OK", "recipients": [one], "recipient_number": 1})

    def name_for(self, reference: str) -> str:
        return reference

    def refused(self) -> Reply:
        return Reply.of({"result": "Invalid recipient: +999000002"}, 400)

    def throttled(self) -> Reply:
        return Reply.of({"result": "slowly"}, 429, **{"Retry-After": "3"})


def _ordered(message: Taken) -> Reply:
    return Reply.of({"result": "OK", "order_id": message.name, "total_sent": 1}, 201)


class BrevisOneFarEnd(FarEnd):
    kind = "brevisone"
    words: ClassVar = {"delivered": "DELIVERED", "undelivered": "FAILED", "sent": "SENT"}

    @property
    def settings(self) -> dict[str, Any]:
        return {"base_url": self.server.url, "username": "ada", "password": PASSWORD}

    def talk(self, request: Request) -> Reply | Silence:
        fields = request.fields
        if request.path == "/state.php":
            found = self.named(fields["uid"])
            return Reply(200, f"Status : {self.words[found.state] if found else 'UNKNOWN'}".encode())
        if request.path != "/api.php":
            return Reply(200, b"SIGNAL_OK")
        if (fields["username"], fields["password"]) != ("ada", PASSWORD):
            return Reply(401, b"401 Unauthorized - Username or Password wrong")
        text = fields["text"] if "hexmode" not in fields else bytes.fromhex(fields["text"]).decode()
        return self.take(fields["to"], text, fields["to"] + text, lambda message: Reply(200, b"OK", {"X-Message-Id": message.name}))

    def refused(self) -> Reply:
        return Reply(400, b"Error. See Gateway logs for more information.")

    def throttled(self) -> Reply:
        return Reply(429, b"slowly")


class BulkFarEnd(FarEnd):
    kind = "bulk"
    has_states = False

    @property
    def settings(self) -> dict[str, Any]:
        return {"base_url": self.server.url, "api_key": KEY}

    def talk(self, request: Request) -> Reply | Silence:
        if request.path == "/v1/sms/send":
            message = request.json
            if (message["username"], message["password"]) != ("ada", PASSWORD):
                return Reply.of({"error": "Unauthorized."}, 401)
            return self.take(message["numbers"], message["message_body"], message["reference"], _old_success)
        if request.headers.get("x-api-key") != KEY:
            return Reply.of({"error": "Invalid API key", "message": "Invalid API key"}, 401)
        if request.path == "/api/v2/account/balance":
            return Reply.of({"success": True, "data": {"balance": 5}})
        message = request.json
        return self.take(message["numbers"], message["message_body"], request.headers["idempotency-key"], _succeeded)

    def refused(self) -> Reply:
        return Reply.of({"error": "Invalid phone number format."}, 400)

    def throttled(self) -> Reply:
        return Reply.of({"message": "Too Many Attempts."}, 429, **{"Retry-After": "9"})


def _succeeded(message: Taken) -> Reply:
    return Reply.of({"success": True, "message": "SMS sent successfully", "data": {"message_id": message.name, "recipients": 1}})


def _old_success(_message: Taken) -> Reply:
    return Reply.of({"message": "Message sent successfully."})


class SmsNodesFarEnd(FarEnd):
    kind = "smsnodes"

    @property
    def settings(self) -> dict[str, Any]:
        return {"base_url": self.server.url, "device": "phone-1", "password": PASSWORD, "ask_states": True}

    def talk(self, request: Request) -> Reply | Silence:
        if request.path == "/api/health":
            return Reply.of({"status": "healthy"})
        message = request.json
        if (message["deviceUsername"], message["password"]) != ("phone-1", PASSWORD):
            return Reply.of({"error": "Invalid credentials"}, 401)
        if request.path == "/api/message-state":
            found = self.named(str(message["messageId"]))
            if found is None:
                return Reply.of({"error": "message not found"}, 404)
            one = {"phoneNumber": found.recipient, "state": found.state, "updatedAt": "2026-03-01T11:00:00Z"}
            return Reply.of({"messageId": int(found.name), "recipients": [one]})
        (recipient,) = message["phoneNumbers"]
        assert message["priority"] == 1
        return self.take(recipient, message["message"], request.headers["idempotency-key"], _queued)

    def refused(self) -> Reply:
        return Reply.of({"error": "Invalid phone number: +999000002"}, 400)

    def throttled(self) -> Reply:
        return Reply.of({"error": "Too many requests"}, 429)


def _queued(message: Taken) -> Reply:
    body = {"message": "SMS queued successfully", "messageId": int(message.name), "deviceOnline": True, "sentImmediately": True}
    return Reply.of(body)


class HttpSmsFarEnd(FarEnd):
    kind = "httpsms"

    @property
    def settings(self) -> dict[str, Any]:
        return {"base_url": self.server.url, "api_key": KEY, "phone": "+393331234567"}

    def talk(self, request: Request) -> Reply | Silence:
        if request.headers.get("x-api-key") != KEY:
            return Reply.of({"status": "error", "message": "no", "data": "key"}, 401)
        if request.path == "/v1/messages/send":
            message = request.json
            if message["from"] != "+393331234567":
                return Reply.of({"status": "error", "message": "no", "data": {"from": ["no such phone", "not installed"]}}, 422)
            return self.take(message["to"], message["content"], message["request_id"], self._answered)
        if request.path == "/v1/messages":
            asked = dict(parse_qsl(request.query))
            assert asked["owner"] == "+393331234567"
            return Reply.of(
                {"status": "success", "data": [self._object(each) for each in self.messages if each.recipient == asked["contact"]]}
            )
        found = self.named(request.path.rpartition("/")[2])
        return Reply.of({"status": "success", "data": self._object(found)}) if found else Reply.of({"status": "error"}, 404)

    def _answered(self, message: Taken) -> Reply:
        return Reply.of({"status": "success", "message": "message added to queue", "data": self._object(message) | {"status": "pending"}})

    def _object(self, message: Taken) -> dict[str, Any]:
        status = {"undelivered": "failed"}.get(message.state, message.state)
        return {
            "id": message.name,
            "request_id": message.reference,
            "contact": message.recipient,
            "status": status,
            "delivered_at": "2026-03-01T11:00:00Z",
            "failed_at": "2026-03-01T11:00:00Z",
            "failure_reason": "RESULT_ERROR_GENERIC_FAILURE",
            "send_attempt_count": 1,
            "max_send_attempts": 2,
        }

    def refused(self) -> Reply:
        return Reply.of({"status": "error", "message": "validation errors", "data": {"to": ["The to field +999000002 is wrong"]}}, 422)

    def throttled(self) -> Reply:
        return Reply.of({"status": "error", "message": "slowly"}, 429)


FAR_ENDS: dict[str, type[FarEnd]] = {each.kind: each for each in (SmSendFarEnd, BrevisOneFarEnd, BulkFarEnd, SmsNodesFarEnd, HttpSmsFarEnd)}
