"""Accepting an order: order, messages, ledger row and debit in one transaction, or nothing.

On PostgreSQL the whole is one statement in autocommit (2.4 times the speed of ORM objects with one recipient), on SQLite
driver calls behind the writers' lock. Long lists go in chunks inside one transaction. The balance is
debited by one conditional UPDATE, so no concurrency can bring it below its limit.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import errors as pg
from sqlalchemy import Engine

from gateway.domain.errors import CallerChanged, Conflict, InsufficientCredit, OutcomeUnknown, StorageUnavailable
from gateway.domain.order import HIGHEST_PRIORITY
from gateway.domain.pace import Pace
from gateway.storage.driver import (
    Collided,
    Lost,
    Params,
    Row,
    Statement,
    fetch,
    postgresql_connection,
    sqlite_transaction,
    sqlite_value,
    sqlite_values,
)
from gateway.storage.tables import REVENUE_ACCOUNT_ID
from gateway.storage.types import moment_of

CHUNK = 5_000
AcceptOnce = Callable[["Engine", "NewOrder", dict[str, Any]], "Recorded | None"]


class Item(NamedTuple):
    """One message to be: ``text``, ``alphabet``, ``connector``, ``route`` and ``due_at`` only where they differ from the order's.

    ``state`` ``blocked`` with the reason in ``failure`` (at most 200 characters): stored, never sent; its ``units`` must be 0.
    """

    recipient: str
    text: str | None
    alphabet: str | None
    parts: int
    units: int
    connector: str | None = None
    route: str | None = None
    due_at: datetime | None = None
    state: str | None = None
    failure: str | None = None


_ITEM_COLUMNS = (
    "recipients", "texts", "alphabets", "parts_each", "units_each", "connectors", "routes", "dues", "states", "failures",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Uniform:
    """Messages that all have the order's text, parts and price."""

    recipients: Sequence[str]
    parts: int
    units: int

    def __len__(self) -> int:
        return len(self.recipients)

    def columns(self, start: int, stop: int) -> dict[str, list[Any]]:
        return {name: [] for name in _ITEM_COLUMNS} | {"recipients": list(self.recipients[start:stop])}

    def free(self) -> Uniform:
        """The same at no price."""
        return replace(self, units=0)

    def items(self) -> Iterator[Item]:
        for recipient in self.recipients:
            yield Item(recipient, None, None, self.parts, self.units)


@dataclass(frozen=True, slots=True)
class Mixed:
    """Messages of differing text, parts or price."""

    rows: Sequence[Item]

    def __len__(self) -> int:
        return len(self.rows)

    def columns(self, start: int, stop: int) -> dict[str, list[Any]]:
        return {name: list(column) for name, column in zip(_ITEM_COLUMNS, zip(*self.rows[start:stop], strict=True), strict=True)}

    def free(self) -> Mixed:
        """The same at no price."""
        return Mixed([item._replace(units=0) for item in self.rows])

    @property
    def dues(self) -> list[datetime | None]:
        """When each is due where that differs from the order; empty where none does."""
        dues = [item.due_at for item in self.rows]
        return dues if any(dues) else []

    def items(self) -> Iterator[Item]:
        return iter(self.rows)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``most`` messages a day for ``scope``, ``day`` being a day of the account's zone."""

    scope: str
    day: date
    most: int


@dataclass(frozen=True, slots=True)
class NewOrder:
    """All that one accepted submission leaves in the database. Times are aware; ``units`` is the whole price.

    ``session_id`` and ``user_revision`` are not stored: a session or key revoked by then, like a changed or disabled user, keeps the
    order out. ``cap``, ``pace`` and ``parts_per_second`` (the account's; 0: no limit) are rare, and cost an explicit transaction.
    """

    account_id: int
    id: UUID
    user_id: int | None
    user_revision: int | None
    session_id: UUID | None
    credential_id: UUID | None
    dialect: str
    client_ref: str | None
    idempotency_key: str | None
    fingerprint: bytes | None
    message_type: str
    type_token: str
    text: str
    text_read: str | None
    alphabet: str
    parts: int
    originator: str | None
    label: str
    wants_receipt: bool
    priority: int
    units: int
    due_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    state: str
    connector: str
    messages: Uniform | Mixed
    is_test: bool = False
    is_flash: bool = False
    is_encrypted: bool = False
    validity: timedelta | None = None
    cap: Cap | None = None
    pace: Pace | None = None
    route: str | None = None
    is_pinned: bool = False
    parts_per_second: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger says of an accepted order: the balance behind its charge, and the number of that entry."""

    balance_units: int
    sequence: int


class CapReached(Conflict):
    """The day's messages of the caller are used up. Nothing was changed."""


class ReferenceTaken(Conflict):
    """``client_ref`` or ``idempotency_key`` is already used in the account; ``column`` says which."""

    def __init__(self, column: str) -> None:
        self.column = column
        super().__init__(f"{column} is taken")


class _NotCovered(Exception):
    """The balance does not cover the order: undoes what was inserted before the debit."""


_USER_STANDS = """
    accounts.status = 'active' AND NOT EXISTS (
        SELECT 1 FROM users WHERE users.id = :user_id AND (users.disabled OR users.revision <> :user_revision))
"""
_HOLDERS = {
    "user": "",
    "session": "AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id = :session_id AND sessions.revoked_at IS NOT NULL)",
    "key": "AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.id = :credential_id AND c.revoked_at IS NOT NULL)",
}
"""What else must still stand, by what the caller was known by."""
_ORDER_COLUMNS = (
    "account_id", "id", "user_id", "dialect", "client_ref", "idempotency_key", "fingerprint", "message_type", "type_token", "text",
    "text_read", "alphabet", "parts", "originator", "label", "wants_receipt", "priority", "recipient_count", "units", "due_at",
    "expires_at", "created_at", "credential_id", "is_test", "is_flash", "is_encrypted", "is_pinned",
)  # fmt: skip
_ORDER_VALUES = ", ".join(f":{name}" for name in _ORDER_COLUMNS)
_ORDER_TARGET = f"INSERT INTO orders ({', '.join(_ORDER_COLUMNS)}, charge_sequence)"
_LEDGER_TARGET = """
    INSERT INTO ledger_entries
        (account_id, sequence, from_account_id, to_account_id, units, balance_after, kind, order_id, note, created_at)
"""
_LEDGER_VALUES = f":account_id, {{sequence}}, :account_id, {REVENUE_ACCOUNT_ID}, :units, {{balance}}, 'charge', :id, '', :created_at"
_MESSAGE_TARGET = """
    INSERT INTO messages (account_id, order_id, position, recipient, text, alphabet, parts, units, connector, route, priority,
        due_at, expires_at, state, failure, final_at)
"""
_UNIFORM_SOURCE = """
    SELECT :account_id, :id, :start + u.number - 1, u.recipient, NULL, NULL, :parts, :unit_price, :connector, :route, :priority,
        :due, :expires_at, :state, NULL, NULL
    FROM {debit} unnest(:recipients::text[]) WITH ORDINALITY AS u(recipient, number)
"""
_MIXED_SOURCE = """
    SELECT :account_id, :id, :start + u.number - 1, u.recipient, u.text, u.alphabet, coalesce(u.parts, :parts),
        coalesce(u.units, :unit_price), coalesce(u.connector, :connector), coalesce(u.route, :route), :priority,
        coalesce(u.due, :due), CASE WHEN u.due IS NULL THEN :expires_at ELSE u.expires_at END,
        coalesce(u.state, :state), u.failure, CASE WHEN u.state IS NULL THEN NULL ELSE :created_at END
    FROM {debit} unnest(:recipients::text[], :texts::text[], :alphabets::text[], :parts_each::int[], :units_each::bigint[],
        :connectors::text[], :routes::text[], :dues::timestamptz[], :expiries::timestamptz[], :states::text[], :failures::text[])
        WITH ORDINALITY
        AS u(recipient, text, alphabet, parts, units, connector, route, due, expires_at, state, failure, number)
"""
_UNIFORM_CHUNK = Statement(f"{_MESSAGE_TARGET} {_UNIFORM_SOURCE.format(debit='')}")
_MIXED_CHUNK = Statement(f"{_MESSAGE_TARGET} {_MIXED_SOURCE.format(debit='')}")
_ORDER_ALONE = Statement(f"{_ORDER_TARGET} VALUES ({_ORDER_VALUES}, :sequence)")
_ENTRY_ALONE = Statement(f"{_LEDGER_TARGET} VALUES ({_LEDGER_VALUES.format(sequence=':sequence', balance=':balance')})")
_SQLITE_MESSAGE = f"{_MESSAGE_TARGET} VALUES ({', '.join('?' * 16)})"
_COUNT_DAY = Statement("""
    INSERT INTO daily_uses (scope, day, count) VALUES (:scope, :day, :wanted)
    ON CONFLICT (scope, day) DO UPDATE SET count = daily_uses.count + :wanted WHERE daily_uses.count + :wanted <= :most
    RETURNING count
""")
_NEXT_SLOT = "SELECT next_slot_at FROM phones WHERE id = :phone_id"
_HOLD_SLOT = Statement(f"{_NEXT_SLOT} FOR UPDATE", sqlite=_NEXT_SLOT)
_NEXT_ACCOUNT_SLOT = "SELECT next_slot_at FROM accounts WHERE id = :account_id"
_HOLD_ACCOUNT = Statement(f"{_NEXT_ACCOUNT_SLOT} FOR UPDATE", sqlite=_NEXT_ACCOUNT_SLOT)
_MOVE_ACCOUNT = Statement("UPDATE accounts SET next_slot_at = :next_slot_at WHERE id = :account_id")
_MOVE_SLOT = Statement("UPDATE phones SET next_slot_at = :next_slot_at WHERE id = :phone_id")


class _Wording:
    """The statements whose text depends on what the caller was known by."""

    def __init__(self, holder: str) -> None:
        stands = f"({_USER_STANDS} {holder})"
        debit = f"""
            UPDATE accounts SET balance = balance - :units, ledger_sequence = ledger_sequence + 1
            WHERE id = :account_id AND balance + credit_limit >= :units AND {stands}
            RETURNING balance, ledger_sequence
        """
        entry = _LEDGER_VALUES.format(sequence="debit.ledger_sequence", balance="debit.balance")
        self.debit = Statement(debit)
        whole = f"""
            WITH debit AS ({debit}),
            new_order AS ({_ORDER_TARGET} SELECT {_ORDER_VALUES}, debit.ledger_sequence FROM debit),
            new_messages AS ({_MESSAGE_TARGET} {{source}}),
            new_entry AS ({_LEDGER_TARGET} SELECT {entry} FROM debit)
            SELECT balance, ledger_sequence FROM debit
        """
        self.whole_uniform = Statement(whole.format(source=_UNIFORM_SOURCE.format(debit="debit,")))
        self.whole_mixed = Statement(whole.format(source=_MIXED_SOURCE.format(debit="debit,")))
        self.standing = Statement(f"""
            SELECT balance + credit_limit, {stands},
                EXISTS (SELECT 1 FROM orders o WHERE o.account_id = accounts.id AND o.idempotency_key = :idempotency_key),
                EXISTS (SELECT 1 FROM orders o WHERE o.account_id = accounts.id AND o.dialect = :dialect AND o.client_ref = :client_ref)
            FROM accounts WHERE id = :account_id
        """)


_WORDINGS = {kind: _Wording(holder) for kind, holder in _HOLDERS.items()}
_RECORDED = Statement("""
    SELECT l.balance_after, l.sequence FROM orders o JOIN ledger_entries l ON l.account_id = o.account_id AND l.sequence = o.charge_sequence
    WHERE o.account_id = :account_id AND o.id = :id
""")


def accept(engine: Engine, order: NewOrder) -> Recorded:
    """Records the order durably and charges for it. When this returns, the messages are safe.

    Raises:
        InsufficientCredit, CapReached, ReferenceTaken: nothing was changed.
        CallerChanged: the user, session or key ended or changed since it was read. Nothing was changed.
        StorageUnavailable: nothing was changed.
        OutcomeUnknown: the database fell silent in the middle and did not come back at once.
    """
    params = _params(order)
    once = _accept_sqlite if engine.dialect.name == "sqlite" else _accept_postgresql
    try:
        recorded = once(engine, order, params)
    except CapReached as reached:  # the order that it repeats, or its own first try, may have used up the day
        return _refused(engine, order, params, reached)
    if recorded is not None:
        return recorded
    return _refused(engine, order, params, None)


def _wording(order: NewOrder) -> _Wording:
    return _WORDINGS["session" if order.session_id else "key" if order.credential_id else "user"]


def _accept_postgresql(engine: Engine, order: NewOrder, params: dict[str, Any]) -> Recorded | None:
    """A connection may have died while it lay idle, or in the middle of the commit: the order's id tells whether it is in."""
    at_once = len(order.messages) <= CHUNK and order.cap is None and order.pace is None and not order.parts_per_second
    accept_once = _accept_whole if at_once else _accept_chunks
    try:
        try:
            return accept_once(engine, order, params)
        except Collided:
            return _accept_after_collision(accept_once, engine, order, params)
        except Lost as error:
            return _accept_after_loss(accept_once, engine, order, params, error)
    except pg.UniqueViolation as error:
        return _repeated(engine, order, str(error.diag.constraint_name))


def _accept_after_collision(accept_once: AcceptOnce, engine: Engine, order: NewOrder, params: dict[str, Any]) -> Recorded | None:
    """Once more: the first try was undone as a whole, and the other transaction is through."""
    try:
        return accept_once(engine, order, params)
    except Collided as error:
        raise StorageUnavailable(type(error).__name__) from error
    except Lost as error:
        return _accept_after_loss(accept_once, engine, order, params, error)


def _accept_after_loss(
    accept_once: AcceptOnce, engine: Engine, order: NewOrder, params: dict[str, Any], loss: Exception
) -> Recorded | None:
    """Once more on a new connection. Without one, nobody here can tell whether the first try was committed."""
    try:
        return accept_once(engine, order, params)
    except (*Lost, StorageUnavailable) as error:
        raise OutcomeUnknown(type(loss).__name__) from error


def _accept_whole(engine: Engine, order: NewOrder, params: dict[str, Any]) -> Recorded | None:
    with postgresql_connection(engine, autocommit=True) as connection:
        wording = _wording(order)
        whole = wording.whole_uniform if isinstance(order.messages, Uniform) else wording.whole_mixed
        row = connection.execute(whole.postgresql, params | _chunk(order, 0, len(order.messages), _dues(order))).fetchone()
        return Recorded(*row) if row else None


def _accept_chunks(engine: Engine, order: NewOrder, params: dict[str, Any]) -> Recorded | None:
    """Messages first and the debit last, so that a hot account's row is locked for the shortest time."""
    try:
        with postgresql_connection(engine, autocommit=False) as connection:
            transaction = _Transaction(lambda statement, values: connection.execute(statement.postgresql, values))
            dues = transaction.reserve(order)
            for start in range(0, len(order.messages), CHUNK):
                is_plain = isinstance(order.messages, Uniform) and not dues
                chunk = params | _chunk(order, start, start + CHUNK, dues)
                connection.execute((_UNIFORM_CHUNK if is_plain else _MIXED_CHUNK).postgresql, chunk)
            row = connection.execute(_wording(order).debit.postgresql, params).fetchone()
            if row is None:
                raise _NotCovered
            charged = params | {"balance": row[0], "sequence": row[1]}
            connection.execute(_ORDER_ALONE.postgresql, charged)
            connection.execute(_ENTRY_ALONE.postgresql, charged)
            return Recorded(*row)
    except _NotCovered:
        return None


def _accept_sqlite(engine: Engine, order: NewOrder, params: dict[str, Any]) -> Recorded | None:
    values = {name: sqlite_value(value) for name, value in params.items()}
    try:
        with sqlite_transaction(engine) as connection:
            dues = _Transaction(lambda statement, given: connection.execute(statement.sqlite, sqlite_values(given))).reserve(order)
            row: Row | None = connection.execute(_wording(order).debit.sqlite, values).fetchone()
            if row is None:
                raise _NotCovered
            charged = values | {"balance": row[0], "sequence": row[1]}
            connection.execute(_ORDER_ALONE.sqlite, charged)
            connection.execute(_ENTRY_ALONE.sqlite, charged)
            connection.executemany(_SQLITE_MESSAGE, _sqlite_messages(order, values, dues))
            return Recorded(*row)
    except _NotCovered:
        return None
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
            raise
        return _repeated(engine, order, str(error))


def _chunk(order: NewOrder, start: int, stop: int, dues: Sequence[datetime | None]) -> dict[str, Any]:
    """The parameters of some of the order's messages."""
    own = dues[start:stop]
    return order.messages.columns(start, stop) | {"start": start, "dues": own, "expiries": _expiries(order, own)}


def _dues(order: NewOrder) -> list[datetime | None]:
    """When each message is due, where the order itself says so for some; empty: all with the order."""
    return [] if isinstance(order.messages, Uniform) else order.messages.dues


def _sqlite_messages(order: NewOrder, values: dict[str, Any], dues: Sequence[datetime | None]) -> Iterator[Row]:
    account_id, order_id, priority = values["account_id"], values["id"], values["priority"]
    due, accepted_at = (values["due"], values["expires_at"]), values["created_at"]
    own = list(zip(map(sqlite_value, dues), map(sqlite_value, _expiries(order, dues)), strict=True))
    for position, item in enumerate(order.messages.items()):
        when = own[position] if own and own[position][0] is not None else due
        way = (item.connector or values["connector"], item.route or values["route"], priority)
        end = (item.state or values["state"], item.failure, accepted_at if item.state else None)
        yield (account_id, order_id, position, *item[:5], *way, *when, *end)


class _Transaction:
    """What rare orders do first within their transaction.

    Args:
        execute: runs a statement of either driver's form with values.
    """

    def __init__(self, execute: Callable[[Statement, Params], Any]) -> None:
        self._execute = execute

    def reserve(self, order: NewOrder) -> list[datetime | None]:
        """Counts the messages against the day's cap, and books each its time where the number has a pace.

        Returns:
            When each is due; empty: all with the order.

        Raises:
            CapReached
        """
        if order.cap is not None:
            self._count(order.cap, len(order.messages))
        dues = _dues(order)
        if order.pace is not None and order.due_at is None:
            dues = _later(dues, self._book(order, order.pace))
        return _later(dues, self._spread(order)) if order.parts_per_second else dues

    def _count(self, cap: Cap, wanted: int) -> None:
        params = {"scope": cap.scope, "day": cap.day, "wanted": wanted, "most": cap.most}
        if wanted > cap.most or self._execute(_COUNT_DAY, params).fetchone() is None:
            raise CapReached

    def _book(self, order: NewOrder, pace: Pace) -> list[datetime]:
        """The number's row is locked until the order is in, so that two orders never get the same time."""
        row = self._execute(_HOLD_SLOT, {"phone_id": pace.phone_id}).fetchone()
        first = max(order.created_at, moment_of(row[0])) if row and row[0] else order.created_at
        dues = pace.slots(first, len(order.messages))
        following = dues[-1] + timedelta(seconds=pace.interval_seconds)
        self._execute(_MOVE_SLOT, {"phone_id": pace.phone_id, "next_slot_at": following})
        return dues

    def _spread(self, order: NewOrder) -> list[datetime | None]:
        """When each message may go at the account's speed. The account's row is locked until the order is in.

        An alarm (the first lane) goes at once and still uses up its time, so that others make room for it. An order for later is spread
        from its hour on and uses up nothing now.
        """
        rate, parts = order.parts_per_second, [0 if item.state else item.parts for item in order.messages.items()]
        if order.due_at is not None:
            return _paced(order.due_at, parts, rate)
        row = self._execute(_HOLD_ACCOUNT, {"account_id": order.account_id}).fetchone()
        first = max(order.created_at, moment_of(row[0])) if row and row[0] else order.created_at
        following = first + timedelta(seconds=sum(parts) / rate)
        self._execute(_MOVE_ACCOUNT, {"account_id": order.account_id, "next_slot_at": following})
        return [] if order.priority == HIGHEST_PRIORITY else _paced(first, parts, rate)


def _paced(first: datetime, parts: Sequence[int], rate: int) -> list[datetime | None]:
    before = itertools.accumulate(parts, initial=0)
    return [first + timedelta(seconds=sent / rate) for sent, _ in zip(before, parts, strict=False)]


def _later(dues: Sequence[datetime | None], others: Sequence[datetime | None]) -> list[datetime | None]:
    """The later of two times for each message; an empty list says nothing about any."""
    if not dues or not others:
        return [*dues, *others]
    pairs = zip(dues, others, strict=True)
    return [max((each for each in pair if each is not None), default=None) for pair in pairs]


def _expiries(order: NewOrder, dues: Sequence[datetime | None]) -> list[datetime | None]:
    return [None if order.validity is None or due is None else due + order.validity for due in dues]


def _refused(engine: Engine, order: NewOrder, params: dict[str, Any], reached: CapReached | None) -> Recorded:
    """After a debit that found no row to change, or a day that is used up. The order, or the one it repeats, may have done it."""
    recorded = _already_recorded(engine, order)
    if recorded is not None:
        return recorded
    names = ("account_id", "user_id", "user_revision", "session_id", "credential_id", "dialect", "client_ref", "idempotency_key")
    row = fetch(engine, _wording(order).standing, {name: params[name] for name in names})
    available, stands, key_taken, reference_taken = row or (0, False, False, False)
    if not stands:
        raise CallerChanged
    if key_taken or reference_taken:
        raise ReferenceTaken("idempotency_key" if key_taken else "client_ref")
    raise reached or InsufficientCredit(order.units, available)


def _repeated(engine: Engine, order: NewOrder, constraint: str) -> Recorded:
    """After a unique key said no: the same order came in by an earlier try, or its reference is another's."""
    recorded = _already_recorded(engine, order)
    if recorded is None:
        raise ReferenceTaken("idempotency_key" if "idempotency_key" in constraint else "client_ref")
    return recorded


def _already_recorded(engine: Engine, order: NewOrder) -> Recorded | None:
    row = fetch(engine, _RECORDED, {"account_id": order.account_id, "id": order.id})
    return Recorded(*row) if row else None


def _params(order: NewOrder) -> dict[str, Any]:
    names = (*_ORDER_COLUMNS, "session_id", "user_revision", "state", "connector", "route")
    params = {name: getattr(order, name) for name in names if name != "recipient_count"}
    unit_price = order.messages.units if isinstance(order.messages, Uniform) else 0
    return params | {"recipient_count": len(order.messages), "unit_price": unit_price, "due": order.due_at or order.created_at}
