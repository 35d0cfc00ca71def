"""The error sections of the five contracts, row by row: for each a request that gets it, and the answer to the letter.

The rows of each dialect stand in its folder, in ``error_rows.py``. :mod:`tests.dialects.print_errors` prints them with the answers
that come. ``CONTRACT`` holds once more, and apart from them, what the contracts list, so that a row that was forgotten is missed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from werkzeug.test import TestResponse

from tests.dialects.town import NAMES, Town

Ask = Callable[[Town], TestResponse]


@dataclass(frozen=True)
class Wrong:
    """A body whose ``data`` names these wrong fields and no other, each with so many sentences."""

    fields: Mapping[str, int]


@dataclass(frozen=True)
class Row:
    """One row of an error section.

    Args:
        section: of the contract.
        row: when it comes.
        asked: what the request is or what is odd about it, without credentials.
        ask: sends it, after whatever has to happen before.
        status: the contract's.
        body: the whole body: text as it is, an object as JSON; a pattern where it tells seconds of the running clock.
        headers: patterns that headers of the answer match whole.
    """

    section: str
    row: str
    asked: str
    ask: Ask
    status: int
    body: str | re.Pattern[str] | dict[str, Any] | Wrong
    headers: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> str:
        """The body as text, to be searched."""
        if isinstance(self.body, re.Pattern):
            return self.body.pattern
        if isinstance(self.body, str):
            return self.body
        return json.dumps(self.body.fields if isinstance(self.body, Wrong) else self.body, ensure_ascii=False)


CONTRACT: Mapping[str, tuple[tuple[int, str], ...]] = {
    "smsend": (
        (404, "WRONG_CREDENTIALS"), (400, "MISSING_PARAMETER"), (401, "MISSING_CREDENTIALS"), (401, "INVALID_KEY"), (401,
        "SESSION_EXPIRED"),
        (404, "The user_key was not found"), (200, "false"), (400, "INVALID_PARAMETER"), (400, "NOT_ENOUGH_CREDIT"), (429,
        "DAILY_CAP_REACHED"),
        (400, "has no value for"), (400, "MESSAGE_TOO_LONG"), (404, "The order was not found"), (404, "NOT_SCHEDULED"), (400,
        "INVALID_DATE"),
        (400, "timezone"), (400, "INVALID_RECIPIENT"), (400, "INVALID_MESSAGE_TYPE"), (400, "DUPLICATE_ORDER_ID"), (400, "INVALID_SENDER"),
        (501, "NOT_AVAILABLE"), (405, "METHOD_NOT_ALLOWED"), (413, "REQUEST_TOO_LARGE"), (500, "INTERNAL_ERROR"), (503, "UNAVAILABLE"),
    ),
    "brevisone": (
        (400, "Error: Parameter miss"), (400, "Error. See Gateway logs for more information."), (401,
        "401 Unauthorized - Username or Password wrong"),
        (403, "403 Forbidden - Your User has no right to send SMS over API"), (408,
        "FAILED - Timeout or see Gateway logs for more information."),
        (405, "405"),
    ),
    "bulk": (
        (500, '{"message": "Server Error"}'), (404, "message"), (405, "message"), (400, '{"error": "Invalid phone number format."}'),
        (422, '"numbers": ["'), (422, '"message_body": ["'), (422, '"sender_id": ["'), (422, '"expiry_days": ["'),
        (401, '{"error": "Unauthorized."}'), (401, "Credentials are required"), (401, "Provide username and password"),
        (400, "Insufficient balance"), (429, '"message": "Too Many Attempts."'),
        (401, '{"error": "API key is required", "help": "Provide X-API-Key header or api_key parameter"}'), (401, "Invalid API key"),
        (401, "API key has expired"), (403, "disabled"), (401, '"message": "Unauthenticated."'), (409, "API key already exists"),
        (404, "No active API key"),
    ),
    "smsnodes": (
        (400, "Username and password are required"), (401, "Invalid credentials"), (500, "Database error"),
        (400, "Phone numbers and message are required"), (400, "Invalid phone number: x"), (400, "Priority must be between 1 and 5"),
        (400, "Invalid JSON"), (429, "Too many requests"), (413, "Message too large"), (405, "error"),
    ),
    "httpsms": (
        (401, "You are not authorized to carry out this request."), (401, "x-api-key"), (400, '"data": {}'), (402, "credit"), (403,
        "error"),
        (404, "message was not found"), (404, "attachment"), (500, "error"),
        *((422, f'"{key}": ') for key in (
            "from", "to", "content", "request_id", "attachments", "send_at", "owner", "contact", "query", "skip", "limit", "messageID",
            "document", "payload", "phone_number", "fcm_token", "messages_per_minute", "max_send_attempts", "message_expiration_seconds",
            "message_send_schedule_id", "phoneID", "name", "timezone", "windows", "statuses",
        )),
        (422, '"from": 2'),
        *((404, kind) for kind in ("thread", "phone", "phone API key", "send schedule")),
    ),
}  # fmt: skip
"""(status, what stands in the body) of each row that a contract prints or recommends."""


def every_row() -> list[tuple[str, Row]]:
    """(dialect, row) of all of them."""
    modules = {name: import_module(f"tests.dialects.{name}.error_rows") for name in NAMES}
    return [(name, row) for name in NAMES for row in modules[name].ROWS]


def forgotten() -> list[str]:
    """What the contracts list and no row has."""
    written = [(name, row.status, row.written()) for name, row in every_row()]
    return [
        f"{name}: {status} {words}"
        for name, wanted in CONTRACT.items()
        for status, words in wanted
        if not any((name, status) == one[:2] and words in one[2] for one in written)
    ]


def faults(row: Row, answer: TestResponse) -> list[str]:
    """What of the row the answer does not keep."""
    found = [] if answer.status_code == row.status else [f"status {answer.status_code} instead of {row.status}"]
    if isinstance(row.body, str):
        found += [] if answer.text == row.body else [f"body {answer.text!r} instead of {row.body!r}"]
    elif isinstance(row.body, re.Pattern):
        found += [] if row.body.fullmatch(answer.text) else [f"body {answer.text!r} is not like {row.body.pattern}"]
    else:
        told = json.loads(answer.data)
        if isinstance(row.body, Wrong):
            given = {name: len(sentences) for name, sentences in told.get("data", {}).items()}
            found += [] if given == dict(row.body.fields) and told["status"] == "error" else [f"body {told}"]
        elif told != row.body:
            found.append(f"body {told} instead of {row.body}")
    for name, pattern in row.headers.items():
        if not re.fullmatch(pattern, answer.headers.get(name, "")):
            found.append(f"{name}: {answer.headers.get(name)}")
    return found
