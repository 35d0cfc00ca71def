"""What an account's orders add up to, by time and by batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from gateway.domain.ids import first_uuid7
from gateway.storage.batch import join_by_key
from gateway.storage.tables import Message, Order

LOOK_BACK = 10_000
"""How many of an account's newest orders a list of batches looks at."""


def accepted(session: Session, account_id: int, start: datetime, end: datetime) -> tuple[int, int]:
    """Messages accepted from ``start`` up to but not including ``end``, by whatever dialect, and their price in units. Without tests."""
    chosen = (Order.account_id == account_id, Order.id >= first_uuid7(start), Order.id < first_uuid7(end), Order.is_test.is_(False))
    row = session.execute(select(func.sum(Order.recipient_count), func.sum(Order.units)).where(*chosen)).one()
    return int(row[0] or 0), int(row[1] or 0)


def newest_batches(
    session: Session, account_id: int, dialect: str, beginning: str, limit: int
) -> Sequence[tuple[str, datetime, str | None, int]]:
    """(label, moment of its first order, state, how many messages) of the newest labels that begin so, newest first.

    Only the newest orders of the account are looked at. Messages deleted from the lists do not count; a label that has no others
    stands here with the state None.
    """
    join_by_key(session)
    return [(row[0], row[1], row[2], row[3]) for row in session.execute(batches_query(account_id, dialect, beginning, limit))]


def batches_query(account_id: int, dialect: str, beginning: str, limit: int) -> Select[str, datetime, str | None, int]:
    """The statement of :func:`newest_batches`: one walk over the orders, which both common tables share."""
    columns = (Order.id, Order.label, Order.dialect, Order.created_at)
    newest = select(*columns).where(Order.account_id == account_id).order_by(Order.id.desc()).limit(LOOK_BACK).cte("newest")
    first = func.min(newest.c.created_at).label("first")
    chosen = (newest.c.dialect == dialect, newest.c.label.startswith(beginning, autoescape=True))
    labels = select(newest.c.label, first).where(*chosen).group_by(newest.c.label)
    found = labels.order_by(first.desc(), newest.c.label.desc()).limit(limit).cte("found")
    shown = (Message.account_id == account_id) & (Message.order_id == newest.c.id) & Message.hidden_at.is_(None)
    return (
        select(found.c.label, found.c.first, Message.state, func.count())
        .join(newest, (newest.c.label == found.c.label) & (newest.c.dialect == dialect))
        .outerjoin(Message, shown)
        .group_by(found.c.label, found.c.first, Message.state)
        .order_by(found.c.first.desc(), found.c.label.desc())
    )
