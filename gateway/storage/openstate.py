"""An order looked for by its id alone, without knowing whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.storage.tables import Account, Message, Order


def states(session: Session, dialect: str, order_id: UUID) -> Sequence[str]:
    """The different states that the order's messages are in; none for an order of another dialect or of nobody.

    The accounts are named one by one, so that both databases go by the key, which starts with the account.
    """
    accounts = list(session.scalars(select(Account.id)))
    found = select(Order.account_id).where(Order.account_id.in_(accounts), Order.id == order_id, Order.dialect == dialect)
    account_id = session.scalar(found)
    if account_id is None:
        return []
    return session.scalars(select(Message.state).distinct().where(Message.account_id == account_id, Message.order_id == order_id)).all()
