"""The life of binds: coming back, silence, good-byes, garbage, limits, TLS, and what becomes of the messages on their way."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from gateway.connectors.base import Event, FailureKind, Inbound, Outcome, Outgoing, Returned
from gateway.connectors.smpp import loop, pdus
from gateway.connectors.smpp.connector import SmppConnector
from gateway.domain.inbound import PartOf
from gateway.domain.message import State
from tests.connectors.contract import an_outgoing, events_until, outcomes, receipts
from tests.connectors.smpp_town import PASSWORD, opened, settings
from tests.support.smsc import Behaviour, Smsc, Treatment

NUMBER = "+393471234567"
QUICK = {"enquire_link_seconds": 0.1, "enquire_timeout_seconds": 0.1}
D = State.DELIVERED
LONG = "a long text, " * 30  # three parts


def a_batch(count: int, text: str = "Good morning") -> list[Outgoing]:
    return [an_outgoing(NUMBER, text, position=place) for place in range(count)]


def ends(events: list[Event]) -> list[Outcome | Returned]:
    return [event for event in events if isinstance(event, Outcome | Returned)]


def kinds(events: list[Event]) -> list[FailureKind | None]:
    return [event.failure for event in outcomes(events)]


@contextmanager
def a_connector(smsc: Smsc, **changed: Any) -> Iterator[SmppConnector]:
    connector = opened(smsc, **changed)
    try:
        yield connector
    finally:
        connector.close(2)


@pytest.fixture
def smsc() -> Iterator[Smsc]:
    with Smsc() as smsc:
        yield smsc
        assert smsc.violations == []


class Parts(Treatment):
    """What becomes of each part, by its place; the last behaviour of a place is repeated."""

    def __init__(self, **by_place: list[Behaviour]) -> None:
        self._by_place = {int(place[1:]): behaviours for place, behaviours in by_place.items()}

    def on_submit(self, number: int, part: int) -> Behaviour:
        told = self._by_place.get(part, [Behaviour()])
        return told.pop(0) if len(told) > 1 else told[0]


class Peer:
    """An SMSC of a few lines that does what a test says, octet by octet."""

    def __init__(self, receive_buffer: int = 0) -> None:
        self._listener = socket.socket()
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self.socket = socket.socket()
        self._frames = pdus.Frames()
        self._waiting: list[pdus.Pdu] = []

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self._listener.close()

    def accept(self) -> None:
        """Takes a connection and its bind."""
        self._listener.settimeout(20)
        self.socket.close()
        self.socket, _ = self._listener.accept()
        self.socket.settimeout(20)
        self._frames = pdus.Frames()
        bind = self.take()
        self.say(bind.command | pdus.RESPONSE, bind.sequence, b"peer\0")

    def take(self) -> pdus.Pdu:
        while not self._waiting:
            octets = self.socket.recv(4096)
            assert octets, "the connector hung up"
            self._waiting += self._frames.feed(octets)
        return self._waiting.pop(0)

    def say(self, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        self.socket.sendall(pdus.pdu(command, sequence, body, status))


@contextmanager
def a_peer_and_connector(**changed: Any) -> Iterator[tuple[Peer, SmppConnector]]:
    with Peer(changed.pop("receive_buffer", 0)) as peer:
        connector = SmppConnector(settings(port=peer.port, **changed))
        connector.open()
        peer.accept()
        wait_for(lambda: connector.room() > 0)
        yield peer, connector
        connector.close(0.1)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


# Coming and going


def test_messages_wait_while_the_carrier_is_away(smsc):
    with a_connector(smsc) as connector:
        smsc.stop()
        wait_for(lambda: not connector.standing().is_connected)
        assert connector.room() == 0 and list(connector.submit(a_batch(2))) == a_batch(2)
        wait_for(lambda: "cannot connect" in connector.standing().note)
        smsc.start()
        wait_for(lambda: connector.room() == 10)
        assert connector.standing().note == ""
        connector.submit(a_batch(2))
        assert kinds(events_until(connector, lambda events: len(ends(events)) == 2)) == [None, None]


def test_a_wrong_password_is_said_loudly_and_not_tried_again_at_once(smsc):
    smsc.password = "another"
    connector = SmppConnector(settings(port=smsc.port, refused_seconds=0.4))
    with capture_logs() as logs, closing_connector(connector):
        connector.open()
        wait_for(lambda: "0x0e ESME_RINVPASWD" in connector.standing().note)
        time.sleep(0.2)
        assert smsc.counts["bind refused"] == 1
        assert [line["log_level"] for line in logs if line["event"] == "smpp_bind_refused"] == ["error"]
        smsc.password = PASSWORD
        wait_for(lambda: connector.room() == 10)


@contextmanager
def closing_connector(connector: SmppConnector) -> Iterator[None]:
    try:
        yield
    finally:
        connector.close(1)


def test_pauses_grow_between_attempts():
    with Peer() as peer:
        connector = SmppConnector(settings(port=peer.port, reconnect_seconds=0.05, reconnect_most_seconds=0.8))
        connector.open()
        times = []
        with closing_connector(connector):
            for _ in range(5):
                peer.accept()
                times.append(time.monotonic())
                peer.socket.close()
        pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert all(pause >= 0.75 * least for pause, least in zip(pauses, (0.05, 0.1, 0.2, 0.4), strict=True))


def test_a_half_open_link_is_noticed_and_left(smsc):
    with a_connector(smsc, answer_timeout_seconds=30, **QUICK) as connector:
        smsc.script.usual = Behaviour(action="hang", answer_after=None)
        connector.submit(a_batch(1))
        (outcome,) = outcomes(events_until(connector, lambda events: bool(ends(events))))
        assert (outcome.failure, outcome.detail) == (FailureKind.UNKNOWN, "the connection was lost before the answer")
        smsc.script.usual = Behaviour()
        wait_for(lambda: connector.room() == 10)
        connector.submit(a_batch(1))
        assert kinds(events_until(connector, lambda events: bool(ends(events)))) == [None]


def test_silence_is_filled_with_enquire_link(smsc):
    with a_connector(smsc, **QUICK):
        smsc.wait_for(lambda: smsc.counts["enquire_link"] >= 3)
    assert smsc.counts["bind"] == 1


def test_answers_that_follow_the_carrier_s_unbind_still_count(smsc):
    with a_connector(smsc) as connector:
        smsc.script.by_recipient[NUMBER[1:]] = [Behaviour(action="unbind", answer_after=0.1), Behaviour()]
        connector.submit(a_batch(1))
        assert kinds(events_until(connector, lambda events: bool(ends(events)))) == [None]
        wait_for(lambda: smsc.counts["bind"] == 2 and connector.room() > 0)


def test_after_an_unbind_the_unanswered_are_unknown_and_the_unsent_come_back():
    with a_peer_and_connector(window=2, read_ahead=3, answer_timeout_seconds=30) as (peer, connector):
        assert connector.submit(a_batch(5)) == []
        peer.take(), peer.take()
        peer.say(pdus.UNBIND, 9)
        assert peer.take() == pdus.Pdu(pdus.RESPONSE | pdus.UNBIND, 0, 9, b"")
        events = ends(events_until(connector, lambda events: len(ends(events)) == 5))
        returned = {event.key.position for event in events if isinstance(event, Returned)}
        assert returned == {2, 3, 4}
        assert kinds(events) == [FailureKind.UNKNOWN] * 2  # type: ignore[arg-type]
        peer.accept()


@pytest.mark.parametrize("action", ["reset", "close"])
def test_a_lost_connection_leaves_the_unanswered_unknown(smsc, action):
    with a_connector(smsc) as connector:
        smsc.script.by_recipient[NUMBER[1:]] = [Behaviour(answer_after=None), Behaviour(action=action, answer_after=None), Behaviour()]
        connector.submit(a_batch(2))
        assert kinds(events_until(connector, lambda events: len(ends(events)) == 2)) == [FailureKind.UNKNOWN] * 2
        wait_for(lambda: connector.room() == 10)


@pytest.mark.parametrize("action", ["bad_length", "noise"])
def test_garbage_costs_the_link_and_nothing_more(smsc, action):
    with a_connector(smsc) as connector:
        smsc.act(action)
        wait_for(lambda: smsc.counts["bind"] == 2 and connector.room() > 0)
        connector.submit(a_batch(1))
        assert kinds(events_until(connector, lambda events: bool(ends(events)))) == [None]


def test_what_is_odd_but_readable_costs_nothing(smsc):
    with a_connector(smsc) as connector:
        smsc.act("unknown_command")
        smsc.act("nack")
        smsc.act("flood")
        smsc.send(pdus.pdu(pdus.ALERT_NOTIFICATION, 5, b"\1\1" + b"39347\0" + b"\0\0me\0"))
        smsc.send(pdus.pdu(pdus.OUTBIND, 6, b"me\0pw\0"))
        smsc.send(pdus.pdu(pdus.DELIVER_SM, 7, b"\0\1"))
        smsc.send(pdus.pdu(pdus.SUBMIT_SM_RESP, 7777, b"never asked\0"))
        smsc.wait_for(lambda: smsc.counts["generic_nack"] == 2 and smsc.counts["enquire_link_resp"] == 200)
        connector.submit(a_batch(1))
        assert kinds(events_until(connector, lambda events: bool(ends(events)))) == [None]
    assert smsc.counts["bind"] == 1


def test_pdus_cut_anywhere_are_read():
    with a_peer_and_connector(answer_timeout_seconds=30) as (peer, connector):
        connector.submit(a_batch(2))
        stream = b"".join(pdus.pdu(pdus.SUBMIT_SM_RESP, peer.take().sequence, b"id\0") for _ in range(2))
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(stream)):
            peer.socket.sendall(stream[place : place + 1])
        assert kinds(events_until(connector, lambda events: len(ends(events)) == 2)) == [None, None]


def test_a_peer_that_reads_slowly_gets_every_octet():
    text = "ž" * 30_000
    changed = {"receive_buffer": 4096, "concatenation": "payload", "window": 20, "answer_timeout_seconds": 30}
    with a_peer_and_connector(**changed) as (peer, connector):
        connector.submit(a_batch(20, text))
        time.sleep(0.1)
        for _ in range(20):
            taken = peer.take()
            assert taken.body.endswith(pdus.tlv(pdus.MESSAGE_PAYLOAD, text.encode("utf-16-be")))
            peer.say(pdus.SUBMIT_SM_RESP, taken.sequence, b"id\0")
        assert kinds(events_until(connector, lambda events: len(ends(events)) == 20)) == [None] * 20


def test_sequence_numbers_stay_in_their_range():
    with a_peer_and_connector() as (peer, connector):
        connector._loop._links[0]._sequence = pdus.MOST_SEQUENCE - 1
        connector.submit(a_batch(2))
        assert [peer.take().sequence for _ in range(2)] == [pdus.MOST_SEQUENCE, 1]


# Windows and binds


def test_the_window_is_kept(smsc):
    smsc.script.usual = Behaviour(answer_after=0.05, receipts=())
    with a_connector(smsc, window=3, read_ahead=20) as connector:
        assert connector.room() == 23
        connector.submit(a_batch(12))
        smsc.wait_for(lambda: len(smsc.submitted) == 3)
        events_until(connector, lambda events: len(ends(events)) == 12)
    times = [each.at for each in smsc.submitted]
    assert all(later - earlier >= 0.04 for earlier, later in zip(times, times[3:], strict=False))


@pytest.mark.parametrize(("mode", "links"), [("transceiver", 3), ("pair", 6)])
def test_never_more_binds_than_configured(smsc, mode, links):
    with a_connector(smsc, binds=3, mode=mode, window=4) as connector:
        wait_for(lambda: len(smsc.bound()) == links and connector.room() == 12)
        for action in ("reset", "unbind", "close"):
            due = smsc.counts["bind"] + links
            smsc.act(action)
            wait_for(partial(_have_come_back, smsc, connector, due))
        connector.submit(a_batch(12))
        events = events_until(connector, lambda events: len(receipts(events)) == len(ends(events)) == 12)
        assert kinds(events) == [None] * 12
        assert len({each.session for each in smsc.submitted}) == 3
    assert smsc.bound_at_once == links


def _have_come_back(smsc: Smsc, connector: SmppConnector, binds: int) -> bool:
    return smsc.counts["bind"] == binds and connector.room() == 12


# Answers


def test_an_answer_that_comes_late_settles_its_attempt(smsc):
    smsc.script.by_recipient[NUMBER[1:]] = [Behaviour(answer_after=0.5, receipts=()), Behaviour(status=0x0B, answer_after=0.5)]
    with a_connector(smsc, window=2, answer_timeout_seconds=0.2) as connector:
        connector.submit(a_batch(2))
        events = events_until(connector, lambda events: len(ends(events)) == 4)
        assert kinds(events) == [FailureKind.UNKNOWN, FailureKind.UNKNOWN, None, FailureKind.FINAL]
        assert [event.key.position for event in ends(events)] == [0, 1, 0, 1]
        assert connector.room() == 2


def test_throttling_says_how_long_to_rest(smsc):
    smsc.script.usual = Behaviour(status=0x14)
    with a_connector(smsc) as connector:
        connector.submit(a_batch(1))
        (outcome,) = outcomes(events_until(connector, lambda events: bool(ends(events))))
        assert (outcome.failure, outcome.carrier_code, outcome.detail) == (FailureKind.THROTTLED, "0x14", "ESME_RMSGQFUL")
        assert outcome.retry_after_seconds == 0.1


def test_what_is_held_ready_rests_too(smsc):
    smsc.script.by_recipient[NUMBER[1:]] = [Behaviour(status=0x58), Behaviour()]
    with a_connector(smsc, window=1, read_ahead=5, throttle_seconds=0.3) as connector:
        connector.submit(a_batch(3))
        events_until(connector, lambda events: len(ends(events)) == 3)
    assert smsc.submitted[1].at - smsc.submitted[0].at >= 0.29


def test_a_code_means_what_the_operator_says(smsc):
    smsc.script.usual = Behaviour(status=0x411)
    with a_connector(smsc, status_kinds="0x411=final") as connector:
        connector.submit(a_batch(1))
        assert kinds(events_until(connector, lambda events: bool(ends(events)))) == [FailureKind.FINAL]


def test_an_answer_with_parameters_is_an_answer():
    with a_peer_and_connector() as (peer, connector):
        connector.submit(a_batch(2))
        peer.say(pdus.SUBMIT_SM_RESP, peer.take().sequence, b"17\0" + pdus.tlv(0x0427, b"\2") + pdus.tlv(0x1400, b"?"))
        peer.say(pdus.GENERIC_NACK, peer.take().sequence, status=0x08)
        events = outcomes(events_until(connector, lambda events: len(ends(events)) == 2))
        assert [(event.smsc_message_id, event.failure) for event in events] == [("17", None), (None, FailureKind.RETRY_LATER)]


# Long messages


def test_the_first_part_goes_alone_and_its_refusal_is_the_message_s():
    with Smsc(treatment=Parts(p1=[Behaviour(status=0x08)])) as smsc, a_connector(smsc) as connector:
        connector.submit(a_batch(1, LONG))
        assert kinds(events_until(connector, lambda events: bool(ends(events)))) == [FailureKind.RETRY_LATER]
        assert len(smsc.submitted) == 1


def test_a_later_part_that_is_refused_for_now_is_tried_again():
    refused = Parts(p2=[Behaviour(status=0x58), Behaviour()], p3=[Behaviour(status=0x08), Behaviour(status=0x14), Behaviour()])
    with Smsc(treatment=refused) as smsc, a_connector(smsc) as connector:
        connector.submit(a_batch(1, LONG))
        events = events_until(connector, lambda events: any(each.state is State.DELIVERED for each in receipts(events)))
        (outcome,) = outcomes(events)
        assert outcome.smsc_message_id == str(smsc.submitted[0].number)
        assert [part.part.place.position for part in smsc.submitted if part.is_taken and part.part.place] == [1, 2, 3]
        assert {each.smsc_message_id for each in receipts(events)} == {outcome.smsc_message_id}


@pytest.mark.parametrize(
    ("behaviour", "code", "words"),
    [
        (Behaviour(status=0x0B), "0x0b", "part 2 of 3 refused, others accepted: ESME_RINVDSTADR"),
        (Behaviour(status=0x58), "", "not every part was accepted in 0.3 s"),
        (Behaviour(answer_after=None), "", "no answer in 0.2 s"),
    ],
)
def test_a_message_accepted_in_part_ends_unknown(behaviour, code, words):
    with (
        Smsc(treatment=Parts(p2=[behaviour])) as smsc,
        a_connector(smsc, part_retry_seconds=0.3, answer_timeout_seconds=0.2, throttle_seconds=0.05) as connector,
    ):
        connector.submit(a_batch(1, LONG))
        (outcome,) = outcomes(events_until(connector, lambda events: bool(ends(events))))
        assert outcome.failure is FailureKind.UNKNOWN
        assert (outcome.carrier_code, outcome.detail) == (code, words) or behaviour.status == 0x58
        assert connector.room() == 10


def test_a_part_s_late_answer_makes_the_message_accepted_after_all():
    slow = Parts(p2=[Behaviour(answer_after=0.4)])
    with Smsc(treatment=slow) as smsc, a_connector(smsc, answer_timeout_seconds=0.2) as connector:
        connector.submit(a_batch(1, LONG))
        recorded = "2684354560"
        events = events_until(
            connector, lambda events: [each.state for each in receipts(events) if each.smsc_message_id == recorded][-1:] == [D]
        )
        assert kinds(events) == [FailureKind.UNKNOWN, None]
        assert outcomes(events)[1].smsc_message_id == recorded


def test_the_rest_of_a_message_goes_over_the_next_bind():
    with a_peer_and_connector(window=1, answer_timeout_seconds=30) as (peer, connector):
        connector.submit(a_batch(1, LONG))
        first = peer.take()
        peer.socket.sendall(pdus.pdu(pdus.SUBMIT_SM_RESP, first.sequence, b"1\0") + pdus.pdu(pdus.UNBIND, 3))
        second = peer.take()
        if second.command == pdus.SUBMIT_SM:  # it was on its way already
            peer.say(pdus.SUBMIT_SM_RESP, second.sequence, b"2\0")
        peer.socket.close()
        peer._waiting.clear()
        peer.accept()
        expected = [b"2\0", b"3\0"] if second.command != pdus.SUBMIT_SM else [b"3\0"]
        for message_id in expected:
            peer.say(pdus.SUBMIT_SM_RESP, peer.take().sequence, message_id)
        (outcome,) = outcomes(events_until(connector, lambda events: bool(ends(events))))
        assert (outcome.failure, outcome.smsc_message_id) == (None, "1")


@pytest.mark.parametrize("recorded", ["first", "last"])
@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar", "payload"])
def test_a_long_text_arrives_whole(smsc, concatenation, recorded):
    text = "Łódź 😀 " * 30
    with a_connector(smsc, concatenation=concatenation, recorded_part=recorded) as connector:
        connector.submit([an_outgoing(NUMBER, text)])
        events = events_until(connector, lambda events: any(each.state is State.DELIVERED for each in receipts(events)))
        (outcome,) = outcomes(events)
        part = smsc.submitted[0 if recorded == "first" else -1]
        assert outcome.smsc_message_id == str(part.number)
        assert {each.smsc_message_id for each in receipts(events)} == {str(part.number)}
    assert smsc.texts() == [text]
    assert len(smsc.submitted) == (1 if concatenation == "payload" else 4)


# What comes in


@pytest.mark.parametrize(
    ("text", "coding", "by", "parts"),
    [
        ("Ciao €", 0, "whole", None),
        ("Olà", 3, "whole", None),
        ("雪 😀", 8, "payload", None),
        ("long enough " * 20, 0, "udh8", 2),
        ("雪" * 100, 8, "udh16", 2),
        ("long enough " * 20, 0, "sar", 2),
    ],
)
def test_messages_from_handsets(smsc, text, coding, by, parts):
    with a_connector(smsc) as connector:
        handed = smsc.deliver(text, coding=coding, by=by, reverse=True)
        events = events_until(connector, lambda events: len(events) == (parts or 1))
        came = [event for event in events if isinstance(event, Inbound)]
        assert {(each.sender, each.recipient) for each in came} == {("+393471234567", "4477")}
        whole = sorted(came, key=lambda each: each.part.position if each.part else 0)
        assert "".join(each.text for each in whole) == text
        assert [each.part and each.part[1:] for each in whole] == ([None] if parts is None else [(parts, 1), (parts, 2)])
        assert all(each.part is None or isinstance(each.part, PartOf) for each in came)
        smsc.wait_for(lambda: [each.status for each in handed] == [0] * len(handed))


def test_a_receipt_by_data_sm(smsc):
    with a_connector(smsc) as connector:
        body = b"\0\1\1" + b"393471234567\0" + b"\0\0me\0" + b"\4\0\0"
        smsc.send(pdus.pdu(pdus.DATA_SM, 5, body + pdus.tlv(pdus.RECEIPTED_MESSAGE_ID, b"abc\0") + pdus.tlv(pdus.MESSAGE_STATE, b"\5")))
        (receipt,) = receipts(events_until(connector, lambda events: bool(events)))
        assert (receipt.smsc_message_id, receipt.state, receipt.recipient) == ("abc", State.UNDELIVERED, NUMBER)


def test_what_cannot_be_kept_now_is_asked_for_later(smsc, monkeypatch):
    with a_connector(smsc) as connector:
        monkeypatch.setattr(loop, "MOST_BACKLOG", 0)
        (handed,) = smsc.deliver("come again")
        smsc.wait_for(lambda: handed.status is not None)
        assert (handed.status, connector.poll(0)) == (0x64, [])


def test_receipts_of_an_earlier_process_are_asked_for(smsc):
    with a_connector(smsc) as connector:
        connector.submit([an_outgoing(NUMBER)])
        (outcome,) = outcomes(events_until(connector, lambda events: bool(ends(events)) and bool(receipts(events))))
    with a_connector(smsc, ask=True, window=2) as connector:
        assert outcome.smsc_message_id
        for message_id in ("nobody's", outcome.smsc_message_id, outcome.smsc_message_id):
            assert connector.query(message_id, NUMBER) is None
        (receipt,) = receipts(events_until(connector, lambda events: bool(events)))
        assert (receipt.smsc_message_id, receipt.state, receipt.recipient) == (outcome.smsc_message_id, State.DELIVERED, NUMBER)
        smsc.wait_for(lambda: smsc.counts["query_sm"] == 2)


# The end


def test_close_waits_for_answers_and_unbinds(smsc):
    smsc.script.usual = Behaviour(answer_after=0.2, receipts=())
    connector = opened(smsc, window=2, read_ahead=2)
    connector.submit(a_batch(4))
    smsc.wait_for(lambda: len(smsc.submitted) == 2)
    events = connector.close(5)
    assert [type(event) for event in ends(events)] == [Returned, Returned, Outcome, Outcome]
    assert kinds(events) == [None, None]
    assert (smsc.counts["unbind"], connector.room(), len(smsc.submitted)) == (1, 0, 2)


def test_close_finishes_a_message_that_is_half_accepted():
    with Smsc(treatment=Parts(p2=[Behaviour(answer_after=0.1)])) as smsc:
        connector = opened(smsc, window=1)
        connector.submit(a_batch(1, LONG))
        smsc.wait_for(lambda: len(smsc.submitted) == 2)
        assert kinds(connector.close(5)) == [None]
        assert len(smsc.submitted) == 3


def test_close_does_not_wait_beyond_its_time(smsc):
    smsc.script.usual = Behaviour(answer_after=None)
    connector = opened(smsc, answer_timeout_seconds=60)
    connector.submit(a_batch(1))
    smsc.wait_for(lambda: smsc.submitted)
    started = time.monotonic()
    assert kinds(connector.close(0.4)) == [FailureKind.UNKNOWN]
    assert time.monotonic() - started < 5
    assert smsc.counts["unbind"] == 1


def test_close_without_a_carrier_is_quick():
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    connector = SmppConnector(settings(port=port))
    connector.open()
    wait_for(lambda: "connection refused" in connector.standing().note)
    started = time.monotonic()
    assert connector.close(10) == []
    assert time.monotonic() - started < 5
    assert SmppConnector(settings(port=port)).close(1) == []


def test_no_thread_is_left_behind(smsc):
    opened(smsc).close(1)
    assert [thread for thread in threading.enumerate() if thread.name.startswith("smpp") and thread.name != "smpp-connect"] == []


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for smsc.example and 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "smsc.example")])
    names = x509.SubjectAlternativeName([x509.DNSName("smsc.example"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return certificate, private


@pytest.fixture
def secure_smsc(certificate: tuple[Path, Path]) -> Iterator[Smsc]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with Smsc(tls=context) as smsc:
        yield smsc


@pytest.mark.parametrize("changed", [{}, {"tls_server_name": "smsc.example"}, {"tls_verify": False, "tls_ca_file": None}])
def test_tls(secure_smsc, certificate, changed):
    with a_connector(secure_smsc, **{"tls": True, "tls_ca_file": str(certificate[0]), "window": 100, **changed}) as connector:
        connector.submit(a_batch(100, LONG))
        events = events_until(connector, lambda events: sum(each.state is State.DELIVERED for each in receipts(events)) == 100)
        assert kinds(events) == [None] * 100
    assert secure_smsc.texts() == [LONG] * 100


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"tls_ca_file": None}, "certificate not accepted: self-signed certificate"),
        ({"tls_server_name": "other.example"}, "certificate not accepted"),
    ],
)
def test_a_certificate_that_is_not_trusted_keeps_us_away(secure_smsc, certificate, changed, note):
    connector = SmppConnector(settings(port=secure_smsc.port, tls=True, **{"tls_ca_file": str(certificate[0]), **changed}))
    connector.open()
    with closing_connector(connector):
        wait_for(lambda: note in connector.standing().note)
    assert secure_smsc.counts["bind"] == 0


def test_plain_words_to_a_tls_port_and_the_reverse(secure_smsc, smsc):
    for port, tls in ((secure_smsc.port, False), (smsc.port, True)):
        connector = SmppConnector(settings(port=port, tls=tls, connect_timeout_seconds=0.3))
        connector.open()
        with closing_connector(connector):
            wait_for(partial(_is_in_trouble, connector))
            assert connector.room() == 0
    smsc.violations.clear()


def _is_in_trouble(connector: SmppConnector) -> bool:
    return connector.standing().note not in ("", "not connected yet")
