"""Quiet hours, velocity caps with their counts, and accounts with a speed of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.storage.batch import BatchStatement, execute
from gateway.storage.tables import Account, QuietHours, VelocityCap

# In the order of their key, so that two orders never wait for each other in a circle.
_COUNT = BatchStatement(
    """
    INSERT INTO velocity_uses (scope, window_start, count)
    SELECT u.scope, u.window_start, u.wanted FROM {rows} WHERE true ORDER BY u.scope, u.window_start
    ON CONFLICT (scope, window_start) DO UPDATE SET count = velocity_uses.count + excluded.count
    RETURNING scope, count
    """,
    {"scope": "text", "window_start": "timestamptz", "wanted": "int"},
)
_FORGETTABLE = BatchStatement("SELECT 1 FROM velocity_uses WHERE window_start < :before LIMIT 1")
_FORGET = BatchStatement("""
    DELETE FROM velocity_uses WHERE (scope, window_start) IN (
        SELECT scope, window_start FROM velocity_uses WHERE window_start < :before ORDER BY window_start LIMIT :most)
""")


def quiet_hours(session: Session) -> Sequence[QuietHours]:
    """Every country's, by its letters."""
    return session.scalars(select(QuietHours).order_by(QuietHours.region)).all()


def remove_quiet_hours(session: Session, region: str) -> bool:
    """Whether there were any."""
    return session.execute(delete(QuietHours).where(QuietHours.region == region).returning(QuietHours.region)).first() is not None


def caps(session: Session) -> Sequence[tuple[VelocityCap, str | None]]:
    """Every velocity cap with the name of its account."""
    rows = session.execute(
        select(VelocityCap, Account.name).outerjoin(Account, Account.id == VelocityCap.account_id).order_by(VelocityCap.id)
    )
    return [(cap, name) for cap, name in rows]


def remove_cap(session: Session, cap_id: int) -> bool:
    """Whether there was one."""
    return session.execute(delete(VelocityCap).where(VelocityCap.id == cap_id).returning(VelocityCap.id)).first() is not None


def rates(session: Session) -> Mapping[int, int]:
    """Account → parts a second, of accounts that have a limit."""
    rows = session.execute(select(Account.id, Account.parts_per_second).where(Account.parts_per_second > 0))
    return {row.id: row.parts_per_second for row in rows}


def named_rates(session: Session) -> Mapping[str, int]:
    """The same by the account's name."""
    rows = session.execute(select(Account.name, Account.parts_per_second).where(Account.parts_per_second > 0).order_by(Account.name))
    return {row.name: row.parts_per_second for row in rows}


def count(session: Session, wanted: Sequence[tuple[str, datetime, int]]) -> Mapping[str, int]:
    """Counts messages: rows of scope, window and how many. Scope → the count of its window with these."""
    return {str(scope): int(total) for scope, total in execute(session, _COUNT, {}, wanted)}


def has_forgettable(session: Session, before: datetime) -> bool:
    """Whether there are counts of windows that began before a moment."""
    return bool(execute(session, _FORGETTABLE, {"before": before}))


def forget(session: Session, before: datetime, most: int) -> None:
    """Deletes counts of windows that began before a moment."""
    execute(session, _FORGET, {"before": before, "most": most})
