"""The thread that calls programs: every dispatcher has one, with a few more to wait for answers. No lease is needed, as with connectors:
each call is taken by itself.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from uuid import UUID

import structlog
from flask import Flask

from gateway.dispatcher.outage import Outage
from gateway.domain.errors import StorageUnavailable
from gateway.services.callbacks import sending
from gateway.services.callbacks.replay import sweep
from gateway.services.callbacks.sending import Client, Dead, Job, Result
from gateway.services.core import Gateway

THREADS = 8
LOOK_SECONDS = 0.5
SWEEP_SECONDS = 60.0
SECONDS_AFTER_CRASH = 5.0

log = structlog.get_logger()


def started(app: Flask, gateway: Gateway, stop: threading.Event) -> threading.Thread:
    """The thread, running. It ends soon after ``stop`` is set: what is being called then is waited for and written down."""

    def body() -> None:
        with app.app_context():
            CallbackLoop(gateway, sending.client_for(gateway), stop).run()

    thread = threading.Thread(target=body, name="callbacks", daemon=True)
    thread.start()
    return thread


class CallbackLoop:
    """Takes calls that are due, has them made, and writes down how they went."""

    def __init__(self, gateway: Gateway, client: Client, stop: threading.Event, threads: int = THREADS) -> None:
        self._gateway = gateway
        self._client = client
        self._stop = stop
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="callback")
        self._running: dict[Future[Result], Job] = {}
        self._made: list[Result] = []
        self._after: UUID | None = None
        self._outage = Outage("callbacks")
        self._next_sweep = 0.0

    def run(self) -> None:
        """Until told to stop."""
        while not self._stop.is_set():
            try:
                if not self.turn():
                    self._rest()
                self._outage.over()
            except StorageUnavailable as error:
                self._stop.wait(self._outage.struck(error))
            except Exception:
                log.exception("callbacks_failed")
                self._stop.wait(SECONDS_AFTER_CRASH)
        self._end()

    def turn(self) -> bool:
        """Once around; whether anything was taken or written down."""
        was_made = self._record()
        self._sweep()
        jobs = sending.claim(self._gateway, self._threads - len(self._running), self._busy(), self._after) if self._has_room() else []
        for job in jobs:
            self._running[self._pool.submit(sending.make, self._gateway, self._client, job)] = job
            self._after = job.due.endpoint
        return was_made or bool(jobs)

    def _has_room(self) -> bool:
        return len(self._running) < self._threads

    def _busy(self) -> Counter[UUID]:
        return Counter(job.due.endpoint for job in self._running.values())

    def _record(self) -> bool:
        for future in [each for each in self._running if each.done()]:
            job = self._running.pop(future)
            self._made.append(_result(future, job))
        made, self._made = self._made, []
        if not made:
            return False
        try:
            dead = sending.record(self._gateway, made)
        except StorageUnavailable:
            self._made = made
            raise
        for each in dead:
            _tell(each)
        return True

    def _sweep(self) -> None:
        if time.monotonic() >= self._next_sweep:
            done = sweep(self._gateway)
            if done:
                log.info("callbacks_swept", **done)
            self._next_sweep = time.monotonic() + (0.0 if done else SWEEP_SECONDS)

    def _rest(self) -> None:
        """Until a call was answered, or for a moment."""
        if self._running:
            wait(self._running, LOOK_SECONDS, FIRST_COMPLETED)
        else:
            self._stop.wait(LOOK_SECONDS)

    def _end(self) -> None:
        """Waits for the calls under way. What cannot be written down is made again when its lease ends."""
        wait(self._running, sending.CALL_SECONDS)
        try:
            self._record()
        except Exception:
            log.exception("callbacks_failed")
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client.close()


def _result(future: Future[Result], job: Job) -> Result:
    """How a call went; a defect of ours in making it counts as a failure, so that it does not come round for ever."""
    error = future.exception()
    if error is None:
        return future.result()
    log.error("callback_not_made", delivery=str(job.due.id), endpoint=str(job.due.endpoint), error=type(error).__name__)
    return Result(job, None, "it could not be made")


def _tell(dead: Dead) -> None:
    log.error(
        "callback_dead",
        delivery=str(dead.id),
        endpoint=str(dead.endpoint),
        callback_event=dead.event,
        attempts=dead.attempts,
        status=dead.status,
        error=dead.error,
    )
