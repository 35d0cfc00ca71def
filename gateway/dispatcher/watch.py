"""What a dispatcher learns of its connector while it serves it, written down for everybody: connected or not, and how well it does."""

from __future__ import annotations

import structlog

from gateway.connectors.base import Standing
from gateway.domain.health import Health
from gateway.domain.message import is_final
from gateway.domain.receipt import Receipt
from gateway.domain.sending import Event, Outcome
from gateway.services import standings
from gateway.services.core import Gateway

SECONDS_BETWEEN_NOTES = 1.0
SECONDS_TO_CONNECT = 3.0
"""A connector that was just opened is not called away before this."""
NOTICEABLE = 5
"""Points of the score that are worth writing at once; less waits for the lease to be renewed."""
WORTH_TELLING = 10
"""Points of the score that are worth a line in the log."""
MOST_AWAITED = 10_000

log = structlog.get_logger()

Noted = tuple[bool, str, int]
"""Connected, last trouble, score: what is written down."""


class Watch:
    """One process's view of one connector, through all its tenures. Times are seconds of a steady clock.

    Nothing is written while nothing changes, and never more than once a second.
    """

    def __init__(self, gateway: Gateway, name: str, now: float) -> None:
        self._gateway = gateway
        self._name = name
        self._health = Health(now)
        self._accepted: dict[str, float] = {}
        self._opened_at = now
        self._noted: Noted | None = None
        self._next_note = now
        self._told_score = standings.FULL_SCORE

    def opened(self, now: float) -> None:
        """A new tenure began: the connector gets its time to connect."""
        self._opened_at = now

    def saw(self, event: Event, now: float) -> None:
        """Takes an outcome or a receipt into account."""
        if isinstance(event, Outcome):
            self._health.outcome(event.failure, now)
            if event.smsc_message_id:
                self._await(event.smsc_message_id, now)
        elif isinstance(event, Receipt) and is_final(event.state):
            accepted_at = self._accepted.pop(event.smsc_message_id, None)
            if accepted_at is not None:
                self._health.receipt(now - accepted_at, now)

    def tell(self, standing: Standing, now: float, *, is_renewal: bool) -> None:
        """Writes the standing down if it changed noticeably; on the renewal of the lease, if it changed at all.

        Raises:
            StorageUnavailable: it is told again with the next call.
        """
        if now < self._next_note or (not standing.is_connected and self._is_early(now)):
            return
        new = (standing.is_connected, standing.note, self._health.score(now))
        if self._is_worth_it(new, is_renewal=is_renewal):
            self._write(new, now)

    def broken(self, note: str, now: float) -> None:
        """The connector cannot even be opened; ``note`` says why, without secrets. Raises StorageUnavailable."""
        new = (False, note, self._health.score(now))
        if self._noted is None or self._noted[:2] != new[:2]:
            self._write(new, now)

    def _await(self, smsc_message_id: str, now: float) -> None:
        if len(self._accepted) >= MOST_AWAITED:
            del self._accepted[next(iter(self._accepted))]  # the oldest
        self._accepted[smsc_message_id] = now

    def _is_early(self, now: float) -> bool:
        """Whether a connector that was just opened may still be on its way."""
        return now < self._opened_at + SECONDS_TO_CONNECT and (self._noted is None or self._noted[0])

    def _is_worth_it(self, new: Noted, *, is_renewal: bool) -> bool:
        if self._noted is None or self._noted[:2] != new[:2]:
            return True
        return abs(self._noted[2] - new[2]) >= (1 if is_renewal else NOTICEABLE)

    def _write(self, new: Noted, now: float) -> None:
        is_connected, note, score = new
        standings.note(self._gateway, self._name, is_connected=is_connected, note=note, score=score)
        before, self._noted = self._noted, new
        self._next_note = now + SECONDS_BETWEEN_NOTES
        if is_connected and (before is None or not before[0]):
            log.info("connector_connected", connector=self._name)
        elif not is_connected and (before is None or before[0]):
            log.error("connector_disconnected", connector=self._name, note=note)
        if abs(score - self._told_score) >= WORTH_TELLING:
            log.warning("connector_score", connector=self._name, score=score, before=self._told_score)
            self._told_score = score
