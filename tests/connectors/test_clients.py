"""The gateway as a client of its own five dialects: each keeps the contract against a far end that speaks its dialect."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.connectors import CONNECTORS, made
from gateway.connectors.base import FailureKind, Inbound, Outcome, Outgoing, Receipt
from gateway.connectors.clients import httpsms, smsend
from gateway.connectors.http_answers import reference
from gateway.connectors.http_lane import Lane
from gateway.connectors.http_reports import BadCall, Call
from gateway.connectors.settings import REQUIRED, read
from gateway.domain.message import State
from tests.connectors.contract import ConnectorContract, Rig, an_outgoing, events_until, outcomes, receipts
from tests.support.databases import settings_for
from tests.support.http_carrier import HttpCarrier, Reply
from tests.support.http_dialects import FAR_ENDS, KEY, PASSWORD, BulkFarEnd, FarEnd, HttpSmsFarEnd, SmSendFarEnd

PROCESS = settings_for("sqlite:///unused.sqlite3", connector_networks="127.0.0.0/8")
GOOD = "+393471234567"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WISHES = {
    "delivered": GOOD,
    "refused": "+999000002",
    "throttled": "+999000005",
    "no_answer": "+999000006",
    "receipt_twice": GOOD,
    "receipt_first": GOOD,
    "unknown_status": "+999000012",
}


def opened(far_end: FarEnd, **settings: Any) -> Lane:
    """A connector that its far end has let in."""
    quick = {"timeout_seconds": 1, "first_ask_seconds": 0} if far_end.has_states else {"timeout_seconds": 1}
    connector = made(far_end.kind, far_end.settings | quick | settings, PROCESS)
    assert isinstance(connector, Lane)
    connector.open()
    events_until(connector, lambda _events: connector.standing().is_connected)
    assert connector.standing().is_connected, connector.standing()
    return connector


class ClientRig(Rig):
    secrets = (PASSWORD, KEY)

    def __init__(self, kind: str) -> None:
        self.far_end = FAR_ENDS[kind]()
        self.connector = opened(self.far_end)

    def recipient(self, wish: str) -> str:
        return WISHES[wish]


@pytest.fixture(params=FAR_ENDS)
def rig(request: pytest.FixtureRequest) -> Iterator[ClientRig]:
    rig = ClientRig(request.param)
    yield rig
    rig.connector.close(0.1)
    rig.far_end.close()


class TestContract(ConnectorContract):
    """Receipts are asked for: they cannot come first, nor twice. The bulk API has none."""

    def test_delivery_is_reported(self, rig: ClientRig):  # type: ignore[override]
        if rig.far_end.has_states:
            super().test_delivery_is_reported(rig)
        else:
            rig.connector.submit([an_outgoing(GOOD)])
            assert receipts(events_until(rig.connector, lambda events: bool(outcomes(events))) + rig.connector.poll(0.1)) == []

    def test_a_receipt_that_comes_twice_is_handed_out_twice(self, rig: ClientRig):  # type: ignore[override]
        """Asked for once more, it is told once more; otherwise not."""
        if rig.far_end.has_states:
            rig.connector.submit([an_outgoing(GOOD)])
            (receipt,) = receipts(events_until(rig.connector, lambda events: bool(receipts(events))))
            assert rig.connector.query(receipt.smsc_message_id, GOOD) is None
            (again,) = receipts(events_until(rig.connector, lambda events: bool(receipts(events))))
            assert (again.smsc_message_id, again.state) == (receipt.smsc_message_id, receipt.state)

    def test_a_receipt_before_the_answer_is_handed_out_as_it_comes(self, rig: ClientRig):  # type: ignore[override]
        """The answer comes first and carries the name that the receipt has."""
        if rig.far_end.has_states:
            rig.connector.submit([an_outgoing(GOOD)])
            events = events_until(rig.connector, lambda events: bool(receipts(events)))
            assert isinstance(events[0], Outcome)


@pytest.mark.parametrize("kind", FAR_ENDS)
def test_what_arrives_is_what_was_sent(kind):
    far_end = FAR_ENDS[kind]()
    connector = opened(far_end)
    texts = ["Plain", "Grüße & 100% +1\nline", '😀 “quoted” \\ "x"', "x" * 700]
    connector.submit([an_outgoing(GOOD, text, position=number) for number, text in enumerate(texts)])
    events_until(connector, lambda events: len(outcomes(events)) == 4)
    connector.close(1)
    far_end.close()
    assert sorted((each.recipient, each.text) for each in far_end.messages) == sorted((GOOD, text) for text in texts)


@pytest.mark.parametrize("kind", [kind for kind in FAR_ENDS if FAR_ENDS[kind].has_states])
def test_undelivered_is_reported(kind):
    far_end = FAR_ENDS[kind]()
    connector = opened(far_end)
    connector.submit([an_outgoing("+999000010")])
    (receipt,) = receipts(events_until(connector, lambda events: bool(receipts(events))))
    connector.close(1)
    far_end.close()
    assert (receipt.state, receipt.at.tzinfo) == (State.UNDELIVERED, UTC)


@pytest.mark.parametrize("kind", [kind for kind in FAR_ENDS if FAR_ENDS[kind].has_states])
def test_after_a_restart_states_are_asked_for(kind):
    far_end = FAR_ENDS[kind]()
    before = opened(far_end, ask_states=False)
    before.submit([an_outgoing(GOOD)])
    (outcome,) = outcomes(events_until(before, lambda events: bool(events)))
    before.close(1)
    after = opened(far_end)
    name = outcome.smsc_message_id or ""
    assert after.query(name, GOOD) is None and after.query(name, GOOD) is None
    (receipt,) = receipts(events_until(after, lambda events: bool(receipts(events))) + after.poll(0.1))
    after.close(1)
    far_end.close()
    assert (receipt.smsc_message_id, receipt.state) == (name, State.DELIVERED)


@pytest.mark.parametrize("kind", [kind for kind in FAR_ENDS if FAR_ENDS[kind].has_states])
def test_a_far_end_that_is_asked_too_often_is_left_alone_for_as_long_as_it_says(kind):
    far_end = FAR_ENDS[kind]()
    connector = opened(far_end)
    slow = threading.Event()
    talk = far_end.talk
    far_end.talk = lambda request: talk(request) if slow.is_set() else Reply(429, headers={"Retry-After": "1"})  # type: ignore[method-assign]
    for name in ("1", "2", "3"):
        connector.query(name, GOOD)
    before = len(far_end.server.requests)
    assert connector.poll(0.5) == []
    assert len(far_end.server.requests) - before <= 1
    slow.set()
    asked = events_until(connector, lambda _events: len(far_end.server.requests) - before >= 4)
    connector.close(1)
    far_end.close()
    assert asked == []


@pytest.mark.parametrize("kind", ["smsend", "httpsms"])
def test_an_unanswered_message_is_found_by_our_reference(kind):
    far_end = FAR_ENDS[kind]()
    connector = opened(far_end)
    outgoing = an_outgoing("+999000006")
    connector.submit([outgoing])
    (unknown,) = outcomes(events_until(connector, lambda events: bool(events)))
    assert unknown.failure is FailureKind.UNKNOWN
    connector.find(outgoing)
    connector.find(outgoing)
    found = events_until(connector, lambda events: bool(receipts(events)))
    connector.close(1)
    far_end.close()
    (outcome,) = outcomes(found)
    assert (outcome.key, outcome.failure, outcome.smsc_message_id) == (outgoing.key, None, far_end.messages[0].name)
    assert receipts(found)[0].smsc_message_id == outcome.smsc_message_id


def test_smsend_knows_when_a_message_was_not_taken_and_httpsms_does_not_claim_to():
    far_end, other = SmSendFarEnd(), HttpSmsFarEnd()
    connector, silent = opened(far_end), opened(other)
    outgoing = an_outgoing(GOOD)
    for each in (connector, silent):
        each.find(outgoing)
    (outcome,) = outcomes(events_until(connector, lambda events: bool(events)))
    assert (outcome.key, outcome.failure) == (outgoing.key, FailureKind.RETRY_LATER)
    assert silent.poll(0.2) == []
    for each in (connector, silent):
        each.close(1)
    far_end.close()
    other.close()


def test_smsend_takes_a_refused_repeat_for_what_it_is():
    """The first try was taken and never answered; the second is refused for its order_id. There is one message, and it counts as sent."""
    far_end = SmSendFarEnd()
    connector = opened(far_end)
    for number in (1, 2):
        connector.submit([an_outgoing("+999000006", number=number)])
        (outcome,) = outcomes(events_until(connector, lambda events: bool(outcomes(events))))
    connector.close(1)
    far_end.close()
    assert len(far_end.messages) == 1
    assert (outcome.failure, outcome.smsc_message_id) == (None, reference(outcome.key))


def test_smsend_logs_in_again_when_its_session_ends():
    far_end = SmSendFarEnd()
    connector = opened(far_end)
    assert far_end.session == 1
    far_end.session = 7  # as if others had ended ours
    connector.submit([an_outgoing(GOOD, position=number) for number in range(12)])
    events = events_until(connector, lambda events: len(outcomes(events)) == 12)
    connector.close(1)
    far_end.close()
    assert {outcome.failure for outcome in outcomes(events)} == {None}
    assert len(far_end.messages) == 12
    assert far_end.session == 8
    assert not any("pass" in request.query for request in far_end.server.requests)


def test_smsend_by_access_token():
    carrier = HttpCarrier(lambda request: Reply.of({"result": "OK", "order_id": "far-1"}, 201 if request.method == "POST" else 200))
    settings = {"base_url": carrier.url, "user_key": "U", "access_token": "T", "ask_states": False, "message_type": "GP"}
    connector = made("smsend", settings, PROCESS)
    assert isinstance(connector, Lane)
    connector.open()
    events_until(connector, lambda _events: connector.room() > 0)
    connector.submit([an_outgoing(GOOD)])
    (outcome,) = outcomes(events_until(connector, lambda events: bool(events)))
    connector.close(1)
    carrier.close()
    assert outcome.smsc_message_id == "far-1"
    sent = carrier.requests[-1]
    assert (sent.headers["user_key"], sent.headers["access_token"], sent.json["message_type"]) == ("U", "T", "GP")
    assert {request.path for request in carrier.requests} == {"/API/v1.0/REST/status", "/API/v1.0/REST/sms"}


@pytest.mark.parametrize("kind", FAR_ENDS)
def test_wrong_credentials_keep_messages_waiting(kind):
    """Where the dialect can be asked, nothing is sent before they are right; elsewhere the first message says it."""
    far_end = FAR_ENDS[kind]()
    secret = "api_key" if "api_key" in far_end.settings else "password"
    connector = made(kind, far_end.settings | {secret: "wrong", "timeout_seconds": 1}, PROCESS)
    assert isinstance(connector, Lane)
    connector.open()
    events_until(connector, lambda _events: connector.standing().note != "not tried yet")
    if kind in ("brevisone", "smsnodes"):
        connector.submit([an_outgoing(GOOD)])
        (outcome,) = outcomes(events_until(connector, lambda events: bool(events)))
        assert outcome.failure is FailureKind.MISCONFIGURED
        assert "misconfigured" in connector.standing().note
    else:
        assert (connector.room(), connector.standing().is_connected) == (0, False)
        assert connector.standing().note
    connector.close(1)
    far_end.close()


_F = FailureKind


@pytest.mark.parametrize(
    ("kind", "reply", "expected"),
    [
        ("smsend", Reply.of({"result": "x", "error_code": "NOT_ENOUGH_CREDIT"}, 400), _F.MISCONFIGURED),
        ("smsend", Reply.of({"result": "Not enough credits"}, 400), _F.MISCONFIGURED),
        ("smsend", Reply.of({"result": "x", "error_code": "INVALID_SENDER"}, 400), _F.FINAL),
        ("smsend", Reply.of({"result": "x", "error_code": "UNAVAILABLE"}, 503), _F.RETRY_LATER),
        ("smsend", Reply.of({"result": "x", "error_code": "OUTCOME_UNKNOWN"}, 503), _F.UNKNOWN),
        ("smsend", Reply.of({"result": "x", "error_code": "DAILY_CAP_REACHED"}, 429), _F.THROTTLED),
        ("smsend", Reply.of({"result": "no"}, 201), _F.UNKNOWN),
        ("smsend", Reply(404, b"x"), _F.MISCONFIGURED),
        ("brevisone", Reply(403, b"403 Forbidden"), _F.MISCONFIGURED),
        ("brevisone", Reply(408, b"FAILED - Timeout"), _F.UNKNOWN),
        ("brevisone", Reply(200, b"FAILED"), _F.UNKNOWN),
        ("brevisone", Reply(200, b""), None),
        ("bulk", Reply.of({"error": "Insufficient balance"}, 400), _F.MISCONFIGURED),
        ("bulk", Reply.of({"error": "API key has expired"}, 401), _F.MISCONFIGURED),
        ("bulk", Reply.of({"message": "The sender id field is long.", "errors": {}}, 422), _F.FINAL),
        ("bulk", Reply.of({"message": "sent"}), _F.UNKNOWN),
        ("bulk", Reply.of({"success": False, "message": "no"}), _F.UNKNOWN),
        ("bulk", Reply.of({"success": True}), None),
        ("smsnodes", Reply.of({"error": "Insufficient credit: 2 needed"}, 402), _F.MISCONFIGURED),
        ("smsnodes", Reply.of({"error": "Username and password are required"}, 400), _F.MISCONFIGURED),
        ("smsnodes", Reply.of({"error": "Database error"}, 500), _F.UNKNOWN),
        ("smsnodes", Reply.of({"message": "queued"}), _F.UNKNOWN),
        ("httpsms", Reply.of({"status": "error", "message": "plan"}, 402), _F.MISCONFIGURED),
        ("httpsms", Reply.of({"status": "error", "message": "v", "data": {"from": ["a", "b"]}}, 422), _F.MISCONFIGURED),
        ("httpsms", Reply.of({"status": "error", "message": "v", "data": {"content": ["long"]}}, 422), _F.FINAL),
        ("httpsms", Reply.of({"status": "success", "data": None}), _F.UNKNOWN),
    ],
)
def test_what_answers_mean(kind, reply, expected):
    outgoing = an_outgoing(GOOD)
    assert _sent(kind, reply, outgoing).failure is expected


def _sent(kind: str, reply: Reply, outgoing: Outgoing) -> Outcome:
    """The outcome of one message at a far end that answers every send so."""
    far_end = FAR_ENDS[kind]()
    far_end.take = lambda *_args: reply  # type: ignore[method-assign]
    connector = opened(far_end)
    connector.submit([outgoing])
    (outcome,) = outcomes(events_until(connector, lambda events: bool(outcomes(events))))
    connector.close(1)
    far_end.close()
    return outcome


def test_bulk_version_one():
    far_end = BulkFarEnd()
    settings = {"base_url": far_end.server.url, "version": "v1", "username": "ada", "password": PASSWORD}
    connector = made("bulk", settings, PROCESS)
    assert isinstance(connector, Lane)
    connector.open()
    events_until(connector, lambda _events: connector.room() > 0)
    outgoing = an_outgoing(GOOD, "Hello ü")
    connector.submit([outgoing])
    (outcome,) = outcomes(events_until(connector, lambda events: bool(events)))
    connector.close(1)
    far_end.close()
    assert (outcome.failure, outcome.smsc_message_id) == (None, reference(outgoing.key))
    assert [each.text for each in far_end.messages] == ["Hello ü"]


def test_brevisone_by_get_in_hexadecimal_and_as_flash():
    far_end = FAR_ENDS["brevisone"]()
    connector = opened(far_end, method="GET", hexmode=True)
    outgoing = an_outgoing(GOOD, "Grüße 😀")
    object.__setattr__(outgoing, "is_flash", True)
    connector.submit([outgoing])
    events_until(connector, lambda events: bool(outcomes(events)))
    connector.close(1)
    far_end.close()
    sent = next(each for each in far_end.server.requests if each.path == "/api.php")
    assert (sent.method, sent.fields["flash"], sent.fields["to"]) == ("GET", "true", "00393471234567")
    assert far_end.messages[0].text == "Grüße 😀"


def test_an_expired_httpsms_message_is_final_when_its_tries_are_used_up():
    far_end = HttpSmsFarEnd()
    connector = opened(far_end)
    connector.submit([an_outgoing(GOOD)])
    events_until(connector, lambda events: bool(receipts(events)))
    far_end.messages[0].state = "expired"
    connector.query(far_end.messages[0].name, GOOD)
    assert connector.poll(0.3) == []
    connector.close(1)
    far_end.close()


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("smsend", {"base_url": "https://x.example", "username": "a"}),
        ("smsend", {"base_url": "https://x.example", "user_key": "a", "password": "b"}),
        ("smsend", {"base_url": "x.example", "username": "a", "password": "b"}),
        ("smsend", {"base_url": "https://a:b@x.example", "username": "a", "password": "b"}),
        ("smsend", {"base_url": "https://x.example", "username": "a", "password": "b", "zone": "Moon"}),
        ("bulk", {"base_url": "https://x.example", "version": "v1", "api_key": "k"}),
        ("bulk", {"base_url": "https://x.example", "username": "a", "password": "b"}),
        ("brevisone", {"base_url": "https://x.example", "username": "a"}),
        ("smsnodes", {"base_url": "https://x.example?x", "device": "a", "password": "b"}),
        ("httpsms", {"base_url": "https://x.example", "api_key": "k"}),
    ],
)
def test_settings_that_cannot_work_are_refused(kind, settings):
    with pytest.raises(ValueError):
        made(kind, settings, PROCESS)


def test_smsend_callbacks_are_read():
    settings = read(CONNECTORS["smsend"].settings, {"base_url": "https://x.example", "username": "a", "password": "b"})
    fields = {"order_id": "o1", "recipient": " 393471234567", "status": "DLVRD", "delivery_date": "20260301120000"}
    (receipt,) = smsend.receipts(settings, Call(fields), NOW)
    expected = ("o1", State.DELIVERED, datetime(2026, 3, 1, 11, tzinfo=UTC), GOOD)
    assert (receipt.smsc_message_id, receipt.state, receipt.at, receipt.recipient) == expected
    assert smsend.receipts(settings, Call(fields | {"status": "WAIT4DLVR"}), NOW) == []
    assert [each.recipient for each in smsend.receipts(settings, Call(fields | {"recipient": "\0"}), NOW)] == [""]
    with pytest.raises(BadCall):
        smsend.receipts(settings, Call({"status": "DLVRD"}), NOW)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (b'{"type": "message.phone.delivered", "data": {"id": "m1", "timestamp": "2026-03-01T11:00:00Z"}}', [State.DELIVERED]),
        (b'{"type": "message.send.failed", "data": {"id": "m1"}}', [State.UNDELIVERED]),
        (b'{"type": "message.send.expired", "data": {"message_id": "m1", "is_final": false}}', []),
        (b'{"type": "message.send.expired", "data": {"message_id": "m1", "is_final": true}}', [State.EXPIRED]),
        (b'{"type": "phone.heartbeat.online", "data": {}}', []),
    ],
)
def test_httpsms_events_are_read(event, expected):
    assert [each.state for each in httpsms.events({}, Call({}, event), NOW) if isinstance(each, Receipt)] == expected


def test_httpsms_hands_over_what_a_telephone_received():
    data = (
        b'{"message_id": "m2", "owner": "+393331234567", "contact": "+393471234567", "content": "Hi", "timestamp": "2026-03-01T11:00:00Z"}'
    )
    (came,) = httpsms.events({}, Call({}, b'{"type": "message.phone.received", "data": %b}' % data), NOW)
    assert isinstance(came, Inbound)
    assert (came.sender, came.recipient, came.text, came.provider_id) == (GOOD, "+393331234567", "Hi", "m2")
    with pytest.raises(BadCall):
        httpsms.events({}, Call({}, b'{"type": "message.phone.received", "data": {}}'), NOW)


@pytest.mark.parametrize("kind", ["http", *FAR_ENDS])
def test_the_page_lists_every_setting(kind):
    page = (Path(__file__).parents[2] / "docs" / "connectors" / f"{kind}.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (must be set|none|`[^`]*`)(, secret)? \| .+ \|$", page.partition("## Settings")[2], re.MULTILINE)
    assert {name: (default, bool(secret)) for name, default, secret in rows} == {
        each.name: (_default(each.default), each.secret) for each in CONNECTORS[kind].settings
    }


def _default(value: object) -> str:
    if value is REQUIRED:
        return "must be set"
    return "none" if value in (None, "") else f"`{str(value).lower() if isinstance(value, bool) else value}`"
