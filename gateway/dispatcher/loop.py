"""One connector's loop: renew the lease, record what came back, claim what may go, hand it over.

The database connection is given back before a message is handed over, and nothing is handed over before its attempt is
committed. A lease that runs out unrenewed, because the database is away, ends with the connector closed: by then another dispatcher
may have opened it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from gateway.connectors import CONNECTORS, made
from gateway.connectors.base import Connector
from gateway.dispatcher.bucket import TokenBucket
from gateway.dispatcher.lanes import Turns
from gateway.dispatcher.outage import Outage
from gateway.dispatcher.recording import Recorder
from gateway.dispatcher.recovery import Inquiry, Recovery
from gateway.dispatcher.watch import Watch
from gateway.domain.errors import StorageUnavailable
from gateway.domain.sending import AttemptKey, Event, FailureKind, Outcome, Outgoing, Returned
from gateway.services import dispatching
from gateway.services.core import Gateway
from gateway.services.dispatching import Lease, LeaseLost

ENCRYPTED = "the text is encrypted for a handset's own program, which this connector cannot tell"
SECONDS_AFTER_CRASH = 5.0
SECONDS_BETWEEN_TRIES = 1.0
FENCE_SECONDS = 0.5
"""So long before the end of a lease that could not be renewed the connector is closed; of a short lease, an eighth."""
RENEWED_AT = 3 / 4
"""A lease is renewed when no more than this part of it is left. On a database that drops packets one call may take six seconds."""

log = structlog.get_logger()


class BrokenSettings(Exception):
    """No connector can be made of the settings; the words name the setting, never its value."""


class Fenced(Exception):
    """The lease ran out while the database was away."""


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
        self._recorder = Recorder(gateway, name)
        self._watch = Watch(gateway, name, time.monotonic())

    def run(self) -> None:
        """Takes the connector whenever it is free and serves it, until told to stop."""
        while not self._stop.is_set():
            pause = SECONDS_BETWEEN_TRIES
            try:
                self._recorder.flush()
                lease = dispatching.own(self._gateway, self._name, self._owner)
                self._outage.over()
                if lease is not None:
                    self._serve(lease)
            except StorageUnavailable as error:
                pause = self._outage.struck(error)
            except BrokenSettings as error:
                pause = self._crashed(f"its settings cannot work: {error}")
            except Exception as error:
                pause = self._crashed(f"it crashed: {type(error).__name__}")
            self._stop.wait(pause)

    def _serve(self, lease: Lease) -> None:
        try:
            connector = made(lease.kind, lease.settings, self._gateway.settings)
        except ValueError as error:
            dispatching.release(self._gateway, lease)
            raise BrokenSettings(str(error)) from error
        assert connector is not None  # the supervisor starts no loop for a kind that telephones serve
        tenure = Tenure(self._gateway, lease, connector, self._outage, self._recorder, self._watch)
        log.info("connector_taken", connector=self._name, fence=lease.fence)
        try:
            _open(connector)
            while not self._stop.is_set() and not tenure.is_outdated:
                tenure.turn(self._stop)
        except LeaseLost:
            log.error("connector_lost", connector=self._name, fence=lease.fence)
        except Fenced:
            log.error("connector_fenced", connector=self._name, fence=lease.fence)
        finally:
            tenure.end()
            log.info("connector_left", connector=self._name, fence=lease.fence)

    def _crashed(self, words: str) -> float:
        """Tells everybody that the connector is of no use now; the seconds to wait before the next try."""
        log.exception("connector_crashed", connector=self._name)
        with suppress(StorageUnavailable):
            self._watch.broken(words, time.monotonic())
        return SECONDS_AFTER_CRASH


def _open(connector: Connector) -> None:
    try:
        connector.open()
    except ValueError as error:
        raise BrokenSettings(str(error)) from error


class Tenure:
    """One stretch of owning a connector, from the lease taken to the lease given back.

    ``is_outdated``: its settings were changed, so it should end and the connector be made anew.
    """

    def __init__(
        self,
        gateway: Gateway,
        lease: Lease,
        connector: Connector,
        outage: Outage,
        recorder: Recorder | None = None,
        watch: Watch | None = None,
    ) -> None:
        now = time.monotonic()
        self._gateway = gateway
        self._lease = lease
        self._connector = connector
        self._outage = outage
        self._bucket = TokenBucket(lease.parts_per_second, now)
        self._turns = Turns()
        self._recovery = Recovery(gateway, lease.connector, gateway.clock.now(), now)
        self._inquiry = Inquiry(gateway, lease.connector, now)
        self._takes_encrypted = CONNECTORS[lease.kind].takes_encrypted
        self._recorder = recorder or Recorder(gateway, lease.connector)
        self._watch = watch or Watch(gateway, lease.connector, now)
        self._watch.opened(now)
        self._in_flight: set[AttemptKey] = set()
        self._paused_until = now
        self._busy = True
        self._lost = False
        self._is_away = False
        self.is_outdated = False

    def turn(self, stop: threading.Event) -> None:
        """Once around.

        Raises:
            LeaseLost: nothing more may be sent.
            Fenced: the database was away until the end of the lease.
        """
        self._gather(0.0 if self._busy else self._idle_seconds())
        self._busy = False
        if self._is_away and self._seconds_left() <= 0:
            raise Fenced
        try:
            is_renewal = self._renew()
            self._note(self._recovery.receipts(self._connector, time.monotonic()))
            self._inquiry.ask(self._connector, time.monotonic())
            self._record()
            if not stop.is_set() and not self.is_outdated:
                self._send()
            self._watch.tell(self._connector.standing(), time.monotonic(), is_renewal=is_renewal)
            self._outage.over()
            self._is_away = False
        except StorageUnavailable as error:
            self._is_away = True
            stop.wait(max(min(self._outage.struck(error), self._seconds_left()), 0.0))

    def end(self) -> None:
        """Lets the window finish, records it, closes the connector and gives the lease back.

        The window is not waited for beyond the lease. Never raises: whatever a step meets, what has come back is recorded and the lease
        is given back. A connector that fails at telling its events is not waited for.
        """
        deadline = time.monotonic() + self._gateway.settings.graceful_timeout_seconds
        self._finish_window(deadline)
        try:
            self._note(self._connector.close(self._seconds_to_finish(deadline)))
        except Exception:
            log.exception("close_failed", connector=self._lease.connector)
        unanswered = [Outcome.failed(key, FailureKind.UNKNOWN, detail="no answer before shutdown") for key in self._in_flight]
        self._note(unanswered)
        while not self._quietly(self._record) and time.monotonic() < deadline:
            time.sleep(self._poll_seconds())
        if not self._lost:
            self._quietly(lambda: dispatching.release(self._gateway, self._lease))

    def _finish_window(self, deadline: float) -> None:
        while self._in_flight and self._seconds_to_finish(deadline) > 0:
            told = self._quietly(lambda: self._gather(min(self._poll_seconds(), self._seconds_to_finish(deadline))))
            if not self._is_away:  # a database that just failed may take seconds to fail again
                self._quietly(self._keep_lease)
                self._quietly(self._record)
            if not told:
                break

    def _seconds_to_finish(self, deadline: float) -> float:
        return max(min(deadline - time.monotonic(), self._seconds_left()), 0.0)

    def _seconds_left(self) -> float:
        """Until the connector must be closed if the lease is not renewed."""
        margin = min(FENCE_SECONDS, self._gateway.settings.dispatch_lease_seconds / 8)
        return (self._lease.until - self._gateway.clock.now()).total_seconds() - margin

    def _renew(self) -> bool:
        """A lease is renewed when a quarter of it is gone, and with it those of the messages on their way. What the operator changed
        is noticed then. Whether it was renewed.

        One that ran out unnoticed (a process that slept) is renewed or lost here.
        """
        left = (self._lease.until - self._gateway.clock.now()).total_seconds()
        if left > self._gateway.settings.dispatch_lease_seconds * RENEWED_AT:
            return False
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
        return True

    def _open(self) -> set[AttemptKey]:
        """The attempts whose outcome is not in the database yet: still with the carrier, or answered and not recorded."""
        return self._in_flight | {event.key for event in self._recorder if isinstance(event, Outcome | Returned)}

    def _keep_lease(self) -> None:
        if not self._lost:
            self._renew()

    def _gather(self, timeout_seconds: float) -> None:
        self._note(self._connector.poll(timeout_seconds))

    def _note(self, events: Sequence[Event]) -> None:
        """Keeps events until they are recorded, and rests when the carrier asks for it."""
        self._recorder.add(events)
        now = time.monotonic()
        for event in events:
            self._watch.saw(event, now)
            if not isinstance(event, Outcome | Returned):
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
        self._recorder.flush()

    def _send(self) -> None:
        now = time.monotonic()
        if now < self._paused_until:
            return
        most = self._bucket.room(now, min(self._connector.room(), self._gateway.settings.dispatch_batch))
        if most < 1:
            return
        claimed = dispatching.claim(self._gateway, self._lease.connector, most, self._turns, self._lease)
        if claimed:
            self._busy = True
            self._bucket.spend(sum(outgoing.parts for outgoing in claimed))
            self._submit(claimed)

    def _submit(self, claimed: Sequence[Outgoing]) -> None:
        """Hands over. A process that slept past its lease between claiming and this line gives the messages back instead."""
        if self._lease.until <= self._gateway.clock.now():
            self._note([Returned(outgoing.key) for outgoing in claimed])
            return
        readable = claimed if self._takes_encrypted else [outgoing for outgoing in claimed if not outgoing.is_encrypted]
        if len(readable) < len(claimed):
            cipher = (outgoing.key for outgoing in claimed if outgoing.is_encrypted)
            self._note([Outcome.failed(key, FailureKind.FINAL, "ENCRYPTED", ENCRYPTED) for key in cipher])
        self._in_flight.update(outgoing.key for outgoing in readable)
        left = self._connector.submit(readable)
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
            self._is_away = self._is_away or isinstance(error, StorageUnavailable)
            log.warning("shutdown_step_failed", connector=self._lease.connector, error=type(error).__name__)
            return False
        except Exception:
            log.exception("shutdown_step_failed", connector=self._lease.connector)
            return False
        return True
