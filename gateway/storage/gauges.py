"""The few figures that monitoring programs of old appliances ask for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gateway.domain.order import HIGHEST_PRIORITY, LOWEST_PRIORITY
from gateway.storage.tables import FAILED, TEST_CONNECTOR, WAITING, Account, ConnectorRow, Message, Order

_PAGES = text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
_DATABASE = text("SELECT pg_database_size(current_database())")


def recipients(session: Session, start: UUID, end: UUID) -> int:
    """Recipients of all orders, but for test mode, with ids from ``start`` up to but without ``end``.

    A range of the key for each account: a short span costs as much as it holds, whatever the history. From the beginning on, one walk
    through the table is cheaper.
    """
    every = select(func.coalesce(func.sum(Order.recipient_count), 0)).where(Order.id < end, Order.is_test.is_(False))
    if start.int == 0:
        return int(session.scalar(every) or 0)
    own = every.where(Order.account_id == Account.id, Order.id >= start).correlate(Account)
    return int(session.scalar(select(func.sum(own.scalar_subquery())).select_from(Account)) or 0)


def connectors(session: Session, now: datetime) -> dict[str, bool]:
    """Every connector but the one of test mode, and whether it is switched on and a living dispatcher owns it."""
    columns = (ConnectorRow.name, ConnectorRow.enabled, ConnectorRow.lease_until)
    found = session.execute(select(*columns).where(ConnectorRow.name != TEST_CONNECTOR))
    return {name: enabled and until is not None and until > now for name, enabled, until in found}


def due(session: Session, connector: str, now: datetime) -> int:
    """Messages of a connector that are due and wait. Reads the index lane by lane, so that a far future costs nothing."""
    lanes = range(HIGHEST_PRIORITY, LOWEST_PRIORITY + 1)
    lane = select(func.count()).where(WAITING, Message.connector == connector, Message.due_at <= now)
    return sum(session.scalar(lane.where(Message.priority == priority)) or 0 for priority in lanes)


def unsent(session: Session) -> int:
    """Messages that wait for a connector or for their hour, but for test mode. Reads a partial index only."""
    return session.scalar(select(func.count()).where(WAITING, Message.connector != TEST_CONNECTOR)) or 0


def failed(session: Session, since: datetime) -> int:
    """Messages that came to nothing since a moment, but for test mode."""
    ended = select(func.count()).where(FAILED, Message.final_at >= since, Message.connector != TEST_CONNECTOR)
    return session.scalar(ended) or 0


def size_bytes(session: Session) -> int:
    """How much room the database takes."""
    return int(session.scalar(_PAGES if session.connection().dialect.name == "sqlite" else _DATABASE) or 0)
