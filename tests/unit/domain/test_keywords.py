"""One word says that no more is wanted, or that it is; anything more is a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.keywords import WORDS, Keyword, keyword_of


@pytest.mark.parametrize("keyword", Keyword)
def test_every_word_is_known_however_it_is_written(keyword):
    for word in WORDS[keyword]:
        for written in (word, word.upper(), f"  {word.title()}\n", f'"{word}!"', f"\u00a1{word}.", word.replace(" ", "  ")):
            assert keyword_of(written) is keyword, written


def test_no_word_means_two_things():
    words = [word for each in WORDS.values() for word in each]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("text", "keyword"),
    [("ARRÊT", Keyword.STOP), ("arre\u0302ter", Keyword.STOP), ("Désabonner", Keyword.STOP), ("\ufeffSTOP\u200b", Keyword.STOP),
     ("ＳＴＯＰ", Keyword.STOP), ("Début", Keyword.START), ("help?", Keyword.HELP)],
)  # fmt: skip
def test_accents_and_marks(text, keyword):
    assert keyword_of(text) is keyword


@pytest.mark.parametrize(
    "text",
    ["", " ", "stop it", "please stop", "stopping", "yes", "no", "fine", "st op", "end of the day", "stop " * 20, "\0", "\ud800", "?!"],
)
def test_what_is_no_keyword(text):
    assert keyword_of(text) is None


@given(st.text())
def test_any_text_is_read_without_fault(text):
    assert keyword_of(text) in (None, *Keyword)
