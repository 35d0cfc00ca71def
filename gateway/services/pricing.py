"""Prices and the ways out, read from the database and kept for a few seconds in each process."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.domain.errors import Unavailable
from gateway.domain.routing import Costs, Routing, Rule, Strategy, Target, WayOut
from gateway.domain.sending import FailureKind
from gateway.domain.tariff import MessageType, PriceList, Tariff
from gateway.services.clock import Clock
from gateway.storage import routes, standings
from gateway.storage.standings import Standing
from gateway.storage.tables import RouteRow, TariffRow

KEEP_SECONDS = 5.0
CHAT_KIND = "telegram"


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be sold now: prices in units per part, the connector of messages that no rule speaks of, and all that rules need."""

    prices: PriceList
    connector: str
    routing: Routing = field(default_factory=Routing)


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
    found = standings.every(session)
    enabled = [each for each in found if each.is_enabled]
    # A bot reaches only those who registered: it is nobody's usual way while there is another.
    default = next((each.name for each in sorted(enabled, key=lambda each: each.kind == CHAT_KIND)), None)
    if default is None:
        raise Unavailable("no connector is enabled")
    return Offer(PriceList(tariffs(session), clock.now()), default, _routing(session, found, default, clock.now()))


def _routing(session: Session, found: Sequence[Standing], default: str, now: datetime) -> Routing:
    rules = [rule_of(row) for row in routes.every(session)]
    ways = [WayOut(each.name, each.is_enabled, each.is_reachable(now), each.score) for each in found]
    units: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for price in routes.prices(session):
        units[price.connector][price.prefix] = price.units_per_part
    return Routing(rules, ways, Costs(units), default)


def rule_of(row: RouteRow) -> Rule:
    """The rule that a row tells."""
    return Rule(
        name=row.name,
        rank=row.rank,
        targets=tuple(Target(each["connector"], each["weight"]) for each in row.targets),
        strategy=Strategy(row.strategy),
        dialects=_any_of(row.dialects),
        account_id=row.account_id,
        message_types=_any_of(row.message_types),
        prefixes=_any_of(row.prefixes),
        originators=_any_of(row.originators),
        failover=frozenset(map(FailureKind, row.failover)),
        is_enabled=row.enabled,
    )


def _any_of(values: Sequence[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def tariffs(session: Session) -> list[Tariff]:
    """Every price ever set, by message type, prefix and day."""
    rows = session.scalars(select(TariffRow).order_by(TariffRow.message_type, TariffRow.prefix, TariffRow.valid_from))
    return [Tariff(MessageType(row.message_type), row.prefix, row.units_per_part, row.valid_from) for row in rows]


def set_tariff(session: Session, message_type: MessageType, prefix: str, units_per_part: int, valid_from: datetime) -> None:
    """Sets the price of one part from a moment on; the same moment again replaces it."""
    session.merge(TariffRow(message_type=message_type.value, prefix=prefix, valid_from=valid_from, units_per_part=units_per_part))
