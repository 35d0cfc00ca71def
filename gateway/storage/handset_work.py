"""Messages with telephones that fetch their work: what one was handed and has not answered, and what it has said so far.

An attempt of such a message stays open until the telephone reports; its ``carrier_code`` is the first thing that the telephone said of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from gateway.domain.alphabet import Alphabet
from gateway.domain.sending import AttemptKey, Outgoing
from gateway.storage.batch import BatchStatement, execute
from gateway.storage.dispatch import hold_attempted
from gateway.storage.tables import ConnectorRow
from gateway.storage.types import moment_of

# Each half reads the partial index of its state; one condition for both would read neither.
_HELD = """
    SELECT account_id, order_id, position, fence, recipient, text, alphabet, parts, expires_at FROM messages
    WHERE connector = :connector AND state = 'sending'
    UNION ALL
    SELECT account_id, order_id, position, fence, recipient, text, alphabet, parts, expires_at FROM messages
    WHERE connector = :connector AND state = 'unknown'
"""
_SAME_TRY = "a.account_id = {0}.account_id AND a.order_id = {0}.order_id AND a.position = {0}.position AND a.number = {0}.{1}"
_SILENT = BatchStatement(f"""
    SELECT m.account_id, m.order_id, m.position, m.fence, m.recipient, coalesce(m.text, o.text), coalesce(m.alphabet, o.alphabet), m.parts,
        o.originator, o.wants_receipt, m.expires_at, o.is_flash, o.is_encrypted
    FROM ({_HELD}) AS m
    JOIN attempts a ON {_SAME_TRY.format("m", "fence")}
    JOIN orders o ON o.account_id = m.account_id AND o.id = m.order_id
    WHERE a.connector = :connector AND a.carrier_code IS NULL AND (a.outcome IS NULL OR a.outcome = 'unknown')
        AND (m.expires_at IS NULL OR m.expires_at > :now)
    ORDER BY a.started_at, m.order_id, m.position LIMIT :most
""")
_ENDING = BatchStatement(f"""
    SELECT m.account_id, m.order_id, m.position, m.fence FROM messages m
    JOIN attempts a ON {_SAME_TRY.format("m", "fence")}
    WHERE m.state = 'sending' AND m.connector = :connector AND m.lease_until < :before AND a.started_at > :since
    LIMIT :most
""")
_KEY = {"account_id": "bigint", "order_id": "uuid", "position": "int", "number": "bigint"}
_TRIES = BatchStatement(
    f"""
    SELECT a.account_id, a.order_id, a.position, a.number, a.outcome FROM {{rows}}
    JOIN attempts a ON {_SAME_TRY.format("u", "number")}
    WHERE a.connector = :connector
    """,
    _KEY,
)
_HEARD = BatchStatement(
    f"""
    UPDATE attempts AS a SET carrier_code = u.code FROM {{rows}}
    WHERE {_SAME_TRY.format("u", "number")} AND a.connector = :connector AND (a.outcome IS NULL OR a.outcome = 'unknown')
    """,
    _KEY | {"code": "text"},
)


class Try(NamedTuple):
    """An attempt as it stands. ``outcome`` is None while it is open."""

    key: AttemptKey
    outcome: str | None


def silent(session: Session, connector: str, now: datetime, most: int) -> list[Outgoing]:
    """Messages that were handed to the telephone of this connector, that it has not said a word of, and that are still wanted; oldest
    first. Those that became unknown are among them: the telephone knows whether it has one.
    """
    params = {"connector": connector, "now": now, "most": most}
    return [_outgoing(row) for row in execute(session, _SILENT, params)]


def ending(session: Session, connector: str, before: datetime, since: datetime, most: int) -> list[AttemptKey]:
    """Open attempts, started after ``since``, whose time ends before ``before``."""
    params = {"connector": connector, "before": before, "since": since, "most": most}
    return [_key(row) for row in execute(session, _ENDING, params)]


def tries(session: Session, connector: str, keys: Collection[AttemptKey]) -> dict[AttemptKey, Try]:
    """The attempts of these keys that were made by this connector."""
    rows = execute(session, _TRIES, {"connector": connector}, [tuple(key) for key in keys])
    return {_key(row): Try(_key(row), row[4]) for row in rows}


def heard(session: Session, connector: str, said: Mapping[AttemptKey, str]) -> None:
    """Writes down what a telephone said of messages that it has and has not sent yet."""
    hold_attempted(session, said)
    execute(session, _HEARD, {"connector": connector}, [(*key, code) for key, code in said.items()])


def serve(session: Session, connector: str, owner: str, now: datetime, until: datetime) -> None:
    """Lets the connector count as served until then, unless a dispatcher owns it."""
    free = or_(ConnectorRow.owner.is_(None), ConnectorRow.owner == owner, ConnectorRow.lease_until < now)
    chosen = update(ConnectorRow).where(ConnectorRow.name == connector, ConnectorRow.enabled, free)
    session.execute(chosen.values(owner=owner, lease_until=until))


def _key(row: tuple[Any, ...]) -> AttemptKey:
    return AttemptKey(row[0], row[1] if isinstance(row[1], UUID) else UUID(row[1]), row[2], row[3])


def _outgoing(row: tuple[Any, ...]) -> Outgoing:
    return Outgoing(
        key=_key(row),
        recipient=row[4],
        text=row[5],
        alphabet=Alphabet(row[6]),
        parts=row[7],
        originator=row[8],
        wants_receipt=bool(row[9]),
        expires_at=row[10] and moment_of(row[10]),
        is_flash=bool(row[11]),
        is_encrypted=bool(row[12]),
    )
