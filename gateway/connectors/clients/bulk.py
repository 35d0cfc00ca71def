"""A carrier that speaks the bulk SMS API, version 1 or 2 (contract bulk-v1-v2): UGSMS, or another Dragoman.

The API tells no states, so no receipts come. A Dragoman honours ``Idempotency-Key``; others ignore it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.connectors.base import FailureKind, Kind, Outcome, Outgoing, ProcessSettings, Receipt, Setting
from gateway.connectors.http_answers import by_status, failed, fields_of, reference, words
from gateway.connectors.http_lane import BASE_URL, COMMON, REPEATS, Calls, Lane, LaneSettings, base_url
from gateway.connectors.settings import flag, one_of, text
from gateway.net.client import Answer

WORDS: Sequence[tuple[str, FailureKind]] = (
    ("balance", FailureKind.MISCONFIGURED),
    ("credit", FailureKind.MISCONFIGURED),
    ("api key", FailureKind.MISCONFIGURED),
    ("messages a day", FailureKind.THROTTLED),
    ("phone number", FailureKind.FINAL),
)
"""What the far end's sentence is searched for, in small letters, on a 4xx that is not settled by its status."""


class Bulk:
    """The way, of either version."""

    def __init__(self, settings: Mapping[str, Any], process: ProcessSettings) -> None:
        self._settings = settings
        self._is_first = settings["version"] == "v1"
        if self._is_first != bool(settings["username"] and settings["password"]) or self._is_first == bool(settings["api_key"]):
            raise ValueError("version v1 needs username and password and no api_key; v2 needs api_key alone")
        self._url = base_url(settings["base_url"])
        self._secrets = (settings["password"], settings["api_key"])
        self._calls = Calls(settings, process)
        self.close = self._calls.close

    def send(self, outgoing: Outgoing) -> Outcome:
        name = reference(outgoing.key)
        body = {"numbers": outgoing.recipient, "message_body": outgoing.text, "reference": name}
        if outgoing.originator and self._settings["send_originator"]:
            body["sender_id"] = outgoing.originator
        if self._is_first:
            body |= {"username": self._settings["username"], "password": self._settings["password"]}
        answer = self._call("POST", "/v1/sms/send" if self._is_first else "/api/v2/sms/send", body, name)
        return self._outcome(outgoing, name, answer)

    def ask(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        return None

    def find(self, outgoing: Outgoing) -> Outcome | None:
        return None

    def check(self) -> str:
        """The balance, where version 2 has a call for it; version 1 has none in its manual, so any answer of the host will do."""
        if self._is_first:
            self._calls.call("GET", self._url + "/")
            return ""
        answer = self._call("GET", "/api/v2/account/balance", None, "")
        return "the far end does not accept our key" if answer.status in (401, 403) else ""

    def _outcome(self, outgoing: Outgoing, name: str, answer: Answer) -> Outcome:
        said = fields_of(answer)
        data = said.get("data") if isinstance(said.get("data"), dict) else {}
        # The first version's older answer is a sentence alone.
        is_old = self._is_first and "success" not in said and "error" not in said and bool(said.get("message"))
        if 200 <= answer.status < 300 and (said.get("success") is True or is_old):
            return Outcome.accepted(outgoing.key, words((data or {}).get("message_id")) or name, str(answer.status))
        sentence = words(said.get("error")) or words(said.get("message"))
        return failed(outgoing, _kind(answer, sentence), answer, sentence, secrets=self._secrets)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, name: str) -> Answer:
        headers = {"Accept": "application/json"}
        if not self._is_first:
            headers["X-API-Key"] = self._settings["api_key"]
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": name}
        return self._calls.call(method, self._url + path, headers, b"" if body is None else json.dumps(body).encode())


def _kind(answer: Answer, sentence: str) -> FailureKind:
    """A 2xx without ``success: true`` is a failure to every client of this API, and yet nobody knows what was done."""
    if 400 <= answer.status < 500 and answer.status not in (401, 403, 404, 405):
        for word, kind in WORDS:
            if word in sentence.lower():
                return kind
    return by_status(answer.status) or FailureKind.UNKNOWN


def make(settings: Mapping[str, Any], process: ProcessSettings) -> Lane:
    """A connector that is not open yet. Raises ValueError."""
    return Lane(Bulk(settings, process), LaneSettings(settings["connections"], repeats_are_safe=settings["repeats_are_safe"]))


KIND = Kind(
    title="Bulk SMS",
    settings=(
        BASE_URL,
        Setting("version", "v2, by API key, or v1, by user name and password.", one_of("v1", "v2"), "v2"),
        Setting("api_key", "For v2.", text(), "", secret=True),
        Setting("username", "For v1.", text(), ""),
        Setting("password", "For v1.", text(), "", secret=True),
        Setting("send_originator", "Hand the sender over; otherwise the far end uses its own.", flag, True),
        REPEATS,
        *COMMON,
    ),
    make=make,
)
