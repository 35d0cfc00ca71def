"""What carriers that speak HTTP have in common: how their answers are read where the carrier's own table says nothing."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from gateway.connectors.base import AttemptKey, FailureKind, Outcome, Outgoing
from gateway.net.client import AddressRefused, Answer, BadUrl, CallFailed, OutgoingError

MOST_WORDS = 160  # characters of a carrier's own words
MOST_PAUSE_SECONDS = 3600.0
THROTTLED = 429

_STATUSES: Mapping[int, FailureKind] = {
    400: FailureKind.FINAL,
    401: FailureKind.MISCONFIGURED,
    402: FailureKind.MISCONFIGURED,
    403: FailureKind.MISCONFIGURED,
    404: FailureKind.MISCONFIGURED,
    405: FailureKind.MISCONFIGURED,
    408: FailureKind.UNKNOWN,
    410: FailureKind.MISCONFIGURED,
    413: FailureKind.FINAL,
    414: FailureKind.FINAL,
    422: FailureKind.FINAL,
    429: FailureKind.THROTTLED,
    501: FailureKind.MISCONFIGURED,
}


def by_status(status: int) -> FailureKind | None:
    """What an HTTP status says by itself; None: taken.

    A 5xx may come from a server in front of one that took the message, and so may a time-out: whether the handset will ring is then
    unknown. A redirect is not followed, since it may lead a POST to a page that says 200 to everything.
    """
    if 200 <= status < 300:
        return None
    if status in _STATUSES:
        return _STATUSES[status]
    if 300 <= status < 400:
        return FailureKind.MISCONFIGURED
    return FailureKind.RETRY_LATER if 400 <= status < 500 else FailureKind.UNKNOWN


def by_error(key: AttemptKey, error: OutgoingError) -> Outcome:
    """The outcome of a call without an answer."""
    if isinstance(error, CallFailed):
        return Outcome.failed(key, _of_broken_call(error), "" if error.status is None else str(error.status), str(error))
    if isinstance(error, AddressRefused | BadUrl):
        return Outcome.failed(key, FailureKind.MISCONFIGURED, type(error).__name__, str(error))
    return Outcome.failed(key, FailureKind.UNKNOWN, type(error).__name__)


def _of_broken_call(error: CallFailed) -> FailureKind:
    if not error.reached:
        return FailureKind.RETRY_LATER
    # A refusal whose body broke off is a refusal; an acceptance without its body lacks the carrier's name for the message.
    refusal = by_status(error.status) if error.status is not None and 400 <= error.status < 500 else None
    return refusal or FailureKind.UNKNOWN


def failed(outgoing: Outgoing, kind: FailureKind, answer: Answer, words: str = "", code: str = "", secrets: Iterable[str] = ()) -> Outcome:
    """A failure in the carrier's words, without what they may repeat of the message, and with the pause that the answer asks for."""
    detail = scrubbed(words, outgoing, secrets)
    return Outcome.failed(outgoing.key, kind, code or str(answer.status), detail, retry_after(answer))


def retry_after(answer: Answer) -> float | None:
    """Seconds to wait, from ``Retry-After`` in either of its forms (RFC 9110, 10.2.3); None where it says nothing usable."""
    value = answer.headers.get("retry-after", "").strip()
    if re.fullmatch("[0-9]{1,9}", value):
        return min(float(value), MOST_PAUSE_SECONDS)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    left = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(left, 0.0), MOST_PAUSE_SECONDS)


def json_of(answer: Answer) -> Any:
    """The body as JSON; None where it is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def fields_of(answer: Answer) -> dict[str, Any]:
    """The body as a JSON object; empty where it is none."""
    found = json_of(answer)
    return found if isinstance(found, dict) else {}


def words(value: Any) -> str:
    """A text or number of a carrier as text; "" for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def scrubbed(carriers_words: str, outgoing: Outgoing, secrets: Iterable[str] = ()) -> str:
    """A carrier's sentence without our secrets, the text and the number, which it may have quoted."""
    digits = outgoing.recipient.lstrip("+")
    for private in (*secrets, outgoing.text, outgoing.recipient, digits):
        if private:
            carriers_words = carriers_words.replace(private, "…")
    carriers_words = re.sub(r"[+0-9][0-9 ()./-]{5,}[0-9]", "…", carriers_words)
    return "".join(sign if sign.isprintable() else " " for sign in carriers_words[:MOST_WORDS])


def reference(key: AttemptKey) -> str:
    """Our name for a message at a carrier: 28 to 32 small letters, digits and a dot, the same for every try of it."""
    order = base64.b32encode(key.order_id.bytes).decode().rstrip("=").lower()
    return f"{order}.{_short(key.position)}"


def _short(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    found = digits[number % 36]
    while number := number // 36:
        found = digits[number % 36] + found
    return found


def basic(username: str, password: str) -> str:
    """The value of an ``Authorization`` header by RFC 7617."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
