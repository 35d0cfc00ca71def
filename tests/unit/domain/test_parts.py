"""Parts: the hard cases as a table, and the properties every text must keep."""

from __future__ import annotations

import itertools
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import parts
from gateway.domain.alphabet import DEFAULT_TABLE, EXTENSION_TABLE, Alphabet, length_septets, length_utf16_units
from gateway.domain.errors import EmptyText, InvalidField, UnencodableText
from gateway.domain.parts import TextPolicy

GSM7, UCS2 = Alphabet.GSM7, Alphabet.UCS2
FACE = "\U0001f600"

# text, alphabet, length, lengths of the parts in characters
HARD_CASES = [
    ("a", GSM7, 1, [1]),
    ("a" * 160, GSM7, 160, [160]),
    ("a" * 161, GSM7, 161, [153, 8]),
    ("a" * 306, GSM7, 306, [153, 153]),
    ("a" * 307, GSM7, 307, [153, 153, 1]),
    ("è" * 160, GSM7, 160, [160]),
    ("a" * 158 + "€", GSM7, 160, [159]),
    ("a" * 159 + "€", GSM7, 161, [153, 7]),
    ("a" * 152 + "€" + "a" * 152, GSM7, 306, [152, 152, 1]),
    ("a" * 151 + "€" + "a" * 153, GSM7, 306, [152, 153]),
    ("€" * 80, GSM7, 160, [80]),
    ("€" * 81, GSM7, 162, [76, 5]),
    ("€" * 153, GSM7, 306, [76, 76, 1]),
    ("ł", UCS2, 1, [1]),
    ("ł" * 70, UCS2, 70, [70]),
    ("ł" * 71, UCS2, 71, [67, 4]),
    ("ł" * 134, UCS2, 134, [67, 67]),
    ("ł" * 135, UCS2, 135, [67, 67, 1]),
    (FACE * 35, UCS2, 70, [35]),
    (FACE * 36, UCS2, 72, [33, 3]),
    ("a" * 66 + FACE + "a" * 66, UCS2, 134, [66, 66, 1]),
    ("a" * 65 + FACE + "a" * 67, UCS2, 134, [66, 67]),
    ("€" * 69 + "ł", UCS2, 70, [70]),
]


@pytest.mark.parametrize(("text", "alphabet", "length", "pieces"), HARD_CASES)
def test_hard_cases(text, alphabet, length, pieces):
    encoded = parts.encode(text)
    assert (encoded.text, encoded.alphabet, encoded.length, encoded.parts) == (text, alphabet, length, len(pieces))
    assert [len(piece) for piece in parts.split(text, alphabet)] == pieces
    assert parts.count(text, alphabet) == len(pieces)


@pytest.mark.parametrize(
    ("text", "policy", "sent", "alphabet", "offender"),
    [
        ("ab\u2019", TextPolicy.UCS2, "ab\u2019", UCS2, ("\u2019", 2)),
        ("ab\u2019", TextPolicy.TRANSLITERATE, "ab'", GSM7, (None, None)),
        ("\u2026\u2019ł", TextPolicy.TRANSLITERATE, "\u2026\u2019ł", UCS2, ("ł", 2)),
        ("ab", TextPolicy.REFUSE, "ab", GSM7, (None, None)),
        (FACE, TextPolicy.UCS2, FACE, UCS2, (FACE, 0)),
    ],
)
def test_policies(text, policy, sent, alphabet, offender):
    encoded = parts.encode(text, policy)
    assert (encoded.text, encoded.alphabet, (encoded.offender, encoded.offender_index)) == (sent, alphabet, offender)


def test_refuse_names_the_character():
    with pytest.raises(UnencodableText) as caught:
        parts.encode("caf\u00e9 \u2019", TextPolicy.REFUSE)
    assert (caught.value.character, caught.value.index) == ("\u2019", 5)


@pytest.mark.parametrize("policy", TextPolicy)
def test_forced_ucs2_overrides_the_policy(policy):
    assert parts.encode("a\u2019", policy, force_ucs2=True) == parts.Encoded("a\u2019", UCS2, 2, 1, None, None)
    assert parts.encode("a" * 71, policy, force_ucs2=True).parts == 2


@pytest.mark.parametrize("policy", TextPolicy)
@pytest.mark.parametrize("force", [False, True])
def test_what_is_never_sent(policy, force):
    with pytest.raises(EmptyText):
        parts.encode("", policy, force)
    for text in ("a\0", "\0", "ł\0", "a\ud83d", "\ude00", "\ude00\ud83d"):
        with pytest.raises(InvalidField) as caught:
            parts.encode(text, policy, force)
        assert caught.value.field == "message"
        for alphabet in Alphabet:
            for function in (parts.split, parts.count):
                with pytest.raises((InvalidField, UnencodableText)):
                    function(text, alphabet)


def test_only_invisible_characters_are_nothing():
    with pytest.raises(EmptyText):
        parts.encode("\u200b\ufeff", TextPolicy.TRANSLITERATE)


def test_cut_of_single_and_several():
    assert parts.cut("a" * 200, GSM7, 1) == "a" * 160
    assert parts.cut("a" * 159 + "€", GSM7, 1) == "a" * 159
    assert parts.cut("a" * 400, GSM7, 2) == "a" * 306
    assert parts.cut(FACE * 36, UCS2, 1) == FACE * 35
    assert parts.cut("", GSM7, 1) == ""
    with pytest.raises(ValueError, match="max_parts"):
        parts.cut("a", GSM7, 0)


LENGTH = {GSM7: length_septets, UCS2: length_utf16_units}
gsm7_texts = st.lists(
    st.tuples(st.sampled_from(DEFAULT_TABLE.replace("\x1b", "") + "".join(EXTENSION_TABLE.values()) * 8), st.integers(1, 170)), max_size=8
).map(lambda runs: "".join(character * times for character, times in runs))
any_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
ucs2_texts = st.lists(st.tuples(any_characters | st.sampled_from("ał" + FACE), st.integers(1, 80)), max_size=8).map(
    lambda runs: "".join(character * times for character, times in runs)
)
cases = st.tuples(gsm7_texts, st.just(GSM7)) | st.tuples(gsm7_texts | ucs2_texts, st.just(UCS2))


@given(cases)
def test_parts_make_the_text_and_each_fits(case):
    text, alphabet = case
    pieces = parts.split(text, alphabet)
    assert "".join(pieces) == text
    assert parts.count(text, alphabet) == len(pieces)
    assert all(pieces)
    limit = parts.SINGLE_LIMIT[alphabet] if len(pieces) == 1 else parts.PART_LIMIT[alphabet]
    assert all(LENGTH[alphabet](piece) <= limit for piece in pieces)
    if len(pieces) > 1:  # no part could take the next character, and one part would not do
        assert LENGTH[alphabet](text) > parts.SINGLE_LIMIT[alphabet]
        assert all(LENGTH[alphabet](one + other[0]) > limit for one, other in itertools.pairwise(pieces))


@given(cases)
def test_no_part_ends_in_half_a_pair(case):
    text, alphabet = case
    for piece in parts.split(text, alphabet):
        assert not any(0xD800 <= ord(character) <= 0xDFFF for character in piece)


@given(ucs2_texts | gsm7_texts, st.sampled_from(TextPolicy), st.booleans())
def test_encode_agrees_with_split(text, policy, force):
    try:
        encoded = parts.encode(text, policy, force)
    except (EmptyText, UnencodableText):
        return
    assert encoded.parts == len(parts.split(encoded.text, encoded.alphabet))
    assert encoded.length == LENGTH[encoded.alphabet](encoded.text)
    if encoded.offender is not None and encoded.offender_index is not None:
        assert encoded.text[encoded.offender_index] == encoded.offender


@given(cases, st.integers(1, 6))
def test_cut_is_the_longest_beginning_that_fits(case, max_parts):
    text, alphabet = case
    beginning = parts.cut(text, alphabet, max_parts)
    assert text.startswith(beginning)
    assert parts.count(beginning, alphabet) <= max_parts
    if beginning != text:
        assert parts.count(text[: len(beginning) + 1], alphabet) > max_parts


def test_names_read_from_storage_do_as_well():
    assert parts.split("a" * 161, cast(Alphabet, "gsm7")) == parts.split("a" * 161, GSM7)
    assert parts.encode("\u2019", cast(TextPolicy, "transliterate")).text == "'"
