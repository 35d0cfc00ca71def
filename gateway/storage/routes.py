"""Rules, what carriers take, and messages that change their connector while they wait.

A message is moved only while nothing of it is under way: its connector is the one that made its last attempt, until the next begins.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.domain.message import WAITING
from gateway.storage.batch import BatchStatement, execute, join_by_key
from gateway.storage.dispatch import MessageKey
from gateway.storage.tables import ConnectorPrice, RouteRow
from gateway.storage.types import moment_of

_KEY = {"account_id": "bigint", "order_id": "uuid", "position": "int"}
_SAME = "m.account_id = u.account_id AND m.order_id = u.order_id AND m.position = u.position"
_ORDER = "JOIN orders o ON o.account_id = m.account_id AND o.id = m.order_id"
_ASKED = "m.account_id, m.order_id, m.position, m.recipient, m.route, o.dialect, o.message_type, o.originator"
_MOVABLE = "NOT o.is_pinned AND NOT o.is_test"

_PASSAGES = BatchStatement(f"SELECT {_ASKED} FROM {{rows}} JOIN messages m ON {_SAME} {_ORDER} WHERE {_MOVABLE}", _KEY)
# What a connector gave back was never handed over, so nothing was tried.
_TRIED = BatchStatement(
    """
    SELECT DISTINCT a.account_id, a.order_id, a.position, a.connector FROM {rows}
    JOIN attempts a ON a.account_id = u.account_id AND a.order_id = u.order_id AND a.position = u.position
    WHERE a.outcome IS NULL OR a.outcome <> 'returned'
    """,
    _KEY,
)
# One lane in the order of its index, behind a place: a page costs what it holds, however much waits before it.
_WAITING = BatchStatement(f"""
    SELECT {_ASKED}, m.due_at FROM messages m {_ORDER}
    WHERE m.connector = :connector AND m.priority = :priority AND m.state IN ('scheduled', 'queued') AND m.due_at <= :now
        AND m.due_at >= :due AND (m.due_at, m.account_id, m.order_id, m.position) > (:due, :account_id, :order_id, :position)
        AND (m.expires_at IS NULL OR m.expires_at > :now) AND {_MOVABLE}
    ORDER BY m.due_at, m.account_id, m.order_id, m.position LIMIT :most
""")
# Whether a row still waits is looked at afterwards: asked here, a plan made while few did would walk all that wait for each key.
_HOLD = BatchStatement(
    f"""
    SELECT m.account_id, m.order_id, m.position, m.connector, m.state FROM {{rows}} JOIN messages m ON {_SAME}
    ORDER BY m.account_id, m.order_id, m.position {{lock}}
    """,
    _KEY,
    "FOR UPDATE OF m SKIP LOCKED",
)
_MOVE = BatchStatement(
    f"UPDATE messages AS m SET connector = u.connector, route = u.route FROM {{rows}} WHERE {_SAME}",
    _KEY | {"connector": "text", "route": "text"},
)


class Passage(NamedTuple):
    """What decides where a message may go on: the rule that chose its connector, and what rules ask about."""

    key: MessageKey
    recipient: str
    route: str | None
    dialect: str
    message_type: str
    originator: str | None


class Move(NamedTuple):
    """A message, the connector that it goes on with, and the rule that says so."""

    key: MessageKey
    connector: str
    route: str | None


Place = tuple[datetime, int, UUID, int]
"""Where a message stands in its lane: when it is due, and its key."""


def every(session: Session) -> Sequence[RouteRow]:
    """The rules, in the order in which they are tried."""
    return session.scalars(select(RouteRow).order_by(RouteRow.rank, RouteRow.name)).all()


def hold(session: Session, name: str) -> RouteRow | None:
    """The rule of this name, locked."""
    return session.scalars(select(RouteRow).where(RouteRow.name == name).with_for_update()).first()


def prices(session: Session) -> Sequence[ConnectorPrice]:
    """What carriers take, by connector and prefix."""
    return session.scalars(select(ConnectorPrice).order_by(ConnectorPrice.connector, ConnectorPrice.prefix)).all()


def set_price(session: Session, connector: str, prefix: str, units: int) -> None:
    """Sets what one part by a connector to a prefix costs us."""
    session.merge(ConnectorPrice(connector=connector, prefix=prefix, units_per_part=units))


def remove_price(session: Session, connector: str, prefix: str) -> bool:
    """Forgets it; whether there was one."""
    chosen = delete(ConnectorPrice).where(ConnectorPrice.connector == connector, ConnectorPrice.prefix == prefix)
    return session.scalar(chosen.returning(ConnectorPrice.prefix)) is not None


def passages(session: Session, keys: Collection[MessageKey]) -> dict[MessageKey, Passage]:
    """Of these messages those that may change their connector: neither pinned to it nor in test mode."""
    join_by_key(session)
    return {each.key: each for each in map(_passage, execute(session, _PASSAGES, {}, sorted(keys)))}


def tried(session: Session, keys: Collection[MessageKey]) -> dict[MessageKey, set[str]]:
    """The connectors that each message was handed to."""
    join_by_key(session)
    found: dict[MessageKey, set[str]] = {}
    for row in execute(session, _TRIED, {}, sorted(keys)):
        found.setdefault(_key(row), set()).add(row[3])
    return found


def waiting(session: Session, connector: str, priority: int, now: datetime, after: Place, most: int) -> list[tuple[Place, Passage]]:
    """The next messages of a lane that are due, wait for the connector and may leave it, behind ``after``. Locks nothing."""
    place = dict(zip(("due", "account_id", "order_id", "position"), after, strict=True))
    params = place | {"connector": connector, "priority": priority, "now": now, "most": most}
    rows = execute(session, _WAITING, params)
    return [((moment_of(row[8]), *_key(row)), _passage(row)) for row in rows]


def hold_waiting(session: Session, connector: str, keys: Collection[MessageKey]) -> set[MessageKey]:
    """Locks those of the messages that still wait for the connector and that nobody else is at."""
    join_by_key(session)
    rows = execute(session, _HOLD, {}, sorted(keys))
    return {_key(row) for row in rows if row[3] == connector and row[4] in WAITING}


def move(session: Session, moves: Sequence[Move]) -> None:
    """Writes the new connector on messages, which are locked."""
    execute(session, _MOVE, {}, [(*each.key, each.connector, each.route) for each in moves])


def _passage(row: tuple[Any, ...]) -> Passage:
    return Passage(_key(row), *row[3:8])


def _key(row: tuple[Any, ...]) -> MessageKey:
    return row[0], row[1] if isinstance(row[1], UUID) else UUID(row[1]), row[2]
