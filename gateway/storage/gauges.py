"""The few figures that monitoring programs of old appliances ask for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gateway.storage.tables import TEST_CONNECTOR, Account, Message, Order

# Written out: only then is it plain to both databases that a partial index will do.
_WAITING = text("state IN ('scheduled', 'queued')")
_FAILED = text("state IN ('failed', 'undelivered', 'expired')")
_PAGES = text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
_DATABASE = text("SELECT pg_database_size(current_database())")


def recipients(session: Session, start: UUID, end: UUID) -> int:
    """Recipients of all orders, but for test mode, with ids from ``start`` up to but without ``end``.

    A range of the key for each account: a short span costs as much as it holds, whatever the history.
    """
    own = select(func.coalesce(func.sum(Order.recipient_count), 0)).where(
        Order.account_id == Account.id, Order.id >= start, Order.id < end, Order.is_test.is_(False)
    )
    return int(session.scalar(select(func.sum(own.correlate(Account).scalar_subquery())).select_from(Account)) or 0)


def unsent(session: Session) -> int:
    """Messages that wait for a connector or for their hour, but for test mode. Reads a partial index only."""
    return session.scalar(select(func.count()).where(_WAITING, Message.connector != TEST_CONNECTOR)) or 0


def failed(session: Session, since: datetime) -> int:
    """Messages that came to nothing since a moment, but for test mode."""
    ended = select(func.count()).where(_FAILED, Message.final_at >= since, Message.connector != TEST_CONNECTOR)
    return session.scalar(ended) or 0


def size_bytes(session: Session) -> int:
    """How much room the database takes."""
    return int(session.scalar(_PAGES if session.connection().dialect.name == "sqlite" else _DATABASE) or 0)
