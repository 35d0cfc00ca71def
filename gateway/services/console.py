"""A user's visit to the console: in by a link that works once, thirty minutes of looking, and out.

The browser's signed cookie names a row of ``sessions``, so a visit can be ended from here: leaving, a disabled user and a
closed account take effect with the next page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from gateway.domain.errors import PermissionDenied, SessionExpired, UnknownKey
from gateway.domain.message import State
from gateway.domain.tariff import MessageType
from gateway.services import console_login, orders
from gateway.services.core import Gateway
from gateway.services.identity import signed, unsigned
from gateway.storage import console as stored
from gateway.storage.console import StateCount

LIFE = timedelta(minutes=30)
FORM_SALT = "dragoman.console-form"
MOST_ORDERS = 20


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is looking, and at which account."""

    visit_id: UUID
    username: str
    account_id: int
    account_name: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """One order in the list. ``states`` counts its messages, ``parts`` is of all of them, ``refunded_units`` came back of ``units``."""

    name: str
    message_type: MessageType
    recipient_count: int
    parts: int
    units: int
    refunded_units: int
    states: Mapping[State, int]
    due_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """An account at a glance, in units. ``buys`` is parts to numbers without a price of their own; None: there is no such price."""

    balance: int
    credit_limit: int
    prices: Mapping[MessageType, int | None]
    orders: Sequence[ListedOrder]

    def buys(self, message_type: MessageType) -> int | None:
        """How many parts the balance and the credit limit still buy; None where no price is set or the price is zero."""
        price = self.prices[message_type]
        return max(0, self.balance + self.credit_limit) // price if price else None


def enter(gateway: Gateway, key: str) -> UUID:
    """Uses up a link and begins a visit; its id.

    Raises:
        UnknownKey: the link is forged, used or too old.
    """
    user_id = console_login.enter(gateway, key)
    visit_id = uuid4()
    with gateway.writing() as session:
        stored.add_visit(session, visit_id, user_id, gateway.clock.now())
    return visit_id


def visitor(gateway: Gateway, visit_id: UUID) -> Visitor:
    """Who is behind a visit.

    Raises:
        SessionExpired: it was left, it is over, or its user or account is shut out.
    """
    with gateway.reading() as session:
        found = stored.visit(session, visit_id, gateway.clock.now() - LIFE)
        if found is None:
            raise SessionExpired
        user, account = found
        return Visitor(visit_id, user.username, account.id, account.name, ZoneInfo(account.zone))


def leave(gateway: Gateway, who: Visitor) -> None:
    """Ends the visit."""
    with gateway.writing() as session:
        stored.end_visit(session, who.visit_id, gateway.clock.now())


def form_key(gateway: Gateway, who: Visitor) -> str:
    """What a form of this visit must send along: proof that our own page was the one submitted."""
    return signed(gateway, FORM_SALT, who.visit_id)


def check_form_key(gateway: Gateway, who: Visitor, key: str) -> None:
    """Refuses a form that did not come from a page of this visit.

    Raises:
        PermissionDenied
    """
    try:
        genuine = unsigned(gateway, FORM_SALT, key) == who.visit_id
    except UnknownKey:
        genuine = False
    if not genuine:
        raise PermissionDenied("this form")


def overview(gateway: Gateway, who: Visitor) -> Overview:
    """The account's credit and its newest orders."""
    account, prices = orders.credit(gateway, who.account_id)
    return Overview(account.balance, account.credit_limit, prices, _newest_orders(gateway, who.account_id))


def _newest_orders(gateway: Gateway, account_id: int) -> list[ListedOrder]:
    with gateway.reading() as session:
        rows = stored.newest_orders(session, account_id, MOST_ORDERS)
        counts = stored.state_counts(session, account_id, [row.id for row in rows])
    counted: defaultdict[UUID, list[StateCount]] = defaultdict(list)
    for each in counts:
        counted[each.order_id].append(each)
    return [_listed(row, counted[row.id]) for row in rows]


def _listed(row: Any, counts: Sequence[StateCount]) -> ListedOrder:
    return ListedOrder(
        name=row.client_ref or row.id.hex,
        message_type=MessageType(row.message_type),
        recipient_count=row.recipient_count,
        parts=sum(each.parts for each in counts),
        units=row.units,
        refunded_units=sum(each.refunded_units for each in counts),
        states={State(each.state): each.messages for each in counts},
        due_at=row.due_at,
        created_at=row.created_at,
    )
