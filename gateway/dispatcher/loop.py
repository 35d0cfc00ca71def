"""One connector's loop: renew the lease, record what came back, claim what may go, hand it over.

The database connection is given back before a message is handed over, and nothing is handed over before its attempt is
committed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from gateway.connectors import made
from gateway.connectors.base import Connector
from gateway.dispatcher.bucket import TokenBucket
from gateway.dispatcher.lanes import shares
from gateway.dispatcher.outage import Outage
from gateway.dispatcher.recovery import Recovery
from gateway.domain.errors import StorageUnavailable
from gateway.domain.inbound import Inbound
from gateway.domain.receipt import Receipt
from gateway.domain.sending import AttemptKey, Event, FailureKind, Outcome, Outgoing, Returned
from gateway.services import dispatching
from gateway.services.core import Gateway
from gateway.services.dispatching import Lease, LeaseLost

SECONDS_AFTER_CRASH = 5.0
MOST_RECORDED_AT_ONCE = 1000
SECONDS_BETWEEN_TRIES = 1.0

log = structlog.get_logger()


class ConnectorLoop:
    """Owns one connector while it can. :meth:`run` is the body of a thread, inside an application context.

    Args:
        owner: names this process in the lease.
        stop: set when the process should end.
    """

    def __init__(self, gateway: Gateway, name: str, owner: str, stop: threading.Event) -> None:
        self._gateway = gateway
        self._name = name
        self._owner = owner
        self._stop = stop
        self._outage = Outage(name)

    def run(self) -> None:
        """Takes the connector whenever it is free and serves it, until told to stop."""
        while not self._stop.is_set():
            pause = SECONDS_BETWEEN_TRIES
            try:
                lease = dispatching.own(self._gateway, self._name, self._owner)
                self._outage.over()
                if lease is not None:
                    self._serve(lease)
            except StorageUnavailable as error:
                pause = self._outage.struck(error)
            except Exception:
                log.exception("connector_crashed", connector=self._name)
                pause = SECONDS_AFTER_CRASH
            self._stop.wait(pause)

    def _serve(self, lease: Lease) -> None:
        try:
            connector = made(lease.kind, lease.settings, self._gateway.settings)
        except ValueError:
            dispatching.release(self._gateway, lease)
            raise
        assert connector is not None  # the supervisor starts no loop for a kind that telephones serve
        tenure = Tenure(self._gateway, lease, connector, self._outage)
        log.info("connector_taken", connector=self._name, fence=lease.fence)
        try:
            connector.open()
            while not self._stop.is_set() and not tenure.is_outdated:
                tenure.turn(self._stop)
        except LeaseLost:
            log.error("connector_lost", connector=self._name, fence=lease.fence)
        finally:
            tenure.end()
            log.info("connector_left", connector=self._name, fence=lease.fence)


class Tenure:
    """One stretch of owning a connector, from the lease taken to the lease given back.

    ``is_outdated``: its settings were changed, so it should end and the connector be made anew.
    """

    def __init__(self, gateway: Gateway, lease: Lease, connector: Connector, outage: Outage) -> None:
        now = time.monotonic()
        self._gateway = gateway
        self._lease = lease
        self._connector = connector
        self._outage = outage
        self._bucket = TokenBucket(lease.parts_per_second, now)
        self._recovery = Recovery(gateway, lease.connector, gateway.clock.now(), now)
        self._in_flight: set[AttemptKey] = set()
        self._unrecorded: list[Event] = []
        self._paused_until = now
        self._busy = True
        self._lost = False
        self.is_outdated = False

    def turn(self, stop: threading.Event) -> None:
        """Once around.

        Raises:
            LeaseLost: nothing more may be sent.
        """
        self._gather(0.0 if self._busy else self._idle_seconds())
        self._busy = False
        try:
            self._renew()
            self._unrecorded += self._recovery.receipts(self._connector, time.monotonic())
            self._record()
            if not stop.is_set() and not self.is_outdated:
                self._send()
            self._outage.over()
        except StorageUnavailable as error:
            stop.wait(self._outage.struck(error))

    def end(self) -> None:
        """Lets the window finish, records it, closes the connector and gives the lease back.

        Never raises: whatever a step meets, what has come back is recorded and the lease is given back. A connector that fails
        at telling its events is not waited for.
        """
        deadline = time.monotonic() + self._gateway.settings.graceful_timeout_seconds
        while self._in_flight and time.monotonic() < deadline:
            told = self._quietly(lambda: self._gather(min(self._poll_seconds(), max(deadline - time.monotonic(), 0.0))))
            self._quietly(self._keep_lease)
            self._quietly(self._record)
            if not told:
                break
        try:
            self._note(self._connector.close(max(deadline - time.monotonic(), 0.0)))
        except Exception:
            log.exception("close_failed", connector=self._lease.connector)
        unanswered = [Outcome.failed(key, FailureKind.UNKNOWN, detail="no answer before shutdown") for key in self._in_flight]
        self._note(unanswered)
        while not self._quietly(self._record) and time.monotonic() < deadline:
            time.sleep(self._poll_seconds())
        if not self._lost:
            self._quietly(lambda: dispatching.release(self._gateway, self._lease))

    def _renew(self) -> None:
        """A lease is renewed when a third of it is gone, and with it those of the messages on their way. What the operator changed
        is noticed then.

        One that ran out unnoticed (a long outage) is renewed or lost here.
        """
        left = (self._lease.until - self._gateway.clock.now()).total_seconds()
        if left > self._gateway.settings.dispatch_lease_seconds * 2 / 3:
            return
        try:
            lease = dispatching.renew(self._gateway, self._lease, self._open())
        except LeaseLost:
            self._lost = True
            raise
        before, self._lease = self._lease, lease
        if lease.parts_per_second != before.parts_per_second:
            self._bucket = TokenBucket(lease.parts_per_second, time.monotonic())
        if lease.settings != before.settings:
            self.is_outdated = True
            log.info("connector_changed", connector=lease.connector)

    def _open(self) -> set[AttemptKey]:
        """The attempts whose outcome is not in the database yet: still with the carrier, or answered and not recorded."""
        return self._in_flight | {event.key for event in self._unrecorded if not isinstance(event, Receipt | Inbound)}

    def _keep_lease(self) -> None:
        if not self._lost:
            self._renew()

    def _gather(self, timeout_seconds: float) -> None:
        self._note(self._connector.poll(timeout_seconds))

    def _note(self, events: Sequence[Event]) -> None:
        """Keeps events until they are recorded, and rests when the carrier asks for it."""
        self._unrecorded += events
        for event in events:
            if isinstance(event, Receipt | Inbound):
                continue
            self._in_flight.discard(event.key)
            if isinstance(event, Outcome) and event.failure in (FailureKind.THROTTLED, FailureKind.MISCONFIGURED):
                self._pause(event)

    def _pause(self, outcome: Outcome) -> None:
        seconds = dispatching.pause_seconds(outcome)
        if outcome.failure is FailureKind.MISCONFIGURED:
            log.error("connector_misconfigured", connector=self._lease.connector, code=outcome.carrier_code, pause_seconds=seconds)
        else:
            log.warning("connector_throttled", connector=self._lease.connector, code=outcome.carrier_code, pause_seconds=seconds)
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def _record(self) -> None:
        """Writes down what came back. What could not be written stays and is tried again."""
        while self._unrecorded:
            some = self._unrecorded[:MOST_RECORDED_AT_ONCE]
            try:
                dispatching.record(self._gateway, self._lease.connector, some)
            except StorageUnavailable:
                raise
            except Exception:
                self._record_singly(some)
            del self._unrecorded[: len(some)]

    def _record_singly(self, events: Sequence[Event]) -> None:
        """One event that cannot be recorded must not take the others with it. Its message becomes unknown when its lease ends."""
        for event in events:
            try:
                dispatching.record(self._gateway, self._lease.connector, [event])
            except StorageUnavailable:
                raise
            except Exception:
                log.exception("event_not_recorded", connector=self._lease.connector, event_kind=type(event).__name__)

    def _send(self) -> None:
        now = time.monotonic()
        if now < self._paused_until:
            return
        most = self._bucket.room(now, min(self._connector.room(), self._gateway.settings.dispatch_batch))
        if most < 1:
            return
        claimed = dispatching.claim(self._gateway, self._lease.connector, most, shares, self._lease)
        if claimed:
            self._busy = True
            self._bucket.spend(sum(outgoing.parts for outgoing in claimed))
            self._submit(claimed)

    def _submit(self, claimed: Sequence[Outgoing]) -> None:
        """Hands over. A process that slept past its lease between claiming and this line gives the messages back instead."""
        if self._lease.until <= self._gateway.clock.now():
            self._note([Returned(outgoing.key) for outgoing in claimed])
            return
        self._in_flight.update(outgoing.key for outgoing in claimed)
        left = self._connector.submit(claimed)
        self._note([Returned(outgoing.key) for outgoing in left])

    def _idle_seconds(self) -> float:
        wait = self._bucket.wait_seconds(time.monotonic())
        return min(wait, self._poll_seconds()) if wait > 0 else self._poll_seconds()

    def _poll_seconds(self) -> float:
        return self._gateway.settings.dispatch_poll_milliseconds / 1000

    def _quietly(self, step: Callable[[], object]) -> bool:
        """Runs a step of the shutdown; whether it went well."""
        try:
            step()
        except (StorageUnavailable, LeaseLost) as error:
            log.warning("shutdown_step_failed", connector=self._lease.connector, error=type(error).__name__)
            return False
        except Exception:
            log.exception("shutdown_step_failed", connector=self._lease.connector)
            return False
        return True
