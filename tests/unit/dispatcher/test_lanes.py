"""How a batch is divided."""

from __future__ import annotations

import pytest

from gateway.dispatcher.lanes import Turns, shares


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


ALL_WAIT = {1: 500, 2: 500, 3: 500}


@pytest.mark.parametrize("most", [1, 2, 3, 7, 9, 10, 100])
def test_no_lane_is_starved_however_small_the_batches(most):
    turns, given = Turns(), dict.fromkeys(ALL_WAIT, 0)
    for _ in range(1000 // most):
        for lane, share in turns(ALL_WAIT, most).items():
            given[lane] += share
    whole = 1000 // most * most
    assert [round(given[lane] / whole, 1) for lane in (1, 2, 3)] == [0.6, 0.3, 0.1]


def test_one_by_one_an_alarm_does_not_wait_for_what_others_missed():
    turns = Turns()
    for _ in range(100):
        assert turns({1: 0, 2: 5, 3: 5}, 1)[1] == 0
    assert turns({1: 5, 2: 0, 3: 0}, 1) == {1: 1, 2: 0, 3: 0}
    assert sum(turns(ALL_WAIT, 1)[1] for _ in range(10)) >= 5


@pytest.mark.parametrize("most", range(12))
def test_small_batches_are_never_more_than_asked_for_or_there(most):
    turns = Turns()
    for _ in range(20):
        given = turns({1: 1, 2: 0, 3: 3}, most)
        assert sum(given.values()) == min(most, 4)
        assert given[1] <= 1 and given[2] == 0
    assert sum(turns({}, most).values()) == 0
