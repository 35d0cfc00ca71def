"""What went missing, asked for again: receipts that went to a process that died or never came, and answers to submissions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from gateway.connectors.base import Connector
from gateway.domain.receipt import Receipt
from gateway.domain.sending import AttemptKey
from gateway.services import dispatching
from gateway.services.core import Gateway

PAGE = 500
SECONDS_BETWEEN_PAGES = 1.0
SECONDS_BETWEEN_ROUNDS = 15.0
SECONDS_BETWEEN_LATE_ROUNDS = 600.0
LATE = timedelta(hours=1)
"""A receipt that has not come by then is asked for now and again, until the message is given up."""


class Recovery:
    """Walks over the messages that still wait for a receipt: those sent before ``opened_at`` until none is left, later ones once late.

    A carrier that cannot be asked answers None each time, which costs one page now and then.
    """

    def __init__(self, gateway: Gateway, connector_name: str, opened_at: datetime, now: float) -> None:
        self._gateway = gateway
        self._name = connector_name
        self._opened_at = opened_at
        self._after: tuple[datetime, int, UUID, int] | None = None
        self._next = now
        self._done = False

    def receipts(self, connector: Connector, now: float) -> Sequence[Receipt]:
        """The receipts found on the next page; empty when it is not yet time. ``now`` in seconds of a steady clock."""
        if now < self._next:
            return []
        before = self._gateway.clock.now() - LATE if self._done else self._opened_at
        page = dispatching.awaiting_receipts(self._gateway, self._name, before, self._after, PAGE)
        is_over = len(page) < PAGE
        self._done = self._done or (not page and self._after is None)
        self._after = None if is_over else page[-1].place
        pause = SECONDS_BETWEEN_LATE_ROUNDS if self._done else SECONDS_BETWEEN_ROUNDS
        self._next = now + (pause if is_over else SECONDS_BETWEEN_PAGES)
        found = (connector.query(each.smsc_message_id, each.recipient) for each in page)
        return [receipt for receipt in found if receipt is not None]


class Inquiry:
    """Asks a connector now and again about its messages of unknown outcome, each with growing pauses.

    The answers come as the connector's events. A carrier that cannot be asked costs a look at a partial index now and then.
    """

    FIRST_SECONDS = 5.0
    LONGEST_SECONDS = 3600.0
    LOOK_SECONDS = 5.0
    PAGE = 200

    def __init__(self, gateway: Gateway, connector_name: str, now: float) -> None:
        self._gateway = gateway
        self._name = connector_name
        self._next_look = now
        self._after: tuple[int, UUID, int] | None = None
        self._asked: dict[AttemptKey, tuple[float, float]] = {}
        self._met: set[AttemptKey] = set()

    def ask(self, connector: Connector, now: float) -> None:
        """Asks about those of the next page whose time has come. ``now`` in seconds of a steady clock."""
        if now < self._next_look:
            return
        self._next_look = now + self.LOOK_SECONDS
        page = dispatching.unknown_messages(self._gateway, self._name, self._after, self.PAGE)
        self._met |= {outgoing.key for outgoing in page}
        for outgoing in page:
            at, pause = self._asked.get(outgoing.key, (now, self.FIRST_SECONDS))
            if at <= now:
                connector.find(outgoing)
                self._asked[outgoing.key] = (now + pause, min(pause * 2, self.LONGEST_SECONDS))
        if len(page) == self.PAGE:
            self._after = page[-1].key[:3]
            return
        self._after = None
        self._asked = {key: each for key, each in self._asked.items() if key in self._met}
        self._met = set()
