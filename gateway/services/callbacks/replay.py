"""What becomes of calls later: those that were given up are listed, made again on request, and forgotten in the end.

Also what only time brings about: telephones that fell silent, and endpoints that have not answered for a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from gateway.domain.callback import LONG_SILENT, SILENT, Happening, Telephone
from gateway.domain.errors import InvalidField, NotFound
from gateway.services.callbacks import outbox
from gateway.services.core import Gateway
from gateway.storage import callback_queue as queue
from gateway.storage import callbacks as stored

BATCH = 500
GIVEN_UP_AFTER = timedelta(hours=24)
DELIVERED_KEPT, DEAD_KEPT = timedelta(days=7), timedelta(days=30)
SILENCE = "the endpoint has not answered for a day"


@dataclass(frozen=True, slots=True)
class DeadCall:
    """A call that was given up."""

    id: UUID
    endpoint: UUID
    event: str
    created_at: datetime
    dead_at: datetime | None
    attempts: int
    status: int | None
    error: str | None


def dead(gateway: Gateway, endpoint: UUID | None, limit: int) -> list[DeadCall]:
    """Calls that were given up, of one endpoint or of all, the last first.

    Raises:
        NotFound: there is no such endpoint, and no such call of one that was removed.
    """
    with gateway.reading() as session:
        rows = queue.dead(session, endpoint, limit)
        if endpoint is not None and not rows and stored.endpoint(session, endpoint) is None:
            raise NotFound("callback")
        return [DeadCall(row.id, row.endpoint, row.event, row.created_at, row.dead_at, row.attempts, row.status, row.error) for row in rows]


def replay(gateway: Gateway, start: datetime, end: datetime, endpoint: UUID | None = None, *, only_dead: bool = False) -> int:
    """Makes calls due again, as if they had never been tried, whose events came from ``start`` to ``end``, both included; their number.

    They keep their ids, so a receiver that remembers ids passes over what it has. Those being made at this moment are left. An endpoint
    that was left alone is called again at once.

    Raises:
        InvalidField: the span ends before it starts.
        NotFound: no such endpoint.
    """
    if end < start:
        raise InvalidField("to", "lies before from")
    with gateway.reading() as session:
        found = [row.id for row in stored.endpoints(session, None) if endpoint in (None, row.id)]
    if endpoint is not None and not found:
        raise NotFound("callback")
    return sum(_replay(gateway, start, end, each, only_dead=only_dead) for each in found)


def sweep(gateway: Gateway) -> dict[str, int]:
    """Gives up what waits for endpoints that do not answer, deletes old calls, and tells of telephones that fell silent; how many
    calls of each. Bounded, and harmless when several dispatchers do it at once.
    """
    _tell_of_silence(gateway)
    done = {"buried": _bury(gateway), "forgotten": _forget(gateway)}
    return {name: count for name, count in done.items() if count}


def _replay(gateway: Gateway, start: datetime, end: datetime, endpoint: UUID, *, only_dead: bool) -> int:
    after, count = None, 0
    while True:
        now = gateway.clock.now()
        with gateway.writing() as session:
            found = queue.revive(session, endpoint, start, end, after, BATCH, now, only_dead=only_dead)
            if found:
                queue.forgive(session, endpoint)
        count += len(found)
        if len(found) < BATCH:
            return count
        after = found[-1]


def _bury(gateway: Gateway) -> int:
    now = gateway.clock.now()
    before = now - GIVEN_UP_AFTER
    with gateway.reading() as session:
        silent = [each for each in queue.failing(session, before) if queue.has_left(session, [each], before)]
    count = 0
    for endpoint in silent:
        with gateway.writing() as session:
            count += queue.bury(session, endpoint, before, BATCH, SILENCE, now)
    return count


def _forget(gateway: Gateway) -> int:
    now = gateway.clock.now()
    delivered, given_up = now - DELIVERED_KEPT, now - DEAD_KEPT
    with gateway.reading() as session:
        if not queue.has_forgettable(session, delivered, given_up):
            return 0
    with gateway.writing() as session:
        return queue.forget(session, delivered, given_up, BATCH)


def _tell_of_silence(gateway: Gateway) -> None:
    """Once for each silence: told again, it changes nothing. One that nobody looked at within its sixteen minutes is passed over."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        found = stored.quiet(session, now - LONG_SILENT, now - SILENT)
    if found:
        with gateway.writing() as session:
            for each in found:
                telephone = Telephone(each.account_id, each.number, str(each.phone_id), each.at)
                outbox.handset(session, Happening.HANDSET_OFFLINE, telephone, now)
