"""The fake SMSC against the specification's own examples and a plain socket: a witness is heard only if it can be trusted."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.support.smsc import ACTIONS, FAULTS, FORMS, Behaviour, Smsc, codec
from tests.support.smsc.codec import Pdu, Short, Wrong, pdu, read_short, short_body, split
from tests.support.smsc.texts import Joiner, cut, decoded, gsm_octets, gsm_text, part

# The example of SMPP 3.4, 3.2.3: a bind_transmitter.
EXAMPLE = bytes.fromhex("0000002F000000020000000000000001534D50503354455354007365637265743038005355424D4954310000010100")


class Client:
    """A plain socket that speaks just enough."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self._buffer = bytearray()
        self._sequence = 0

    def send(self, command: int, body: bytes = b"") -> int:
        self._sequence += 1
        self.socket.sendall(pdu(command, 0, self._sequence, body))
        return self._sequence

    def read(self) -> Pdu:
        while True:
            found = split(self._buffer)
            if found:
                for later in reversed(found[1:]):
                    self._buffer[:0] = later.raw
                return found[0]
            data = self.socket.recv(100_000)
            if not data:
                raise EOFError
            self._buffer += data

    def bind(self, command: int = codec.BIND_TRANSCEIVER, password: str = "pa55word", system_id: str = "gateway") -> int:
        self.send(command, codec.words(system_id) + codec.words(password) + codec.words("") + b"\x34\0\0" + codec.words(""))
        return self.read().status

    def submit(self, text: bytes = b"Hello", destination: str = "393471234567", **fields: object) -> int:
        return self.send(codec.SUBMIT_SM, short_body(Short("Dragoman", destination, text, registered_delivery=1, **fields)))  # type: ignore[arg-type]


@pytest.fixture
def smsc() -> Iterator[Smsc]:
    with Smsc() as running:
        yield running


@pytest.fixture
def client(smsc: Smsc) -> Iterator[Client]:
    client = Client(smsc.port)
    assert client.bind() == 0
    yield client
    client.socket.close()


def test_reads_the_example_of_the_specification():
    (bind,) = split(bytearray(EXAMPLE))
    assert (bind.command, bind.sequence) == (codec.BIND_TRANSMITTER, 1)
    assert codec.read_bind(bind.body) == ("SMPP3TEST", "secret08", "SUBMIT1", 0, 1, 1, "")


def test_what_is_written_is_read_again():
    short = Short("a", "1", b"xy", validity_period="000001000000000R", esm_class=64, tlvs={codec.SAR_REFERENCE: b"\0\1", 0x1400: b""})
    assert read_short(short_body(short)) == short


@pytest.mark.parametrize(
    "body",
    [
        b"",
        short_body(Short("a" * 21, "1")),
        short_body(Short("a", "1", validity_period="0000010000")),
        short_body(Short("a", "1", b"x", tlvs={codec.MESSAGE_PAYLOAD: b"y"})),
        short_body(Short("a", "1", b"x", tlvs={codec.SAR_TOTAL: b"\0\1"})),
        short_body(Short("a", "1", b"x"))[:-1],
        short_body(Short("a", "1", b"x")) + b"\x04",
        short_body(Short("a", "1", b"x")) + codec.tlv(5, b"1") * 2,
        b"\0\1\1\xe4\0",
    ],
    ids=["empty", "long source", "short date", "two texts", "long parameter", "cut", "cut parameter", "parameter twice", "not ASCII"],
)
def test_refuses_what_the_specification_does_not_allow(body: bytes):
    with pytest.raises(Wrong):
        read_short(body)


@pytest.mark.parametrize("length", [0, 7, 15, 100_000])
def test_refuses_an_impossible_length(length: int):
    with pytest.raises(Wrong, match=str(length)):
        split(bytearray(struct.pack(">IIII", length, 4, 0, 1)))


@pytest.mark.parametrize(
    ("octets", "coding", "text"),
    [
        (bytes.fromhex("00 1b65 1b3c 7f 10"), 0, "@€[àΔ"),
        (bytes.fromhex("00 1b65"), 0xF1, "@€"),
        (b"\xe9", 3, "é"),
        ("😀".encode("utf-16-be"), 8, "😀"),
        ("Ł".encode("utf-16-be"), 0x18, "Ł"),
    ],
)
def test_decodes_the_alphabets(octets: bytes, coding: int, text: str):
    assert decoded(octets, coding) == text


@pytest.mark.parametrize(("octets", "coding"), [(b"\x80", 0), (b"a\x1b", 0), (b"\xd8\x3d", 8), (b"\xd8\x3d\0a", 8), (b"x", 8), (b"x", 5)])
def test_calls_broken_text_wrong(octets: bytes, coding: int):
    with pytest.raises(Wrong):
        decoded(octets, coding)


def test_the_alphabet_has_each_letter_once():
    letters = [gsm_text(bytes((code,))) for code in range(128) if code != 0x1B]
    assert len(set(letters)) == 127
    assert [gsm_octets(letter)[0] for letter in "@£Δ_à"] == [0, 1, 16, 17, 127]


@pytest.mark.parametrize("by", ["udh8", "udh16", "sar", "payload", "whole"])
@pytest.mark.parametrize("text", ["short", "a{b}" * 60, "Łódź 😀 " * 30])
def test_cuts_and_joins_in_any_order(by: str, text: str):
    coding = 0 if text.isascii() else 8
    if by == "whole":
        text = text[:60]
    shorts = [Short("s", "d", octets, esm_class=kind, data_coding=coding, tlvs=tlvs) for kind, octets, tlvs in cut(text, coding, by, 700)]
    random.Random(1).shuffle(shorts)
    joiner: Joiner[Short] = Joiner()
    joined = [joiner.add("s", "d", part(short), short) for short in shorts]
    assert [each is None for each in joined] == [True] * (len(shorts) - 1) + [False]
    assert joined[-1] is not None and joined[-1][0] == text and len(joined[-1][1]) == len(shorts)


def test_answers_and_reports(smsc: Smsc, client: Client):
    sequence = client.submit()
    answer, receipt = client.read(), client.read()
    assert (answer.command, answer.status, answer.sequence) == (codec.SUBMIT_SM | codec.RESPONSE, 0, sequence)
    name = answer.body[:-1].decode()
    told = read_short(receipt.body)
    assert (told.source, told.destination, told.esm_class) == ("393471234567", "Dragoman", codec.RECEIPT_TYPE)
    assert told.short_message.decode().startswith(f"id:{name} sub:001 dlvrd:001 ") and b" stat:DELIVRD err:000 " in told.short_message
    assert told.tlvs == {codec.RECEIPTED_MESSAGE_ID: codec.words(name), codec.MESSAGE_STATE: b"\2"}
    client.socket.sendall(pdu(codec.DELIVER_SM | codec.RESPONSE, 0, receipt.sequence, b"\0"))
    smsc.wait_for(lambda: smsc.handed[0].status == 0)
    assert smsc.texts() == ["Hello"] and smsc.violations == [] and smsc.bound_at_once == 1


def test_what_is_not_answered_comes_again_on_the_next_connection(smsc: Smsc, client: Client):
    smsc.deliver("ciao")
    first = client.read()
    client.socket.close()
    again = Client(smsc.port)
    assert again.bind() == 0
    assert read_short(again.read().body) == read_short(first.body)
    assert smsc.handed[0].sent == 2
    again.socket.close()


@pytest.mark.parametrize(
    ("bind", "status"),
    [({"password": "wrong"}, codec.INVALID_PASSWORD), ({"system_id": "x"}, codec.INVALID_SYSTEM_ID), ({}, codec.ALREADY_BOUND)],
)
def test_refuses_binds(bind: dict[str, str], status: int):
    with Smsc(most_binds=1) as smsc:
        first, second = Client(smsc.port), Client(smsc.port)
        assert first.bind() == 0
        assert second.bind(**bind) == status  # type: ignore[arg-type]
        assert smsc.bound_at_once == 1
        first.socket.close()
        second.socket.close()


def test_queries(smsc: Smsc, client: Client):
    client.submit()
    name = client.read().body
    client.read()
    client.send(codec.QUERY_SM, name + b"\1\1" + codec.words("Dragoman"))
    answer = client.read()
    assert (answer.status, answer.body[-2]) == (0, codec.STATES["DELIVRD"])
    client.send(codec.QUERY_SM, codec.words("77") + b"\1\1" + codec.words("Dragoman"))
    assert client.read().status == codec.QUERY_FAILED


@pytest.mark.parametrize(
    ("behaviour", "answers"),
    [
        (Behaviour(answers=2, receipts=()), ["submit", "submit"]),
        (Behaviour(receipts=("DELIVRD", "DELIVRD")), ["submit", "deliver", "deliver"]),
        (Behaviour(receipt_first=True, answer_after=0.01), ["deliver", "submit"]),
        (Behaviour(status=codec.THROTTLED), ["submit"]),
        (Behaviour(answer_after=None), ["deliver"]),
    ],
)
def test_behaves_as_told(smsc: Smsc, client: Client, behaviour: Behaviour, answers: list[str]):
    smsc.script.by_recipient["393471234567"] = [behaviour]
    client.submit()
    kinds = {codec.SUBMIT_SM | codec.RESPONSE: "submit", codec.DELIVER_SM: "deliver"}
    got = [client.read() for _ in answers]
    assert [kinds[each.command] for each in got] == answers
    assert all(each.status == behaviour.status for each in got)
    client.send(codec.ENQUIRE_LINK)
    assert client.read().command == codec.ENQUIRE_LINK | codec.RESPONSE


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_accidents_happen(smsc: Smsc, client: Client, action: str):
    smsc.act(action)
    client.socket.settimeout(0.2 if action == "hang" else 20)
    ends: dict[str, type[Exception]] = {"reset": ConnectionResetError, "close": EOFError, "hang": TimeoutError, "bad_length": Wrong}
    if action in ends:
        if action == "hang":
            client.send(codec.ENQUIRE_LINK)
        with pytest.raises(ends[action]):
            client.read()
    elif action == "noise":
        assert len(client.socket.recv(1000)) == 200 and client.socket.recv(1) == b""
    else:
        commands = {"unbind": codec.UNBIND, "flood": codec.ENQUIRE_LINK, "nack": codec.GENERIC_NACK, "unknown_command": 0x777}
        assert {client.read().command for _ in range(200 if action == "flood" else 1)} == {commands[action]}


def test_tells_what_our_side_did_wrong(smsc: Smsc, client: Client):
    client.submit(b"\x80")
    assert client.read().status == codec.SUBMIT_FAILED
    stranger = Client(smsc.port)
    stranger.submit()
    assert stranger.read().status == codec.BIND_STATUS
    stranger.socket.sendall(bytes(16))
    assert stranger.read().command == codec.GENERIC_NACK
    assert [each.words for each in smsc.violations] == [
        "octet 80 in the default alphabet",
        "a command before the bind",
        "a command_length of 0",
    ]
    stranger.socket.close()


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_is_the_same_for_the_same_seed_and_strikes_within_forty_messages(name: str):
    def run(seed: int) -> list[object]:
        treatment = FAULTS[name].make(random.Random(seed))
        return [treatment.on_bind(1), *(treatment.on_submit(number, 1) for number in range(1, 41))]

    assert run(1) == run(1)
    assert name == "none" or any(each not in (0, Behaviour()) for each in run(5))


def test_writes_ids_in_each_form():
    assert {name: write(0xA0000007) for name, write in FORMS.items()} == {
        "dec": "2684354567",
        "hex": "a0000007",
        "HEX": "A0000007",
        "zeros": "00000000002684354567",
        "hexzeros": "0000a0000007",
    }


def test_comes_back_on_the_same_port(smsc: Smsc, client: Client):
    smsc.stop()
    with pytest.raises((EOFError, ConnectionResetError)):
        client.read()
    smsc.start()
    again = Client(smsc.port)
    assert again.bind() == 0
    again.socket.close()
