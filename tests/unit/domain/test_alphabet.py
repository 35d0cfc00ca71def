"""Alphabets: the tables, lengths, transliteration, and the way there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import alphabet
from gateway.domain.errors import UnencodableText

BASIC = alphabet.DEFAULT_TABLE.replace("\x1b", "")
EXTENDED = "".join(alphabet.EXTENSION_TABLE.values())
gsm7_texts = st.text(st.sampled_from(BASIC + EXTENDED))


def test_the_table_has_each_character_once():
    assert len(alphabet.DEFAULT_TABLE) == 128
    assert len(set(BASIC + EXTENDED)) == 127 + 10


@pytest.mark.parametrize(
    ("character", "septets"),
    [
        ("@", "00"), ("$", "02"), ("\n", "0a"), ("\r", "0d"), ("Δ", "10"), ("Ξ", "1a"), ("É", "1f"), (" ", "20"),
        ("¤", "24"), ("¡", "40"), ("A", "41"), ("§", "5f"), ("¿", "60"), ("a", "61"), ("à", "7f"), ("_", "11"),
        ("\f", "1b0a"), ("^", "1b14"), ("{", "1b28"), ("}", "1b29"), ("\\", "1b2f"), ("[", "1b3c"), ("~", "1b3d"),
        ("]", "1b3e"), ("|", "1b40"), ("€", "1b65"),
    ],
)  # fmt: skip
def test_septets_of_single_characters(character, septets):
    assert alphabet.encode_gsm7(character).hex() == septets
    assert alphabet.decode_gsm7(bytes.fromhex(septets)) == character


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ("", None),
        ("plain", None),
        ("è già {qui} €", None),
        ("façade", (2, "ç")),
        ("`", (0, "`")),
        ("a\tb", (1, "\t")),
        ("a\x00ç", (1, "\x00")),
        ("ç\x00", (0, "ç")),
        ("\x00", (0, "\x00")),
        ("\x1b", (0, "\x1b")),
        ("\x7f", (0, "\x7f")),
        ("\ufffe", (0, "\ufffe")),
        ("\U0001f600", (0, "\U0001f600")),
        ("a\ud800", (1, "\ud800")),
        ("@@\u2019", (2, "\u2019")),
    ],
)
def test_first_outside(text, outside):
    assert alphabet.first_outside_gsm7(text) == outside
    assert (alphabet.gsm7_length(text) is None) == (outside is not None)
    if outside:
        for refuse in (alphabet.length_septets, alphabet.encode_gsm7):
            with pytest.raises(UnencodableText) as caught:
                refuse(text)
            assert (caught.value.index, caught.value.character) == outside


@pytest.mark.parametrize(("text", "length"), [("", 0), ("@", 1), ("a@€", 4), ("{}", 4), ("àèì", 3), ("\f", 2), ("€" * 80, 160)])
def test_length_in_septets(text, length):
    assert alphabet.length_septets(text) == length


@pytest.mark.parametrize(("text", "units"), [("", 0), ("a", 1), ("ł", 1), ("\U0001f600", 2), ("\ud83d", 1)])
def test_length_in_utf16_units(text, units):
    assert alphabet.length_utf16_units(text) == units


@pytest.mark.parametrize(
    ("septets", "text"),
    [(b"\x1b", " "), (b"a\x1b", "a "), (b"\x1b\x1b", " "), (b"\x1ba", "a"), (b"\x1b\x00", "@"), (b"\x1b\x1b\x65", " e"), (b"", "")],
)
def test_decoding_what_no_encoder_writes(septets, text):
    assert alphabet.decode_gsm7(septets) == text


def test_a_byte_is_not_a_septet():
    with pytest.raises(ValueError, match="septet"):
        alphabet.decode_gsm7(b"\x80")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u2018a\u2019 \u201cb\u201d", "'a' \"b\""),
        ("1\u20132 \u2014 3\u2026", "1-2 - 3..."),
        ("a\u00a0b\u2009c\u202fd\te", "a b c d e"),
        ("\ufeffhello\u200b", "hello"),
        ("ça coûte 5\u00a0€", "Ça coute 5 €"),
        ("È così, perché no", "É così, perché no"),
        ("e\u0300 gia\u0300", "è già"),
        ("\u0391\u0398\u0397\u039d\u0391", "A\u0398HNA"),
        ("Łódź", "Łodź"),
        ("привет", "привет"),
        ("x\u0336 \u0301", "x\u0336 \u0301"),
        ("plain ^{}", "plain ^{}"),
    ],
)
def test_transliteration(text, expected):
    assert alphabet.transliterate(text) == expected


def test_every_replacement_is_gsm7_and_replaces_a_stranger():
    for code, replacement in alphabet.TRANSLITERATIONS.items():
        assert alphabet.first_outside_gsm7(replacement) is None
        assert alphabet.first_outside_gsm7(chr(code)) == (0, chr(code))


@pytest.mark.parametrize(
    ("text", "found"),
    [("\u201ca\u201d", None), ("\u2026\u2026ł", (2, "ł")), ("e\u0301\u2019 x\u0301", (5, "\u0301")), ("\u0301", (0, "\u0301"))],
)
def test_first_beyond_transliteration(text, found):
    assert alphabet.first_beyond_transliteration(text) == found


@given(gsm7_texts)
def test_round_trip(text):
    septets = alphabet.encode_gsm7(text)
    assert alphabet.decode_gsm7(septets) == text
    assert alphabet.length_septets(text) == len(septets)
    assert alphabet.transliterate(text) == text


@given(st.binary().map(lambda data: bytes(byte & 0x7F for byte in data)))
def test_any_septets_decode_to_gsm7(septets):
    assert alphabet.first_outside_gsm7(alphabet.decode_gsm7(septets)) is None


@given(st.text(st.characters() | st.sampled_from("aç\u2019\u0301\u0300€")))
def test_first_outside_agrees_with_the_table(text):
    inside = set(BASIC + EXTENDED)
    expected = next(((index, character) for index, character in enumerate(text) if character not in inside), None)
    assert alphabet.first_outside_gsm7(text) == expected
    changed = alphabet.transliterate(text)
    assert (alphabet.first_beyond_transliteration(text) is None) == (alphabet.first_outside_gsm7(changed) is None)
