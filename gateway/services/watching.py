"""How the gateway is doing, for health checks and graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.domain.order import HIGHEST_PRIORITY, LOWEST_PRIORITY
from gateway.services.core import Gateway
from gateway.services.standings import Standing, standings
from gateway.storage import callbacks
from gateway.storage.tables import UNKNOWN, WAITING, ConnectorRow, Message


@dataclass(frozen=True, slots=True)
class Waiting:
    """Due messages of one connector and priority."""

    connector: str
    priority: int
    count: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, what is uncertain, which connectors have a living dispatcher, and how they do (the one of test mode left out).

    Of connectors that are switched off only what waits and what is uncertain is told: nobody serves them, and that is no trouble.
    ``callbacks``: how many calls to programs are ``waiting``, and how many were given up (``dead``).
    """

    waiting: Sequence[Waiting]
    unknown: Mapping[str, int]
    owned: Mapping[str, bool]
    standings: Mapping[str, Standing]
    callbacks: Mapping[str, int]


def backlog(gateway: Gateway) -> Backlog:
    """The backlog now. Reads partial indexes only, lane by lane, so that neither history nor far future costs anything."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        connectors = session.execute(
            select(ConnectorRow.name, ConnectorRow.enabled, ConnectorRow.lease_until).order_by(ConnectorRow.name)
        ).all()
        waiting = [lane for name, _, _ in connectors for lane in _lanes(session, name, now)]
        unknown = session.execute(select(Message.connector, func.count()).where(UNKNOWN).group_by(Message.connector)).all()
        calls_waiting, calls_dead = callbacks.totals(session)
    return Backlog(
        waiting=waiting,
        unknown={row[0]: row[1] for row in unknown},
        owned={name: until is not None and until > now for name, enabled, until in connectors if enabled},
        standings={name: each for name, each in standings(gateway).items() if each.is_enabled},
        callbacks={"waiting": calls_waiting, "dead": calls_dead},
    )


def _lanes(session: Session, connector: str, now: datetime) -> Iterator[Waiting]:
    """The connector's lanes in which something is due."""
    for priority in range(HIGHEST_PRIORITY, LOWEST_PRIORITY + 1):
        due = (
            Message.connector == connector,
            Message.priority == priority,
            WAITING,  # written out: with the states as parameters SQLite would walk through all history
            Message.due_at <= now,
        )
        count, oldest = session.execute(select(func.count(), func.min(Message.due_at)).where(*due)).one()
        if count:
            yield Waiting(connector, priority, count, (now - oldest).total_seconds())
