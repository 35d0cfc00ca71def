"""smSend's word for each state of a message: told in answers by the dialect, and in calls to programs by the callbacks.

It stands here because neither room may import the other. Source: contract smsend 3.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.domain.message import State

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


def word(state: State, wants_receipt: bool) -> str:
    """The word for a state; a message that asked for no receipt ends with being sent."""
    return SENT_WITHOUT_RECEIPT if state is State.SENT and not wants_receipt else STATES[state]
