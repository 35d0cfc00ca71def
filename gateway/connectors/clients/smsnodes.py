"""A carrier that speaks the SMS Nodes API (contract smsnodes): a telephone of that provider, or another Dragoman.

The provider tells no states. A Dragoman does, at ``/api/message-state``, and honours ``Idempotency-Key``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.connectors.base import FailureKind, Kind, Outcome, Outgoing, ProcessSettings, Receipt, Setting
from gateway.connectors.http_answers import by_status, failed, fields_of, reference, words
from gateway.connectors.http_lane import BASE_URL, COMMON, REPEATS, Calls, Lane, asking_lane, base_url
from gateway.connectors.http_reports import moment
from gateway.connectors.settings import REQUIRED, flag, text, whole
from gateway.domain.message import State
from gateway.net.client import Answer

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
WORDS: Sequence[tuple[str, FailureKind]] = (
    ("username and password", FailureKind.MISCONFIGURED),
    ("priority", FailureKind.MISCONFIGURED),
    ("credit", FailureKind.MISCONFIGURED),
)
STATES: Mapping[str, State] = {
    "delivered": State.DELIVERED,
    "undelivered": State.UNDELIVERED,
    "failed": State.UNDELIVERED,
    "cancelled": State.UNDELIVERED,
    "blocked": State.UNDELIVERED,
    "expired": State.EXPIRED,
}
"""A Dragoman's words for what became of a message."""


class SmsNodes:
    """The way."""

    def __init__(self, settings: Mapping[str, Any], process: ProcessSettings) -> None:
        self._settings = settings
        self._who = {"deviceUsername": settings["device"], "password": settings["password"]}
        self._url = base_url(settings["base_url"])
        self._calls = Calls(settings, process)
        self.close = self._calls.close

    def send(self, outgoing: Outgoing) -> Outcome:
        name = reference(outgoing.key)
        body = {"phoneNumbers": [outgoing.recipient], "message": outgoing.text, "priority": self._settings["priority"]}
        answer = self._calls.call("POST", self._url + "/api/send-sms", {**JSON, "Idempotency-Key": name}, self._body(body))
        said = fields_of(answer)
        if 200 <= answer.status < 300 and words(said.get("messageId")):
            return Outcome.accepted(outgoing.key, words(said["messageId"]), str(answer.status))
        sentence = words(said.get("error"))
        return failed(outgoing, _kind(answer, sentence), answer, sentence, secrets=(self._settings["password"],))

    def ask(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        answer = self._calls.ask("POST", self._url + "/api/message-state", JSON, self._body({"messageId": smsc_message_id}))
        recipients = fields_of(answer).get("recipients") if answer.status == 200 else None
        for each in recipients if isinstance(recipients, list) else []:
            if isinstance(each, dict) and each.get("phoneNumber") == recipient and (state := STATES.get(words(each.get("state")))):
                at = moment(words(each.get("updatedAt")), "UTC", datetime.now(UTC))
                return Receipt(smsc_message_id, state, at, words(each.get("state")), recipient)
        return None

    def find(self, outgoing: Outgoing) -> Outcome | None:
        return None

    def check(self) -> str:
        """Health is open to everybody; wrong credentials show when a message is sent."""
        answer = self._calls.call("GET", self._url + "/api/health")
        return f"/api/health answers with status {answer.status}" if answer.status >= 500 else ""

    def _body(self, fields: Mapping[str, Any]) -> bytes:
        return json.dumps({**self._who, **fields}).encode()


def _kind(answer: Answer, sentence: str) -> FailureKind:
    """A success without a number is none that anybody could ask about, nor a failure."""
    if answer.status == 400:
        return next((kind for word, kind in WORDS if word in sentence.lower()), FailureKind.FINAL)
    return by_status(answer.status) or FailureKind.UNKNOWN


def make(settings: Mapping[str, Any], process: ProcessSettings) -> Lane:
    """A connector that is not open yet. Raises ValueError."""
    return Lane(SmsNodes(settings, process), asking_lane(settings))


KIND = Kind(
    title="SMS Nodes",
    settings=(
        BASE_URL,
        Setting("device", "The device's user name.", text(), REQUIRED),
        Setting("password", "Its password.", text(), REQUIRED, secret=True),
        Setting("priority", "1 to 5, for every message.", whole(1, 5), 1),
        Setting("ask_states", "Ask the far end what became of messages; only another Dragoman knows.", flag, False),
        Setting("first_ask_seconds", "Seconds after sending until that is first asked; then ever more rarely.", whole(0, 3600), 5),
        REPEATS,
        *COMMON,
    ),
    make=make,
)
