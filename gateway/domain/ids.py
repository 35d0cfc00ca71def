"""Ids that start with their time, so that newer rows sort behind older ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

RANDOM_BYTES = 10
POSITION_BITS = 20
"""Room for the position of a message in the id of its order: more than a million recipients."""
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


def order_id(moment: datetime, random: bytes) -> UUID:
    """The id of a new order: a version 7 UUID whose last twenty bits are 0, so that each of its messages has an id of its own."""
    return UUID(int=uuid7(moment, random).int >> POSITION_BITS << POSITION_BITS)


def message_id(order: UUID, position: int) -> UUID:
    """The id of one message, for dialects whose clients know messages instead of orders. The first one's is the order's own."""
    return UUID(int=order.int + position)


def of_message(message: UUID) -> tuple[UUID, int]:
    """Order and position behind :func:`message_id`."""
    order = message.int >> POSITION_BITS << POSITION_BITS
    return UUID(int=order), message.int - order
