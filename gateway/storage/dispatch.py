"""The messages on their way: what waits, claiming it, and writing down what became of it.

Every change of a claimed message has the same three steps: lock its row, decide on the values, write them back. Rows are
locked in the order of their key before any account is, so that two dispatchers never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain.alphabet import Alphabet
from gateway.domain.message import State
from gateway.domain.sending import MAX_DETAIL, AttemptKey, Outgoing
from gateway.storage.batch import BatchStatement, execute, join_by_key
from gateway.storage.types import moment_of

Moment = datetime | str
"""An instant as the driver gives and takes it: text on SQLite."""

MessageKey = tuple[int, UUID, int]

ReceiptPlace = tuple[datetime, int, UUID, int]
"""Where a message stands among those that wait for a receipt: when it is due, and the message's key."""


OPERATOR = "the operator "
"""How the detail of an attempt begins once an operator has decided what becomes of its message."""


class Held(NamedTuple):
    """A locked message: what decisions need and what they change. ``wants_receipt`` is known for attempted messages only."""

    account_id: int
    order_id: UUID
    position: int
    connector: str
    units: int
    fence: int
    state: State
    attempts: int
    due_at: Moment
    smsc_message_id: str | None
    sent_at: Moment | None
    receipt_due_at: Moment | None
    final_at: Moment | None
    failure: str | None
    refunded_units: int
    wants_receipt: bool = False

    @property
    def key(self) -> MessageKey:
        return self[:3]


class Ended(NamedTuple):
    """What is written on an attempt when it is over."""

    key: AttemptKey
    outcome: str
    carrier_code: str | None
    detail: str | None
    smsc_message_id: str | None


class Awaiting(NamedTuple):
    """A sent message that waits for its final receipt."""

    place: ReceiptPlace
    smsc_message_id: str
    recipient: str


_KEY = {"account_id": "bigint", "order_id": "uuid", "position": "int"}
_SAME = "m.account_id = u.account_id AND m.order_id = u.order_id AND m.position = u.position"
_ORDERED = "ORDER BY m.account_id, m.order_id, m.position"
_HELD = ", ".join(f"m.{name}" for name in Held._fields[:-1])
_READY = "connector = :connector AND state IN ('scheduled', 'queued') AND due_at <= :now AND (expires_at IS NULL OR expires_at > :now)"

_WAITING = BatchStatement(f"""
    SELECT u.priority, (SELECT count(*) FROM (
        SELECT 1 FROM messages WHERE priority = u.priority AND {_READY} ORDER BY due_at LIMIT :most) AS w)
    FROM {{rows}}
""", {"priority": "int"})  # fmt: skip
_CLAIMED = "account_id, order_id, position, fence, recipient, text, alphabet, parts, expires_at, due_at"
# By ctid in an array: evaluated once, and no plan for it reads the table, however wrongly the planner guesses the LIMIT. A row
# that somebody changed at this very moment is passed over and comes with the next claim.
_CLAIM = BatchStatement(f"""
    WITH claimed AS (
        UPDATE messages SET state = 'sending', fence = fence + 1, attempts = attempts + 1, lease_until = :lease_until
        WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM messages WHERE priority = :priority AND {_READY} ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED))
        RETURNING {_CLAIMED}),
    started AS (
        INSERT INTO attempts (account_id, order_id, position, number, connector, started_at)
        SELECT account_id, order_id, position, fence, :connector, :now FROM claimed)
    SELECT {_CLAIMED} FROM claimed ORDER BY due_at, order_id, position
""")
_CLAIM_SQLITE = BatchStatement(f"""
    UPDATE messages SET state = 'sending', fence = fence + 1, attempts = attempts + 1, lease_until = :lease_until
    WHERE rowid IN (SELECT rowid FROM messages WHERE priority = :priority AND {_READY} ORDER BY due_at LIMIT :most)
    RETURNING {_CLAIMED}
""")
_START_SQLITE = BatchStatement(
    """
    INSERT INTO attempts (account_id, order_id, position, number, connector, started_at)
    SELECT account_id, order_id, position, number, :connector, :now FROM {rows}
    """,
    _KEY | {"number": "bigint"},
)
_BODIES = BatchStatement(
    """
    SELECT o.account_id, o.id, o.text, o.alphabet, o.originator, o.wants_receipt, o.is_flash, o.is_encrypted
    FROM {rows} JOIN orders o ON o.account_id = u.account_id AND o.id = u.order_id
    """,
    {"account_id": "bigint", "order_id": "uuid"},
)
_HOLD_ATTEMPTED = BatchStatement(
    f"""
    SELECT {_HELD}, o.wants_receipt FROM {{rows}} JOIN messages m ON {_SAME}
    JOIN orders o ON o.account_id = m.account_id AND o.id = m.order_id {_ORDERED} {{lock}}
    """,
    _KEY,
    "FOR UPDATE OF m",
)
_HOLD_NAMED = BatchStatement(
    f"""
    SELECT {_HELD} FROM messages m WHERE m.connector = :connector AND m.smsc_message_id {{among}} {_ORDERED} {{lock}}
    """,
    {"smsc_message_id": "text"},
    "FOR UPDATE OF m",
)
_WRITTEN = {
    "state": "text", "attempts": "int", "due_at": "timestamptz", "smsc_message_id": "text", "sent_at": "timestamptz",
    "receipt_due_at": "timestamptz", "final_at": "timestamptz", "failure": "text", "refunded_units": "bigint",
}  # fmt: skip
_WRITE = BatchStatement(
    f"""
    UPDATE messages AS m SET {", ".join(f"{name} = u.{name}" for name in _WRITTEN)}, lease_until = NULL
    FROM {{rows}} WHERE {_SAME}
    """,
    _KEY | _WRITTEN,
)
_EXTEND = BatchStatement(
    f"UPDATE messages AS m SET lease_until = :until FROM {{rows}} WHERE {_SAME} AND m.fence = u.number AND m.state = 'sending'",
    _KEY | {"number": "bigint"},
)
_PUT_OFF = BatchStatement(
    f"""
    UPDATE messages AS m SET state = 'queued', attempts = m.attempts - 1, lease_until = NULL, due_at = u.due FROM {{rows}}
    WHERE {_SAME} AND m.fence = u.number AND m.state = 'sending'
    """,
    _KEY | {"number": "bigint", "due": "timestamptz"},
)
_WRITTEN_FROM = Held._fields.index("state")
_WRITTEN_TO = _WRITTEN_FROM + len(_WRITTEN)
# A late answer without words of its own keeps those that say why the attempt was given up, and any keeps what the operator did.
_END = BatchStatement(
    f"""
    UPDATE attempts AS a SET finished_at = :now, outcome = u.outcome, carrier_code = coalesce(u.carrier_code, a.carrier_code),
        detail = CASE WHEN substr(a.detail, 1, {len(OPERATOR)}) = '{OPERATOR}' AND u.detail IS NOT NULL
            THEN substr(a.detail || '; later: ' || u.detail, 1, {MAX_DETAIL}) ELSE coalesce(u.detail, a.detail) END,
        smsc_message_id = u.smsc_message_id
    FROM {{rows}}
    WHERE a.account_id = u.account_id AND a.order_id = u.order_id AND a.position = u.position AND a.number = u.number
        AND (a.outcome IS NULL OR a.outcome = 'unknown')
    """,
    _KEY | {"number": "bigint", "outcome": "text", "carrier_code": "text", "detail": "text", "smsc_message_id": "text"},
)


class Sweep(NamedTuple):
    """Messages whose time has run out: one statement to see whether there are any, one to lock them."""

    look: BatchStatement
    hold: BatchStatement


def _sweep(condition: str, column: str) -> Sweep:
    found = f"FROM messages m WHERE {condition} ORDER BY {column} LIMIT"
    return Sweep(
        BatchStatement(f"SELECT 1 {found} 1"), BatchStatement(f"SELECT {_HELD} {found} :most {{lock}}", lock="FOR UPDATE SKIP LOCKED")
    )


LEASE_OVER = _sweep("m.state = 'sending' AND m.lease_until < :now", "m.lease_until")
VALIDITY_OVER = _sweep("m.state IN ('scheduled', 'queued') AND m.expires_at IS NOT NULL AND m.expires_at <= :now", "m.expires_at")
RECEIPT_OVERDUE = _sweep("m.receipt_due_at IS NOT NULL AND m.receipt_due_at < :now", "m.receipt_due_at")

# What was recorded together is due at one moment, so the key says how far a page came. The first columns use the index.
_AWAITING = BatchStatement("""
    SELECT receipt_due_at, account_id, order_id, position, smsc_message_id, recipient FROM messages
    WHERE receipt_due_at IS NOT NULL AND receipt_due_at >= :due
        AND (receipt_due_at, account_id, order_id, position) > (:due, :account_id, :order_id, :position)
        AND connector = :connector AND state = 'sent' AND sent_at < :sent_before
    ORDER BY receipt_due_at, account_id, order_id, position LIMIT :most
""")


_UNKNOWN = BatchStatement(f"""
    SELECT {_CLAIMED} FROM messages WHERE state = 'unknown' AND connector = :connector
        AND (account_id, order_id, position) > (:account_id, :order_id, :position)
    ORDER BY account_id, order_id, position LIMIT :most
""")


def waiting(session: Session, connector: str, priorities: Iterable[int], now: datetime, most: int) -> dict[int, int]:
    """How many messages could be claimed in each lane, counted up to ``most``. Locks nothing."""
    params = {"connector": connector, "now": now, "most": most}
    return {row[0]: row[1] for row in execute(session, _WAITING, params, [(priority,) for priority in priorities])}


def claim(session: Session, connector: str, priority: int, most: int, now: datetime, lease_until: datetime) -> list[Outgoing]:
    """Takes up to ``most`` due messages of one lane for sending, oldest first, and notes the start of an attempt for each."""
    params = {"connector": connector, "priority": priority, "most": most, "now": now, "lease_until": lease_until}
    if session.connection().dialect.name == "sqlite":
        rows = sorted(execute(session, _CLAIM_SQLITE, params), key=lambda row: (row[9], row[1], row[2]))
        execute(session, _START_SQLITE, {"connector": connector, "now": now}, [row[:4] for row in rows])
    else:
        rows = execute(session, _CLAIM, params)
    orders = {row[:2]: row[2:] for row in execute(session, _BODIES, {}, list({row[:2] for row in rows}))}
    return [_outgoing(row, orders[row[:2]]) for row in rows]


def put_off(session: Session, dues: Sequence[tuple[AttemptKey, datetime]], words: str, now: datetime) -> None:
    """Lets claimed messages wait until they are due again, in the transaction that claimed them: nobody saw them. ``words`` say why."""
    execute(session, _PUT_OFF, {}, [(*key, due) for key, due in dues])
    end_attempts(session, [Ended(key, "returned", None, words, None) for key, _ in dues], now)


def hold_attempted(session: Session, keys: Iterable[AttemptKey]) -> dict[MessageKey, Held]:
    """Locks the messages of these attempts."""
    join_by_key(session)
    return {held.key: held for held in map(_held, execute(session, _HOLD_ATTEMPTED, {}, sorted(key[:3] for key in keys)))}


def hold_named(session: Session, connector: str, smsc_message_ids: Iterable[str]) -> list[Held]:
    """Locks the messages that the carrier gave these names."""
    join_by_key(session)
    rows = [(name,) for name in sorted(set(smsc_message_ids))]
    return [_held(row) for row in execute(session, _HOLD_NAMED, {"connector": connector}, rows)]


def has_swept(session: Session, sweep: Sweep, now: datetime) -> bool:
    """Whether there are messages whose time has run out. Locks nothing."""
    join_by_key(session)
    return bool(execute(session, sweep.look, {"now": now}))


def hold_swept(session: Session, sweep: Sweep, now: datetime, most: int) -> list[Held]:
    """Locks up to ``most`` messages whose time has run out, leaving those that another dispatcher is at."""
    join_by_key(session)
    return [_held(row) for row in execute(session, sweep.hold, {"now": now, "most": most})]


def write(session: Session, messages: Sequence[Held]) -> None:
    """Writes held messages back. Their lease ends."""
    execute(session, _WRITE, {}, [(*held[:3], *held[_WRITTEN_FROM:_WRITTEN_TO]) for held in messages])


def extend(session: Session, keys: Collection[AttemptKey], until: datetime) -> None:
    """Lengthens the leases of attempts that still run; one that ended, was given up or was claimed anew is left alone."""
    hold_attempted(session, keys)
    execute(session, _EXTEND, {"until": until}, list(keys))


def end_attempts(session: Session, attempts: Sequence[Ended], now: datetime) -> None:
    """Closes attempts that are open or were given up as unknown."""
    execute(session, _END, {"now": now}, [(*ended.key, *ended[1:]) for ended in attempts])


def awaiting(session: Session, connector: str, sent_before: datetime, after: ReceiptPlace, most: int) -> list[Awaiting]:
    """Sent messages without a final receipt, in the order their receipts are due, behind ``after``."""
    place = dict(zip(("due", "account_id", "order_id", "position"), after, strict=True))
    params = place | {"connector": connector, "sent_before": sent_before, "most": most}
    return [_awaiting(row) for row in execute(session, _AWAITING, params)]


def unknown(session: Session, connector: str, after: MessageKey, most: int) -> list[Outgoing]:
    """Messages behind ``after`` whose last try by this connector ended without an answer, as they were handed over then."""
    place = dict(zip(("account_id", "order_id", "position"), after, strict=True))
    rows = execute(session, _UNKNOWN, place | {"connector": connector, "most": most})
    orders = {row[:2]: row[2:] for row in execute(session, _BODIES, {}, list({row[:2] for row in rows}))}
    return [_outgoing(row, orders[row[:2]]) for row in rows]


def _awaiting(row: tuple[Any, ...]) -> Awaiting:
    due, account_id, order_id, position, name, recipient = row
    return Awaiting((moment_of(due), account_id, order_id if isinstance(order_id, UUID) else UUID(order_id), position), name, recipient)


def _held(row: tuple[Any, ...]) -> Held:
    order_id = row[1] if isinstance(row[1], UUID) else UUID(row[1])
    return Held._make((row[0], order_id, *row[2:6], State(row[6]), *row[7:], False)[: len(Held._fields)])


def _outgoing(row: tuple[Any, ...], order: tuple[Any, ...]) -> Outgoing:
    account_id, order_id, position, fence, recipient, text, alphabet, parts, expires_at, _due_at = row
    return Outgoing(
        key=AttemptKey(account_id, order_id if isinstance(order_id, UUID) else UUID(order_id), position, fence),
        recipient=recipient,
        text=order[0] if text is None else text,
        alphabet=Alphabet(alphabet or order[1]),
        parts=parts,
        originator=order[2],
        wants_receipt=bool(order[3]),
        expires_at=expires_at and moment_of(expires_at),
        is_flash=bool(order[4]),
        is_encrypted=bool(order[5]),
    )
