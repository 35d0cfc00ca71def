"""Who owns a connector: one row each, taken, renewed and given back by conditional updates. And what idles for too long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import literal, or_, select, update
from sqlalchemy.orm import Session

from gateway.storage.batch import BatchStatement, execute
from gateway.storage.tables import ConnectorRow

_FORGETTABLE_SESSION = BatchStatement("SELECT 1 FROM sessions WHERE last_seen < :before LIMIT 1")
_FORGET_SESSIONS = BatchStatement("""
    DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE last_seen < :before ORDER BY last_seen LIMIT :most)
""")


class Renewed(NamedTuple):
    """What the operator set for a connector, as it is now."""

    settings: dict[str, Any]
    secrets: bytes | None
    parts_per_second: int


def every(session: Session) -> Sequence[ConnectorRow]:
    """All connectors."""
    return session.scalars(select(ConnectorRow).order_by(ConnectorRow.name)).all()


def take(session: Session, name: str, owner: str, now: datetime, until: datetime, *, even_off: bool = False) -> ConnectorRow | None:
    """Makes ``owner`` the owner, if nobody's lease runs and the connector is enabled (``even_off``: or not); the row, or None."""
    free = or_(ConnectorRow.owner.is_(None), ConnectorRow.lease_until < now)
    taken = (
        update(ConnectorRow)
        .where(ConnectorRow.name == name, or_(ConnectorRow.enabled, literal(even_off)), free)
        .values(owner=owner, lease_until=until, fence=ConnectorRow.fence + 1)
        .returning(ConnectorRow)
    )
    return session.scalars(taken).first()


def renew(session: Session, name: str, owner: str, fence: int, until: datetime, *, even_off: bool = False) -> Renewed | None:
    """Lets the lease run until ``until``, if it still ran under this fence and the connector is enabled (or ``even_off``); else None."""
    mine = update(ConnectorRow).where(ConnectorRow.name == name, ConnectorRow.owner == owner, ConnectorRow.fence == fence)
    columns = (ConnectorRow.settings, ConnectorRow.secrets, ConnectorRow.parts_per_second)
    row = session.execute(mine.where(or_(ConnectorRow.enabled, literal(even_off))).values(lease_until=until).returning(*columns)).first()
    return None if row is None else Renewed(dict(row.settings), row.secrets, row.parts_per_second)


def holds(session: Session, name: str, owner: str, fence: int) -> bool:
    """Whether this owner has the connector under this fence."""
    mine = select(ConnectorRow.fence).where(ConnectorRow.name == name, ConnectorRow.owner == owner, ConnectorRow.fence == fence)
    return session.scalar(mine) is not None


def release(session: Session, name: str, owner: str, fence: int) -> None:
    """Gives the connector back, if it is still this owner's."""
    mine = update(ConnectorRow).where(ConnectorRow.name == name, ConnectorRow.owner == owner, ConnectorRow.fence == fence)
    session.execute(mine.values(owner=None, lease_until=None))


def has_forgettable_sessions(session: Session, before: datetime) -> bool:
    """Whether there are logins that were last used before a moment."""
    return bool(execute(session, _FORGETTABLE_SESSION, {"before": before}))


def forget_sessions(session: Session, before: datetime, most: int) -> None:
    """Deletes logins that were last used before a moment."""
    execute(session, _FORGET_SESSIONS, {"before": before, "most": most})
