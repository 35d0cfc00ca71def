"""The whole story of one order, and finding it: what an operator asks when a customer telephones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, NotFound
from gateway.services.core import Gateway
from gateway.storage import ledger as ledger_rows
from gateway.storage import story as stored
from gateway.storage.identity import account_by_name
from gateway.storage.tables import Account, Attempt, LedgerEntry, Message, Order, ReceiptRow

MOST_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class MessageStory:
    """One recipient: the message, its attempts and its receipts."""

    message: Message
    attempts: Sequence[Attempt]
    receipts: Sequence[ReceiptRow]


@dataclass(frozen=True, slots=True)
class Story:
    """One order from its submission on. ``messages`` holds the first ones; ``states`` counts them all."""

    order: Order
    account: Account
    username: str | None
    states: dict[str, int]
    messages: Sequence[MessageStory]
    entries: Sequence[LedgerEntry]


@dataclass(frozen=True, slots=True)
class Found:
    """A message in a list: with its order and the name of the account that paid."""

    order: Order
    message: Message
    account_name: str


def story(gateway: Gateway, name: str, account_name: str | None = None, most: int = MOST_MESSAGES) -> Story:
    """The story of the order with this id or customer's reference.

    Raises:
        NotFound: no such order, or no such account.
        Conflict: several orders are called so; naming the account or giving the id tells them apart.
    """
    with gateway.reading() as session:
        order = order_named(session, name, account_name)
        rows = stored.messages(session, order, most)
        last = rows[-1].position if rows else -1
        told = Story(
            order=order,
            account=stored.account_of(session, order.account_id),
            username=stored.username_of(session, order.user_id),
            states=stored.states(session, order),
            messages=_each(rows, stored.attempts(session, order, last), stored.receipts(session, order, last)),
            entries=stored.ledger_entries(session, order),
        )
        session.expunge_all()
        return told


def order_named(session: Session, name: str, account_name: str | None) -> Order:
    """The one order with this id or customer's reference. Raises as :func:`story` does."""
    orders = stored.orders_named(session, name, account_id_of(session, account_name))
    if not orders:
        raise NotFound("order")
    if len(orders) > 1:
        raise Conflict(f"several orders are called so; give one of these ids: {', '.join(order.id.hex for order in orders)}")
    return orders[0]


def find_messages(gateway: Gateway, *, account_name: str | None, recipient: str | None, state: str | None, limit: int) -> list[Found]:
    """The newest messages to a recipient (E.164) or in a state.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        account_id = account_id_of(session, account_name)
        rows = stored.messages_like(session, account_id=account_id, recipient=recipient, state=state, limit=limit)
        session.expunge_all()
        return [Found(*row) for row in rows]


def credit_history(gateway: Gateway, account_name: str, limit: int) -> tuple[Account, Sequence[LedgerEntry]]:
    """The newest ledger entries of an account.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        account = account_by_name(session, account_name)
        if account is None:
            raise NotFound("account")
        entries = ledger_rows.entries(session, account.id, limit)
        session.expunge_all()
        return account, entries


def account_id_of(session: Session, name: str | None) -> int | None:
    """The account of this name; None for None. Raises NotFound."""
    if name is None:
        return None
    account = account_by_name(session, name)
    if account is None:
        raise NotFound("account")
    return account.id


def _each(rows: Sequence[Message], attempts: Sequence[Attempt], receipts: Sequence[ReceiptRow]) -> list[MessageStory]:
    tries: dict[int | None, list[Attempt]] = {}
    reports: dict[int | None, list[ReceiptRow]] = {}
    for attempt in attempts:
        tries.setdefault(attempt.position, []).append(attempt)
    for receipt in receipts:
        reports.setdefault(receipt.position, []).append(receipt)
    return [MessageStory(row, tries.get(row.position, []), reports.get(row.position, [])) for row in rows]
