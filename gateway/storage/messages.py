"""Single messages as clients list, search and delete them, whatever dialect sent them. No question here reads all history.

A conversation is found by ``ix_messages_recipient``, an account's newest messages by the key; both look at a bounded number of rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from gateway.domain.ids import of_message
from gateway.storage.tables import Attempt, Message, Order, Phone

LOOK_BACK = 10_000
"""How many of the newest messages of a conversation, or of an account, a list or a search looks at."""

Found = tuple[Order, Message]


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for among an account's newest messages. Empty collections and "" do not narrow.

    ``text`` is looked for, without regard to case, in content, recipient, failure and label; it may also be the id of a message.
    ``sort`` names a column of :data:`SORTS`.
    """

    owners: Collection[str] = ()
    states: Collection[str] = ()
    text: str = ""
    sort: str = "created_at"
    descending: bool = False


class Line(NamedTuple):
    """What lists are sorted by, and which message it is: of one that was sent, order and position; of one that came in, ``row``."""

    at: datetime
    owner: str
    contact: str
    state: str
    order_id: UUID | None = None
    position: int = 0
    row: int = 0


SORTS = ("created_at", "owner", "contact", "type", "status")


def one(session: Session, account_id: int, message_id: UUID) -> Found | None:
    """The message with this id that was not deleted, with its order."""
    order_id, position = of_message(message_id)
    row = session.execute(
        select(Order, Message)
        .join(Message, (Message.account_id == Order.account_id) & (Message.order_id == Order.id))
        .where(Message.account_id == account_id, Message.order_id == order_id, Message.position == position, Message.hidden_at.is_(None))
    ).first()
    return row and (row[0], row[1])


def conversation(session: Session, account_id: int, owner: str, contact: str, text: str, offset: int, limit: int) -> list[Found]:
    """Messages from ``owner`` to ``contact``, newest first. ``text`` narrows to those whose content holds it."""
    return _found(session, conversation_query(account_id, owner, contact, text).offset(offset).limit(limit))


def conversation_query(account_id: int, owner: str, contact: str, text: str) -> Select[Order, Message]:
    """The statement of :func:`conversation`, without its page."""
    newest = select(Message).where(Message.account_id == account_id, Message.recipient == contact)
    message, query = _among(newest)
    query = query.where(Order.originator == owner)
    return query.where(holds(_content(message), text)) if text else query


def search(session: Session, account_id: int, wanted: Search, offset: int, limit: int) -> list[Found]:
    """Messages of the account that fit, among its newest."""
    return _found(session, search_query(account_id, wanted).offset(offset).limit(limit))


def search_query(account_id: int, wanted: Search) -> Select[Order, Message]:
    """The statement of :func:`search`, without its page."""
    message, query = _among(select(Message).where(Message.account_id == account_id))
    if wanted.owners:
        query = query.where(Order.originator.in_(wanted.owners))
    if wanted.states:
        query = query.where(message.state.in_(wanted.states))
    if wanted.text:
        query = query.where(_matches(message, wanted.text))
    first: dict[str, list[Any]] = {"owner": [Order.originator], "contact": [message.recipient], "status": [message.state]}
    columns = [*first.get(wanted.sort, []), message.order_id, message.position]
    return query.order_by(None).order_by(*(column.desc() if wanted.descending else column for column in columns))


def conversation_lines(session: Session, account_id: int, owner: str, contact: str, text: str, most: int) -> list[Line]:
    """The newest messages of :func:`conversation`."""
    return _lines(session, conversation_query(account_id, owner, contact, text).limit(most))


def search_lines(session: Session, account_id: int, wanted: Search) -> list[Line]:
    """All messages of :func:`search`, in any order."""
    return _lines(session, search_query(account_id, wanted).order_by(None))


def of_lines(session: Session, account_id: int, lines: Collection[Line]) -> dict[Line, Found]:
    """The messages behind the lines of such as were sent."""
    keys = {(line.order_id, line.position): line for line in lines if line.order_id is not None}
    if not keys:
        return {}
    query = (
        select(Order, Message)
        .join(Message, (Message.account_id == Order.account_id) & (Message.order_id == Order.id))
        .where(Message.account_id == account_id, tuple_(Message.order_id, Message.position).in_(list(keys)))
    )
    return {keys[found[1].order_id, found[1].position]: found for found in _found(session, query)}


def last_started(session: Session, account_id: int, keys: Collection[tuple[UUID, int]]) -> dict[tuple[UUID, int], datetime]:
    """When the last attempt of each of these messages began; those without one are left out."""
    if not keys:
        return {}
    rows = session.execute(
        select(Attempt.order_id, Attempt.position, func.max(Attempt.started_at))
        .where(Attempt.account_id == account_id, tuple_(Attempt.order_id, Attempt.position).in_(list(keys)))
        .group_by(Attempt.order_id, Attempt.position)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def states(session: Session, account_id: int, ids: Collection[UUID]) -> dict[UUID, str]:
    """The state of each of these messages, deleted ones included, by its id."""
    keys = {of_message(each): each for each in ids}
    if not keys:
        return {}
    rows = session.execute(
        select(Message.order_id, Message.position, Message.state).where(
            Message.account_id == account_id, tuple_(Message.order_id, Message.position).in_(list(keys))
        )
    )
    return {keys[row[0], row[1]]: row[2] for row in rows}


def phones(session: Session, account_id: int, numbers: Collection[str]) -> dict[str, Phone]:
    """The account's phones with these numbers, by number."""
    rows = session.scalars(select(Phone).where(Phone.account_id == account_id, Phone.number.in_(list(numbers))))
    return {row.number: row for row in rows}


def hold(session: Session, account_id: int, message_id: UUID) -> Message | None:
    """Locks the message, if it was not deleted."""
    order_id, position = of_message(message_id)
    chosen = (Message.account_id == account_id, Message.order_id == order_id, Message.position == position, Message.hidden_at.is_(None))
    return session.scalars(select(Message).where(*chosen).with_for_update()).first()


def hold_conversation(session: Session, account_id: int, owner: str, contact: str, since: UUID, before: UUID, most: int) -> list[Message]:
    """Locks up to ``most`` messages of a conversation that were not deleted, in the order of their key.

    Args:
        since, before: ids of orders: the first included, the last not.
    """
    query = (
        select(Message)
        .join(Order, (Order.account_id == Message.account_id) & (Order.id == Message.order_id))
        .where(
            Message.account_id == account_id,
            Message.recipient == contact,
            Message.order_id >= since,
            Message.order_id < before,
            Message.hidden_at.is_(None),
            Order.originator == owner,
        )
        .order_by(Message.order_id, Message.position)
        .limit(most)
    )
    return list(session.scalars(query.with_for_update(of=Message)))


def _lines(session: Session, query: Select[Order, Message]) -> list[Line]:
    message = query.column_descriptions[1]["entity"]
    columns = (Order.created_at, Order.originator, message.recipient, message.state, message.order_id, message.position)
    return [Line(at, owner or "", *more) for at, owner, *more in session.execute(query.with_only_columns(*columns))]


def _among(newest: Select[Message]) -> tuple[type[Message], Select[Order, Message]]:
    """The newest of these messages that were not deleted, with their orders, newest first; and the name to narrow them by."""
    bounded = newest.order_by(Message.order_id.desc(), Message.position.desc()).limit(LOOK_BACK).subquery()
    message = aliased(Message, bounded)
    query = (
        select(Order, message)
        .join(Order, (Order.account_id == message.account_id) & (Order.id == message.order_id))
        .where(message.hidden_at.is_(None))
        .order_by(message.order_id.desc(), message.position.desc())
    )
    return message, query


def _content(message: type[Message]) -> ColumnElement[str]:
    """What the customer wrote to this recipient."""
    return func.coalesce(message.own_text, Order.text_read, Order.text)


def _matches(message: type[Message], text: str) -> ColumnElement[bool]:
    fits = [holds(column, text) for column in (_content(message), message.recipient, message.failure, Order.label)]
    try:
        order_id, position = of_message(UUID(text))
    except ValueError:
        return or_(*fits)
    return or_(*fits, and_(message.order_id == order_id, message.position == position))


def holds(column: Any, text: str) -> ColumnElement[bool]:
    """Whether a column holds a text. Without regard to case; on SQLite that goes for ASCII only."""
    found: ColumnElement[bool] = func.lower(column).contains(func.lower(_escaped(text)), escape="\\")
    return found


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _found(session: Session, query: Select[Order, Message]) -> list[Found]:
    rows: Sequence[Any] = session.execute(query).all()
    return [(row[0], row[1]) for row in rows]
