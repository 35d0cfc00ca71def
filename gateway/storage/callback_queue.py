"""The calls that are due: whose turn it is, taking them, and writing down how they went.

A call belongs to whoever moved its ``next_at`` to the end of a lease. Rows of calls are locked before breakers, breakers in the order
of their endpoint, so that two dispatchers never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from gateway.storage.batch import BatchStatement, execute, join_by_key
from gateway.storage.tables import CallbackBreaker, CallbackDelivery
from gateway.storage.tables.callbacks import DEAD, DELIVERED, OPEN

_LEFT = "d.delivered_at IS NULL AND d.dead_at IS NULL"
# One step in the index for each endpoint that has calls left, however many calls that are.
_READY = BatchStatement(f"""
    WITH RECURSIVE waiting(endpoint) AS (
        SELECT * FROM (SELECT d.endpoint FROM callback_deliveries d WHERE {_LEFT} ORDER BY d.endpoint LIMIT 1) AS first
        UNION ALL
        SELECT (SELECT d.endpoint FROM callback_deliveries d WHERE {_LEFT} AND d.endpoint > w.endpoint ORDER BY d.endpoint LIMIT 1)
        FROM waiting w WHERE w.endpoint IS NOT NULL)
    SELECT w.endpoint FROM waiting w LEFT JOIN callback_breakers b ON b.endpoint = w.endpoint
    WHERE w.endpoint IS NOT NULL AND (b.open_until IS NULL OR b.open_until <= :now)
        AND NOT EXISTS (SELECT 1 FROM callbacks c WHERE c.id = w.endpoint AND NOT c.enabled)
        AND EXISTS (SELECT 1 FROM callback_deliveries d WHERE d.endpoint = w.endpoint AND {_LEFT} AND d.next_at <= :now)
    ORDER BY w.endpoint
""")
_FAILED = BatchStatement("""
    INSERT INTO callback_breakers (endpoint, failures, failing_since) VALUES (:endpoint, 1, :now)
    ON CONFLICT (endpoint) DO UPDATE SET failures = callback_breakers.failures + 1 RETURNING failures
""")


class Due(NamedTuple):
    """A call that was taken. ``lease_until`` is what it was taken until, and proves that it is still ours; ``attempts`` those before."""

    id: UUID
    endpoint: UUID
    account_id: int | None
    kind: str
    event: str
    payload: dict[str, Any]
    created_at: datetime
    attempts: int
    lease_until: datetime


_DUE = [getattr(CallbackDelivery, name) for name in Due._fields]


def ready(session: Session, now: datetime) -> list[UUID]:
    """The endpoints that have calls due and may be called now, in the order of their ids. Locks nothing."""
    join_by_key(session)
    return [row[0] if isinstance(row[0], UUID) else UUID(row[0]) for row in execute(session, _READY, {"now": now})]


def standing(session: Session, endpoint: UUID) -> tuple[int, datetime | None]:
    """How often the endpoint failed in a row, and until when it is to be left alone."""
    row = session.execute(select(CallbackBreaker.failures, CallbackBreaker.open_until).where(CallbackBreaker.endpoint == endpoint)).first()
    return (row[0], row[1]) if row else (0, None)


def take_trial(session: Session, endpoint: UUID, now: datetime, until: datetime) -> bool:
    """Takes the one call that shows whether an endpoint is back: nobody else calls it before ``until``."""
    mine = update(CallbackBreaker).where(CallbackBreaker.endpoint == endpoint, CallbackBreaker.open_until <= now)
    return session.execute(mine.values(open_until=until).returning(CallbackBreaker.endpoint)).first() is not None


def claim(session: Session, endpoint: UUID, most: int, now: datetime, until: datetime) -> list[Due]:
    """Takes up to ``most`` due calls of an endpoint, those due for longest first, leaving what somebody else is taking."""
    found = _held(session, [CallbackDelivery.endpoint == endpoint, CallbackDelivery.next_at <= now], most)
    mine = update(CallbackDelivery).where(CallbackDelivery.id.in_(found)).values(next_at=until, lease_until=until)
    rows = session.execute(mine.returning(*_DUE), execution_options={"synchronize_session": False}).all() if found else []
    by_id = {row[0]: Due(*row) for row in rows}
    return [by_id[each] for each in found]


def succeed(session: Session, due: Due, status: int | None, now: datetime) -> None:
    """A call was made and taken."""
    done = {"delivered_at": now, "lease_until": None, "attempts": due.attempts + 1, "status": status, "error": None}
    session.execute(update(CallbackDelivery).where(CallbackDelivery.id == due.id, OPEN).values(**done))


def fail(session: Session, due: Due, status: int | None, error: str, next_at: datetime | None, now: datetime) -> bool:
    """A call came to nothing; ``next_at`` is when it is made again, None: never. Whether it was still ours."""
    done: dict[str, Any] = {"lease_until": None, "attempts": due.attempts + 1, "status": status, "error": error}
    done |= {"dead_at": now} if next_at is None else {"next_at": next_at}
    mine = update(CallbackDelivery).where(CallbackDelivery.id == due.id, OPEN, CallbackDelivery.lease_until == due.lease_until)
    return session.execute(mine.values(**done).returning(CallbackDelivery.id)).first() is not None


def put_back(session: Session, due: Due, now: datetime) -> None:
    """Leaves a call that was taken in this transaction to be taken again."""
    session.execute(update(CallbackDelivery).where(CallbackDelivery.id == due.id).values(next_at=now, lease_until=None))


def forgive(session: Session, endpoint: UUID) -> None:
    """Forgets how often an endpoint failed."""
    session.execute(delete(CallbackBreaker).where(CallbackBreaker.endpoint == endpoint))


def count_failure(session: Session, endpoint: UUID, now: datetime) -> int:
    """Notes that an endpoint failed; how often it did in a row."""
    return int(execute(session, _FAILED, {"endpoint": endpoint, "now": now})[0][0])


def open_breaker(session: Session, endpoint: UUID, until: datetime) -> None:
    """Leaves an endpoint alone."""
    session.execute(update(CallbackBreaker).where(CallbackBreaker.endpoint == endpoint).values(open_until=until))


def bury(session: Session, endpoint: UUID, before: datetime, most: int, error: str, now: datetime) -> int:
    """Gives up an endpoint's calls that nobody is making and whose event came before a moment; their number."""
    free = or_(CallbackDelivery.lease_until.is_(None), CallbackDelivery.lease_until <= now)
    found = _held(session, [CallbackDelivery.endpoint == endpoint, CallbackDelivery.created_at < before, free], most)
    done = {"dead_at": now, "lease_until": None, "error": error}
    session.execute(update(CallbackDelivery).where(CallbackDelivery.id.in_(found)).values(**done))
    return len(found)


def failing(session: Session, since: datetime) -> Sequence[UUID]:
    """Endpoints that are left alone and have not answered once since before a moment."""
    chosen = (CallbackBreaker.failing_since < since, CallbackBreaker.open_until.is_not(None))
    return session.scalars(select(CallbackBreaker.endpoint).where(*chosen).order_by(CallbackBreaker.endpoint)).all()


def has_left(session: Session, endpoints: Collection[UUID], before: datetime) -> bool:
    """Whether one of these endpoints has calls left whose event came before a moment."""
    chosen = select(CallbackDelivery.id).where(CallbackDelivery.endpoint.in_(endpoints), CallbackDelivery.created_at < before, OPEN)
    return bool(endpoints) and session.scalars(chosen.limit(1)).first() is not None


def has_forgettable(session: Session, delivered_before: datetime, dead_before: datetime) -> bool:
    """Whether there are calls that were settled so long ago."""
    return any(session.scalars(chosen.limit(1)).first() for chosen in _forgettable(delivered_before, dead_before))


def forget(session: Session, delivered_before: datetime, dead_before: datetime, most: int) -> int:
    """Deletes calls that were settled before these moments, ``most`` of either kind; their number."""
    found = [each for chosen in _forgettable(delivered_before, dead_before) for each in session.scalars(chosen.limit(most))]
    session.execute(delete(CallbackDelivery).where(CallbackDelivery.id.in_(found)))
    return len(found)


def dead(session: Session, endpoint: UUID | None, limit: int) -> Sequence[CallbackDelivery]:
    """Calls that were given up, the last first."""
    chosen = select(CallbackDelivery).where(DEAD)
    if endpoint is not None:
        chosen = chosen.where(CallbackDelivery.endpoint == endpoint)
    return session.scalars(chosen.order_by(CallbackDelivery.dead_at.desc(), CallbackDelivery.id).limit(limit)).all()


def revive(
    session: Session, endpoint: UUID, start: datetime, end: datetime, after: UUID | None, most: int, now: datetime, *, only_dead: bool
) -> list[UUID]:
    """Makes an endpoint's calls due again whose event came from ``start`` up to ``end``, in the order of their ids behind ``after``."""
    chosen: list[Any] = [CallbackDelivery.endpoint == endpoint, CallbackDelivery.created_at >= start, CallbackDelivery.created_at <= end]
    chosen += [DEAD] if only_dead else []
    chosen += [CallbackDelivery.id > after] if after is not None else []
    free = or_(CallbackDelivery.lease_until.is_(None), CallbackDelivery.lease_until <= now)
    query = select(CallbackDelivery.id).where(*chosen, free).order_by(CallbackDelivery.id).limit(most)
    found = list(session.scalars(query.with_for_update(skip_locked=True)))
    again = {"next_at": now, "attempts": 0, "lease_until": None, "delivered_at": None, "dead_at": None, "status": None, "error": None}
    session.execute(update(CallbackDelivery).where(CallbackDelivery.id.in_(found)).values(**again))
    return found


def _held(session: Session, chosen: Sequence[ColumnElement[bool]], most: int) -> list[UUID]:
    """Locks open calls; SQLite's writer is alone anyway."""
    join_by_key(session)
    # By the index alone: many are due at one moment, and to put them in a further order all would have to be read.
    query = select(CallbackDelivery.id).where(OPEN, *chosen).order_by(CallbackDelivery.next_at).limit(most)
    return list(session.scalars(query.with_for_update(skip_locked=True)))


def _forgettable(delivered_before: datetime, dead_before: datetime) -> tuple[Any, Any]:
    return (
        select(CallbackDelivery.id).where(DELIVERED, CallbackDelivery.delivered_at < delivered_before),
        select(CallbackDelivery.id).where(DEAD, CallbackDelivery.dead_at < dead_before),
    )
