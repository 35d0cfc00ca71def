"""The templated HTTP connector keeps the contract against a carrier over a real socket; what it writes, reads and refuses is a table."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.connectors import CONNECTORS, http_reports, made
from gateway.connectors.base import Event, FailureKind, Outcome, Outgoing, Returned
from gateway.connectors.http_answers import reference
from gateway.connectors.http_lane import Lane
from gateway.connectors.http_reports import BadCall, Call
from gateway.connectors.http_template import CannotWrite, Url
from gateway.connectors.settings import read
from gateway.domain.alphabet import Alphabet
from gateway.domain.message import State
from tests.connectors.contract import PATIENCE_SECONDS, ConnectorContract, Rig, an_outgoing, events_until, outcomes
from tests.support.databases import settings_for
from tests.support.http_carrier import HttpCarrier, JsonCarrier, Reply, Request, Silence

PROCESS = settings_for("sqlite:///unused.sqlite3", connector_networks="127.0.0.0/8")
SECRET = "an-inlet-secret-of-enough-length"
WISHES = {
    "delivered": "+393471234567",
    "refused": "+999000002",
    "throttled": "+999000005",
    "no_answer": "+999000006",
    "receipt_twice": "+999000007",
    "receipt_first": "+999000008",
    "unknown_status": "+999000012",
}


def opened(settings: dict[str, Any], kind: str = "http") -> Lane:
    """A connector that has found its carrier."""
    connector = made(kind, settings, PROCESS)
    assert isinstance(connector, Lane)
    connector.open()
    while not connector.standing().is_connected:
        connector.poll(0.01)
    return connector


class WithInlet:
    """A connector whose receipts come by calls: they join what it tells, as the inlet and the database make them do."""

    def __init__(self, lane: Lane, settings: dict[str, Any]) -> None:
        self._lane = lane
        self._settings = read(CONNECTORS["http"].settings, settings)
        self._came: list[Event] = []
        self._lock = threading.Lock()
        self.inlet = HttpCarrier(self._called)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lane, name)

    def __repr__(self) -> str:
        return repr(self._lane)

    def poll(self, timeout_seconds: float) -> list[Event]:
        events = self._lane.poll(timeout_seconds)
        with self._lock:
            came, self._came = self._came, []
        return came + events

    def _called(self, request: Request) -> Reply:
        with self._lock:
            self._came += http_reports.receipts(self._settings, Call(request.fields), datetime.now(UTC))
        return Reply(200, b"OK")


class HttpRig(Rig):
    def __init__(self) -> None:
        self.carrier = JsonCarrier()
        self.lane = opened(self.carrier.settings)
        self.joined = WithInlet(self.lane, self.carrier.settings)
        self.connector = self.joined
        self.carrier.receipt_url = self.joined.inlet.url + "/"
        self.secrets = (self.carrier.secret,)

    def recipient(self, wish: str) -> str:
        return WISHES[wish]

    def close(self) -> None:
        self.lane.close(0.1)
        self.carrier.close()
        self.joined.inlet.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = HttpRig()
    yield rig
    rig.close()


class TestContract(ConnectorContract):
    pass


def sent(settings: dict[str, Any], reply: Reply | Silence, outgoing: Outgoing | None = None) -> tuple[Outcome, Request]:
    """Sends one message to a carrier with this one answer: what it came to, and what the carrier got."""
    carrier = HttpCarrier(lambda request: Reply(404) if request.path == "/" else reply)
    connector = opened({"timeout_seconds": 1, **settings, "url": carrier.url + settings.get("url", "/send")})
    try:
        connector.submit([outgoing or an_outgoing("+393471234567", "Grüße & 100% <\"'>{text}")])
        (outcome,) = outcomes(events_until(connector, lambda events: bool(outcomes(events))))
    finally:
        connector.close(0)
        carrier.close()
    return outcome, carrier.requests[-1]


def test_a_query_is_percent_encoded():
    settings = {"url": "/a{recipient}?t={text}&fix=%41&u={username}&p={secret:password}&d={recipient_digits}&z={recipient_00}"}
    settings |= {"method": "GET", "body_type": "none", "username": "u&x=1", "password": "p #%"}
    outcome, request = sent(settings, Reply())
    assert outcome.failure is None
    assert (request.method, request.path, request.body) == ("GET", "/a%2B393471234567", b"")
    assert request.fields == {
        "t": "Grüße & 100% <\"'>{text}",
        "fix": "A",
        "u": "u&x=1",
        "p": "p #%",
        "d": "393471234567",
        "z": "00393471234567",
    }


@pytest.mark.parametrize("text", [".", ".."])
def test_no_text_walks_up_the_path(text):
    url = Url("https://x.example/send/{text}/now", frozenset({"text"}))
    assert url.put({"text": text + "/"}) == f"https://x.example/send/{text}%2F/now"
    with pytest.raises(CannotWrite):
        url.put({"text": text})


def test_a_form_is_encoded_and_empty_parameters_stay_away():
    settings = {"body": "to={recipient}&text={text}&from={originator}&n={parts}&c={alphabet}&f={flash}&keep=&r={reference}", "no_word": ""}
    outgoing = an_outgoing("+393471234567", "a+b=c&d € 😀")
    object.__setattr__(outgoing, "originator", None)
    _, request = sent(settings, Reply(), outgoing)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    expected = {"to": "+393471234567", "text": "a+b=c&d € 😀", "n": "1", "c": "ucs2", "keep": "", "r": reference(outgoing.key)}
    assert request.fields == expected


def test_json_keeps_its_shape_whatever_the_text():
    settings = {
        "body_type": "json",
        "body": '{"m": [{"to": "{recipient_digits:number}", "t": "{text}", "f": "{flash:flag}", "from": "{originator}", "x": 1, "e": ""}]}',
        "headers": "Authorization: Bearer {secret:token}\nX-Ref: {reference}",
        "token": "t0k",
    }
    text = '", "to": "1\n\\ 😀'
    outgoing = an_outgoing("+393471234567", text)
    _, request = sent(settings, Reply(), outgoing)
    assert request.json == {"m": [{"to": 393471234567, "t": text, "f": False, "from": "Dragoman", "x": 1, "e": ""}]}
    assert (request.headers["authorization"], request.headers["x-ref"]) == ("Bearer t0k", reference(outgoing.key))


def test_xml_is_escaped_and_what_xml_cannot_hold_is_refused():
    settings = {"body_type": "xml", "body": '<sms to="{recipient}">{text}</sms>', "auth": "basic", "username": "u", "password": "p"}
    _, request = sent(settings, Reply(), an_outgoing("+393471234567", "a<b>&\"'\n"))
    assert request.body == b'<sms to="+393471234567">a&lt;b&gt;&amp;&quot;&apos;&#10;</sms>'
    assert request.headers["authorization"] == "Basic dTpw"
    outcome, _ = sent(settings, Reply(), an_outgoing("+393471234567", "page\fbreak"))
    assert outcome.failure is FailureKind.FINAL


def test_hexadecimal_text_and_a_text_no_header_can_hold():
    _, request = sent({"body": "t={text_hex}"}, Reply(), an_outgoing("+393471234567", "ä😀"))
    assert request.fields == {"t": "00E4D83DDE00"}
    outcome, _ = sent({"headers": "X-Text: {text}"}, Reply(), an_outgoing("+393471234567", "two\r\nX-Other: lines"))
    assert outcome.failure is FailureKind.FINAL


_F = FailureKind


@pytest.mark.parametrize(
    ("rules", "reply", "expected"),
    [
        ("", Reply(200), None),
        ("", Reply(204), None),
        ("", Reply(302, headers={"Location": "/"}), _F.MISCONFIGURED),
        ("", Reply(400), _F.FINAL),
        ("", Reply(401), _F.MISCONFIGURED),
        ("", Reply(404), _F.MISCONFIGURED),
        ("", Reply(418), _F.RETRY_LATER),
        ("", Reply(429), _F.THROTTLED),
        ("", Reply(500), _F.UNKNOWN),
        ("", Reply(503), _F.UNKNOWN),
        ("503 => retry_later", Reply(503), _F.RETRY_LATER),
        ("5xx body:(?i)queue full => throttled", Reply(502, b"Queue FULL now"), _F.THROTTLED),
        ("5xx body:queue full => throttled", Reply(502, b"other"), _F.UNKNOWN),
        ("200 body:^OK => accepted\nany => unknown", Reply(200, b"OK 12"), None),
        ("200 body:^OK => accepted\nany => unknown", Reply(200, b"\xff\xfe"), _F.UNKNOWN),
        ("2xx json:/0/status=0 => accepted\n2xx => final", Reply(200, b'[{"status": 0}]'), None),
        ("2xx json:/0/status=0 => accepted\n2xx => final", Reply(200, b'[{"status": 3}]'), _F.FINAL),
        ("2xx json:/ok=true => accepted\n2xx => final", Reply(200, b"[" * 60000), _F.FINAL),
        ("", Silence.CLOSED, _F.UNKNOWN),
        ("", Silence.BROKEN, _F.UNKNOWN),
        ("", Silence.NEVER, _F.UNKNOWN),
    ],
)
def test_what_answers_mean(rules, reply, expected):
    outcome, _ = sent({"rules": rules}, reply)
    assert outcome.failure is expected


@pytest.mark.parametrize(
    ("place", "reply", "expected"),
    [
        ("body:id=([a-z0-9]+)", Reply(200, b"OK id=ab12;"), "ab12"),
        ("body:[0-9]+", Reply(200, b"OK 99"), "99"),
        ("json:/messages/0/id", Reply(200, b'{"messages": [{"id": 7}]}'), "7"),
        ("header:X-Id", Reply(200, headers={"x-id": "h1"}), "h1"),
        ("json:/a~1b/c", Reply(200, b'{"a/b": {"c": "x"}}'), "x"),
    ],
)
def test_where_the_carriers_id_stands(place, reply, expected):
    assert sent({"message_id": place}, reply)[0].smsc_message_id == expected


def test_without_a_carriers_id_ours_stands_in():
    outgoing = an_outgoing("+393471234567")
    for place in ("reference", "json:/id"):
        assert sent({"message_id": place}, Reply(200, b"OK"), outgoing)[0].smsc_message_id == reference(outgoing.key)


def test_the_pause_a_carrier_asks_for():
    assert sent({}, Reply(429, headers={"Retry-After": "17"}))[0].retry_after_seconds == 17
    assert sent({}, Reply(429, headers={"Retry-After": "soon"}))[0].retry_after_seconds is None


def test_a_carriers_words_lose_what_is_private():
    outgoing = an_outgoing("+393471234567", "very private")
    words = b'{"e": "no +39 347 1234567 / 393471234567 for very private by p4ssw0rd, code 12"}'
    settings = {"error_words": "json:/e", "password": "p4ssw0rd"}
    outcome, _ = sent(settings, Reply(400, words), outgoing)
    assert outcome.detail == "no … / … for … by …, code 12"


def test_repeats_that_are_safe_are_repeated():
    assert sent({"repeats_are_safe": True}, Silence.CLOSED)[0].failure is FailureKind.RETRY_LATER


def test_a_carrier_that_is_away_is_waited_for_and_used_again():
    carrier = JsonCarrier()
    settings = carrier.settings
    connector = opened(settings)
    port = carrier.server.port
    carrier.close()
    batch = [an_outgoing("+393471234567", position=number) for number in range(24)]
    connector.submit(batch)
    events = events_until(connector, lambda events: len(events) >= 24)
    # A connection that was kept may have carried the request before it broke; the others say that nothing went out.
    kinds = {event.failure for event in events if isinstance(event, Outcome)}
    assert kinds <= {FailureKind.RETRY_LATER, FailureKind.UNKNOWN} and FailureKind.RETRY_LATER in kinds
    assert any(isinstance(event, Returned) for event in events)
    assert (connector.room(), connector.standing().is_connected) == (0, False)
    assert "refused" in connector.standing().note
    back = HttpCarrier(lambda _request: Reply.of({"ok": True, "id": "1"}), port)
    events_until(connector, lambda _events: connector.standing().is_connected)
    assert connector.room() == 24
    connector.submit([an_outgoing("+393471234567")])
    assert outcomes(events_until(connector, lambda events: bool(events)))[0].failure is None
    connector.close(1)
    back.close()


def test_a_refusal_for_our_own_fault_gives_the_queue_back():
    carrier = HttpCarrier(lambda request: Reply(404) if request.path == "/" else Reply(401, seconds=0.1))
    connector = opened({"url": carrier.url + "/send", "connections": 1})
    connector.submit([an_outgoing("+393471234567", position=number) for number in range(3)])
    events = events_until(connector, lambda events: len(events) >= 3)
    connector.close(1)
    carrier.close()
    assert sorted(type(event).__name__ for event in events) == ["Outcome", "Returned", "Returned"]
    assert connector.standing().note.startswith("misconfigured: 401")


def test_closing_gives_back_what_was_not_begun_and_waits_for_the_rest():
    carrier = HttpCarrier(lambda request: Reply(404) if request.path == "/" else Reply(seconds=0.2))
    connector = opened({"url": carrier.url + "/send", "connections": 2})
    connector.submit([an_outgoing("+393471234567", position=number) for number in range(6)])
    events_until(connector, lambda _events: len(carrier.requests) >= 3)
    events = connector.close(5)
    carrier.close()
    assert sorted(type(event).__name__ for event in events) == ["Outcome"] * 2 + ["Returned"] * 4


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://carrier.example/"},
        {"url": "https://{recipient}.example/"},
        {"url": "https://user:pw@carrier.example/"},
        {"url": "https://carrier.example/?to={nobody}"},
        {"body": "{secret:other}"},
        {"body_type": "json", "body": '{"a": {text}}'},
        {"body_type": "json", "body": "[" * 900},
        {"body_type": "none", "body": "x"},
        {"headers": "no colon"},
        {"rules": "200 => maybe"},
        {"rules": "200 body: => final"},
        {"rules": "200 body:( => final"},
        {"rules": "200 json:/a => final"},
        {"message_id": "json:a"},
        {"message_id": "cookie:x"},
        {"inlet_secret": "short"},
        {"inlet_secret": "with/slash/and/length"},
        {"zone": "Nowhere/None"},
        {"ca_file": "/nonexistent/ca.pem"},
    ],
    ids=lambda settings: " ".join(f"{name}={value[:40]}" for name, value in settings.items()),
)
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ValueError, match=list(settings)[-1]):
        made("http", {"url": "https://carrier.example/"} | settings, PROCESS)


def test_an_inward_address_is_our_own_fault():
    connector = made("http", {"url": "http://127.0.0.1:9/"}, settings_for("sqlite:///unused.sqlite3"))
    assert isinstance(connector, Lane)
    connector.open()
    events_until(connector, lambda _events: "address" in connector.standing().note)
    assert connector.room() == 0
    connector.close(1)


def reports(**settings: str) -> dict[str, Any]:
    return read(CONNECTORS["http"].settings, {"url": "https://carrier.example/", **settings})


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "call", "expected"),
    [
        ({}, Call({"id": "a1", "status": "DELIVRD"}), [("a1", State.DELIVERED, NOW, "DELIVRD")]),
        ({}, Call({"id": "a1", "status": "undeliv"}), [("a1", State.UNDELIVERED, NOW, "undeliv")]),
        ({}, Call({"id": "a1", "status": "buffered"}), []),
        (
            {"receipt_id": "msgid", "receipt_state": "/s/code", "delivered_words": "0", "receipt_time": "t", "receipt_code": "err"},
            Call({}, json.dumps({"msgid": 12, "s": {"code": 0}, "t": "2026-03-01T12:30:00+01:00", "err": 5}).encode()),
            [("12", State.DELIVERED, datetime(2026, 3, 1, 11, 30, tzinfo=UTC), "5")],
        ),
        (
            {"report_list": "/reports", "receipt_time": "at", "zone": "Europe/Rome"},
            Call({}, b'{"reports": [{"id": "a", "status": "delivered", "at": "20260301120000"}, {"id": "b", "status": "expired"}]}'),
            [("a", State.DELIVERED, datetime(2026, 3, 1, 11, tzinfo=UTC), "delivered"), ("b", State.EXPIRED, NOW, "expired")],
        ),
        (
            {"receipt_time": "at"},
            Call({"id": "a", "status": "delivered", "at": "1772362800"}),
            [("a", State.DELIVERED, "11:00", "delivered")],
        ),
        ({"receipt_time": "at"}, Call({"id": "a", "status": "delivered", "at": "tomorrow"}), [("a", State.DELIVERED, NOW, "delivered")]),
        (
            {"receipt_time": "at"},
            Call({"id": "a", "status": "delivered", "at": "20990101000000"}),
            [("a", State.DELIVERED, NOW, "delivered")],
        ),
    ],
)
def test_receipts_are_read(settings, call, expected):
    found = http_reports.receipts(reports(**settings), call, NOW)
    when = [f"{each.at:%H:%M}" if isinstance(wanted[2], str) else each.at for each, wanted in zip(found, expected, strict=True)]
    assert [(each.smsc_message_id, each.state, at, each.carrier_code) for each, at in zip(found, when, strict=True)] == expected


@pytest.mark.parametrize(
    ("settings", "call"),
    [
        ({}, Call({"status": "delivered"})),
        ({}, Call({"id": "1"})),
        ({}, Call({}, b"{broken")),
        ({}, Call({}, b"[" * 100_000)),
        ({"report_list": "/r"}, Call({}, b'{"r": [1]}')),
        ({"report_list": "/r"}, Call({}, b"{}")),
    ],
)
def test_calls_that_cannot_be_read(settings, call):
    with pytest.raises(BadCall):
        http_reports.receipts(reports(**settings), call, NOW)


def test_messages_from_handsets_are_read():
    call = Call({"from": "00393471234567", "to": "39 333 1234567", "text": "STOP ☂", "id": "mo-1"})
    (message,) = http_reports.inbound(reports(), call, NOW)
    assert (message.sender, message.recipient, message.text, message.at) == ("+393471234567", "+393331234567", "STOP ☂", NOW)
    assert message.provider_id == "mo-1"
    (named,) = http_reports.inbound(reports(), Call({"from": "DHL", "to": "", "text": ""}), NOW)
    assert (named.sender, named.recipient) == ("DHL", None)


def test_references_are_short_and_differ():
    names = {reference(an_outgoing("+39", position=number).key) for number in (0, 1, 35, 36, 99_999)}
    assert len(names) == 5
    assert all(len(name) <= 32 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.") for name in names)
    assert reference(an_outgoing("+39", number=1).key) == reference(an_outgoing("+39", number=2).key)
    assert an_outgoing("+39", "é").alphabet is Alphabet.UCS2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_a_carrier_does_each_message_ends_once_and_truly(seed):
    """Faults drawn by a seed. What counts as accepted was taken, under the id that counts; what counts as refused was not."""
    carrier = JsonCarrier(seed=seed, rate=0.5)
    connector = opened(carrier.settings)
    batch = [an_outgoing("+393471234567", position=number) for number in range(60)]
    waiting, told = list(batch), list[Event]()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(outcomes(told)) < 60 and time.monotonic() < deadline:
        waiting = list(connector.submit(waiting))
        came = connector.poll(0.05)
        # A throttled message gives those behind it back; they are handed over anew.
        waiting += [batch[event.key.position] for event in came if isinstance(event, Returned)]
        told += came
    connector.close(1)
    carrier.close()
    ended = {outcome.key.position: outcome for outcome in outcomes(told)}
    assert len(outcomes(told)) == len(ended) == 60
    for outgoing in batch:
        outcome, name = ended[outgoing.key.position], reference(outgoing.key)
        if outcome.failure is None:
            assert outcome.smsc_message_id == carrier.names[name]
        assert carrier.taken[name] <= 1
        assert (outcome.failure in (FailureKind.FINAL, FailureKind.THROTTLED)) == (not carrier.taken[name])
