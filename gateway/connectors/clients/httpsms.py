"""A carrier that speaks the httpSMS user API (contract httpsms): httpSMS with its telephones, or another Dragoman.

Our reference is the ``request_id``. The far end does not refuse a second message with the same one, but its list of messages between two
numbers shows it, so an unanswered send can be looked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from gateway.connectors.base import FailureKind, Inbound, Kind, Outcome, Outgoing, ProcessSettings, Receipt, Setting
from gateway.connectors.http_answers import by_status, failed, fields_of, reference, words
from gateway.connectors.http_lane import ASKING, BASE_URL, COMMON, REPEATS, Calls, Lane, asking_lane, base_url
from gateway.connectors.http_reports import INLET_SECRET, BadCall, Call, Read, moment, number, require_secret
from gateway.connectors.http_rules import at
from gateway.connectors.settings import REQUIRED, text
from gateway.domain.message import State
from gateway.net.client import Answer

LOOKED_THROUGH = 20
EVENTS: Mapping[str, State] = {
    "message.phone.delivered": State.DELIVERED,
    "message.send.failed": State.UNDELIVERED,
    "message.send.expired": State.EXPIRED,
}
RECEIVED = "message.phone.received"
OUR_FIELDS = frozenset({"from"})
"""Fields whose refusal is our fault and not the message's: the telephone is not registered there."""


class HttpSms:
    """The way."""

    def __init__(self, settings: Mapping[str, Any], process: ProcessSettings) -> None:
        self._settings = settings
        self._url = base_url(settings["base_url"]).removesuffix("/v1")
        self._calls = Calls(settings, process)
        self.close = self._calls.close

    def send(self, outgoing: Outgoing) -> Outcome:
        name = reference(outgoing.key)
        body = {"from": self._settings["phone"], "to": outgoing.recipient, "content": outgoing.text, "request_id": name}
        if outgoing.is_encrypted:
            body["encrypted"] = True
        answer = self._call("POST", "/v1/messages/send", body, {"Idempotency-Key": name})
        said = fields_of(answer)
        identity = words(at(said, "/data/id"))
        if 200 <= answer.status < 300 and identity:
            return Outcome.accepted(outgoing.key, identity, str(answer.status))
        return failed(outgoing, _kind(answer, said), answer, _sentence(said), secrets=(self._settings["api_key"],))

    def ask(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        answer = self._asked("/v1/messages/" + quote(smsc_message_id, safe=""))
        message = at(fields_of(answer), "/data") if answer.status == 200 else None
        return _receipt(message, smsc_message_id, datetime.now(UTC)) if isinstance(message, dict) else None

    def find(self, outgoing: Outgoing) -> Outcome | None:
        query = urlencode({"owner": self._settings["phone"], "contact": outgoing.recipient, "limit": LOOKED_THROUGH})
        messages = at(fields_of(self._asked(f"/v1/messages?{query}")), "/data")
        for each in messages if isinstance(messages, list) else []:
            if isinstance(each, dict) and each.get("request_id") == reference(outgoing.key) and words(each.get("id")):
                return Outcome.accepted(outgoing.key, words(each["id"]), "found")
        return None

    def check(self) -> str:
        answer = self._call("GET", "/v1/phones?limit=1")
        return "the far end does not accept our key" if answer.status == 401 else ""

    def _asked(self, path: str) -> Answer:
        return self._calls.ask("GET", self._url + path, {"x-api-key": self._settings["api_key"], "Accept": "application/json"})

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, further: Mapping[str, str] | None = None) -> Answer:
        headers = {"x-api-key": self._settings["api_key"], "Accept": "application/json", **(further or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._calls.call(method, self._url + path, headers, b"" if body is None else json.dumps(body).encode())


def events(settings: Mapping[str, Any], call: Call, now: datetime) -> list[Receipt | Inbound]:
    """A webhook's event (6.3). Those that say nothing of a message's end are thanked for and left. Raises BadCall."""
    try:
        event = json.loads(call.body)
    except (ValueError, RecursionError):
        raise BadCall("the body is no JSON") from None
    return [_received(event, now)] if at(event, "/type") == RECEIVED else [*_ended(event, now)]


def _received(event: Any, now: datetime) -> Inbound:
    sender, content = words(at(event, "/data/contact")), at(event, "/data/content")
    if not sender or not isinstance(content, str):
        raise BadCall("data.contact or data.content is missing")
    return Inbound(
        number(sender),
        number(words(at(event, "/data/owner"))) or None,
        content,
        moment(words(at(event, "/data/timestamp")), "UTC", now),
        provider_id=words(at(event, "/data/message_id")),
        sim=words(at(event, "/data/sim")) or None,
        is_encrypted=at(event, "/data/encrypted") is True,
    )


def _ended(event: Any, now: datetime) -> Sequence[Receipt]:
    state, name = EVENTS.get(words(at(event, "/type"))), words(at(event, "/data/id")) or words(at(event, "/data/message_id"))
    if state is None:
        return []
    if not name:
        raise BadCall("data.id is missing")
    if state is State.EXPIRED and at(event, "/data/is_final") is not True:
        return []  # it is tried again there while tries are left; asking tells
    return [Receipt(name, state, moment(words(at(event, "/data/timestamp")), "UTC", now), words(at(event, "/type")))]


READERS: Mapping[str, Read] = {"receipt": events}


def _receipt(message: Mapping[str, Any], name: str, now: datetime) -> Receipt | None:
    match message.get("status"):
        case "delivered":
            return Receipt(name, State.DELIVERED, moment(words(message.get("delivered_at")), "UTC", now), "delivered")
        case "failed":
            code = words(message.get("failure_reason")) or "failed"
            return Receipt(name, State.UNDELIVERED, moment(words(message.get("failed_at")), "UTC", now), code)
        case "expired" if _tries_are_used_up(message):
            return Receipt(name, State.EXPIRED, moment(words(message.get("expired_at")), "UTC", now), "expired")
    return None


def _tries_are_used_up(message: Mapping[str, Any]) -> bool:
    """An expired message goes out once more while the far end has tries left (section 3)."""
    made, most = message.get("send_attempt_count"), message.get("max_send_attempts")
    return isinstance(made, int) and isinstance(most, int) and made >= most


def _kind(answer: Answer, said: Mapping[str, Any]) -> FailureKind:
    if answer.status == 422:
        fields = said.get("data")
        return FailureKind.MISCONFIGURED if isinstance(fields, dict) and OUR_FIELDS & fields.keys() else FailureKind.FINAL
    return by_status(answer.status) or FailureKind.UNKNOWN


def _sentence(said: Mapping[str, Any]) -> str:
    fields = said.get("data")
    if isinstance(fields, dict):
        texts = [words(each) for value in fields.values() if isinstance(value, list) for each in value]
        return "; ".join(filter(None, texts)) or words(said.get("message"))
    return words(said.get("message"))


def make(settings: Mapping[str, Any], process: ProcessSettings) -> Lane:
    """A connector that is not open yet. Raises ValueError."""
    require_secret(settings)
    return Lane(HttpSms(settings, process), asking_lane(settings, can_find=True))


KIND = Kind(
    title="httpSMS",
    settings=(
        BASE_URL,
        Setting("api_key", "The user's API key.", text(), REQUIRED, secret=True),
        Setting("phone", "The number of the telephone that sends, with its plus, as it is registered there.", text(20), REQUIRED),
        INLET_SECRET,
        *ASKING,
        REPEATS,
        *COMMON,
    ),
    make=make,
    takes_encrypted=True,
)
