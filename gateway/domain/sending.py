"""What goes out through a connector and what comes back: the words that dispatcher, services and connectors share.

A message handed over ends in exactly one outcome: taken by the carrier, failed in one of five ways, or given back unsent.
Receipts are another matter; they live in :mod:`gateway.domain.receipt`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from gateway.domain.alphabet import Alphabet
from gateway.domain.inbound import Inbound, Registered
from gateway.domain.message import State, is_final
from gateway.domain.receipt import Receipt

MAX_SMSC_MESSAGE_ID = 64  # characters
MAX_CARRIER_CODE = 64
MAX_DETAIL = 200


class AttemptKey(NamedTuple):
    """One try of one message. ``number`` counts the claims of the message from 1, so that a late answer finds its own try."""

    account_id: int
    order_id: UUID
    position: int
    number: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for the carrier. Text and number stay out of ``repr``, hence out of logs.

    ``recipient`` is E.164 with plus, ``text`` is whole (the connector cuts it into ``parts``), ``originator`` None leaves the
    sender to the carrier, ``expires_at`` is when the carrier should stop trying. ``is_flash`` asks for a message that is shown at once
    and not kept (class 0). ``is_encrypted``: the text is cipher text for the handset's own program. ``address`` is where the recipient
    registered with the connector (a chat), for connectors that have such places; None: nowhere.
    """

    key: AttemptKey
    recipient: str = field(repr=False)
    text: str = field(repr=False)
    alphabet: Alphabet
    parts: int
    originator: str | None
    wants_receipt: bool
    expires_at: datetime | None = None
    is_flash: bool = False
    is_encrypted: bool = False
    address: str | None = field(default=None, repr=False)


class FailureKind(enum.StrEnum):
    """Why the carrier did not take a message, or why we cannot say. The set is closed.

    final          this message will never be taken: wrong number, forbidden sender. It fails
    retry_later    not now: it is tried again, each time later, until its attempts are used up
    throttled      too fast: the connector pauses and the attempt does not count
    misconfigured  our fault, not the message's (wrong password, no contract): loud log, pause, the attempt does not count
    unknown        it may or may not have been taken: never sent again blindly, the connector's policy decides
    """

    FINAL = "final"
    RETRY_LATER = "retry_later"
    THROTTLED = "throttled"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended. Made by :meth:`accepted` or :meth:`failed`.

    ``carrier_code`` and ``detail`` are the carrier's own; a connector keeps secrets and message texts out of them.
    """

    key: AttemptKey
    smsc_message_id: str | None = None
    failure: FailureKind | None = None
    carrier_code: str = ""
    detail: str = ""
    retry_after_seconds: float | None = None

    @classmethod
    def accepted(cls, key: AttemptKey, smsc_message_id: str, carrier_code: str = "") -> Outcome:
        """The carrier took the message and named it."""
        return cls(key, smsc_message_id=smsc_message_id, carrier_code=carrier_code)

    @classmethod
    def failed(
        cls, key: AttemptKey, kind: FailureKind, carrier_code: str = "", detail: str = "", retry_after_seconds: float | None = None
    ) -> Outcome:
        """The carrier did not take the message, or did not say."""
        return cls(key, None, kind, carrier_code, detail, retry_after_seconds)


@dataclass(frozen=True, slots=True)
class Returned:
    """The message was never handed over: it waits again as if it had not been claimed, not before ``due_at`` where that is given.

    ``detail`` says why, in words for the operator.
    """

    key: AttemptKey
    due_at: datetime | None = None
    detail: str = ""


Event = Outcome | Returned | Receipt | Inbound | Registered


class UnknownPolicy(enum.StrEnum):
    """What becomes of a message whose try ended without an answer: left for a person, or sent again (it may then come twice)."""

    HOLD = "hold"
    RESEND = "resend"


class RefundPolicy(enum.StrEnum):
    """Which messages are paid back: none; those no carrier ever took; all that did not end delivered."""

    NONE = "none"
    UNSENT = "unsent"
    UNDELIVERED = "undelivered"


def refundable(policy: RefundPolicy, state: State, was_sent: bool) -> bool:
    """Whether a message that ended in ``state`` is paid back. ``was_sent``: a carrier took it once."""
    if policy is RefundPolicy.NONE or not is_final(state) or state is State.DELIVERED:
        return False
    return policy is RefundPolicy.UNDELIVERED or not was_sent
