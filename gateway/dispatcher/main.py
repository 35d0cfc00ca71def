"""The dispatcher's process: one thread for each connector that is switched on, one for callbacks, and the sweeps."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
import time
from types import FrameType

import structlog
from flask import Flask

from gateway.connectors import CONNECTORS
from gateway.dispatcher import callbacks, pushing
from gateway.dispatcher.loop import ConnectorLoop
from gateway.dispatcher.outage import Outage
from gateway.domain.errors import StorageUnavailable
from gateway.services import dispatching
from gateway.services.core import Gateway
from gateway.services.moving import Reroute
from gateway.services.sweeping import sweep

SWEEP_SECONDS = 5.0
LOOK_SECONDS = 1.0
SECONDS_TO_RECORD = 5.0

log = structlog.get_logger()


def run(app: Flask, stop: threading.Event | None = None) -> int:
    """Runs a dispatcher until SIGTERM or SIGINT, or until ``stop`` is set; the exit code.

    On a signal nothing more is claimed; what the carriers already have gets ``graceful_timeout_seconds`` to be answered.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        _stop_on_signals(stop)
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        log.info("dispatcher_started", pid=os.getpid())
        _Supervisor(app, gateway, stop).run()
        log.info("dispatcher_stopped", pid=os.getpid())
    return 0


class _Supervisor:
    """Starts a thread for each connector, sees to the sweeps, and waits for the threads at the end."""

    def __init__(self, app: Flask, gateway: Gateway, stop: threading.Event) -> None:
        self._app = app
        self._gateway = gateway
        self._stop = stop
        self._owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(3)}"
        self._threads: dict[str, threading.Thread] = {}
        self._outage = Outage("sweeper")
        self._reroute = Reroute()
        self._next_sweep = 0.0

    def run(self) -> None:
        self._threads["(callbacks)"] = callbacks.started(self._app, self._gateway, self._stop)
        self._threads["(pushes)"] = pushing.started(self._app, self._gateway, self._stop)
        while not self._stop.is_set():
            pause = LOOK_SECONDS
            try:
                self._look()
                self._outage.over()
            except StorageUnavailable as error:
                pause = self._outage.struck(error)
            except Exception:
                log.exception("sweep_failed")
            self._stop.wait(pause)
        self._join()

    def _look(self) -> None:
        for name, kind in dispatching.connectors(self._gateway).items():
            if kind in CONNECTORS and CONNECTORS[kind].make is not None and name not in self._threads:
                self._start(name)
        if time.monotonic() >= self._next_sweep:
            moved = sweep(self._gateway)
            rerouted = self._reroute.run(self._gateway)
            if rerouted:
                moved["rerouted"] = rerouted
            if moved:
                log.info("swept", **moved)
            self._next_sweep = time.monotonic() + (0.0 if moved else SWEEP_SECONDS)

    def _start(self, name: str) -> None:
        def body() -> None:
            with self._app.app_context():
                ConnectorLoop(self._gateway, name, self._owner, self._stop).run()

        self._threads[name] = threading.Thread(target=body, name=f"connector-{name}", daemon=True)
        self._threads[name].start()

    def _join(self) -> None:
        deadline = time.monotonic() + self._gateway.settings.graceful_timeout_seconds + SECONDS_TO_RECORD
        for name, thread in self._threads.items():
            thread.join(max(deadline - time.monotonic(), 0.0))
            if thread.is_alive():
                log.error("connector_did_not_stop", connector=name)


def _stop_on_signals(stop: threading.Event) -> None:
    def handler(_number: int, _frame: FrameType | None) -> None:
        # The main thread may hold the event's lock at this moment, so another thread sets it.
        threading.Thread(target=stop.set, name="stop").start()

    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, handler)
