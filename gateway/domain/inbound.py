"""What comes from handsets (MO): messages, missed calls, and where people want to be written to."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class InboundKind(enum.StrEnum):
    """What came in."""

    SMS = "sms"
    MMS = "mms"
    DATA = "data"
    CALL = "call"


class PartOf(NamedTuple):
    """Which part of a long message this is: the sender's ``reference`` (8 or 16 bits), how many there are, and which, from 1.

    Source: 3GPP TS 23.040, 9.2.3.24.1 and 9.2.3.24.8.
    """

    reference: int
    total: int
    position: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of an MMS; ``content`` is base64, as it came. ``name`` and ``content_type`` are the sender's words."""

    name: str
    content_type: str
    content: str = field(repr=False)


_unsafe = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_FILE_NAME = 100


def file_name(name: str, place: int) -> str:
    """A file's name as it may stand in an address and in a header; ``place``: which of its message it is."""
    return _unsafe.sub("_", name)[-_LONGEST_FILE_NAME:].lstrip(".") or f"file-{place}"


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message, or one part of it, as a carrier or a handset handed it over. Text and numbers stay out of ``repr``.

    ``sender`` is E.164 with plus where it is a number, else as it came. ``recipient`` is the number it came to (E.164), None where that is
    not known. ``at`` is the sender's time (aware). ``provider_id`` names it within its connector, "" where nothing does: then connector,
    numbers, time and text tell a repeat. ``is_encrypted``: the text is cipher text for a program of the customer. ``address`` is the place
    within the connector that it came from (a chat): the number registered there is its sender, and without one it is nobody's.
    """

    sender: str = field(repr=False)
    recipient: str | None = field(repr=False)
    text: str = field(repr=False)
    at: datetime
    kind: InboundKind = InboundKind.SMS
    provider_id: str = ""
    sim: str | None = None
    is_encrypted: bool = False
    part: PartOf | None = None
    attachments: Sequence[Attachment] = ()
    address: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise ValueError("the time of a message must be aware")


@dataclass(frozen=True, slots=True)
class Registered:
    """That whoever is at ``address``, a place within the connector (a chat), wants messages for ``number`` (E.164) there; None: for none
    any more. It takes the place of what was said before of either.
    """

    address: str = field(repr=False)
    number: str | None = field(repr=False)
