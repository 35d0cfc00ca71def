"""Whether what a device sends can go out now. Asked once in half a second for each connector, whatever the number of calls."""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.errors import StorageUnavailable, Unavailable
from gateway.services.core import Gateway
from gateway.services.ordering import current_offer
from gateway.storage import ways as stored
from gateway.storage.identity import Caller
from gateway.storage.tables import TEST_CONNECTOR
from gateway.storage.ways import Way as Way

LATE = timedelta(seconds=1)
"""A message that is due and waits longer shows that its connector has a backlog."""


def way_of(gateway: Gateway, caller: Caller) -> Way:
    """The way that this caller's messages take, as it stood at most half a second ago.

    Raises:
        StorageUnavailable
    """
    return state(gateway, _connector(gateway, caller))


def state(gateway: Gateway, connector: str) -> Way:
    """A connector as it stood at most half a second ago; "" is none. Raises StorageUnavailable."""

    def read() -> Way:
        now = gateway.clock.now()
        return stored.way(gateway.engine, connector, now, now - LATE)

    return gateway.ways.get(connector, read)


def connected_devices(gateway: Gateway) -> int | None:
    """How many devices could send now, as of at most five seconds ago; None while the database does not answer."""

    def read() -> int | None:
        try:
            return stored.connected_devices(gateway.engine, usual(gateway), gateway.clock.now())
        except StorageUnavailable:
            return None

    return gateway.pulse.get("devices", read)


def usual(gateway: Gateway) -> str:
    """The connector of messages that name none; "" while none is enabled. Raises StorageUnavailable."""
    try:
        return current_offer(gateway).connector
    except StorageUnavailable:
        raise
    except Unavailable:
        return ""


def _connector(gateway: Gateway, caller: Caller) -> str:
    return TEST_CONNECTOR if caller.is_test else caller.connector or usual(gateway)
