"""A telephone with CHT Gateway as the tests play it: it polls one address, keeps messages by id, and says what became of them.

Written from contract android-devices, part C, and from what the program itself does: it forwards ten messages and twenty updates a call,
believes them delivered when the answer is a 2xx with JSON, ignores ids that it has, and does not decode the password in its URL.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

MOST_MESSAGES, MOST_UPDATES = 10, 20

Line = Callable[[str, str, Mapping[str, str], bytes], tuple[int, bytes]]
"""How calls are made: method, path, headers and body to status and body."""


class LineDead(Exception):
    """No answer came. The far end may have got the call."""


def socket_line(port: int) -> Line:
    """Calls to a port of loopback, a connection each."""

    def call(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()

    return call


@dataclass
class ChtPhone:
    """One telephone.

    ``sms`` holds what it was given, by id, as ``[to, content, status, reason]``; ``air`` what it really sent, in order. ``drops``: how many
    of its next calls reach the server and lose their answer. ``zipped``: whether it compresses.
    """

    line: Line
    path: str
    username: str
    password: str
    zipped: bool = False
    drops: int = 0
    sms: dict[str, list[str]] = field(default_factory=dict)
    air: list[tuple[str, str]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    _received: list[dict[str, Any]] = field(default_factory=list)
    _updates: list[dict[str, str]] = field(default_factory=list)

    def save_settings(self) -> str:
        """What its user sees on saving: "ok", or why not."""
        status, body = self._call("GET", b"")
        if status == 401:
            return "credentials"
        return "ok" if status == 200 and json.loads(body).get("medic-gateway") is True else "not a gateway"

    def receive(self, id_: str, sender: str, content: str, at: int) -> None:
        """An SMS came in; ``at`` in milliseconds."""
        self._received.append({"id": id_, "from": sender, "content": content, "sms_sent": at, "sms_received": at + 1500})

    def poll(self) -> int:
        """One call; the status, and then it has what was offered. Raises LineDead when the answer was lost."""
        messages, updates = self._received[:MOST_MESSAGES], self._updates[:MOST_UPDATES]
        status, body = self._call("POST", json.dumps({"messages": messages, "updates": updates}).encode())
        if self.drops:
            self.drops -= 1
            raise LineDead
        answer = json.loads(body)
        if not 200 <= status < 300:
            self.log.append(f"{status}: {answer['message']}")
            return status
        del self._received[: len(messages)], self._updates[: len(updates)]
        for each in answer.get("messages") or ():
            if each["id"] not in self.sms:
                self.sms[each["id"]] = [each["to"], each["content"], "UNSENT", ""]
        return status

    def work(self, end: str = "DELIVERED", reason: str = "") -> None:
        """Sends what it was given and has not sent; each message ends so."""
        for id_, each in self.sms.items():
            if each[2] != "UNSENT":
                continue
            self._say(id_, "PENDING")
            if end == "PENDING":
                continue
            if end != "FAILED" or reason.startswith("Delivery failed"):
                self.air.append((each[0], each[1]))
                self._say(id_, "SENT")
            if end != "SENT":
                self._say(id_, end, reason)

    def say_again(self) -> None:
        """Tells everything that it knows once more."""
        for id_, (_, _, status, reason) in list(self.sms.items()):
            self._say(id_, status, reason)

    def _say(self, id_: str, status: str, reason: str = "") -> None:
        self.sms[id_][2:] = [status, reason]
        self._updates.append({"id": id_, "status": status} | ({"reason": reason} if status == "FAILED" else {}))

    def _call(self, method: str, body: bytes) -> tuple[int, bytes]:
        secret = base64.b64encode(f"{self.username}:{self.password}".encode("latin-1")).decode()
        headers = {"Authorization": f"Basic {secret}", "Accept": "application/json", "Content-Type": "application/json"}
        if self.zipped and body:
            headers["Content-Encoding"], body = "gzip", gzip.compress(body)
        return self.line(method, self.path, headers, body)
