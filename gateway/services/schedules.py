"""Send schedules: the weekly hours in which an account's numbers may send.

Source: contract httpsms 3 ("Throttling and scheduling") and 5.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from gateway.domain.errors import Conflict, NotFound
from gateway.domain.pace import Window
from gateway.services.core import Gateway
from gateway.storage import phones
from gateway.storage import schedules as stored
from gateway.storage.keys import hold_account
from gateway.storage.tables import SendSchedule as SendSchedule

MOST_SCHEDULES = 100


class TooManySchedules(Conflict):
    """The account has as many send schedules as it may have."""


@dataclass(frozen=True, slots=True)
class ScheduleTerms:
    """What a send schedule says: a name, and windows (at least one, none overlapping) in the time of a zone."""

    name: str
    zone: ZoneInfo
    windows: Sequence[Window]

    def apply(self, row: SendSchedule) -> None:
        """Writes it into the row."""
        row.name, row.zone = self.name, self.zone.key
        row.windows = [{"day": each.day, "start_minute": each.start_minute, "end_minute": each.end_minute} for each in self.windows]


def overlap(windows: Sequence[Window]) -> bool:
    """Whether two of the windows share a minute."""
    ordered = sorted(windows, key=lambda each: (each.day, each.start_minute))
    return any(a.day == b.day and b.start_minute < a.end_minute for a, b in pairwise(ordered))


def listed(gateway: Gateway, account_id: int) -> Sequence[SendSchedule]:
    """The account's send schedules, newest first."""
    with gateway.reading() as session:
        rows = stored.every(session, account_id)
        session.expunge_all()
        return rows


def create(gateway: Gateway, account_id: int, terms: ScheduleTerms) -> SendSchedule:
    """Makes a send schedule; no number keeps it yet.

    Raises:
        TooManySchedules
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        hold_account(session, account_id)
        if len(stored.every(session, account_id)) >= MOST_SCHEDULES:
            raise TooManySchedules
        row = SendSchedule(id=uuid4(), account_id=account_id, created_at=now, updated_at=now)
        terms.apply(row)
        session.add(row)
        session.flush()
        session.expunge(row)
        return row


def change(gateway: Gateway, account_id: int, schedule_id: UUID, terms: ScheduleTerms) -> SendSchedule:
    """Replaces all that a send schedule says. Messages that already have their time keep it.

    Raises:
        NotFound
    """
    with gateway.writing() as session:
        row = stored.by_id(session, account_id, schedule_id)
        if row is None:
            raise NotFound("send schedule")
        terms.apply(row)
        row.updated_at = gateway.clock.now()
        session.flush()
        session.expunge(row)
        return row


def delete(gateway: Gateway, account_id: int, schedule_id: UUID) -> None:
    """Removes a send schedule; numbers that kept it may send at any hour from now on.

    Raises:
        NotFound
    """
    with gateway.writing() as session:
        row = stored.by_id(session, account_id, schedule_id)
        if row is None:
            raise NotFound("send schedule")
        phones.leave_schedule(session, account_id, schedule_id)
        session.delete(row)
