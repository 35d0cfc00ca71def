"""The rows of contract httpsms 1.1 and 1.2, and the wrong fields and missing rows that sections 4 to 6 name."""

from __future__ import annotations

import io
from typing import Any

from werkzeug.test import TestResponse

from gateway.dialects.httpsms.errors import HINT, UNAUTHORIZED
from gateway.domain import errors
from gateway.services import keys
from gateway.storage.tables import Account, TariffRow
from tests.dialects.error_sections import Ask, Row, Wrong
from tests.dialects.httpsms import test_errors as known
from tests.dialects.httpsms.client import CONTACT, MESSAGE, NUMBER, Client, data, message
from tests.dialects.httpsms.test_errors import ID
from tests.dialects.town import Town

JSON = {"Content-Type": "application/json", "Access-Control-Allow-Origin": r"\*"}
SEND, BULK, FILES = "/messages/send", "/messages/bulk-send", "/bulk-messages"
HEAD = "FromPhoneNumber,ToPhoneNumber,Content\n"
BUSY = "The gateway cannot do this now, try again later"
WEBHOOK = {"url": "https://acme.example/events", "phone_numbers": [NUMBER], "events": ["message.phone.sent"]}
SCHEDULE = {"name": "Office", "timezone": "UTC", "windows": [{"day_of_week": 1, "start_minute": 0, "end_minute": 60}]}


def told(words: str, **more: Any) -> dict[str, Any]:
    """The envelope of 1.2."""
    return {"status": "error", "message": words, **more}


STRANGER = told(UNAUTHORIZED, data=HINT)


def wrong(*fields: str, **counted: int) -> Wrong:
    """One sentence for each of these fields, or as many as are counted."""
    return Wrong(dict.fromkeys(fields, 1) | counted)


def call(method: str, path: str, **options: Any) -> Ask:
    return lambda town: town.owner.call(method, path, **options)


def by_key(key: str) -> Ask:
    return lambda town: Client(town.http, key).send()


def use(ask: known.Ask) -> Ask:
    """A request of the dialect's own table."""
    return lambda town: ask(town.owner, town.gateway)


def phone_key(town: Town) -> str:
    return str(data(town.owner.post("/phone-api-keys", {"name": "Reception"}))["api_key"])


def by_phone_key(method: str, path: str, **options: Any) -> Ask:
    return lambda town: Client(town.http, phone_key(town)).call(method, path, **options)


def rotated(town: Town) -> TestResponse:
    user = data(town.owner.get("/users/me"))["id"]
    assert town.owner.call("DELETE", f"/users/{user}/api-keys").status_code == 200
    return town.owner.get("/users/me")


def expired(town: Town) -> TestResponse:
    key = keys.create(town.gateway, keys.HTTPSMS, "owner", town.clock.forward(days=1)).key
    town.clock.forward(days=1)
    return Client(town.http, key).get("/users/me")


def changed(table: Any, ask: Ask, **values: Any) -> Ask:
    def then(town: Town) -> TestResponse:
        town.change(table, **values)
        return ask(town)

    return then


def broken(town: Town) -> TestResponse:
    town.break_view("httpsms.list_messages")
    return town.owner.get("/messages", owner=NUMBER, contact=CONTACT)


def database_away(town: Town) -> TestResponse:
    town.take_database_away()
    return town.owner.send()


def silent_database(town: Town) -> TestResponse:
    town.strike(errors.OutcomeUnknown("lost"))
    return town.owner.send()


def file(content: str, name: str = "march.csv", field: str = "document") -> Ask:
    """An upload."""
    return lambda town: town.owner.call("POST", FILES, data={field: (io.BytesIO(content.encode()), name)})


def poor_file(town: Town) -> TestResponse:
    town.change(Account, balance=0)
    return file(f"{HEAD}{NUMBER},{CONTACT},Hello\n")(town)


def so_many(path: str, body: dict[str, Any], limit: str) -> Ask:
    """One more than there may be, where there may be two."""

    def ask(town: Town) -> TestResponse:
        town.allow_only(f"gateway.services.{limit}", 2)
        for _ in range(2):
            assert town.owner.post(path, body).status_code < 300
        return town.owner.post(path, body)

    return ask


def send(words: str, asked: str, body: Wrong, **fields: Any) -> Row:
    """A 422 of ``POST /v1/messages/send``."""
    return Row("4.1", words, f"POST /v1{SEND}, {asked}", lambda town: town.owner.send(**fields), 422, body, JSON)


def bulk(words: str, asked: str, body: Wrong, **fields: Any) -> Row:
    """A 422 of ``POST /v1/messages/bulk-send``."""
    given = message(**{"to": [CONTACT]} | fields)
    return Row("4.2", words, f"POST /v1{BULK}, {asked}", lambda town: town.owner.post(BULK, given), 422, body, JSON)


def get(section: str, path: str, *fields: str) -> Row:
    """A 422 of a list."""
    return Row(section, f"422 under {', '.join(fields)}", f"GET /v1{path}"[:90], call("GET", path), 422, wrong(*fields), JSON)


def put(section: str, method: str, path: str, body: dict[str, Any], *fields: str) -> Row:
    """A 422 of a body."""
    odd = {name: value for name, value in body.items() if name in fields} or body
    words = ", ".join(f"{name}: {value}"[:40] for name, value in odd.items()) or "{}"
    return Row(
        section, f"422 under {', '.join(fields)}", f"{method} /v1{path}, {words}", call(method, path, json=body), 422, wrong(*fields), JSON
    )


def no_id(section: str, method: str, path: str, field: str, body: dict[str, Any] | None = None) -> Row:
    return Row(
        section,
        f"422 key `{field}`",
        f"{method} /v1{path.format('seven')}",
        call(method, path.format("seven"), json=body),
        422,
        wrong(field),
        JSON,
    )


def gone(section: str, method: str, path: str, kind: str, body: dict[str, Any] | None = None) -> Row:
    return Row(section, "404 without data", f"{method} /v1{path.format('…')}", call(method, path.format(ID), json=body), 404,
               told(f"The {kind} was not found"), JSON)  # fmt: skip


AUTHENTICATION = (
    Row("1.1", "no key", f"POST /v1{SEND}", call("POST", SEND, json=MESSAGE, headers={}), 401, STRANGER, JSON),
    Row("1.1", "an empty key is a missing one", f"POST /v1{SEND}, x-api-key empty", by_key(""), 401, STRANGER, JSON),
    Row("1.1", "`undefined` is a missing one", f"POST /v1{SEND}, x-api-key: undefined", by_key("undefined"), 401, STRANGER, JSON),
    Row("1.1", "unknown key: the same answer", f"POST /v1{SEND}, unknown uk_…", by_key("uk_" + "x" * 64), 401, STRANGER, JSON),
    Row("1.1", "malformed key: the same answer", f"POST /v1{SEND}, x-api-key: a,b", by_key("a,b"), 401, STRANGER, JSON),
    Row("1.1", "unknown key in the query", "GET /v1/users/me?x-api-key=…", call("GET", "/users/me?x-api-key=x", headers={}), 401, STRANGER,
        JSON),
    Row("1.1", "unknown key in the body", f"POST /v1{SEND}, x-api-key in the body", call("POST", SEND, json=MESSAGE | {"x-api-key": "x"},
        headers={}),
        401, STRANGER, JSON),
    Row("1.1", "a dashboard's token is no key", "GET /v1/users/me, Authorization: Bearer", call("GET", "/users/me",
        headers={"Authorization": "Bearer x"}),
        401, STRANGER, JSON),
    Row("1.1", "a phone key on a user route", "GET /v1/users/me, pk_…", by_phone_key("GET", "/users/me"), 401, STRANGER, JSON),
    Row("1.1", "a phone key in the query", "GET /v1/users/me?x-api-key=pk_…",
        lambda town: town.owner.call("GET", f"/users/me?x-api-key={phone_key(town)}", headers={}), 401, STRANGER, JSON),
    Row("1.1", "a phone key for a number it is not bound to", "POST /v1/heartbeats, pk_…", by_phone_key("POST", "/heartbeats",
        json={"owner": NUMBER}),
        401, told("You are not authorized to use this phone number.",
            data=f"The key in the header [x-api-key] is not bound to {NUMBER}; it is bound to no number"), JSON),
    Row("1.1", "a rotated key fails at once", "GET /v1/users/me after DELETE …/api-keys", rotated, 401, STRANGER, JSON),
    Row("1.1", "an expired key (ours)", "GET /v1/users/me a day later", expired, 401, STRANGER, JSON),
    Row("1.1", "a disabled user (ours)", f"POST /v1{SEND}", use(known.disabled), 401, STRANGER, JSON),
    Row("1.1", "another network (ours)", f"POST /v1{SEND}", use(known.from_elsewhere), 401, STRANGER, JSON),
)  # fmt: skip
CODES = (
    Row("1.2", "400: bad JSON", f"POST /v1{SEND}, cut off", call("POST", SEND, data=b"{", content_type="application/json"), 400,
        told("The request cannot be read: the body is not valid JSON at character 1", data={}), JSON),
    Row("1.2", "400: wrong JSON type", f"POST /v1{SEND}, content: 7", lambda town: town.owner.send(content=7), 400,
        told("The request cannot be read: content must be a string", data={}), JSON),
    Row("1.2", "400: no usable Content-Type", f"POST /v1{SEND}, text/plain", call("POST", SEND, data=b"{}", content_type="text/plain"), 400,
        told("The request cannot be read: the Content-Type must be application/json", data={}), JSON),
    Row("1.2, 1.3", "400: a time without an offset", f"POST /v1{SEND}, send_at: 2026-01-06T08:00:00",
        lambda town: town.owner.send(send_at="2026-01-06T08:00:00"), 400,
        told("The request cannot be read: send_at must be a date and time of RFC 3339 with an offset", data={}), JSON),
    Row("1.2", "401: data is a string", f"POST /v1{BULK}", call("POST", BULK, json=MESSAGE, headers={}), 401, STRANGER, JSON),
    Row("1.2", "402: plan limit reached, no data", f"POST /v1{SEND}, no credit", use(known.without_credit), 402,
        told("There is not enough credit left for this request"), JSON),
    Row("1.2", "402 for a whole bulk", f"POST /v1{BULK}, daily cap of 1", use(known.over_the_cap), 402,
        told("At most 1 messages a day are allowed, the next day begins in 54000 seconds"), JSON),
    Row("1.2", "402 for a file", f"POST /v1{FILES}, no credit", poor_file, 402, told("There is not enough credit left for this request"),
        JSON),
    Row("1.2", "403: not permitted, no data", f"POST /v1{SEND}, may only read", use(known.not_permitted), 403,
        told("This user or API key may not do that"), JSON),
    Row("1.2", "404: no such resource of this user, no data", "GET /v1/messages/…, unknown", call("GET", f"/messages/{ID}"), 404,
        told("The message was not found"), JSON),
    Row("1.2", "404: unknown path (ours)", "GET /v1/nowhere", call("GET", "/nowhere"), 404, told("The path was not found"), JSON),
    Row("1.2", "405: another method (ours)", f"PUT /v1{SEND}", call("PUT", SEND), 405,
        told("Method not allowed, use DELETE, GET, HEAD, POST"), JSON | {"Allow": "DELETE, GET, HEAD, POST"}),
    Row("1.2", "413: beyond the limit (ours)", f"POST /v1{SEND}, 17 MB", lambda town: town.owner.send(other="x" * (17 << 20)), 413,
        told("The request is too large"), JSON),
    Row("1.2", "422: several fields, each a list", f"POST /v1{SEND}, {{}}", call("POST", SEND, json={}), 422, wrong("from", "to",
        "content"), JSON),
    Row("1.2", "500: internal error, no data", "GET /v1/messages, its view raises", broken, 500,
        told("We ran into an internal error while handling the request."), JSON),
    Row("1.2", "503: no database (ours)", f"POST /v1{SEND}, the file is gone", database_away, 503, told(BUSY), JSON),
    Row("1.2", "503: perhaps recorded (ours)", f"POST /v1{SEND}, the database falls silent", silent_database, 503,
        told("The message may have been recorded: repeat the request with the same Idempotency-Key, or look for it in the list"), JSON),
    Row("1.2", "503: no carrier is on (ours)", f"POST /v1{SEND}, connectors disabled", use(known.without_connector), 503, told(BUSY), JSON),
    Row("1.2", "order: decoded before validated", f"POST /v1{SEND}, content: 7, no to", lambda town: town.owner.send(content=7, to=None),
        400,
        told("The request cannot be read: content must be a string", data={}), JSON),
    Row("1.2", "order: validated before entitled", f"POST /v1{SEND}, no to, no credit",
        changed(Account, lambda town: town.owner.send(to=None), balance=0), 422, wrong("to"), JSON),
)  # fmt: skip
MESSAGES = (
    *(send(f"{name} absent", f"no {name}", wrong(name), **{"sender" if name == "from" else name: None}) for name in ("from", "to",
    "content")),
    send("from: owner rule", "from: DHL", wrong("from"), sender="DHL"),
    send("from: not registered, two sentences", "from: +18005550111", wrong(**{"from": 2}), sender="+18005550111"),
    send("to: contact rule", "to: DHL", wrong("to"), to="DHL"),
    send("content: 1 byte at least", "content empty", wrong("content"), content=""),
    send("content: 2048 bytes at most", "2,050 bytes", wrong("content"), content="é" * 1025),
    send("request_id: 255 bytes at most", "256 bytes", wrong("request_id"), request_id="x" * 256),
    send("send_at: at most 480 h ahead", "21 days ahead", wrong("send_at"), send_at="2026-01-26T08:00:01Z"),
    send("attachments: absolute http(s) URLs", "attachments: [x]", wrong("attachments"), attachments=["x"]),
    send("attachments: at most 10", "eleven", wrong("attachments"), attachments=["https://a.example/b"] * 11),
    send("attachments: no MMS here (ours)", "one", wrong("attachments"), attachments=["https://a.example/b"]),
    Row("4.1", "to: no price (ours)", f"POST /v1{SEND}, no tariff", changed(TariffRow, lambda town: town.owner.send(), prefix="999"), 422,
        wrong("to"), JSON),
    Row("4.1", "content: outside GSM refused by the account (ours)", f"POST /v1{SEND}, content: ж", use(known.refused_by_policy), 422,
        wrong("content"), JSON),
    Row("4.1", "an Idempotency-Key used again (ours)", f"POST /v1{SEND}, another text", use(known.reused_key), 422,
        wrong("Idempotency-Key"), JSON),
    bulk("to: 1 at least", "to: []", wrong("to"), to=[]),
    bulk("to: 1000 at most", "1,001 entries", wrong("to"), to=[CONTACT] * 1001),
    bulk("to: contact rule on each", "to: [DHL]", wrong("to"), to=["DHL"]),
    bulk("content: 1024 bytes at most", "1,025 bytes", wrong("content"), content="x" * 1025),
    bulk("from: not registered, two sentences", "from: +18005550111", wrong(**{"from": 2}), sender="+18005550111"),
    get("4.3", "/messages", "owner", "contact"),
    get("4.3", f"/messages?owner=DHL&contact={CONTACT[1:]}", "owner"),
    get("4.3", f"/messages?owner=%2B{NUMBER[1:]}&contact=x&query={'q' * 101}", "query"),
    get("1.5", f"/messages?owner=%2B{NUMBER[1:]}&contact=x&limit=all&skip=-1", "limit", "skip"),
    no_id("4.4", "GET", "/messages/{}", "messageID"),
    gone("4.4", "GET", "/messages/{}", "message"),
    no_id("4.5", "DELETE", "/messages/{}", "messageID"),
    gone("4.5", "DELETE", "/messages/{}", "message"),
    get("4.6", "/messages/search?sort_by=colour", "sort_by"),
    get("4.6", "/messages/search?statuses=lost&types=fax", "statuses", "types"),
    get("4.6", "/messages/search?owners=DHL", "owners"),
    get("4.6", f"/messages/search?query={'q' * 51}", "query"),
    Row("4.7", "document absent", f"POST /v1{FILES}, no file", file(HEAD, field="other"), 422,
        wrong("document"), JSON),
    Row("4.7", "no rows", f"POST /v1{FILES}, the header alone", file(HEAD), 422, wrong("document"), JSON),
    Row("4.7", "two bad rows, each by its number", f"POST /v1{FILES}, two numbers of nobody",
        file(f"{HEAD}{NUMBER},DHL,Hello\n{NUMBER},UPS,Hello\n"), 422,
        wrong(document=2), JSON),
    Row("4.7", "neither .csv nor .xlsx", f"POST /v1{FILES}, march.pdf", file("%PDF", "march.pdf"), 422, wrong("document"), JSON),
    Row("4.7", "no multipart body", f"POST /v1{FILES}, JSON", call("POST", FILES, json={}), 400,
        told("The request cannot be read: the Content-Type must be multipart/form-data with a boundary", data={}), JSON),
    Row("4.8", "no such attachment, no key needed", "GET /v1/attachments/…", call("GET", f"/attachments/u/{ID}/0/a.png", headers={}), 404,
        told("The attachment was not found"), JSON),
)  # fmt: skip
OWNERS = (
    get("5.1", "/message-threads", "owner"),
    get("5.1", f"/message-threads?owner=%2B{NUMBER[1:]}&is_archived=perhaps", "is_archived"),
    put("5.1", "PUT", f"/message-threads/{ID}", {}, "payload"),
    no_id("5.1", "PUT", "/message-threads/{}", "messageThreadID", {"is_read": True}),
    gone("5.1", "PUT", "/message-threads/{}", "thread", {"is_read": True}),
    no_id("5.1", "DELETE", "/message-threads/{}", "messageThreadID"),
    gone("5.1", "DELETE", "/message-threads/{}", "thread"),
    get("5.2", "/phones?limit=all", "limit"),
    *(put("5.2", "PUT", "/phones", {"phone_number": NUMBER} | body, *body)
      for body in ({"phone_number": "DHL"}, {"fcm_token": "x" * 1001}, {"messages_per_minute": 61}, {"max_send_attempts": 6},
                   {"message_expiration_seconds": 59}, {"message_send_schedule_id": ID})),
    put("5.2", "PUT", "/phones", {"phone_number": NUMBER, "max_send_attempts": 2}, "message_expiration_seconds"),
    no_id("5.2", "DELETE", "/phones/{}", "phoneID"),
    gone("5.2", "DELETE", "/phones/{}", "phone"),
    get("5.3", "/heartbeats", "owner"),
    put("5.3", "POST", "/heartbeats", {}, "phone_numbers"),
    put("5.4", "PUT", "/users/me", {"active_phone_id": "seven"}, "active_phone_id"),
    Row("5.4", "another user's id: 401", "DELETE /v1/users/nobody/api-keys", call("DELETE", "/users/nobody/api-keys"), 401, STRANGER, JSON),
    Row("5.4", "another user's id: 401", "PUT /v1/users/nobody/notifications", call("PUT", "/users/nobody/notifications", json={}), 401,
        STRANGER, JSON),
    get("5.5", "/billing/usage-history?skip=x", "skip"),
    put("5.6", "POST", "/phone-api-keys", {"name": ""}, "name"),
    put("5.6", "POST", "/phone-api-keys", {"name": "x" * 61}, "name"),
    no_id("5.6", "DELETE", "/phone-api-keys/{}", "phoneAPIKeyID"),
    gone("5.6", "DELETE", "/phone-api-keys/{}", "phone API key"),
    gone("5.6", "DELETE", f"/phone-api-keys/{ID}/phones/{{}}", "phone API key"),
    put("5.7", "POST", "/send-schedules", SCHEDULE | {"name": "x"}, "name"),
    put("5.7", "POST", "/send-schedules", SCHEDULE | {"timezone": "Mars"}, "timezone"),
    put("5.7", "POST", "/send-schedules", SCHEDULE | {"windows": [{"day_of_week": 7, "start_minute": 0, "end_minute": 60}]}, "windows"),
    put("5.7", "POST", "/send-schedules", SCHEDULE | {"windows": SCHEDULE["windows"] * 2}, "windows"),  # type: ignore[operator]
    no_id("5.7", "PUT", "/send-schedules/{}", "scheduleID", SCHEDULE),
    gone("5.7", "PUT", "/send-schedules/{}", "send schedule", SCHEDULE),
    gone("5.7", "DELETE", "/send-schedules/{}", "send schedule"),
    put("6.1", "POST", "/webhooks", WEBHOOK | {"url": "no host"}, "url"),
    put("6.1", "POST", "/webhooks", WEBHOOK | {"events": ["message.lost"]}, "events"),
    put("6.1", "POST", "/webhooks", WEBHOOK | {"phone_numbers": ["+18005550111"]}, "from"),
    Row("6.1", "a webhook too many: 402", "POST /v1/webhooks, the limit lowered to 2", so_many("/webhooks", WEBHOOK,
        "webhooks.MOST_WEBHOOKS"), 402,
        told("An account may have 2 webhooks"), JSON),
    Row("5.6", "a phone key too many: 402", "POST /v1/phone-api-keys, the limit lowered to 2",
        so_many("/phone-api-keys", {"name": "x"}, "phone_keys.MOST_KEYS"), 402, told("A user may have 2 phone API keys"), JSON),
    Row("5.7", "a send schedule too many: 402", "POST /v1/send-schedules, the limit lowered to 2",
        so_many("/send-schedules", SCHEDULE, "schedules.MOST_SCHEDULES"), 402, told("An account may have 2 send schedules"), JSON),
    no_id("6.1", "PUT", "/webhooks/{}", "webhookID", WEBHOOK),
    gone("6.1", "PUT", "/webhooks/{}", "webhook", WEBHOOK),
    gone("6.1", "DELETE", "/webhooks/{}", "webhook"),
)  # fmt: skip
RECEIVED = {"from": CONTACT, "to": NUMBER, "content": "Hi", "timestamp": "2026-01-05T08:00:00.000000000Z"}
TELEPHONES = (
    put("7", "PUT", "/phones/fcm-token", {"phone_number": "12"}, "phone_number"),
    no_id("7", "GET", "/messages/outstanding?message_id={}", "message_id"),
    gone("7", "GET", "/messages/outstanding?message_id={}", "message"),
    no_id("7", "POST", "/messages/{}/events", "messageID", {"event_name": "SENT"}),
    gone("7", "POST", "/messages/{}/events", "message", {"event_name": "SENT"}),
    put("7", "POST", f"/messages/{ID}/events", {"event_name": "LOST"}, "event_name"),
    put("7", "POST", "/messages/receive", RECEIVED | {"to": "12"}, "to"),
    put("7", "POST", "/messages/receive", RECEIVED | {"from": ""}, "from"),
    put("7", "POST", "/messages/receive", RECEIVED | {"content": ""}, "content"),
    put("7", "POST", "/messages/receive", RECEIVED | {"attachments": "x"}, "attachments"),
    put("7", "POST", "/messages/calls/missed", RECEIVED | {"to": "12"}, "to"),
)
ROWS: tuple[Row, ...] = (*AUTHENTICATION, *CODES, *MESSAGES, *OWNERS, *TELEPHONES)
