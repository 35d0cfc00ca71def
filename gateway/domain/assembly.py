"""Texts from carriers and handsets: what cannot be stored made visible, and long messages put together from their parts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from gateway.domain.inbound import PartOf

MOST_PARTS = 255
"""Source: 3GPP TS 23.040, 9.2.3.24.1: an octet says how many."""
REPLACEMENT = "\ufffd"
_number = re.compile(r"\+?[0-9]{3,16}", re.ASCII).fullmatch
_msisdn = re.compile(r"\+[1-9][0-9]{5,14}", re.ASCII).fullmatch


def cleaned(text: str) -> str:
    """The text as both databases take it: halves of one surrogate pair joined, lone ones and U+0000 shown as U+FFFD."""
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\0", REPLACEMENT)


def cut(text: str, most: int) -> str:
    """The text of at most so many characters, cleaned; one that was longer ends with an ellipsis."""
    text = cleaned(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def moment(at: datetime, now: datetime) -> datetime:
    """The sender's time in UTC; ``now`` where the clock of no calendar shows it there."""
    try:
        return at.astimezone(UTC)
    except (OverflowError, ValueError):
        return now


def is_number(party: str) -> bool:
    """Whether a sender is a telephone number or a short code, and so one that could be written to."""
    return _number(party) is not None


def is_msisdn(party: str) -> bool:
    """Whether a sender is an E.164 number with its plus."""
    return _msisdn(party) is not None


def part_of(part: PartOf | None) -> PartOf | None:
    """The part's place, None where it makes no sense or says that the message is whole."""
    if part is None or not 2 <= part.total <= MOST_PARTS or not 1 <= part.position <= part.total:
        return None
    return part._replace(reference=part.reference & 0xFFFF)


def kept(text: str) -> str:
    """A part's text as it is kept until the others come: a JSON string, since it may end in the middle of a surrogate pair."""
    return json.dumps(text)


def whole(parts: Mapping[int, str], total: int) -> str:
    """The message of these parts, by position from 1, each as :func:`kept` gave it; a part that is missing is told in its place."""
    texts = [json.loads(parts[place]) if place in parts else f"[part {place} of {total} is missing]" for place in range(1, total + 1)]
    return cleaned("".join(texts))
