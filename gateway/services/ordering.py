"""Taking an order: prices it, records it, charges for it. And taking it back while it waits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain import ids
from gateway.domain.credit import credits_ceil
from gateway.domain.errors import (
    DailyCapReached,
    DuplicateReference,
    IdempotencyMismatch,
    InvalidDate,
    InvalidInput,
    NotCancellable,
    NotFound,
    TooManyRecipients,
)
from gateway.domain.message import State
from gateway.domain.order import USUAL_PRIORITY, Submission
from gateway.domain.parts import Encoded, TextPolicy, encode
from gateway.domain.tariff import PriceList
from gateway.services import restraint
from gateway.services.core import Gateway
from gateway.services.ledger import refund
from gateway.services.placing import Way, place
from gateway.services.pricing import Offer
from gateway.services.routing import current_offer as current_offer
from gateway.services.screening import screen
from gateway.storage import accept as acceptance
from gateway.storage import orders as stored
from gateway.storage.accept import Cap, CapReached, Item, Mixed, NewOrder, ReferenceTaken, Uniform
from gateway.storage.identity import Caller
from gateway.storage.tables import TEST_CONNECTOR, LedgerEntry, Order

CANCEL_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Accepted:
    """A recorded order. ``public_id`` is how its customer names it; ``balance_units`` is the balance behind the charge.

    ``id`` is the order's own; ``number`` counts the account's ledger entries, so it rises and names one order of the account;
    ``parts`` is how many parts the common text makes; ``parts_each``, only where every recipient has a text of its own, how many
    parts each message makes, in the order given. ``is_repeat``: recorded by an earlier request, which this one repeats.
    """

    public_id: str
    id: UUID
    number: int
    recipient_count: int
    parts: int
    units: int
    balance_units: int
    accepted_at: datetime
    is_test: bool
    parts_each: Sequence[int] = ()
    is_repeat: bool = field(default=False, compare=False)

    @property
    def order_id(self) -> str:
        """The order's id in 32 hex digits."""
        return self.id.hex

    @property
    def credits_charged(self) -> int:
        """Whole credits, rounded up so that a charge never looks smaller than it was."""
        return credits_ceil(self.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms an order is taken: what the account, the user and the key say about it.

    ``session_id``, ``credential_id`` and ``user_revision`` are what the caller was known by; that they still stand is checked by
    the statement that charges, so a caller may be remembered for a moment (identity). ``connector`` None: the usual way out.
    ``lane`` (1 to 3) is that of messages whose call names none.
    """

    text_policy: TextPolicy = TextPolicy.UCS2
    session_id: UUID | None = None
    credential_id: UUID | None = None
    user_revision: int | None = None
    connector: str | None = None
    lane: int | None = None
    is_test: bool = False
    daily_cap: int | None = None
    cap_scope: str = ""
    zone: tzinfo = UTC


def terms_of(caller: Caller) -> Terms:
    """The terms of a caller who was just recognised."""
    return Terms(
        text_policy=TextPolicy(caller.text_policy),
        session_id=caller.session_id,
        credential_id=caller.credential_id,
        user_revision=caller.revision,
        connector=caller.connector,
        lane=caller.lane,
        is_test=caller.is_test,
        daily_cap=caller.daily_cap,
        cap_scope=caller.cap_scope,
        zone=caller.zone,
    )


def submit(gateway: Gateway, submission: Submission, terms: Terms) -> Accepted:
    """Accepts a submission: when this returns, its messages are stored durably and paid for.

    A repeated ``Idempotency-Key`` with the same request gives the first answer again and sends nothing.

    Raises:
        InvalidInput: the text, a recipient or the date cannot be used.
        InsufficientCredit: the balance does not cover the whole order; nothing is sent.
        DailyCapReached: the caller's messages of the day are used up; nothing is sent.
        CallerChanged: ask anew who calls.
        DuplicateReference: ``client_ref`` already names an order of this account and dialect.
        IdempotencyMismatch: the key was used with another request.
        StorageUnavailable: nothing was recorded.
    """
    if len(submission.recipients) > gateway.settings.max_recipients:
        raise TooManyRecipients(len(submission.recipients), gateway.settings.max_recipients)
    offer = current_offer(gateway)
    try:
        order = _priced(gateway, submission, terms, offer)
    except InvalidInput:  # what could be sent then may not be sold any more, and its order stands all the same
        before = _before(gateway, submission)
        if before is None:
            raise
        return before
    try:
        recorded = acceptance.accept(gateway.engine, order)
    except ReferenceTaken as taken:
        return _repeated(gateway, submission, taken)
    except CapReached as reached:
        raise DailyCapReached(terms.daily_cap or 0, _seconds_to_midnight(order.created_at, terms.zone)) from reached
    return Accepted(
        public_id=order.client_ref or order.id.hex,
        id=order.id,
        number=recorded.sequence,
        recipient_count=len(order.messages),
        parts=order.parts,
        units=order.units,
        balance_units=recorded.balance_units,
        accepted_at=order.created_at,
        is_test=order.is_test,
        parts_each=[] if submission.texts is None else [item.parts for item in order.messages.items()],
    )


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
    units = [stored.cancel_messages(session, order, now) for order in orders]
    for order, each in zip(orders, units, strict=True):
        refund(session, order, sum(each), now, "cancelled")
    return sum(map(len, units))


def _due(submission: Submission, now: datetime, most_days: int) -> datetime | None:
    """None for "at once": a time in the past means now."""
    if submission.due_at is None or submission.due_at <= now:
        return None
    if submission.due_at > now + timedelta(days=most_days):
        raise InvalidDate("scheduled_delivery_time", submission.due_at.isoformat(), f"is more than {most_days} days ahead")
    return submission.due_at


def _priced(gateway: Gateway, submission: Submission, terms: Terms, offer: Offer) -> NewOrder:
    now = gateway.clock.now()
    due_at = _due(submission, now, gateway.settings.max_schedule_days)
    common = encode(submission.text, terms.text_policy, submission.force_ucs2)
    is_test = terms.is_test or submission.is_test
    priority = submission.priority or terms.lane or USUAL_PRIORITY
    messages = _messages(submission, terms.text_policy, common, offer.prices)
    if is_test:
        messages = messages.free()
    else:
        messages = screen(gateway, submission, messages, due_at or now, priority)
    way = Way(TEST_CONNECTOR) if is_test else place(offer, submission, terms.connector, messages)
    messages = way.messages or messages
    units = messages.units * len(messages) if isinstance(messages, Uniform) else sum(item.units for item in messages.rows)
    cap = None if terms.daily_cap is None else Cap(terms.cap_scope, now.astimezone(terms.zone).date(), terms.daily_cap)
    return NewOrder(
        account_id=submission.account_id,
        id=ids.order_id(now, os.urandom(ids.RANDOM_BYTES)),
        user_id=submission.user_id,
        user_revision=terms.user_revision,
        session_id=terms.session_id,
        credential_id=terms.credential_id,
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
        priority=priority,
        units=units,
        due_at=due_at,
        expires_at=(due_at or now) + submission.validity if submission.validity else None,
        created_at=now,
        state=State.SCHEDULED.value if due_at else State.QUEUED.value,
        connector=way.connector,
        route=way.route,
        is_pinned=way.is_pinned,
        messages=messages,
        is_test=is_test,
        is_flash=submission.is_flash,
        is_encrypted=submission.is_encrypted,
        validity=submission.validity,
        cap=cap,
        pace=submission.pace,
        parts_per_second=0 if is_test else restraint.rules(gateway).rates.get(submission.account_id, 0),
    )


def _seconds_to_midnight(now: datetime, zone: tzinfo) -> int:
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return max(1, round((datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone) - now).total_seconds()))


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


def accepted_before(gateway: Gateway, account_id: int, idempotency_key: str, fingerprint: bytes) -> Accepted | None:
    """The order that this request made when it came first; None when it comes first now.

    To be asked before a request is judged by what may have changed since, such as prices: its order stands all the same.

    Raises:
        IdempotencyMismatch: the key was used with another request.
    """
    with gateway.reading() as session:
        found = stored.by_idempotency_key(session, account_id, idempotency_key)
        if found is None:
            return None
        order, entry = found
        if order.fingerprint != fingerprint:
            raise IdempotencyMismatch
        return _accepted_before(order, entry, stored.parts_each(session, order) if stored.has_texts(session, order) else [])


def _repeated(gateway: Gateway, submission: Submission, taken: ReferenceTaken) -> Accepted:
    """The first answer again for a repeated Idempotency-Key; a refusal for a reused reference."""
    before = _before(gateway, submission)
    if before is None:
        raise DuplicateReference(submission.client_ref or "") from taken
    return before


def _before(gateway: Gateway, submission: Submission) -> Accepted | None:
    if not submission.idempotency_key:
        return None
    return accepted_before(gateway, submission.account_id, submission.idempotency_key, submission.fingerprint)


def _accepted_before(order: Order, entry: LedgerEntry, parts_each: Sequence[int]) -> Accepted:
    return Accepted(
        public_id=order.client_ref or order.id.hex,
        id=order.id,
        number=entry.sequence,
        recipient_count=order.recipient_count,
        parts=order.parts,
        units=order.units,
        balance_units=entry.balance_after,
        accepted_at=order.created_at,
        is_test=order.is_test,
        parts_each=parts_each,
        is_repeat=True,
    )
