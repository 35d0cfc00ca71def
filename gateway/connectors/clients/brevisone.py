"""A carrier that speaks the brevis.one HTTP API (contract brevisone): an appliance in the cellar, or another Dragoman.

The API has no reference of the caller's. An appliance names no message either; a Dragoman does, in ``X-Message-Id``, is asked at
``/state.php`` what became of it, and honours ``Idempotency-Key``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from gateway.connectors.base import FailureKind, Kind, Outcome, Outgoing, ProcessSettings, Receipt, Setting
from gateway.connectors.http_answers import by_status, failed, reference
from gateway.connectors.http_lane import ASKING, BASE_URL, COMMON, REPEATS, Calls, Lane, asking_lane, base_url
from gateway.connectors.settings import REQUIRED, flag, one_of, text
from gateway.domain.message import State
from gateway.net.client import Answer

FORM = "application/x-www-form-urlencoded"
STATES: Mapping[str, State] = {"DELIVERED": State.DELIVERED, "FAILED": State.UNDELIVERED}
"""Of section 7; the appliance's own list is lost, and words that are not here are waited out."""
BAD_WORDS = ("error", "failed")


class BrevisOne:
    """The way. The password goes in a body unless the operator wants GET."""

    def __init__(self, settings: Mapping[str, Any], process: ProcessSettings) -> None:
        self._settings = settings
        self._url = base_url(settings["base_url"]).removesuffix("/api.php")
        self._calls = Calls(settings, process)
        self.close = self._calls.close

    def send(self, outgoing: Outgoing) -> Outcome:
        fields = {
            "username": self._settings["username"],
            "password": self._settings["password"],
            "to": "00" + outgoing.recipient.removeprefix("+"),
            "mode": "number",
        }
        if self._settings["hexmode"]:
            fields |= {"hexmode": "true", "text": outgoing.text.encode().hex()}
        else:
            fields["text"] = outgoing.text
        if outgoing.is_flash:
            fields["flash"] = "true"
        answer = self._call(urlencode(fields), {"Idempotency-Key": reference(outgoing.key)})
        said = answer.text()
        if answer.status == 200 and not any(word in said.lower() for word in BAD_WORDS):
            return Outcome.accepted(outgoing.key, answer.headers.get("x-message-id") or reference(outgoing.key), "200")
        kind = FailureKind.UNKNOWN if answer.status == 200 else by_status(answer.status)
        return failed(outgoing, kind or FailureKind.UNKNOWN, answer, said, secrets=(self._settings["password"],))

    def ask(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        answer = self._calls.ask("GET", f"{self._url}/state.php?uid={quote(smsc_message_id, safe='')}")
        name, _, word = answer.text().partition(":")
        state = STATES.get(word.strip().upper()) if answer.status == 200 and name.strip().lower() == "status" else None
        return Receipt(smsc_message_id, state, datetime.now(UTC), word.strip(), recipient) if state else None

    def find(self, outgoing: Outgoing) -> Outcome | None:
        return None

    def check(self) -> str:
        """Anything but an error of the server will do; wrong credentials show when a message is sent."""
        answer = self._calls.call("GET", f"{self._url}/check.php?option=state")
        return f"check.php answers with status {answer.status}" if answer.status >= 500 else ""

    def _call(self, fields: str, headers: Mapping[str, str]) -> Answer:
        url = self._url + "/api.php"
        if self._settings["method"] == "GET":
            return self._calls.call("GET", f"{url}?{fields}", headers)
        return self._calls.call("POST", url, {"Content-Type": FORM, **headers}, fields.encode())


def make(settings: Mapping[str, Any], process: ProcessSettings) -> Lane:
    """A connector that is not open yet. Raises ValueError."""
    return Lane(BrevisOne(settings, process), asking_lane(settings))


KIND = Kind(
    title="brevis.one",
    settings=(
        BASE_URL,
        Setting("username", "A user with access to the HTTP API.", text(), REQUIRED),
        Setting("password", "Its password.", text(), REQUIRED, secret=True),
        Setting("method", "POST; GET puts the password into the far end's logs.", one_of("POST", "GET"), "POST"),
        Setting("hexmode", "Send texts as hexadecimal digits.", flag, False),
        *ASKING,
        REPEATS,
        *COMMON,
    ),
    make=make,
)
