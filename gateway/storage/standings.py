"""How the connectors do, as the dispatchers that serve them write it down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.storage.batch import BatchStatement, execute
from gateway.storage.tables import TEST_CONNECTOR, ConnectorRow, ConnectorStanding

MAX_NOTE = 200
FULL_SCORE = 100

# What is learned by others (id form, cursor) is left alone.
_NOTE = BatchStatement("""
    INSERT INTO connector_standings (connector, is_connected, score, note, disconnected_at, noted_at)
    VALUES (:connector, :is_connected, :score, :note, :disconnected_at, :now)
    ON CONFLICT (connector) DO UPDATE SET is_connected = excluded.is_connected, score = excluded.score, note = excluded.note,
        disconnected_at = CASE WHEN excluded.is_connected THEN NULL
            ELSE coalesce(connector_standings.disconnected_at, excluded.disconnected_at) END,
        noted_at = excluded.noted_at
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """A connector as it stands. ``is_connected`` None: nobody has said yet.

    ``served_until`` is the end of its dispatcher's lease, None where none is taken (telephones, or given back). ``disconnected_at`` is
    since when it is away. ``note`` is the last trouble in words for the operator.
    """

    name: str
    kind: str
    is_enabled: bool
    is_connected: bool | None
    score: int
    note: str
    disconnected_at: datetime | None
    served_until: datetime | None
    receipt_id_form: str | None = None
    noted_at: datetime | None = None

    def is_reachable(self, now: datetime) -> bool:
        """Whether new messages get on there. What nobody has tried yet gets the benefit of the doubt."""
        return self.is_connected is not False and not self._is_deserted(now)

    def away_since(self, now: datetime) -> datetime | None:
        """Since when what waits there does not get on; None while it does. Being switched off is another matter."""
        if self.is_connected is False:
            return self.disconnected_at or self.noted_at
        return self.served_until if self._is_deserted(now) else None

    def _is_deserted(self, now: datetime) -> bool:
        """Whether its dispatcher fell silent."""
        return self.served_until is not None and self.served_until < now


def every(session: Session) -> list[Standing]:
    """Every connector but the one of test mode, in the order in which they were made."""
    joined = select(ConnectorRow, ConnectorStanding).outerjoin(ConnectorStanding, ConnectorStanding.connector == ConnectorRow.name)
    chosen = joined.where(ConnectorRow.name != TEST_CONNECTOR).order_by(ConnectorRow.created_at, ConnectorRow.name)
    return [_standing(row, standing) for row, standing in session.execute(chosen)]


def note(session: Session, connector: str, *, is_connected: bool, score: int, note: str, now: datetime) -> None:
    """Writes down how a connector does. ``disconnected_at`` is when it was first found away since it was last connected."""
    params = {"connector": connector, "is_connected": is_connected, "score": score, "note": note[:MAX_NOTE], "now": now}
    execute(session, _NOTE, params | {"disconnected_at": None if is_connected else now})


def _standing(row: ConnectorRow, noted: ConnectorStanding | None) -> Standing:
    return Standing(
        name=row.name,
        kind=row.kind,
        is_enabled=row.enabled,
        is_connected=noted.is_connected if noted else None,
        score=noted.score if noted else FULL_SCORE,
        note=noted.note if noted else "",
        disconnected_at=noted.disconnected_at if noted else None,
        served_until=row.lease_until,
        receipt_id_form=noted.receipt_id_form if noted else None,
        noted_at=noted.noted_at if noted else None,
    )
