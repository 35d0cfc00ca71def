"""What time alone brings about: leases, validities and waits for receipts that run out, and leftovers to delete.

Each sweep takes a bounded batch in a transaction of its own and leaves alone what another dispatcher is at, so any number of
dispatchers may sweep at once. Each looks before it writes, so that idle dispatchers never queue for the writers' lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from gateway.domain.errors import StorageUnavailable
from gateway.domain.message import State
from gateway.services import inbound, keyword_replies, restraint
from gateway.services.core import Gateway
from gateway.services.dispatching import given_up, unknown_attempt
from gateway.services.settling import STRICTEST, Refunds, apply_parked, ended, match_unclaimed, policies, settle
from gateway.storage import dispatch, leases, receipts
from gateway.storage.dispatch import Sweep

log = structlog.get_logger()

BATCH = 500
BATCHES_OF_COUNTS = 20
"""How many in one sweep, so that counts of single numbers do not come faster than they go."""
PARKED_DAYS = 7
UNCLAIMED_MINUTES = 10
IDLE_SESSION_DAYS = 1


def sweep(gateway: Gateway) -> dict[str, int]:
    """Runs every sweep; how many messages each one moved. A defect of one does not stop the others.

    Raises:
        StorageUnavailable: those that are left would not fare better.
    """
    moved = {name: _quietly(gateway, name, run) for name, run in SWEEPS.items()}
    return {name: count for name, count in moved.items() if count}


def _quietly(gateway: Gateway, name: str, run: Callable[[Gateway], int]) -> int:
    try:
        return run(gateway)
    except StorageUnavailable:
        raise
    except Exception:
        log.exception("sweep_failed", sweep=name)
        return 0


def expire_leases(gateway: Gateway) -> int:
    """Started attempts whose dispatcher fell silent: the carrier may have them, so they become unknown."""
    now = gateway.clock.now()
    if not _any(gateway, dispatch.LEASE_OVER, now):
        return 0
    with gateway.writing() as session:
        chosen = policies(session)
        found = dispatch.hold_swept(session, dispatch.LEASE_OVER, now, BATCH)
        settle(session, [given_up(gateway, each, chosen.get(each.connector, STRICTEST), now) for each in found], chosen, now, "")
        dispatch.end_attempts(session, [unknown_attempt(each, "no outcome before the lease ended") for each in found], now)
        return len(found)


def expire_validity(gateway: Gateway) -> int:
    """Messages that still wait at the end of their validity."""
    now = gateway.clock.now()
    if not _any(gateway, dispatch.VALIDITY_OVER, now):
        return 0
    with gateway.writing() as session:
        found = dispatch.hold_swept(session, dispatch.VALIDITY_OVER, now, BATCH)
        over = [ended(each, State.EXPIRED, now, "validity ended before it was sent") for each in found]
        settle(session, over, policies(session), now, "expired")
        return len(found)


def expire_receipts(gateway: Gateway) -> int:
    """Sent messages whose receipt never came."""
    now = gateway.clock.now()
    if not _any(gateway, dispatch.RECEIPT_OVERDUE, now):
        return 0
    with gateway.writing() as session:
        found = dispatch.hold_swept(session, dispatch.RECEIPT_OVERDUE, now, BATCH)
        over = [ended(each, State.EXPIRED, now, "no receipt came") for each in found]
        settle(session, over, policies(session), now, "no receipt")
        return len(found)


def match_late_receipts(gateway: Gateway) -> int:
    """Parked receipts whose message got its name in another transaction at the same moment."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        found = receipts.late(session, BATCH)
    if found:
        with gateway.writing() as session:
            refunds = Refunds()
            apply_parked(session, found, policies(session), now, refunds)
            refunds.pay(session, now)
    return len(found)


def match_unclaimed_receipts(gateway: Gateway) -> int:
    """Receipts parked lately under an id in another form than their message's: before that form was known, or before the message was."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        found = receipts.unclaimed(session, now - timedelta(minutes=UNCLAIMED_MINUTES), BATCH)
    if not found:
        return 0
    with gateway.writing() as session:
        return match_unclaimed(session, found, policies(session), now)


def forget(gateway: Gateway) -> int:
    """Deletes receipts that belong to no message of ours, and logins that nobody uses."""
    now = gateway.clock.now()
    parked, idle = now - timedelta(days=PARKED_DAYS), now - timedelta(days=IDLE_SESSION_DAYS)
    with gateway.reading() as session:
        found = receipts.has_forgettable(session, parked) or leases.has_forgettable_sessions(session, idle)
    if found:
        with gateway.writing() as session:
            receipts.forget_parked(session, parked, BATCH)
            leases.forget_sessions(session, idle, BATCH)
    for _ in range(BATCHES_OF_COUNTS):
        if not restraint.has_forgettable(gateway):
            break
        restraint.forget(gateway, BATCH)
    return 0


def _any(gateway: Gateway, sweep: Sweep, now: datetime) -> bool:
    with gateway.reading() as session:
        return dispatch.has_swept(session, sweep, now)


SWEEPS: Mapping[str, Callable[[Gateway], int]] = {
    "lease_over": expire_leases,
    "validity_over": expire_validity,
    "receipt_overdue": expire_receipts,
    "receipt_late": match_late_receipts,
    "receipt_recognised": match_unclaimed_receipts,
    "inbound_incomplete": inbound.complete_stale,
    "keyword_answered": keyword_replies.answer_keywords,
    "forgotten": forget,
}
"""In their order: what may become unknown first, what may be forgotten last. By name, as ``swept`` tells them."""
