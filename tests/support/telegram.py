"""Telegram's side of the Bot API, over a real socket: one bot, the people who write to it, and what goes wrong.

Written from the public manual (core.telegram.org/bots/api). What it remembers is the truth that a test compares with.
"""

from __future__ import annotations

import enum
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.http_carrier import HttpCarrier, Reply, Request, Silence

TOKEN = "123456789:AAE-a_token_that_nobody_may_ever_see"
MOST_UNITS = 4096


class Fault(enum.Enum):
    """What goes wrong with one message. Those of the second half took it."""

    BLOCKED = "403, the person blocked the bot"
    NO_CHAT = "400, there is no such chat"
    THROTTLED = "429 at the first try"
    TROUBLE = "500, not taken"
    LATE = "taken, answered late"
    NEVER = "taken, never answered"
    ERROR_AFTER = "taken, then 502"
    BROKEN = "taken, connection broken in the middle of the answer"
    GARBAGE = "taken, 200 with garbage instead of JSON"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that stands in a chat. ``markup`` is the keyboard that came with it."""

    chat: int
    number: int
    text: str = field(repr=False)
    markup: Mapping[str, Any] = field(default_factory=dict)


class FakeTelegram:
    """The server.

    Args:
        fault_of: what goes wrong with a message, by its chat and its try (from 1).

    Attributes:
        shown: every message that was taken, oldest first.
        handed: how often a message to each chat came, taken or not.
        confirmed: the updates below this number were confirmed.
        away: an answer to every call (status, description), such as a refused token; None: all is well.
    """

    def __init__(self, fault_of: Callable[[int, int], Fault | None] = lambda _chat, _try: None, *, late_seconds: float = 0.3) -> None:
        self.fault_of = fault_of
        self.shown: list[Shown] = []
        self.handed: Counter[int] = Counter()
        self.confirmed = 0
        self.away: tuple[int, str] | None = None
        self.retry_after = 1
        self._late_seconds = late_seconds
        self._updates: list[dict[str, Any]] = []
        self._webhook = ""
        self._changed = threading.Condition()
        self._numbers, self._update_ids, self._polls = itertools.count(1), itertools.count(1000), 0
        self._closing = False
        self.server = HttpCarrier(self._talk)
        self.url = self.server.url

    @property
    def settings(self) -> dict[str, Any]:
        """What an operator sets for a connector to this server, without the token."""
        return {"api_base": self.url, "poll_seconds": 1, "timeout_seconds": 1}

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self.server.close()

    # -- people --------------------------------------------------------------------------------------------------------

    def says(self, person: int, text: str) -> None:
        """Someone writes to the bot."""
        self._update(person, {"text": text})

    def shares(self, person: int, phone_number: str, *, user_id: int | None = None) -> None:
        """Someone shares a contact: the own one, unless ``user_id`` says whose."""
        self._update(person, {"contact": {"phone_number": phone_number, "first_name": "Anna", "user_id": user_id or person}})

    def says_in_group(self, person: int, text: str) -> None:
        """Someone writes to a group that the bot is in."""
        self._update(person, {"text": text, "chat": {"id": -1000, "type": "group", "title": "Night"}})

    def chat(self, person: int) -> list[str]:
        """What the bot wrote to someone."""
        return [each.text for each in list(self.shown) if each.chat == person]

    def _update(self, person: int, message: Mapping[str, Any]) -> None:
        with self._changed:
            number = next(self._numbers)
            about = {
                "message_id": number,
                "from": {"id": person, "is_bot": False, "first_name": "Anna"},
                "chat": {"id": person, "type": "private", "first_name": "Anna"},
                "date": int(time.time()),
            }
            self._updates.append({"update_id": next(self._update_ids), "message": about | dict(message)})
            self._changed.notify_all()

    # -- the bot -------------------------------------------------------------------------------------------------------

    def _talk(self, request: Request) -> Reply | Silence:
        _, bot, method = request.path.split("/", 2)
        if self.away is not None:
            return _error(*self.away)
        if bot != f"bot{TOKEN}":
            return _error(401, "Unauthorized") if ":" in bot else _error(404, "Not Found")
        fields = request.json if request.body else request.fields
        calls: dict[str, Callable[[Mapping[str, Any]], Reply | Silence]] = {
            "getMe": lambda _: _result({"id": 123456789, "is_bot": True, "first_name": "Alarm", "username": "alarm_bot"}),
            "getUpdates": self._get_updates,
            "sendMessage": self._send_message,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._set_webhook,
        }
        return calls[method](fields) if method in calls else _error(404, "Not Found: method not found")

    def _set_webhook(self, fields: Mapping[str, Any]) -> Reply:
        self._webhook = fields.get("url", "")
        return _result(True)

    def _get_updates(self, fields: Mapping[str, Any]) -> Reply:
        if self._webhook:
            return _error(
                409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            )
        with self._changed:
            self._polls += 1
            mine = self._polls
            self._changed.notify_all()
            self.confirmed = max(self.confirmed, fields.get("offset", 0))
            self._updates = [each for each in self._updates if each["update_id"] >= self.confirmed]
            self._changed.wait_for(lambda: self._updates or self._closing or self._polls != mine, fields.get("timeout", 0))
            if self._polls != mine:
                return _error(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
            return _result(self._updates[: fields.get("limit", 100)])

    def _send_message(self, fields: Mapping[str, Any]) -> Reply | Silence:
        chat, text = fields["chat_id"], fields["text"]
        if not text.strip():
            return _error(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > MOST_UNITS:
            return _error(400, "Bad Request: message is too long")
        with self._changed:
            self.handed[chat] += 1
            fault = self.fault_of(chat, self.handed[chat])
        refusals = {
            Fault.BLOCKED: _error(403, "Forbidden: bot was blocked by the user"),
            Fault.NO_CHAT: _error(400, "Bad Request: chat not found"),
            Fault.THROTTLED: _error(429, f"Too Many Requests: retry after {self.retry_after}", retry_after=self.retry_after),
            Fault.TROUBLE: _error(500, "Internal Server Error"),
        }
        return refusals[fault] if fault in refusals else self._take(chat, text, fields.get("reply_markup", {}), fault)

    def _take(self, chat: int, text: str, markup: Mapping[str, Any], fault: Fault | None) -> Reply | Silence:
        with self._changed:
            number = next(self._numbers)
            self.shown.append(Shown(chat, number, text, markup))
        reply = _result({"message_id": number, "date": int(time.time()), "chat": {"id": chat, "type": "private"}, "text": text})
        answers: dict[Fault, Reply | Silence] = {
            Fault.LATE: Reply(reply.status, reply.body, reply.headers, self._late_seconds),
            Fault.NEVER: Silence.NEVER,
            Fault.ERROR_AFTER: Reply(502, b"<html>Bad Gateway</html>"),
            Fault.BROKEN: Silence.BROKEN,
            Fault.GARBAGE: Reply(200, b"\xff\x00<html>" * 20),
        }
        return answers.get(fault, reply) if fault else reply


def _result(value: Any) -> Reply:
    return Reply.of({"ok": True, "result": value})


def _error(status: int, description: str, **parameters: int) -> Reply:
    more = {"parameters": parameters} if parameters else {}
    return Reply.of({"ok": False, "error_code": status, "description": description, **more}, status)
