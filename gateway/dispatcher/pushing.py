"""Tells telephones with the httpSMS program that messages wait for them: one thread of the dispatcher, whatever the number of telephones.

The database connection is given back before a push is made. A push that two dispatchers would make at once is made by one of them.
"""

from __future__ import annotations

import threading
from typing import Any

import structlog
from flask import Flask

from gateway.connectors import CONNECTORS
from gateway.connectors.httpsms_phone import Pushed, Pusher, client_for
from gateway.connectors.settings import read
from gateway.dispatcher.outage import Outage
from gateway.domain.errors import GatewayError, StorageUnavailable
from gateway.services import dispatching, phone_push, polled
from gateway.services.core import Gateway
from gateway.services.phone_side import KIND

LOOK_SECONDS = 1.0
AT_ONCE = 20
"""Pushes of one connector between two looks: a slow push service must not keep the other telephones waiting for long."""
REST_LOOKS = 15
"""Looks for which a connector is left alone whose push service was away."""

log = structlog.get_logger()


def started(app: Flask, gateway: Gateway, stop: threading.Event) -> threading.Thread:
    """The thread, running. It ends soon after ``stop`` is set, with the push that it is making."""

    def body() -> None:
        with app.app_context():
            Pushing(gateway, stop).run()

    thread = threading.Thread(target=body, name="pushing", daemon=True)
    thread.start()
    return thread


class Pushing:
    """Makes due pushes until told to stop. :meth:`run` is the body of a thread, inside an application context."""

    def __init__(self, gateway: Gateway, stop: threading.Event) -> None:
        self._gateway = gateway
        self._stop = stop
        self._outage = Outage("pushing")
        self._client = client_for(gateway.settings)
        self._resting: dict[str, int] = {}

    def run(self) -> None:
        """Looks once a second."""
        try:
            while not self._stop.is_set():
                pause = LOOK_SECONDS
                try:
                    self.look()
                    self._outage.over()
                except StorageUnavailable as error:
                    pause = self._outage.struck(error)
                except Exception:
                    log.exception("pushing_failed")
                self._stop.wait(pause)
        finally:
            self._client.close()

    def look(self) -> int:
        """Makes the pushes that are due now, some of each connector; how many went well."""
        names = [name for name, kind in dispatching.connectors(self._gateway).items() if kind == KIND]
        return sum(self._serve(name) for name in names if not self._rests(name))

    def _serve(self, name: str) -> int:
        try:
            pusher = Pusher(self._settings(name), self._client)
        except (ValueError, GatewayError) as error:
            self._rest(name, str(error))
            return 0
        pushes = phone_push.due(self._gateway, name, AT_ONCE)
        for place, push in enumerate(pushes):
            if self._stop.is_set():
                phone_push.postponed(self._gateway, pushes[place:])
                return place
            ended, words = pusher.push(push.token, push.message_id, push.ttl_seconds)
            if ended is Pushed.IMPOSSIBLE:
                phone_push.refused(self._gateway, push, words)
            elif ended is Pushed.LATER:
                phone_push.postponed(self._gateway, pushes[place:])
                self._rest(name, words)
                return place
        return len(pushes)

    def _settings(self, name: str) -> dict[str, Any]:
        return read(CONNECTORS[KIND].settings, polled.find(self._gateway, name, KIND).settings)

    def _rests(self, name: str) -> bool:
        looks = self._resting.pop(name, 0)
        if looks > 1:
            self._resting[name] = looks - 1
        return looks > 0

    def _rest(self, name: str, words: str) -> None:
        log.warning("push_failed", connector=name, reason=words)
        self._resting[name] = REST_LOOKS
