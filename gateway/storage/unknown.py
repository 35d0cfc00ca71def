"""Messages whose last attempt ended without saying whether the carrier took them, for an operator who decides about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from gateway.domain.sending import MAX_DETAIL
from gateway.storage.batch import BatchStatement, execute
from gateway.storage.dispatch import OPERATOR, Held
from gateway.storage.tables import UNKNOWN, Account, Attempt, Message, Order

_UNKNOWN: Any = UNKNOWN
_LAST_ATTEMPT = and_(
    Attempt.account_id == Message.account_id,
    Attempt.order_id == Message.order_id,
    Attempt.position == Message.position,
    Attempt.number == Message.fence,
)
_NOTE = BatchStatement(
    f"""
    UPDATE attempts AS a SET detail = substr('{OPERATOR}' || :words || coalesce('; before: ' || a.detail, ''), 1, {MAX_DETAIL})
    FROM {{rows}}
    WHERE a.account_id = u.account_id AND a.order_id = u.order_id AND a.position = u.position AND a.number = u.number
    """,
    {"account_id": "bigint", "order_id": "uuid", "position": "int", "number": "bigint"},
)


class Place(NamedTuple):
    """Where an unknown message stands in its order, when its validity ends, and when its last attempt began."""

    position: int
    expires_at: datetime | None
    tried_at: datetime | None


def listed(
    session: Session, *, connector: str | None, account_id: int | None, limit: int
) -> Sequence[tuple[Order, Message, str, Attempt | None]]:
    """Unknown messages with order, account's name and last attempt; those that became unknown first come first."""
    query = select(Order, Message, Account.name, Attempt).select_from(Message).join(Account, Account.id == Message.account_id)
    query = query.join(Order, and_(Order.account_id == Message.account_id, Order.id == Message.order_id)).outerjoin(Attempt, _LAST_ATTEMPT)
    oldest_first = (func.coalesce(Attempt.finished_at, Order.created_at), Message.order_id, Message.position)
    rows = session.execute(query.where(*_among(connector, account_id)).order_by(*oldest_first).limit(limit))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def count(session: Session, *, connector: str | None, account_id: int | None) -> int:
    """How many there are in all."""
    return session.scalar(select(func.count()).select_from(Message).where(*_among(connector, account_id))) or 0


def places(session: Session, account_id: int, order_id: UUID, recipient: str | None, after: int, most: int) -> list[Place]:
    """The next unknown messages of an order behind a position, to one recipient or to all. Locks nothing."""
    query = select(Message.position, Message.expires_at, Attempt.started_at).outerjoin(Attempt, _LAST_ATTEMPT)
    query = query.where(*_of_order(account_id, order_id, recipient), Message.position > after)
    return [Place(*row) for row in session.execute(query.order_by(Message.position).limit(most))]


def count_of_order(session: Session, account_id: int, order_id: UUID, recipient: str | None) -> int:
    """How many unknown messages of an order there are, to one recipient or to all."""
    return session.scalar(select(func.count()).select_from(Message).where(*_of_order(account_id, order_id, recipient))) or 0


def first_recipient(session: Session, account_id: int, order_id: UUID) -> str:
    """Whom the first unknown message of an order goes to; there must be one."""
    return session.scalars(select(Message.recipient).where(*_of_order(account_id, order_id, None)).order_by(Message.position)).first() or ""


def note(session: Session, messages: Sequence[Held], words: str) -> None:
    """Writes on the last attempts what the operator did, in front of why they ended so."""
    execute(session, _NOTE, {"words": words}, [(*held.key, held.fence) for held in messages])


def _among(connector: str | None, account_id: int | None) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [_UNKNOWN]
    if connector is not None:
        chosen.append(Message.connector == connector)
    if account_id is not None:
        chosen.append(Message.account_id == account_id)
    return chosen


def _of_order(account_id: int, order_id: UUID, recipient: str | None) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [_UNKNOWN, Message.account_id == account_id, Message.order_id == order_id]
    return chosen if recipient is None else [*chosen, Message.recipient == recipient]
