"""The three kinds of calls as they arrive at a real server, byte for byte."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from flask import Flask

from gateway.domain.callback import Happening, Telephone
from gateway.domain.inbound import Attachment, Inbound, InboundKind
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import FailureKind, Outcome
from gateway.net.client import Client
from gateway.services import inbound, phones, webhooks
from gateway.services.accounts import create_user
from gateway.services.callbacks import outbox, sending
from gateway.services.callbacks.endpoints import Made
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange
from gateway.services.webhooks import EVENTS, WebhookTerms
from gateway.storage.tables import Account
from tests.support.builders import an_account, set_connector
from tests.support.callbacks import an_endpoint, deliveries, handed_over, report, sent, turn
from tests.support.databases import MORNING, FixedClock
from tests.support.programs import ROOT
from tests.support.receiver import RESET, Receiver, Request, answer, loopback_client

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OURS, THEIRS = "+390111111111", "+393471234567"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def client() -> Iterator[Client]:
    found = loopback_client()
    yield found
    found.close()


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return an_account(gateway, "acme")


def called(gateway: Gateway, client: Client, receiver: Receiver, calls: int = 1) -> list[Request]:
    """Every call that is due, made; in the order of their targets and bodies."""
    for _ in range(calls):
        turn(gateway, client)
    assert len(receiver.came) == calls, [row.error for row in deliveries(gateway)]
    return receiver.came


def mac(key: str, signed: bytes) -> bytes:
    """HMAC-SHA256 by another library than the gateway's."""
    found = HMAC(key.encode(), SHA256())
    found.update(signed)
    return found.finalize()


# Native


def test_a_native_call(gateway: Gateway, client: Client, receiver: Receiver, account: Account, clock: FixedClock) -> None:
    made = an_endpoint(gateway, account, receiver.url("/sms?a=1"), "native", "message.delivered")
    outgoing = sent(gateway, account, client_ref="invoice-7", originator="Acme")
    report(gateway, Receipt("c-1", State.DELIVERED, MORNING))
    clock.forward(seconds=90)
    (request,) = called(gateway, client, receiver)
    (row,) = deliveries(gateway)
    order = str(outgoing.key.order_id)
    assert request.line == "POST /sms?a=1 HTTP/1.1"
    assert request.body.decode() == (
        f'{{"id":"{row.id}","event":"message.delivered","at":"2026-01-05T08:00:00Z","account":"acme","data":{{"message_id":"{order}",'
        f'"order_id":"{order}","client_ref":"invoice-7","recipient":"+393471234567","originator":"Acme","state":"delivered","parts":1,'
        f'"attempts":1,"failure":null}}}}'
    )
    timestamp = str(int(MORNING.timestamp()) + 90)
    assert {name: value for name, value in request.headers.items() if name.startswith(("Dragoman", "Content-Type"))} == {
        "Content-Type": "application/json",
        "Dragoman-Event": "message.delivered",
        "Dragoman-Delivery": str(row.id),
        "Dragoman-Timestamp": timestamp,
        "Dragoman-Key-Id": made.state.key_id,
        "Dragoman-Signature": mac(made.signing_key or "", timestamp.encode() + b"." + request.body).hex(),
    }
    assert (row.delivered_at, row.status, row.attempts, row.error) == (clock.now(), 200, 1, None)


def test_the_verification_of_the_guide_takes_what_is_ours_and_nothing_else(
    gateway: Gateway, client: Client, receiver: Receiver, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "callbacks.md").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], found)
    monkeypatch.setattr("time.time", MORNING.timestamp)
    key = an_endpoint(gateway, account, receiver.url()).signing_key or ""
    sent(gateway, account)
    (request,) = called(gateway, client, receiver)
    assert found["is_genuine"](request.headers, request.body, key)
    assert not found["is_genuine"](request.headers, request.body + b" ", key)
    assert not found["is_genuine"](request.headers, request.body, key + "x")
    assert not found["is_genuine"](request.headers | {"Dragoman-Timestamp": "1767600001"}, request.body, key)


def test_what_comes_in_is_told_with_its_text(gateway: Gateway, client: Client, receiver: Receiver, account: Account) -> None:
    set_connector(gateway, inbound_account_id=account.id)
    an_endpoint(gateway, account, receiver.url(), "native", "inbound.received", "call.missed")
    came_in(gateway, Inbound(THEIRS, OURS, "Caffè \U0001f600 «ok»", MORNING, provider_id="1"))
    (request,) = called(gateway, client, receiver)
    data = json.loads(request.body)["data"]
    assert (data["sender"], data["recipient"], data["text"], data["kind"]) == (THEIRS, OURS, "Caffè \U0001f600 «ok»", "sms")
    assert "Caffè \U0001f600".encode() in request.body


# smSend


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/hook", "/hook?order_id=inv%2E7&"),
        ("/hook?token=se%20cret&x", "/hook?token=se%20cret&x&order_id=inv%2E7&"),
        ("/hook?", "/hook?order_id=inv%2E7&"),
    ],
)
def test_an_smsend_call_goes_behind_the_parameters_of_the_address(
    gateway: Gateway, client: Client, receiver: Receiver, account: Account, path: str, target: str
) -> None:
    an_endpoint(gateway, account, receiver.url(path), "smsend", "message.sent")
    sent(gateway, account, client_ref="inv.7")
    (request,) = called(gateway, client, receiver)
    wanted = target.replace("%2E", ".") + "recipient=%2B393471234567&status=WAIT4DLVR&delivery_date=20260105090000"
    assert (request.line, request.body) == (f"GET {wanted} HTTP/1.1", b"")


def test_an_smsend_call_as_a_form(gateway: Gateway, client: Client, receiver: Receiver, account: Account) -> None:
    an_endpoint(gateway, account, receiver.url("/hook?token=s"), "smsend", "message.failed", method="POST")
    (outgoing,) = handed_over(gateway, account, [THEIRS])
    report(gateway, Outcome.failed(outgoing.key, FailureKind.FINAL))
    (request,) = called(gateway, client, receiver)
    assert request.line == "POST /hook?token=s HTTP/1.1"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    order = outgoing.key.order_id.hex
    assert request.body.decode() == f"order_id={order}&recipient=%2B393471234567&status=ERROR&delivery_date=20260105090000"


def test_smsend_tells_that_what_wants_no_receipt_is_sent(gateway: Gateway, client: Client, receiver: Receiver, account: Account) -> None:
    an_endpoint(gateway, account, receiver.url(), "smsend")
    sent(gateway, account, wants_receipt=False)
    (request,) = called(gateway, client, receiver)
    assert "&status=SENT&" in request.line


# httpSMS


def a_webhook(gateway: Gateway, account: Account, url: str, key: str = "") -> str:
    """A webhook for every event of one number; the user key of whom it belongs to."""
    create_user(gateway, account.name, "erp", "a long password", ["smsend:*"])
    user = create_user(gateway, account.name, "app", "a long password", ["httpsms:*"])
    phones.add(gateway, account.name, OURS, PhoneChange(sim="SIM2", messages_per_minute=0))
    webhooks.create(gateway, account.id, WebhookTerms(url, key, [OURS], EVENTS))
    return user.user_key


def came_in(gateway: Gateway, *messages: Inbound) -> None:
    with gateway.writing() as session:
        inbound.receive(session, "simulator", messages, gateway.clock.now())


def test_an_httpsms_call(gateway: Gateway, client: Client, receiver: Receiver, account: Account, clock: FixedClock) -> None:
    user_key = a_webhook(gateway, account, receiver.url(), "signing key, ключ")
    outgoing = sent(gateway, account, originator=OURS, label="r-1")
    clock.forward(seconds=1)
    (request,) = called(gateway, client, receiver)
    (row,) = deliveries(gateway)
    message = outgoing.key.order_id
    assert request.line == "POST /hook HTTP/1.1"
    assert (request.headers["Content-Type"], request.headers["X-Event-Type"]) == ("application/json", "message.phone.sent")
    assert request.body.decode() == (
        f'{{"specversion":"1.0","id":"{row.id}","source":"/v1/messages/{message}/events","type":"message.phone.sent",'
        f'"datacontenttype":"application/json","time":"2026-01-05T08:00:00Z","data":{{"id":"{message}","user_id":"{user_key}",'
        f'"request_id":"r-1","owner":"{OURS}","contact":"{THEIRS}","timestamp":"2026-01-05T08:00:00Z","content":"Good morning",'
        f'"encrypted":false,"sim":"SIM2"}}}}'
    )
    header, claims, proof = request.headers["Authorization"].removeprefix("Bearer ").split(".")
    assert json.loads(decoded(header)) == {"alg": "HS256", "typ": "JWT"}
    assert decoded(proof) == mac("signing key, ключ", f"{header}.{claims}".encode())
    now = int(clock.now().timestamp())
    assert json.loads(decoded(claims)) == {
        "iss": "api.httpsms.com", "sub": user_key, "aud": [receiver.url()], "iat": now, "nbf": now - 600, "exp": now + 600,
    }  # fmt: skip


def decoded(part: str) -> bytes:
    assert "=" not in part
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize("key", ["", "  \t"])
def test_without_a_signing_key_there_is_no_token(gateway: Gateway, client: Client, receiver: Receiver, account: Account, key: str) -> None:
    a_webhook(gateway, account, receiver.url(), key)
    sent(gateway, account, originator=OURS)
    (request,) = called(gateway, client, receiver)
    assert "Authorization" not in request.headers


COMMON = ["user_id", "request_id", "owner", "contact", "timestamp", "content", "encrypted", "sim"]
FIELDS = {
    "message.phone.received": ["message_id", "user_id", "owner", "contact", "timestamp", "content", "encrypted", "sim", "attachments"],
    "message.phone.sent": ["id", *COMMON],
    "message.phone.delivered": ["id", *COMMON],
    "message.send.failed": ["id", *COMMON, "error_message"],
    "message.send.expired": ["message_id", *COMMON, "send_attempt_count", "is_final"],
    "message.call.missed": ["message_id", "user_id", "owner", "contact", "timestamp", "sim"],
    "phone.heartbeat.online": ["phone_id", "user_id", "monitor_id", "owner", "timestamp", "last_heartbeat_timestamp"],
    "phone.heartbeat.offline": ["phone_id", "user_id", "monitor_id", "owner", "timestamp", "last_heartbeat_timestamp"],
}
"""Contract httpsms 6.3: ``id`` in some and ``message_id`` in others."""


def test_every_type_has_the_fields_of_the_contract(gateway: Gateway, client: Client, receiver: Receiver, account: Account) -> None:
    user_key = a_webhook(gateway, account, receiver.url())
    set_connector(gateway, inbound_account_id=account.id)
    sent(gateway, account, name="c-1", originator=OURS)
    report(gateway, Receipt("c-1", State.DELIVERED, MORNING))
    sent(gateway, account, name="c-2", originator=OURS)
    report(gateway, Receipt("c-2", State.EXPIRED, MORNING))
    (outgoing,) = handed_over(gateway, account, [THEIRS], originator=OURS)
    report(gateway, Outcome.failed(outgoing.key, FailureKind.FINAL, detail="no such number"))
    came_in(gateway, Inbound(THEIRS, OURS, "Hello", MORNING, provider_id="1"))
    came_in(gateway, Inbound(THEIRS, OURS, "", MORNING, InboundKind.CALL, provider_id="2"))
    phone = Telephone(account.id, OURS, str(uuid4()), MORNING)
    with gateway.writing() as session:
        for happening in (Happening.HANDSET_OFFLINE, Happening.HANDSET_ONLINE):
            outbox.handset(session, happening, phone, MORNING)
    while turn(gateway, client)[0]:
        pass
    bodies = [json.loads(request.body) for request in receiver.came]
    assert {body["type"] for body in bodies} == set(EVENTS) == set(FIELDS)
    for body in bodies:
        assert sorted(body["data"]) == sorted(FIELDS[body["type"]]), body["type"]
        assert (body["data"]["user_id"], body["data"]["owner"]) == (user_key, OURS)
        UUID(body["id"])
        assert datetime.fromisoformat(body["time"]).tzinfo == UTC
    by_type = {body["type"]: body["data"] for body in bodies}
    assert by_type["message.send.failed"]["error_message"] == "no such number"
    assert (by_type["message.send.expired"]["send_attempt_count"], by_type["message.send.expired"]["is_final"]) == (1, True)
    assert (by_type["message.phone.received"]["content"], by_type["message.phone.received"]["attachments"]) == ("Hello", [])
    assert by_type["phone.heartbeat.offline"]["phone_id"] == phone.id


def test_a_webhook_is_told_where_files_are_that_can_be_fetched(
    app: Flask, gateway: Gateway, client: Client, receiver: Receiver, account: Account
) -> None:
    a_webhook(gateway, account, receiver.url())
    set_connector(gateway, inbound_account_id=account.id)
    files = [
        Attachment("left out.exe", "application/x-left-out", ""),
        Attachment("my photo/1.jpg", "image/jpeg", "/9j/4A=="),
        Attachment("", "image/png", "iVBORw0KGgo="),
        Attachment("odd.png", "image/png", "abcde"),
    ]
    came_in(gateway, Inbound(THEIRS, OURS, "", MORNING, InboundKind.MMS, provider_id="1", attachments=files))
    (request,) = called(gateway, client, receiver)
    links = json.loads(request.body)["data"]["attachments"]
    assert [link.rpartition("/attachments/")[2].split("/")[2:] for link in links] == [
        ["1", "my_photo_1.jpg"],
        ["2", "file-2"],
        ["3", "odd.png"],
    ]
    answers = [app.test_client().get(link[link.index("/v1/") :]) for link in links]
    assert [(each.status_code, each.mimetype) for each in answers] == [
        (200, "image/jpeg"), (200, "image/png"), (404, "application/json"),
    ]  # fmt: skip


def test_a_webhook_is_told_of_its_own_numbers_only(gateway: Gateway, client: Client, receiver: Receiver, account: Account) -> None:
    a_webhook(gateway, account, receiver.url())
    sent(gateway, account, originator="Acme")
    sent(gateway, account)
    assert deliveries(gateway) == []


# What counts as taken, and where a call may go


@pytest.mark.parametrize(
    ("reply", "kind", "is_taken", "status", "error"),
    [
        (answer(204), "native", True, 204, None),
        (answer(500), "native", False, 500, "answered 500"),
        (answer(302, "Location: /elsewhere"), "native", False, 302, "answered 302"),
        (answer(302, "Location: /elsewhere"), "smsend", False, 302, "answered 302"),
        (answer(302, "Location: /elsewhere"), "httpsms", True, 302, None),
        (answer(399), "httpsms", True, 399, None),
        (answer(400), "httpsms", False, 400, "answered 400"),
        (RESET, "native", False, None, "the far end broke the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "native", True, 200, None),
        (b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nhalf", "native", False, 500, "the answer ended early"),
    ],
)
def test_what_counts_as_taken(
    gateway: Gateway, client: Client, receiver: Receiver, account: Account, reply: bytes, kind: str, is_taken: bool, status: int | None,
    error: str | None,
) -> None:  # fmt: skip
    receiver.answers = lambda request: reply
    if kind == "httpsms":
        a_webhook(gateway, account, receiver.url())
    else:
        an_endpoint(gateway, account, receiver.url(), kind)
    sent(gateway, account, originator=OURS)
    called(gateway, client, receiver)
    (row,) = deliveries(gateway)
    assert (row.delivered_at is not None, row.status, row.error) == (is_taken, status, error)
    assert (row.attempts, row.dead_at) == (1, None)


def test_a_slow_receiver_is_given_up(
    gateway: Gateway, client: Client, receiver: Receiver, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CALL_SECONDS", 0.2)
    receiver.gate.clear()
    an_endpoint(gateway, account, receiver.url())
    sent(gateway, account)
    called(gateway, client, receiver)
    (row,) = deliveries(gateway)
    assert (row.delivered_at, row.status, row.error) == (None, None, "the far end took too long")


def test_private_addresses_and_other_ports_are_refused(gateway: Gateway, receiver: Receiver, account: Account) -> None:
    """By the client that the gateway makes for itself: nothing of this machine is allowed here."""
    strict = sending.client_for(gateway)
    an_endpoint(gateway, account, receiver.url())
    sent(gateway, account)
    turn(gateway, strict)
    (row,) = deliveries(gateway)
    assert (row.delivered_at, row.status, row.attempts) == (None, None, 1)
    assert row.error
    assert receiver.came == []
    strict.close()


def test_nothing_secret_is_shown(gateway: Gateway, account: Account) -> None:
    made: Made = an_endpoint(gateway, account, "http://127.0.0.1:9/hook?token=hunter2")
    sent(gateway, account)
    jobs = sending.claim(gateway, 8, {})
    shown = repr(made) + repr(jobs[0].target) + repr(made.state)
    assert "hunter2" not in shown
    assert (made.signing_key or "") not in shown
    assert made.state.host == "127.0.0.1:9"
    with gateway.reading() as session:
        (row,) = session.connection().exec_driver_sql("SELECT url, signing_key FROM callbacks").all()
    assert b"hunter2" not in row[0]
    assert (made.signing_key or "").encode() not in row[1]
