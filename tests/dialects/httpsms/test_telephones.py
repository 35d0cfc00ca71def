"""The calls of telephones (contracts httpsms 7 and android-devices A.3), and the pushes that make them call."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from gateway.connectors import made
from gateway.dialects.httpsms.events import salvaged
from gateway.dialects.httpsms.phone_schemas import Files
from gateway.dispatcher.pushing import Pushing
from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType
from gateway.services import connectors, ledger, ordering, phones, ways
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.ordering import Terms
from gateway.services.phones import PhoneChange
from gateway.services.sweeping import sweep
from gateway.storage.tables import Account
from tests.dialects.httpsms.client import CONTACT, MESSAGE_KEYS, NUMBER, Client, check_envelope, data, wrong
from tests.dialects.httpsms.conftest import a_user, an_account
from tests.support.builders import attempts, balance, messages, the_message
from tests.support.httpsms_phone import HttpsmsPhone, PushService, nine_digits, push_service

sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OTHER = "+18005550142"


@pytest.fixture
def pushes(gateway: Gateway) -> Iterator[PushService]:
    with push_service() as service:
        gateway.settings = replace(gateway.settings, connector_networks=(ip_network("127.0.0.0/8"),))
        yield service


@pytest.fixture
def pushing(gateway: Gateway) -> Pushing:
    return Pushing(gateway, threading.Event())


@pytest.fixture
def phone(owner: Client, http: FlaskClient, gateway: Gateway, pushes: PushService) -> HttpsmsPhone:
    """The owner's telephone, which serves the connector "drawer" by a key of its own."""
    key = data(owner.post("/phone-api-keys", {"name": "Drawer"}))["api_key"]

    def fits(kind: str, stored: Mapping[str, object]) -> None:
        made(kind, stored, gateway.settings)

    settings = Changes(settings={"push_url": pushes.url}, secrets={"push_token": "ya29.secret"})
    connectors.add(gateway, "drawer", "httpsms_phone", settings, fits, enabled=True)
    phones.add(gateway, "owner", NUMBER, PhoneChange(connector="drawer"))
    telephone = HttpsmsPhone(line_of(http), key, NUMBER)
    assert telephone.register() == 200
    return telephone


def line_of(http: FlaskClient):
    def line(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        answer = http.open(path, method=method, headers=dict(headers), data=body)
        check_envelope(answer)
        return answer.status_code, answer.data

    return line


def test_from_a_send_to_delivered(owner: Client, phone: HttpsmsPhone, pushes: PushService, pushing: Pushing, gateway: Gateway, clock):
    sent = owner.sent(content="Zażółć 😀", request_id="a")
    assert pushing.look() == 1 and pushing.look() == 0
    (headers, body), *_ = pushes.heard
    assert headers["Authorization"] == "Bearer ya29.secret"
    message = {"token": "f2:APA91b", "data": {"KEY_MESSAGE_ID": sent["id"]}, "android": {"priority": "normal", "ttl": "600s"}}
    assert body == {"message": message}
    told = owner.message(sent["id"])
    assert (told["status"], told["send_attempt_count"]) == ("scheduled", 1) and attempts(gateway) == []

    assert phone.pushed(sent["id"]) == "Zażółć 😀"
    assert phone.pushed(sent["id"]) is None  # once
    told = owner.message(sent["id"])
    assert (told["status"], told["send_attempt_count"], told["last_attempted_at"]) == ("sending", 1, "2026-01-05T08:00:00Z")
    clock.forward(seconds=2)
    for _ in range(2):
        status, answer = phone.tell(sent["id"], "SENT", clock.now())
        assert (status, answer["data"]["status"], answer["data"].keys()) == (200, "sent", MESSAGE_KEYS)
    clock.forward(seconds=2)
    for _ in range(2):
        assert phone.tell(sent["id"], "DELIVERED", clock.now())[1]["data"]["status"] == "delivered"
    assert phone.tell(sent["id"], "SENT", clock.now())[1]["data"]["status"] == "delivered"
    assert phone.tell(sent["id"], "FAILED", clock.now(), "GENERIC_FAILURE")[1]["data"]["status"] == "delivered"
    told = owner.message(sent["id"])
    assert (told["send_time"], told["sent_at"], told["delivered_at"]) == (
        2_000_000_000, "2026-01-05T08:00:02Z", "2026-01-05T08:00:04Z",
    )  # fmt: skip
    assert phone.air == [(NUMBER, "SIM1", CONTACT, "Zażółć 😀")]
    assert list(ledger.verify(gateway)) == []


@sqlite_only
def test_delivered_before_sent(owner: Client, phone: HttpsmsPhone, pushing: Pushing, clock):
    sent = owner.sent()
    pushing.look()
    phone.pushed(sent["id"])
    clock.forward(seconds=3)
    assert phone.tell(sent["id"], "DELIVERED", clock.now())[1]["data"]["status"] == "delivered"
    assert phone.tell(sent["id"], "SENT", clock.now())[1]["data"]["status"] == "delivered"


@pytest.mark.parametrize(
    ("reason", "status", "told"),
    [
        ("GENERIC_FAILURE", "failed", "GENERIC_FAILURE"),
        ("UNKNOWN:17", "failed", "UNKNOWN:17"),
        (None, "failed", "UNKNOWN ERROR"),
        ('java.io.IOException: "no route"\n\tat Sms.send', "failed", 'java.io.IOException: "no route"\n\tat Sms.send'),
        ("NO_SERVICE", "scheduled", None),
        ("LIMIT_EXCEEDED", "scheduled", None),
    ],
)
@sqlite_only
def test_a_failure(owner, phone, pushing, gateway, clock, reason, status, told):
    sent = owner.sent()
    pushing.look()
    phone.pushed(sent["id"])
    answered, answer = phone.tell(sent["id"], "FAILED", clock.now(), reason)
    assert (answered, answer["data"]["status"], answer["data"]["failure_reason"]) == (200, status, told)
    if status == "failed":
        assert phone.tell(sent["id"], "SENT", clock.now())[1]["data"]["status"] == "failed"
        assert pushing.look() == 0
        assert balance(gateway, account_of(gateway)) == 1000


@sqlite_only
def test_a_long_message_without_signal_is_not_tried_again(owner, phone, pushing, clock):
    sent = owner.sent(content="x" * 400)
    pushing.look()
    phone.pushed(sent["id"])
    assert phone.tell(sent["id"], "FAILED", clock.now(), "NO_SERVICE")[1]["data"]["status"] == "failed"


def test_a_telephone_that_does_not_answer_is_told_again_and_then_no_more(owner, phone, pushes, pushing, gateway, clock):
    sent = owner.sent()
    pushing.look()
    clock.forward(seconds=599)
    assert pushing.look() == 0
    clock.forward(seconds=1)
    assert pushing.look() == 1 and pushes.ids() == [sent["id"]] * 2
    clock.forward(seconds=600)
    assert pushing.look() == 0
    sweep(gateway)
    told = owner.message(sent["id"])
    assert (told["status"], told["send_attempt_count"]) == ("expired", 2)
    assert phone.pushed(sent["id"]) is None
    assert balance(gateway, account_of(gateway)) == 1000


@sqlite_only
def test_messages_without_a_validity_end_after_the_last_push_too(owner, phone, pushes, pushing, gateway, clock):
    """From another dialect and with a name for a sender: the telephone's own number and card are what it is told."""
    clock.forward(days=1)
    submission = Submission(
        account_id=account_of(gateway).id, user_id=None, dialect="smsend", message_type=MessageType.HIGH, type_token="N", text="Hi",
        recipients=["+393471234567"], fingerprint=b"", originator="Bakery", connector="drawer",
    )  # fmt: skip
    accepted = ordering.submit(gateway, submission, Terms())
    assert pushing.look() == 1
    phone.pushed(str(accepted.id))
    assert phone.air == [(NUMBER, "SIM1", "+393471234567", "Hi")]
    ordering.submit(gateway, submission, Terms())
    for _ in range(3):
        pushing.look()
        clock.forward(seconds=600)
    assert sorted((each.state, each.failure) for each in messages(gateway)) == [
        ("expired", "the telephone did not ask for the message"),
        ("sending", None),
    ]
    assert len(pushes.heard) == 3


@sqlite_only
def test_a_telephone_that_took_a_message_and_fell_silent_leaves_it_unknown(owner, phone, pushing, gateway, clock):
    sent = owner.sent()
    pushing.look()
    phone.pushed(sent["id"])
    clock.forward(seconds=601)
    sweep(gateway)
    assert the_message(gateway).state == "unknown" and pushing.look() == 0
    assert phone.tell(sent["id"], "SENT", clock.now())[1]["data"]["status"] == "sent"


@pytest.mark.parametrize(("status", "state"), [(404, "failed"), (400, "failed"), (503, "queued"), (401, "queued"), (429, "queued")])
@sqlite_only
def test_a_push_that_is_refused(owner, phone, pushes, pushing, gateway, clock, status, state):
    owner.sent_bulk([CONTACT, OTHER])
    pushes.status = status
    pushing.look()
    assert {each.state for each in messages(gateway)} == {state}
    assert len(pushes.heard) == (2 if state == "failed" else 1)
    if state == "queued":  # nothing counted, and the connector is left alone for a while
        pushes.status = 200
        clock.forward(seconds=15)
        assert sum(pushing.look() for _ in range(16)) == 2
        assert {each.attempts for each in messages(gateway)} == {1}


@sqlite_only
def test_a_push_service_that_is_away_or_forbidden_loses_nothing(owner, phone, pushing, gateway, pushes):
    owner.sent()
    gateway.settings = replace(gateway.settings, connector_networks=())
    assert Pushing(gateway, threading.Event()).look() == 0
    assert pushes.heard == [] and the_message(gateway).state == "queued"


@sqlite_only
def test_a_telephone_without_a_token_cannot_be_told(owner, phone, pushing, gateway):
    owner.call("PUT", "/phones", json={"phone_number": NUMBER, "fcm_token": ""})
    sent = owner.sent()
    assert pushing.look() == 0
    told = owner.message(sent["id"])
    assert (told["status"], told["failure_reason"]) == ("failed", "the telephone has not registered for pushes")


@sqlite_only
def test_what_a_telephone_does_not_get(owner, stranger, phone, pushing, gateway, http, clock):
    later = owner.sent(send_at=(clock.now() + timedelta(hours=1)).isoformat())
    cancelled = owner.sent()
    owner.call("DELETE", f"/messages/{cancelled['id']}")
    for message_id in (later["id"], cancelled["id"], str(uuid4())):
        assert phone.call("GET", f"/messages/outstanding?message_id={message_id}")[0] == 404
    assert wrong(owner.get("/messages/outstanding", message_id="7")).keys() == {"message_id"}
    assert wrong(owner.get("/messages/outstanding")).keys() == {"message_id"}

    # Of the same number at another account, and of another telephone of this one, it is nobody's business.
    sent = owner.sent()
    pushing.look()
    assert HttpsmsPhone(phone.line, stranger.key, NUMBER).pushed(sent["id"]) is None
    unbound = data(owner.post("/phone-api-keys", {"name": "Attic"}))["api_key"]
    assert HttpsmsPhone(phone.line, unbound, NUMBER).pushed(sent["id"]) is None
    assert HttpsmsPhone(phone.line, unbound, NUMBER).tell(sent["id"], "SENT", clock.now())[0] == 404
    # A user's key is good for every number of the account.
    assert HttpsmsPhone(phone.line, owner.key, NUMBER).pushed(sent["id"]) is not None
    assert phone.tell(str(uuid4()), "SENT", clock.now())[0] == 404
    assert phone.tell("seven", "SENT", clock.now())[0] == 422
    assert phone.tell(f"{sent['id']}.0", "SENT", clock.now()) == (204, None)
    connectors.disable(gateway, "drawer")
    assert phone.tell(sent["id"], "SENT", clock.now())[0] == 404


@sqlite_only
def test_events_that_cannot_be_read(phone, owner, pushing, clock):
    sent = owner.sent()
    pushing.look()
    phone.pushed(sent["id"])
    path = f"/messages/{sent['id']}/events"
    for status, body in (
        (400, b"{"),
        (400, b'{"event_name": 7, "timestamp": "2026-01-05T08:00:00Z"}'),
        (400, b'{"event_name": "SENT", "timestamp": "yesterday"}'),
        (422, b'{"event_name": "LOST", "timestamp": "2026-01-05T08:00:00Z"}'),
        (422, b'{"reason": "x"}'),
    ):
        assert phone.send("POST", path, body)[0] == status
    assert owner.message(sent["id"])["status"] == "sending"
    assert phone.call("POST", path, {"Event_Name": "sent"})[1]["data"]["status"] == "sent"


def test_what_is_saved_of_a_body_that_is_no_json():
    body = '{ "event_name": "FAILED", "reason": "he said "event_name": "SENT"", "timestamp": "2026-01-05T08:00:00.000000000Z" }'
    assert salvaged(body) == {
        "event_name": "FAILED", "reason": 'he said "event_name": "SENT"', "timestamp": "2026-01-05T08:00:00.000000000Z",
    }  # fmt: skip
    assert salvaged('{"event_name": "SENT"}') is None
    assert salvaged("nothing of the kind") is None
    assert salvaged('{"event_name": "FAILED", "reason": "a "b" c"}') == {"event_name": "FAILED", "reason": 'a "b" c'}
    assert salvaged('{"event_name": "FAILED", "reason": "it never ends') == {"event_name": "FAILED"}


@pytest.mark.parametrize("piece", ['"reason":"', '" ', '" , ', '"event_name" ', '"timestamp":"1'])
def test_what_is_saved_of_a_long_body_is_found_in_one_pass(piece):
    """As one pattern this took the square of the length: seconds for forty kilobytes, and a body may have megabytes."""
    began = time.process_time()
    salvaged('{"event_name": "FAILED", "reason": "' + piece * 50_000)
    assert time.process_time() - began < 5


# What comes in


def test_a_message_that_comes_in_is_stored_once(owner, phone, gateway, clock):
    at = clock.now() + timedelta(milliseconds=250)
    first, second = (phone.receive("+18005550111", "See you at eight 😀", at) for _ in range(2))
    assert first[0] == second[0] == 200
    told = first[1]["data"]
    assert told.keys() == MESSAGE_KEYS and second[1]["data"] == told
    assert (told["type"], told["status"], told["owner"], told["contact"], told["content"]) == (
        "mobile-originated", "received", NUMBER, "+18005550111", "See you at eight 😀",
    )  # fmt: skip
    assert (told["received_at"], told["attachments"], told["sim"], told["max_send_attempts"]) == (
        "2026-01-05T08:00:00.250000Z", [], "SIM1", 0,
    )  # fmt: skip
    assert owner.conversation(contact="+18005550111") == [told] and owner.message(told["id"]) == told
    other = phone.receive("+18005550111", "See you at eight 😀", at + timedelta(seconds=1))
    assert other[1]["data"]["id"] != told["id"]


def test_the_same_of_another_account_is_no_repeat(owner, stranger):
    body = {
        "sim": "SIM1", "from": "+18005550111", "to": NUMBER, "content": "See you at eight", "encrypted": False,
        "timestamp": "2026-01-05T08:00:00.250000000Z", "attachments": None,
    }  # fmt: skip
    mine, theirs = (data(client.post("/messages/receive", body)) for client in (owner, stranger))
    assert mine["id"] != theirs["id"] and mine["user_id"] != theirs["user_id"]
    for client, told in ((owner, mine), (stranger, theirs)):
        assert data(client.post("/messages/receive", body)) == told
        assert client.conversation(contact="+18005550111") == [told]


@sqlite_only
def test_senders_texts_and_files_of_any_kind_are_kept(owner, phone, http, clock):
    assert phone.receive("DHL", "x" * 5000, clock.now())[1]["data"]["contact"] == "DHL"
    assert phone.receive("+18005550111", "a\0b", clock.now())[1]["data"]["content"] == "a\ufffdb"
    assert phone.receive("+18005550111", "secret==", clock.now(), encrypted=True)[1]["data"]["encrypted"] is True
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    big = base64.b64encode(bytes(1_600_000)).decode()
    files = [
        {"name": "a photo.png", "content_type": "image/png", "content": base64.b64encode(picture).decode()},
        {"name": "big.jpg", "content_type": "image/jpeg", "content": big},
        {"name": "run.exe", "content_type": "application/x-msdownload", "content": "TVo="},
    ]
    status, answer = phone.receive("+18005550111", "", clock.now(), attachments=files)
    (url,) = answer["data"]["attachments"]
    assert status == 200
    path = url.partition("/v1/")[2]
    read = http.get(f"/v1/{path}")
    assert (read.data, read.content_type, read.headers["X-Content-Type-Options"]) == (picture, "image/png", "nosniff")
    assert read.headers["Content-Disposition"] == 'attachment; filename="a_photo.png"'
    for odd in (
        path.replace("/0/", "/1/"),
        path.replace("a_photo", "b"),
        path.replace("attachments/", "attachments/x"),
        path[:-70] + "/0/x",
    ):
        assert http.get(f"/v1/{odd}").status_code == 404
    assert [each.content_type for each in Files().deserialize(files)] == ["image/png", Files.LEFT_OUT, Files.LEFT_OUT]


@sqlite_only
def test_what_is_refused_of_what_comes_in(phone, clock):
    assert phone.receive("+18005550111", "", clock.now())[0] == 422
    assert phone.receive("", "x", clock.now())[0] == 422
    assert phone.receive("+18005550111", "x", clock.now(), to="12")[0] == 422
    assert phone.receive("+18005550111", "x", clock.now(), to=OTHER)[0] == 401
    assert phone.receive("+18005550111", "x", clock.now(), timestamp="now")[0] == 400


@sqlite_only
def test_a_user_s_key_may_bring_messages_to_numbers_that_are_no_phones(owner, http, clock):
    plain = HttpsmsPhone(line_of(http), owner.key, OTHER, "SIM2")
    status, answer = plain.receive("+18005550111", "x", clock.now())
    assert (status, answer["data"]["owner"], answer["data"]["sim"]) == (200, OTHER, "SIM2")


def test_a_missed_call_is_answered_once(owner, phone, pushing, gateway, clock):
    owner.call("PUT", "/phones", json={"phone_number": NUMBER, "missed_call_auto_reply": "We call back."})
    for _ in range(2):
        status, answer = phone.missed_call(CONTACT, clock.now())
        assert (status, answer["data"]["type"], answer["data"]["status"], answer["data"]["content"]) == (200, "call/missed", "received", "")
    (reply,) = [each for each in owner.conversation() if each["type"] == "mobile-terminated"]
    assert (reply["content"], reply["request_id"]) == ("We call back.", f"missed-call-{answer['data']['id']}")
    assert pushing.look() == 1 and phone.pushed(reply["id"]) == "We call back."


@sqlite_only
def test_a_missed_call_that_cannot_be_answered_is_kept(owner, phone, gateway, clock):
    owner.call("PUT", "/phones", json={"phone_number": NUMBER, "missed_call_auto_reply": "We call back."})
    assert phone.missed_call("unknown", clock.now())[0] == 200
    with gateway.writing() as session:
        session.execute(update(Account).values(balance=0))
    assert phone.missed_call(CONTACT, clock.now())[0] == 200
    assert messages(gateway) == []


# Who calls


def test_registering_binds_the_number_to_the_key(owner, phone, http, gateway):
    (key,) = data(owner.get("/phone-api-keys"))
    assert key["phone_numbers"] == [NUMBER]
    second = data(owner.post("/phone-api-keys", {"name": "Attic"}))["api_key"]
    attic = HttpsmsPhone(phone.line, second, NUMBER, "SIM2")
    assert attic.beat() == 401
    _, answer = attic.call("POST", "/heartbeats", {"phone_numbers": [NUMBER]})
    assert NUMBER in answer["data"] and "no number" in answer["data"]
    assert attic.register("f3:other") == 200
    bound = {each["name"]: each["phone_numbers"] for each in data(owner.get("/phone-api-keys", limit=10))}
    assert bound == {"Drawer": [], "Attic": [NUMBER]}
    assert (phone.beat(), attic.beat()) == (401, 201)
    (row,) = data(owner.get("/phones"))
    assert (row["fcm_token"], row["sim"]) == ("f3:other", "SIM2")
    assert ways.state(gateway, "drawer").is_served


@sqlite_only
def test_registering_makes_the_phone_and_a_user_s_key_binds_nothing(owner, http, gateway):
    telephone = HttpsmsPhone(line_of(http), owner.key, "18005550142")
    assert telephone.register() == 200
    row = data(owner.get("/phones", query="142"))[0]
    assert [row[name] for name in ("phone_number", "messages_per_minute", "message_expiration_seconds", "max_send_attempts")] == [
        OTHER, 10, 600, 2,
    ]  # fmt: skip
    assert wrong(owner.call("PUT", "/phones/fcm-token", json={"fcm_token": "x"})).keys() == {"phone_number"}


@sqlite_only
def test_keys_on_the_calls_of_telephones(owner, teammate, phone, http, clock):
    for key in ("", "undefined", "pk_" + "x" * 64):
        stranger = HttpsmsPhone(phone.line, key, NUMBER)
        assert [stranger.register(), stranger.beat(), stranger.receive("+18005550111", "x", clock.now())[0]] == [401] * 3
    reader = HttpsmsPhone(phone.line, teammate.key, NUMBER)
    assert [reader.register(), reader.missed_call(CONTACT, clock.now())[0]] == [403] * 2
    # A telephone's key counts in the header only, and nowhere else in the API.
    assert http.put("/v1/phones/fcm-token", json={"phone_number": NUMBER, "x-api-key": phone.key}).status_code == 401
    assert phone.call("GET", "/users/me")[0] == 401
    (key,) = data(owner.get("/phone-api-keys"))
    owner.call("DELETE", f"/phone-api-keys/{key['id']}")
    assert phone.beat() == 401


@sqlite_only
def test_a_number_that_the_account_may_not_use(gateway, http, owner):
    an_account(gateway, "strict", originators=["Bakery"])
    strict = a_user(gateway, http, "strict", "strict")
    assert wrong(strict.call("PUT", "/phones/fcm-token", json={"phone_number": OTHER})).keys() == {"phone_number"}


def account_of(gateway: Gateway):
    with gateway.reading() as session:
        row = session.scalars(select(Account).where(Account.name == "owner")).one()
        session.expunge(row)
        return row


def test_times_are_written_with_nine_digits(clock):
    assert nine_digits(clock.now() + timedelta(milliseconds=123)) == "2026-01-05T08:00:00.123000000Z"
