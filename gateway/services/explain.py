"""Why a text costs what it costs, before anybody sends it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from gateway.domain.alphabet import Alphabet, gsm7_length, transliterate
from gateway.domain.order import Submission
from gateway.domain.parts import Encoded, TextPolicy, encode
from gateway.domain.tariff import MessageType
from gateway.services.core import Gateway
from gateway.services.ordering import current_offer


@dataclass(frozen=True, slots=True)
class Offender:
    """A character outside GSM-7. ``index`` counts code points from 0; ``instead`` is its look-alike, None where there is none."""

    index: int
    character: str
    name: str
    instead: str | None

    @property
    def code_point(self) -> str:
        """As the standard writes it."""
        return f"U+{ord(self.character):04X}"


@dataclass(frozen=True, slots=True)
class Price:
    """What one recipient costs, in units. ``units_per_part`` None: the message type is not sold there."""

    message_type: MessageType
    recipient: str | None
    units_per_part: int | None
    parts: int

    @property
    def units(self) -> int | None:
        """For all parts."""
        return None if self.units_per_part is None else self.units_per_part * self.parts


@dataclass(frozen=True, slots=True)
class Explanation:
    """A text as it stands, its characters that force UCS-2, what transliteration would make of it, and the price."""

    encoded: Encoded
    offenders: tuple[Offender, ...]
    transliterated: Encoded | None
    price: Price


def explain(gateway: Gateway, text: str, message_type: MessageType, recipient: str | None = None) -> Explanation:
    """What the text costs and which characters are to blame.

    Raises:
        EmptyText, InvalidField: the text cannot be sent at all.
        DestinationNotServed: no tariff covers the recipient.
    """
    encoded = encode(text)
    prices = current_offer(gateway).prices
    per_part = prices.default(message_type) if recipient is None else prices.units_per_part(message_type, recipient)
    return Explanation(
        encoded=encoded,
        offenders=offenders(text),
        transliterated=None if encoded.alphabet is Alphabet.GSM7 else _transliterated(text),
        price=Price(message_type, recipient, per_part, encoded.parts),
    )


def quote(gateway: Gateway, submission: Submission, policy: TextPolicy) -> tuple[Encoded, int]:
    """How the submission's text would travel and what the whole would cost in units, without taking anything.

    Raises:
        InvalidInput: as :func:`gateway.services.ordering.submit`, but for limits of number and date.
    """
    encoded = encode(submission.text, policy, submission.force_ucs2)
    prices = current_offer(gateway).prices
    per_part = sum(prices.units_per_part(submission.message_type, recipient) for recipient in submission.recipients)
    return encoded, per_part * encoded.parts


def offenders(text: str) -> tuple[Offender, ...]:
    """Every character outside GSM-7, in its order."""
    return tuple(_offender(index, character) for index, character in enumerate(text) if gsm7_length(character) is None)


def _offender(index: int, character: str) -> Offender:
    instead = transliterate(character)
    return Offender(index, character, unicodedata.name(character, "without a name"), instead if gsm7_length(instead) is not None else None)


def _transliterated(text: str) -> Encoded | None:
    """The text under the policy "transliterate"; None where that would leave nothing."""
    return encode(transliterate(text)) if transliterate(text) else None
