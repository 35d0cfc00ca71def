"""Prices and the way out, as sold now."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete

from gateway.domain.errors import DestinationNotServed, Unavailable
from gateway.domain.tariff import MessageType
from gateway.services import pricing
from gateway.services.core import Gateway
from gateway.services.ordering import current_offer
from gateway.storage.tables import ConnectorRow, TariffRow
from tests.support.builders import set_connector
from tests.support.databases import FixedClock

HIGH = MessageType.HIGH
ITALIAN, FRENCH = "+393471234567", "+33612345678"


def set_price(gateway: Gateway, clock: FixedClock, units: int, prefix: str = "", **ahead: float) -> None:
    """The price of a part of high quality, from now or from a moment ahead."""
    with gateway.writing() as session:
        pricing.set_tariff(session, HIGH, prefix, units, clock.now() + timedelta(**ahead))
    gateway.catalogue.forget()


def price(gateway: Gateway, number: str = ITALIAN) -> int:
    return current_offer(gateway).prices.units_per_part(HIGH, number)


class TestPrices:
    def test_the_longest_prefix_wins(self, gateway, clock):
        set_price(gateway, clock, 50, "39")
        set_price(gateway, clock, 45, "39347")
        assert (price(gateway), price(gateway, "+393331234567"), price(gateway, FRENCH)) == (45, 50, 1000)

    def test_a_price_holds_from_its_moment_on(self, gateway, clock):
        set_price(gateway, clock, 50, hours=1)
        assert price(gateway) == 1000
        clock.forward(minutes=59, seconds=59)
        gateway.catalogue.forget()
        assert price(gateway) == 1000
        clock.forward(seconds=1)
        gateway.catalogue.forget()
        assert price(gateway) == 50

    def test_the_same_moment_again_replaces(self, gateway, clock):
        set_price(gateway, clock, 50)
        set_price(gateway, clock, 60)
        assert price(gateway) == 60
        with gateway.reading() as session:
            assert len(pricing.tariffs(session)) == len(MessageType) + 1

    def test_what_has_no_price_is_not_served(self, gateway, clock):
        with gateway.writing() as session:
            session.execute(delete(TariffRow).where(TariffRow.message_type == "high"))
        set_price(gateway, clock, 50, "39")
        assert price(gateway) == 50
        with pytest.raises(DestinationNotServed):
            price(gateway, FRENCH)


class TestConnector:
    def test_the_oldest_that_is_switched_on(self, gateway, clock):
        assert current_offer(gateway).connector == "simulator"
        with gateway.writing() as session:
            for name in ("b", "a"):
                session.add(ConnectorRow(name=name, kind="simulator", settings={}, created_at=clock.now()))
        set_connector(gateway, enabled=False)
        gateway.catalogue.forget()
        assert current_offer(gateway).connector == "a"

    def test_none(self, gateway):
        set_connector(gateway, enabled=False)
        with pytest.raises(Unavailable):
            current_offer(gateway)


class TestCatalogue:
    def test_is_read_once_in_a_while(self, gateway, clock, monkeypatch):
        assert price(gateway) == 1000
        with gateway.writing() as session:
            pricing.set_tariff(session, HIGH, "", 50, clock.now())
        assert price(gateway) == 1000
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + pricing.KEEP_SECONDS)
        assert price(gateway) == 50


def test_a_bot_is_nobodys_usual_way_while_there_is_another(gateway: Gateway) -> None:
    with gateway.writing() as session:
        bot = ConnectorRow(name="bot", kind="telegram", settings={}, created_at=datetime(1999, 1, 1, tzinfo=UTC))
        session.add(bot)
    with gateway.reading() as session:
        assert pricing.read_offer(session, gateway.clock).connector == "simulator"
    set_connector(gateway, enabled=False)
    with gateway.reading() as session:
        assert pricing.read_offer(session, gateway.clock).connector == "bot"
