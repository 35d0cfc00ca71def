"""A message's states and the one table of moves between them.

scheduled     accepted, waits for the hour the customer asked for
queued        waits for a connector, at first or for another attempt
sending       an attempt has started and has no outcome yet
sent          the carrier took it; a receipt may follow
delivered     the handset has it                                                  (final)
undelivered   the carrier gave it up                                              (final)
expired       its validity ended before it was delivered                          (final)
unknown       an attempt ended without saying whether the carrier took it
failed        we gave it up: refused by the carrier, or attempts used up          (final)
cancelled     withdrawn by the customer before it was sent                        (final)
blocked       not sent on purpose: opted out, forbidden content, account closed   (final)
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType


class State(enum.StrEnum):
    """Where a message stands; the module's docstring has a line for each."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    FAILED = "failed"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"


_NOWHERE: frozenset[State] = frozenset()

#: From each state, the states it may become. Staying is not a move.
MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.SCHEDULED: frozenset({State.QUEUED, State.SENDING, State.CANCELLED, State.EXPIRED, State.BLOCKED}),
        State.QUEUED: frozenset({State.SENDING, State.CANCELLED, State.EXPIRED, State.BLOCKED, State.FAILED}),
        # A receipt may overtake the carrier's answer to the submission, hence the receipt states.
        State.SENDING: frozenset(
            {State.SENT, State.QUEUED, State.FAILED, State.UNKNOWN, State.DELIVERED, State.UNDELIVERED, State.EXPIRED}
        ),
        State.SENT: frozenset({State.DELIVERED, State.UNDELIVERED, State.EXPIRED}),
        # Back to queued only where the connector's policy or an operator says so: the handset may already have rung.
        State.UNKNOWN: frozenset({State.SENT, State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.FAILED, State.QUEUED}),
        State.DELIVERED: _NOWHERE,
        State.UNDELIVERED: _NOWHERE,
        State.EXPIRED: _NOWHERE,
        State.FAILED: _NOWHERE,
        State.CANCELLED: _NOWHERE,
        State.BLOCKED: _NOWHERE,
    }
)

#: States that nothing changes any more.
FINAL: frozenset[State] = frozenset(state for state, targets in MOVES.items() if not targets)

#: States in which no attempt is under way and the customer may still withdraw the message.
WAITING: frozenset[State] = frozenset({State.SCHEDULED, State.QUEUED})


def may_move(current: State, target: State) -> bool:
    """Whether ``current`` may become ``target``."""
    return target in MOVES[current]


def is_final(state: State) -> bool:
    """Whether the state never changes again."""
    return state in FINAL
