"""The score of a connector."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.health import FIRST_RECEIPTS, HALF_LIFE_SECONDS, Health
from gateway.domain.sending import FailureKind


def after(*outcomes: FailureKind | None) -> Health:
    health = Health(0.0)
    for outcome in outcomes:
        health.outcome(outcome, 0.0)
    return health


def test_one_failure_is_not_the_end_and_many_are():
    assert Health(0.0).score(0.0) == 100
    assert after(FailureKind.RETRY_LATER).score(0.0) == 83
    assert after(*[FailureKind.RETRY_LATER] * 45).score(0.0) == 10


@pytest.mark.parametrize(
    ("kind", "score"),
    [
        (None, 100),
        (FailureKind.FINAL, 100),
        (FailureKind.THROTTLED, 85),
        (FailureKind.UNKNOWN, 50),
        (FailureKind.MISCONFIGURED, 50),
        (FailureKind.RETRY_LATER, 50),
    ],
)
def test_what_counts_against_a_connector(kind, score):
    assert after(*[kind] * 5).score(0.0) == score


def test_a_number_that_is_refused_for_good_says_nothing():
    assert after(FailureKind.RETRY_LATER, *[FailureKind.FINAL] * 1000).score(0.0) == after(FailureKind.RETRY_LATER).score(0.0)


def test_time_and_work_earn_it_back():
    health = after(*[FailureKind.RETRY_LATER] * 45)
    waited = [health.score(HALF_LIFE_SECONDS * number) for number in range(12)]
    assert waited == sorted(waited)
    assert waited[-1] == 100
    health = after(*[FailureKind.RETRY_LATER] * 45)
    for _ in range(450):
        health.outcome(None, 1.0)
    assert health.score(1.0) == 91


def with_receipts(*delays: float) -> Health:
    health = Health(0.0)
    for delay in delays:
        health.receipt(delay, 0.0)
    return health


def test_receipts_that_grow_slow_cost_and_come_back():
    assert with_receipts(*[3.0] * 100).score(0.0) == 100
    slow = with_receipts(*[3.0] * 100, *[60.0] * 20)
    assert slow.score(0.0) < 50
    assert slow.score(HALF_LIFE_SECONDS * 10) == 100
    for _ in range(60):
        slow.receipt(3.0, 0.0)
    assert slow.score(0.0) == 100


def test_a_carrier_that_was_always_slow_is_not_slow():
    assert with_receipts(*[600.0] * 200).score(0.0) == 100
    assert with_receipts(*[0.1] * 100, *[8.0] * 50).score(0.0) == 100, "a few seconds more are borne with"


def test_the_first_receipts_prove_nothing():
    assert with_receipts(*[1.0] * (FIRST_RECEIPTS // 2 - 1), *[500.0] * (FIRST_RECEIPTS // 2)).score(0.0) == 100


@given(
    st.lists(
        st.tuples(st.sampled_from([None, *FailureKind]), st.floats(0, 1e6), st.floats(0, 1e5)),
        max_size=60,
    )
)
def test_a_score_is_always_a_score(events):
    health, now = Health(0.0), 0.0
    for outcome, delay, pause in events:
        now += pause
        health.outcome(outcome, now)
        health.receipt(delay, now)
        assert 0 <= health.score(now) <= 100
