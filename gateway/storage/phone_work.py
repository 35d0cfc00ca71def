"""Messages for telephones with the httpSMS program: telling the telephone that one is there, and handing out that one when it asks.

A message that the telephone was told of keeps waiting; ``attempts`` counts how often it was told, and ``due_at`` is when it is told again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.domain.alphabet import Alphabet
from gateway.domain.message import State
from gateway.domain.sending import AttemptKey, Outgoing
from gateway.storage.batch import BatchStatement, execute
from gateway.storage.dispatch import MessageKey
from gateway.storage.tables import ConnectorRow, Phone
from gateway.storage.types import moment_of

_KEY = {"account_id": "bigint", "order_id": "uuid", "position": "int"}
_SAME = "m.account_id = u.account_id AND m.order_id = u.order_id AND m.position = u.position"
_WAITS = "m.state IN ('scheduled', 'queued') AND (m.expires_at IS NULL OR m.expires_at > :now)"

# One lane after the other, so that each part is an ordered walk over the index of what waits.
_UNTOLD = BatchStatement(f"""
    SELECT m.account_id, m.order_id, m.position, m.attempts, o.originator FROM (
        SELECT * FROM messages m WHERE m.connector = :connector AND m.priority = :priority AND {_WAITS} AND m.due_at <= :now
        ORDER BY m.due_at LIMIT :most) AS m
    JOIN orders o ON o.account_id = m.account_id AND o.id = m.order_id
    ORDER BY m.due_at, m.order_id, m.position
""")
_TELL = BatchStatement(
    f"""
    UPDATE messages AS m SET attempts = m.attempts + 1, due_at = u.again FROM {{rows}}
    WHERE {_SAME} AND {_WAITS}
    """,
    _KEY | {"again": "timestamptz"},
)
_UNTELL = BatchStatement(
    f"""
    UPDATE messages AS m SET attempts = m.attempts - 1, due_at = :again FROM {{rows}} WHERE {_SAME} AND {_WAITS} AND m.attempts > 0
    """,
    _KEY,
)
_ACCOUNT = BatchStatement(f"""
    SELECT m.account_id FROM messages m
    WHERE m.connector = :connector AND m.order_id = :order_id AND m.position = :position
        AND {_WAITS} AND (m.due_at <= :now OR m.attempts > 0)
""")
# What was told of is taken before its next telling is due; what was not, only when it is due.
_TAKE = BatchStatement(f"""
    UPDATE messages SET state = 'sending', fence = fence + 1, lease_until = :lease_until, due_at = :now, smsc_message_id = :name,
        attempts = CASE WHEN attempts = 0 THEN 1 ELSE attempts END
    WHERE account_id = :account_id AND order_id = :order_id AND position = :position AND connector = :connector
        AND {_WAITS.replace("m.", "")} AND (due_at <= :now OR attempts > 0)
    RETURNING fence
""")
_START = BatchStatement("""
    INSERT INTO attempts (account_id, order_id, position, number, connector, started_at)
    VALUES (:account_id, :order_id, :position, :number, :connector, :now)
""")
_TAKEN = BatchStatement("""
    SELECT m.account_id, m.order_id, m.position, m.fence, m.recipient, coalesce(m.text, o.text), coalesce(m.alphabet, o.alphabet), m.parts,
        o.originator, o.wants_receipt, m.expires_at, o.is_flash, o.is_encrypted
    FROM messages m JOIN orders o ON o.account_id = m.account_id AND o.id = m.order_id
    WHERE m.account_id = :account_id AND m.order_id = :order_id AND m.position = :position
""")
_NAMED = BatchStatement("""
    SELECT account_id, order_id, position, fence, state, parts FROM messages WHERE connector = :connector AND smsc_message_id = :name
""")


class Untold(NamedTuple):
    """A message that is due and that its telephone has to be told of. ``told``: how often it was already."""

    key: MessageKey
    told: int
    originator: str | None


class Named(NamedTuple):
    """A message that a telephone took."""

    key: AttemptKey
    state: State
    parts: int


def phones_of(session: Session, connector: str) -> Sequence[Phone]:
    """The numbers whose telephone serves this connector, oldest first."""
    return session.scalars(select(Phone).where(Phone.connector == connector).order_by(Phone.created_at, Phone.id)).all()


def serving(session: Session, account_id: int, kind: str, credential_id: UUID | None) -> Sequence[Phone]:
    """The account's numbers with a connector of this kind that is switched on; with a key, those bound to it."""
    connectors = select(ConnectorRow.name).where(ConnectorRow.kind == kind, ConnectorRow.enabled)
    chosen = [Phone.account_id == account_id, Phone.connector.in_(connectors)]
    if credential_id is not None:
        chosen.append(Phone.credential_id == credential_id)
    return session.scalars(select(Phone).where(*chosen).order_by(Phone.created_at, Phone.id)).all()


def untold(session: Session, connector: str, priority: int, now: datetime, most: int) -> list[Untold]:
    """Messages of one lane that are due, the longest due first."""
    params = {"connector": connector, "priority": priority, "now": now, "most": most}
    return [Untold(_key(row), row[3], row[4]) for row in execute(session, _UNTOLD, params)]


def tell(session: Session, again: Sequence[tuple[MessageKey, datetime]], now: datetime) -> None:
    """Counts a telling of each message, the next being due at its moment."""
    execute(session, _TELL, {"now": now}, [(*key, moment) for key, moment in sorted(again)])


def untell(session: Session, keys: Collection[MessageKey], now: datetime, again: datetime) -> None:
    """Takes tellings back that came to nothing; the next is due at ``again``."""
    execute(session, _UNTELL, {"now": now, "again": again}, sorted(keys))


def take(
    session: Session, connector: str, order_id: UUID, position: int, name: str, now: datetime, lease_until: datetime
) -> Outgoing | None:
    """Claims one message for its telephone, under a name, and notes the start of an attempt; None where it does not wait, or not yet."""
    place = {"connector": connector, "order_id": order_id, "position": position, "now": now}
    for (account_id,) in execute(session, _ACCOUNT, place):
        whole = place | {"account_id": account_id}
        claimed = execute(session, _TAKE, whole | {"name": name, "lease_until": lease_until})
        if claimed:
            execute(session, _START, whole | {"number": claimed[0][0]})
            return _outgoing(execute(session, _TAKEN, {key: whole[key] for key in ("account_id", "order_id", "position")})[0])
    return None


def named(session: Session, connector: str, name: str) -> Named | None:
    """The message that was taken under this name."""
    for row in execute(session, _NAMED, {"connector": connector, "name": name}):
        return Named(AttemptKey(*_key(row), row[3]), State(row[4]), row[5])
    return None


def _key(row: tuple[Any, ...]) -> MessageKey:
    return row[0], row[1] if isinstance(row[1], UUID) else UUID(row[1]), row[2]


def _outgoing(row: tuple[Any, ...]) -> Outgoing:
    return Outgoing(
        key=AttemptKey(*_key(row), row[3]),
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
