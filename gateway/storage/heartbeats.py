"""Signs of life of handsets, as rows: the newest of each number."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.storage.tables import Heartbeat


def page(session: Session, account_id: int, owner: str, offset: int, limit: int) -> Sequence[Heartbeat]:
    """Heartbeats of one number, newest first."""
    chosen = (Heartbeat.account_id == account_id, Heartbeat.owner == owner)
    newest = (Heartbeat.at.desc(), Heartbeat.id)
    return session.scalars(select(Heartbeat).where(*chosen).order_by(*newest).offset(offset).limit(limit)).all()


def forget_old(session: Session, account_id: int, owner: str, keep: int) -> None:
    """Deletes what is older than the newest ``keep`` heartbeats of the number."""
    chosen = (Heartbeat.account_id == account_id, Heartbeat.owner == owner)
    oldest_kept = session.scalar(select(Heartbeat.at).where(*chosen).order_by(Heartbeat.at.desc()).offset(keep - 1).limit(1))
    if oldest_kept is not None:
        session.execute(delete(Heartbeat).where(*chosen, Heartbeat.at < oldest_kept))
