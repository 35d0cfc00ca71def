"""Receipts that went to a process that died: asked for again, a page at a time, after a connector was opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from gateway.connectors.base import Connector
from gateway.domain.receipt import Receipt
from gateway.services import dispatching
from gateway.services.core import Gateway

PAGE = 500
SECONDS_BETWEEN_PAGES = 1.0
SECONDS_BETWEEN_ROUNDS = 15.0


class Recovery:
    """Walks over the messages that were sent before ``opened_at`` and still wait for a receipt, until none is left.

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
        if self._done or now < self._next:
            return []
        page = dispatching.awaiting_receipts(self._gateway, self._name, self._opened_at, self._after, PAGE)
        self._done = not page and self._after is None
        self._next = now + (SECONDS_BETWEEN_PAGES if len(page) == PAGE else SECONDS_BETWEEN_ROUNDS)
        self._after = page[-1].place if len(page) == PAGE else None
        found = (connector.query(each.smsc_message_id, each.recipient) for each in page)
        return [receipt for receipt in found if receipt is not None]
