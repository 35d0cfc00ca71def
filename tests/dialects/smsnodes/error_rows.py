"""The rows of contract smsnodes 2.3, and of what 2.1, 2.4, 2.5 and 4 refuse with its one-field body."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.test import TestResponse

from gateway.domain import errors
from gateway.storage.tables import Account, TariffRow
from tests.dialects.error_sections import Ask, Row
from tests.dialects.smsnodes import test_errors as known
from tests.dialects.smsnodes.conftest import HEALTH, SEND, STATE
from tests.dialects.smsnodes.test_errors import CREDENTIALS, PAYLOAD
from tests.dialects.town import Town

WRONG = "Invalid credentials"
JSON = {"Content-Type": "application/json"}
POST = "POST " + SEND


def send(**fields: Any) -> Ask:
    """A usual send but for these fields; ``...`` leaves one out."""
    return lambda town: town.owner.send(**fields)


def bytes_of(body: bytes) -> Ask:
    return lambda town: town.owner.post(body)


def call(method: str, path: str) -> Ask:
    return lambda town: town.http.open(path, method=method)


def after(prepare: known.Prepare, **fields: Any) -> Ask:
    """A send once something was done to the gateway."""

    def ask(town: Town) -> TestResponse:
        prepare(town.gateway)
        town.forget()
        return town.owner.send(**fields)

    return ask


def guessed(town: Town) -> TestResponse:
    for _ in range(town.gateway.settings.guesses_per_minute_user + 1):
        answer: TestResponse = town.owner.send(password="wrong")
    return answer


def over_the_cap(town: Town) -> TestResponse:
    known.cap(town.gateway)
    return town.owner.send()


def invisible(town: Town) -> TestResponse:
    town.change(Account, text_policy="transliterate")
    return town.owner.send(message="\u200b")


def without_price(town: Town) -> TestResponse:
    town.change(TariffRow, prefix="999")
    return town.owner.send()


def database_away(town: Town) -> TestResponse:
    town.take_database_away()
    return town.owner.send()


def state_without_database(town: Town) -> TestResponse:
    town.take_database_away()
    return town.owner.state(2)


def silent_database(town: Town) -> TestResponse:
    town.strike(errors.OutcomeUnknown("lost"))
    return town.owner.send()


def broken(town: Town) -> TestResponse:
    town.break_view("smsnodes.send")
    return town.owner.send()


def reused(town: Town) -> TestResponse:
    for text in ("one", "two"):
        body = {"deviceUsername": "owner", "password": town.owner.password, "phoneNumbers": ["+1234567890"], "message": text}
        answer: TestResponse = town.owner.post(json.dumps(body).encode(), **{"Idempotency-Key": "same"})
    return answer


def row(section: str, words: str, asked: str, ask: Ask, status: int, error: str, **headers: str) -> Row:
    """A row with the one form of error that there is."""
    return Row(section, words, f"{POST}, {asked}", ask, status, {"error": error}, JSON | headers)


ROWS: tuple[Row, ...] = (
    *(row("2.3", f"{name} absent", f"no {name}", send(**{name: ...}), 400, CREDENTIALS) for name in ("deviceUsername", "password")),
    *(row("2.3", f"{name} empty", f"{name} empty", send(**{name: ""}), 400, CREDENTIALS) for name in ("deviceUsername", "password")),
    row("2.1, 6.5", "an empty body has no fields", "no body", bytes_of(b""), 400, CREDENTIALS),
    row("6.5", "`{}`", "{}", bytes_of(b"{}"), 400, CREDENTIALS),
    row("2.3", "unknown device", "unknown device", send(deviceUsername="nobody"), 401, WRONG),
    row("2.3", "wrong password: the same text", "wrong password", send(password="wrong"), 401, WRONG),
    row("2.3", "storage failure", "the file is gone", database_away, 500, "Database error"),
    row("2.3", "storage failure in the middle", "the database falls silent", silent_database, 500, "Database error",
        **{"X-Outcome": "unknown"}),
    Row("2.3", "storage failure, another call (ours)", f"POST {STATE}, the file is gone", state_without_database, 500,
        {"error": "Database error"}),
    *(row("2.3", f"{name} absent", f"no {name}", send(**{name: ...}), 400, PAYLOAD) for name in ("phoneNumbers", "message")),
    *(row("2.3", f"{name} empty", f"{name} empty", send(**{name: value}), 400, PAYLOAD) for name, value in (("phoneNumbers", []),
        ("message", ""))),
    *(row("2.3", f"{name} of a wrong type", f"{name} is true", send(**{name: True}), 400, PAYLOAD) for name in ("phoneNumbers", "message")),
    row("2.3", "an entry cannot be a number", "phoneNumbers: [+12]", send(phoneNumbers=["+12"]), 400, "Invalid phone number: +12"),
    row("2.3", "one bad entry refuses the whole", "phoneNumbers: [+1234567890, x]", send(phoneNumbers=["+1234567890", "x"]), 400,
        "Invalid phone number: x"),
    *(row("2.3", "priority outside the range or no integer", f"priority: {value}", send(priority=value), 400,
        "Priority must be between 1 and 5")
      for value in (0, 6, 1.5, "high")),
    row("2.3", "JSON does not parse", "cut off", bytes_of(b'{"deviceUsername":'), 400, "Invalid JSON"),
    row("2.3", "JSON is no object: credentials absent", "[]", bytes_of(b"[]"), 400, CREDENTIALS),
    row("2.3, 4", "own limit: too many guesses", "the 11th wrong password", guessed, 429, "Too many requests",
        **{"Retry-After": "[1-6]?[0-9]"}),
    row("2.3", "own limit: messages a day", "cap of 1", over_the_cap, 429, "Daily limit of 1 messages reached"),
    row("2.3", "own limit: text", "39,016 letters", send(message="a" * 39_016), 413, "Message too large"),
    row("2.3", "own limit: body", "17 MB", send(x="a" * (17 << 20)), 413, "Message too large", Connection="close"),
    row("2.3", "check order: credentials present before payload", "no password, no message", send(password=..., message=...), 400,
        CREDENTIALS),
    row("2.3", "check order: credentials valid before payload", "wrong password, no message", send(password="wrong", message=...), 401,
        WRONG),
    row("2.3", "not enough credit (ours)", "1 credit for 2 numbers", after(known.spend), 402,
        "Insufficient credit: 2 needed, 1 available"),
    row("2.3", "device disabled (ours)", "disabled", after(known.disable), 403, "Device is disabled"),
    row("2.3", "no permission (ours)", "may only read", after(known.take_sending), 403, "Permission denied"),
    row("2.3", "another network (ours)", "bound to 192.0.2.0/24", after(known.move_network), 403, "Address is not allowed"),
    row("2.3", "destination without a price (ours)", "no tariff", without_price, 400, "Destination is not served"),
    row("2.3", "text outside GSM refused by the account (ours)", "message: aж", after(known.refuse_other_alphabets, message="aж"), 400,
        "The message holds U+0436 at position 1, which is outside the GSM alphabet"),
    row("2.3", "nothing left once transliterated (ours)", "message: U+200B", invisible, 400, PAYLOAD),
    row("2.3", "an Idempotency-Key used again (ours)", "another text", reused, 409, "Idempotency-Key was used with another request"),
    row("2.3", "no carrier is on (ours)", "connectors disabled", after(known.switch_off), 503,
        "Service unavailable"),
    row("2.3", "a defect (ours)", "its view raises", broken, 500, "Internal server error"),
    Row("2.3", "state of an unknown message (ours)", f"POST {STATE}, messageId: 7", lambda town: town.owner.state(7), 404,
        {"error": "Message not found"}),
    *(Row("2.1", "other methods: 405", f"{method} {path}", call(method, path), 405, {"error": "Method not allowed"}, JSON)
      for method, path in (("GET", SEND), ("PUT", SEND), ("GET", STATE), ("POST", HEALTH))),
    Row("2.3", "an unknown path stays JSON (ours)", f"GET {SEND}/more", call("GET", SEND + "/more"), 404, {"error": "Path not found"},
        JSON),
)  # fmt: skip
