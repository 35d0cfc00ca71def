"""How the gateway is doing, for health checks and graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from gateway.services.core import Gateway
from gateway.storage.tables import ConnectorRow, Message


@dataclass(frozen=True, slots=True)
class Waiting:
    """Due messages of one connector and priority."""

    connector: str
    priority: int
    count: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, what is uncertain, and which connectors have a living dispatcher."""

    waiting: Sequence[Waiting]
    unknown: Mapping[str, int]
    owned: Mapping[str, bool]


def backlog(gateway: Gateway) -> Backlog:
    """The backlog now. Reads partial indexes only, so its cost does not grow with history."""
    now = gateway.clock.now()
    due = (Message.state.in_(("scheduled", "queued")), Message.due_at <= now)
    with gateway.reading() as session:
        rows = session.execute(
            select(Message.connector, Message.priority, func.count(), func.min(Message.due_at))
            .where(*due)
            .group_by(Message.connector, Message.priority)
        ).all()
        unknown = session.execute(
            select(Message.connector, func.count()).where(Message.state == "unknown").group_by(Message.connector)
        ).all()
        connectors = session.execute(select(ConnectorRow.name, ConnectorRow.lease_until)).all()
    return Backlog(
        waiting=[Waiting(name, priority, count, (now - oldest).total_seconds()) for name, priority, count, oldest in rows],
        unknown={row[0]: row[1] for row in unknown},
        owned={name: until is not None and until > now for name, until in connectors},
    )
