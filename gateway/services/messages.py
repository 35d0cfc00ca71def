"""Single messages, for clients that know messages instead of orders: listing, searching, reading and deleting them.

Orders of every dialect are seen: an account has one history. Source: contract httpsms 4.3 to 4.6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain import ids
from gateway.domain.errors import NotFound
from gateway.domain.message import WAITING, State
from gateway.services.core import Gateway
from gateway.services.ledger import refund
from gateway.storage import inbound as received
from gateway.storage import messages as stored
from gateway.storage import threads
from gateway.storage.messages import SORTS as SORTS
from gateway.storage.messages import Found
from gateway.storage.messages import Search as Search
from gateway.storage.tables import Message, Order, Phone

CHUNK = 500
CANCELLED = "cancelled: the message was deleted before it was sent"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message with all that is told of it. ``phone`` is what its sender is registered as now, if it is."""

    order: Order
    message: Message
    last_attempt_at: datetime | None
    phone: Phone | None

    @property
    def id(self) -> UUID:
        """The message's own id."""
        return ids.message_id(self.order.id, self.message.position)

    @property
    def content(self) -> str:
        """What the customer wrote."""
        return content_of(self.order, self.message)


def content_of(order: Order, message: Message) -> str:
    """What the customer wrote to this recipient, before any policy changed it for the carrier."""
    return message.own_text or order.text_read or order.text


def conversation(gateway: Gateway, account_id: int, owner: str, contact: str, text: str, offset: int, limit: int) -> list[Shown]:
    """Messages from ``owner`` to ``contact`` (both compared exactly), newest first, among the newest ten thousand to that contact.

    Args:
        text: narrows to messages whose content holds it, without regard to case; "" does not.
    """
    with gateway.reading() as session:
        return shown(session, account_id, stored.conversation(session, account_id, owner, contact, text, offset, limit))


def search(gateway: Gateway, account_id: int, wanted: Search, offset: int, limit: int) -> list[Shown]:
    """Messages that fit, among the newest ten thousand of the account."""
    with gateway.reading() as session:
        return shown(session, account_id, stored.search(session, account_id, wanted, offset, limit))


def get(gateway: Gateway, account_id: int, message_id: UUID) -> Shown:
    """One message.

    Raises:
        NotFound: the account has none with this id, or it was deleted.
    """
    with gateway.reading() as session:
        found = stored.one(session, account_id, message_id)
        if found is None:
            raise NotFound("message")
        (only,) = shown(session, account_id, [found])
        return only


def delete(gateway: Gateway, account_id: int, message_id: UUID) -> None:
    """Takes a message out of every list. One that still waits is not sent any more, and paid back.

    Raises:
        NotFound: as :func:`get`.
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        message = stored.hold(session, account_id, message_id)
        if message is None:
            raise NotFound("message")
        _withdraw(session, [message], now)
        order = session.get_one(Order, (account_id, message.order_id))
        if order.originator is not None:
            renew_preview(session, account_id, order.originator, message.recipient, message_id, now)


def delete_conversation(gateway: Gateway, account_id: int, owner: str, contact: str, end: Callable[[Session, UUID], None]) -> None:
    """Takes every message of a conversation out of the lists, as :func:`delete` does, some hundred in one transaction.

    Args:
        end: is called in the last of these transactions, with the id that every deleted message's order lies below.
    """
    now = gateway.clock.now()
    since, before = UUID(int=0), ids.first_uuid7(now + timedelta(milliseconds=1))
    while True:
        with gateway.writing() as session:
            held = stored.hold_conversation(session, account_id, owner, contact, since, before, CHUNK)
            _withdraw(session, held, now)
            if len(held) < CHUNK:
                received.hide_conversation(session, account_id, owner, contact, now)
                end(session, before)
                return
            since = held[-1].order_id


def _withdraw(session: Session, held: Sequence[Message], now: datetime) -> None:
    """Hides locked messages, and cancels and pays back those that wait: one ledger entry for each order."""
    owed: defaultdict[UUID, int] = defaultdict(int)
    for message in held:
        message.hidden_at = now
        if State(message.state) in WAITING:
            message.state, message.final_at, message.failure = State.CANCELLED.value, now, CANCELLED
            owed[message.order_id] += message.units - message.refunded_units
            message.refunded_units = message.units
    session.flush()
    for order_id in sorted(owed):
        refund(session, session.get_one(Order, (held[0].account_id, order_id)), owed[order_id], now, "cancelled")


def renew_preview(session: Session, account_id: int, owner: str, contact: str, message_id: UUID, now: datetime) -> None:
    """The conversation that showed this message, which was deleted, shows the newest that remains, sent or received."""
    thread = threads.showing(session, account_id, owner, contact, message_id)
    if thread is None:
        return
    lines = [
        *stored.conversation_lines(session, account_id, owner, contact, "", 1),
        *received.conversation_lines(session, account_id, owner, contact, "", 1),
    ]
    newest = [max(lines, key=lambda line: line.at)] if lines else []
    thread.last_message_id = thread.last_text = None
    for order, message in stored.of_lines(session, account_id, newest).values():
        thread.last_message_id, thread.last_text = ids.message_id(order.id, message.position), content_of(order, message)
    for row in received.of_lines(session, newest).values():
        thread.last_message_id, thread.last_text = row.public_id, row.text
    thread.updated_at = now


def shown(session: Session, account_id: int, found: Sequence[Found]) -> list[Shown]:
    """The messages with all that is told of them. Whatever else the session holds is let go of."""
    started = stored.last_started(session, account_id, [(message.order_id, message.position) for _, message in found])
    phones = stored.phones(session, account_id, {order.originator for order, _ in found if order.originator})
    session.expunge_all()
    return [
        Shown(order, message, started.get((message.order_id, message.position)), phones.get(order.originator or ""))
        for order, message in found
    ]
