"""A bot of Telegram: messages go to the chats of people who registered with it, and what they write back comes in.

    someone: /start ─► bot: "May I have your number?" ─► someone shares it ─► Registered ─► bot: "registered"
    someone: /stop  ─► Registered (for none)

A bot may write only to who wrote to it first, so a number without a chat is refused at once, and the message may go another way.

Updates are confirmed to Telegram, which keeps them for a day, and answered in the chat only when the events made of them were taken and
asked for again: by then they are recorded. What is told twice, after a crash in between, changes nothing the second time.

Source: the Bot API's public manual (core.telegram.org/bots/api).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from gateway.connectors.base import Event, FailureKind, Inbound, Kind, Outcome, Outgoing, ProcessSettings, Receipt, Setting, Standing
from gateway.connectors.http_answers import by_status, failed, fields_of, words
from gateway.connectors.http_lane import COMMON, Lane, LaneSettings, base_url
from gateway.connectors.settings import REQUIRED, flag, text, whole
from gateway.domain import msisdn
from gateway.domain.errors import InvalidRecipient
from gateway.domain.inbound import Registered
from gateway.domain.message import State
from gateway.net.client import Answer, Client, OutgoingError

MOST_UNITS = 4096  # of UTF-16
UPDATES_AT_ONCE = 20
MOST_UPDATE_BYTES = 4 * 1024 * 1024
FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 1.0, 60.0
MARGIN_SECONDS = 10.0
"""How much longer an answer to a long poll is waited for than Telegram was asked to wait."""
IN_CHAT = "in_chat"
CONFLICT = 409

_TOKEN = re.compile("[0-9]{1,20}:[A-Za-z0-9_-]{20,100}")
_NAME = re.compile("-?[0-9]{1,20}:[0-9]{1,20}")

STATUSES: Mapping[int, FailureKind] = {
    400: FailureKind.FINAL,  # no such chat, or a text that Telegram does not take
    401: FailureKind.MISCONFIGURED,  # the token
    403: FailureKind.FINAL,  # the person blocked the bot, or is gone
    404: FailureKind.MISCONFIGURED,  # the token, in another form
    429: FailureKind.THROTTLED,
}
"""What Telegram's own answers mean. One that is not of its form comes from something in between, and is read as any HTTP answer."""

log = structlog.get_logger()


class BotApi:
    """Calls of one bot. The token is part of every URL, so no URL leaves this class."""

    def __init__(self, settings: Mapping[str, Any], process: ProcessSettings) -> None:
        if not _TOKEN.fullmatch(settings["token"]):
            raise ValueError("token must look like 123456789:AAE... , as BotFather gives it")
        try:
            # One connection beside those that send: the one that listens.
            self._client = Client(process.connector_networks, ca_file=settings["ca_file"], connections_per_host=settings["connections"] + 2)
        except OSError as error:
            raise ValueError(f"ca_file cannot be read: {error.strerror or 'it holds no certificate'}") from None
        self._url = f"{settings['api_base']}/bot{settings['token']}/"
        self._connect, self._read = float(settings["connect_timeout_seconds"]), float(settings["timeout_seconds"])
        self.close = self._client.close

    def call(self, method: str, fields: Mapping[str, Any], wait_seconds: float = 0.0) -> Answer:
        """One call, for whose answer ``wait_seconds`` more are waited. Raises OutgoingError."""
        read_seconds = self._read if not wait_seconds else wait_seconds + MARGIN_SECONDS
        return self._client.request(
            "POST",
            self._url + method,
            headers={"Content-Type": "application/json"},
            body=json.dumps(fields).encode(),
            connect_timeout_seconds=self._connect,
            read_timeout_seconds=read_seconds,
            total_timeout_seconds=self._connect + read_seconds,
            most_bytes=MOST_UPDATE_BYTES,
        )


class Telegram:
    """The way of a lane. Receipts are made of the names of messages: Telegram named what it put into a chat."""

    def __init__(self, api: BotApi, secret: str) -> None:
        self._api, self._secret = api, secret
        self.close = api.close

    def send(self, outgoing: Outgoing) -> Outcome:
        refusal = _refusal(outgoing)
        if refusal is not None:
            return Outcome.failed(outgoing.key, FailureKind.FINAL, *refusal)
        fields = {"chat_id": int(outgoing.address or 0), "text": outgoing.text, "link_preview_options": {"is_disabled": True}}
        answer = self._api.call("sendMessage", fields)
        said = fields_of(answer)
        if answer.status == 200 and said.get("ok") is True:
            number = _at(said, "result", "message_id")
            if isinstance(number, int):
                return Outcome.accepted(outgoing.key, f"{outgoing.address}:{number}", "200")
        return self._failed(outgoing, answer, said)

    def _failed(self, outgoing: Outgoing, answer: Answer, said: Mapping[str, Any]) -> Outcome:
        is_telegrams = said.get("ok") is False
        kind = (STATUSES.get(answer.status) if is_telegrams else None) or by_status(answer.status) or FailureKind.UNKNOWN
        description = words(said.get("description")) if is_telegrams else "the answer is not Telegram's"
        outcome = failed(outgoing, kind, answer, description, secrets=(self._secret, outgoing.address or ""))
        seconds = _at(said, "parameters", "retry_after")
        return replace(outcome, retry_after_seconds=float(seconds)) if isinstance(seconds, int) else outcome

    def ask(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        """Telegram keeps no state beyond "it stands in the chat", which is what it said when it named the message."""
        if not _NAME.fullmatch(smsc_message_id):
            return None
        return Receipt(smsc_message_id, State.DELIVERED, datetime.now(UTC), IN_CHAT, recipient)

    def find(self, outgoing: Outgoing) -> Outcome | None:
        return None

    def check(self) -> str:
        answer = self._api.call("getMe", {})
        if answer.status == 200 and fields_of(answer).get("ok") is True:
            return ""
        if answer.status in (401, 404):
            return f"Telegram knows no bot of this token (status {answer.status})"
        return f"getMe is answered with status {answer.status}"


def _refusal(outgoing: Outgoing) -> tuple[str, str] | None:
    """Why a message cannot go by Telegram at all: a code and words."""
    if outgoing.address is None:
        return "no_chat", "no chat registered"
    if len(outgoing.text.encode("utf-16-le")) // 2 > MOST_UNITS:
        return "too_long", f"the text has more than {MOST_UNITS} characters"
    if outgoing.is_encrypted:
        return "encrypted", "the text is for a handset's own program"
    return None


@dataclass(frozen=True, slots=True)
class Heard:
    """What one update came to: an event (None: nothing for us) and what the bot says to it in the chat (None: nothing)."""

    event: Registered | Inbound | None
    reply: Mapping[str, Any] | None


def read_update(update: Mapping[str, Any], settings: Mapping[str, Any]) -> Heard:
    """Reads an update. Only what a person says in a private chat with the bot counts."""
    message = update.get("message")
    chat, sender = _at(message, "chat", "id"), _at(message, "from", "id")
    if not isinstance(message, dict) or not isinstance(chat, int) or chat != sender or _at(message, "chat", "type") != "private":
        return Heard(None, None)
    said = words(message.get("text") or message.get("caption"))
    command = said.split(maxsplit=1)[0].partition("@")[0].lower() if said.strip() else ""
    if command == "/start":
        return Heard(None, _question(chat, settings))
    if command == "/stop":
        return Heard(Registered(str(chat), None), _reply(chat, settings["stopped_text"]))
    if "contact" in message:
        number = _own_number(message["contact"], chat)
        # Somebody else's card, or a number that is none, is asked for once more.
        return (
            Heard(Registered(str(chat), number), _reply(chat, settings["done_text"])) if number else Heard(None, _question(chat, settings))
        )
    return Heard(_inbound(message, chat, said), None)


def _own_number(contact: Any, chat: int) -> str | None:
    """The number (E.164) of a shared contact, if it is the sender's own: Telegram itself says whose account the number is."""
    digits = words(_at(contact, "phone_number")).removeprefix("+")
    try:
        return msisdn.normalise("+" + digits, None) if _at(contact, "user_id") == chat else None
    except InvalidRecipient:
        return None


def _inbound(message: Mapping[str, Any], chat: int, said: str) -> Inbound | None:
    date, number = message.get("date"), message.get("message_id")
    if not said or not isinstance(date, int) or not isinstance(number, int):
        return None
    return Inbound(str(chat), None, said, datetime.fromtimestamp(date, UTC), provider_id=f"{chat}:{number}", address=str(chat))


def _question(chat: int, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    button = {"text": settings["button_text"], "request_contact": True}
    keyboard = {"keyboard": [[button]], "resize_keyboard": True, "one_time_keyboard": True}
    return {"chat_id": chat, "text": settings["welcome_text"], "reply_markup": keyboard}


def _reply(chat: int, said: str) -> Mapping[str, Any]:
    return {"chat_id": chat, "text": said, "reply_markup": {"remove_keyboard": True}}


def _at(value: Any, *path: str) -> Any:
    """What stands at a path of names; None where nothing does."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


class _Refused(Exception):
    """Telegram gives no updates now; the words are for the operator."""

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words)
        self.seconds = seconds


class Bot(Lane):
    """The connector: a lane that sends, and a thread that listens."""

    def __init__(self, settings: Mapping[str, Any], process: ProcessSettings) -> None:
        self._api = BotApi(settings, process)
        lane = LaneSettings(connections=settings["connections"], has_states=True, first_ask_seconds=0.0)
        super().__init__(Telegram(self._api, settings["token"]), lane)
        self._given = settings
        self._kept = threading.Condition(self._lock)
        self._told = self._taken_events = self._recorded = 0
        self._offset = 0
        self._deaf = ""
        self._over = threading.Event()

    def open(self) -> None:
        super().open()
        if self._given["listen"]:
            threading.Thread(target=self._listen, name="telegram-updates", daemon=True).start()

    def poll(self, timeout_seconds: float) -> list[Event]:
        with self._lock:
            self._recorded = self._taken_events  # whoever asks again has written down what it was given
            self._kept.notify_all()
        events = super().poll(timeout_seconds)
        self._taken_events += sum(isinstance(event, Registered | Inbound) for event in events)
        return events

    def standing(self) -> Standing:
        standing = super().standing()
        return replace(standing, note=self._deaf) if standing.is_connected and not standing.note and self._deaf else standing

    def close(self, timeout_seconds: float) -> list[Event]:
        self._over.set()
        with self._lock:
            self._kept.notify_all()
        return super().close(timeout_seconds)

    def _listen(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._over.is_set():
            try:
                self._hear(self._updates())
                self._deaf, pause = "", FIRST_PAUSE_SECONDS
                continue
            except _Refused as error:
                self._deaf, pause = str(error), max(error.seconds, pause)
            except OutgoingError as error:
                self._deaf = f"registrations cannot be fetched: {error}"
            except Exception as error:
                # Its words may hold what a person wrote.
                log.error("updates_crashed", error=type(error).__name__)
                self._deaf = f"registrations cannot be fetched: defect: {type(error).__name__}"
            self._over.wait(pause)
            pause = min(pause * 2, MOST_PAUSE_SECONDS)

    def _updates(self) -> Sequence[Any]:
        """What was said since the last confirmed update, as soon as anything is. Asking confirms what came before."""
        seconds = self._given["poll_seconds"]
        fields = {"offset": self._offset, "limit": UPDATES_AT_ONCE, "timeout": seconds, "allowed_updates": ["message"]}
        answer = self._api.call("getUpdates", fields, float(seconds))
        said = fields_of(answer)
        found = said.get("result")
        if answer.status == 200 and said.get("ok") is True and isinstance(found, list):
            return found
        after = _at(said, "parameters", "retry_after")
        what = "another program fetches them, or a webhook is set" if answer.status == CONFLICT else f"status {answer.status}"
        raise _Refused(f"registrations cannot be fetched: {what}", float(after) if isinstance(after, int) else 0.0)

    def _hear(self, updates: Sequence[Any]) -> None:
        """Tells what was said, waits until that is recorded, and answers."""
        known = [each for each in updates if isinstance(_at(each, "update_id"), int)]
        heard = [read_update(each, self._given) for each in known]
        if not self._tell([each.event for each in heard if each.event is not None]):
            return
        for reply in self._replies(heard):
            try:
                self._api.call("sendMessage", reply)
            except OutgoingError as error:
                log.warning("bot_reply_failed", error=str(error))
        self._offset = max([self._offset, *(each["update_id"] + 1 for each in known)])

    def _replies(self, heard: Sequence[Heard]) -> Iterator[Mapping[str, Any]]:
        return (each.reply for each in heard if each.reply is not None and not self._over.is_set())

    def _tell(self, events: Sequence[Registered | Inbound]) -> bool:
        """Hands events out and waits until they are recorded; whether they are, and not the connector over."""
        with self._lock:
            for event in events:
                self._happen(event)
            self._told += len(events)
            wanted = self._told
            self._kept.wait_for(lambda: self._recorded >= wanted or self._over.is_set())
            return self._recorded >= wanted and not self._over.is_set()


def make(settings: Mapping[str, Any], process: ProcessSettings) -> Bot:
    """A connector that is not open yet. Raises ValueError."""
    return Bot(settings, process)


def _api_base(value: object) -> str:
    try:
        return base_url(str(value))
    except ValueError:
        raise ValueError("must be https://host or http://host, perhaps with a path, and without user name, query and fragment") from None


KIND = Kind(
    title="Telegram",
    settings=(
        Setting("token", "The bot's token, as BotFather gave it.", text(), REQUIRED, secret=True),
        Setting("api_base", "Where the Bot API is: Telegram's own, or a server of yours.", _api_base, "https://api.telegram.org"),
        Setting("listen", "Fetch what people write to the bot: registrations and messages. One connector for each bot.", flag, True),
        Setting("poll_seconds", "How long Telegram holds a fetch open while nobody writes.", whole(1, 50), 25),
        Setting(
            "welcome_text",
            "What the bot says to /start.",
            text(),
            "To get your messages here, share your telephone number with the button below. /stop ends it.",
        ),
        Setting("button_text", "What stands on that button.", text(60), "Share my number"),
        Setting("done_text", "What the bot says when a number is registered.", text(), "You will get your messages here."),
        Setting("stopped_text", "What the bot says to /stop.", text(), "You will get no more messages here."),
        *COMMON,
    ),
    make=make,
)
