"""Many orders that a customer thinks of as one batch: pricing them before any is taken, and how a batch stands.

Source: contract httpsms 4.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import InsufficientCredit, InvalidInput
from gateway.domain.message import State
from gateway.domain.parts import TextPolicy, encode
from gateway.domain.tariff import MessageType
from gateway.services.core import Gateway
from gateway.services.ordering import current_offer
from gateway.storage import billing as stored
from gateway.storage import orders
from gateway.storage.identity import Caller
from gateway.storage.tables import Account


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch: ``states`` counts its messages, those deleted from the lists left out."""

    label: str
    created_at: datetime
    states: Mapping[State, int]


def prices(gateway: Gateway, caller: Caller, kind: MessageType, messages: Sequence[tuple[str, str]]) -> list[int | InvalidInput]:
    """What each (recipient, text) would cost in units, or why it cannot be sent. Nothing is recorded."""
    offer, policy = current_offer(gateway).prices, TextPolicy(caller.text_policy)
    found: list[int | InvalidInput] = []
    for recipient, text in messages:
        try:
            found.append(offer.units_per_part(kind, recipient) * encode(text, policy).parts)
        except InvalidInput as error:
            found.append(error)
    return found


def check_credit(gateway: Gateway, caller: Caller, units: int) -> None:
    """Refuses what the account cannot pay for as a whole, now. Another order may spend the credit a moment later.

    Raises:
        InsufficientCredit
    """
    with gateway.reading() as session:
        account = session.get_one(Account, caller.account_id)
        available = account.balance + account.credit_limit
    if units > available and not caller.is_test:
        raise InsufficientCredit(units, available)


def begun(gateway: Gateway, account_id: int, idempotency_key: str) -> str | None:
    """The label of the order that this Idempotency-Key made; None where the key is unknown."""
    with gateway.reading() as session:
        found = orders.by_idempotency_key(session, account_id, idempotency_key)
        return None if found is None else found[0].label


def recent(gateway: Gateway, account_id: int, dialect: str, beginning: str, limit: int) -> list[Batch]:
    """The newest batches of a dialect whose label begins so, newest first, among the newest ten thousand orders of the account."""
    with gateway.reading() as session:
        rows = stored.newest_batches(session, account_id, dialect, beginning, limit)
    begun_at = {label: at for label, at, _, _ in rows}
    states: dict[str, dict[State, int]] = {label: {} for label in begun_at}
    for label, _, state, count in rows:
        if state is not None:
            states[label][State(state)] = count
    return [Batch(label, at, states[label]) for label, at in begun_at.items()]
