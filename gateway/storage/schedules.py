"""Weekly hours in which numbers may send, as rows of an account."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.storage.tables import SendSchedule


def by_id(session: Session, account_id: int, schedule_id: UUID) -> SendSchedule | None:
    """The account's send schedule with this id."""
    return session.scalars(select(SendSchedule).where(SendSchedule.account_id == account_id, SendSchedule.id == schedule_id)).first()


def every(session: Session, account_id: int) -> Sequence[SendSchedule]:
    """All send schedules of the account, newest first."""
    return session.scalars(
        select(SendSchedule).where(SendSchedule.account_id == account_id).order_by(SendSchedule.created_at.desc(), SendSchedule.id)
    ).all()
