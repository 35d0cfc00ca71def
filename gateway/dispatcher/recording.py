"""What came back from a carrier and is not in the database yet. It outlives a tenure, as the database may be away when one ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import structlog

from gateway.domain.errors import StorageUnavailable
from gateway.domain.sending import Event
from gateway.services import dispatching
from gateway.services.core import Gateway

MOST_RECORDED_AT_ONCE = 1000

log = structlog.get_logger()


class Recorder:
    """Keeps events of one connector until they are recorded, in their order."""

    def __init__(self, gateway: Gateway, connector: str) -> None:
        self._gateway = gateway
        self._connector = connector
        self._events: list[Event] = []

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def add(self, events: Iterable[Event]) -> None:
        """Keeps events."""
        self._events += events

    def flush(self) -> None:
        """Writes down what there is. What could not be written stays and is tried again.

        Raises:
            StorageUnavailable
        """
        while self._events:
            some = self._events[:MOST_RECORDED_AT_ONCE]
            try:
                dispatching.record(self._gateway, self._connector, some)
            except StorageUnavailable:
                raise
            except Exception:
                self._record_singly(some)
            del self._events[: len(some)]

    def _record_singly(self, events: Iterable[Event]) -> None:
        """One event that cannot be recorded must not take the others with it. Its message becomes unknown when its lease ends."""
        for event in events:
            try:
                dispatching.record(self._gateway, self._connector, [event])
            except StorageUnavailable:
                raise
            except Exception:
                log.exception("event_not_recorded", connector=self._connector, event_kind=type(event).__name__)
