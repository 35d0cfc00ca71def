"""An Android telephone with the program "SMS Gateway" (capcom6) in private-server mode, played from its contract alone.

It speaks over sockets of its own and does what the program does, odd habits included: it keeps messages by id and never sends one twice,
reports its whole state at each change, tries a report ten times and then forgets it until the message is seen again, holds an event
stream and comes back to it, and heeds of all status codes but one: 401 to ``PATCH /device``. Waits are divided by :attr:`Phone.haste`.
Source: contract android-devices, part B.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import queue
import random
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from tests.support.phone_fates import Fate, Mismatch, Stored, by_recipient, by_seed, read, written

__all__ = ["Fate", "Mismatch", "NoNetwork", "Phone", "Stored", "by_recipient", "by_seed"]

AGENT = "me.capcom.smsgateway/1.50.0"
REPORT_TRIES = 10
RETRY_SECONDS = 10.0
RECONNECT_SECONDS = (5.0,) * 5 + (30.0, 60.0)
WEBHOOK_FIRST_SECONDS, WEBHOOK_TRIES = 5.0, 15
POLL_SECONDS = 900.0
LONGEST_WAIT_SECONDS = 0.5
"""However little haste a test is in."""


class NoNetwork(OSError):
    """The telephone is offline, or nobody answered."""


class Phone:
    """One telephone. It does nothing by itself until :meth:`switch_on`.

    ``air`` holds what it really sent: (recipient, text, SIM). ``log`` holds what it would show its user.

    Args:
        port: where the server listens on loopback.
        authorization: of its first registration: ``Bearer TOKEN``, ``Code 123456`` or ``Basic …``.
        fate: what becomes of each message.
        haste: by what its waits are divided.
        zone: the zone of its clock.
    """

    def __init__(
        self,
        port: int,
        authorization: str,
        fate: Callable[[Stored], Fate] = lambda _message: Fate.DELIVERED,
        *,
        base: str = "/api/mobile/v1",
        name: str = "ACME/ONE",
        haste: float = 500.0,
        zone: timezone = timezone(timedelta(hours=2)),
    ) -> None:
        self.port, self.base, self.name, self.haste, self.zone = port, base, name, haste, zone
        self.authorization = authorization
        self.fate = fate
        self.id = self.token = self.login = self.password = ""
        self.messages: dict[str, Stored] = {}
        self.air: list[tuple[str, str, int | None]] = []
        self.log: list[str] = []
        self.settings: dict[str, Any] = {}
        self.webhooks: list[dict[str, str]] = []
        self.streams = 0
        self.is_online = True
        self.is_on = False
        self._lost: set[str] = set()
        self._dead = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stream: socket.socket | None = None
        self._wake = threading.Event()
        self._lock = threading.RLock()

    # Life

    def switch_on(self) -> None:
        """Registers where it has no token, tells of itself, fetches settings and webhooks, and opens the event stream."""
        self.is_on, self._dead = True, False
        self._wake.clear()
        self._threads = [threading.Thread(target=body, daemon=True) for body in (self._work, self._listen, self._poll)]
        self._jobs = queue.SimpleQueue()
        self._jobs.put(self.begin)
        for thread in self._threads:
            thread.start()

    def switch_off(self) -> None:
        """Ends what it does; what it knows stays."""
        self.is_on = False
        self._wake.set()
        self._jobs.put(None)
        self._hang_up()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    def go_offline(self) -> None:
        """Loses the network, in the middle of whatever it does."""
        self.is_online = False
        self._hang_up()

    def come_back(self) -> None:
        """Has the network again."""
        self.is_online = True

    def begin(self) -> None:
        """What the program does at each start."""
        if not self.token:
            self.register()
        self.tell_of_itself()
        self.fetch_settings()
        self.fetch_webhooks()

    # Calls

    def register(self, authorization: str = "") -> int:
        """Registers; the status. What the server gives is kept."""
        status, answer = self._call("POST", "/device", self._hardware() | {"name": self.name}, authorization or self.authorization)
        if status == 201:
            if not all(isinstance(answer.get(key), str) and answer[key] for key in ("id", "token", "login")):
                raise Mismatch("id, token and login must be texts")
            self.id, self.token, self.login = answer["id"], answer["token"], answer["login"]
            self.password = answer.get("password") or self.password
        self.log.append(f"registration: {status}")
        return status

    def tell_of_itself(self) -> int:
        """PATCH /device; on 401 it registers anew. The status."""
        status, _ = self._call("PATCH", "/device", self._hardware() | {"id": self.id})
        if status == 401:
            self.token = ""
            self.register()
        return status

    def fetch_settings(self) -> None:
        status, answer = self._call("GET", "/settings")
        if status == 200:
            if not isinstance(answer, dict):
                raise Mismatch("settings must be an object")
            self.settings = answer

    def fetch_webhooks(self) -> None:
        status, answer = self._call("GET", "/webhooks")
        if status == 200:
            if not all(isinstance(each[key], str) for each in answer for key in ("id", "url", "event")):
                raise Mismatch("webhooks need id, url and event")
            self.webhooks = answer

    def pull(self) -> int:
        """Fetches the list and works on what is new; the number of entries. What it knows already it only reports again."""
        status, answer = self._call("GET", f"/message?order={self.settings.get('messages', {}).get('processing_order', 'LIFO').lower()}")
        if status != 200:
            self.log.append(f"pull: {status}")
            return -1
        if not isinstance(answer, list) or len(answer) > 100:
            raise Mismatch("the list of messages must be an array of at most 100")
        for each in answer:
            self._take(each)
        pending = [message for message in self.messages.values() if message.state == "Pending"]  # some from before a restart, perhaps
        for message in sorted(pending, key=lambda each: -each.priority):
            self._send(message)
        return len(answer)

    def export(self, received: Sequence[tuple[str, str, datetime]]) -> None:
        """Replays its inbox through the webhooks: (sender, text, time)."""
        for sender, text, at in received:
            self.receive(sender, text, at)

    def receive(self, sender: str, text: str, at: datetime, *, sim: int = 1, tries: int = WEBHOOK_TRIES) -> int:
        """An SMS comes in: it is forwarded to each webhook for that, signed, until one try succeeds; the last status, 0 for none."""
        digest = hashlib.sha256(f"{sender}{text}{at}".encode()).hexdigest()[:8]
        payload = {
            "messageId": digest, "message": text, "sender": sender, "phoneNumber": sender, "simNumber": sim,
            "receivedAt": written(at, self.zone),
        }  # fmt: skip
        return self.forward("sms:received", payload, tries=tries)

    def receive_mms(self, sender: str, body: str, picture: bytes, at: datetime) -> int:
        """An MMS comes in: told of first, then with its content."""
        common = {"messageId": "mms-1", "sender": sender, "phoneNumber": sender, "simNumber": 1, "receivedAt": written(at, self.zone)}
        part = {"partId": 1, "contentType": "image/png", "name": "a.png", "size": len(picture), "data": b64encode(picture).decode()}
        return self.forward("mms:downloaded", common | {"body": body, "attachments": [part]})

    def forward(self, event: str, payload: Mapping[str, Any], *, key: str | None = None, tries: int = WEBHOOK_TRIES) -> int:
        """Calls the webhooks of an event. The id of the event is the same over all tries."""
        key = self.settings["webhooks"]["signing_key"] if key is None else key
        status = 0
        for hook in [each for each in self.webhooks if each["event"] == event]:
            told = {"id": random.randbytes(8).hex(), "webhookId": hook["id"], "event": event, "deviceId": self.id, "payload": payload}
            body = json.dumps(told).encode()
            for number in range(tries):
                status = self._forwarded(hook["url"], body, key)
                if 200 <= status < 300 or not self._pause(WEBHOOK_FIRST_SECONDS * 2**number):
                    break
        return status

    # The messages

    def _take(self, entry: Mapping[str, Any]) -> None:
        """Keeps an entry of the list; one that it has it reports again."""
        state = entry.get("state", "Pending")
        known = self.messages.get(entry["id"])
        if known is not None:
            self._lost.discard(known.id)
            if state == "Cancelling" and known.state == "Pending":
                self._move(known, "Cancelled")
            else:
                self._report(known)
            return
        message = self._read(entry)
        if message is None or state not in ("Pending", "Cancelling"):
            return
        self.messages[message.id] = message
        self._move(message, "Cancelled" if state == "Cancelling" else "Pending")

    def _read(self, entry: Mapping[str, Any]) -> Stored | None:
        if not isinstance(entry["id"], str) or len(entry["id"]) > 36:
            raise Mismatch("ids have at most 36 characters")
        numbers, text = entry["phoneNumbers"], entry.get("textMessage", {}).get("text", entry.get("message"))
        if not isinstance(numbers, list) or len(numbers) != 1 or not isinstance(text, str):
            raise Mismatch("one recipient and a text, that is what keeps a row for each")
        sim, priority = entry.get("simNumber"), entry.get("priority", 0)
        if sim not in (None, 1, 2, 3) or type(priority) is not int or not -128 <= priority <= 127:
            raise Mismatch("simNumber or priority out of range")
        if entry.get("isEncrypted"):
            return None
        created = read(entry.get("createdAt")) or datetime.now(UTC)
        return Stored(
            entry["id"], text, numbers[0], sim, priority, created, read(entry.get("validUntil")), entry.get("withDeliveryReport", True)
        )

    def _send(self, message: Stored) -> None:
        if self._dead or message.state != "Pending":
            return
        if message.valid_until is not None and message.valid_until <= datetime.now(UTC):
            self._move(message, "Failed", "TTL expired")
            return
        _COURSES[self.fate(message)](self, message)

    def _move(self, message: Stored, state: str, error: str | None = None, *, told: bool = True) -> None:
        message.state, message.error = state, error
        message.times.setdefault(state, datetime.now(UTC))
        if state == "Sent":
            self.air.append((message.recipient, message.text, message.sim))
        if told:
            self._report(message)

    def _report(self, message: Stored) -> None:
        """Reports the whole state of now; after ten tries it is lost until the message is seen again."""
        if message.id in self._lost or self._dead:
            return
        recipient = {"phoneNumber": message.recipient, "state": message.state} | ({"error": message.error} if message.error else {})
        times = {state: written(at, self.zone) for state, at in message.times.items()}
        body = [{"id": message.id, "state": message.state, "recipients": [recipient], "states": times}]
        for number in range(REPORT_TRIES):
            with suppress(NoNetwork):
                if 200 <= self._call("PATCH", "/message", body)[0] < 300:
                    return
            if not self._pause(RETRY_SECONDS * 2**number):
                return
        self.log.append("a report is lost")

    def _delivered(self, message: Stored) -> None:
        self._move(message, "Processed")
        self._move(message, "Sent")
        if message.wants_delivery:
            self._move(message, "Delivered")

    def _only_sent(self, message: Stored) -> None:
        self._move(message, "Processed")
        self._move(message, "Sent")

    def _refused(self, message: Stored) -> None:
        self._move(message, "Processed")
        self._move(message, "Failed", "Send result: RESULT_ERROR_GENERIC_FAILURE")

    def _no_service(self, message: Stored) -> None:
        self._move(message, "Processed")
        self._move(message, "Failed", "Send result: RESULT_ERROR_NO_SERVICE")

    def _undelivered(self, message: Stored) -> None:
        self._only_sent(message)
        self._move(message, "Failed", "Delivery result: 70 (permanent error)")

    def _died(self, message: Stored) -> None:
        self._move(message, "Processed")
        self._dead = True
        self.log.append("battery")
        self._hang_up()

    def _silent(self, message: Stored) -> None:
        self._lost.add(message.id)
        self._delivered(message)

    def _twice(self, message: Stored) -> None:
        for state in ("Processed", "Sent", "Delivered"):
            self._move(message, state)
            self._report(message)

    def _disordered(self, message: Stored) -> None:
        stale = []
        for state in ("Processed", "Sent", "Delivered"):
            self._move(message, state, told=state == "Delivered")
            stale.append(Stored(**{**message.__dict__, "times": dict(message.times)}))
        for each in reversed(stale[:2]):
            self._report(each)

    def _patchy(self, message: Stored) -> None:
        self._move(message, "Processed")
        self._move(message, "Failed", "Send result: RESULT_ERROR_NO_SERVICE")
        self._move(message, "Sent")
        self._move(message, "Delivered")

    # Threads

    def _work(self) -> None:
        """One thing after the other, as the program's worker does."""
        while (job := self._jobs.get()) is not None:
            for number in range(8):
                with self._lock, suppress(NoNetwork):
                    job()
                    break
                if not self._pause(RETRY_SECONDS * 2**number):
                    return

    def _poll(self) -> None:
        """Asks for work every quarter of an hour, whatever the stream does."""
        while not self._wake.wait(POLL_SECONDS / self.haste):
            if self.token:
                self._jobs.put(self._pulled)

    def _listen(self) -> None:
        """Holds the event stream; on any end it comes back."""
        failures = 0
        while self.is_on:
            with suppress(OSError, http.client.HTTPException):
                if self.token and self.is_online and not self._dead and self._stream_once():
                    failures = 0
            failures += 1
            self._pause(RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS)) - 1])

    def _stream_once(self) -> bool:
        """Whether there was a stream, once it is over."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(
                "GET", f"{self.base}/events", headers=self._headers(f"Bearer {self.token}") | {"Accept": "text/event-stream"}
            )
            self._stream = connection.sock
            answer = connection.getresponse()
            if answer.status != 200 or not (answer.getheader("Content-Type") or "").startswith("text/event-stream"):
                self.log.append(f"events: {answer.status}")
                return False
            self.streams += 1
            self._jobs.put(self._pulled)
            self._read_stream(answer)
            return True
        finally:
            self._stream = None
            connection.close()

    def _read_stream(self, answer: http.client.HTTPResponse) -> None:
        name = ""
        data: list[str] = []
        while self.is_on and self.is_online and (line := answer.readline()):
            text = line.decode().rstrip("\r\n")
            key, _, value = text.partition(":")
            if not text:
                if data:  # the parser passes over a frame without data
                    self._heard(name or "MessageEnqueued", "\n".join(data))
                name, data = "", []
            elif key == "event":
                name = value.removeprefix(" ")
            elif key == "data":
                data.append(value.removeprefix(" "))

    def _heard(self, name: str, data: str) -> None:
        match name:
            case "MessageEnqueued":
                self._jobs.put(self._pulled)
            case "WebhooksUpdated":
                self._jobs.put(self.fetch_webhooks)
            case "SettingsUpdated":
                self._jobs.put(self.fetch_settings)
            case "MessageCancelled":
                wanted = json.loads(data)["messageId"]
                self._jobs.put(lambda: self._cancel(wanted))

    def _pulled(self) -> None:
        self.pull()

    def _cancel(self, message_id: str) -> None:
        message = self.messages.get(message_id)
        if message is not None and message.state == "Pending":
            self._move(message, "Cancelled")

    def _hang_up(self) -> None:
        with suppress(OSError, AttributeError):
            self._stream.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]  # gone meanwhile, or never there

    def _pause(self, seconds: float) -> bool:
        """Waits, shortened; whether the telephone is still on, or is driven by hand."""
        if not self.is_on:
            time.sleep(0)
            return True
        return not self._wake.wait(min(seconds / self.haste, LONGEST_WAIT_SECONDS))

    # Wire

    def _hardware(self) -> dict[str, Any]:
        card = {"slotIndex": 0, "simNumber": 1, "phoneNumber": "*******0001", "carrierName": "*ind"}
        return {"simCards": [card, {"slotIndex": 1, "simNumber": 2}]}  # null fields are left out

    def _headers(self, authorization: str) -> dict[str, str]:
        return {"User-Agent": AGENT, "Authorization": authorization}

    def _call(self, method: str, path: str, body: object = None, authorization: str = "") -> tuple[int, Any]:
        """One call; status and JSON, None without a body. Raises NoNetwork."""
        if not self.is_online or self._dead:
            raise NoNetwork("offline")
        headers = self._headers(authorization or f"Bearer {self.token}")
        data = None if body is None else json.dumps(body).encode()
        if data:
            headers["Content-Type"] = "application/json; charset=UTF-8"
        status, answer = _exchange(self.port, method, self.base + path, headers, data)
        return status, json.loads(answer) if answer else None

    def _forwarded(self, url: str, body: bytes, key: str) -> int:
        timestamp = str(int(time.time()))
        signature = hmac.new(key.encode(), body + timestamp.encode(), hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "User-Agent": AGENT, "X-Timestamp": timestamp, "X-Signature": signature}
        parts = urlsplit(url)
        if not self.is_online or self._dead:
            return 0
        try:
            return _exchange(parts.port or self.port, "POST", parts.path, headers, body)[0]
        except NoNetwork:
            return 0


def _exchange(port: int, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoNetwork(str(error)) from error
    finally:
        connection.close()


_COURSES: Mapping[Fate, Callable[[Phone, Stored], None]] = {
    Fate.DELIVERED: Phone._delivered,
    Fate.SENT: Phone._only_sent,
    Fate.REFUSED: Phone._refused,
    Fate.NO_SERVICE: Phone._no_service,
    Fate.UNDELIVERED: Phone._undelivered,
    Fate.DEAD: Phone._died,
    Fate.SILENT: Phone._silent,
    Fate.TWICE: Phone._twice,
    Fate.DISORDER: Phone._disordered,
    Fate.PATCHY: Phone._patchy,
}
