"""When to try again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.retry import RetryPolicy, delay_seconds

POLICY = RetryPolicy()


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 15), (2, 30), (3, 60), (4, 120), (5, 240), (6, 480), (7, 960), (8, None), (9, None), (10**9, None)]
)
def test_default_policy(attempt, seconds):
    assert delay_seconds(POLICY, attempt, 0.0) == seconds


def test_ceiling_still_spreads():
    policy = RetryPolicy(base_seconds=10, max_seconds=60, max_attempts=10**6)
    assert delay_seconds(policy, 999_999, 0.0) == 60
    assert delay_seconds(policy, 999_999, 0.5) == pytest.approx(66)


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.0), (-1, 0.0), (1, 1.0), (1, -0.1), (1, float("nan"))])
def test_caller_faults(attempt, jitter):
    with pytest.raises(ValueError):
        delay_seconds(POLICY, attempt, jitter)


@pytest.mark.parametrize("numbers", [(0, 1, 1), (5, 4, 1), (1, 1, 0)])
def test_impossible_policies(numbers):
    with pytest.raises(ValueError):
        RetryPolicy(*numbers)


@given(st.integers(1, 100), st.integers(0, 5000), st.integers(1, 200), st.integers(1, 250), st.floats(0, 1, exclude_max=True))
def test_bounds(base, extra, attempts, attempt, jitter):
    policy = RetryPolicy(base, base + extra, attempts)
    delay = delay_seconds(policy, attempt, jitter)
    if attempt >= attempts:
        assert delay is None
    else:
        earlier = delay_seconds(policy, max(attempt - 1, 1), 0.0)
        assert delay is not None and earlier is not None
        assert base <= delay <= policy.max_seconds * 1.2
        assert delay >= earlier
