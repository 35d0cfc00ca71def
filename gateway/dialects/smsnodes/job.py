"""From the fields of a send to one submission of the device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from gateway.config import Settings
from gateway.dialects.smsnodes import numbers
from gateway.dialects.smsnodes.schemas import number_text
from gateway.dialects.smsnodes.uncertain import (
    DEFAULT_PRIORITY,
    HIGHEST_PRIORITY,
    LANES,
    LOWEST_PRIORITY,
    MOST_PARTS,
    NAME,
    SEND,
)
from gateway.domain.errors import TextTooLong, TooManyRecipients
from gateway.domain.order import Submission
from gateway.domain.parts import TextPolicy, encode
from gateway.domain.tariff import MessageType
from gateway.services.rows import Caller

SURELY_SHORT = 1000
"""Characters of a text whose parts need not be counted twice."""


@dataclass(frozen=True, slots=True)
class Job:
    """The validated fields of a send, and the repeat key of its headers."""

    values: dict[str, Any]
    idempotency_key: str | None
    settings: Settings

    def submission(self, caller: Caller) -> Submission:
        """What this device asks to send; one bad number refuses it whole (contract 2.3).

        Raises:
            InvalidRecipient, TooManyRecipients, TextTooLong
        """
        recipients = self._recipients(caller.default_region)
        text = self.values["message"]
        check_length(text, TextPolicy(caller.text_policy))
        priority = self.values["priority"] or DEFAULT_PRIORITY
        return Submission(
            account_id=caller.account_id,
            user_id=caller.user_id,
            dialect=NAME,
            message_type=MessageType(self.settings.message_type),
            type_token=f"priority {priority}",
            text=text,
            recipients=recipients,
            originator=caller.default_originator,
            priority=lane(priority, self.settings.smsnodes_priority),
            idempotency_key=self.idempotency_key,
            fingerprint=_fingerprint(recipients, text, priority),
        )

    def _recipients(self, region: str) -> list[str]:
        given = self.values["phone_numbers"]
        if len(given) > self.settings.max_recipients:
            raise TooManyRecipients(len(given), self.settings.max_recipients)
        return list(dict.fromkeys(numbers.normalise(number_text(each), region) for each in given))


def lane(priority: int, order: str) -> int:
    """The dispatcher's lane of a priority from 1 to 5; ``order`` is ``5-first`` or ``1-first``."""
    urgency = priority if order == "5-first" else LOWEST_PRIORITY + HIGHEST_PRIORITY - priority
    return LANES[urgency]


def check_length(text: str, policy: TextPolicy) -> None:
    """Refuses a text of more parts than one message can have.

    Raises:
        TextTooLong
    """
    if len(text) <= SURELY_SHORT:
        return
    parts = encode(text, policy).parts
    if parts > MOST_PARTS:
        raise TextTooLong(parts, MOST_PARTS, "parts")


def _fingerprint(recipients: list[str], text: str, priority: int) -> bytes:
    """What tells this request from another under the same key; without the password, which may change between two tries."""
    return hashlib.sha256("\0".join((SEND, str(priority), text, *recipients)).encode()).digest()
