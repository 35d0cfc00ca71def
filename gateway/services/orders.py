"""What customers ask about their orders and their credit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import select

from gateway.domain.errors import NotFound
from gateway.domain.message import State
from gateway.domain.tariff import MessageType
from gateway.services.core import Gateway
from gateway.services.ordering import current_offer
from gateway.storage import orders as stored
from gateway.storage.tables import Account, Message, Order

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class MessageState:
    """Where one message stands. ``final_at`` is when it came to rest, ``failure`` why it ended otherwise than delivered."""

    recipient: str
    state: State
    final_at: datetime | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class OrderState:
    """Where every message of an order stands, in the order given."""

    wants_receipt: bool
    messages: Sequence[MessageState]


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, both ends included, and the rows of it that are wanted."""

    start: datetime
    end: datetime
    offset: int
    limit: int
    newest_first: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some of ``total`` rows."""

    total: int
    rows: Sequence[Row]


class SentText(NamedTuple):
    """One message of an order whose recipients each have a text of their own. ``text`` as it travels: perhaps transliterated."""

    recipient: str
    text: str
    parts: int


def sent_texts(gateway: Gateway, account_id: int, order_id: UUID) -> list[SentText]:
    """What an order sends to whom, in the order given. For orders with a text for each."""
    columns = select(Message.recipient, Message.own_text, Message.parts)
    with gateway.reading() as session:
        rows = session.execute(columns.where(Message.account_id == account_id, Message.order_id == order_id).order_by(Message.position))
        return [SentText(recipient, text or "", parts) for recipient, text, parts in rows]


def state(gateway: Gateway, account_id: int, dialect: str, public_id: str) -> OrderState:
    """The state of an order.

    Raises:
        NotFound: the account has no such order.
    """
    with gateway.reading() as session:
        order = stored.find(session, account_id, dialect, public_id)
        if order is None:
            raise NotFound("order")
        rows = stored.messages(session, order)
        return OrderState(order.wants_receipt, [MessageState(row.recipient, State(row.state), row.final_at, row.failure) for row in rows])


def history(gateway: Gateway, account_id: int, span: Span) -> Page[Order]:
    """Orders accepted in a span of time."""
    with gateway.reading() as session:
        total, rows = stored.history(session, account_id, span.start, span.end, span.offset, span.limit, newest_first=span.newest_first)
        session.expunge_all()
        return Page(total, rows)


def recipient_history(gateway: Gateway, account_id: int, recipient: str, span: Span) -> Page[tuple[Order, Message]]:
    """Messages to one recipient (E.164) accepted in a span of time."""
    with gateway.reading() as session:
        total, rows = stored.recipient_history(
            session, account_id, recipient, span.start, span.end, span.offset, span.limit, newest_first=span.newest_first
        )
        session.expunge_all()
        return Page(total, rows)


def credit(gateway: Gateway, account_id: int) -> tuple[Account, Mapping[MessageType, int | None]]:
    """The account with its balance, and the price of one part of each type in units (None: only some prefixes are served)."""
    prices = current_offer(gateway).prices
    with gateway.reading() as session:
        account = session.get_one(Account, account_id)
        session.expunge_all()
    return account, {kind: prices.default(kind) for kind in MessageType}
