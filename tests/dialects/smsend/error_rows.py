"""The rows of contract smsend 1.1, 1.3, 1.5 to 1.7, of the errors named at the calls (2), and of the rules that make an order wrong (3)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from werkzeug.test import TestResponse

from gateway.domain import errors
from gateway.services import accounts
from gateway.storage.tables import Account, ConnectorRow, TariffRow, User
from tests.dialects.error_sections import Ask, Row
from tests.dialects.smsend.program import MESSAGE, PASSWORD, RECIPIENT, REST, Program
from tests.dialects.town import Town

CHALLENGE = {"WWW-Authenticate": 'Basic realm=".+"', "Content-Type": "application/json.*"}
JSON = {"Content-Type": "application/json.*"}
BAD_KEY = "The user_key, Session_key or Access_token is not valid"
PARAMETRIC = {
    "message_type": "N",
    "message": "Hi ${name}",
    "recipients": {"0": {"recipient": RECIPIENT, "name": "Ada"}, "1": {"recipient": "+393471234568"}},
}


def told(code: str, words: str) -> dict[str, Any]:
    """The body of every error (1.6)."""
    return {"result": words, "error_code": code, "error_message": words}


def get(path: str, **options: Any) -> Ask:
    """A call without keys unless some are given."""
    return call("GET", path, **{"headers": {}} | options)


def call(method: str, path: str, **options: Any) -> Ask:
    """A call of the owner's program."""
    return lambda town: town.owner.call(method, path, **options)


def sms(**fields: Any) -> Ask:
    """A usual message but for these fields."""
    return lambda town: town.owner.send(**fields)


def keyed(path: str = "/status", **keys: str) -> Ask:
    """A call with other keys."""
    return lambda town: town.owner.call("GET", path, headers=town.owner.keys | keys)


def idle(path: str) -> Ask:
    """A call six minutes after the last."""

    def ask(town: Town) -> TestResponse:
        town.clock.forward(minutes=6)
        return town.owner.call("GET", path)

    return ask


def strangers_session(town: Town) -> TestResponse:
    other = Program(town.http, "stranger").sign_in()
    return town.owner.call("GET", "/status", headers=town.owner.keys | {"Session_key": other.keys["Session_key"]})


def guessed(town: Town) -> TestResponse:
    for _ in range(town.gateway.settings.guesses_per_minute_user + 1):
        answer: TestResponse = town.owner.get("/login", username="owner", password="wrong")
    return answer


def disabled(town: Town) -> TestResponse:
    accounts.set_user_disabled(town.gateway, "owner", disabled=True)
    return town.owner.get("/login", username="owner", password=PASSWORD)


def not_permitted(town: Town) -> TestResponse:
    town.change(User, permissions=["smsend:read"])
    return town.owner.send()


def from_elsewhere(town: Town) -> TestResponse:
    accounts.set_user_limits(town.gateway, "owner", lambda terms: replace(terms, networks=["192.0.2.0/24"]))
    return town.owner.get("/login", username="owner", password=PASSWORD)


def over_the_cap(town: Town) -> TestResponse:
    town.change(User, daily_cap=0)
    return town.owner.send()


def without_price(town: Town) -> TestResponse:
    town.change(TariffRow, prefix="999")
    return town.owner.send()


def without_connector(town: Town) -> TestResponse:
    town.change(ConnectorRow, enabled=False)
    return town.owner.send()


def twice(**fields: Any) -> Ask:
    """The same order_id for two messages."""

    def ask(town: Town) -> TestResponse:
        town.owner.sent(order_id="A1")
        return town.owner.send(order_id="A1", **fields)

    return ask


def cancelled_at_once(town: Town) -> TestResponse:
    return town.owner.call("DELETE", f"/sms/{town.owner.sent()}")


def broken(town: Town) -> TestResponse:
    town.break_view("smsend.status")
    return town.owner.get("/status")


def database_away(town: Town) -> TestResponse:
    town.take_database_away()
    return town.owner.send()


def silent_database(town: Town) -> TestResponse:
    town.strike(errors.OutcomeUnknown("lost"))
    return town.owner.send()


def by_policy(policy: str, text: str) -> Ask:
    """A text that this account's policy leaves nothing of, or refuses."""

    def ask(town: Town) -> TestResponse:
        town.change(Account, text_policy=policy)
        return town.owner.send(message=text)

    return ask


def reused(town: Town) -> TestResponse:
    for text in ("one", "two"):
        answer: TestResponse = town.owner.call(
            "POST", "/sms", json=MESSAGE | {"message": text}, headers=town.owner.keys | {"Idempotency-Key": "a"}
        )
    return answer


def bare(path: str, method: str = "GET") -> Ask:
    """A call that the server answers without looking at keys, double slashes and all."""
    return lambda town: town.http.open(REST + path, method=method)


SIGNING_IN = (
    Row("1.1", "wrong credentials: 404", "GET /login, wrong password", get("/login?username=owner&password=wrong"), 404,
        told("WRONG_CREDENTIALS", "Wrong username or password"), JSON),
    Row("1.1", "wrong credentials by Basic: 404", "GET /login, Basic, unknown user", get("/login",
        headers={"Authorization": "Basic bm9ib2R5Ong="}),
        404, told("WRONG_CREDENTIALS", "Wrong username or password")),
    Row("1.1", "anything else wrong: 400, reason in the body", "GET /login?username=owner", get("/login?username=owner"), 400,
        told("MISSING_PARAMETER", "Missing parameter: password")),
    Row("1.1", "anything else wrong: 400, reason in the body", "GET /login, unreadable Basic", get("/login",
        headers={"Authorization": "Basic ==="}),
        400, told("INVALID_REQUEST", "Invalid request: the Authorization header is not valid Basic authentication")),
    Row("1.1", "no credentials at all: 401 and `WWW-Authenticate: Basic realm=…`", "GET /login", get("/login"), 401,
        told("MISSING_CREDENTIALS", "Credentials are missing"), CHALLENGE),
    Row("1.1", "too many guesses (ours): 429", "GET /login, the 11th after ten wrong ones", guessed, 429,
        re.compile(r'.*"error_code": ?"TOO_MANY_ATTEMPTS".*try again in [1-6]?[0-9] seconds"}'), {"Retry-After": "[1-6]?[0-9]"}),
    Row("1.3", "/token as /login: 404", "GET /token, wrong password", get("/token?username=owner&password=wrong"), 404,
        told("WRONG_CREDENTIALS", "Wrong username or password")),
    Row("1.3", "/token as /login: 401", "GET /token", get("/token"), 401, told("MISSING_CREDENTIALS", "Credentials are missing"),
        CHALLENGE),
)  # fmt: skip
KEYS = (
    Row("1.5", "headers missing: 401", "POST /sms without keys", call("POST", "/sms", json=MESSAGE, headers={}), 401,
        told("MISSING_CREDENTIALS", "Credentials are missing")),
    Row("1.5", "half of the headers missing: 401", "GET /status, user_key alone", keyed(Session_key=""), 401,
        told("MISSING_CREDENTIALS", "Credentials are missing")),
    Row("1.5", "user_key unknown: 401 (documentation: also 404)", "GET /status, unknown user_key", keyed(user_key="0123456789abcdef"), 401,
        told("INVALID_KEY", BAD_KEY)),
    Row("1.5", "session key invalid: 401", "GET /status, forged Session_key", keyed(Session_key="AAAA.BBBB"), 401, told("INVALID_KEY",
        BAD_KEY)),
    Row("1.5", "session of another user: 401", "GET /status, a stranger's Session_key", strangers_session, 401, told("INVALID_KEY",
        BAD_KEY)),
    Row("1.2, 1.5", "session expired: 401, never 404 or 400", "GET /status after six idle minutes", idle("/status"), 401,
        told("SESSION_EXPIRED", "The session has expired, log in again")),
    Row("1.5", "user disabled (ours): 401", "GET /login", disabled, 401, told("DISABLED", "This user or account is disabled")),
    Row("1.5", "not permitted (ours): 401", "POST /sms, a user who may only read", not_permitted, 401,
        told("NOT_PERMITTED", "This user may not do that")),
    Row("1.5", "another network (ours): 401", "GET /login", from_elsewhere, 401,
        told("ADDRESS_NOT_ALLOWED", "This user may not call from this network address")),
    Row("1.7", "checksession, headers missing: 404", "GET /checksession without keys", get("/checksession"), 404,
        told("NOT_FOUND", "The user_key was not found")),
    Row("1.7", "checksession, unknown user_key: 404", "GET /checksession", keyed("/checksession", user_key="nobody"), 404,
        told("NOT_FOUND", "The user_key was not found")),
    Row("1.7", "checksession, dead session: 200 `false`", "GET /checksession after six idle minutes", idle("/checksession"), 200, "false",
        {"Content-Type": "text/plain.*"}),
    Row("1.7", "pwdreset: 400", "POST /pwdreset without a password", call("POST", "/pwdreset"), 400,
        told("MISSING_PARAMETER", "Missing parameter: password")),
    Row("1.7", "pwdreset: 400", "POST /pwdreset, five letters", call("POST", "/pwdreset?password=short"), 400,
        told("INVALID_PARAMETER", "Invalid parameter: password must have at least 8 characters")),
    Row("1.7", "pwdreset: 401", "POST /pwdreset without keys", call("POST", "/pwdreset?password=long.enough", headers={}), 401,
        told("MISSING_CREDENTIALS", "Credentials are missing")),
    Row("1.7", "dashboard, not authorised: 404", "GET /dashboard without keys", get("/dashboard"), 404,
        told("NOT_FOUND", "The user_key was not found")),
)  # fmt: skip
MANNERS = (
    Row("1.6", "JSON for an unknown path", "GET /nowhere", bare("/nowhere"), 404, told("NOT_FOUND", "The path was not found"), JSON),
    Row("1.6", "JSON for another method", "PUT /sms", bare("/sms", "PUT"), 405,
        told("METHOD_NOT_ALLOWED", "Method not allowed, use POST"), JSON | {"Allow": "POST"}),
    Row("1.6", "JSON for a body beyond the limit", "POST /sms, 17 MB", call("POST", "/sms", data=b" " * (17 << 20)), 413,
        told("REQUEST_TOO_LARGE", "The request is larger than 16777216 bytes"), JSON),
    Row("1.6", "JSON for a defect", "GET /status, its view raises", broken, 500, told("INTERNAL_ERROR", "Internal error"), JSON),
    Row("1.6", "JSON without a database", "POST /sms, the file is gone", database_away, 503,
        told("UNAVAILABLE", "The database does not answer and nothing was changed, try again later"), JSON),
    Row("1.6", "JSON when the order may have been recorded (ours)", "POST /sms, the database falls silent", silent_database, 503,
        told("OUTCOME_UNKNOWN",
             "The order may have been recorded: repeat it with the same order_id or Idempotency-Key, or look for it in the history"), JSON),
    Row("1.6", "JSON for an Idempotency-Key used again (ours)", "POST /sms, another message", reused, 400,
        told("IDEMPOTENCY_KEY_REUSED", "The Idempotency-Key was used with another request"), JSON),
    Row("1.6", "JSON when no carrier is on", "POST /sms, connectors disabled", without_connector, 503,
        told("UNAVAILABLE", "The gateway cannot do this now, try again later"), JSON),
)  # fmt: skip
ORDERS = (
    Row("2.1", "400 invalid input: not JSON", "POST /sms, form", call("POST", "/sms", data=b"message=Hi"), 400,
        told("INVALID_REQUEST", "Invalid request: the body is not valid JSON at character 0")),
    *(Row("2.1", f"400: {name} required", f"POST /sms without {name}", call("POST", "/sms", json={key: value for key,
        value in MESSAGE.items() if key != name}),
          400, told("MISSING_PARAMETER", f"Missing parameter: {name}")) for name in MESSAGE),
    Row("2.1", "400: not a boolean", "POST /sms, returnCredits: perhaps", sms(returnCredits="perhaps"), 400,
        told("INVALID_PARAMETER", "Invalid parameter: returnCredits must be true or false")),
    Row("2.1", "404 user_key unknown (documentation), told as 401 by 1.5", "POST /sms, unknown user_key",
        lambda town: town.owner.call("POST", "/sms", json=MESSAGE, headers=town.owner.keys | {"user_key": "nobody"}), 401,
        told("INVALID_KEY", BAD_KEY)),
    Row("2.1", "not enough credit: 400", "POST /sms to 1,001 numbers", sms(recipient=[f"+39347{number:07d}" for number in range(1001)]),
        400,
        told("NOT_ENOUGH_CREDIT", "Not enough credit: 1001 needed, 1000 available")),
    Row("2.1", "over-limit rate: 429", "POST /sms, daily cap used up", over_the_cap, 429,
        told("DAILY_CAP_REACHED", "At most 0 messages a day are allowed, the next day begins in 54000 seconds"), {"Retry-After": "54000"}),
    Row("2.2", "a recipient without a used parameter: 400", "POST /paramsms", call("POST", "/paramsms", json=PARAMETRIC), 400,
        told("MISSING_PARAMETER", "Recipient 1 has no value for ${name}")),
    Row("2.2", "an expanded text beyond the limit: an error", "POST /paramsms, a name of 1,100 letters",
        call("POST", "/paramsms", json=PARAMETRIC | {"recipients": [{"recipient": RECIPIENT, "name": "x" * 1100}]}), 400,
        told("MESSAGE_TOO_LONG", "The message is too long: 1103 GSM characters, at most 1000 are allowed")),
    Row("2.3", "groups: not built, 501", "POST /smstogroups", call("POST", "/smstogroups", json={}), 501,
        told("NOT_AVAILABLE", "/smstogroups is not available yet on this gateway")),
    Row("2.4", "404 unknown order", "GET /sms/nobody", call("GET", "/sms/nobody"), 404, told("NOT_FOUND", "The order was not found")),
    Row("2.4", "401", "GET /sms/nobody without keys", get("/sms/nobody"), 401, told("MISSING_CREDENTIALS", "Credentials are missing")),
    Row("2.5", "404 unknown order", "DELETE /sms/nobody", call("DELETE", "/sms/nobody"), 404, told("NOT_FOUND", "The order was not found")),
    Row("2.5", "404 no longer SCHEDULED", "DELETE /sms/…, sent at once", cancelled_at_once, 404,
        told("NOT_SCHEDULED", "The order is not scheduled any more")),
    Row("2.5", "401", "DELETE /sms/bulk without keys", call("DELETE", "/sms/bulk", headers={}), 401,
        told("MISSING_CREDENTIALS", "Credentials are missing")),
    Row("2.6", "400 without from", "GET /smshistory", call("GET", "/smshistory"), 400, told("MISSING_PARAMETER",
        "Missing parameter: from")),
    Row("2.6", "400 bad date", "GET /smshistory?from=yesterday", call("GET", "/smshistory?from=yesterday"), 400,
        told("INVALID_DATE", "Invalid date in from: yesterday is not a date in a known form")),
    Row("2.6", "400 bad zone", "GET /smshistory?…timezone=Mars", call("GET", "/smshistory?from=20260101000000&timezone=Mars"), 400,
        told("INVALID_PARAMETER", "Invalid parameter: timezone is not the name of a time zone")),
    Row("2.6", "400 without recipient", "GET /rcptHistory?from=…", call("GET", "/rcptHistory?from=20260101000000"), 400,
        told("MISSING_PARAMETER", "Missing parameter: recipient")),
    Row("2.6", "400 bad recipient", "GET /rcptHistory?…recipient=abc", call("GET", "/rcptHistory?from=20260101000000&recipient=abc"), 400,
        told("INVALID_RECIPIENT", "Invalid recipient: abc (may hold digits, an initial plus and separators only)")),
    Row("2.7", "400", "GET /status?getMoney=perhaps", call("GET", "/status?getMoney=perhaps"), 400,
        told("INVALID_PARAMETER", "Invalid parameter: getMoney must be true or false")),
    Row("2.11", "400 bad number", "POST /blacklist/sms?phoneNumber=abc", call("POST", "/blacklist/sms?phoneNumber=abc"), 400,
        told("INVALID_RECIPIENT", "Invalid recipient: abc (may hold digits, an initial plus and separators only)")),
    Row("2.11", "400 if any is malformed, none is added", "POST /blacklist/smsbatch", call("POST", "/blacklist/smsbatch", json=[RECIPIENT,
        "+39abc"]), 400,
        told("INVALID_RECIPIENT", "Invalid recipient: +39abc (may hold digits, an initial plus and separators only)")),
    Row("2.11", "nothing given (ours): 400", "POST /blacklist/smsbatch, {}", call("POST", "/blacklist/smsbatch", json={}), 400,
        told("MISSING_PARAMETER", "Missing parameter: phoneNumber")),
    Row("2.11", "no such number (ours): 404", "DELETE /blacklist/sms/+39…", call("DELETE", f"/blacklist/sms/{RECIPIENT}"), 404,
        told("NOT_FOUND", "The number was not found")),
    Row("2.11", "unknown origin (ours): 400", "GET /blacklist/sms?origins=PAPER", call("GET", "/blacklist/sms?origins=PAPER"), 400,
        told("INVALID_PARAMETER", "Invalid parameter: origins may hold API, WEB, STOPSMS")),
    Row("2.12", "a sim that is no number (ours): 400", "GET /newrsmsmessage/abc", call("GET", "/newrsmsmessage/abc"), 400,
        told("INVALID_RECIPIENT", "Invalid recipient: abc (may hold digits, an initial plus and separators only)")),
    Row("2.12", "from required: 400", "GET /srsmshistory", call("GET", "/srsmshistory"), 400, told("MISSING_PARAMETER",
        "Missing parameter: from")),
    Row("2.12", "type required: 400", "GET /mosmshistory?from=…", call("GET", "/mosmshistory?from=20260101000000"), 400,
        told("MISSING_PARAMETER", "Missing parameter: type")),
    Row("2.12", "401", "GET /newrsmsmessage without keys", get("/newrsmsmessage"), 401, told("MISSING_CREDENTIALS",
        "Credentials are missing")),
    Row("2.16", "outside SMS, not built: 501", "GET /template", call("GET", "/template"), 501,
        told("NOT_AVAILABLE", "/template is not available yet on this gateway")),
)  # fmt: skip
RULES = (
    Row("3.1", "unknown message_type: 400", "POST /sms, message_type: ZZ", sms(message_type="ZZ"), 400,
        told("INVALID_MESSAGE_TYPE", "Invalid message_type: ZZ is unknown")),
    Row("3.2", "too long, gsm: 400", "POST /sms, 1,001 letters", sms(message="a" * 1001), 400,
        told("MESSAGE_TOO_LONG", "The message is too long: 1001 GSM characters, at most 1000 are allowed")),
    Row("3.2", "too long, ucs2: 400", "POST /sms, 451 letters, encoding: ucs2", sms(message="ж" * 451, encoding="ucs2"), 400,
        told("MESSAGE_TOO_LONG", "The message is too long: 451 UCS-2 characters, at most 450 are allowed")),
    Row("3.2", "too long for the low type: 400", "POST /sms, 161 letters, message_type: LL", sms(message="a" * 161, message_type="LL"), 400,
        told("MESSAGE_TOO_LONG", "The message is too long: 161 GSM characters, at most 160 are allowed")),
    Row("3.2", "outside GSM where the account refuses it (ours): 400", "POST /sms, message: aж", by_policy("refuse", "aж"), 400,
        told("INVALID_CHARACTER", "The message holds U+0436 at position 1, which is outside the GSM alphabet")),
    Row("3.2", "nothing left once transliterated (ours): 400", "POST /sms, message: U+200B", by_policy("transliterate", "\u200b"), 400,
        told("EMPTY_MESSAGE", "The message is empty")),
    Row("3.4", "order_id outside [A-Za-z0-9._-]{1,32}: 400", "POST /sms, order_id: a b", sms(order_id="a b"), 400,
        told("INVALID_PARAMETER", "Invalid parameter: order_id must be 1 to 32 letters, digits, '_', '.' or '-', and not 'bulk'")),
    Row("3.4", "order_id bulk is reserved: 400", "POST /sms, order_id: bulk", sms(order_id="bulk"), 400,
        told("INVALID_PARAMETER", "Invalid parameter: order_id must be 1 to 32 letters, digits, '_', '.' or '-', and not 'bulk'")),
    Row("3.4", "order_id used again: 400", "POST /sms, order_id: A1, twice", twice(message="Another"), 400,
        told("DUPLICATE_ORDER_ID", "The order_id A1 is already in use")),
    Row("3.5", "one invalid recipient: 400, nothing is sent", "POST /sms, one number of two is +39abc", sms(recipient=[RECIPIENT,
        "+39abc"]), 400,
        told("INVALID_RECIPIENT", "Invalid recipient: +39abc (may hold digits, an initial plus and separators only)")),
    Row("3.5", "all invalid where some may be: 400", "POST /sms, allowInvalidRecipients", sms(recipient=["abc"],
        allowInvalidRecipients=True), 400,
        told("INVALID_RECIPIENT", "Invalid recipient: abc (is not valid, nor is any other recipient)")),
    Row("3.5", "too many recipients (ours): 400", "POST /sms to 100,001 numbers", sms(recipient=[RECIPIENT] * 100_001), 400,
        told("TOO_MANY_RECIPIENTS", "Too many recipients: 100001, at most 100000 are allowed")),
    Row("3.6", "a sender for a type that takes none: 400", "POST /sms, sender: Acme, message_type: LL", sms(sender="Acme",
        message_type="LL"), 400,
        told("INVALID_SENDER", "Invalid sender: Acme must be empty with this message_type")),
    Row("3.6", "unapproved alias: 400", "POST /sms, sender: Rival", sms(sender="Rival"), 400,
        told("INVALID_SENDER", "Invalid sender: Rival is not approved for this account")),
    Row("3.6", "no possible sender: 400", "POST /sms, sender: Жук", sms(sender="Жук"), 400,
        told("INVALID_SENDER", "Invalid sender: Жук holds a character that a sender cannot have")),
    Row("3.7", "unparseable time: 400", "POST /sms, scheduled_delivery_time: soon", sms(scheduled_delivery_time="soon"), 400,
        told("INVALID_DATE", "Invalid date in scheduled_delivery_time: soon is not a date in a known form")),
    Row("3.7", "epoch numbers never: 400", "POST /sms, scheduled_delivery_time: 1767600000", sms(scheduled_delivery_time="1767600000"), 400,
        told("INVALID_DATE", "Invalid date in scheduled_delivery_time: 1767600000 is not a possible date")),
    Row("3.8", "unknown number prefix, no price (ours at once): 400", "POST /sms, no tariff", without_price, 400,
        told("UNKNOWN_PREFIX", "The recipient's prefix is not served")),
)  # fmt: skip
ROWS: tuple[Row, ...] = (*SIGNING_IN, *KEYS, *MANNERS, *ORDERS, *RULES)
