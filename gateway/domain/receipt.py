"""Carriers' delivery receipts, and what one does to a message.

Receipts come early, twice, out of order or never; the first final word stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.domain.message import WAITING, State, may_move

#: What a receipt can say: still under way, or one of three ends.
RECEIPT_STATES: frozenset[State] = frozenset({State.SENT, State.DELIVERED, State.UNDELIVERED, State.EXPIRED})


@dataclass(frozen=True, slots=True)
class Receipt:
    """One report about one message.

    ``smsc_message_id`` is the carrier's id, ``at`` the carrier's time of the event (aware), ``carrier_code`` its own
    code as it came. ``recipient`` (E.164) is whom the message went to, where the receipt says so: it proves that an id written in
    another form is the same. Raises ValueError for another state or a naive time.
    """

    smsc_message_id: str
    state: State
    at: datetime
    carrier_code: str = ""
    recipient: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.state not in RECEIPT_STATES:
            raise ValueError(f"a receipt cannot say {self.state}")
        if self.at.utcoffset() is None:
            raise ValueError("a receipt's time must be aware")


def merge(current: State, receipt_state: State) -> State | None:
    """The message's new state, or None when the receipt changes nothing.

    Nothing changes for a repeat, for "under way" after an end, for a second end, and for a message that waits: a receipt
    of an earlier attempt does not call off the next one. A state outside ``RECEIPT_STATES`` raises ValueError.
    """
    if receipt_state not in RECEIPT_STATES:
        raise ValueError(f"a receipt cannot say {receipt_state}")
    # "Expired" is also a move of the gateway's own for waiting messages; a carrier cannot expire what it does not have.
    if current in WAITING or not may_move(current, receipt_state):
        return None
    return receipt_state
