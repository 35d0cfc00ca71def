"""What an account's orders add up to, by time and by batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.domain.ids import first_uuid7
from gateway.storage.tables import Message, Order


def accepted(session: Session, account_id: int, start: datetime, end: datetime) -> tuple[int, int]:
    """Messages accepted from ``start`` up to but not including ``end``, by whatever dialect, and their price in units. Without tests."""
    chosen = (Order.account_id == account_id, Order.id >= first_uuid7(start), Order.id < first_uuid7(end), Order.is_test.is_(False))
    row = session.execute(select(func.sum(Order.recipient_count), func.sum(Order.units)).where(*chosen)).one()
    return int(row[0] or 0), int(row[1] or 0)


def newest_labels(session: Session, account_id: int, dialect: str, beginning: str, limit: int) -> Sequence[tuple[str, datetime]]:
    """The newest labels that begin so, of one dialect's orders, each with the moment of its first order."""
    first = func.min(Order.created_at)
    chosen = (Order.account_id == account_id, Order.dialect == dialect, Order.label.startswith(beginning, autoescape=True))
    rows = session.execute(
        select(Order.label, first).where(*chosen).group_by(Order.label).order_by(first.desc(), Order.label.desc()).limit(limit)
    )
    return [(row[0], row[1]) for row in rows]


def states(session: Session, account_id: int, dialect: str, labels: Sequence[str]) -> Sequence[tuple[str, str, int]]:
    """(label, state, how many) of the messages behind these labels that were not deleted from the lists."""
    rows = session.execute(
        select(Order.label, Message.state, func.count())
        .join(Message, (Message.account_id == Order.account_id) & (Message.order_id == Order.id))
        .where(Order.account_id == account_id, Order.dialect == dialect, Order.label.in_(labels), Message.hidden_at.is_(None))
        .group_by(Order.label, Message.state)
    )
    return [(row[0], row[1], row[2]) for row in rows]
