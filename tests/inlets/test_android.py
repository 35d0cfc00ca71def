"""The program SMS Gateway's endpoints, bytes in and bytes out (contract android-devices, part B)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from gateway.connectors import made
from gateway.domain.message import State
from gateway.inlets.android.streams import EVENTS
from gateway.services import connectors, handset_work, handsets, pairing, ways
from gateway.services.connectors import Changes
from gateway.services.sweeping import sweep
from gateway.storage.tables import ConnectorStanding, Handset, InboundMessage
from tests.support.builders import an_account, an_order, attempts, balance, messages, recipients, the_message

BASE = "/api/mobile/v1"
SIM_NUMBER = "+393330000001"
SIMS = [{"slotIndex": 0, "simNumber": 1, "phoneNumber": "*******0001", "carrierName": "*ind", "iccid": "****1234"}]
DEVICE = {"name": "ACME/ONE", "simCards": SIMS}
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Phone:
    """The program, as far as a test needs it: keeps its registration and makes its calls."""

    def __init__(self, http):
        self.http = http
        self.id = self.token = self.login = self.password = ""

    def call(self, method, path, body=None, authorization=None, **headers):
        given = authorization if authorization is not None else f"Bearer {self.token}"
        headers = {"User-Agent": "me.capcom.smsgateway/1.50.0"} | ({"Authorization": given} if given else {}) | headers
        data = None if body is None else json.dumps(body)
        return self.http.open(BASE + path, method=method, data=data, headers=headers, content_type="application/json; charset=UTF-8")

    def register(self, authorization, **device):
        answer = self.call("POST", "/device", DEVICE | device, authorization)
        if answer.status_code == 201:
            self.id, self.token, self.login = (answer.json[key] for key in ("id", "token", "login"))
            self.password = answer.json.get("password", self.password)
        return answer

    def pull(self, query=""):
        answer = self.call("GET", f"/message{query}")
        assert answer.status_code == 200
        return answer.json

    def report(self, message, state, error=None, **states):
        recipient = {"phoneNumber": message["phoneNumbers"][0], "state": state} | ({"error": error} if error else {})
        body = [{"id": message["id"], "state": state, "recipients": [recipient], "states": states}]
        answer = self.call("PATCH", "/message", body)
        assert (answer.status_code, answer.data) == (204, b"")

    def basic(self):
        return "Basic " + b64encode(f"{self.login}:{self.password}".encode()).decode()

    def forward(self, key, event, payload, event_id="event-1", at=None, timestamp=None, signature=None):
        body = json.dumps({"id": event_id, "webhookId": "w", "event": event, "deviceId": self.id, "payload": payload})
        timestamp = timestamp or str(int(at.timestamp()))
        signed = hmac.new(key.encode(), (body + timestamp).encode(), hashlib.sha256).hexdigest()
        headers = {"X-Timestamp": timestamp, "X-Signature": signed if signature is None else signature}
        return self.http.post(f"{BASE}/inbox/{self.id}", data=body, headers=headers, content_type="application/json")


@pytest.fixture
def account(gateway):
    return an_account(gateway)


@pytest.fixture
def opened(gateway):
    add_connector(gateway, "drawer")
    return pairing.open_pairing(gateway, "drawer", "android")


@pytest.fixture
def phone(app, opened):
    """A telephone that serves the connector "drawer"."""
    phone = Phone(app.test_client())
    assert phone.register(f"Bearer {opened.token}").status_code == 201
    return phone


def fits(gateway):
    return lambda kind, stored: made(kind, stored, gateway.settings)


def add_connector(gateway, name, **settings):
    connectors.add(gateway, name, "android", Changes(settings=settings), fits(gateway), enabled=True)


def set_up(gateway, **settings):
    connectors.change(gateway, "drawer", Changes(settings=settings), fits(gateway))


def order(gateway, account, to=("+256772123456",), text="Take your tablets", **more):
    return an_order(gateway, account, to, text, connector="drawer", **more)


def state(gateway):
    return State(the_message(gateway).state)


def failed_at(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%S}.123+00:00"


# The story


def test_pair_send_deliver(phone, gateway, account, clock):
    order(gateway, account)
    (message,) = phone.pull()
    assert message == {
        "id": message["id"],
        "textMessage": {"text": "Take your tablets"},
        "phoneNumbers": ["+256772123456"],
        "withDeliveryReport": True,
        "validUntil": "2026-01-06T08:00:00.000Z",
        "priority": 0,
        "state": "Pending",
        "createdAt": "2026-01-05T08:00:00.000Z",
    }
    assert len(message["id"]) == 36
    assert phone.pull() == [message]  # reading takes nothing out
    phone.report(message, "Pending")
    phone.report(message, "Processed")
    assert (state(gateway), phone.pull()) == (State.SENDING, [message])
    phone.report(message, "Sent", Sent=failed_at(clock.now()))
    assert (state(gateway), phone.pull()) == (State.SENT, [])
    delivered = clock.forward(seconds=20)
    phone.report(message, "Delivered", Sent=failed_at(delivered), Delivered=failed_at(delivered - timedelta(seconds=5)))
    assert the_message(gateway).final_at == delivered - timedelta(seconds=5) + timedelta(milliseconds=123)
    assert state(gateway) is State.DELIVERED
    assert [(each.outcome, each.number) for each in attempts(gateway)] == [("accepted", 1)]


def test_reports_may_repeat_skip_and_come_out_of_order(phone, gateway, account):
    order(gateway, account)
    (message,) = phone.pull()
    for word in ("Delivered", "Sent", "Pending", "Delivered", "Failed", "Cancelled", "Nonsense"):
        phone.report(message, word, error="Send result: RESULT_ERROR_GENERIC_FAILURE" if word == "Failed" else None)
    assert state(gateway) is State.DELIVERED
    assert len(attempts(gateway)) == 1
    phone.report(message | {"id": "never seen"}, "Sent")
    phone.report(message | {"id": "A" * 36}, "Sent")


@pytest.mark.parametrize(
    ("error", "more", "text", "ends"),
    [
        ("Send result: RESULT_ERROR_NO_SERVICE", {}, "short", State.QUEUED),
        ("Send result: RESULT_ERROR_RADIO_OFF", {}, "short", State.QUEUED),
        ("Send result: RESULT_ERROR_LIMIT_EXCEEDED", {}, "short", State.QUEUED),
        ("Send result: RESULT_ERROR_NO_SERVICE", {}, "a" * 300, State.UNKNOWN),
        ("Send result: RESULT_ERROR_GENERIC_FAILURE", {}, "short", State.FAILED),
        ("Can't send message: +256772123456 is odd", {}, "short", State.FAILED),
        ("TTL expired", {}, "a" * 300, State.QUEUED),
        ("Delivery result RESULT_TEMP_FAILED", {}, "short", State.UNDELIVERED),
        ("Send result: RESULT_ERROR_NO_SERVICE", {"Sent": "2026-01-05T08:00:00.000Z"}, "a" * 300, State.UNDELIVERED),
        (None, {}, "short", State.FAILED),
    ],
)
@sqlite_only
def test_what_a_failure_means(phone, gateway, account, error, more, text, ends):
    order(gateway, account, text=text)
    (message,) = phone.pull()
    phone.report(message, "Failed", error, **more)
    assert state(gateway) is ends
    assert "256772123456" not in (the_message(gateway).failure or "") + (attempts(gateway)[0].detail or "")
    assert phone.pull() == [] or ends is State.UNKNOWN


@sqlite_only
def test_a_message_that_is_tried_again_has_another_id(phone, gateway, account, clock):
    order(gateway, account)
    (first,) = phone.pull()
    phone.report(first, "Failed", "Send result: RESULT_ERROR_NO_SERVICE")
    clock.forward(hours=1)
    (second,) = phone.pull()
    assert second["id"] != first["id"]
    phone.report(first, "Sent")
    assert state(gateway) is State.SENDING
    phone.report(second, "Sent")
    assert state(gateway) is State.SENT


@sqlite_only
def test_a_late_message_expires_and_is_paid_back(phone, gateway, account, clock):
    before = balance(gateway, account)
    order(gateway, account, validity=timedelta(minutes=10))
    (message,) = phone.pull()
    assert message["validUntil"] == "2026-01-05T08:10:00.000Z"
    clock.forward(minutes=11)
    phone.report(message, "Failed", "TTL expired")
    sweep(gateway)
    assert (state(gateway), balance(gateway, account)) == (State.EXPIRED, before)


def test_offline_the_outcome_becomes_unknown_and_back_it_is_told(phone, gateway, account, clock):
    order(gateway, account, recipients(2))
    known, lost = phone.pull()
    clock.forward(hours=25)
    sweep(gateway)
    assert {each.state for each in messages(gateway)} == {State.UNKNOWN}
    asked = phone.pull()
    assert {each["id"] for each in asked} == {known["id"], lost["id"]}
    assert {each["validUntil"] for each in asked} == {"2000-01-01T00:00:00.000Z"}  # one that it does not know it must not send
    phone.report(known, "Sent")
    phone.report(lost, "Failed", "TTL expired")
    assert sorted(each.state for each in messages(gateway)) == [State.QUEUED, State.SENT]


@sqlite_only
def test_what_the_operator_set_decides_what_is_given(phone, gateway, account):
    set_up(gateway, sim=2, claim_hours=1)
    handsets.set_number(gateway, "drawer", "1", SIM_NUMBER)
    order(gateway, account, priority=1, originator=SIM_NUMBER)
    order(gateway, account, priority=3, wants_receipt=False)
    by_number, by_setting = sorted(phone.pull(), key=lambda message: -message["priority"])
    assert (by_number["simNumber"], by_number["priority"], by_number["withDeliveryReport"]) == (1, 100, True)
    assert (by_setting["simNumber"], by_setting["priority"], by_setting["withDeliveryReport"]) == (2, -10, False)
    assert by_setting["validUntil"] == "2026-01-05T09:00:00.000Z"


def test_limits_hold_messages_back(phone, gateway, account, clock):
    set_up(gateway, parts_per_minute=3)
    order(gateway, account, recipients(4))
    order(gateway, account, text="a" * 300)
    assert len(phone.pull()) == 3
    assert len(phone.pull()) == 3
    clock.forward(seconds=59)
    assert len(phone.pull()) == 3
    clock.forward(seconds=1)
    assert len(phone.pull()) == 5  # the fourth, and the one of two parts
    assert [each.state for each in messages(gateway)] == [State.SENDING] * 5
    assert len(attempts(gateway)) == 5


@sqlite_only
def test_a_hundred_at_once_in_either_order(phone, gateway, account):
    order(gateway, account, recipients(130))
    found = phone.pull("?order=fifo")
    assert len(found) == 100
    assert phone.pull("?order=lifo") == found[::-1]
    for message in found[:40]:
        phone.report(message, "Processed")
    again = phone.pull()
    assert [message["id"] for message in again[:60]] == [message["id"] for message in found[40:]]
    for message in found:
        phone.report(message, "Sent")
    assert len(phone.pull()) == 30


@sqlite_only
def test_cipher_text_of_another_scheme_is_refused_with_words(phone, gateway, account):
    order(gateway, account, is_encrypted=True)
    assert phone.pull() == []
    assert (state(gateway), "encrypted" in (the_message(gateway).failure or "")) == (State.FAILED, True)


def test_what_was_called_back_waits_again(phone, gateway, account, clock):
    order(gateway, account, recipients(2))
    stays, goes = phone.pull()
    assert handset_work.call_back(gateway, "drawer") == 2
    assert {message["state"] for message in phone.pull()} == {"Cancelling"}
    phone.report(goes, "Cancelled")
    phone.report(stays, "Sent")
    assert sorted(each.state for each in messages(gateway)) == [State.QUEUED, State.SENT]
    (message,) = phone.pull()
    assert message["id"] not in (stays["id"], goes["id"])
    phone.report(message, "Cancelled")  # by the telephone's user: nobody asked
    assert sorted(each.state for each in messages(gateway)) == [State.FAILED, State.SENT]


# Registering


def test_a_token_registers_and_the_newest_serves(phone, opened, gateway, account, app, clock):
    order(gateway, account)
    assert len(phone.pull()) == 1
    first, clock_then = phone.token, clock.forward(minutes=1)
    other = Phone(app.test_client())
    answer = other.register(f"Bearer {opened.token.capitalize()}", name="ACME/TWO")
    assert (answer.status_code, set(answer.json)) == (201, {"id", "token", "login", "password"})
    assert all(isinstance(value, str) and value for value in answer.json.values())
    assert phone.call("GET", "/message").status_code == 401
    assert other.pull() == []  # its predecessor may have sent it
    clock.forward(seconds=1)
    sweep(gateway)
    assert state(gateway) is State.UNKNOWN
    assert other.pull() == []  # nor is it asked
    assert first != other.token
    assert handsets.serving(gateway, "drawer").created_at == clock_then


def test_a_code_registers_once_and_ends(opened, app, clock, gateway):
    assert Phone(app.test_client()).register(f"Code {opened.code}").status_code == 201
    assert Phone(app.test_client()).register(f"Code {opened.code}").status_code == 401
    code, until = pairing.new_code(gateway, "drawer")
    clock.moment = until
    assert Phone(app.test_client()).register(f"Code {code}").status_code == 401


def test_login_and_password_give_a_new_token(phone, gateway, app):
    again = Phone(app.test_client())
    again.password = phone.password
    answer = again.register(phone.basic())
    assert (answer.status_code, set(answer.json), answer.json["login"]) == (201, {"id", "token", "login"}, phone.login)
    assert answer.json["id"] == phone.id
    assert phone.call("GET", "/message").status_code == 401
    assert again.call("GET", "/message").status_code == 200
    with gateway.reading() as session:
        assert len(list(session.scalars(select(Handset)))) == 1


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", "Code 000000", "Code 1e5", "Code", "Basic x", "Basic " + b64encode(b"A:b").decode(), "Digest x", "x"],
)
@sqlite_only
def test_nothing_else_registers(opened, app, gateway, authorization):
    if authorization.endswith(opened.code):
        return
    answer = Phone(app.test_client()).register(authorization)
    assert answer.status_code in (400, 401)
    assert answer.status_code == 401 or authorization == "Basic x"
    assert set(answer.json) == {"message"}


def test_of_many_codes_the_latest_few_are_good(phone, app, clock):
    codes = []
    for _ in range(6):
        clock.forward(seconds=1)
        codes.append(phone.call("GET", "/user/code", authorization=phone.basic()).json["code"])
    assert Phone(app.test_client()).register(f"Code {codes[1]}").status_code == 401
    assert Phone(app.test_client()).register(f"Code {codes[2]}").status_code == 201
    assert Phone(app.test_client()).register(f"Code {codes[2]}").status_code == 401


def test_of_telephones_that_register_at_once_one_serves(opened, app, gateway):
    answers, together = [], threading.Barrier(6)

    def register(authorization):
        telephone = Phone(app.test_client())
        together.wait()
        answers.append(telephone.register(authorization).status_code)

    ways = [f"Bearer {opened.token}", f"Code {opened.code}", f"Code {pairing.new_code(gateway, 'drawer')[0]}"] * 2
    threads = [threading.Thread(target=register, args=(way,)) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] * 4 + [401] * 2  # a code is good once
    assert len(handsets.every(gateway)) == 1


@sqlite_only
def test_guesses_are_limited(opened, app):
    wrong = [f"{number:06}" for number in range(20) if f"{number:06}" != opened.code]
    answers = [Phone(app.test_client()).register(f"Code {code}") for code in wrong]
    assert [answer.status_code for answer in answers[:10]] == [401] * 10
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert Phone(app.test_client()).register(f"Code {opened.code}").status_code == 429


def test_at_each_start_the_telephone_says_what_it_is(phone, gateway):
    body = {"id": phone.id, "simCards": [*SIMS, {"slotIndex": 1, "simNumber": 2, "odd": {}}]}
    answer = phone.call("PATCH", "/device", body)
    assert (answer.status_code, answer.data) == (204, b"")
    assert [card["simNumber"] for card in handsets.serving(gateway, "drawer").sims] == [1, 2]
    assert phone.register(phone.basic(), name="ACME\x1b[2J\r\n").status_code == 201
    assert handsets.serving(gateway, "drawer").name == "ACME?[2J??"
    assert phone.call("PATCH", "/device", {"id": "another"}).status_code == 403
    assert phone.call("PATCH", "/device", body, "Bearer unknown").status_code == 401
    assert handsets.serving(gateway, "drawer").app_version == "1.50.0"


@sqlite_only
def test_device_tells_the_address(phone):
    assert phone.call("GET", "/device", authorization="").json == {"externalIp": "127.0.0.1"}
    assert phone.call("GET", "/device").json["device"]["id"] == phone.id


@sqlite_only
def test_another_code_and_another_password(phone, app):
    answer = phone.call("GET", "/user/code", authorization=phone.basic())
    assert (answer.status_code, answer.json["validUntil"]) == (200, "2026-01-05T08:10:00.000Z")
    changes = {"currentPassword": phone.password, "newPassword": "another-password"}
    assert phone.call("PATCH", "/user/password", changes | {"currentPassword": "wrong"}).status_code == 401
    assert phone.call("PATCH", "/user/password", changes | {"newPassword": "short"}).status_code == 400
    assert phone.call("PATCH", "/user/password", changes).status_code == 204
    assert phone.call("GET", "/user/code", authorization=phone.basic()).status_code == 401
    phone.password = "another-password"
    again = phone.call("GET", "/user/code", authorization=phone.basic())
    assert Phone(app.test_client()).register(f"Code {again.json['code']}").status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/message"), ("GET", "/messages"), ("PATCH", "/message"), ("GET", "/webhooks"), ("GET", "/settings"), ("GET", "/events"),
     ("PATCH", "/device"), ("GET", "/user/code"), ("PATCH", "/user/password"), ("POST", "/webhooks"), ("DELETE", "/webhooks/x"),
     ("POST", "/inbox/x")],
)  # fmt: skip
@sqlite_only
def test_every_call_needs_the_telephone(phone, method, path):
    for authorization in ("", "Bearer unknown", "Bearer " + "x" * 5000):
        answer = phone.call(method, path, {}, authorization)
        assert (answer.status_code, set(answer.json)) == (401, {"message"})


@sqlite_only
@pytest.mark.parametrize("body", ["", "{", "null", "[1]", '"x"', "[[[]]]", '{"id":'])
def test_a_body_that_cannot_be_read_is_a_400(phone, body):
    headers = {"Authorization": f"Bearer {phone.token}"}
    assert phone.http.patch(f"{BASE}/message", data=body, headers=headers).status_code == 400


@sqlite_only
def test_who_is_not_known_yet_says_little(opened, app):
    """A body of megabytes, such as of empty lists, would cost a worker its memory before anybody asked who calls."""
    phone = Phone(app.test_client())
    for authorization in ("", "Bearer wrong", f"Bearer {opened.token}"):
        assert phone.register(authorization, name="x" * 65_536).status_code in (400, 413)
    assert phone.register(f"Bearer {opened.token}").status_code == 201


@sqlite_only
def test_a_revoked_telephone_is_out_with_every_pairing(phone, opened, gateway, app, account):
    order(gateway, account)
    assert len(phone.pull()) == 1
    handsets.revoke(gateway, "drawer")
    assert phone.call("GET", "/message").status_code == 401
    assert Phone(app.test_client()).register(f"Bearer {opened.token}").status_code == 401
    assert not connectors.one(gateway, "drawer").is_served


@sqlite_only
def test_tokens_and_signing_keys_outlive_the_gateways_old_key(phone, gateway):
    key, old = handsets.signing_key(gateway, phone.id), gateway.settings
    gateway.settings = replace(old, secret_key=("a-new-key-that-is-long-enough", *old.secret_key))
    assert phone.call("GET", "/message").status_code == 200
    assert handsets.renew_secrets(gateway) == 1
    gateway.settings = replace(old, secret_key=("a-new-key-that-is-long-enough",))
    assert phone.call("GET", "/message").status_code == 200
    assert handsets.signing_key(gateway, phone.id) == key


# Online and offline


def test_it_is_online_while_it_is_heard_of(phone, gateway, clock):
    assert ways.state(gateway, "drawer").is_served
    clock.forward(minutes=15)
    phone.pull()
    clock.forward(minutes=19)
    gateway.ways.forget()
    assert (handsets.serving(gateway, "drawer").is_online, ways.state(gateway, "drawer").is_served) == (True, True)
    clock.forward(minutes=2)
    gateway.ways.forget()
    assert (handsets.serving(gateway, "drawer").is_online, ways.state(gateway, "drawer").is_served) == (False, False)
    phone.pull()
    gateway.ways.forget()
    assert ways.state(gateway, "drawer").is_served
    with gateway.reading() as session:
        assert session.get_one(ConnectorStanding, "drawer").is_connected


def test_a_connector_that_is_off_gives_nothing_new(phone, gateway, account):
    order(gateway, account, recipients(2))
    before = phone.pull()
    order(gateway, account)
    connectors.disable(gateway, "drawer")
    assert phone.pull() == before
    connectors.enable(gateway, "drawer", fits(gateway))
    assert len(phone.pull()) == 3


# Settings and webhooks


@sqlite_only
def test_the_program_is_told_its_settings(phone, gateway):
    key = handsets.signing_key(gateway, phone.id)
    set_up(gateway, parts_per_minute=20, ping_seconds=300)
    handsets.set_app(gateway, "drawer", {"messages.send_interval_min": 5})
    assert phone.call("GET", "/settings").json == {
        "gateway": {"notification_channel": "SSE_ONLY"},
        "messages": {"limit_period": "PerMinute", "limit_value": 20, "processing_order": "FIFO", "send_interval_min": 5},
        "ping": {"interval_seconds": 300},
        "webhooks": {"signing_key": key, "internet_required": True, "retry_count": 30},
    }
    assert key is not None and len(key) == 32


@sqlite_only
def test_webhooks_are_ours_and_the_users(phone, gateway):
    added = phone.call("POST", "/webhooks", {"url": "https://example.com/hook", "event": "sms:received", "id": "mine"}, phone.basic())
    assert (added.status_code, added.json) == (201, {"id": "mine", "url": "https://example.com/hook", "event": "sms:received"})
    assert phone.call("GET", "/webhooks", authorization=phone.basic()).json == [added.json]
    told = phone.call("GET", "/webhooks").json
    assert told[-1] == added.json
    assert {each["url"] for each in told[:-1]} == {f"{gateway.settings.base_url}{BASE}/inbox/{phone.id}"}
    assert {"sms:received", "mms:downloaded", "system:ping"} <= {each["event"] for each in told[:-1]}
    for wrong in ({"url": "not_a_url", "event": "sms:received"}, {"url": "https://x.org", "event": "<script>"}, {}):
        assert phone.call("POST", "/webhooks", wrong, phone.basic()).status_code == 400
    assert phone.call("DELETE", "/webhooks/mine", authorization=phone.basic()).status_code == 204
    assert phone.call("GET", "/webhooks", authorization=phone.basic()).json == []
    assert phone.call("GET", "/health", authorization="").status_code == 200


# What comes in


def came_in(gateway):
    with gateway.reading() as session:
        rows = list(session.scalars(select(InboundMessage).order_by(InboundMessage.id)))
        session.expunge_all()
        return rows


RECEIVED = {"messageId": "1a2b", "sender": "+256772999888", "simNumber": 1, "receivedAt": "2026-01-05T07:59:00.500Z", "message": "Yes 👍"}


def test_a_message_comes_in_once(phone, gateway, clock):
    key = handsets.signing_key(gateway, phone.id)
    handsets.set_number(gateway, "drawer", "1", SIM_NUMBER)
    for event_id in ("one", "one", "later"):  # a repeat, and an export of the inbox
        assert phone.forward(key, "sms:received", RECEIVED, event_id, clock.now()).status_code == 204
    assert phone.forward(key, "sms:received", RECEIVED | {"sender": "INFO", "messageId": "77"}, "b", clock.now()).status_code == 204
    first, second = came_in(gateway)
    assert (first.sender, first.recipient, first.text, first.sim) == ("+256772999888", SIM_NUMBER, "Yes 👍", "SIM1")
    assert first.at == datetime(2026, 1, 5, 7, 59, 0, 500_000, tzinfo=UTC)
    assert (second.sender, second.connector) == ("INFO", "drawer")


@sqlite_only
def test_every_kind_of_message_comes_in(phone, gateway, clock):
    key = handsets.signing_key(gateway, phone.id)
    parts = [{"partId": 1, "contentType": "image/png", "name": "a.png", "size": 3, "data": "AAAA"}, {"partId": 2}, "odd"]
    cases: list[tuple[str, dict[str, object]]] = [
        ("sms:data-received", {"data": "3q2+7w=="}),
        ("mms:received", {"transactionId": "t", "subject": "Photo", "size": 10}),
        ("mms:downloaded", {"body": "Look", "attachments": parts}),
    ]
    for event, more in cases:
        payload: dict[str, object] = {"messageId": event, "phoneNumber": "0772999888", "receivedAt": "2026-01-05T07:59:00Z"} | more
        assert phone.forward(key, event, payload, at=clock.now()).status_code == 204
    assert [(each.kind, each.text) for each in came_in(gateway)] == [("data", "3q2+7w=="), ("mms", "Photo"), ("mms", "Look")]
    assert [each["name"] for each in came_in(gateway)[-1].attachments] == ["a.png", "2"]
    for unknown in ("sms:batch:received", "other", ""):
        assert phone.forward(key, unknown, {}, at=clock.now()).status_code == 204


@sqlite_only
def test_only_the_telephone_can_forward(phone, gateway, clock):
    key, now = handsets.signing_key(gateway, phone.id), clock.now()
    assert phone.forward("another key", "sms:received", RECEIVED, at=now).status_code == 401
    assert phone.forward(key, "sms:received", RECEIVED, at=now, signature="").status_code == 401
    assert phone.forward(key, "sms:received", RECEIVED, at=now, signature="é").status_code == 401
    assert phone.forward(key, "sms:received", RECEIVED, at=now - timedelta(days=8)).status_code == 401
    assert phone.forward(key, "sms:received", RECEIVED, at=now + timedelta(days=8)).status_code == 401
    assert phone.forward(key, "sms:received", RECEIVED, timestamp="-5").status_code == 401
    phone.id = "another"
    assert phone.forward(key, "sms:received", RECEIVED, at=now).status_code == 401
    assert came_in(gateway) == []


def test_ids_and_logins_that_no_database_takes_are_unknown(phone):
    phone.id = "%00"
    assert phone.forward("a key", "sms:received", RECEIVED, timestamp="1767600000").status_code == 401
    for login in ("\0", "A\0B"):
        given = "Basic " + b64encode(f"{login}:x".encode()).decode()
        assert phone.register(given).status_code == phone.call("GET", "/user/code", authorization=given).status_code == 401


@sqlite_only
def test_times_outside_the_calendar_count_as_now(phone, gateway, account, clock):
    an_order(gateway, account, recipients(1), "Hello", connector="drawer")
    (message,) = phone.pull()
    phone.report(message, "Delivered", Sent="0001-01-01T00:00:00.000+14:00", Delivered="9999-12-31T23:59:59.999-14:00")
    assert (the_message(gateway).state, the_message(gateway).final_at) == (State.DELIVERED, clock.now())


@sqlite_only
def test_states_and_signs_of_life_are_forwarded_too(phone, gateway, account, clock):
    key = handsets.signing_key(gateway, phone.id)
    order(gateway, account, recipients(2))
    first, second = phone.pull()
    phone.forward(key, "sms:sent", {"messageId": first["id"], "partsCount": 1, "sentAt": "2026-01-05T08:00:00.000Z"}, at=clock.now())
    phone.forward(key, "sms:delivered", {"messageId": first["id"], "deliveredAt": "2026-01-05T08:00:00.000Z"}, at=clock.now())
    phone.forward(key, "sms:failed", {"messageId": second["id"], "failedAt": "x", "reason": "RESULT_ERROR_GENERIC_FAILURE"}, at=clock.now())
    phone.forward(key, "sms:failed", {"messageId": None}, at=clock.now())
    assert [each.state for each in messages(gateway)] == [State.DELIVERED, State.FAILED]
    clock.forward(hours=1)
    phone.forward(key, "system:ping", {"health": {}}, at=clock.now())
    phone.forward(key, "app:started", {"simCards": [*SIMS, *SIMS]}, at=clock.now())
    assert (handsets.serving(gateway, "drawer").is_online, len(handsets.serving(gateway, "drawer").sims)) == (True, 2)


# Events


@pytest.fixture
def streams(app):
    held = app.extensions[EVENTS]
    yield held
    held.end()


def listen(phone):
    """An open stream: the answer, and what reads its next frame."""
    answer = phone.call("GET", "/events")
    assert answer.status_code == 200
    frames = iter(answer.response)
    return answer, lambda: next(frames).decode()


ENQUEUED = "event: MessageEnqueued\ndata: {}\n\n"


def test_events_tell_of_work_and_of_what_is_kept(phone, streams, gateway, account):
    answer, read = listen(phone)
    assert (answer.mimetype, answer.headers["Cache-Control"], answer.headers["X-Accel-Buffering"]) == (
        "text/event-stream",
        "no-cache",
        "no",
    )
    assert read() == ENQUEUED
    order(gateway, account)
    streams.look()
    assert read() == ENQUEUED
    (message,) = phone.pull()
    handset_work.call_back(gateway, "drawer")
    handsets.set_app(gateway, "drawer", {"messages.send_interval_min": 5})
    streams.look()
    assert read() == f'event: MessageCancelled\ndata: {{"messageId": "{message["id"]}"}}\n\n'
    assert read() == "event: SettingsUpdated\ndata: {}\n\n"
    streams.look()
    handsets.revoke(gateway, "drawer")
    streams.look()
    with pytest.raises(StopIteration):
        read()
    answer.close()
    assert len(streams) == 0


@sqlite_only
def test_streams_are_bounded_and_leave_threads_for_others(phone, streams, gateway, app):
    streams.most = 2
    first, second = listen(phone), listen(phone)
    answer = phone.call("GET", "/events")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    streams.most = 3
    third = listen(phone)  # a telephone has two: the oldest ends
    assert first[1]() == ENQUEUED
    with pytest.raises(StopIteration):
        first[1]()
    assert [second[1](), third[1]()] == [ENQUEUED, ENQUEUED]
    for answer, _ in (first, second, third):
        answer.close()
    assert len(streams) == 0


@sqlite_only
def test_a_telephone_that_opens_many_streams_at_once_keeps_two(phone, streams):
    streams.most = 9
    opened = [listen(phone) for _ in range(5)]  # nobody has noticed yet that a stream ended
    for _, read in opened[:3]:
        assert read() == ENQUEUED
        with pytest.raises(StopIteration):
            read()
    assert len(streams) == 2
    for answer, _ in opened:
        answer.close()
    phone.http.head(BASE + "/events", headers={"Authorization": f"Bearer {phone.token}"}).close()
    assert len(streams) == 0


@sqlite_only
def test_the_watcher_lives_as_long_as_there_are_streams(phone, streams):
    answer, read = listen(phone)
    assert read() == ENQUEUED
    watcher = streams._watcher
    assert watcher in threading.enumerate()
    streams.is_wanted = lambda: False  # the process was told to end
    with pytest.raises(StopIteration):
        read()
    answer.close()
    watcher.join(10)
    assert not watcher.is_alive()
    assert phone.call("GET", "/events").status_code == 503
