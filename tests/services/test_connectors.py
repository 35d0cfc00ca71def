"""What an operator sets for a connector, and when a dispatcher that runs notices it. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.connectors.simulator import Simulator
from gateway.dispatcher.loop import Tenure
from gateway.dispatcher.outage import Outage
from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.domain.sending import FailureKind, Outcome, RefundPolicy, UnknownPolicy
from gateway.services import connectors, dispatching
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.dispatching import LeaseLost
from gateway.services.ordering import current_offer
from gateway.storage.tables import ConnectorRow
from tests.support.builders import an_account, an_order, attempts, messages, recipients, set_connector
from tests.support.databases import FixedClock

NAME = "simulator"


def anything(_kind: str, _settings: Mapping[str, Any]) -> None:
    """Settings of which a connector can be made."""


def nothing(_kind: str, settings: Mapping[str, Any]) -> None:
    raise ValueError("window must be a whole number from 1")


def another(gateway: Gateway, name: str) -> None:
    with gateway.writing() as session:
        session.add(ConnectorRow(name=name, kind="simulator", settings={}, created_at=gateway.clock.now()))


class TestEvery:
    def test_counts_what_waits_and_what_is_unknown(self, gateway: Gateway, clock: FixedClock) -> None:
        account = an_account(gateway)
        an_order(gateway, account, recipients(3))
        an_order(gateway, account, due_at=clock.moment.replace(year=2027))
        claimed = dispatching.claim(gateway, NAME, 1, lambda _waiting, most: {2: most})
        dispatching.record(gateway, NAME, [Outcome.failed(claimed[0].key, FailureKind.UNKNOWN)])
        found = {each.name: (each.waiting, each.unknown) for each in connectors.every(gateway)}
        assert found == {"simulator": (3, 1), "test": (0, 0)}

    def test_tells_who_serves_it_while_the_lease_runs(self, gateway: Gateway, clock: FixedClock) -> None:
        assert (connectors.one(gateway, NAME).owner, connectors.one(gateway, NAME).is_served) == (None, False)
        dispatching.own(gateway, NAME, "host:1")
        assert (connectors.one(gateway, NAME).owner, connectors.one(gateway, NAME).is_served) == ("host:1", True)
        clock.forward(seconds=gateway.settings.dispatch_lease_seconds)
        assert (connectors.one(gateway, NAME).owner, connectors.one(gateway, NAME).is_served) == (None, False)


class TestChange:
    def test_changes_what_is_given_and_leaves_the_rest(self, gateway: Gateway) -> None:
        connectors.change(gateway, NAME, Changes(parts_per_second=30, unknown_policy=UnknownPolicy.RESEND), anything)
        connectors.change(gateway, NAME, Changes(settings={"window": 5, "journal": "/tmp/x"}), anything)
        done = connectors.change(gateway, NAME, Changes(refund_policy=RefundPolicy.UNDELIVERED, unset=["journal"]), anything)
        assert (done.parts_per_second, done.unknown_policy, done.refund_policy) == (30, "resend", "undelivered")
        assert done.settings == {"window": 5}
        assert connectors.one(gateway, NAME) == done
        assert connectors.change(gateway, NAME, Changes(parts_per_second=0), anything).parts_per_second == 0

    def test_all_or_nothing(self, gateway: Gateway) -> None:
        before = connectors.one(gateway, NAME)
        with pytest.raises(InvalidField, match="settings cannot work: window must be a whole number"):
            connectors.change(gateway, NAME, Changes(parts_per_second=30, settings={"window": 0}), nothing)
        with pytest.raises(InvalidField, match="hold no journal"):
            connectors.change(gateway, NAME, Changes(parts_per_second=30, unset=["journal"]), anything)
        assert connectors.one(gateway, NAME) == before

    @pytest.mark.parametrize(
        "changes",
        [
            Changes(parts_per_second=-1),
            Changes(parts_per_second=100_001),
            Changes(settings={"Window": 1}),
            Changes(settings={"window": None}),
            Changes(settings={"window": [1]}),
            Changes(settings={"window": float("nan")}),
            Changes(settings={"journal": "a\0b"}),
            Changes(settings={"journal": "x" * 1001}),
        ],
    )
    def test_refuses_what_cannot_be_stored(self, gateway: Gateway, changes: Changes) -> None:
        with pytest.raises(InvalidField):
            connectors.change(gateway, NAME, changes, anything)

    def test_a_value_is_never_in_the_words(self, gateway: Gateway) -> None:
        for value in ("hunter2\0", "hunter2" * 200, ["hunter2"]):
            with pytest.raises(InvalidField) as refused:
                connectors.change(gateway, NAME, Changes(settings={"password": value}), anything)
            assert "hunter2" not in str(refused.value)
        assert "hunter2" not in repr(Changes(settings={"password": "hunter2"}))

    def test_unknown_names(self, gateway: Gateway) -> None:
        with pytest.raises(NotFound):
            connectors.change(gateway, "pigeon", Changes(parts_per_second=1), anything)
        with pytest.raises(NotFound):
            connectors.enable(gateway, "pigeon", anything)
        with pytest.raises(NotFound):
            connectors.disable(gateway, "pigeon")


class TestOnAndOff:
    def test_new_orders_take_the_oldest_that_is_on(self, gateway: Gateway) -> None:
        another(gateway, "second")
        assert current_offer(gateway).connector == NAME
        assert not connectors.disable(gateway, NAME).enabled
        assert (current_offer(gateway).connector, connectors.usual(gateway)) == ("second", "second")
        connectors.disable(gateway, "second")
        assert connectors.usual(gateway) is None
        assert connectors.enable(gateway, NAME, anything).enabled
        assert connectors.usual(gateway) == NAME

    def test_what_waits_goes_on_waiting(self, gateway: Gateway) -> None:
        an_order(gateway, an_account(gateway), recipients(2))
        assert connectors.disable(gateway, NAME).waiting == 2
        assert dispatching.own(gateway, NAME, "me") is None
        connectors.enable(gateway, NAME, anything)
        assert dispatching.own(gateway, NAME, "me") is not None

    def test_test_mode_is_always_on(self, gateway: Gateway) -> None:
        with pytest.raises(Conflict, match="always on"):
            connectors.disable(gateway, "test")

    def test_what_cannot_work_is_not_switched_on(self, gateway: Gateway) -> None:
        connectors.disable(gateway, NAME)
        with pytest.raises(InvalidField):
            connectors.enable(gateway, NAME, nothing)
        assert not connectors.one(gateway, NAME).enabled


class TestARunningDispatcher:
    """``turn`` with the clock moved on by a third of a lease renews it."""

    def test_keeps_another_speed_from_its_next_renewal_on(self, gateway: Gateway, clock: FixedClock) -> None:
        set_connector(gateway, parts_per_second=4)
        an_order(gateway, an_account(gateway), recipients(60))
        tenure, stop = self.tenure(gateway), threading.Event()
        tenure.turn(stop)
        slowly = len(attempts(gateway))
        connectors.change(gateway, NAME, Changes(parts_per_second=0), anything)
        tenure.turn(stop)
        assert len(attempts(gateway)) - slowly <= 2
        self.renews(gateway, clock)
        tenure.turn(stop)
        assert len(attempts(gateway)) == 60
        assert not tenure.is_outdated
        tenure.end()

    def test_ends_its_tenure_for_other_settings(self, gateway: Gateway, clock: FixedClock) -> None:
        tenure, stop = self.tenure(gateway), threading.Event()
        tenure.turn(stop)
        connectors.change(gateway, NAME, Changes(settings={"window": 7}), anything)
        self.renews(gateway, clock)
        an_order(gateway, an_account(gateway))
        tenure.turn(stop)
        assert tenure.is_outdated
        assert attempts(gateway) == []
        tenure.end()
        lease = dispatching.own(gateway, NAME, "me")
        assert lease is not None and lease.settings == {"window": 7}

    def test_stops_when_it_is_switched_off(self, gateway: Gateway, clock: FixedClock) -> None:
        tenure = self.tenure(gateway)
        an_order(gateway, an_account(gateway))
        connectors.disable(gateway, NAME)
        self.renews(gateway, clock)
        with pytest.raises(LeaseLost):
            tenure.turn(threading.Event())
        tenure.end()
        assert [message.state for message in messages(gateway)] == ["queued"]

    def tenure(self, gateway: Gateway) -> Tenure:
        lease = dispatching.own(gateway, NAME, "me")
        assert lease is not None
        return Tenure(gateway, lease, Simulator(0, 3600), Outage("test"))

    def renews(self, gateway: Gateway, clock: FixedClock) -> None:
        clock.forward(seconds=gateway.settings.dispatch_lease_seconds * 0.4)
