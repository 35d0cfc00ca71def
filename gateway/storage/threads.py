"""Conversations: one row for each number and other party, with the last message between them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, case, func, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from gateway.storage.tables import Phone, Thread

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Touch:
    """The newest message to one contact. ``id`` and ``color`` are for a conversation that does not exist yet."""

    id: UUID
    color: str
    contact: str
    message_id: UUID
    text: str


def touch(session: Session, account_id: int, owner: str, touches: Sequence[Touch], at: datetime) -> None:
    """Makes or renews the conversations with distinct contacts by one statement. An older message does not replace a newer."""
    ordered = sorted(touches, key=lambda each: each.contact)  # one order for all writers, so that they never wait in a circle
    rows = [_row(account_id, owner, each, at) for each in ordered]
    session.execute(_upsert(session, rows))


def leave_archived(session: Session, owners: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of these (account, number) whose phone wants archived conversations left there when something comes in."""
    chosen = (Phone.unarchive_thread.is_(False), tuple_(Phone.account_id, Phone.number).in_(list(owners)))
    return {(row[0], row[1]) for row in session.execute(select(Phone.account_id, Phone.number).where(*chosen))}


def touch_received(session: Session, rows: Sequence[tuple[int, str, Touch]], at: datetime, *, stay_archived: bool) -> None:
    """Makes or renews distinct conversations that something came in to; they are unread then.

    Args:
        rows: account, owner, and the newest message; in one order for all writers.
        stay_archived: an archived conversation stays in the archive.
    """
    values = [_row(account_id, owner, each, at) | {"is_read": False} for account_id, owner, each in rows]
    make = sqlite.insert if session.connection().dialect.name == "sqlite" else postgresql.insert
    for start in range(0, len(values), ROWS_AT_ONCE):
        insert = make(Thread).values(values[start : start + ROWS_AT_ONCE])
        new = insert.excluded
        renewed: dict[str, Any] = {
            name: case((Thread.last_at <= new.last_at, new[name]), else_=getattr(Thread, name))
            for name in ("last_message_id", "last_text", "last_at")
        }
        renewed |= {"is_read": new.is_read, "updated_at": new.updated_at} | ({} if stay_archived else {"is_archived": new.is_archived})
        session.execute(insert.on_conflict_do_update(index_elements=["account_id", "owner", "contact"], set_=renewed))


def page(session: Session, account_id: int, owner: str, text: str, offset: int, limit: int, *, archived: bool) -> Sequence[Thread]:
    """Conversations of a number, the one with the newest message first."""
    query = select(Thread).where(Thread.account_id == account_id, Thread.owner == owner, Thread.is_archived == archived)
    if text:
        columns = (Thread.last_text, Thread.owner, Thread.contact)
        query = query.where(or_(*(func.lower(column).contains(text.lower(), autoescape=True) for column in columns)))
    return session.scalars(query.order_by(Thread.last_at.desc(), Thread.id.desc()).offset(offset).limit(limit)).all()


def one(session: Session, account_id: int, thread_id: UUID) -> Thread | None:
    """The account's conversation with this id, locked on PostgreSQL."""
    return session.scalars(select(Thread).where(Thread.account_id == account_id, Thread.id == thread_id).with_for_update()).first()


def named(session: Session, account_id: int, thread_id: UUID) -> Thread | None:
    """The account's conversation with this id."""
    return session.scalars(select(Thread).where(Thread.account_id == account_id, Thread.id == thread_id)).first()


def showing(session: Session, account_id: int, owner: str, contact: str, message_id: UUID) -> Thread | None:
    """The conversation, if this message is the last in it; locked on PostgreSQL."""
    chosen = (Thread.account_id == account_id, Thread.owner == owner, Thread.contact == contact, Thread.last_message_id == message_id)
    return session.scalars(select(Thread).where(*chosen).with_for_update()).first()


def _row(account_id: int, owner: str, each: Touch, at: datetime) -> dict[str, Any]:
    return {
        "id": each.id, "account_id": account_id, "owner": owner, "contact": each.contact, "is_archived": False, "is_read": True,
        "color": each.color, "last_message_id": each.message_id, "last_text": each.text, "last_at": at, "created_at": at,
        "updated_at": at,
    }  # fmt: skip


def _upsert(session: Session, rows: list[dict[str, Any]]) -> Insert:
    if session.connection().dialect.name == "sqlite":
        return _renewing(sqlite.insert(Thread).values(rows))
    return _renewing(postgresql.insert(Thread).values(rows))


def _renewing(insert: sqlite.Insert | postgresql.Insert) -> Insert:
    new = insert.excluded
    renewed = {name: new[name] for name in ("last_message_id", "last_text", "last_at", "updated_at")}
    return insert.on_conflict_do_update(
        index_elements=["account_id", "owner", "contact"], set_=renewed, where=Thread.last_at <= new.last_at
    )
