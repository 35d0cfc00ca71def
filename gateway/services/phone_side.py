"""What a telephone with the httpSMS program asks and tells: its numbers, one message at a time, what became of it, what came in.

A telephone is told of each message by a push (:mod:`gateway.services.phone_push`) and then asks for that one. It serves the connectors that
the operator gave to its numbers. Source: contracts android-devices A and httpsms 3 and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.domain import ids
from gateway.domain.errors import NotFound
from gateway.domain.inbound import Inbound
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import AttemptKey, Event, FailureKind, Outcome, Outgoing
from gateway.services import dispatching, inbound, optouts, phones, polled
from gateway.services.core import Gateway
from gateway.services.phones import Phone, PhoneChange
from gateway.services.polled import Polled
from gateway.storage import phone_work as stored
from gateway.storage import phones as stored_phones
from gateway.storage.identity import Caller
from gateway.storage.tables import InboundMessage as InboundMessage
from gateway.storage.tables import User
from gateway.storage.types import storable

KIND = "httpsms_phone"
UNNAMED = "httpsms"
"""Where something came in by a telephone whose number has no connector of its own."""
PATIENCE = timedelta(minutes=35)
"""A telephone that missed two of its heartbeats, one in a quarter of an hour, is away."""
PHONE_EXPIRATION = 600
NO_SIGNAL = frozenset({"NO_SERVICE", "RADIO_OFF"})
LIMITED = "LIMIT_EXCEEDED"
LIMITED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that the telephone has now, and the number that it goes out from. ``id`` is the message's own."""

    id: UUID
    account_id: int
    phone: Phone
    text: str = field(repr=False)


def numbers_of_key(gateway: Gateway, caller: Caller) -> dict[str, Phone]:
    """The numbers that a telephone's key is bound to."""
    with gateway.reading() as session:
        found = stored_phones.bound_to(session, caller.account_id, [caller.credential_id] if caller.credential_id else [])
        session.expunge_all()
        return {phone.number: phone for phone in found}


def phone_of(gateway: Gateway, account_id: int, number: str) -> Phone | None:
    """The account's phone with this number."""
    with gateway.reading() as session:
        phone = stored_phones.by_number(session, account_id, number)
        session.expunge_all()
        return phone


def register(gateway: Gateway, caller: Caller, number: str, change: PhoneChange, *, bind: bool) -> Phone:
    """Makes or changes a number of the account as its telephone asks.

    Args:
        bind: ties the number to the key that the telephone called with; another key loses it.

    Raises:
        InvalidField: the account may not send from the number.
    """
    phone = phones.register(gateway, caller, number, change)
    if bind and phone.credential_id != caller.credential_id:
        with gateway.writing() as session:
            row = stored_phones.hold(session, caller.account_id, number)
            if row is not None:
                row.credential_id = caller.credential_id
        phone.credential_id = caller.credential_id
    called(gateway, [phone])
    return phone


def serving(gateway: Gateway, caller: Caller, *, bound: bool) -> list[Phone]:
    """The numbers of the calling telephone for which messages wait here.

    Args:
        bound: whether only numbers that the key is bound to count.
    """
    with gateway.reading() as session:
        rows = list(stored.serving(session, caller.account_id, KIND, caller.credential_id if bound else None))
        session.expunge_all()
        return rows


def called(gateway: Gateway, served: Sequence[Phone]) -> None:
    """Notes that the telephone of these numbers called: their connectors count as served for a while."""
    for name in sorted({phone.connector for phone in served if phone.connector}):
        connector = _connector(gateway, name)
        if connector is not None:
            polled.called(gateway, connector, PATIENCE)


def take(gateway: Gateway, served: Sequence[Phone], message_id: UUID) -> Taken:
    """Hands out one message, and leaves "attempt started" behind.

    Args:
        served: the numbers of the telephone, of which it is at least one.

    Raises:
        NotFound: no such message waits for this telephone: unknown, not due, taken before, or over.
    """
    now = gateway.clock.now()
    order_id, position = ids.of_message(message_id)
    for name in sorted({phone.connector for phone in served if phone.connector}):
        mine = [phone for phone in served if phone.connector == name]
        until = now + timedelta(seconds=max(phone.message_expiration_seconds or PHONE_EXPIRATION for phone in mine))
        with gateway.writing() as session:
            outgoing = _claimed(session, name, order_id, position, str(message_id), now, until)
        if outgoing is not None:
            return Taken(message_id, outgoing.key.account_id, _sender(mine, outgoing), outgoing.text)
    raise NotFound("message")


def tell(gateway: Gateway, served: Sequence[Phone], message_id: UUID, event: str, reason: str, at: datetime) -> int:
    """Records what became of a message; the account that it is of.

    Args:
        event: SENT, DELIVERED or FAILED.
        reason: with FAILED, in the telephone's words.
        at: the telephone's time of it.

    Raises:
        NotFound: this telephone never had such a message.
    """
    name = str(message_id)
    for connector in sorted({phone.connector for phone in served if phone.connector}):
        with gateway.reading() as session:
            found = stored.named(session, connector, name)
        if found is not None:
            dispatching.record(gateway, connector, _events(found, name, event, reason, at))
            return found.key.account_id
    raise NotFound("message")


def received(gateway: Gateway, account_id: int, phone: Phone | None, message: Inbound) -> InboundMessage:
    """Stores what came in by a telephone of the account; what is stored, which for a repeat is the first."""
    connector = phone.connector if phone is not None and phone.connector else UNNAMED
    with gateway.writing() as session:
        (found,) = inbound.receive(session, connector, [message], gateway.clock.now(), account_id)
        assert found is not None  # only a part of a message can leave it unfinished
        session.flush()
        row = session.scalars(select(InboundMessage).where(InboundMessage.public_id == found)).one()
        session.expunge(row)
        return row


def received_of_user(gateway: Gateway, user_key: str, public_id: UUID) -> InboundMessage | None:
    """What came in under this id, if it is of this user's account and was not deleted."""
    if not storable(user_key):
        return None
    with gateway.reading() as session:
        chosen = select(InboundMessage).join(User, User.account_id == InboundMessage.account_id)
        mine = (User.user_key == user_key, InboundMessage.public_id == public_id, InboundMessage.hidden_at.is_(None))
        row = session.scalars(chosen.where(*mine)).first()
        session.expunge_all()
        return row


def _connector(gateway: Gateway, name: str) -> Polled | None:
    try:
        return polled.find(gateway, name, KIND)
    except NotFound:
        return None


def _claimed(session: Session, connector: str, order_id: UUID, position: int, name: str, now: datetime, until: datetime) -> Outgoing | None:
    outgoing = stored.take(session, connector, order_id, position, name, now, until)
    let_through = optouts.let_through(session, [outgoing], now) if outgoing else []
    return let_through[0] if let_through else None


def _sender(mine: Sequence[Phone], outgoing: Outgoing) -> Phone:
    """The number that a message goes out from: the one it names, else the telephone's first."""
    return next((phone for phone in mine if phone.number == outgoing.originator), mine[0])


def _events(found: stored.Named, name: str, event: str, reason: str, at: datetime) -> list[Event]:
    accepted = Outcome.accepted(found.key, name, event)
    if event == "SENT":
        return [accepted]
    if event == "DELIVERED":
        return [accepted, Receipt(name, State.DELIVERED, at, event)]
    if found.state is State.SENT:
        return [Receipt(name, State.UNDELIVERED, at, reason)]
    return [_failed(found.key, found.parts, reason)]


def _failed(key: AttemptKey, parts: int, reason: str) -> Outcome:
    """A message that the telephone did not send. Of several parts only the last one's fate is told, so that is never tried again."""
    if parts == 1 and reason in NO_SIGNAL:
        return Outcome.failed(key, FailureKind.RETRY_LATER, reason)
    if parts == 1 and reason == LIMITED:
        return Outcome.failed(key, FailureKind.RETRY_LATER, reason, retry_after_seconds=LIMITED_SECONDS)
    is_code = reason.isupper() and " " not in reason
    return Outcome.failed(key, FailureKind.FINAL, reason if is_code else "", "" if is_code else reason)
