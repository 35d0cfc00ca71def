"""What goes over the wire, octet by octet. smpplib, which shares no line with the codec, reads what we write and writes what we read."""

from __future__ import annotations

import random
import struct
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from smpplib import consts, smpp  # type: ignore[import-untyped]

from gateway.connectors.base import AttemptKey, FailureKind, Outgoing
from gateway.connectors.smpp import dates, pdus, statuses
from gateway.connectors.smpp.texts import CannotSend, TextWriter
from gateway.connectors.smpp.writer import SubmitWriter
from gateway.domain.alphabet import Alphabet
from gateway.domain.parts import encode
from tests.connectors.smpp_town import settings

CLIENT = SimpleNamespace(next_sequence=lambda: 7)
NOW = datetime(2026, 11, 21, 17, 5, 0, tzinfo=UTC)


def an_outgoing(text: str, **changed: object) -> Outgoing:
    """A message priced as the gateway prices it."""
    priced = encode(text)
    values = {"recipient": "+393471234567", "originator": "Dragoman", "wants_receipt": True, **changed}
    return Outgoing(AttemptKey(1, UUID(int=1), 0, 1), text=text, alphabet=priced.alphabet, parts=priced.parts, **values)  # type: ignore[arg-type]


def written(text: str, outgoing: dict[str, object] | None = None, **changed: Any) -> list[bytes]:
    return SubmitWriter(settings(**changed)).bodies(an_outgoing(text, **(outgoing or {})))


def read_back(body: bytes):
    """A submit_sm as smpplib sees it."""
    return smpp.parse_pdu(pdus.pdu(pdus.SUBMIT_SM, 7, body), client=CLIENT, allow_unknown_opt_params=True)


def short_messages(text: str, **changed: Any) -> list[bytes]:
    return [read_back(body).short_message for body in written(text, **changed)]


def test_a_short_text_octet_by_octet():
    (body,) = written("Ciao €")
    assert body.hex(" ") == (
        "00"  # service_type
        " 05 00 44 72 61 67 6f 6d 61 6e 00"  # Dragoman, alphanumeric
        " 01 01 33 39 33 34 37 31 32 33 34 35 36 37 00"  # 393471234567, international
        " 00 00 00 00 00 01 00 00 00"  # esm_class, protocol, priority, schedule, validity, receipt, replace, coding, default message
        " 07 43 69 61 6f 20 1b 65"  # € is an escape and a septet
    )


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("Good morning", {}),
        ("a" * 400, {"concatenation": "sar", "priority_flag": 2, "service_type": "CMT", "registered_delivery": 17}),
        ("Größe 😀 " * 40, {"protocol_id": 65, "esm_class": 3}),
        ("Größe 😀 " * 40, {"concatenation": "payload"}),
    ],
)
def test_smpplib_writes_the_same(text, changed):
    for body in written(text, {"expires_at": datetime.now(UTC) + timedelta(days=2)}, **changed):
        theirs = read_back(body)
        assert theirs.registered_delivery and theirs.validity_period.endswith(b"R")
        fields = {name: getattr(theirs, name) for name in theirs.params if getattr(theirs, name, None) is not None}
        texts = {name: value.decode("latin-1") for name, value in fields.items() if theirs.params[name].type is str}
        again = smpp.make_pdu("submit_sm", client=CLIENT, **{**fields, **texts})
        assert again.generate() == pdus.pdu(pdus.SUBMIT_SM, 7, body)


def test_a_euro_sign_at_the_border_stays_whole():
    first, second = short_messages("a" * 152 + "€" + "b" * 20)
    assert (first[:5], first[5], first[6:]) == (second[:5], 1, b"a" * 152)
    assert (second[:3], second[4:6], second[6:]) == (b"\5\0\3", b"\2\2", b"\x1be" + b"b" * 20)


def test_an_emoji_at_the_border_stays_whole():
    first, second = written("ž" * 66 + "😀" + "š" * 10)
    assert (read_back(first).esm_class, read_back(first).data_coding) == (0x40, 8)
    assert read_back(first).short_message[6:] == ("ž" * 66).encode("utf-16-be")
    assert read_back(second).short_message[6:] == ("😀" + "š" * 10).encode("utf-16-be")


def test_sixteen_bits_of_reference_take_an_octet_from_each_part():
    first, second = short_messages("a" * 200, concatenation="udh16")
    assert (first[:3], first[5:7], len(first[7:])) == (b"\6\x08\4", b"\2\1", 152)
    assert first[3:5] == second[3:5] and second[7:] == b"a" * 48


@pytest.mark.parametrize(("text", "parts"), [("a" * 306, 2), ("a" * 152 + "€" + "a" * 151, 2), ("ж" * 134, 2)])
def test_sixteen_bits_never_cost_a_part_more_than_was_priced(text, parts):
    found = short_messages(text, concatenation="udh16")
    assert len(found) == parts == encode(text).parts
    assert all(each[:3] == b"\5\0\3" for each in found)


def test_parameters_say_the_part_under_sar():
    first, second = (read_back(body) for body in written("ä" * 161, concatenation="sar"))
    assert (first.sar_total_segments, first.sar_segment_seqnum, second.sar_segment_seqnum) == (2, 1, 2)
    assert first.sar_msg_ref_num == second.sar_msg_ref_num and first.esm_class == 0
    assert first.short_message == b"\x7b" * 153


def test_a_payload_is_one_submit_sm():
    (one,) = (read_back(body) for body in written("Ł" * 500, concatenation="payload"))
    assert (one.sm_length, one.message_payload, one.data_coding) == (0, ("Ł" * 500).encode("utf-16-be"), 8)
    (short,) = (read_back(body) for body in written("short", concatenation="payload"))
    assert short.short_message == b"short"


@pytest.mark.parametrize(
    ("text", "changed", "data_coding", "octets"),
    [
        ("àé@", {}, 0, b"\x7f\x05\x00"),
        ("àé@", {"default_alphabet": "latin1"}, 0, b"\xe0\xe9@"),
        ("àé@", {"send_latin1": True}, 3, b"\xe0\xe9@"),
        ("5 €", {"send_latin1": True}, 0, b"5 \x1be"),
        ("5 €", {"default_alphabet": "latin1"}, 8, b"\0005\0 \x20\xac"),
        ("@_", {"default_alphabet": "ascii"}, 0, b"@_"),
        ("àé@", {"default_alphabet": "ascii"}, 8, b"\0\xe0\0\xe9\0@"),
        ("жук", {"send_latin1": True}, 8, "жук".encode("utf-16-be")),
    ],
)
def test_the_alphabet_is_the_carriers(text, changed, data_coding, octets):
    (one,) = (read_back(body) for body in written(text, **changed))
    assert (one.data_coding, one.short_message) == (data_coding, octets)


@pytest.mark.parametrize(("text", "data_coding", "octets"), [("è", 0x10, b"\x04"), ("ž", 0x18, b"\x01\x7e")])
def test_flash(text, data_coding, octets):
    (one,) = (read_back(body) for body in written(text, {"is_flash": True}, default_alphabet="latin1"))
    assert (one.data_coding, one.short_message) == (data_coding, octets)


@pytest.mark.parametrize("text", ["x", "a" * 160, "a" * 161, "€" * 81, "€" * 400, "ž" * 70, "ž" * 71, "😀" * 100, "a[" * 500])
@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar"])
def test_as_many_parts_are_sent_as_were_priced(text, concatenation):
    assert len(written(text, concatenation=concatenation)) == encode(text).parts


def test_long_messages_in_a_row_have_different_references():
    writer = TextWriter(settings())
    heads = [writer.coded("a" * 161, Alphabet.GSM7, False).pieces[0].octets[3] for _ in range(256)]
    assert sorted(heads) == list(range(256))


@pytest.mark.parametrize(("text", "alphabet"), [("a" * 153 * 256, Alphabet.GSM7), ("x\0", Alphabet.GSM7), ("\ud83d", Alphabet.UCS2)])
def test_what_smpp_cannot_carry_is_said(text, alphabet):
    with pytest.raises(CannotSend) as caught:
        TextWriter(settings()).coded(text, alphabet, False)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("originator", "changed", "address"),
    [
        (None, {}, (0, 0, b"")),
        ("Müller", {}, (5, 0, b"M\xfcller")),
        ("+393471234567", {}, (1, 1, b"393471234567")),
        ("+393471234567", {"originator_plus": True, "international_ton": 2}, (2, 1, b"+393471234567")),
        ("44770", {}, (3, 0, b"44770")),
        ("44770", {"short_code_ton": 0, "short_code_npi": 1}, (0, 1, b"44770")),
        ("03471234567", {}, (2, 1, b"03471234567")),
    ],
)
def test_originators(originator, changed, address):
    (one,) = (read_back(body) for body in written("x", {"originator": originator}, **changed))
    assert (one.source_addr_ton, one.source_addr_npi, one.source_addr) == address


def test_recipients():
    (one,) = (read_back(body) for body in written("x", recipient_plus=True, recipient_ton=2, recipient_npi=8))
    assert (one.dest_addr_ton, one.dest_addr_npi, one.destination_addr) == (2, 8, b"+393471234567")


def test_an_originator_outside_latin_1_is_refused_and_not_bent():
    with pytest.raises(CannotSend):
        written("x", {"originator": "ΔELTA"})


def test_cipher_text_for_a_handset_s_own_program_is_refused():
    with pytest.raises(CannotSend, match="encrypted"):
        written("bm90IGZvciBwZW9wbGU=", {"is_encrypted": True})


@pytest.mark.parametrize(
    ("changed", "wanted", "registered"),
    [
        ({}, True, [1, 1, 1]),
        ({"receipts_for": "recorded_part"}, True, [1, 0, 0]),
        ({"receipts_for": "recorded_part", "recorded_part": "last", "registered_delivery": 17}, True, [0, 0, 17]),
        ({}, False, [0, 0, 0]),
    ],
)
def test_receipts_are_asked_for_as_set(changed, wanted, registered):
    bodies = written("a" * 400, {"wants_receipt": wanted}, **changed)
    assert [read_back(body).registered_delivery for body in bodies] == registered


@pytest.mark.parametrize(
    ("after", "relative", "absolute"),
    [
        (timedelta(days=2), b"000002000000000R", b"261123170500000+"),
        (timedelta(hours=36, minutes=1, seconds=1), b"000001120101000R", b"261123050601000+"),
        (timedelta(days=45), b"000115000000000R", b"270105170500000+"),
        (timedelta(seconds=-5), b"000000000100000R", b"261121170600000+"),
    ],
)
def test_validity(after, relative, absolute):
    assert (dates.relative(NOW + after, NOW), dates.absolute(NOW + after, NOW)) == (relative, absolute)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("261121180500004+", NOW),
        ("261121160500004-", NOW),
        ("000002000000000R", None),
        ("261321180500000+", None),
        ("", None),
    ],
)
def test_absolute_times_are_read(text, moment):
    assert dates.parsed_absolute(text) == moment


def test_a_stream_cut_anywhere_gives_the_same_pdus():
    stream = b"".join(pdus.pdu(pdus.DELIVER_SM, number, bytes(number * 3)) for number in range(1, 9))
    whole = pdus.Frames().feed(stream)
    assert [(pdu.sequence, len(pdu.body)) for pdu in whole] == [(number, number * 3) for number in range(1, 9)]
    for size in (1, 3, 15, 16, 17, 40):
        frames = pdus.Frames()
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert [pdu for piece in pieces for pdu in frames.feed(piece)] == whole


@pytest.mark.parametrize("length", [0, 7, 15, 70_001, 0xFFFFFFFF])
def test_an_absurd_length_breaks_the_stream_and_keeps_what_came_before(length):
    frames = pdus.Frames()
    found = frames.feed(pdus.pdu(pdus.SUBMIT_SM_RESP, 4, b"17\0") + struct.pack(">IIII", length, 4, 0, 5))
    assert [pdu.sequence for pdu in found] == [4] and frames.is_broken


def test_smpplib_s_deliver_sm_is_read():
    theirs = smpp.make_pdu(
        "deliver_sm", client=CLIENT, source_addr_ton=1, source_addr="393471234567", dest_addr_npi=1, destination_addr="4477", esm_class=4,
        data_coding=8, short_message=b"\0a", message_state=2, network_error_code=b"\3\0\5",
    )  # fmt: skip
    found = pdus.deliver_sm(theirs.generate()[16:])
    assert (found.source, found.destination) == (pdus.Address(1, 0, "393471234567"), pdus.Address(0, 1, "4477"))
    assert (found.esm_class, found.data_coding, found.octets) == (4, 8, b"\0a")
    assert found.tlvs == {pdus.MESSAGE_STATE: b"\2", pdus.NETWORK_ERROR_CODE: b"\3\0\5"}


def test_smpplib_s_data_sm_is_read():
    theirs = smpp.make_pdu("data_sm", client=CLIENT, source_addr="1", destination_addr="2", data_coding=3, message_payload=b"\xe9")
    found = pdus.data_sm(theirs.generate()[16:])
    assert (found.data_coding, found.octets) == (3, b"\xe9")


def test_unknown_and_cut_parameters_do_no_harm():
    tail = pdus.tlv(0x1400, b"vendor") + pdus.tlv(0x1400, b"again") + pdus.tlv(pdus.MESSAGE_STATE, b"\2") + b"\4\x27\0\5x"
    assert pdus.tlvs_of(tail, 0) == {0x1400: b"vendor", pdus.MESSAGE_STATE: b"\2"}


@pytest.mark.parametrize(("body", "message_id"), [(b"17\0", "17"), (b"17", "17"), (b"", ""), (b"17\0" + pdus.tlv(0x427, b"\2"), "17")])
def test_the_id_in_an_answer_is_read_with_whatever_follows(body, message_id):
    assert pdus.message_id_of(body) == message_id


def test_no_octets_do_more_than_be_malformed():
    dice = random.Random(4)
    whole = b"\0\1\0" + b"393471234567\0" + b"\0\0" + b"4477\0" + b"\4\0\0\0\0\0\0\0\0\5hello" + pdus.tlv(0x427, b"\2")
    for _ in range(3000):
        octets = bytearray(whole[: dice.randrange(len(whole) + 1)])
        for _ in range(dice.randrange(3)):
            if octets:
                octets[dice.randrange(len(octets))] = dice.randrange(256)
        for reads in (pdus.deliver_sm, pdus.data_sm, pdus.query_sm_resp):
            try:
                reads(bytes(octets))
            except pdus.MalformedPdu:
                continue


def test_binds_as_smpplib_writes_them():
    theirs = smpp.make_pdu(
        "bind_transceiver", client=CLIENT, system_id="me", password="pw", system_type="SMPP", addr_ton=1, address_range="44*"
    )
    body = pdus.bind_body("me", "pw", "SMPP", (1, 0, "44*"))
    assert theirs.generate() == pdus.pdu(pdus.BIND_TRANSCEIVER, 7, body)


def test_every_status_of_the_specification_is_in_the_table():
    theirs = {value: f"ESME_{name[10:]}" for name, value in vars(consts).items() if name.startswith("SMPP_ESME_R") and value}
    ours = {code: name for code, (name, _) in statuses.STATUSES.items() if code < 0x100}
    assert ours == theirs


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0x58, FailureKind.THROTTLED),
        (0x14, FailureKind.THROTTLED),
        (0x0B, FailureKind.FINAL),
        (0x08, FailureKind.RETRY_LATER),
        (0x0E, FailureKind.MISCONFIGURED),
        (0x400, FailureKind.FINAL),
        (1041, FailureKind.THROTTLED),
        (0x4FF, FailureKind.RETRY_LATER),
        (0xDEADBEEF, FailureKind.RETRY_LATER),
    ],
)
def test_what_a_status_means(code, kind):
    chosen = statuses.overrides("0x400=final, 1041=throttled")
    assert statuses.kind_of(code, chosen) is kind


def test_no_status_means_unknown_outcome():
    assert FailureKind.UNKNOWN not in {kind for _, kind in statuses.STATUSES.values()}
