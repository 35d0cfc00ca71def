"""Who wants to be called about what, and writing down that they shall be: the side of callbacks that events touch.

Making the calls is :mod:`gateway.storage.callback_queue`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CompoundSelect, func, or_, select, union
from sqlalchemy.orm import Session

from gateway.domain.message import State
from gateway.storage.batch import BatchStatement, execute, join_by_key
from gateway.storage.dispatch import MessageKey
from gateway.storage.tables import CallbackBreaker, CallbackDelivery, CallbackEndpoint, Heartbeat, InboundMessage, Phone, User, Webhook
from gateway.storage.tables.callbacks import DEAD, OPEN


class Subscriber(NamedTuple):
    """Somebody to be called: of one account, or the operator (None). ``phone_numbers`` None: whatever number it is about."""

    endpoint: UUID
    account_id: int | None
    kind: str
    events: frozenset[str]
    phone_numbers: frozenset[str] | None


class MessageFacts(NamedTuple):
    """What is told of a message, as the database has it before it is changed."""

    account_id: int
    order_id: UUID
    position: int
    state: State
    recipient: str
    parts: int
    content: str
    client_ref: str | None
    originator: str | None
    label: str
    wants_receipt: bool
    is_encrypted: bool
    account: str
    zone: str
    sim: str | None


class NewDelivery(NamedTuple):
    """A call to be made. ``payload`` as JSON text."""

    id: UUID
    endpoint: UUID
    account_id: int | None
    kind: str
    event: str
    payload: str


class Quiet(NamedTuple):
    """A telephone number whose last heartbeat lies in a span of time."""

    account_id: int
    number: str
    phone_id: UUID
    at: datetime


_SUBSCRIBERS = BatchStatement(
    """
    SELECT id, account_id, kind, events, NULL FROM callbacks WHERE enabled AND (account_id IS NULL OR account_id {among})
    UNION ALL
    SELECT id, account_id, 'httpsms', events, phone_numbers FROM webhooks WHERE account_id {among}
    """,
    {"account_id": "bigint"},
)
_FACTS = BatchStatement(
    """
    SELECT m.account_id, m.order_id, m.position, m.state, m.recipient, m.parts, coalesce(m.text, o.text_read, o.text), o.client_ref,
        o.originator, o.label, o.wants_receipt, o.is_encrypted, a.name, a.zone, p.sim
    FROM {rows}
    JOIN messages m ON m.account_id = u.account_id AND m.order_id = u.order_id AND m.position = u.position
    JOIN orders o ON o.account_id = m.account_id AND o.id = m.order_id
    JOIN accounts a ON a.id = m.account_id
    LEFT JOIN phones p ON p.account_id = m.account_id AND p.number = o.originator
    """,
    {"account_id": "bigint", "order_id": "uuid", "position": "int"},
)
_ACCOUNTS = BatchStatement("SELECT id, name, zone FROM accounts WHERE id {among}", {"id": "bigint"})
_INSERT = BatchStatement(
    """
    INSERT INTO callback_deliveries (id, endpoint, account_id, kind, event, payload, created_at, next_at, attempts)
    SELECT id, endpoint, account_id, kind, event, payload, :now, :now, 0 FROM {rows} WHERE TRUE
    ON CONFLICT (id) DO NOTHING
    """,
    {"id": "uuid", "endpoint": "uuid", "account_id": "bigint", "kind": "text", "event": "text", "payload": "json"},
)


def subscribers(session: Session, account_ids: Collection[int | None]) -> list[Subscriber]:
    """The endpoints of these accounts that are on, and the operator's. Reads two small tables by their index."""
    rows = [(each,) for each in sorted(each for each in account_ids if each is not None)] or [(0,)]
    return [_subscriber(row) for row in execute(session, _SUBSCRIBERS, {}, rows)]


def facts(session: Session, keys: Iterable[MessageKey]) -> dict[MessageKey, MessageFacts]:
    """What is to be told of these messages, which the caller holds."""
    join_by_key(session)
    found = [_facts(row) for row in execute(session, _FACTS, {}, sorted(keys))]
    return {each[:3]: each for each in found}


def accounts(session: Session, account_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Name and zone of each account."""
    return {row[0]: (row[1], row[2]) for row in execute(session, _ACCOUNTS, {}, [(each,) for each in sorted(account_ids)])}


def inbound(session: Session, public_ids: Collection[UUID]) -> Sequence[InboundMessage]:
    """What came in under these ids, oldest first."""
    chosen = select(InboundMessage).where(InboundMessage.public_id.in_(public_ids)).order_by(InboundMessage.id)
    return session.scalars(chosen).all()


def add(session: Session, deliveries: Sequence[NewDelivery], now: datetime) -> None:
    """Writes calls down, due now. One that has the id of another is the same, and nothing is written for it."""
    execute(session, _INSERT, {"now": now}, deliveries)


def quiet(session: Session, after: datetime, until: datetime) -> list[Quiet]:
    """The telephones whose last sign of life came after one moment and not after another, of accounts with endpoints, or of all where the
    operator has one."""
    enabled = select(CallbackEndpoint.account_id).where(CallbackEndpoint.enabled)
    owners: CompoundSelect[tuple[int | None]] = union(select(Webhook.account_id), enabled.where(CallbackEndpoint.account_id.is_not(None)))
    mine = or_(Heartbeat.account_id.in_(owners), enabled.where(CallbackEndpoint.account_id.is_(None)).exists())
    last = (
        select(Heartbeat.account_id, Heartbeat.owner, Phone.id, func.max(Heartbeat.at))
        .join(Phone, (Phone.account_id == Heartbeat.account_id) & (Phone.number == Heartbeat.owner))
        .where(Heartbeat.at > after, mine)
        .group_by(Heartbeat.account_id, Heartbeat.owner, Phone.id)
        .having(func.max(Heartbeat.at) <= until)
    )
    return [Quiet(*row) for row in session.execute(last)]


def last_heartbeats(session: Session, account_id: int, numbers: Collection[str]) -> dict[str, datetime]:
    """When each of these numbers last gave a sign of life; those that never did are left out."""
    chosen = select(Heartbeat.owner, func.max(Heartbeat.at)).where(Heartbeat.account_id == account_id, Heartbeat.owner.in_(numbers))
    return {row[0]: row[1] for row in session.execute(chosen.group_by(Heartbeat.owner))}


def phone_ids(session: Session, account_id: int, numbers: Collection[str]) -> dict[str, UUID]:
    """The ids of the account's telephones with these numbers."""
    rows = session.execute(select(Phone.number, Phone.id).where(Phone.account_id == account_id, Phone.number.in_(numbers)))
    return {row[0]: row[1] for row in rows}


# Endpoints, for the operator


def hold(session: Session, endpoint: UUID) -> CallbackEndpoint | None:
    """The endpoint's row, locked on PostgreSQL."""
    return session.scalars(select(CallbackEndpoint).where(CallbackEndpoint.id == endpoint).with_for_update()).first()


def endpoint(session: Session, endpoint_id: UUID) -> CallbackEndpoint | Webhook | None:
    """The callback or the webhook with this id."""
    return session.get(CallbackEndpoint, endpoint_id) or session.get(Webhook, endpoint_id)


def endpoints(session: Session, account_id: int | None) -> list[CallbackEndpoint | Webhook]:
    """Every endpoint, or those of one account, oldest first."""
    callbacks, webhooks = select(CallbackEndpoint), select(Webhook)
    if account_id is not None:
        callbacks, webhooks = callbacks.where(CallbackEndpoint.account_id == account_id), webhooks.where(Webhook.account_id == account_id)
    found: list[CallbackEndpoint | Webhook] = [*session.scalars(callbacks), *session.scalars(webhooks)]
    return sorted(found, key=lambda row: (row.created_at, row.id))


def counts(session: Session, endpoint_id: UUID) -> tuple[int, int]:
    """How many of the endpoint's calls are still to be made, and how many were given up."""
    mine = select(func.count()).select_from(CallbackDelivery).where(CallbackDelivery.endpoint == endpoint_id)
    return session.scalar(mine.where(OPEN)) or 0, session.scalar(mine.where(DEAD)) or 0


def breaker(session: Session, endpoint_id: UUID) -> CallbackBreaker | None:
    """How the endpoint failed, if its last call did."""
    return session.get(CallbackBreaker, endpoint_id)


def with_secrets(session: Session) -> Sequence[CallbackEndpoint]:
    """Every callback. Locks them on PostgreSQL."""
    return session.scalars(select(CallbackEndpoint).order_by(CallbackEndpoint.id).with_for_update()).all()


def users(session: Session, account_id: int) -> list[tuple[str, list[str]]]:
    """User key and permissions of each user of the account, oldest first."""
    rows = session.execute(select(User.user_key, User.permissions).where(User.account_id == account_id).order_by(User.id))
    return [(key, permissions) for key, permissions in rows]


def totals(session: Session) -> tuple[int, int]:
    """How many calls are still to be made, and how many were given up, in all. Reads partial indexes only."""
    every = select(func.count()).select_from(CallbackDelivery)
    return session.scalar(every.where(OPEN)) or 0, session.scalar(every.where(DEAD)) or 0


def _subscriber(row: tuple[Any, ...]) -> Subscriber:
    numbers = None if row[4] is None else frozenset(_listed(row[4]))
    return Subscriber(_uuid(row[0]), row[1], row[2], frozenset(_listed(row[3])), numbers)


def _facts(row: tuple[Any, ...]) -> MessageFacts:
    return MessageFacts._make((row[0], _uuid(row[1]), row[2], State(row[3]), *row[4:10], bool(row[10]), bool(row[11]), *row[12:]))


def _listed(value: Any) -> list[str]:
    """A JSON column read through the driver: text on SQLite."""
    return list(json.loads(value) if isinstance(value, str) else value)


def _uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)
