"""How a batch is divided."""

from __future__ import annotations

import pytest

from gateway.dispatcher.lanes import shares


@pytest.mark.parametrize(
    ("waiting", "most", "given"),
    [
        ({1: 500, 2: 500, 3: 500}, 100, {1: 60, 2: 30, 3: 10}),
        ({1: 500, 2: 0, 3: 500}, 100, {1: 90, 2: 0, 3: 10}),
        ({1: 5, 2: 500, 3: 0}, 100, {1: 5, 2: 95, 3: 0}),
        ({1: 0, 2: 0, 3: 500}, 100, {1: 0, 2: 0, 3: 100}),
        ({1: 3, 2: 2, 3: 1}, 100, {1: 3, 2: 2, 3: 1}),
        ({1: 50, 2: 50, 3: 50}, 5, {1: 3, 2: 1, 3: 1}),
        ({1: 50, 2: 50, 3: 50}, 3, {1: 1, 2: 1, 3: 1}),
        ({1: 50, 2: 50, 3: 50}, 1, {1: 1, 2: 0, 3: 0}),
        ({}, 100, {1: 0, 2: 0, 3: 0}),
    ],
)
def test_shares(waiting, most, given):
    assert shares(waiting, most) == given


@pytest.mark.parametrize("most", range(60))
def test_never_more_than_asked_for_or_there(most):
    given = shares({1: 20, 2: 7, 3: 40}, most)
    assert sum(given.values()) == most
    assert given[1] <= 20 and given[2] <= 7
