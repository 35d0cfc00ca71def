"""How much an account sent in a month of its zone, and what that cost.

Source: contract httpsms 3 ("Usage counting") and 5.5. One account pays for all dialects, so all of them count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gateway.services.core import Gateway
from gateway.storage import billing as stored
from gateway.storage.identity import Caller
from gateway.storage.inbound import count_received
from gateway.storage.tables import Account

NAMESPACE = UUID("5e1c7d3a-8a0f-4c52-9b1e-6f0d2a7c4b18")
ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Usage:
    """One month: ``units`` is what its messages were charged when they were accepted; ``end`` is its last second."""

    id: UUID
    sent_messages: int
    received_messages: int
    units: int
    start: datetime
    end: datetime
    updated_at: datetime


def current(gateway: Gateway, caller: Caller) -> Usage:
    """The running month."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        return _usage(session, caller.account_id, _month(now, caller.zone), now)


def past(gateway: Gateway, caller: Caller, offset: int, limit: int) -> Sequence[Usage]:
    """Some of the months before this one, newest first, back to the one that the account was made in."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        made = session.get_one(Account, caller.account_id).created_at
        months = islice(_months_back(now, made, caller.zone), offset, offset + limit)
        return [_usage(session, caller.account_id, month, now) for month in months]


def _usage(session: Session, account_id: int, month: tuple[datetime, datetime], now: datetime) -> Usage:
    start, following = month
    sent, units = stored.accepted(session, account_id, start, following)
    key = uuid5(NAMESPACE, f"{account_id} {start.isoformat()}")
    came = count_received(session, account_id, start, following)
    return Usage(key, sent, came, units, start, following - ONE_SECOND, min(now, following))


def _months_back(now: datetime, oldest: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    month = _month(now, zone)
    while month[0] > oldest:
        month = _month(month[0] - ONE_SECOND, zone)
        yield month


def _month(moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The month of the zone's calendar that the moment lies in, and the beginning of the next, in UTC."""
    local = moment.astimezone(zone)
    start = datetime(local.year, local.month, 1, tzinfo=zone)
    following = datetime(local.year + local.month // 12, local.month % 12 + 1, 1, tzinfo=zone)
    return start.astimezone(UTC), following.astimezone(UTC)
