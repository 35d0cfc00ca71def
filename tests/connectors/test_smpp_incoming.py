"""Receipts by text and by parameters, the receipts of parts, and messages from handsets."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.connectors.base import Receipt
from gateway.connectors.smpp import addresses, pdus, receipts
from gateway.connectors.smpp.gathering import Gathered, ReceiptGatherer
from gateway.connectors.smpp.inbound import InboundReader
from gateway.domain.inbound import InboundKind, PartOf
from gateway.domain.message import State

NOW = datetime(2026, 11, 21, 17, 5, 30, tzinfo=UTC)
HANDSET = pdus.Address(1, 1, "393471234567")
US = pdus.Address(3, 0, "44770")
S, D, U, E = State.SENT, State.DELIVERED, State.UNDELIVERED, State.EXPIRED
STANDARD = "id:1a2B sub:001 dlvrd:001 submit date:2611211604 done date:2611211705 stat:DELIVRD err:000 text:Hello stat:UNDELIV"


def a_delivered(octets: bytes = b"", esm_class: int = 4, coding: int = 0, source: pdus.Address = HANDSET, **tlvs: bytes) -> pdus.Delivered:
    by_tag = {getattr(pdus, name.upper()): value for name, value in tlvs.items()}
    return pdus.Delivered(source, US, esm_class, coding, octets, by_tag)


def read(delivered: pdus.Delivered, zone: str = "UTC") -> Receipt | None:
    return receipts.receipt_of(delivered, ZoneInfo(zone), None, NOW)


@pytest.mark.parametrize(
    ("text", "message_id", "state", "code"),
    [
        (STANDARD, "1a2B", D, "DELIVRD"),
        (STANDARD.replace("DELIVRD", "UNDELIV").replace("err:000", "err:042"), "1a2B", U, "UNDELIV 042"),
        ("STAT:expired ERR:027 ID:0000123", "0000123", E, "EXPIRED 027"),
        ("id: 77 ; stat : Delivered", "77", D, "DELIVERED"),
        ("id:77,stat:REJECTD,err:99", "77", U, "REJECTD 99"),
        ("id:77 stat:ACCEPTD", "77", S, "ACCEPTD"),
        ("id:77 stat:ENROUTE", "77", S, "ENROUTE"),
        ("id:77 stat:UNKNOWN err:1", "77", S, "UNKNOWN 1"),
        ("id:77 stat:DELETED", "77", U, "DELETED"),
        ("id:6c3f-12_ab.9 done date: stat:UNDELIVERABLE text:", "6c3f-12_ab.9", U, "UNDELIVERABLE"),
        ("text:none id:5 stat:DELIVRD", "5", D, "DELIVRD"),
    ],
)
def test_receipts_by_text(text, message_id, state, code):
    found = read(a_delivered(text.encode()))
    assert found is not None
    assert (found.smsc_message_id, found.state, found.carrier_code, found.recipient) == (message_id, state, code, "+393471234567")


@pytest.mark.parametrize("text", ["", "Hello", "id:77", "stat:DELIVRD", "id:77 stat:FLYING", "id: stat:DELIVRD"])
def test_what_says_no_id_or_no_state_is_no_receipt(text):
    assert read(a_delivered(text.encode())) is None


@pytest.mark.parametrize(
    ("number", "state", "code"),
    [
        (0, S, "SCHEDULED"), (1, S, "ENROUTE"), (2, D, "DELIVRD"), (3, E, "EXPIRED"), (4, U, "DELETED"), (5, U, "UNDELIV"),
        (6, S, "ACCEPTD"), (7, S, "UNKNOWN"), (8, U, "REJECTD"), (9, U, "SKIPPED"),
    ],
)  # fmt: skip
def test_receipts_by_parameters(number, state, code):
    found = read(a_delivered(esm_class=0, receipted_message_id=b"abc\0", message_state=bytes((number,)), network_error_code=b"\3\0\x1b"))
    assert found == Receipt("abc", state, NOW, f"{code} 3:27", "+393471234567")


def test_parameters_come_before_the_text():
    found = read(a_delivered(b"id:other stat:UNDELIV err:1", receipted_message_id=b"abc", message_state=b"\2"))
    assert found is not None and (found.smsc_message_id, found.state, found.carrier_code) == ("abc", D, "UNDELIV 1")


@pytest.mark.parametrize(
    ("written", "zone", "at"),
    [
        ("2611211604", "UTC", datetime(2026, 11, 21, 16, 4, 59, tzinfo=UTC)),
        ("2611211604", "Europe/Rome", datetime(2026, 11, 21, 15, 4, 59, tzinfo=UTC)),
        ("2607011604", "Europe/Rome", datetime(2026, 7, 1, 14, 4, 59, tzinfo=UTC)),
        ("261121160405", "UTC", datetime(2026, 11, 21, 16, 4, 5, tzinfo=UTC)),
        ("20261121160405", "UTC", datetime(2026, 11, 21, 16, 4, 5, tzinfo=UTC)),
        ("202611211604", "UTC", datetime(2026, 11, 21, 16, 4, 59, tzinfo=UTC)),
        ("26-11-21 16:04", "UTC", datetime(2026, 11, 21, 16, 4, 59, tzinfo=UTC)),
        ("2611211705", "UTC", NOW),  # this very minute is not over
        ("2711211604", "UTC", NOW),  # a clock that is ahead
        ("9999999999", "UTC", NOW),
        ("00010101000000", "UTC", NOW),  # no date, as .NET writes it
        ("00010101000000", "Europe/Rome", NOW),
        ("99991231235959", "America/New_York", NOW),
        ("", "UTC", NOW),
    ],
)
def test_dates_of_receipts(written, zone, at):
    found = read(a_delivered(f"id:7 done date:{written} stat:DELIVRD".encode()), zone)
    assert found is not None and found.at == at


def test_a_text_from_a_handset_is_no_receipt_whatever_it_says():
    assert not receipts.is_receipt(a_delivered(STANDARD.encode(), esm_class=0))
    assert not receipts.is_receipt(a_delivered(STANDARD.encode(), esm_class=0x40))
    assert receipts.is_receipt(a_delivered(STANDARD.encode(), esm_class=0x24))


@pytest.mark.parametrize(
    ("address", "region", "number"),
    [
        ((1, 1, "393471234567"), None, "+393471234567"),
        ((1, 1, "+393471234567"), None, "+393471234567"),
        ((0, 0, "00393471234567"), None, "+393471234567"),
        ((0, 1, "393471234567"), None, "+393471234567"),
        ((2, 1, "3471234567"), None, "3471234567"),
        ((2, 1, "3471234567"), "IT", "+393471234567"),
        ((0, 1, "3471234567"), "IT", "+393471234567"),
        ((0, 0, "44770"), "IT", "44770"),
        ((3, 0, "44770"), None, "44770"),
        ((5, 0, "Dragoman"), None, "Dragoman"),
        ((1, 1, "0471"), None, "0471"),
        ((0, 0, ""), None, ""),
    ],
)
def test_numbers_from_the_carrier(address, region, number):
    assert addresses.number_of(pdus.Address(*address), region) == number
    assert addresses.e164_of(pdus.Address(*address), region) == (number if number.startswith("+") else "")


def a_receipt(message_id: str, state: State = D, recipient: str = "+393471234567") -> Receipt:
    return Receipt(message_id, state, NOW, "", recipient)


def a_long_message(gatherer: ReceiptGatherer, *ids: str) -> list[Receipt]:
    return accept(gatherer, gatherer.started("+393471234567", len(ids)), *ids)


def accept(gatherer: ReceiptGatherer, message: Gathered, *ids: str) -> list[Receipt]:
    for place, each in enumerate(ids):
        gatherer.part_accepted(message, place, each)
    return gatherer.accepted(message)


def heard(gatherer: ReceiptGatherer, *came: Receipt) -> list[tuple[str, State]]:
    return [(each.smsc_message_id, each.state) for receipt in came for each in gatherer.receipts(receipt)]


def test_a_message_is_delivered_when_its_last_part_is():
    gatherer = ReceiptGatherer(0)
    a_long_message(gatherer, "7", "8", "9")
    assert heard(gatherer, a_receipt("8"), a_receipt("8"), a_receipt("7", S), a_receipt("7"), a_receipt("9")) == [("7", S)] * 4 + [("7", D)]


def test_a_message_fails_with_any_part_and_stays_failed():
    gatherer = ReceiptGatherer(-1)
    a_long_message(gatherer, "7", "8", "9")
    assert heard(gatherer, a_receipt("7"), a_receipt("8", E), a_receipt("9"), a_receipt("8")) == [("9", S)] + [("9", E)] * 3


def test_receipts_of_others_pass():
    gatherer = ReceiptGatherer(0)
    a_long_message(gatherer, "7", "8")
    assert gatherer.receipts(a_receipt("6", U)) == [a_receipt("6", U)]


def test_an_id_that_is_given_again_means_the_later_message():
    gatherer = ReceiptGatherer(0)
    a_long_message(gatherer, "7", "8")
    gatherer.named_anew("8")
    assert gatherer.receipts(a_receipt("8", D, "+393470000000")) == [a_receipt("8", D, "+393470000000")]
    a_long_message(gatherer, "8", "9")
    assert heard(gatherer, a_receipt("9"), a_receipt("8")) == [("8", S), ("8", D)]


def test_receipts_that_overtake_the_acceptance_wait_for_it():
    gatherer = ReceiptGatherer(0)
    message = gatherer.started("+393471234567", 2)
    assert heard(gatherer, a_receipt("8"), a_receipt("5", U), a_receipt("9", D, "+393470000000")) == [("9", D)]
    waited = accept(gatherer, message, "7", "8")
    assert [(each.smsc_message_id, each.state) for each in waited] == [("7", S), ("5", U)]
    assert heard(gatherer, a_receipt("7")) == [("7", D)]


def test_receipts_wait_no_longer_than_a_message_that_is_given_up():
    gatherer = ReceiptGatherer(0)
    message = gatherer.started("+393471234567", 2)
    assert heard(gatherer, a_receipt("8")) == []
    assert gatherer.given_up(message) == [a_receipt("8")]
    assert heard(gatherer, a_receipt("8")) == [("8", D)]


def test_receipts_of_accepted_parts_wait_for_the_rest():
    gatherer = ReceiptGatherer(0)
    message = gatherer.started("+393471234567", 2)
    gatherer.part_accepted(message, 0, "7")
    assert heard(gatherer, a_receipt("7")) == []
    assert [(each.smsc_message_id, each.state) for each in accept(gatherer, message, "7", "8")] == [("7", S)]
    assert heard(gatherer, a_receipt("8")) == [("7", D)]


def test_a_message_accepted_late_has_not_forgotten_its_receipts():
    gatherer = ReceiptGatherer(0)
    message = gatherer.started("+393471234567", 3)
    gatherer.part_accepted(message, 0, "7")
    gatherer.part_accepted(message, 2, "9")
    assert gatherer.given_up(message) == []
    assert heard(gatherer, a_receipt("9"), a_receipt("7")) == [("9", D)]
    assert [(each.smsc_message_id, each.state) for each in accept(gatherer, message, "7", "8", "9")] == [("7", S)]
    assert heard(gatherer, a_receipt("8")) == [("7", D)]


@pytest.mark.parametrize(
    ("answered", "reported"), [("A0000007", "2684354567"), ("2684354567", "A0000007"), ("abc", "ABC"), ("7", "0000000007"), ("007", "7")]
)
def test_a_part_s_id_in_another_notation_is_known_by_its_recipient(answered, reported):
    gatherer = ReceiptGatherer(0)
    a_long_message(gatherer, "1", answered)
    assert heard(gatherer, a_receipt(reported, recipient="+393470000000")) == [(reported, D)]
    assert heard(gatherer, a_receipt("1"), a_receipt(reported)) == [("1", S), ("1", D)]


@pytest.mark.parametrize(
    ("octets", "coding", "default", "text"),
    [
        (b"Ciao \x1be \x00", 0, "gsm", "Ciao € @"),
        (b"caf\xe9", 0, "gsm", "café"),
        (b"caf\xe9@", 0, "latin1", "café@"),
        (b"plain", 1, "gsm", "plain"),
        (b"caf\xe9", 3, "gsm", "café"),
        ("Łódź 😀".encode("utf-16-be"), 8, "gsm", "Łódź 😀"),
        ("שלום".encode("iso8859_8"), 7, "gsm", "שלום"),
        ("привет".encode("iso8859_5"), 6, "gsm", "привет"),
        (b"\x04", 0x11, "latin1", "è"),
        (b"\x04", 0xF1, "latin1", "è"),
        ("Ł".encode("utf-16-be"), 0x18, "gsm", "Ł"),
        (b"", 0, "gsm", ""),
    ],
)
def test_texts_from_handsets(octets, coding, default, text):
    found = InboundReader(default, None).read(a_delivered(octets, 0, coding), NOW)
    assert (found.kind, found.text, found.sender, found.recipient, found.at) == (InboundKind.SMS, text, "+393471234567", "44770", NOW)


@pytest.mark.parametrize("coding", [2, 4, 0xF5, 0x14])
def test_binary_messages_become_base64(coding):
    found = InboundReader("gsm", None).read(a_delivered(b"\6\5\4\x0b\x84\x23\xf0\1\xff", 0x40, coding), NOW)
    assert (found.kind, found.text, found.part) == (InboundKind.DATA, "Af8=", None)


@pytest.mark.parametrize(
    ("octets", "tlvs", "text", "part"),
    [
        (b"\5\0\3\x2a\2\1hello", {}, "hello", PartOf(42, 2, 1)),
        (b"\6\x08\4\1\2\3\3hello", {}, "hello", PartOf(258, 3, 3)),
        (b"\x0b\5\4\x0b\x84\x23\xf0\0\3\x2a\2\2hello", {}, "hello", PartOf(42, 2, 2)),
        (b"\5\0\3\x2a\2\3hello", {}, "hello", None),
        (b"\5\0\3\x2a\1\1hello", {}, "hello", None),
        (b"hello", {"sar_msg_ref_num": b"\1\2", "sar_total_segments": b"\2", "sar_segment_seqnum": b"\1"}, "hello", PartOf(258, 2, 1)),
    ],
)
def test_parts_from_handsets(octets, tlvs, text, part):
    found = InboundReader("gsm", None).read(a_delivered(octets, 0 if tlvs else 0x40, 0, **tlvs), NOW)
    assert (found.text, found.part) == (text, part)


def test_a_header_longer_than_the_data_is_text():
    found = InboundReader("latin1", None).read(a_delivered(b"\x20abc", 0x40), NOW)
    assert found.text == " abc"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_character_cut_between_two_parts_is_put_together(order):
    octets = "ž😀š".encode("utf-16-be")
    pieces = [b"\5\0\3\x2a\2\1" + octets[:4], b"\5\0\3\x2a\2\2" + octets[4:]]
    reader = InboundReader("gsm", None)
    found = {place: reader.read(a_delivered(pieces[place], 0x40, 8), NOW).text for place in order}
    assert found[0] + found[1] == "ž😀š"
