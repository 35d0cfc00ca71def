"""Figures for programs that watch the gateway as they watched an appliance. Each is a few seconds old at most, whoever asks how often."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from gateway.domain.errors import StorageUnavailable
from gateway.domain.ids import first_uuid7
from gateway.services.core import Gateway
from gateway.services.kept import Kept
from gateway.storage import gauges as stored

QUICK_SECONDS = 3.0
SLOW_SECONDS = 30.0
SETTLED = timedelta(minutes=10)
"""Orders with ids older than this are all committed, however slow a transaction or wrong a clock is."""
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Recipients of all orders with ids below ``until``."""

    until: UUID
    recipients: int


@dataclass(frozen=True, slots=True)
class _Now:
    """What waits now, and whether it can go out."""

    waiting: int
    can_send: bool


class Gauges:
    """The figures of one process. While the database is away each stays as it was last known, 0 at first, and nothing can be sent."""

    def __init__(self) -> None:
        self._moment: Kept[str, _Now | None] = Kept(QUICK_SECONDS)
        self._counts: Kept[str, int] = Kept(SLOW_SECONDS)
        self._last: dict[str, int] = {}
        self._counted = _Counted(_FIRST, 0)

    def can_send(self, gateway: Gateway) -> bool:
        """Whether the database answers and a living dispatcher owns a connector; the one of test mode does not count."""
        now = self._now(gateway)
        return now is not None and now.can_send

    def waiting(self, gateway: Gateway) -> int:
        """Messages that are due and wait."""
        now = self._now(gateway)
        if now is not None:
            self._last["waiting"] = now.waiting
        return self._last.get("waiting", 0)

    def failed(self, gateway: Gateway, hours: int) -> int:
        """Messages of which it became certain in the last ``hours`` hours that they were not delivered."""

        def read() -> int:
            with gateway.reading() as session:
                return stored.failed(session, gateway.clock.now() - timedelta(hours=hours))

        return self._count(gateway, f"failed {hours}", read)

    def sent(self, gateway: Gateway) -> int:
        """Messages accepted since the beginning that no longer wait: sent, or ended without it.

        The first question of a process adds up all orders; later ones those of the last minutes.
        """
        return self._count(gateway, "sent", lambda: self._read_sent(gateway))

    def size_bytes(self, gateway: Gateway) -> int:
        """How much room the database takes."""

        def read() -> int:
            with gateway.reading() as session:
                return stored.size_bytes(session)

        return self._count(gateway, "size", read)

    def forget(self) -> None:
        """Makes the next questions read the database."""
        self._moment.forget()
        self._counts.forget()

    def _now(self, gateway: Gateway) -> _Now | None:
        def read() -> _Now | None:
            now = gateway.clock.now()
            try:
                with gateway.reading() as session:
                    owned = stored.connectors(session, now)
                    return _Now(sum(stored.due(session, name, now) for name in owned), any(owned.values()))
            except StorageUnavailable:
                return None

        return self._moment.get("now", read)

    def _count(self, gateway: Gateway, name: str, read: Callable[[], int]) -> int:
        """A figure that is read now and then. While the database is known to be away it is not asked again: each try may take seconds."""
        if self._now(gateway) is not None:
            with suppress(StorageUnavailable):
                self._last[name] = self._counts.get(name, read)
        return self._last.get(name, 0)

    def _read_sent(self, gateway: Gateway) -> int:
        now = gateway.clock.now()
        settled, end = first_uuid7(now - SETTLED), first_uuid7(now + SETTLED)
        before = self._counted
        with gateway.reading() as session:
            if settled > before.until:
                before = _Counted(settled, before.recipients + stored.recipients(session, before.until, settled))
            recent = stored.recipients(session, before.until, end)
            unsent = stored.unsent(session)
        self._counted = before
        return max(0, before.recipients + recent - unsent)
