"""Making the calls that are due: taking them, making them without a transaction, and writing down how they went.

A call is made at least once: whoever dies between making it and writing it down leaves it to the end of its lease, and it is made again
under the same id. An endpoint that failed five times in a row is left alone for a while that grows; then one call shows whether it is back.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from gateway.domain.errors import NotFound, Unavailable
from gateway.domain.retry import RetryPolicy, delay_seconds
from gateway.net.client import AddressRefused, BadUrl, CallFailed
from gateway.net.client import Client as Client
from gateway.services.callbacks import endpoints
from gateway.services.callbacks.calls import Delivery, Target
from gateway.services.callbacks.kinds import KINDS
from gateway.services.core import Gateway
from gateway.storage import callback_queue as queue
from gateway.storage.callback_queue import Due

RETRIES = RetryPolicy(base_seconds=15, max_seconds=3600, max_attempts=30)
"""With the jitter the thirtieth try comes about a day after the first."""
LEASE = timedelta(seconds=60)
"""Longer than a call can take."""
CALL_SECONDS = 10.0
AT_ONCE = 2
"""Calls to one endpoint at the same time, by one dispatcher."""
FAILURES_TO_OPEN = 5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30, 3600
GONE = "the endpoint was removed"
BURIED_AT_ONCE = 500
MOST_ERROR = 200
MOST_BYTES = 4096
"""Of the answer; nothing but its status is looked at."""


@dataclass(frozen=True, slots=True)
class Job:
    """A call that was taken, and where it goes. ``trouble``: why it cannot be made at all."""

    due: Due
    target: Target | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How a call went: the status of the answer where one came, and what went wrong; "" is nothing."""

    job: Job
    status: int | None
    error: str = field(default="")


@dataclass(frozen=True, slots=True)
class Dead:
    """A call that was given up."""

    id: UUID
    endpoint: UUID
    event: str
    attempts: int
    status: int | None
    error: str


def client_for(gateway: Gateway) -> Client:
    """The client for callbacks: only the public internet and what the operator allows. Any number of threads may share it."""
    return Client(gateway.settings.callback_networks, gateway.settings.callback_ports)


def claim(gateway: Gateway, most: int, busy: Mapping[UUID, int], after: UUID | None = None) -> list[Job]:
    """Takes up to ``most`` calls that are due, a few of each endpoint, beginning behind the endpoint ``after`` and going round.

    Looks before it takes, so that an idle dispatcher never queues for the writers' lock.

    Args:
        busy: how many calls to each endpoint the caller is making now.
    """
    now = gateway.clock.now()
    with gateway.reading() as session:
        ready = queue.ready(session, now)
    chosen = _chosen(ready, most, busy, after)
    if not chosen:
        return []
    jobs = []
    with gateway.writing() as session:
        for endpoint in sorted(chosen):
            jobs += _taken(gateway, session, endpoint, chosen[endpoint], now)
    # In the order of the turns, so that the last one says where the next round begins.
    turns = {endpoint: turn for turn, endpoint in enumerate(chosen)}
    return sorted(jobs, key=lambda job: turns[job.due.endpoint])


def make(gateway: Gateway, client: Client, job: Job) -> Result:
    """Makes a call. Takes no longer than ten seconds, and does not ask the database."""
    if job.target is None:
        return Result(job, None, job.trouble)
    due = job.due
    return _made(gateway, client, job, job.target, Delivery(due.id, due.event, due.payload, due.created_at))


def record(gateway: Gateway, results: Sequence[Result]) -> list[Dead]:
    """Writes down how calls went; those that were given up."""
    now = gateway.clock.now()
    dead = []
    with gateway.writing() as session:
        for result in sorted(results, key=lambda each: each.job.due.id):
            gone = _settled(session, result, now)
            dead += [gone] if gone else []
        for result in sorted(results, key=lambda each: each.job.due.endpoint):
            _weigh(session, result, now)
    return dead


def trial(gateway: Gateway, client: Client, endpoint: UUID) -> Result:
    """Calls an endpoint once with an event of no meaning. Nothing is written down.

    Raises:
        NotFound
        Unavailable: its secrets cannot be decrypted.
    """
    now = gateway.clock.now()
    with gateway.reading() as session:
        target = endpoints.target(gateway, session, endpoint)
    if target is None:
        raise NotFound("callback")
    told = KINDS[target.kind].sample(now)
    due = Due(uuid4(), endpoint, target.account_id, target.kind, told.event, dict(told.payload), now, 0, now)
    return make(gateway, client, Job(due, target))


def _chosen(ready: Sequence[UUID], most: int, busy: Mapping[UUID, int], after: UUID | None) -> dict[UUID, int]:
    """How many calls of which endpoint, in turn."""
    start = next((index for index, endpoint in enumerate(ready) if after is not None and endpoint > after), 0)
    chosen: dict[UUID, int] = {}
    for endpoint in [*ready[start:], *ready[:start]]:
        room = min(AT_ONCE - busy.get(endpoint, 0), most)
        if room > 0:
            chosen[endpoint] = room
            most -= room
    return chosen


def _taken(gateway: Gateway, session: Session, endpoint: UUID, most: int, now: datetime) -> list[Job]:
    try:
        target = endpoints.target(gateway, session, endpoint)
    except Unavailable as error:
        return [Job(due, None, str(error)[:MOST_ERROR]) for due in queue.claim(session, endpoint, most, now, now + LEASE)]
    if target is None:
        queue.bury(session, endpoint, now + LEASE, BURIED_AT_ONCE, GONE, now)
        return []
    failures, open_until = queue.standing(session, endpoint)
    if open_until is not None and open_until > now:
        return []
    if failures < FAILURES_TO_OPEN:
        return [Job(due, target) for due in queue.claim(session, endpoint, most, now, now + LEASE)]
    jobs = [Job(due, target) for due in queue.claim(session, endpoint, 1, now, now + LEASE)]
    if jobs and not queue.take_trial(session, endpoint, now, now + LEASE):
        queue.put_back(session, jobs[0].due, now)
        return []
    return jobs


def _made(gateway: Gateway, client: Client, job: Job, target: Target, delivery: Delivery) -> Result:
    kind = KINDS[target.kind]
    try:
        call = kind.call(target, delivery, gateway.clock.now(), gateway.settings)
        answer = client.request(
            call.method,
            call.url,
            headers=call.headers,
            body=call.body,
            connect_timeout_seconds=CALL_SECONDS / 2,
            read_timeout_seconds=CALL_SECONDS,
            total_timeout_seconds=CALL_SECONDS,
            most_bytes=MOST_BYTES,
        )
    except CallFailed as error:
        was_taken = error.status is not None and kind.is_success(error.status)  # what broke off is a body that nobody reads
        return Result(job, error.status, "" if was_taken else _clean(str(error)))
    except (AddressRefused, BadUrl) as error:
        return Result(job, None, _clean(str(error)))
    return Result(job, answer.status, "" if kind.is_success(answer.status) else f"answered {answer.status}")


def _settled(session: Session, result: Result, now: datetime) -> Dead | None:
    due = result.job.due
    if not result.error:
        queue.succeed(session, due, result.status, now)
        return None
    delay = delay_seconds(RETRIES, due.attempts + 1, random.random())
    next_at = None if delay is None else now + timedelta(seconds=delay)
    was_ours = queue.fail(session, due, result.status, result.error, next_at, now)
    if next_at is not None or not was_ours:
        return None
    return Dead(due.id, due.endpoint, due.event, due.attempts + 1, result.status, result.error)


def _weigh(session: Session, result: Result, now: datetime) -> None:
    """Lets an endpoint rest that fails again and again, and forgets its failures when it answers."""
    endpoint = result.job.due.endpoint
    if not result.error:
        queue.forgive(session, endpoint)
        return
    failures = queue.count_failure(session, endpoint, now)
    if failures >= FAILURES_TO_OPEN:
        pause = min(FIRST_PAUSE_SECONDS << min(failures - FAILURES_TO_OPEN, 16), LONGEST_PAUSE_SECONDS)
        queue.open_breaker(session, endpoint, now + timedelta(seconds=pause))


def _clean(words: str) -> str:
    return words.replace("\0", "").encode("utf-8", "replace").decode()[:MOST_ERROR]
