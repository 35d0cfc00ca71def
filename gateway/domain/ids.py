"""Ids that start with their time, so that newer rows sort behind older ones."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

RANDOM_BYTES = 10


def uuid7(moment: datetime, random: bytes) -> UUID:
    """A version 7 UUID: milliseconds since 1970, then 74 random bits.

    Args:
        moment: aware.
        random: ten bytes, from ``os.urandom``.

    Source: RFC 9562 section 5.7.
    """
    milliseconds = int(moment.timestamp() * 1000) & (1 << 48) - 1
    value = milliseconds << 80 | int.from_bytes(random[:RANDOM_BYTES], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def first_uuid7(moment: datetime) -> UUID:
    """The smallest id that :func:`uuid7` can give at this millisecond: the edge of a range of time."""
    return uuid7(moment, bytes(RANDOM_BYTES))
