"""Ids that start with their time, so that newer rows sort behind older ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

RANDOM_BYTES = 10
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def uuid7(moment: datetime, random: bytes) -> UUID:
    """A version 7 UUID: milliseconds since 1970, then 74 random bits.

    Args:
        moment: aware; before 1970 counts as 1970, so that it sorts before everything.
        random: ten bytes, from ``os.urandom``.

    Source: RFC 9562 section 5.7.
    """
    milliseconds = max(0, (moment - _BEGINNING) // _MILLISECOND)  # in whole numbers: a float would be a millisecond off at times
    value = milliseconds << 80 | int.from_bytes(random[:RANDOM_BYTES], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def first_uuid7(moment: datetime) -> UUID:
    """The smallest id that :func:`uuid7` can give at this millisecond: the edge of a range of time."""
    return uuid7(moment, bytes(RANDOM_BYTES))
