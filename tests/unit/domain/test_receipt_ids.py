"""Ids of receipts in every form, and which message they are believed to mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.receipt_ids import AS_GIVEN, FORMS, LONGEST, applied, candidates, choose

ANNA, BRUNO = "+393471234567", "+393470000000"


@pytest.mark.parametrize(
    ("at_submission", "in_receipt", "form"),
    [
        ("a1b2c3", "10597059", "decimal here, hexadecimal at submission"),
        ("A1B2C3", "10597059", "decimal here, HEXADECIMAL at submission"),
        ("00A1B2C3", "10597059", "decimal here, HEXADECIMAL of 8 places at submission"),
        ("10597059", "a1b2c3", "hexadecimal here, decimal at submission"),
        ("0010597059", "A1B2C3", "hexadecimal here, decimal of 10 places at submission"),
        ("abc-1", "ABC-1", "lower case"),
        ("ABC-1", "abc-1", "upper case"),
        ("12345", "0000012345", "without zeros in front"),
        ("0000012345", "12345", "zeros in front, 10 places"),
        ("whatever", "whatever", AS_GIVEN),
    ],
)
def test_a_recipient_proves_the_form(at_submission: str, in_receipt: str, form: str) -> None:
    assert choose(in_receipt, ANNA, None, {at_submission: ANNA}) == (at_submission, form)
    assert applied(form, in_receipt) == at_submission


def test_another_message_of_that_number_is_not_believed() -> None:
    """16 in decimal is 10 in hexadecimal, and both are ids here."""
    known = {"16": BRUNO, "10": ANNA}
    assert choose("16", ANNA, None, known) == ("10", "decimal here, hexadecimal at submission")
    assert choose("16", BRUNO, None, known) == ("16", AS_GIVEN)


def test_what_was_learned_counts_without_a_recipient() -> None:
    learned = "decimal here, hexadecimal at submission"
    assert choose("16", "", learned, {"16": BRUNO, "10": ANNA}) == ("10", None)
    assert choose("16", "", learned, {}) == ("10", None)  # early: parked under the id that its message will have
    assert choose("16", "", learned, {"16": BRUNO}) == ("16", None)


def test_without_proof_an_id_means_what_it_says() -> None:
    assert choose("16", "", None, {"10": ANNA}) == ("16", None)
    assert choose("16", "+491701234567", None, {"16": ANNA}) == ("16", None)  # carriers write numbers oddly


def test_a_form_that_is_not_known_any_more_changes_nothing() -> None:
    assert applied("by pigeon", "16") == applied(None, "16") == "16"


def test_every_form_has_words_that_fit_their_column() -> None:
    assert max(map(len, FORMS)) <= LONGEST


@given(st.text(max_size=80))
def test_any_text_has_candidates_that_can_be_stored(name: str) -> None:
    assert all(0 < len(given) <= LONGEST for given in candidates(name).values())
    assert set(candidates(name)) <= set(FORMS)
    assert choose(name, "", None, {})[0] == name[:LONGEST]


@given(st.integers(0, 2**64 - 1))
def test_each_number_comes_back(number: int) -> None:
    assert f"{number:x}" in candidates(str(number)).values()
    assert str(number) in candidates(f"{number:X}").values()
