"""Endpoints, events and the calls that follow, made through the use cases themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from gateway.dispatcher.lanes import shares
from gateway.domain.callback import Happening
from gateway.domain.sending import Event, Outcome, Outgoing
from gateway.net.client import Client
from gateway.services import dispatching
from gateway.services.callbacks import endpoints, outbox, sending
from gateway.services.callbacks.endpoints import Made, NewEndpoint
from gateway.services.callbacks.sending import Dead, Job, Result
from gateway.services.core import Gateway
from gateway.storage.tables import Account, CallbackBreaker, CallbackDelivery
from tests.support.builders import an_order

NOWHERE = "http://127.0.0.1:9/"
"""Where nobody listens."""


def an_endpoint(
    gateway: Gateway, account: Account | None, url: str = NOWHERE, kind: str = "native", *events: str, method: str | None = None
) -> Made:
    """An endpoint of the account, or of the operator."""
    return endpoints.add(gateway, NewEndpoint(account.name if account else None, kind, url, method, events))


def happen(gateway: Gateway, account: Account | None, times: int = 1) -> None:
    """So many small events, written down for every endpoint that concerns the account."""
    now = gateway.clock.now()
    with gateway.writing() as session:
        for number in range(times):
            outbox.operator(session, Happening.ALERT_VELOCITY, {"number": number}, now, account.id if account else None)


def handed_over(gateway: Gateway, account: Account, recipients: Sequence[str], **order: object) -> list[Outgoing]:
    """Messages of a new order, claimed by a connector of ours and not yet answered."""
    accepted = an_order(gateway, account, recipients, **order)  # type: ignore[arg-type]
    claimed = dispatching.claim(gateway, "simulator", 500, shares)
    return [each for each in claimed if each.key.order_id == accepted.id]


def report(gateway: Gateway, *events: Event) -> None:
    """What the carrier says."""
    dispatching.record(gateway, "simulator", events)


def sent(gateway: Gateway, account: Account, recipient: str = "+393471234567", name: str = "c-1", **order: object) -> Outgoing:
    """A message that the carrier took under a name."""
    (outgoing,) = handed_over(gateway, account, [recipient], **order)
    report(gateway, Outcome.accepted(outgoing.key, name))
    return outgoing


def deliveries(gateway: Gateway, endpoint: UUID | None = None) -> list[CallbackDelivery]:
    """Every call, or those of one endpoint, oldest first."""
    query = select(CallbackDelivery).order_by(CallbackDelivery.created_at, CallbackDelivery.event, CallbackDelivery.id)
    with gateway.reading() as session:
        rows = list(session.scalars(query if endpoint is None else query.where(CallbackDelivery.endpoint == endpoint)))
        session.expunge_all()
        return rows


def the_breaker(gateway: Gateway, endpoint: UUID) -> CallbackBreaker | None:
    """How the endpoint failed."""
    with gateway.reading() as session:
        found = session.get(CallbackBreaker, endpoint)
        session.expunge_all()
        return found


def turn(gateway: Gateway, client: Client, most: int = 8, after: UUID | None = None) -> tuple[list[Job], list[Dead]]:
    """What a dispatcher does once around, one call after the other: the calls it took, and those it gave up."""
    jobs = sending.claim(gateway, most, {}, after)
    return jobs, sending.record(gateway, [sending.make(gateway, client, job) for job in jobs])


def failed(job: Job, error: str = "answered 500") -> Result:
    """A call that was not taken."""
    return Result(job, 500, error)


def next_moment(gateway: Gateway, endpoint: UUID) -> datetime | None:
    """When a call to the endpoint is due next, or it may be called again."""
    moments = [row.next_at for row in deliveries(gateway, endpoint) if row.delivered_at is None and row.dead_at is None]
    breaker = the_breaker(gateway, endpoint)
    if not moments:
        return None
    return max(min(moments), breaker.open_until) if breaker and breaker.open_until else min(moments)
