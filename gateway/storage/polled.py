"""That the telephone behind a connector called a moment ago."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from gateway.storage.tables import ConnectorRow

OWNER = "handset"


def serve(session: Session, connector: str, now: datetime, until: datetime) -> None:
    """Lets a connector that is switched on count as served until then, unless a dispatcher owns it."""
    free = or_(ConnectorRow.owner.is_(None), ConnectorRow.owner == OWNER, ConnectorRow.lease_until < now)
    chosen = update(ConnectorRow).where(ConnectorRow.name == connector, ConnectorRow.enabled, free)
    session.execute(chosen.values(owner=OWNER, lease_until=until))
