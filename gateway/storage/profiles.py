"""What users say about themselves, and the end of all their ways in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.storage.tables import Credential, User


def held(session: Session, user_id: int) -> User:
    """The user's row, locked on PostgreSQL; on SQLite the writer is alone."""
    return session.scalars(select(User).where(User.id == user_id).with_for_update()).one()


def revoke_credentials(session: Session, user_id: int, now: datetime) -> None:
    """Ends every key and token of the user."""
    session.execute(update(Credential).where(Credential.user_id == user_id, Credential.revoked_at.is_(None)).values(revoked_at=now))
