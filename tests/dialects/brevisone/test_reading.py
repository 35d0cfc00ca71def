"""Texts, numbers and filters as bytes and as written (contract 3.5 to 3.8)."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from gateway.dialects.brevisone import filtering, numbers, reading
from gateway.dialects.brevisone.uncertain import LONGEST_PATTERN, MOST_FILTER_STEPS, MOST_PATTERN_BYTES, UNDEFINED
from gateway.domain.errors import InvalidField, InvalidRecipient, TooManyRecipients
from gateway.services.core import Gateway
from tests.dialects.brevisone.conftest import an_account_with_user
from tests.dialects.brevisone.program import API, SEE_LOGS, Program, accepted, refused
from tests.dialects.brevisone.test_sending import orders, recipients, the_order
from tests.support.builders import messages

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class TestText:
    @pytest.mark.parametrize(
        ("raw", "text"),
        [
            (b"plain", "plain"),
            ("Grüße €".encode(), "Grüße €"),
            (b"Gr\xfc\xdfe", "Grüße"),
            (b"\x80\x93\x94", "€“”"),
            (b"Caf\xe9", "Café"),
            (b"Kapazit\xe4...", "Kapazitä..."),  # a letter, not half of one: the text is not of the cut length
            ("30 °".encode()[:-1] + b"...", "30 \ufffd..."),
            ("30 €".encode()[:-1] + b"...", "30 \ufffd..."),
            ("ü 30 €".encode()[:-2] + b"...", "ü 30 \ufffd..."),
            ("ü 😀".encode()[:-1] + b"...", "ü \ufffd..."),
            (b"x" * 155 + b"\xe4...", "x" * 155 + "\ufffd..."),
            ("Köln ü".encode()[:-1], "Köln \ufffd"),
            ("Köl".encode() + b"\xfc...", "KÃ¶lü..."),  # 0xFC begins nothing in UTF-8
            (b"a\xc3...b\xc3...", "aÃ...bÃ..."),  # two faults
            (b"a\x80...", "a€..."),
            (b"\xed\xa0\x80", "í\xa0€"),  # half of a pair is no UTF-8
            (b"\xef\xbb\xbf", "\ufeff"),
        ],
    )
    def test_message(self, raw: bytes, text: str) -> None:
        assert reading.message(raw) == text

    @pytest.mark.parametrize("byte", range(0x80, 0x100))
    def test_every_byte_of_windows_1252(self, byte: int) -> None:
        expected = chr(byte) if byte in UNDEFINED else bytes([byte]).decode("cp1252")
        assert reading.message(bytes([byte]) + b" x") == "".join([expected, " x"])
        assert "?" not in reading.plain(bytes([byte]))

    def test_no_length_of_a_cut_is_refused_or_garbled(self) -> None:
        """Wherever the client cuts, all letters but the last are what they were."""
        whole = "Störung: Temperatur 31 °C — Gerät „Süd“ 😀 "
        for end in range(1, len(whole.encode())):
            text = reading.message(whole.encode()[:end] + b"...")
            assert whole.startswith(text.removesuffix("...").removesuffix("\ufffd")), text

    @pytest.mark.parametrize(
        ("digits", "text"),
        [
            ("4772c3bcc39f65", "Grüße"),
            ("4772fcdf65", "Grüße"),
            ("4772FCDF65", "Grüße"),
            (" 47 72\tfc\r\ndf 65 ", "Grüße"),
            ("6120c3...".replace(".", ""), "a Ã"),
        ],
    )
    def test_hexadecimal(self, digits: str, text: str) -> None:
        assert reading.hexadecimal(digits) == text

    @pytest.mark.parametrize("digits", ["4", "4 1", "4g", "0x41", "4-1", "٤١", "41\u00a042", "--", "+4"])
    def test_what_is_not_hexadecimal(self, digits: str) -> None:
        with pytest.raises(InvalidField):
            reading.hexadecimal(digits)

    @on_sqlite
    def test_every_byte_arrives_or_is_refused(self, owner: Program, gateway: Gateway) -> None:
        sent = []
        for byte in range(256):
            answer = owner.raw("GET", f"{API}?{owner.written(text=None)}&text=x%{byte:02X}y")
            if answer.status_code != 200:
                refused(answer, 400, SEE_LOGS)
                assert byte == 0
            else:
                sent.append(byte)
        assert sent == list(range(1, 256))
        texts = [order.text for order in orders(gateway)]
        expected = ["x" + reading.plain(bytes([byte])).replace("\r", "\n") + "y" for byte in sent]
        assert texts == expected
        assert [text for text in texts if "?" in text] == ["x?y"]

    @on_sqlite
    @pytest.mark.parametrize("text", ["4", "zz", "00", "   "])
    def test_bad_hexadecimal(self, owner: Program, gateway: Gateway, text: str) -> None:
        refused(owner.get(hexmode="true", text=text), 400, SEE_LOGS)
        assert messages(gateway) == []


class TestLength:
    """Contract 3.5: rather cut than refused, and what was read is kept."""

    @on_sqlite
    @pytest.mark.parametrize(
        ("text", "kept", "parts"),
        [
            ("a" * 1530, 1530, 10),
            ("a" * 1531, 1530, 10),
            ("a" * 100_000, 1530, 10),
            ("ж" * 671, 670, 10),
            ("a" * 1529 + "€", 1529, 10),
            ("a" * 1531 + "ж", 670, 5),  # the beginning alone is of the GSM alphabet again
        ],
    )
    def test_too_long(self, owner: Program, gateway: Gateway, text: str, kept: int, parts: int) -> None:
        accepted(owner.post(text=text))
        order = the_order(gateway)
        assert (order.text, order.parts) == (text[:kept], parts)
        assert order.text_read == (text if len(text) != kept else None)

    @on_sqlite
    def test_beyond_any_alert(self, owner: Program, gateway: Gateway) -> None:
        refused(owner.post(text="a" * 200_001), 400, SEE_LOGS)
        assert messages(gateway) == []


class TestNumbers:
    @pytest.mark.parametrize(
        ("written", "number"),
        [
            ("00491701234567", "+491701234567"),
            ("01701234567", "+491701234567"),
            ("+491701234567", "+491701234567"),
            ("491701234567", "+491701234567"),
            ("1701234567", "+491701234567"),
            ("37167784742", "+37167784742"),
            ("33612345678", "+33612345678"),
            ("12025550123", "+12025550123"),
            (" 0170 / 123-45.67 ", "+491701234567"),
            ("+49 (170) 1234567", "+491701234567"),
            ("+1234567", "+1234567"),
        ],
    )
    def test_in_germany(self, written: str, number: str) -> None:
        assert numbers.normalise(written, "DE") == number

    @pytest.mark.parametrize(
        ("written", "region", "number"),
        [
            ("3471234567", "IT", "+393471234567"),
            ("3201234567", "IT", "+393201234567"),  # as digits alone it could also be Belgian, of a kind not given out
            ("393471234567", "IT", "+393471234567"),
            ("491701234567", "IT", "+491701234567"),
            ("2025550123", "US", "+12025550123"),
        ],
    )
    def test_elsewhere(self, written: str, region: str, number: str) -> None:
        assert numbers.normalise(written, region) == number

    @pytest.mark.parametrize("written", ["None", "", " ", "+", "00", "abc", "110", "+123456", "+1234567890123456", "1" * 41, "٠١٧٠١٢٣٤٥٦٧"])
    def test_what_is_none(self, written: str) -> None:
        with pytest.raises(InvalidRecipient):
            numbers.normalise(written, "DE")

    @pytest.mark.parametrize(
        ("value", "pieces"),
        [
            (" 491701234567", ["+491701234567"]),
            (" 01701234567", [" 01701234567"]),
            ("  491701234567", ["  491701234567"]),
            ("0170,0171;0172", ["0170", "0171", "0172"]),
            ("0170, 171", ["0170", " 171"]),
            (" 49170, 49171", ["+49170", "+49171"]),
            (",0170,,; ;", ["0170"]),
            ("0170 0171", ["0170 0171"]),
            (",", []),
        ],
    )
    def test_lists_and_lost_plus(self, value: str, pieces: list[str]) -> None:
        assert numbers.listed(value, 100) == pieces

    def test_too_many_are_not_looked_at(self) -> None:
        assert len(numbers.listed("x," * 9 + "x", 10)) == 10
        with pytest.raises(TooManyRecipients):
            numbers.listed("x," * 10 + "x", 10)

    @on_sqlite
    def test_a_list_goes_to_each_once(self, owner: Program, gateway: Gateway) -> None:
        owner.sent(to="01701234567; +491701234567,00491707654321,")
        assert recipients(gateway) == ["+491701234567", "+491707654321"]
        refused(owner.get(to="01701234567,None"), 400, SEE_LOGS)
        refused(owner.get(to="01701234567 01707654321"), 400, SEE_LOGS)
        refused(owner.get(to=","), 400, SEE_LOGS)
        assert len(messages(gateway)) == 2

    @on_sqlite
    def test_the_account_s_country(self, gateway: Gateway, http) -> None:
        an_account_with_user(gateway, "roma", region="IT")
        Program(http, "roma").sent(to="347 1234567")
        assert recipients(gateway) == ["+393471234567"]

    @on_sqlite
    @pytest.mark.parametrize("to", ["0" * 300_000, "9" * 3_000_000, "01701234567," * 100_001, "(" * 5000, "\x00", "+49170\x001234567"])
    def test_huge_and_odd(self, owner: Program, gateway: Gateway, to: str) -> None:
        refused(owner.post(to=to), 400, SEE_LOGS)
        assert messages(gateway) == []

    @on_sqlite
    def test_ten_thousand_and_one(self, owner: Program, gateway: Gateway) -> None:
        """More recipients than the credit pays for: all or none."""
        many = ",".join(f"0170{number:07d}" for number in range(10_001))
        refused(owner.post(to=many), 400, SEE_LOGS)
        assert messages(gateway) == []


NUMBERS = {"+491701234567": "0170 1234567", "+33612345678": "+33612345678"}
GERMAN, FRENCH = NUMBERS


class TestFilter:
    @pytest.mark.parametrize(
        ("pattern", "matching"),
        [
            ("^49170", [GERMAN]),
            ("^(49|43)+\\d", [GERMAN]),
            ("^0049", [GERMAN]),
            ("^\\+33", [FRENCH]),
            ("/^33/", [FRENCH]),
            ("^0170 ", [GERMAN]),
            ("12345", [GERMAN, FRENCH]),
            ("/", []),
            ("nothing", []),
            ("", [GERMAN, FRENCH]),
        ],
    )
    def test_any_way_of_writing_counts(self, pattern: str, matching: list[str]) -> None:
        assert filtering.kept("white", pattern, NUMBERS) == matching
        assert filtering.kept("black", pattern, NUMBERS) == [number for number in NUMBERS if number not in matching]

    HOSTILE = (
        "(",
        "[",
        "*",
        "a{2,1}",
        "(?=4)",
        "(?<!4)9",
        "(4)\\1",
        "(?P<n>4)(?P=n)",
        "((((4{100}){100}){100}){100})",
        "\\pL{400}",
        "x" * (LONGEST_PATTERN + 1),
        "(a+)+$" * 200_000,
    )

    @pytest.mark.parametrize("pattern", HOSTILE, ids=lambda pattern: pattern[:20])
    def test_what_cannot_be_used(self, pattern: str) -> None:
        with pytest.raises(InvalidField) as told:
            filtering.compiled(pattern)
        assert told.value.field == "regex"
        assert pattern[:6] not in str(told.value) or len(pattern) < 6

    @pytest.mark.parametrize(
        "pattern", ["(a+)+$", "(4+)+$", "(.*)*(.*)*(.*)*x", "(a|aa)+$", "|".join(f"{number:03}" for number in range(125))]
    )
    def test_the_work_of_a_search_is_bounded(self, pattern: str) -> None:
        """Steps for a character are at most the instructions of the pattern; and memory has its limit."""
        expression = filtering.compiled(pattern)
        assert expression.programsize < 2 * LONGEST_PATTERN
        assert expression.programsize * 8 < MOST_PATTERN_BYTES

    def test_a_large_pattern_is_not_run_over_many_recipients(self) -> None:
        pattern = "[^a]{400}"
        size = filtering.compiled(pattern).programsize
        most = MOST_FILTER_STEPS // size
        many = {f"+49{number:011}": "" for number in range(most + 1)}
        with pytest.raises(InvalidField):
            filtering.kept("white", pattern, many)
        assert filtering.kept("white", "^49", many) == list(many)

    @on_sqlite
    @pytest.mark.parametrize(
        ("query", "is_sent"),
        [
            ("list=white&regex=%5E49170", True),
            ("list=+WHITE+&regex=%5E49170", True),
            ("list=white&regex=%5E33", False),
            ("list=black&regex=%5E33", True),
            ("regex=%5E33", True),
            ("list=grey&regex=%5E33", True),
            ("list=grey", True),
            ("list=&regex=(", True),
        ],
    )
    def test_on_the_wire(self, owner: Program, gateway: Gateway, query: str, is_sent: bool) -> None:
        answer = owner.raw("GET", f"{API}?{owner.written()}&{query}")
        if is_sent:
            accepted(answer)
        else:
            refused(answer, 400, SEE_LOGS)
        assert len(messages(gateway)) == int(is_sent)

    @on_sqlite
    @pytest.mark.parametrize("query", ["list=white", "list=black&regex=", "list=WHITE"])
    def test_a_list_without_a_pattern(self, owner: Program, query: str) -> None:
        refused(owner.raw("GET", f"{API}?{owner.written()}&{query}"), 400, "Error: Parameter miss")

    @on_sqlite
    def test_hostile_on_the_wire(self, owner: Program, gateway: Gateway) -> None:
        for pattern in (*self.HOSTILE, "\x00", "x" * 1_000_000, "a|" * 500_000):
            refused(owner.post(list="black", regex=pattern), 400, SEE_LOGS)
        assert messages(gateway) == []

    @on_sqlite
    def test_a_pattern_in_windows_1252_and_one_that_is_none(self, owner: Program) -> None:
        accepted(owner.raw("GET", f"{API}?{owner.written()}&list=black&regex=%FC"))
        accepted(owner.raw("GET", f"{API}?{owner.written()}&list=black&regex={quote('(a+)+$')}"))
