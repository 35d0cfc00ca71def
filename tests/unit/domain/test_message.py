"""The state machine of a message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import message
from gateway.domain.message import FINAL, MOVES, WAITING, State


def test_every_state_has_a_row_and_a_line():
    assert set(MOVES) == set(State)
    assert all(f"\n{state} " in message.__doc__ for state in State)


def test_final_states():
    assert {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.FAILED, State.CANCELLED, State.BLOCKED} == FINAL
    assert all(message.is_final(state) == (not MOVES[state]) for state in State)
    assert not WAITING & FINAL


def test_every_state_is_reachable_and_every_other_can_end():
    reached, frontier = set(WAITING), set(WAITING)
    while frontier:
        frontier = {target for state in frontier for target in MOVES[state]} - reached
        reached |= frontier
    assert reached == set(State)
    assert all(MOVES[state] & FINAL for state in set(State) - FINAL)


def test_no_state_moves_to_itself():
    assert not any(message.may_move(state, state) for state in State)


@given(st.sampled_from(State), st.lists(st.sampled_from(State), max_size=50))
def test_random_walks_never_leave_a_final_state(start, wishes):
    state = start
    ended = None
    for wish in wishes:
        if message.may_move(state, wish):
            state = wish
        if ended is not None:
            assert state is ended
        if message.is_final(state):
            ended = state
