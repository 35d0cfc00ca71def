"""Things a test needs to stand on, made through the use cases themselves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType
from gateway.services import ledger, ordering
from gateway.services.accounts import NewAccount, create_account
from gateway.services.core import Gateway
from gateway.services.ordering import Accepted, Terms
from gateway.storage.tables import Account, Attempt, ConnectorRow, Message, ReceiptRow

RECIPIENT = "+393471234567"
_numbers = itertools.count(1)


def an_account(gateway: Gateway, name: str | None = None, credit: int = 1000) -> Account:
    """An account with ``credit`` whole credits."""
    account = create_account(gateway, NewAccount(name=name or f"customer {next(_numbers)}"))
    if credit:
        ledger.add_credit(gateway, account.name, credit * 1000)
    return account


def an_order(
    gateway: Gateway,
    account: Account,
    recipients: Sequence[str] = (RECIPIENT,),
    text: str = "Good morning",
    *,
    priority: int | None = 2,
    due_at: datetime | None = None,
    validity: timedelta | None = None,
    wants_receipt: bool = True,
    terms: Terms | None = None,
    **more: Any,
) -> Accepted:
    """An accepted and paid order."""
    submission = Submission(
        account_id=account.id,
        user_id=None,
        dialect="smsend",
        message_type=MessageType.HIGH,
        type_token="N",
        text=text,
        recipients=recipients,
        fingerprint=b"",
        priority=priority,
        due_at=due_at,
        validity=validity,
        wants_receipt=wants_receipt,
        **more,
    )
    return ordering.submit(gateway, submission, terms or Terms())


def recipients(count: int, start: int = 0) -> list[str]:
    """Distinct ordinary numbers."""
    return [f"+3934{number:08d}" for number in range(start, start + count)]


def messages(gateway: Gateway) -> list[Message]:
    """Every message, by order and position."""
    return _all(gateway, select(Message).order_by(Message.order_id, Message.position))


def the_message(gateway: Gateway) -> Message:
    """The only message there is."""
    (message,) = messages(gateway)
    return message


def attempts(gateway: Gateway) -> list[Attempt]:
    """Every attempt, in order."""
    return _all(gateway, select(Attempt).order_by(Attempt.order_id, Attempt.position, Attempt.number))


def stored_receipts(gateway: Gateway) -> list[ReceiptRow]:
    """Every receipt, as they came."""
    return _all(gateway, select(ReceiptRow).order_by(ReceiptRow.id))


def balance(gateway: Gateway, account: Account) -> int:
    """The account's whole credits."""
    with gateway.reading() as session:
        return session.get_one(Account, account.id).balance // 1000


def set_connector(gateway: Gateway, **values: Any) -> None:
    """Changes the simulator's row: ``refund_policy``, ``unknown_policy``, ``parts_per_second``, ``enabled``, ``settings``."""
    with gateway.writing() as session:
        session.execute(update(ConnectorRow).where(ConnectorRow.name == "simulator").values(**values))


def _all(gateway: Gateway, query: Any) -> list[Any]:
    with gateway.reading() as session:
        rows = list(session.scalars(query))
        session.expunge_all()
        return rows
