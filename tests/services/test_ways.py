"""Whether a connector is served and prompt: what is asked of the database, how often, and by which index."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from gateway.domain.errors import StorageUnavailable
from gateway.services import accounts, devices, ways
from gateway.services.core import Gateway
from gateway.services.kept import Kept
from gateway.storage.driver import sqlite_values
from gateway.storage.tables import Account, ConnectorRow
from gateway.storage.ways import WAY, Way
from tests.support.builders import an_account, an_order, recipients
from tests.support.databases import FixedClock

PASSWORD = "correct horse"


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return an_account(gateway, "acme", credit=100_000)


def lease(gateway: Gateway, connector: str, seconds: float, **more: object) -> None:
    values = {"owner": "a dispatcher", "lease_until": gateway.clock.now() + timedelta(seconds=seconds), **more}
    with gateway.writing() as session:
        session.execute(update(ConnectorRow).where(ConnectorRow.name == connector).values(**values))
    gateway.ways.forget()
    gateway.pulse.forget()


class TestState:
    def test_follows_the_lease(self, gateway: Gateway, clock: FixedClock) -> None:
        assert ways.state(gateway, "simulator") == Way(is_served=False, is_late=False)
        lease(gateway, "simulator", 10)
        assert ways.state(gateway, "simulator").is_served
        lease(gateway, "simulator", 10, enabled=False)
        assert not ways.state(gateway, "simulator").is_served
        lease(gateway, "simulator", 10, enabled=True, owner=None)
        assert not ways.state(gateway, "simulator").is_served
        lease(gateway, "simulator", 0)
        assert not ways.state(gateway, "simulator").is_served

    def test_a_connector_that_there_is_not(self, gateway: Gateway) -> None:
        assert ways.state(gateway, "nowhere") == ways.state(gateway, "") == Way(is_served=False, is_late=False)

    def test_is_kept_for_half_a_second(self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr("gateway.services.kept.time.monotonic", lambda: now)
        assert not ways.state(gateway, "simulator").is_served
        with gateway.writing() as session:
            session.execute(update(ConnectorRow).values(owner="x", lease_until=gateway.clock.now() + timedelta(seconds=9)))
        now = 1000.49
        assert not ways.state(gateway, "simulator").is_served
        now = 1000.5
        assert ways.state(gateway, "simulator").is_served

    def test_asks_by_index_in_a_full_table(self, gateway: Gateway, account: Account) -> None:
        """Neither what was sent nor what waits makes the question dearer."""
        an_order(gateway, account, recipients(3000))
        an_order(gateway, account, recipients(3000, 5000))
        with gateway.writing() as session:
            session.execute(text("UPDATE messages SET state = 'delivered' WHERE recipient < '+39340000500'"))
            session.execute(text("ANALYZE"))
        now = gateway.clock.now()
        params = {"connector": "simulator", "now": now, "before": now}
        with gateway.engine.connect() as connection:
            if gateway.engine.dialect.name == "sqlite":
                rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + WAY.sqlite, sqlite_values(params))
                plan = "\n".join(row[3] for row in rows)
                assert plan.count("SEARCH messages USING INDEX ix_messages_waiting") == 3, plan
                assert "SCAN messages" not in plan
            else:
                plan = "\n".join(row[0] for row in connection.exec_driver_sql("EXPLAIN " + WAY.postgresql, params))
                assert plan.count("ix_messages_waiting") == 3, plan
                assert "Seq Scan on messages" not in plan


class TestConnectedDevices:
    def test_counts_those_that_could_send(self, gateway: Gateway, account: Account) -> None:
        for name, connector in (("usual", None), ("own", "simulator"), ("shut", "simulator"), ("trial", None)):
            devices.create(gateway, "acme", name, PASSWORD, connector)
        accounts.create_user(gateway, "acme", "clerk", PASSWORD)
        devices.set_disabled(gateway, "shut", disabled=True)
        accounts.set_user_limits(gateway, "trial", lambda terms: type(terms)(is_test=True))
        assert ways.connected_devices(gateway) == 0
        lease(gateway, "simulator", 10)
        assert ways.connected_devices(gateway) == 2
        lease(gateway, "test", 10)
        assert ways.connected_devices(gateway) == 3
        with gateway.writing() as session:
            session.execute(update(Account).values(status="closed"))
        gateway.pulse.forget()
        assert ways.connected_devices(gateway) == 0

    def test_without_any_connector(self, gateway: Gateway, account: Account) -> None:
        devices.create(gateway, "acme", "usual", PASSWORD)
        lease(gateway, "simulator", 10, enabled=False)
        gateway.catalogue.forget()
        assert ways.connected_devices(gateway) == 0

    def test_is_asked_every_five_seconds_and_so_is_silence(self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        now, asked = 1000.0, []

        def away(*_: object) -> int:
            asked.append(now)
            raise StorageUnavailable

        monkeypatch.setattr("gateway.services.kept.time.monotonic", lambda: now)
        monkeypatch.setattr("gateway.storage.ways.connected_devices", away)
        for now in (1000.0, 1001.0, 1004.9, 1005.0, 1006.0):  # noqa: B007 - read above
            assert ways.connected_devices(gateway) is None
        assert asked == [1000.0, 1005.0]


class TestKept:
    def test_one_thread_asks_for_all(self) -> None:
        kept: Kept[str, int] = Kept(60)
        asked, found = [], []
        together = threading.Barrier(8)

        def read() -> int:
            asked.append(1)
            return 7

        def ask() -> None:
            together.wait(60)
            found.append(kept.get("a", read))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (asked, found) == ([1], [7] * 8)

    def test_a_failure_is_not_kept(self) -> None:
        kept: Kept[str, int] = Kept(60)
        with pytest.raises(StorageUnavailable):
            kept.get("a", lambda: (_ for _ in ()).throw(StorageUnavailable()))
        assert kept.get("a", lambda: 3) == 3
        assert kept.get("b", lambda: 4) == 4
