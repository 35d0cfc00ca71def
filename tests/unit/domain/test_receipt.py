"""Receipts: early, twice, out of order."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import message, receipt
from gateway.domain.message import State
from gateway.domain.receipt import RECEIPT_STATES, Receipt, merge

NOW = datetime(2026, 11, 21, tzinfo=UTC)
reports = st.sampled_from(sorted(RECEIPT_STATES))
ENDS = sorted(RECEIPT_STATES - {State.SENT})


def after(current, words):
    for word in words:
        current = merge(current, word) or current
    return current


@pytest.mark.parametrize(
    ("current", "word", "new"),
    [
        (State.SENDING, State.DELIVERED, State.DELIVERED),
        (State.SENDING, State.SENT, State.SENT),
        (State.SENT, State.SENT, None),
        (State.SENT, State.UNDELIVERED, State.UNDELIVERED),
        (State.UNKNOWN, State.SENT, State.SENT),
        (State.UNKNOWN, State.DELIVERED, State.DELIVERED),
        (State.DELIVERED, State.SENT, None),
        (State.DELIVERED, State.UNDELIVERED, None),
        (State.EXPIRED, State.DELIVERED, None),
        (State.FAILED, State.DELIVERED, None),
        (State.QUEUED, State.DELIVERED, None),
        (State.QUEUED, State.EXPIRED, None),
        (State.SCHEDULED, State.EXPIRED, None),
    ],
)
def test_merge(current, word, new):
    assert merge(current, word) is new


@given(st.sampled_from(State), reports)
def test_a_change_is_a_legal_move_and_a_repeat_changes_nothing(current, word):
    new = merge(current, word)
    if new is not None:
        assert message.may_move(current, new)
        assert merge(new, word) is None


@given(st.sampled_from([State.SENDING, State.SENT, State.UNKNOWN]), st.sampled_from(ENDS), st.data())
def test_order_and_repeats_do_not_matter_with_one_end(current, end, data):
    words = data.draw(st.permutations([end] * data.draw(st.integers(1, 3)) + [State.SENT] * data.draw(st.integers(0, 3))))
    assert after(current, words) is end


@given(st.sampled_from([State.SENDING, State.SENT, State.UNKNOWN]), st.lists(reports))
def test_the_first_end_stands(current, words):
    first = next((word for word in words if word is not State.SENT), None)
    if first is not None:
        assert after(current, words) is first


@pytest.mark.parametrize("state", sorted(set(State) - RECEIPT_STATES))
def test_what_a_receipt_cannot_say(state):
    with pytest.raises(ValueError, match="cannot say"):
        Receipt("x", state, NOW)
    with pytest.raises(ValueError, match="cannot say"):
        merge(State.SENT, state)


def test_receipt_needs_an_aware_time():
    assert Receipt("x", State.SENT, NOW).carrier_code == ""
    with pytest.raises(ValueError, match="aware"):
        receipt.Receipt("x", State.SENT, NOW.replace(tzinfo=None))
