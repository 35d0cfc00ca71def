"""Prices and the way out, read from the database and kept for a few seconds in each process."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.domain.errors import Unavailable
from gateway.domain.tariff import MessageType, PriceList, Tariff
from gateway.services.clock import Clock
from gateway.storage.tables import TEST_CONNECTOR, ConnectorRow, TariffRow

KEEP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be sold now: prices in units per part, and the connector that new messages go to."""

    prices: PriceList
    connector: str


class Catalogue:
    """The current offer. A change made by the operator shows here at most five seconds later."""

    def __init__(self) -> None:
        self._offer: Offer | None = None
        self._until = 0.0
        self._lock = threading.Lock()

    def fresh(self) -> Offer | None:
        """The kept offer, or None when it must be read again."""
        return self._offer if time.monotonic() < self._until else None

    def keep(self, offer: Offer) -> Offer:
        """Remembers an offer that was just read."""
        with self._lock:
            self._offer = offer
            self._until = time.monotonic() + KEEP_SECONDS
        return offer

    def forget(self) -> None:
        """Makes the next question read the database."""
        self._until = 0.0


def read_offer(session: Session, clock: Clock) -> Offer:
    """The offer as the database has it now.

    Raises:
        Unavailable: no connector is enabled.
    """
    names = session.scalars(
        select(ConnectorRow.name)
        .where(ConnectorRow.enabled, ConnectorRow.name != TEST_CONNECTOR)
        .order_by(ConnectorRow.created_at, ConnectorRow.name)
    ).all()
    if not names:
        raise Unavailable("no connector is enabled")
    return Offer(PriceList(tariffs(session), clock.now()), names[0])


def tariffs(session: Session) -> list[Tariff]:
    """Every price ever set, by message type, prefix and day."""
    rows = session.scalars(select(TariffRow).order_by(TariffRow.message_type, TariffRow.prefix, TariffRow.valid_from))
    return [Tariff(MessageType(row.message_type), row.prefix, row.units_per_part, row.valid_from) for row in rows]


def set_tariff(session: Session, message_type: MessageType, prefix: str, units_per_part: int, valid_from: datetime) -> None:
    """Sets the price of one part from a moment on; the same moment again replaces it."""
    session.merge(TariffRow(message_type=message_type.value, prefix=prefix, valid_from=valid_from, units_per_part=units_per_part))
