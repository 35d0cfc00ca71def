"""Sending one message and many (contract 4.1 and 4.2), and what becomes of them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from gateway.dispatcher.lanes import shares
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import FailureKind, Outcome
from gateway.services import dispatching, ledger, phones
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange
from gateway.services.sweeping import sweep
from gateway.storage.tables import Account, Order
from tests.dialects.httpsms.client import CONTACT, MESSAGE, MESSAGE_KEYS, MOMENT, NUMBER, Client, data, message, refused, wrong
from tests.support.builders import messages
from tests.support.databases import MORNING, FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CIPHER_TEXT = "AAECAwQFBgcICQoLDA0OD/SBAYYChRRFfUC8/E59a7xa"
"""Contract section 8: the test vector."""


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert list(ledger.verify(gateway)) == []


def claim(gateway: Gateway) -> list:
    return dispatching.claim(gateway, "simulator", 100, shares)


def orders(gateway: Gateway) -> list[Order]:
    with gateway.reading() as session:
        rows = list(session.query(Order).order_by(Order.id))
        session.expunge_all()
        return rows


def test_a_fresh_message_has_every_key_and_no_history(owner: Client, gateway: Gateway) -> None:
    answer = owner.send(request_id=" invoice-17 ")
    assert json.loads(answer.data)["message"] == "message added to queue"
    sent = data(answer)
    assert set(sent) == MESSAGE_KEYS
    at = "2026-01-05T08:00:00Z"
    assert {name: value for name, value in sent.items() if value is not None} == {
        "id": str(orders(gateway)[0].id),
        "request_id": "invoice-17",
        "owner": NUMBER,
        "user_id": sent["user_id"],
        "contact": CONTACT,
        "content": "Your table is ready.",
        "encrypted": False,
        "type": "mobile-terminated",
        "status": "pending",
        "sim": "SIM1",
        "request_received_at": at,
        "created_at": at,
        "updated_at": at,
        "order_timestamp": at,
        "send_attempt_count": 0,
        "max_send_attempts": 2,
        "can_be_polled": False,
    }
    (row,) = messages(gateway)
    (order,) = orders(gateway)
    assert (row.recipient, row.state, row.due_at, row.expires_at) == (CONTACT, "queued", MORNING, MORNING + timedelta(seconds=1200))
    assert (order.originator, order.label, order.dialect, order.type_token) == (NUMBER, "invoice-17", "httpsms", "httpsms")


def test_a_message_s_life(owner: Client, gateway: Gateway, clock: FixedClock) -> None:
    """Through the dispatcher's use cases and the simulator, as the client sees it at each step."""
    sent = owner.sent()
    now = owner.message(sent["id"])
    assert (now["status"], now["scheduled_at"], now["send_attempt_count"]) == ("scheduled", "2026-01-05T08:00:00Z", 0)

    clock.forward(seconds=2)
    (outgoing,) = claim(gateway)
    now = owner.message(sent["id"])
    assert (now["status"], now["last_attempted_at"], now["send_attempt_count"]) == ("sending", "2026-01-05T08:00:02Z", 1)
    assert (outgoing.originator, outgoing.recipient, outgoing.text) == (NUMBER, CONTACT, MESSAGE["content"])

    clock.forward(milliseconds=500)
    dispatching.record(gateway, "simulator", [Outcome.accepted(outgoing.key, "smsc-1")])
    now = owner.message(sent["id"])
    assert (now["status"], now["sent_at"], now["send_time"]) == ("sent", "2026-01-05T08:00:02.500000Z", 2_500_000_000)
    assert now["delivered_at"] is None and now["order_timestamp"] == now["updated_at"] == now["sent_at"]

    clock.forward(seconds=3)
    dispatching.record(gateway, "simulator", [Receipt("smsc-1", State.DELIVERED, clock.now(), "000")])
    now = owner.message(sent["id"])
    assert (now["status"], now["delivered_at"], now["failure_reason"]) == ("delivered", "2026-01-05T08:00:05.500000Z", None)
    assert now["order_timestamp"] == now["delivered_at"] and now["created_at"] == sent["created_at"]
    assert set(now) == MESSAGE_KEYS
    assert all(value is None or MOMENT.fullmatch(value) for name, value in now.items() if name.endswith("_at"))


def test_failure_and_expiry_are_told(owner: Client, gateway: Gateway, clock: FixedClock) -> None:
    failed, expired, undelivered = (owner.sent(to=f"+1800555010{digit}")["id"] for digit in (1, 2, 3))
    first, _, third = sorted(claim(gateway), key=lambda outgoing: outgoing.recipient)
    dispatching.record(gateway, "simulator", [Outcome.failed(first.key, FailureKind.FINAL, "8", "number is barred")])
    dispatching.record(gateway, "simulator", [Outcome.accepted(third.key, "smsc-3")])
    dispatching.record(gateway, "simulator", [Receipt("smsc-3", State.UNDELIVERED, clock.now(), "005")])
    now = owner.message(failed)
    assert (now["status"], now["failed_at"]) == ("failed", "2026-01-05T08:00:00Z")
    assert "number is barred" in now["failure_reason"]
    now = owner.message(undelivered)
    assert (now["status"], now["failure_reason"], now["sent_at"]) == ("failed", "receipt: 005", "2026-01-05T08:00:00Z")

    waiting = owner.sent()["id"]
    clock.forward(seconds=1201)
    sweep(gateway)
    now = owner.message(waiting)
    assert (now["status"], now["failed_at"]) == ("expired", None)
    assert now["expired_at"] and now["failure_reason"]
    assert owner.message(expired)["status"] == "sending"  # nobody said what became of it: nothing final is claimed


class TestPace:
    def test_two_sends_are_six_seconds_apart_at_ten_a_minute(self, owner: Client, gateway: Gateway) -> None:
        phones.add(gateway, "owner", NUMBER, PhoneChange(messages_per_minute=10))
        first, second = owner.sent()["id"], owner.sent()["id"]
        assert owner.message(first)["scheduled_at"] == "2026-01-05T08:00:00Z"
        assert owner.message(second)["scheduled_at"] == "2026-01-05T08:00:06Z"
        assert owner.message(second)["status"] == "scheduled"
        assert len(claim(gateway)) == 1

    def test_each_message_of_a_bulk_has_its_own_time_and_end(self, owner: Client, gateway: Gateway) -> None:
        phones.add(gateway, "owner", NUMBER, PhoneChange(messages_per_minute=7))
        owner.sent_bulk([CONTACT, "+18005550101", CONTACT])
        rows = messages(gateway)
        assert [(row.due_at - MORNING).seconds for row in rows] == [0, 8, 16]
        assert {row.expires_at and row.expires_at - row.due_at for row in rows} == {timedelta(seconds=1200)}

    @on_sqlite
    def test_send_at_skips_the_pace(self, owner: Client, gateway: Gateway) -> None:
        phones.add(gateway, "owner", NUMBER, PhoneChange(messages_per_minute=1))
        for _ in range(2):
            owner.sent(send_at="2026-01-05T10:00:00+01:00")
        assert {row.due_at for row in messages(gateway)} == {MORNING + timedelta(hours=1)}


class TestSendAt:
    @on_sqlite
    def test_every_form_of_rfc_3339(self, owner: Client) -> None:
        for written, due in [
            ("2026-01-05T09:00:00Z", "2026-01-05T09:00:00Z"),
            ("2026-01-05t09:00:00z", "2026-01-05T09:00:00Z"),
            ("2026-01-05T09:00:00.25Z", "2026-01-05T09:00:00.250000Z"),
            ("2026-01-05T09:00:00.123456789Z", "2026-01-05T09:00:00.123456Z"),
            ("2026-01-05T09:00:00,5Z", "2026-01-05T09:00:00.500000Z"),
            ("2026-01-05T14:45:00+05:45", "2026-01-05T09:00:00Z"),
            ("2026-01-05T00:00:00-09:00", "2026-01-05T09:00:00Z"),
            ("2026-01-25T08:00:00Z", "2026-01-25T08:00:00Z"),
        ]:
            sent = owner.sent(send_at=written)
            assert (sent["status"], sent["scheduled_send_time"], sent["order_timestamp"]) == ("pending", due, due)
            now = owner.message(sent["id"])
            assert (now["status"], now["scheduled_send_time"], now["scheduled_at"]) == ("pending", due, None)

    @on_sqlite
    def test_anything_else_cannot_be_decoded(self, owner: Client, gateway: Gateway) -> None:
        for written in [
            "2026-01-05T09:00:00",
            "2026-01-05 09:00:00Z",
            "2026-01-05",
            "tomorrow",
            "",
            "2026-01-05T09:00Z",
            "1767603600",
            1767603600,
        ]:
            refused(owner.send(send_at=written), 400)
            assert messages(gateway) == []

    @on_sqlite
    def test_too_far_ahead(self, owner: Client) -> None:
        for written in ["2026-01-25T08:00:01Z", "9999-12-31T23:59:59Z"]:
            assert list(wrong(owner.send(send_at=written))) == ["send_at"]

    @on_sqlite
    def test_no_moment_of_the_calendar(self, owner: Client) -> None:
        for written in ["2026-02-30T08:00:00Z", "2026-01-05T25:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]:
            assert list(wrong(owner.send(send_at=written))) == ["send_at"]

    @pytest.mark.parametrize("written", ["2026-01-05T07:59:59Z", "1970-01-01T00:00:00Z"])
    @on_sqlite
    def test_the_past_means_now(self, owner: Client, gateway: Gateway, written: str) -> None:
        owner.sent(send_at=written)
        assert [(row.state, row.due_at) for row in messages(gateway)] == [("queued", MORNING)]

    def test_it_goes_when_its_hour_comes(self, owner: Client, gateway: Gateway, clock: FixedClock) -> None:
        sent = owner.sent(send_at="2026-01-05T09:00:00Z")
        assert claim(gateway) == []
        clock.forward(hours=1)
        assert [outgoing.recipient for outgoing in claim(gateway)] == [CONTACT]
        now = owner.message(sent["id"])
        assert (now["status"], now["scheduled_at"]) == ("sending", "2026-01-05T09:00:00Z")


class TestText:
    @pytest.mark.parametrize("policy", ["ucs2", "transliterate", "refuse"])
    def test_cipher_text_passes_byte_for_byte(self, owner: Client, gateway: Gateway, policy: str) -> None:
        text_policy(gateway, policy)
        sent = owner.sent(content=CIPHER_TEXT, encrypted=True)
        assert (sent["content"], sent["encrypted"]) == (CIPHER_TEXT, True)
        (outgoing,) = claim(gateway)
        assert (outgoing.text, outgoing.is_encrypted, outgoing.parts) == (CIPHER_TEXT, True, 1)
        assert owner.message(sent["id"])["content"] == CIPHER_TEXT

    @pytest.mark.parametrize("policy", ["transliterate", "refuse"])
    @on_sqlite
    def test_no_policy_touches_what_is_marked_encrypted(self, owner: Client, gateway: Gateway, policy: str) -> None:
        text_policy(gateway, policy)
        sent = owner.sent(content="“żółć”", encrypted=True)
        (outgoing,) = claim(gateway)
        assert outgoing.text == sent["content"] == "“żółć”" and outgoing.alphabet == "ucs2"

    @on_sqlite
    def test_the_policy_changes_what_goes_out_and_not_what_is_shown(self, owner: Client, gateway: Gateway) -> None:
        text_policy(gateway, "transliterate")
        sent = owner.sent(content="“Hello” — you")
        (outgoing,) = claim(gateway)
        assert outgoing.text == '"Hello" - you'
        assert sent["content"] == owner.message(sent["id"])["content"] == owner.conversation()[0]["content"] == "“Hello” — you"

    @on_sqlite
    def test_a_policy_that_refuses_names_the_content(self, owner: Client, gateway: Gateway) -> None:
        text_policy(gateway, "refuse")
        assert list(wrong(owner.send(content="ж"))) == ["content"]

    @pytest.mark.parametrize(("path", "most"), [("send", 2048), ("bulk-send", 1024)])
    @on_sqlite
    def test_the_limit_is_in_bytes(self, owner: Client, path: str, most: int) -> None:
        to = CONTACT if path == "send" else [CONTACT]
        for letter in ("a", "é", "😀"):
            fits = letter * (most // len(letter.encode()))
            assert data(owner.post(f"/messages/{path}", message(to=to, content=fits)))
            told = wrong(owner.post(f"/messages/{path}", message(to=to, content=fits + "a")))
            assert told == {"content": [f"The content field must have at most {most} bytes"]}

    @on_sqlite
    def test_a_tag_has_its_limit_in_bytes(self, owner: Client) -> None:
        assert owner.sent(request_id="é" * 127)["request_id"] == "é" * 127
        for tag in ("é" * 128, "x" * 5000):
            assert wrong(owner.send(request_id=tag)) == {"request_id": ["The request_id field must have at most 255 bytes"]}


class TestNumbers:
    @on_sqlite
    def test_recipients(self, owner: Client, gateway: Gateway) -> None:
        for written, number in [
            ("+18005550100", "+18005550100"),
            ("18005550100", "+18005550100"),
            (" +1 800 555 0100 ", "+18005550100"),
            ("+1 (800) 555-0100", "+18005550100"),
            ("004917612345678", "+4917612345678"),
            ("+39 06 12345678", "+390612345678"),
            ("12", "12"),
            ("72345", "72345"),
            ("123456789", "123456789"),
            ("+49", "+49"),
            ("+999000123", "+999000123"),
            ("123456789012345", "+123456789012345"),
        ]:
            assert owner.sent(to=written)["contact"] == number
            assert [outgoing.recipient for outgoing in claim(gateway)] == [number]

    @on_sqlite
    def test_no_recipients(self, owner: Client, gateway: Gateway) -> None:
        for written in ["1", "+", "++12", "DHL", "12a", "1234567890123456", "+1234567890123456", "٤٢٤٢٤٢", "12;34", " ", "x" * 5000]:
            assert list(wrong(owner.send(to=written))) == ["to"]
            assert list(wrong(owner.post("/messages/bulk-send", message(to=[CONTACT, written])))) == ["to"]
            assert messages(gateway) == []

    @on_sqlite
    def test_senders(self, owner: Client) -> None:
        for written in [NUMBER, "18005550199", "+1 800 555 0199", " +1-800-555-0199"]:
            assert owner.sent(sender=written)["owner"] == NUMBER

    @on_sqlite
    def test_no_senders(self, owner: Client) -> None:
        for written in ["Acme", "12345", "+12", "8005550", "+1800555019912345678"]:
            assert {name: len(texts) for name, texts in wrong(owner.send(sender=written)).items()} == {"from": 1}

    @on_sqlite
    def test_a_number_that_is_no_phone_is_told_twice(self, owner: Client, stranger: Client, gateway: Gateway) -> None:
        phones.add(gateway, "stranger", "+18005550177", PhoneChange())
        for number in ("+18005550188", "+18005550177"):
            assert {name: len(texts) for name, texts in wrong(owner.send(sender=number)).items()} == {"from": 2}
        assert messages(gateway) == []

    @on_sqlite
    def test_every_wrong_field_is_told_at_once(self, owner: Client) -> None:
        answer = owner.send(sender="no", to="no", content="", request_id="é" * 128, attachments=["ftp://example.org/a"])
        assert set(wrong(answer)) == {"from", "to", "content", "request_id", "attachments"}
        assert set(wrong(owner.post("/messages/send", {}))) == {"from", "to", "content"}


class TestOptions:
    @on_sqlite
    def test_field_names_in_any_case(self, owner: Client) -> None:
        body = {"From": NUMBER, "TO": CONTACT, "Content": "Hello", "Encrypted": False, "Request_ID": "a"}
        sent = data(owner.post("/messages/send", body))
        assert (sent["content"], sent["request_id"]) == ("Hello", "a")

    @on_sqlite
    def test_null_counts_as_absent_and_unknown_fields_do_not_count(self, owner: Client) -> None:
        body = MESSAGE | {"encrypted": None, "request_id": None, "send_at": None, "attachments": None, "sim": "SIM2", "colour": [1]}
        sent = data(owner.post("/messages/send", body))
        assert sent["request_id"] is None and sent["sim"] == "SIM1"
        assert set(wrong(owner.post("/messages/send", MESSAGE | {"content": None}))) == {"content"}

    @on_sqlite
    def test_an_empty_request_id_is_null(self, owner: Client) -> None:
        for given in ["", "   "]:
            sent = owner.sent(request_id=given)
            assert sent["request_id"] is None and owner.message(sent["id"])["request_id"] is None

    @on_sqlite
    def test_request_ids_are_not_unique(self, owner: Client) -> None:
        assert owner.sent(request_id="x" * 255)["id"] != owner.sent(request_id="x" * 255)["id"]

    @on_sqlite
    def test_attachments_are_refused(self, owner: Client, gateway: Gateway) -> None:
        for path, to in (("send", CONTACT), ("bulk-send", [CONTACT])):
            body = message(to=to, attachments=["https://example.org/a.png"])
            (words,) = wrong(owner.post(f"/messages/{path}", body))["attachments"]
            assert "MMS" in words
            data(owner.post(f"/messages/{path}", message(to=to, attachments=[])))
        assert len(messages(gateway)) == 2
        assert list(wrong(owner.send(attachments=["https://example.org/a.png"] * 11))) == ["attachments"]

    @on_sqlite
    def test_a_phone_s_own_way_out_and_terms(self, owner: Client, gateway: Gateway) -> None:
        change = PhoneChange(sim="SIM2", max_send_attempts=3, message_expiration_seconds=60, connector="simulator")
        phones.add(gateway, "owner", NUMBER, change)
        sent = owner.sent()
        assert (sent["sim"], sent["max_send_attempts"]) == ("SIM2", 3)
        (row,) = messages(gateway)
        assert (row.connector, row.expires_at) == ("simulator", MORNING + timedelta(seconds=180))

    @on_sqlite
    def test_a_stored_0_means_the_usual_terms(self, owner: Client, gateway: Gateway) -> None:
        phones.add(gateway, "owner", NUMBER, PhoneChange(max_send_attempts=0, message_expiration_seconds=0))
        assert owner.sent()["max_send_attempts"] == 2
        assert messages(gateway)[0].expires_at == MORNING + timedelta(seconds=1200)

    def test_a_repeat_with_the_same_key_sends_nothing(self, owner: Client, gateway: Gateway) -> None:
        headers = {"x-api-key": owner.key, "Idempotency-Key": "one"}
        first, again = (data(owner.post("/messages/send", MESSAGE, headers=headers)) for _ in range(2))
        assert first == again and len(messages(gateway)) == 1
        assert list(wrong(owner.post("/messages/send", message(content="other"), headers=headers))) == ["Idempotency-Key"]
        assert list(wrong(owner.post("/messages/send", MESSAGE, headers=headers | {"Idempotency-Key": "ä"}))) == ["Idempotency-Key"]


class TestBulk:
    def test_a_message_for_each_entry_in_their_order(self, owner: Client, gateway: Gateway) -> None:
        to = ["+18005550101", "18005550100", "12345", "+18005550100"]
        answer = owner.post("/messages/bulk-send", message(to=to, request_id="batch"))
        assert json.loads(answer.data)["message"].startswith("4 out of 4 messages")
        sent = data(answer)
        assert [each["contact"] for each in sent] == ["+18005550101", CONTACT, "12345", CONTACT]
        assert {(each["status"], each["request_id"]) for each in sent} == {("pending", "batch")}
        assert len({each["id"] for each in sent}) == 4
        assert [owner.message(each["id"])["contact"] for each in sent] == [each["contact"] for each in sent]
        assert len(orders(gateway)) == 1

    @on_sqlite
    def test_a_thousand_and_no_more(self, owner: Client, gateway: Gateway) -> None:
        assert len(owner.sent_bulk([CONTACT] * 1000)) == 1000
        for to in ([CONTACT] * 1001, [CONTACT] * 10_001, []):
            assert list(wrong(owner.post("/messages/bulk-send", message(to=to)))) == ["to"]
        assert len(messages(gateway)) == 1000

    @on_sqlite
    def test_send_at_is_no_field_of_it(self, owner: Client, gateway: Gateway) -> None:
        owner.sent_bulk([CONTACT], send_at="2026-01-06T00:00:00Z")
        assert messages(gateway)[0].due_at == MORNING


class TestCredit:
    def test_too_little_is_402_and_nothing_is_sent(self, owner: Client, gateway: Gateway) -> None:
        ledger.add_credit(gateway, "owner", -999_000)
        refused(owner.post("/messages/bulk-send", message(to=[CONTACT] * 2)), 402)
        assert messages(gateway) == []
        owner.sent()
        refused(owner.send(), 402)
        assert list(wrong(owner.send(to="no"))) == ["to"]  # what is wrong with the request is told first


def text_policy(gateway: Gateway, policy: str) -> None:
    with gateway.writing() as session:
        session.execute(update(Account).where(Account.name == "owner").values(text_policy=policy))
