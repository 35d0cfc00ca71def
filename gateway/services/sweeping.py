"""What time alone brings about: leases, validities and waits for receipts that run out, and leftovers to delete.

Each sweep takes a bounded batch in a transaction of its own and leaves alone what another dispatcher is at, so any number of
dispatchers may sweep at once.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.message import State
from gateway.services.core import Gateway
from gateway.services.dispatching import given_up, unknown_attempt
from gateway.services.settling import STRICTEST, apply_parked, ended, policies, settle
from gateway.storage import dispatch, leases, receipts

BATCH = 500
PARKED_DAYS = 7
IDLE_SESSION_DAYS = 1


def sweep(gateway: Gateway) -> dict[str, int]:
    """Runs every sweep until nothing is left or it has had its turn; how many messages each one moved."""
    moved = {
        "lease_over": expire_leases(gateway),
        "validity_over": expire_validity(gateway),
        "receipt_overdue": expire_receipts(gateway),
        "receipt_late": match_late_receipts(gateway),
    }
    forget(gateway)
    return {name: count for name, count in moved.items() if count}


def expire_leases(gateway: Gateway) -> int:
    """Started attempts whose dispatcher fell silent: the carrier may have them, so they become unknown."""
    now = gateway.clock.now()
    with gateway.writing() as session:
        chosen = policies(session)
        found = dispatch.hold_swept(session, dispatch.LEASE_OVER, now, BATCH)
        settle(session, [given_up(gateway, each, chosen.get(each.connector, STRICTEST), now) for each in found], chosen, now, "")
        dispatch.end_attempts(session, [unknown_attempt(each, "no outcome before the lease ended") for each in found], now)
        return len(found)


def expire_validity(gateway: Gateway) -> int:
    """Messages that still wait at the end of their validity."""
    now = gateway.clock.now()
    with gateway.writing() as session:
        found = dispatch.hold_swept(session, dispatch.VALIDITY_OVER, now, BATCH)
        over = [ended(each, State.EXPIRED, now, "validity ended before it was sent") for each in found]
        settle(session, over, policies(session), now, "expired")
        return len(found)


def expire_receipts(gateway: Gateway) -> int:
    """Sent messages whose receipt never came."""
    now = gateway.clock.now()
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
            apply_parked(session, found, policies(session), now)
    return len(found)


def forget(gateway: Gateway) -> None:
    """Deletes receipts that belong to no message of ours, and logins that nobody uses."""
    now = gateway.clock.now()
    with gateway.writing() as session:
        receipts.forget_parked(session, now - timedelta(days=PARKED_DAYS), BATCH)
        leases.forget_sessions(session, now - timedelta(days=IDLE_SESSION_DAYS), BATCH)
