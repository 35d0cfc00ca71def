"""The rows of contract bulk 2, 3.2, 4, 5 and 6.2 that refuse."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from werkzeug.test import TestResponse

from gateway.domain import errors
from gateway.services import accounts, keys
from gateway.services.keys import KeyTerms
from gateway.storage.tables import Account, ConnectorRow, TariffRow, User
from tests.dialects.bulk.program import (
    BALANCE,
    BALANCE_V1,
    BULK,
    GENERATE,
    MESSAGE,
    ONE,
    REGENERATE,
    REVOKE,
    SEND,
    SEND_V1,
    TWO,
    said,
)
from tests.dialects.error_sections import Ask, Row
from tests.dialects.town import Town

JSON = {"Content-Type": "application/json", "Cache-Control": "no-cache, private", "Access-Control-Allow-Origin": r"\*", "Location": ""}
COUNTED = JSON | {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "[0-9]+", "Retry-After": "", "X-RateLimit-Reset": ""}
EXCEEDED = {"X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0", "Retry-After": "[1-6]?[0-9]", "X-RateLimit-Reset": "[0-9]{10}"}
NUMBER = {"error": "Invalid phone number format."}
NO_KEY = {"error": "API key is required", "help": "Provide X-API-Key header or api_key parameter"}


def twice(words: str, **more: Any) -> dict[str, Any]:
    """The sentence in ``error`` and in ``message`` (2)."""
    return {"error": words, "message": words, **more}


def wrong(field: str, words: str) -> dict[str, Any]:
    """A validation failure of one field (2.1)."""
    return twice(words, errors={field: [words]})


def call(method: str, path: str, **options: Any) -> Ask:
    """A call without credentials."""
    return lambda town: town.owner.call(method, path, **options)


def v1(**fields: Any) -> Ask:
    return lambda town: town.owner.send_v1(**fields)


def v2(**fields: Any) -> Ask:
    return lambda town: town.owner.send(**fields)


def without(method: str, path: str, name: str, *, login: bool) -> Ask:
    """A usual message without one of its fields."""

    def ask(town: Town) -> TestResponse:
        body = {key: value for key, value in MESSAGE.items() if key != name}
        return town.owner.call(method, path, json=body | town.owner.login) if login else town.owner.keyed(method, path, json=body)

    return ask


def key_call(path: str, **fields: Any) -> Ask:
    """A call of the key routes by user name and password."""
    return lambda town: town.owner.call("POST", path, json=town.owner.login | fields)


def revoked(ask: Ask) -> Ask:
    """After the key was revoked."""

    def then(town: Town) -> TestResponse:
        assert town.owner.call("POST", REVOKE, json=town.owner.login).status_code == 200
        return ask(town)

    return then


def replaced(town: Town) -> TestResponse:
    assert town.owner.call("POST", REGENERATE, json=town.owner.login).status_code == 200
    return town.owner.send()


def expired(town: Town) -> TestResponse:
    town.owner.key = said(town.owner.call("POST", REGENERATE, json=town.owner.login | {"expiry_days": 1}))["api_key"]
    town.clock.forward(days=1)
    return town.owner.send()


def disabled(town: Town) -> TestResponse:
    accounts.set_user_disabled(town.gateway, "owner", disabled=True)
    return town.owner.send()


def closed(town: Town) -> TestResponse:
    town.change(Account, status="closed")
    return town.owner.send()


def limited(**terms: Any) -> Ask:
    """A send with a key that may do less, to two numbers."""

    def ask(town: Town) -> TestResponse:
        town.owner.call("POST", REVOKE, json=town.owner.login)
        town.owner.key = keys.create(town.gateway, keys.BULK, "owner", terms=KeyTerms(**terms)).key
        return town.owner.send(numbers=f"{ONE},{TWO}")

    return ask


def changed(table: Any, text: str = "Привет", **values: Any) -> Ask:
    """A send after every row of a table got these values."""

    def ask(town: Town) -> TestResponse:
        town.change(table, **values)
        return town.owner.send(message_body=text)

    return ask


def too_often(town: Town) -> TestResponse:
    limited(calls_per_minute=1)(town)
    return town.owner.send()


def too_often_v1(town: Town) -> TestResponse:
    accounts.set_user_limits(town.gateway, "owner", lambda terms: replace(terms, calls_per_minute=1))
    town.owner.send_v1()
    return town.owner.send_v1()


def sixty_first(town: Town) -> TestResponse:
    for _ in range(61):
        answer: TestResponse = town.owner.call("GET", BALANCE)
    return answer


def guessed(town: Town) -> TestResponse:
    for _ in range(town.gateway.settings.guesses_per_minute_user + 1):
        answer: TestResponse = town.owner.send_v1(password="wrong")
    return answer


def reused(town: Town) -> TestResponse:
    for text in ("one", "two"):
        answer: TestResponse = town.owner.keyed("POST", SEND, json=MESSAGE | {"message_body": text}, headers={"Idempotency-Key": "abc"})
    return answer


def broken(town: Town) -> TestResponse:
    town.break_view("bulk.balance_by_key")
    return town.owner.keyed("GET", BALANCE)


def database_away(town: Town) -> TestResponse:
    town.take_database_away()
    return town.owner.send()


def silent_database(town: Town) -> TestResponse:
    town.strike(errors.OutcomeUnknown("lost"))
    return town.owner.send()


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


COMMON = (
    Row("2", "unhandled fault: 500, exactly `message`", f"GET {BALANCE}, its view raises", broken, 500, {"message": "Server Error"}, JSON),
    Row("2", "unknown route: 404 with `message`", "GET /api/v2/nowhere", call("GET", "/api/v2/nowhere"), 404,
        twice("The path was not found."), JSON),
    Row("2", "wrong method: 405 with `message`", f"POST {BALANCE}", call("POST", BALANCE), 405,
        twice("This method is not supported. Supported methods: GET, HEAD, OPTIONS."), JSON),
    Row("2", "never a redirect, whatever is accepted", f"POST {SEND}, Accept: text/html, empty form",
        lambda town: town.owner.keyed("POST", SEND, headers={"Accept": "text/html"}), 422,
        twice("The numbers field is required. (and 1 more error)",
              errors={"numbers": ["The numbers field is required."], "message_body": ["The message body field is required."]}), JSON),
    Row("2", "an unreadable body (ours): 400", f"POST {SEND}, JSON cut off",
        lambda town: town.owner.keyed("POST", SEND, data=b'{"numbers":', content_type="application/json"), 400,
        twice("The request could not be read: the body is not valid JSON at character 11."), JSON),
    Row("2", "a body beyond the limit (ours): 413", f"POST {SEND}, 17 MB", lambda town: town.owner.keyed("POST", SEND,
        data=b"x" * (17 << 20)), 413,
        twice("The request is larger than 16777216 bytes."), JSON),
    Row("2", "no database (ours): 503", f"POST {SEND}, the file is gone", database_away, 503,
        twice("The database does not answer and nothing was sent. Try again later."), JSON),
    Row("2", "perhaps recorded (ours): 503", f"POST {SEND}, the database falls silent", silent_database, 503,
        twice("The message may have been recorded. Repeat the call with the same Idempotency-Key, or ask your provider"), JSON),
    Row("2", "no carrier is on (ours): 503", f"POST {SEND}, connectors disabled", changed(ConnectorRow, enabled=False), 503,
        twice("The gateway cannot do this now. Try again later."), JSON),
    Row("2", "an Idempotency-Key used again (ours): 409", f"POST {SEND}, another text", reused, 409,
        twice("The Idempotency-Key was used with another request."), JSON),
    Row("2.1", "bad phone number: 400, exactly `error`", f"POST {SEND}, numbers: abc", v2(numbers="abc"), 400, NUMBER, COUNTED),
    *(Row("2.1", f"{name} missing: 422", f"POST {path} without {name}", without("POST", path, name, login=path == SEND_V1), 422,
          wrong(name, f"The {name.replace('_', ' ')} field is required."), COUNTED)
      for path in (SEND, SEND_V1) for name in ("numbers", "message_body")),
    Row("2.1", "numbers malformed: 422", f"POST {SEND}, numbers: true", v2(numbers=True), 422,
        wrong("numbers", "The numbers field must be a string of numbers separated by commas, or a list of them."), COUNTED),
    Row("2.1", "message_body malformed: 422", f"POST {SEND}, message_body: []", v2(message_body=[]), 422,
        wrong("message_body", "The message body field must be a string."), COUNTED),
    Row("2.1", "sender_id malformed: 422", f"POST {SEND}, sender_id of 12 letters", v2(sender_id="TwelveLetter"), 422,
        wrong("sender_id", "The sender id field has more than 11 characters."), COUNTED),
    Row("2.1", "sender_id not approved (ours): 422", f"POST {SEND}, sender_id: Rival", v2(sender_id="Rival"), 422,
        wrong("sender_id", "The sender id field is not approved for this account."), COUNTED),
    Row("2.1", "text too long (ours): 422", f"POST {SEND}, 20,000 letters", v2(message_body="ж" * 20_000), 422,
        wrong("message_body", "The message body field has 299 parts, at most 255 are allowed."), COUNTED),
    Row("2.1", "text outside GSM refused by the account (ours): 422", f"POST {SEND}, message_body: Привет", changed(Account,
        text_policy="refuse"), 422,
        wrong("message_body", "The message body field holds U+041F at 0, which is outside GSM-7."), COUNTED),
    Row("2.1", "nothing left once transliterated (ours): 422", f"POST {SEND}, message_body: U+200B",
        changed(Account, "\u200b", text_policy="transliterate"), 422, wrong("message_body", "The message body field is required."),
        COUNTED),
    Row("2.1", "destination without a price (ours): 400", f"POST {SEND}, no tariff", changed(TariffRow, prefix="999"), 400,
        twice("This destination is not served."), COUNTED),
)  # fmt: skip
SENDING = (
    Row("3.2", "a number is bad", f"POST {SEND_V1}, numbers: abc", v1(numbers="abc"), 400, NUMBER, COUNTED),
    Row("4.5", "one bad item refuses all", f"POST {SEND}, numbers: {ONE},abc", v2(numbers=f"{ONE},abc"), 400, NUMBER, COUNTED),
    Row("3.2", "wrong credentials, exactly `error`", f"POST {SEND_V1}, wrong password", v1(password="wrong"), 401,
        {"error": "Unauthorized."}, COUNTED),
    Row("3.2", "wrong credentials", f"POST {SEND_V1}, unknown user", v1(username="nobody"), 401, {"error": "Unauthorized."}, COUNTED),
    Row("3.2", "credentials absent", f"POST {SEND_V1}", call("POST", SEND_V1, json=MESSAGE), 401,
        twice("Credentials are required", help="Provide username and password"), COUNTED),
    Row("3.2", "credentials absent, another call", f"POST {BALANCE_V1}", call("POST", BALANCE_V1), 401,
        twice("Credentials are required", help="Provide username and password"), COUNTED),
    Row("3.2", "an API key is not accepted", f"POST {SEND_V1}, X-API-Key", lambda town: town.owner.keyed("POST", SEND_V1, json=MESSAGE),
        401,
        twice("Credentials are required", help="Provide username and password"), COUNTED),
    Row("3.2", "quota used up", f"POST {SEND_V1} to 1,001 numbers", v1(numbers=[f"070{number:07d}" for number in range(1001)]), 400,
        twice("Insufficient balance"), COUNTED),
    Row("4.2", "quota used up", f"POST {SEND} to 1,001 numbers", v2(numbers=[f"070{number:07d}" for number in range(1001)]), 400,
        twice("Insufficient balance"), COUNTED),
    Row("4.1", "no key: exactly two fields", f"GET {SEND}", call("GET", SEND), 401, NO_KEY, COUNTED | {"X-RateLimit-Remaining": "59"}),
    Row("4.1", "no key", f"POST {BULK}", call("POST", BULK, json={}), 401, NO_KEY, COUNTED),
    Row("4.1", "an empty value counts as absent", f"GET {BALANCE}?api_key=", call("GET", BALANCE + "?api_key="), 401, NO_KEY, COUNTED),
    Row("4.1", "wrong key", f"GET {BALANCE}, unknown X-API-Key", call("GET", BALANCE, headers={"X-API-Key": "bk_x"}), 401,
        twice("Invalid API key"), COUNTED),
    Row("4.1", "wrong key in the query", f"GET {BALANCE}?api_key=…", call("GET", BALANCE + "?api_key=x"), 401, twice("Invalid API key"),
        COUNTED),
    Row("4.1", "revoked key", f"POST {SEND} after /api/revoke-key", revoked(v2()), 401, twice("Invalid API key"), COUNTED),
    Row("4.1, 6.2", "replaced key, at once", f"POST {SEND} after /api/regenerate-key", replaced, 401, twice("Invalid API key"), COUNTED),
    Row("4.1", "expired key", f"POST {SEND} a day later", expired, 401, twice("API key has expired"), COUNTED),
    Row("4.1", "disabled account: user", f"POST {SEND}", disabled, 403, twice("This account is disabled."), COUNTED),
    Row("4.1", "disabled account: closed", f"POST {SEND}", closed, 403, twice("This account is disabled."), COUNTED),
    Row("4.1", "not permitted (ours)", f"POST {SEND}, may only read", changed(User, permissions=["bulk:read"]), 403,
        twice("This action is unauthorized."), COUNTED),
    Row("4.1", "another network (ours)", f"POST {SEND}", limited(networks=["192.0.2.0/24"]), 403,
        twice("This network address may not call."), COUNTED),
    Row("4.3", "POST for the balance: 405", f"POST {BALANCE} with the key", lambda town: town.owner.keyed("POST", BALANCE), 405,
        twice("This method is not supported. Supported methods: GET, HEAD, OPTIONS."), JSON),
    Row("4.4", "whole-request failure: 4xx without data", f"POST {BULK} without messages", lambda town: town.owner.keyed("POST", BULK,
        json={}), 422,
        wrong("messages", "The messages field is required."), COUNTED),
    Row("4.4", "whole-request failure: no list", f"POST {BULK}, messages: x", lambda town: town.owner.keyed("POST", BULK,
        json={"messages": "x"}), 422,
        wrong("messages", "The messages field must be a list."), COUNTED),
    Row("1", "a call of single clients, not offered: 501", "POST /api/v2/payments", call("POST", "/api/v2/payments"), 501,
        twice("/api/v2/payments is not offered by this gateway."), JSON),
)  # fmt: skip
LIMITS = (
    Row("5", "61st call of an address without a key: 429", f"GET {BALANCE}", sixty_first, 429, twice("Too Many Attempts."),
        JSON | EXCEEDED | {"X-RateLimit-Limit": "60"}),
    Row("5", "too many calls of a key: 429", f"POST {SEND}, 2nd of 1", too_often, 429, twice("Too Many Attempts."), JSON | EXCEEDED),
    Row("5, 3.2", "too many calls of a user: 429", f"POST {SEND_V1}, 2nd of 1", too_often_v1, 429, twice("Too Many Attempts."),
        JSON | EXCEEDED),
    Row("5", "too many wrong passwords (ours): 429", f"POST {SEND_V1}, the 11th", guessed, 429, twice("Too Many Attempts."),
        {"Retry-After": "[1-6]?[0-9]"}),
    Row("5", "messages a day (ours): 429", f"POST {SEND}, cap of 1", limited(daily_cap=1), 429,
        twice("At most 1 messages a day are allowed."), JSON),
)  # fmt: skip
KEYS = (
    *(Row("6.2", "no authentication", f"POST {path}", call("POST", path), 401, twice("Unauthenticated."), JSON) for path in (GENERATE,
        REGENERATE, REVOKE)),
    *(Row("6.2", "wrong password", f"POST {path}", key_call(path, password="wrong"), 401, twice("Unauthenticated."), JSON)
      for path in (GENERATE, REGENERATE, REVOKE)),
    Row("6.2", "wrong password by Basic", f"POST {GENERATE}", call("POST", GENERATE, headers=basic("owner", "wrong")), 401,
        twice("Unauthenticated."), JSON),
    Row("6.2", "Basic that cannot be read", f"POST {GENERATE}", call("POST", GENERATE, headers={"Authorization": "Basic !!!"}), 401,
        twice("Unauthenticated."), JSON),
    Row("6.2", "the key does not open generate", f"POST {GENERATE}, X-API-Key", lambda town: town.owner.keyed("POST", GENERATE), 401,
        twice("Unauthenticated."), JSON),
    Row("6.2", "wrong key", f"POST {REVOKE}, unknown X-API-Key", call("POST", REVOKE, headers={"X-API-Key": "x"}), 401,
        twice("Unauthenticated."), JSON),
    Row("6.2", "generate, an active key exists", f"POST {GENERATE}", key_call(GENERATE), 409,
        twice("API key already exists", help="Use /api/regenerate-key to replace it, or /api/revoke-key to end it"), JSON),
    Row("6.2", "revoke, none", f"POST {REVOKE}, twice", revoked(key_call(REVOKE)), 404, twice("No active API key"), JSON),
    *(Row("6.2", f"expiry_days: {value}", f"POST {path}, expiry_days: {value}", ask(key_call(path, expiry_days=value)), 422,
          wrong("expiry_days", "The expiry days field must be a whole number from 1 to 365."), JSON)
      for path, ask in ((GENERATE, revoked), (REGENERATE, lambda each: each)) for value in (0, 366, "soon")),
)  # fmt: skip
ROWS: tuple[Row, ...] = (*COMMON, *SENDING, *LIMITS, *KEYS)
