"""Numbers that must not be written to: who is among many, the list of an account, and stopping what was claimed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, bindparam, delete, func, select
from sqlalchemy.orm import Session

from gateway.domain.keywords import REPLY_DIALECT
from gateway.domain.sending import AttemptKey
from gateway.storage.batch import BatchStatement, execute, join_by_key
from gateway.storage.dispatch import MessageKey
from gateway.storage.driver import Statement, fetch
from gateway.storage.tables import Account, Attempt, OptOut

EVERYBODY = 0
"""The account id of opt-outs that hold for every account."""
Refusing = tuple[int, str]
"""An account id, or 0, and a number that it may not write to."""

_ANY = Statement("SELECT 1 FROM opt_outs LIMIT 1")
# One row whatever comes out. From the numbers asked for to the list, never the other way: the list may have millions.
_AMONG = Statement(
    """
    SELECT string_agg(o.number, ',') FROM unnest(:numbers::text[]) AS u(number) JOIN opt_outs o ON o.number = u.number
    WHERE o.account_id IN (:everybody, :account_id)
    """,
    sqlite="""
    SELECT group_concat(o.number) FROM json_each(:numbers) AS u CROSS JOIN opt_outs o ON o.number = u.value
    WHERE o.account_id IN (:everybody, :account_id)
    """,
)
_ADD = BatchStatement(
    """
    INSERT INTO opt_outs (account_id, number, origin, created_at) SELECT u.account_id, u.number, :origin, :now FROM {rows} WHERE true
    ON CONFLICT (account_id, number) DO NOTHING RETURNING number
    """,
    {"account_id": "bigint", "number": "text"},
)
_KEY = {"account_id": "bigint", "order_id": "uuid", "position": "int"}
_REFUSING = BatchStatement(
    f"""
    SELECT u.account_id, u.order_id, u.position FROM {{rows}} JOIN opt_outs t ON t.number = u.recipient
    JOIN orders o ON o.account_id = u.account_id AND o.id = u.order_id
    WHERE t.account_id IN ({EVERYBODY}, u.account_id) AND o.dialect <> '{REPLY_DIALECT}'
    """,
    _KEY | {"recipient": "text"},
)
# One key at a time: for a list of keys in one statement, SQLite would read every attempt of the account.
_FORGET = delete(Attempt).where(
    Attempt.account_id == bindparam("of_account"),
    Attempt.order_id == bindparam("of_order"),
    Attempt.position == bindparam("of_position"),
    Attempt.number == bindparam("of_number"),
)


def exist(engine: Engine) -> bool:
    """Whether anybody opted out of anything."""
    return fetch(engine, _ANY, {}) is not None


def among(engine: Engine, account_id: int, numbers: Sequence[str]) -> frozenset[str]:
    """Those of the numbers that this account may not write to. One statement for any count."""
    given = json.dumps(list(numbers)) if engine.dialect.name == "sqlite" else list(numbers)
    row = fetch(engine, _AMONG, {"numbers": given, "account_id": account_id, "everybody": EVERYBODY})
    return frozenset(row[0].split(",")) if row and row[0] else frozenset()


def add(session: Session, rows: Iterable[Refusing], origin: str, now: datetime) -> int:
    """Puts numbers on lists; one that is there stays as it is. How many are new."""
    return len(execute(session, _ADD, {"origin": origin, "now": now}, sorted(set(rows))))


def remove(session: Session, rows: Iterable[Refusing], origin: str | None = None) -> int:
    """Takes a few numbers off lists, only those put there by ``origin`` where it is given; how many were there."""
    removed = 0
    for account_id, number in sorted(set(rows)):
        chosen = delete(OptOut).where(OptOut.account_id == account_id, OptOut.number == number)
        chosen = chosen if origin is None else chosen.where(OptOut.origin == origin)
        removed += len(session.scalars(chosen.returning(OptOut.number)).all())
    return removed


def refusing(session: Session, claimed: Sequence[tuple[AttemptKey, str]]) -> set[MessageKey]:
    """Those of the claimed messages whose recipient wants none, answers to keywords apart."""
    join_by_key(session)
    rows = execute(session, _REFUSING, {}, [(*key[:3], recipient) for key, recipient in claimed])
    by_text = {(key[0], str(key[1]).replace("-", ""), key[2]): key[:3] for key, _ in claimed} if rows else {}
    return {by_text[row[0], str(row[1]).replace("-", ""), row[2]] for row in rows}


def forget_attempts(session: Session, keys: Collection[AttemptKey]) -> None:
    """Deletes the notes that these attempts started: they did not."""
    names = ("of_account", "of_order", "of_position", "of_number")
    if keys:
        session.connection().execute(_FORGET, [dict(zip(names, key, strict=True)) for key in sorted(keys)])


@dataclass(frozen=True, slots=True)
class Listing:
    """Which opt-outs of one account are asked for; None and empty do not narrow. ``part`` is a part of the number."""

    account_id: int
    start: datetime | None = None
    end: datetime | None = None
    part: str = ""
    origins: Collection[str] = ()


def page(session: Session, wanted: Listing, offset: int, limit: int) -> tuple[int, Sequence[OptOut]]:
    """How many fit, and some of them, the newest first."""
    chosen = [OptOut.account_id == wanted.account_id]
    if wanted.start is not None:
        chosen.append(OptOut.created_at >= wanted.start)
    if wanted.end is not None:
        chosen.append(OptOut.created_at <= wanted.end)
    if wanted.part:
        chosen.append(OptOut.number.contains(wanted.part, autoescape=True))
    if wanted.origins:
        chosen.append(OptOut.origin.in_(list(wanted.origins)))
    total = session.scalar(select(func.count()).select_from(OptOut).where(*chosen)) or 0
    rows = select(OptOut).where(*chosen).order_by(OptOut.created_at.desc(), OptOut.number).offset(offset).limit(limit)
    return total, session.scalars(rows).all()


def latest(session: Session, account_id: int | None, number: str | None, limit: int) -> list[tuple[OptOut, str | None]]:
    """The newest opt-outs with the names of their accounts (None: every account), of one account or all."""
    query = select(OptOut, Account.name).outerjoin(Account, Account.id == OptOut.account_id)
    if account_id is not None:
        query = query.where(OptOut.account_id == account_id)
    if number is not None:
        query = query.where(OptOut.number == number)
    rows = session.execute(query.order_by(OptOut.created_at.desc(), OptOut.account_id, OptOut.number).limit(limit))
    return [(row[0], row[1]) for row in rows]
