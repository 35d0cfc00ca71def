"""Credit: selling it, giving it back, and proving that every unit is where the ledger says.

Charges are written by :mod:`gateway.storage.accept` together with their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from gateway.domain.credit import UNITS_PER_CREDIT
from gateway.domain.errors import InsufficientCredit, InvalidField, NotFound
from gateway.services.core import Gateway
from gateway.storage import ledger as stored
from gateway.storage.identity import account_by_name
from gateway.storage.tables import ISSUER_ACCOUNT_ID, REVENUE_ACCOUNT_ID, Account, LedgerEntry, Order

MOST_UNITS = 10**18
"""The highest balance that credit may be sold up to: far below 64 bits, where SQLite would go on with rounded numbers."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not add up: which account, and what was found."""

    account_id: int
    words: str


def add_credit(gateway: Gateway, account_name: str, units: int, note: str = "") -> LedgerEntry:
    """Sells credit to an account, or takes it back when ``units`` is negative.

    Raises:
        NotFound: no such account.
        InvalidField: zero units, more than an account may hold, or a note over 200 characters.
        InsufficientCredit: taking back more than is there.
    """
    if units == 0 or abs(units) > MOST_UNITS:
        raise InvalidField("units", f"must not be zero, nor above {MOST_UNITS // UNITS_PER_CREDIT} credits")
    if len(note) > 200:
        raise InvalidField("note", "is longer than 200 characters")
    with gateway.writing() as session:
        account = account_by_name(session, account_name)
        if account is None:
            raise NotFound("account")
        entry = _move(session, account.id, units, gateway.clock.now(), kind="credit", other=ISSUER_ACCOUNT_ID, note=note)
        if entry.balance_after > MOST_UNITS:
            raise InvalidField("units", f"would bring the balance above {MOST_UNITS // UNITS_PER_CREDIT} credits")
        return entry


def refund(session: Session, order: Order, units: int, now: datetime, note: str) -> None:
    """Gives back a part of an order's charge, in the caller's transaction. Nothing for zero units."""
    if units:
        _move(session, order.account_id, units, now, kind="refund", other=REVENUE_ACCOUNT_ID, note=note, order=order)


def verify(gateway: Gateway) -> Iterator[Fault]:
    """Everything in the ledger that does not add up; empty when all is well.

    Proves for every account: entries without a gap, each balance following from the one before, the last one equal to
    the account's, within the credit limit; for every order: charge equal to the price of its messages, refunds
    equal to what its messages gave back and never above the charge.
    """
    with gateway.reading() as session:
        for account_id, words in stored.faults(session):
            yield Fault(account_id, words)


def _move(
    session: Session, account_id: int, units: int, now: datetime, *, kind: str, other: int, note: str, order: Order | None = None
) -> LedgerEntry:
    """Changes a balance by ``units`` and writes the entry for it."""
    debit = update(Account).where(Account.id == account_id)
    if units < 0:
        debit = debit.where(Account.balance + Account.credit_limit + units >= 0)
    moved = debit.values(balance=Account.balance + units, ledger_sequence=Account.ledger_sequence + 1)
    row = session.execute(moved.returning(Account.balance, Account.ledger_sequence)).first()
    if row is None:
        account = session.get_one(Account, account_id)
        raise InsufficientCredit(-units, account.balance + account.credit_limit)
    entry = LedgerEntry(
        account_id=account_id,
        sequence=row.ledger_sequence,
        from_account_id=other if units > 0 else account_id,
        to_account_id=account_id if units > 0 else other,
        units=abs(units),
        balance_after=row.balance,
        kind=kind,
        order_id=order.id if order else None,
        refund_of=order.charge_sequence if order else None,
        note=note,
        created_at=now,
    )
    session.add(entry)
    session.flush()
    session.expunge(entry)
    return entry
