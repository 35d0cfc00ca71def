"""smSend's word for each state of a message: told in answers by the dialect, and in calls to programs by the callbacks.

It stands here because neither room may import the other. Source: contract smsend 3.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.domain.message import State
from gateway.domain.velocity import TO_A_PREFIX, TO_ONE_NUMBER

STATES: Mapping[State, str] = MappingProxyType(
    {
        State.SCHEDULED: "SCHEDULED",
        State.QUEUED: "WAITING",
        State.SENDING: "WAITING",
        State.SENT: "WAIT4DLVR",  # SENT where no receipt was asked for
        State.DELIVERED: "DLVRD",
        State.UNDELIVERED: "KO",
        State.EXPIRED: "TIMEOUT",
        State.UNKNOWN: "WAIT4DLVR",  # it may have been sent: nothing final may be said
        State.FAILED: "ERROR",
        State.CANCELLED: "ERROR",  # no word of section 3.8 means "taken back"
        State.BLOCKED: "BLACKLISTED",
    }
)
SENT_WITHOUT_RECEIPT = "SENT"


TOO_MANY_TO_NUMBER, TOO_MANY_OF_USER = "TOOM4NUM", "TOOM4USER"


def word(state: State, wants_receipt: bool, failure: str | None = None) -> str:
    """The word for a state; a message that asked for no receipt ends with being sent, and a velocity cap has words of its own.

    Args:
        failure: why the message ended so, as it is stored.
    """
    if state is State.BLOCKED and failure and failure.startswith(TO_A_PREFIX):
        return TOO_MANY_TO_NUMBER if failure.startswith(TO_ONE_NUMBER) else TOO_MANY_OF_USER
    return SENT_WITHOUT_RECEIPT if state is State.SENT and not wants_receipt else STATES[state]
