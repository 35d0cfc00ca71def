"""The state of an order for whoever holds its id: for old calls that ask for no password. The id has fifty-four random bits."""

from __future__ import annotations

from uuid import UUID

from gateway.domain.message import State
from gateway.services.core import Gateway
from gateway.storage import openstate as stored

LENGTHS = (32, 36)


def states(gateway: Gateway, dialect: str, written: str) -> frozenset[State]:
    """The states that the messages of this dialect's order are in; empty for what is no id, or none of its orders.

    Args:
        written: the order's id in 32 hex digits or dashed.

    Raises:
        StorageUnavailable
    """
    order_id = _id(written)
    if order_id is None:
        return frozenset()
    with gateway.reading() as session:
        return frozenset(State(each) for each in stored.states(session, dialect, order_id))


def _id(written: str) -> UUID | None:
    try:
        return UUID(written) if len(written) in LENGTHS and written.isascii() else None
    except ValueError:
        return None
