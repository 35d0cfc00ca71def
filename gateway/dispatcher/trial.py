"""Trying a connector out: opens it, looks whether its carrier lets us in, and closes it. Sends nothing."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from gateway.connectors import made
from gateway.connectors.base import Connector
from gateway.services import dispatching
from gateway.services.core import Gateway
from gateway.services.standings import standings

POLL_SECONDS = 0.1
CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. ``is_connected`` None: nobody can tell, and ``words`` say why."""

    is_connected: bool | None
    words: str


def trial(gateway: Gateway, name: str, seconds: float) -> Trial:
    """Takes the connector's lease, so that there is never a bind too many, and waits up to ``seconds`` for its carrier.

    A connector that is switched off is tried too: that is when one wants to know. Receipts and messages that the carrier hands over
    meanwhile are recorded as ever. Where a dispatcher has the lease, what it last wrote down is the answer.

    Raises:
        ValueError: settings that cannot work.
    """
    lease = dispatching.own(gateway, name, f"trial:{socket.gethostname()[:30]}:{os.getpid()}", even_off=True)
    if lease is None:
        return _as_told(gateway, name)
    try:
        connector = made(lease.kind, lease.settings, gateway.settings)
        if connector is None:
            return Trial(None, "telephones fetch its messages by themselves: nothing is opened")
        return _tried(gateway, lease, connector, seconds)
    finally:
        dispatching.release(gateway, lease)


def _as_told(gateway: Gateway, name: str) -> Trial:
    found = standings(gateway).get(name)
    if found is None or found.is_connected is None:
        return Trial(None, "a dispatcher serves it, and nothing is known yet of its carrier; ask again in a moment")
    if found.is_connected:
        return Trial(True, "connected; a dispatcher serves it")
    return Trial(False, f"a dispatcher serves it and is not connected{': ' if found.note else ''}{found.note}")


def _tried(gateway: Gateway, lease: dispatching.Lease, connector: Connector, seconds: float) -> Trial:
    deadline = time.monotonic() + seconds
    try:
        connector.open()
        while time.monotonic() < deadline and not connector.standing().is_connected:
            dispatching.record(gateway, lease.connector, connector.poll(POLL_SECONDS))
            lease = dispatching.renew(gateway, lease, even_off=True)
        standing = connector.standing()
    finally:
        dispatching.record(gateway, lease.connector, connector.close(CLOSE_SECONDS))
    if standing.is_connected:
        return Trial(True, "connected")
    return Trial(False, standing.note or f"no connection within {seconds:g} seconds")
