"""A carrier that speaks the smSend API (contract smsend): smSend and its sister brands, or another Dragoman.

One call for each message: a call with several recipients is refused as a whole for one bad number, and after a time-out nobody could
say by one message's reference what became of it. The reference is the ``order_id``, which the far end takes once.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from gateway.connectors.base import FailureKind, Kind, Outcome, Outgoing, ProcessSettings, Receipt, Setting
from gateway.connectors.http_answers import THROTTLED, basic, by_status, failed, fields_of, reference, retry_after, words
from gateway.connectors.http_lane import (
    ASKING,
    BASE_URL,
    COMMON,
    LEAST_SILENCE_SECONDS,
    REPEATS,
    AskLater,
    Calls,
    Lane,
    asking_lane,
    base_url,
)
from gateway.connectors.http_reports import INLET_SECRET, BadCall, Call, Read, moment, number, require_secret, require_zone
from gateway.connectors.settings import flag, text
from gateway.domain.alphabet import Alphabet
from gateway.domain.message import State
from gateway.net.client import Answer, CallFailed, OutgoingError

PREFIX = "/API/v1.0/REST"
_F, _M, _T, _R, _U = (
    FailureKind.FINAL,
    FailureKind.MISCONFIGURED,
    FailureKind.THROTTLED,
    FailureKind.RETRY_LATER,
    FailureKind.UNKNOWN,
)

CODES: Mapping[str, FailureKind] = {
    "NOT_ENOUGH_CREDIT": _M,
    "INVALID_MESSAGE_TYPE": _M,
    "DISABLED": _M,
    "NOT_PERMITTED": _M,
    "ADDRESS_NOT_ALLOWED": _M,
    "INVALID_SENDER": _F,
    "INVALID_RECIPIENT": _F,
    "UNKNOWN_PREFIX": _F,
    "MESSAGE_TOO_LONG": _F,
    "INVALID_CHARACTER": _F,
    "TOO_MANY_ATTEMPTS": _T,
    "DAILY_CAP_REACHED": _T,
    "UNAVAILABLE": _R,
    "OUTCOME_UNKNOWN": _U,
}
"""``error_code`` of a Dragoman; smSend's own bodies are free text (1.6)."""
WORDS: Sequence[tuple[str, FailureKind]] = (("credit", _M), ("message_type", _M))
"""What smSend's text is searched for, in small letters, where there is no known code."""
DUPLICATE = "DUPLICATE_ORDER_ID"

STATES: Mapping[str, State] = {
    "DLVRD": State.DELIVERED,
    "TIMEOUT": State.EXPIRED,
    **dict.fromkeys(
        ("ERROR", "KO", "TOOM4USER", "TOOM4NUM", "UNKNRCPT", "UNKNPFX", "INVALIDDST", "BLACKLISTED", "INVALIDCONTENTS", "DEMO"),
        State.UNDELIVERED,
    ),
}
"""The final words of 3.8. SENT is final for types without receipts: then there is none."""


class NotLetIn(Exception):
    """The far end gives no session. The message was not sent."""

    def __init__(self, kind: FailureKind, words: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(words)
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds


class SmSend:
    """The way. Logs in when it must, by Basic authentication, so that the password stands in nobody's log; a session that ended is
    renewed once for each call.
    """

    def __init__(self, settings: Mapping[str, Any], process: ProcessSettings) -> None:
        if bool(settings["user_key"]) != bool(settings["access_token"]) or not (settings["password"] or settings["access_token"]):
            raise ValueError("set username and password, or user_key and access_token")
        self._settings = settings
        self._url = base_url(settings["base_url"]).removesuffix(PREFIX) + PREFIX
        self._secrets = (settings["password"], settings["access_token"])
        self._calls = Calls(settings, process)
        self.close = self._calls.close
        self._lock = threading.Lock()
        self._keys: Mapping[str, str] | None = None

    def send(self, outgoing: Outgoing) -> Outcome:
        name = reference(outgoing.key)
        try:
            answer = self._signed("POST", "/sms", self._body(outgoing, name))
        except NotLetIn as error:
            return Outcome.failed(outgoing.key, error.kind, "login", str(error), error.retry_after_seconds)
        said = fields_of(answer)
        if answer.status in (200, 201) and said.get("result") == "OK":
            return Outcome.accepted(outgoing.key, words(said.get("order_id")) or name, str(answer.status))
        code = words(said.get("error_code"))
        if code == DUPLICATE or (answer.status == 400 and code not in CODES and outgoing.key.number > 1):
            # An earlier try may have been taken although its answer never came.
            try:
                found = self.find(outgoing)
            except (OutgoingError, AskLater):
                return failed(outgoing, _U, answer, "an earlier try may have been taken", code)
            if found is not None:
                return found
        kind = _kind(answer, code, words(said.get("result")))
        return failed(outgoing, kind, answer, words(said.get("result")), code, self._secrets)

    def ask(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        answer = self._asked(smsc_message_id)
        for each in _recipients(answer):
            state = STATES.get(words(each.get("status")))
            if each.get("destination") == recipient and state is not None:
                return Receipt(smsc_message_id, state, self._moment(each), words(each.get("status")), recipient)
        return None

    def find(self, outgoing: Outgoing) -> Outcome | None:
        name = reference(outgoing.key)
        recipients = _recipients(self._asked(name))
        return (
            Outcome.accepted(outgoing.key, name, "found")
            if any(each.get("destination") == outgoing.recipient for each in recipients)
            else None
        )

    def check(self) -> str:
        try:
            answer = self._signed("GET", "/status")
        except NotLetIn as error:
            return str(error)
        return "the far end does not accept our key" if answer.status == 401 else ""

    def _body(self, outgoing: Outgoing, name: str) -> dict[str, Any]:
        body = {
            "message_type": self._settings["message_type"],
            "message": outgoing.text,
            "recipient": [outgoing.recipient],
            "order_id": name,
            "encoding": "gsm" if outgoing.alphabet is Alphabet.GSM7 else "ucs2",
            # Sister brands cut a long text unless told not to.
            "truncate": False,
            "max_fragments": max(outgoing.parts, 1),
        }
        if outgoing.originator and self._settings["send_originator"]:
            body["sender"] = outgoing.originator
        return body

    def _asked(self, name: str) -> Answer:
        try:
            answer = self._signed("GET", "/sms/" + quote(name, safe=""))
        except NotLetIn as error:
            raise CallFailed(str(error), reached=True) from None
        if answer.status == THROTTLED:
            raise AskLater(retry_after(answer) or LEAST_SILENCE_SECONDS)
        return answer

    def _moment(self, recipient: Mapping[str, Any]) -> datetime:
        return moment(words(recipient.get("delivery_date")), self._settings["zone"], datetime.now(UTC))

    def _signed(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """A call with our keys; where the session has ended, once more with new ones: 401 says that nothing was done."""
        keys = self._session(None)
        answer = self._call(method, path, keys, body)
        if answer.status == 401 and not self._settings["access_token"]:
            answer = self._call(method, path, self._session(keys), body)
        return answer

    def _call(self, method: str, path: str, keys: Mapping[str, str], body: Mapping[str, Any] | None) -> Answer:
        headers = {**keys, "Accept": "application/json", "Content-Type": "application/json"}
        return self._calls.call(method, self._url + path, headers, b"" if body is None else json.dumps(body).encode())

    def _session(self, ended: Mapping[str, str] | None) -> Mapping[str, str]:
        """The headers that prove who we are; new ones where those at hand are the ``ended`` ones."""
        if self._settings["access_token"]:
            return {"user_key": self._settings["user_key"], "Access_token": self._settings["access_token"]}
        with self._lock:
            if self._keys is None or self._keys is ended:
                self._keys = self._logged_in()
            return self._keys

    def _logged_in(self) -> Mapping[str, str]:
        headers = {"Authorization": basic(self._settings["username"], self._settings["password"])}
        try:
            answer = self._calls.call("GET", self._url + "/login", headers)
        except CallFailed as error:
            # Whatever became of the login, the message was not part of it.
            raise CallFailed(str(error), reached=False) from None
        user_key, separator, key = answer.text().strip().partition(";")
        if answer.status == 200 and separator and key.isprintable() and " " not in key:
            return {"user_key": user_key, "Session_key": key}
        kind = by_status(answer.status) or _M
        kind = _R if answer.status >= 500 else _T if kind is _T else _M
        raise NotLetIn(kind, f"the far end refuses the login with status {answer.status}", retry_after(answer))


def receipts(settings: Mapping[str, Any], call: Call, now: datetime) -> list[Receipt]:
    """The delivery callback (2.17). Raises BadCall."""
    name, status = call.fields.get("order_id", ""), call.fields.get("status", "")
    if not name or not status:
        raise BadCall("order_id or status is missing")
    if status not in STATES:
        return []
    at = moment(call.fields.get("delivery_date"), settings["zone"], now)
    recipient = number(call.fields.get("recipient", ""))
    return [Receipt(name, STATES[status], at, status, recipient if recipient.startswith("+") else "")]


READERS: Mapping[str, Read] = {"receipt": receipts}


def _kind(answer: Answer, code: str, said: str) -> FailureKind:
    if code in CODES:
        return CODES[code]
    if answer.status == 400:
        return next((kind for word, kind in WORDS if word in said.lower()), _F)
    return by_status(answer.status) or _U


def _recipients(answer: Answer) -> list[Mapping[str, Any]]:
    found = fields_of(answer).get("recipients") if answer.status == 200 else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def make(settings: Mapping[str, Any], process: ProcessSettings) -> Lane:
    """A connector that is not open yet. Raises ValueError."""
    require_zone(settings["zone"])
    require_secret(settings)
    way = SmSend(settings, process)
    return Lane(way, asking_lane(settings, can_find=True, absence_is_proof=True))


KIND = Kind(
    title="smSend",
    settings=(
        BASE_URL,
        Setting("username", "User name at the far end.", text(), ""),
        Setting("password", "Its password.", text(), "", secret=True),
        Setting("user_key", "With access_token: instead of user name and password.", text(), ""),
        Setting("access_token", "A token that does not end, from the far end's /token.", text(), "", secret=True),
        Setting("message_type", "The quality to order: N, L, LL, or the token of a sister brand.", text(10), "N"),
        Setting("send_originator", "Hand the sender over; otherwise the far end uses its own.", flag, True),
        Setting("zone", "Time zone of the far end's account, for the times of its receipts.", text(60), "Europe/Rome"),
        INLET_SECRET,
        *ASKING,
        REPEATS,
        *COMMON,
    ),
    make=make,
)
