"""Taking an order: prices it, records it, charges for it. And taking it back while it waits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain.credit import credits_ceil
from gateway.domain.errors import DuplicateReference, IdempotencyMismatch, InvalidDate, NotCancellable, NotFound, TooManyRecipients
from gateway.domain.ids import uuid7
from gateway.domain.message import State
from gateway.domain.order import Submission
from gateway.domain.parts import Encoded, TextPolicy, encode
from gateway.domain.tariff import PriceList
from gateway.services.core import Gateway
from gateway.services.ledger import refund
from gateway.services.pricing import Offer, read_offer
from gateway.storage import accept as acceptance
from gateway.storage import orders as stored
from gateway.storage.accept import Item, Mixed, NewOrder, ReferenceTaken, Uniform
from gateway.storage.tables import Order

CANCEL_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Accepted:
    """A recorded order. ``public_id`` is how its customer names it; ``balance_units`` is the balance behind the charge."""

    public_id: str
    order_id: str
    recipient_count: int
    units: int
    balance_units: int

    @property
    def credits_charged(self) -> int:
        """Whole credits, rounded up so that a charge never looks smaller than it was."""
        return credits_ceil(self.units)


def submit(gateway: Gateway, submission: Submission, policy: TextPolicy, session_id: UUID | None = None) -> Accepted:
    """Accepts a submission: when this returns, its messages are stored durably and paid for.

    A repeated ``Idempotency-Key`` with the same request gives the first answer again and sends nothing.

    Args:
        session_id: the session that the caller was known by, if any. That it was not revoked and that its user was not
            disabled is checked by the statement that charges, so a caller may be remembered for a moment (identity).

    Raises:
        InvalidInput: the text, a recipient or the date cannot be used.
        InsufficientCredit: the balance does not cover the whole order; nothing is sent.
        DuplicateReference: ``client_ref`` already names an order of this account and dialect.
        IdempotencyMismatch: the key was used with another request.
        StorageUnavailable: nothing was recorded.
    """
    if len(submission.recipients) > gateway.settings.max_recipients:
        raise TooManyRecipients(len(submission.recipients), gateway.settings.max_recipients)
    offer = current_offer(gateway)
    order = _priced(gateway, submission, policy, offer, session_id)
    try:
        recorded = acceptance.accept(gateway.engine, order)
    except ReferenceTaken as taken:
        return _repeated(gateway, submission, taken)
    return Accepted(
        public_id=order.client_ref or order.id.hex,
        order_id=order.id.hex,
        recipient_count=len(order.messages),
        units=order.units,
        balance_units=recorded.balance_units,
    )


def current_offer(gateway: Gateway) -> Offer:
    """Prices and way out, at most a few seconds old."""
    offer = gateway.catalogue.fresh()
    if offer is None:
        with gateway.reading() as session:
            offer = gateway.catalogue.keep(read_offer(session, gateway.clock))
    return offer


def cancel(gateway: Gateway, account_id: int, dialect: str, public_id: str) -> int:
    """Takes back a scheduled order as a whole and refunds it.

    Returns:
        The number of messages that will not be sent.

    Raises:
        NotFound: the account has no such order.
        NotCancellable: at least one of its messages is no longer waiting for its hour.
    """
    with gateway.writing() as session:
        order = stored.find(session, account_id, dialect, public_id)
        if order is None:
            raise NotFound("order")
        if not stored.all_scheduled(session, order):
            raise NotCancellable
        return _cancel(session, [order], gateway.clock.now())


def cancel_all(gateway: Gateway, account_id: int, dialect: str) -> int:
    """Takes back every order of the account and dialect that waits for its hour; the number of orders."""
    cancelled = 0
    with gateway.reading() as session:
        ids = stored.scheduled_order_ids(session, account_id, dialect)
    for start in range(0, len(ids), CANCEL_CHUNK):
        with gateway.writing() as session:
            orders = stored.by_ids(session, account_id, ids[start : start + CANCEL_CHUNK])
            # All messages are locked before the account is, as everywhere: else a dispatcher and we might wait for each other.
            waiting = [order for order in orders if stored.all_scheduled(session, order)]
            _cancel(session, waiting, gateway.clock.now())
            cancelled += len(waiting)
    return cancelled


def _cancel(session: Session, orders: Sequence[Order], now: datetime) -> int:
    """Takes back orders whose messages are locked and all scheduled; the number of messages."""
    count = sum(stored.cancel_messages(session, order, now) for order in orders)
    for order in orders:
        refund(session, order, order.units, now, "cancelled")
    return count


def _due(submission: Submission, now: datetime, most_days: int) -> datetime | None:
    """None for "at once": a time in the past means now."""
    if submission.due_at is None or submission.due_at <= now:
        return None
    if submission.due_at > now + timedelta(days=most_days):
        raise InvalidDate("scheduled_delivery_time", submission.due_at.isoformat(), f"is more than {most_days} days ahead")
    return submission.due_at


def _priced(gateway: Gateway, submission: Submission, policy: TextPolicy, offer: Offer, session_id: UUID | None) -> NewOrder:
    now = gateway.clock.now()
    due_at = _due(submission, now, gateway.settings.max_schedule_days)
    common = encode(submission.text, policy, submission.force_ucs2)
    messages = _messages(submission, policy, common, offer.prices)
    units = messages.units * len(messages) if isinstance(messages, Uniform) else sum(item.units for item in messages.rows)
    return NewOrder(
        account_id=submission.account_id,
        id=uuid7(now, os.urandom(10)),
        user_id=submission.user_id,
        session_id=session_id,
        dialect=submission.dialect,
        client_ref=submission.client_ref,
        idempotency_key=submission.idempotency_key,
        fingerprint=submission.fingerprint,
        message_type=submission.message_type.value,
        type_token=submission.type_token,
        text=common.text,
        text_read=submission.text_read or (submission.text if submission.text != common.text else None),
        alphabet=common.alphabet.value,
        parts=common.parts,
        originator=submission.originator,
        label=submission.label,
        wants_receipt=submission.wants_receipt,
        priority=submission.priority,
        units=units,
        due_at=due_at,
        expires_at=(due_at or now) + submission.validity if submission.validity else None,
        created_at=now,
        state=State.SCHEDULED.value if due_at else State.QUEUED.value,
        connector=offer.connector,
        messages=messages,
    )


def _messages(submission: Submission, policy: TextPolicy, common: Encoded, prices: PriceList) -> Uniform | Mixed:
    kind, recipients = submission.message_type, submission.recipients
    if submission.texts is not None:
        return Mixed(_personalised(submission, submission.texts, policy, prices))
    per_part = [prices.units_per_part(kind, recipient) for recipient in recipients]
    if min(per_part) == max(per_part):
        return Uniform(recipients, common.parts, per_part[0] * common.parts)
    return Mixed([Item(to, None, None, common.parts, each * common.parts) for to, each in zip(recipients, per_part, strict=True)])


def _personalised(submission: Submission, texts: Sequence[str], policy: TextPolicy, prices: PriceList) -> list[Item]:
    items = []
    for recipient, text in zip(submission.recipients, texts, strict=True):
        own = encode(text, policy, submission.force_ucs2)
        units = prices.units_per_part(submission.message_type, recipient) * own.parts
        items.append(Item(recipient, own.text, own.alphabet.value, own.parts, units))
    return items


def _repeated(gateway: Gateway, submission: Submission, taken: ReferenceTaken) -> Accepted:
    """The first answer again for a repeated Idempotency-Key; a refusal for a reused reference."""
    if submission.idempotency_key:
        with gateway.reading() as session:
            found = stored.by_idempotency_key(session, submission.account_id, submission.idempotency_key)
            if found is not None:
                order, entry = found
                if order.fingerprint != submission.fingerprint:
                    raise IdempotencyMismatch from taken
                return Accepted(order.client_ref or order.id.hex, order.id.hex, order.recipient_count, order.units, entry.balance_after)
    raise DuplicateReference(submission.client_ref or "") from taken
