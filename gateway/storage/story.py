"""Everything the database holds about one order, for an operator who asks what became of it.

Across accounts and dialects: the operator has a number or a reference in hand and nothing else. Each question walks
the accounts' own keys, so its cost grows with the number of accounts and not with the number of messages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from gateway.domain.ids import of_message
from gateway.storage.orders import as_uuid
from gateway.storage.tables import Account, Attempt, LedgerEntry, Message, Order, ReceiptRow, User

NUMBER = re.compile("[1-9][0-9]{0,17}")


def orders_named(session: Session, name: str, account_id: int | None) -> Sequence[Order]:
    """Orders by what customers call them: their own reference, the order's id or that of one of its messages (32 hex digits or
    dashed), or the number that SMS Nodes gave it. Of one account or of all."""
    owners = [account_id] if account_id is not None else select(Account.id)
    found = as_uuid(name)
    matches = [Order.client_ref == name]
    if found is not None:
        matches.append(Order.id.in_([found, of_message(found)[0]]))
    elif NUMBER.fullmatch(name):
        charges = select(LedgerEntry.order_id).where(LedgerEntry.account_id == Order.account_id, LedgerEntry.sequence == int(name))
        matches.append(and_(Order.dialect == "smsnodes", Order.id.in_(charges.where(LedgerEntry.kind == "charge"))))
    return session.scalars(select(Order).where(Order.account_id.in_(owners), or_(*matches)).order_by(Order.id.desc()).limit(20)).all()


def account_of(session: Session, account_id: int) -> Account:
    """The account that paid."""
    return session.get_one(Account, account_id)


def username_of(session: Session, user_id: int | None) -> str | None:
    """Who submitted, or None for orders made without signing in."""
    return session.scalar(select(User.username).where(User.id == user_id)) if user_id is not None else None


def states(session: Session, order: Order) -> dict[str, int]:
    """How many messages of the order stand in each state."""
    rows = session.execute(
        select(Message.state, func.count()).where(_of(Message, order)).group_by(Message.state).order_by(Message.state)
    ).all()
    return {row[0]: row[1] for row in rows}


def messages(session: Session, order: Order, limit: int) -> Sequence[Message]:
    """The first messages of the order."""
    return session.scalars(select(Message).where(_of(Message, order)).order_by(Message.position).limit(limit)).all()


def attempts(session: Session, order: Order, last_position: int) -> Sequence[Attempt]:
    """Every attempt of the order's messages up to a position, oldest first."""
    chosen = select(Attempt).where(_of(Attempt, order), Attempt.position <= last_position)
    return session.scalars(chosen.order_by(Attempt.position, Attempt.number)).all()


def receipts(session: Session, order: Order, last_position: int) -> Sequence[ReceiptRow]:
    """Every receipt of the order's messages up to a position, as they came."""
    chosen = select(ReceiptRow).where(_of(ReceiptRow, order), ReceiptRow.position <= last_position)
    return session.scalars(chosen.order_by(ReceiptRow.position, ReceiptRow.id)).all()


def ledger_entries(session: Session, order: Order) -> Sequence[LedgerEntry]:
    """The order's charge and its refunds, in their order."""
    charge = and_(LedgerEntry.account_id == order.account_id, LedgerEntry.sequence == order.charge_sequence)
    refunds = and_(_of(LedgerEntry, order), LedgerEntry.kind == "refund")
    return session.scalars(select(LedgerEntry).where(or_(charge, refunds)).order_by(LedgerEntry.sequence)).all()


def messages_like(
    session: Session, *, account_id: int | None, recipient: str | None, state: str | None, limit: int
) -> Sequence[tuple[Order, Message, str]]:
    """The newest messages to a recipient or in a state, each with its order and the account's name."""
    chosen = select(Order, Message, Account.name).join(Order, (Order.account_id == Message.account_id) & (Order.id == Message.order_id))
    chosen = chosen.join(Account, Account.id == Message.account_id)
    chosen = chosen.where(Message.account_id.in_([account_id] if account_id is not None else select(Account.id)))
    if recipient is not None:
        chosen = chosen.where(Message.recipient == recipient)
    if state is not None:
        chosen = chosen.where(Message.state == state)
    rows = session.execute(chosen.order_by(Message.order_id.desc(), Message.position).limit(limit))
    return [(row[0], row[1], row[2]) for row in rows]


def _of(table: type[Message] | type[Attempt] | type[ReceiptRow] | type[LedgerEntry], order: Order) -> ColumnElement[bool]:
    return and_(table.account_id == order.account_id, table.order_id == order.id)
