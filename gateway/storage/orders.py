"""Orders and their messages as customers ask for them: one by its name, many by their time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from gateway.domain.ids import first_uuid7
from gateway.domain.message import State
from gateway.storage.tables import LedgerEntry, Message, Order
from gateway.storage.types import storable


def find(session: Session, account_id: int, dialect: str, public_id: str) -> Order | None:
    """An order of the account by the customer's own reference in this dialect, or by its id in 32 hex digits or dashed."""
    if not storable(public_id):
        return None
    by_reference = select(Order).where(Order.account_id == account_id, Order.dialect == dialect, Order.client_ref == public_id)
    order = session.scalars(by_reference).first()
    if order is not None:
        return order
    order_id = as_uuid(public_id)
    return None if order_id is None else session.get(Order, (account_id, order_id))


def by_ids(session: Session, account_id: int, ids: Sequence[UUID]) -> Sequence[Order]:
    """The orders with these ids, oldest first."""
    return session.scalars(select(Order).where(Order.account_id == account_id, Order.id.in_(ids)).order_by(Order.id)).all()


def by_idempotency_key(session: Session, account_id: int, key: str) -> tuple[Order, LedgerEntry] | None:
    """The order that this Idempotency-Key made, with its charge."""
    row = session.execute(
        select(Order, LedgerEntry)
        .join(LedgerEntry, (LedgerEntry.account_id == Order.account_id) & (LedgerEntry.sequence == Order.charge_sequence))
        .where(Order.account_id == account_id, Order.idempotency_key == key)
    ).first()
    return row and (row[0], row[1])


def messages(session: Session, order: Order) -> Sequence[Any]:
    """(recipient, state, final_at, failure, sent_at) of each message, in the order given."""
    return session.execute(
        select(Message.recipient, Message.state, Message.final_at, Message.failure, Message.sent_at)
        .where(Message.account_id == order.account_id, Message.order_id == order.id)
        .order_by(Message.position)
    ).all()


def parts_each(session: Session, order: Order) -> list[int]:
    """How many parts each message of the order has, in the order given."""
    found = select(Message.parts).where(Message.account_id == order.account_id, Message.order_id == order.id).order_by(Message.position)
    return list(session.scalars(found))


def has_texts(session: Session, order: Order) -> bool:
    """Whether each recipient of the order has a text of its own."""
    first = (Message.account_id == order.account_id, Message.order_id == order.id, Message.position == 0)
    return session.scalar(select(Message.own_text).where(*first)) is not None


def by_number(session: Session, account_id: int, number: int) -> Order | None:
    """The order that this entry of the account's ledger paid for."""
    entry = session.get(LedgerEntry, (account_id, number))
    return None if entry is None or entry.order_id is None or entry.kind != "charge" else session.get(Order, (account_id, entry.order_id))


def history(
    session: Session, account_id: int, start: datetime, end: datetime, offset: int, limit: int, *, newest_first: bool
) -> tuple[int, Sequence[Order]]:
    """Orders accepted from ``start`` up to ``end`` (both included, to the millisecond): how many, and one page."""
    chosen = (Order.account_id == account_id, Order.id >= first_uuid7(start), Order.id < first_uuid7(_next_millisecond(end)))
    total = session.scalar(select(func.count()).select_from(Order).where(*chosen)) or 0
    by_time = Order.id.desc() if newest_first else Order.id
    return total, session.scalars(select(Order).where(*chosen).order_by(by_time).offset(offset).limit(limit)).all()


def recipient_history(
    session: Session, account_id: int, recipient: str, start: datetime, end: datetime, offset: int, limit: int, *, newest_first: bool
) -> tuple[int, Sequence[tuple[Order, Message]]]:
    """Messages to one recipient in a span of time: how many, and one page of them with their orders."""
    chosen = (
        Message.account_id == account_id,
        Message.recipient == recipient,
        Message.order_id >= first_uuid7(start),
        Message.order_id < first_uuid7(_next_millisecond(end)),
    )
    total = session.scalar(select(func.count()).select_from(Message).where(*chosen)) or 0
    by_time = Message.order_id.desc() if newest_first else Message.order_id
    rows = session.execute(
        select(Order, Message)
        .join(Order, (Order.account_id == Message.account_id) & (Order.id == Message.order_id))
        .where(*chosen)
        .order_by(by_time, Message.position)
        .offset(offset)
        .limit(limit)
    )
    return total, [(row[0], row[1]) for row in rows]


def scheduled_order_ids(session: Session, account_id: int, dialect: str) -> Sequence[UUID]:
    """Orders of the account and dialect that wait for their hour. Starts from the waiting messages, not from all history."""
    waiting = select(Message.order_id).distinct().where(Message.account_id == account_id, Message.state == State.SCHEDULED.value)
    return session.scalars(select(Order.id).where(Order.account_id == account_id, Order.dialect == dialect, Order.id.in_(waiting))).all()


def all_scheduled(session: Session, order: Order) -> bool:
    """Whether messages wait for their hour, and all do that were not cancelled, nor blocked when they were accepted.

    Locks them on PostgreSQL; on SQLite the writer is alone.
    """
    states = session.scalars(
        select(Message.state)
        .where(Message.account_id == order.account_id, Message.order_id == order.id)
        .order_by(Message.position)
        .with_for_update()
    ).all()
    return set(states) - {State.CANCELLED.value, State.BLOCKED.value} == {State.SCHEDULED.value}


def cancel_messages(session: Session, order: Order, now: datetime) -> list[int]:
    """Marks every scheduled message of the order cancelled and paid back; the units of each."""
    scheduled = (Message.account_id == order.account_id, Message.order_id == order.id, Message.state == State.SCHEDULED.value)
    changed = update(Message).where(*scheduled).values(state=State.CANCELLED.value, final_at=now, refunded_units=Message.units)
    return list(session.scalars(changed.returning(Message.units)))


def as_uuid(public_id: str) -> UUID | None:
    """The UUID written in 32 hex digits or dashed; None for anything else."""
    try:
        return UUID(public_id) if len(public_id) in (32, 36) else None
    except ValueError:
        return None


def _next_millisecond(moment: datetime) -> datetime:
    return moment + timedelta(milliseconds=1)
