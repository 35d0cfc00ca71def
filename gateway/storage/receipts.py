"""Delivery receipts as they came; those without a message are parked until it is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.storage.batch import BatchStatement, execute, join_by_key
from gateway.storage.dispatch import MessageKey
from gateway.storage.types import moment_of

MAX_NUMBER = 17


class Parked(NamedTuple):
    """A stored receipt that has no message yet."""

    id: int
    connector: str
    receipt: Receipt


_COLUMNS = {
    "smsc_message_id": "text", "state": "text", "carrier_code": "text", "at": "timestamptz", "recipient": "text",
    "account_id": "bigint", "order_id": "uuid", "position": "int",
}  # fmt: skip
_INSERT = BatchStatement(
    f"""
    INSERT INTO receipts (connector, received_at, {", ".join(_COLUMNS)})
    SELECT :connector, :now, {", ".join(_COLUMNS)} FROM {{rows}}
    """,
    _COLUMNS,
)
_PARKED = "r.id, r.connector, r.smsc_message_id, r.state, r.at, r.carrier_code, r.recipient"
_FIND_PARKED = BatchStatement(
    f"""
    SELECT {_PARKED} FROM receipts r
    WHERE r.connector = :connector AND r.smsc_message_id {{among}} AND r.account_id IS NULL ORDER BY r.id {{lock}}
    """,
    {"smsc_message_id": "text"},
    "FOR UPDATE OF r",
)
# In the order of the index of parked receipts: by id, both databases would rather read every receipt there ever was.
_FIND_LATE = BatchStatement(f"""
    SELECT {_PARKED} FROM receipts r JOIN messages m ON m.connector = r.connector AND m.smsc_message_id = r.smsc_message_id
    WHERE r.account_id IS NULL AND m.smsc_message_id IS NOT NULL
    ORDER BY r.connector, r.smsc_message_id, r.id LIMIT :most
""")
_UNPARK = BatchStatement(
    "UPDATE receipts AS r SET account_id = u.account_id, order_id = u.order_id, position = u.position FROM {rows} WHERE r.id = u.id",
    {"id": "bigint", "account_id": "bigint", "order_id": "uuid", "position": "int"},
)
# Parked by another form of the id, before that form was known: whoever came last is looked at again for a while.
_UNCLAIMED = BatchStatement(f"""
    SELECT {_PARKED} FROM receipts r WHERE r.account_id IS NULL AND r.recipient IS NOT NULL AND r.received_at >= :since
    ORDER BY r.connector, r.smsc_message_id, r.id LIMIT :most
""")
_RECIPIENTS = BatchStatement(
    """
    SELECT m.smsc_message_id, m.recipient FROM messages m
    WHERE m.connector = :connector AND m.smsc_message_id {among} ORDER BY m.account_id, m.order_id, m.position
    """,
    {"smsc_message_id": "text"},
)
_RENAME = BatchStatement(
    "UPDATE receipts AS r SET smsc_message_id = u.name FROM {rows} WHERE r.id = u.id", {"id": "bigint", "name": "text"}
)
_LEARNED = BatchStatement("SELECT receipt_id_form FROM connector_standings WHERE connector = :connector")
_LEARN = BatchStatement("""
    INSERT INTO connector_standings (connector, is_connected, receipt_id_form, noted_at) VALUES (:connector, true, :form, :now)
    ON CONFLICT (connector) DO UPDATE SET receipt_id_form = excluded.receipt_id_form
""")
_FORGETTABLE = BatchStatement("SELECT 1 FROM receipts WHERE account_id IS NULL AND received_at < :before LIMIT 1")
_FORGET = BatchStatement("""
    DELETE FROM receipts WHERE id IN (
        SELECT id FROM receipts WHERE account_id IS NULL AND received_at < :before ORDER BY connector, smsc_message_id LIMIT :most)
""")


def store(session: Session, connector: str, receipts: Sequence[tuple[Receipt, MessageKey | None]], now: datetime) -> None:
    """Writes receipts down, each with its message where that is known."""
    rows = [
        (r.smsc_message_id, r.state.value, r.carrier_code, r.at, r.recipient[:MAX_NUMBER] or None, *(key or (None, None, None)))
        for r, key in receipts
    ]
    execute(session, _INSERT, {"connector": connector, "now": now}, rows)


def parked(session: Session, connector: str, smsc_message_ids: Iterable[str]) -> list[Parked]:
    """Receipts that came before their message was known by these names, locked, oldest first."""
    rows = [(name,) for name in sorted(set(smsc_message_ids))]
    return [_parked(row) for row in execute(session, _FIND_PARKED, {"connector": connector}, rows)]


def late(session: Session, most: int) -> list[Parked]:
    """Parked receipts whose message is known by now; those of one name oldest first."""
    join_by_key(session)
    return [_parked(row) for row in execute(session, _FIND_LATE, {"most": most})]


def unclaimed(session: Session, since: datetime, most: int) -> list[Parked]:
    """Parked receipts that came lately and say whom their message went to."""
    return [_parked(row) for row in execute(session, _UNCLAIMED, {"since": since, "most": most})]


def recipients(session: Session, connector: str, smsc_message_ids: Iterable[str]) -> dict[str, str]:
    """Id given at submission → recipient, of those among the ids that are messages; the last one where a carrier used an id twice."""
    join_by_key(session)
    rows = [(name,) for name in sorted(set(smsc_message_ids))]
    return {str(name): str(recipient) for name, recipient in execute(session, _RECIPIENTS, {"connector": connector}, rows)}


def rename(session: Session, names: Sequence[tuple[int, str]]) -> None:
    """Gives parked receipts, by their row id, the id that their message was given."""
    execute(session, _RENAME, {}, names)


def learned_form(session: Session, connector: str) -> str | None:
    """How the connector's receipts name messages, as far as that was found out."""
    rows = execute(session, _LEARNED, {"connector": connector})
    return rows[0][0] if rows else None


def learn_form(session: Session, connector: str, form: str, now: datetime) -> None:
    """Writes down how the connector's receipts name messages."""
    execute(session, _LEARN, {"connector": connector, "form": form, "now": now})


def unpark(session: Session, found: Sequence[tuple[int, MessageKey]]) -> None:
    """Gives parked receipts, by their row id, to their messages."""
    execute(session, _UNPARK, {}, [(row_id, *key) for row_id, key in found])


def has_forgettable(session: Session, before: datetime) -> bool:
    """Whether there are receipts that no message claimed in all this time."""
    return bool(execute(session, _FORGETTABLE, {"before": before}))


def forget_parked(session: Session, before: datetime, most: int) -> None:
    """Deletes receipts that no message claimed in all this time."""
    execute(session, _FORGET, {"before": before, "most": most})


def _parked(row: tuple[object, ...]) -> Parked:
    row_id, connector, name, state, at, code, recipient = row
    assert isinstance(row_id, int) and not isinstance(at, (int, type(None)))
    return Parked(row_id, str(connector), Receipt(str(name), State(str(state)), moment_of(at), str(code), str(recipient or "")))  # type: ignore[arg-type]
