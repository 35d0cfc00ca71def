"""What the console reads and writes: its visits, and an account's newest orders with what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from gateway.storage.tables import Account, Message, Order, SessionRow, User

PURPOSE = "console"


class StateCount(NamedTuple):
    """How many messages of an order stand in a state, their parts, and the units that they gave back."""

    order_id: UUID
    state: str
    messages: int
    parts: int
    refunded_units: int


def add_visit(session: Session, visit_id: UUID, user_id: int, now: datetime) -> None:
    """Notes that a user has come in."""
    session.add(SessionRow(id=visit_id, user_id=user_id, purpose=PURPOSE, created_at=now, last_seen=now))


def visit(session: Session, visit_id: UUID, begun_after: datetime) -> tuple[User, Account] | None:
    """Who came in with this visit; None when it is over, or when the user or the account is shut out."""
    row = session.execute(
        select(User, Account)
        .select_from(SessionRow)
        .join(User, User.id == SessionRow.user_id)
        .join(Account, Account.id == User.account_id)
        .where(
            SessionRow.id == visit_id,
            SessionRow.purpose == PURPOSE,
            SessionRow.revoked_at.is_(None),
            SessionRow.created_at > begun_after,
            User.disabled.is_(False),
            Account.status == "active",
        )
    ).first()
    return row and (row[0], row[1])


def end_visit(session: Session, visit_id: UUID, now: datetime) -> None:
    """Ends a visit for good."""
    mine = update(SessionRow).where(SessionRow.id == visit_id, SessionRow.purpose == PURPOSE, SessionRow.revoked_at.is_(None))
    session.execute(mine.values(revoked_at=now))


def newest_orders(session: Session, account_id: int, limit: int) -> Sequence[Any]:
    """The columns shown of the account's newest orders, newest first. The text is not read."""
    shown = (
        Order.id, Order.client_ref, Order.message_type, Order.recipient_count, Order.units, Order.due_at, Order.created_at
    )  # fmt: skip
    return session.execute(select(*shown).where(Order.account_id == account_id).order_by(Order.id.desc()).limit(limit)).all()


def state_counts(session: Session, account_id: int, order_ids: Sequence[UUID]) -> list[StateCount]:
    """The messages of these orders, counted by state."""
    rows = session.execute(
        select(Message.order_id, Message.state, func.count(), func.sum(Message.parts), func.sum(Message.refunded_units))
        .where(Message.account_id == account_id, Message.order_id.in_(order_ids))
        .group_by(Message.order_id, Message.state)
    )
    return [StateCount(order_id, state, messages, parts, int(refunded)) for order_id, state, messages, parts, refunded in rows]
