"""From waiting to sent: claiming due messages for a connector, and recording what its carrier made of them.

"Attempt started" is committed before a message is handed over, its outcome after. What was started and has no outcome
when its lease ends becomes unknown (:mod:`gateway.services.sweeping`); it is never quietly sent again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict
from gateway.domain.inbound import Inbound, Registered
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.retry import RetryPolicy, delay_seconds
from gateway.domain.routing import MOVABLE, Routing
from gateway.domain.sending import (
    MAX_CARRIER_CODE,
    MAX_DETAIL,
    MAX_SMSC_MESSAGE_ID,
    AttemptKey,
    Event,
    FailureKind,
    Outcome,
    Outgoing,
    Returned,
    UnknownPolicy,
)
from gateway.services import inbound, moving, optouts, restraint, telegram
from gateway.services.connector_secrets import every_setting
from gateway.services.core import Gateway
from gateway.services.settling import STRICTEST, Policies, Refunds, apply_parked, ended, policies, record_receipts, settle
from gateway.storage import dispatch, leases, receipts, routes
from gateway.storage.dispatch import Awaiting, Ended, Held, MessageKey, ReceiptPlace
from gateway.storage.routes import Move

LANES = (1, 2, 3)
MAX_RETRY_SECONDS = 3600
THROTTLE_SECONDS = 1.0
MISCONFIGURED_SECONDS = 60.0
UNCOUNTED = (FailureKind.THROTTLED, FailureKind.MISCONFIGURED)
"""Failures that are not the message's: they use up none of its tries."""
BEGINNING: ReceiptPlace = (datetime(2000, 1, 1, tzinfo=UTC), 0, UUID(int=0), 0)

Shares = Callable[[Mapping[int, int], int], Mapping[int, int]]


class LeaseLost(Conflict):
    """Another dispatcher owns the connector, or it was switched off. Stop sending at once."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to use a connector until ``until``, and what the operator set for it, secrets in clear."""

    connector: str
    owner: str
    fence: int
    until: datetime
    kind: str
    settings: dict[str, Any] = field(repr=False)
    parts_per_second: int


def connectors(gateway: Gateway) -> dict[str, str]:
    """The connectors that are switched on: name → kind."""
    with gateway.reading() as session:
        return {row.name: row.kind for row in leases.every(session) if row.enabled}


def own(gateway: Gateway, connector: str, owner: str, *, even_off: bool = False) -> Lease | None:
    """Takes a connector that nobody owns, or whose owner has been silent for a whole lease; None while it has an owner.

    One that is switched off is taken only with ``even_off``: for who tries it out and sends nothing.
    """
    now = gateway.clock.now()
    until = _lease_end(gateway, now)
    with gateway.writing() as session:
        row = leases.take(session, connector, owner, now, until, even_off=even_off)
        if row is None:
            return None
        settings = every_setting(gateway, row.name, row.settings, row.secrets)
        return Lease(row.name, owner, row.fence, until, row.kind, settings, row.parts_per_second)


def renew(gateway: Gateway, lease: Lease, in_flight: Collection[AttemptKey] = (), *, even_off: bool = False) -> Lease:
    """The lease with a full term from now and what the operator has set by now, and as long a term for the attempts that wait for
    the carrier under it.

    However slow the carrier is, a message is not given up while the dispatcher that sent it lives.

    Raises:
        LeaseLost: somebody else took it, or the connector was switched off (unless ``even_off``).
    """
    until = _lease_end(gateway, gateway.clock.now())
    with gateway.writing() as session:
        found = leases.renew(session, lease.connector, lease.owner, lease.fence, until, even_off=even_off)
        if found is None:
            raise LeaseLost(lease.connector)
        dispatch.extend(session, in_flight, until)
    settings = every_setting(gateway, lease.connector, found.settings, found.secrets)
    return replace(lease, until=until, settings=settings, parts_per_second=found.parts_per_second)


def release(gateway: Gateway, lease: Lease) -> None:
    """Gives the connector back, so that another dispatcher need not wait for the lease to end."""
    with gateway.writing() as session:
        leases.release(session, lease.connector, lease.owner, lease.fence)


def claim(gateway: Gateway, connector: str, most: int, shares: Shares, lease: Lease | None = None) -> list[Outgoing]:
    """Takes up to ``most`` due messages for sending and leaves "attempt started" in the database for each.

    Looks before it claims, so that an idle dispatcher never queues for the writers' lock.

    Args:
        shares: divides ``most`` among the lanes, given how many wait in each.
        lease: checked in the same transaction; None where no lease rules the connector (phones that fetch their work).

    Raises:
        LeaseLost: nothing was claimed.
    """
    now = gateway.clock.now()
    with gateway.reading() as session:
        waiting = dispatch.waiting(session, connector, LANES, now, most)
    if not any(waiting.values()):
        return []
    hours = restraint.rules(gateway).quiet
    claimed: list[Outgoing] = []
    early: list[tuple[AttemptKey, datetime]] = []
    with gateway.writing() as session:
        if lease and not leases.holds(session, lease.connector, lease.owner, lease.fence):
            raise LeaseLost(connector)
        for lane, share in shares(waiting, most).items():
            if share:
                some = dispatch.claim(session, connector, lane, share, now, _lease_end(gateway, now))
                early += restraint.too_early(hours, some, lane, now)
                claimed += some
        if early:  # here, not afterwards: what the database loses sight of now would be taken for sent
            dispatch.put_off(session, early, restraint.QUIET, now)
            put_off = {key for key, _ in early}
            claimed = [each for each in claimed if each.key not in put_off]
        claimed = optouts.let_through(session, claimed, now)
        if lease and lease.kind == telegram.KIND:
            claimed = telegram.addressed(session, connector, claimed)
    return claimed


def record(gateway: Gateway, connector: str, events: Sequence[Event]) -> None:
    """Records what a connector reported, all in one transaction. Recording the same events again changes nothing more.

    Outcomes come before receipts, so that a receipt finds the message whose acceptance came with it. An outcome of
    an older claim closes its attempt and leaves the message to the newer one.
    """
    now = gateway.clock.now()
    routing = moving.routing_for(gateway, events)
    with gateway.writing() as session:
        chosen = policies(session)
        refunds = Refunds()
        outcomes = [event for event in events if isinstance(event, Outcome | Returned)]
        if outcomes:
            _record_outcomes(gateway, session, outcomes, chosen, routing, now, refunds)
            names = [_clean(event.smsc_message_id) for event in outcomes if isinstance(event, Outcome) and event.smsc_message_id]
            apply_parked(session, receipts.parked(session, connector, names), chosen, now, refunds)
        came = [_clean_receipt(event) for event in events if isinstance(event, Receipt)]
        if came:
            record_receipts(session, connector, came, chosen, now, refunds)
        refunds.pay(session, now)
        messages = telegram.taken(session, connector, [event for event in events if isinstance(event, Inbound | Registered)], now)
        if messages:
            inbound.receive(session, connector, messages, now)


def awaiting_receipts(gateway: Gateway, connector: str, sent_before: datetime, after: ReceiptPlace | None, most: int) -> list[Awaiting]:
    """The next messages sent before a moment that still wait for their final receipt, behind the place ``after``; None: the first."""
    with gateway.reading() as session:
        return dispatch.awaiting(session, connector, sent_before, after or BEGINNING, most)


def unknown_messages(gateway: Gateway, connector: str, after: MessageKey | None, most: int) -> list[Outgoing]:
    """The next messages of a connector whose last try ended without an answer, by their key behind ``after``; None: the first."""
    with gateway.reading() as session:
        return dispatch.unknown(session, connector, after or BEGINNING[1:], most)


def _record_outcomes(
    gateway: Gateway,
    session: Session,
    outcomes: Sequence[Outcome | Returned],
    chosen: Mapping[str, Policies],
    routing: Routing | None,
    now: datetime,
    refunds: Refunds,
) -> None:
    held = dispatch.hold_attempted(session, {outcome.key for outcome in outcomes})
    current: dict[MessageKey, Outcome | Returned] = {}
    for outcome in outcomes:
        message = held.get(outcome.key[:3])
        if message is not None and _is_current(message, outcome):
            current.setdefault(message.key, outcome)
    moves = _moves(gateway, session, routing, {key: (held[key], outcome) for key, outcome in current.items()})
    changed = [
        _moved(held[key], outcome, now)
        if key in moves
        else _after(gateway, held[key], outcome, chosen.get(held[key].connector, STRICTEST), now)
        for key, outcome in current.items()
    ]
    settle(session, changed, chosen, now, "not sent", refunds)
    routes.move(session, list(moves.values()))
    dispatch.end_attempts(session, [_ended(outcome) for outcome in {outcome.key: outcome for outcome in reversed(outcomes)}.values()], now)


def _moves(
    gateway: Gateway, session: Session, routing: Routing | None, current: Mapping[MessageKey, tuple[Held, Outcome | Returned]]
) -> dict[MessageKey, Move]:
    """Which messages go on at once by another connector: those that failed, have tries left and have another way."""
    if routing is None:
        return {}
    most = gateway.settings.retry_attempts
    failed = {
        key: outcome
        for key, (message, outcome) in current.items()
        if isinstance(outcome, Outcome) and outcome.failure in MOVABLE and (message.attempts < most or outcome.failure in UNCOUNTED)
    }
    return moving.onward(session, routing, failed) if failed else {}


def _moved(message: Held, outcome: Outcome | Returned, now: datetime) -> Held:
    """The message as it waits for its next connector."""
    uncounted = isinstance(outcome, Outcome) and outcome.failure in UNCOUNTED
    return message._replace(state=State.QUEUED, attempts=message.attempts - uncounted, due_at=now)


def _is_current(message: Held, outcome: Outcome | Returned) -> bool:
    """Whether the outcome is of the running claim, or of the last one that was given up as unknown."""
    return message.fence == outcome.key.number and message.state in (State.SENDING, State.UNKNOWN)


def _after(gateway: Gateway, message: Held, outcome: Outcome | Returned, policy: Policies, now: datetime) -> Held:
    """The message as the outcome leaves it."""
    if isinstance(outcome, Returned):
        due_at = message.due_at if outcome.due_at is None else outcome.due_at
        return message._replace(state=State.QUEUED, attempts=message.attempts - 1, due_at=due_at)
    match outcome.failure:
        case None:
            receipt_due = now + timedelta(hours=gateway.settings.receipt_timeout_hours) if message.wants_receipt else None
            name = _clean(outcome.smsc_message_id or "")
            return message._replace(state=State.SENT, smsc_message_id=name, sent_at=now, receipt_due_at=receipt_due)
        case FailureKind.FINAL:
            return ended(message, State.FAILED, now, _words(outcome))
        case FailureKind.RETRY_LATER:
            return _tried_again(gateway, message, outcome, now)
        case FailureKind.THROTTLED | FailureKind.MISCONFIGURED:
            pause = timedelta(seconds=pause_seconds(outcome))
            return message._replace(state=State.QUEUED, attempts=message.attempts - 1, due_at=now + pause)
        case FailureKind.UNKNOWN:
            return given_up(gateway, message, policy, now)


def given_up(gateway: Gateway, message: Held, policy: Policies, now: datetime) -> Held:
    """A message whose try has no answer: held for a person, or sent again where the operator chose so and tries are left."""
    delay = delay_seconds(_retries(gateway), message.attempts, random.random())
    if policy.unknown is UnknownPolicy.RESEND and delay is not None:
        return message._replace(state=State.QUEUED, due_at=now + timedelta(seconds=delay))
    return message._replace(state=State.UNKNOWN)


def pause_seconds(outcome: Outcome) -> float:
    """How long a throttled or misconfigured connector should rest."""
    least = MISCONFIGURED_SECONDS if outcome.failure is FailureKind.MISCONFIGURED else THROTTLE_SECONDS
    return min(outcome.retry_after_seconds or least, MAX_RETRY_SECONDS)


def _tried_again(gateway: Gateway, message: Held, outcome: Outcome, now: datetime) -> Held:
    delay = delay_seconds(_retries(gateway), message.attempts, random.random())
    if delay is None:
        return ended(message, State.FAILED, now, f"given up after {message.attempts} attempts: {_words(outcome)}")
    wait = max(delay, min(outcome.retry_after_seconds or 0.0, MAX_RETRY_SECONDS))
    return message._replace(state=State.QUEUED, due_at=now + timedelta(seconds=wait))


def _retries(gateway: Gateway) -> RetryPolicy:
    base = gateway.settings.retry_base_seconds
    return RetryPolicy(base, max(base, MAX_RETRY_SECONDS), gateway.settings.retry_attempts)


def _ended(outcome: Outcome | Returned) -> Ended:
    if isinstance(outcome, Returned):
        return Ended(outcome.key, "returned", None, _clean(outcome.detail, MAX_DETAIL) or None, None)
    code, detail = _clean(outcome.carrier_code, MAX_CARRIER_CODE) or None, _clean(outcome.detail, MAX_DETAIL) or None
    name = _clean(outcome.smsc_message_id or "") or None
    return Ended(outcome.key, outcome.failure.value if outcome.failure else "accepted", code, detail, name)


def unknown_attempt(message: Held, detail: str) -> Ended:
    """The end of the running attempt of a message that was given up."""
    return Ended(AttemptKey(*message.key, message.fence), FailureKind.UNKNOWN.value, None, detail, None)


def _words(outcome: Outcome) -> str:
    return _clean(" ".join(part for part in (outcome.carrier_code, outcome.detail) if part) or "refused", MAX_DETAIL)


def _clean(text: str, most: int = MAX_SMSC_MESSAGE_ID) -> str:
    """A carrier's text as both databases take it: no NUL, no half of a surrogate pair, not too long."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:most]


def _clean_receipt(receipt: Receipt) -> Receipt:
    return replace(
        receipt,
        smsc_message_id=_clean(receipt.smsc_message_id),
        carrier_code=_clean(receipt.carrier_code, MAX_CARRIER_CODE),
        recipient=_clean(receipt.recipient),
    )


def _lease_end(gateway: Gateway, now: datetime) -> datetime:
    return now + timedelta(seconds=gateway.settings.dispatch_lease_seconds)
