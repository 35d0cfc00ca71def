"""Which way messages really go, on both databases: new orders, failures, connectors that are away."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from gateway.dispatcher.lanes import shares
from gateway.domain.errors import Unavailable
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.routing import FIRST_CHOICE, Target
from gateway.domain.sending import FailureKind, Outcome, Outgoing, Returned
from gateway.services import dispatching, ledger, ordering, routing, standings
from gateway.services.core import Gateway
from gateway.services.moving import PAGE, PAGES_AT_ONCE, Reroute
from gateway.services.ordering import Accepted
from gateway.services.routing import Terms
from gateway.services.sweeping import sweep
from gateway.storage.tables import TEST_CONNECTOR, Account, ConnectorRow, Message, RouteRow
from tests.support.builders import an_account, an_order, attempts, balance, messages, recipients, the_message
from tests.support.databases import FixedClock

ITALY, FRANCE, SPAIN = "+393471234567", "+33612345678", "+34612345678"


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway) -> Iterator[None]:
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert list(ledger.verify(gateway)) == []


@pytest.fixture(autouse=True)
def connectors(gateway: Gateway, clock: FixedClock) -> None:
    """Three further ways out, made after the simulator."""
    with gateway.writing() as session:
        for number, name in enumerate("abc", 1):
            session.add(ConnectorRow(name=name, kind="simulator", settings={}, created_at=clock.now() + timedelta(seconds=number)))


def a_route(gateway: Gateway, name: str, *targets: str, weights: Sequence[int] = (), **terms: Any) -> None:
    weighed = [Target(target, weight) for target, weight in zip(targets, weights or [1] * len(targets), strict=True)]
    routing.add(gateway, name, Terms(targets=weighed, **terms))


def set_row(gateway: Gateway, name: str, **values: Any) -> None:
    with gateway.writing() as session:
        session.execute(update(ConnectorRow).where(ConnectorRow.name == name).values(**values))
    gateway.catalogue.forget()


def disconnect(gateway: Gateway, name: str) -> None:
    standings.note(gateway, name, is_connected=False, note="the line is dead")
    gateway.catalogue.forget()


def went(gateway: Gateway) -> list[tuple[str, str | None]]:
    return [(message.connector, message.route) for message in messages(gateway)]


def claim(gateway: Gateway, connector: str) -> list[Outgoing]:
    return dispatching.claim(gateway, connector, 100, shares)


def fail(gateway: Gateway, connector: str, kind: FailureKind) -> None:
    """The connector's only due message comes back with this failure."""
    (outgoing,) = claim(gateway, connector)
    dispatching.record(gateway, connector, [Outcome.failed(outgoing.key, kind, "8", "no")])


class TestNewOrders:
    def test_without_a_rule_the_oldest_connector(self, gateway):
        an_order(gateway, an_account(gateway), [ITALY, FRANCE])
        assert went(gateway) == [("simulator", None)] * 2

    def test_each_recipient_goes_its_own_way(self, gateway):
        a_route(gateway, "italy", "a", prefixes=["+39"])
        a_route(gateway, "france", "b", prefixes=["33"])
        an_order(gateway, an_account(gateway), [ITALY, SPAIN, FRANCE])
        assert went(gateway) == [("a", "italy"), ("simulator", None), ("b", "france")]

    def test_texts_of_their_own_and_one_way_for_all(self, gateway):
        a_route(gateway, "all", "a")
        an_order(gateway, an_account(gateway), [ITALY, FRANCE], texts=["one", "two"])
        assert went(gateway) == [("a", "all")] * 2
        assert [outgoing.text for outgoing in claim(gateway, "a")] == ["one", "two"]

    def test_two_rules_to_one_connector_keep_their_names(self, gateway):
        a_route(gateway, "italy", "a", prefixes=["39"])
        a_route(gateway, "rest", "a")
        an_order(gateway, an_account(gateway), [FRANCE, ITALY])
        assert went(gateway) == [("a", "rest"), ("a", "italy")]

    def test_the_account_s_rule(self, gateway, clock):
        mine, other = an_account(gateway, "mine"), an_account(gateway, "other")
        a_route(gateway, "mine", "b", account="mine")
        for account in (mine, other):
            an_order(gateway, account)
            clock.forward(seconds=1)
        assert went(gateway) == [("b", "mine"), ("simulator", None)]

    def test_weights_share_an_order(self, gateway, monkeypatch):
        a_route(gateway, "shared", "a", "b", weights=(3, 1))
        draws = iter([0.0, 0.74, 0.75, 0.99])
        monkeypatch.setattr(random, "random", lambda: next(draws))
        an_order(gateway, an_account(gateway), recipients(4))
        assert [connector for connector, _ in went(gateway)] == ["a", "a", "b", "b"]

    def test_the_cheapest_and_its_price(self, gateway):
        a_route(gateway, "least", "a", "b", strategy="cheapest")
        routing.set_price(gateway, "a", "39", 40)
        routing.set_price(gateway, "b", "", 50)
        routing.set_price(gateway, "b", "3934", 30)
        an_order(gateway, an_account(gateway), ["+393331234567", ITALY, FRANCE])
        assert [connector for connector, _ in went(gateway)] == ["a", "b", "b"]

    def test_what_the_caller_chose_stays_there(self, gateway):
        a_route(gateway, "all", "a")
        an_order(gateway, an_account(gateway), connector="b")
        assert went(gateway) == [("b", None)]
        fail(gateway, "b", FailureKind.RETRY_LATER)
        assert went(gateway) == [("b", None)]

    def test_test_mode_stays_what_it_is(self, gateway):
        a_route(gateway, "all", "a")
        an_order(gateway, an_account(gateway), is_test=True)
        assert went(gateway) == [(TEST_CONNECTOR, None)]

    def test_a_rule_whose_connectors_are_off_refuses(self, gateway):
        a_route(gateway, "all", "a")
        set_row(gateway, "a", enabled=False)
        account = an_account(gateway)
        with pytest.raises(Unavailable):
            an_order(gateway, account)
        assert balance(gateway, account) == 1000

    def test_a_connector_that_is_away_keeps_what_has_no_other_way(self, gateway):
        a_route(gateway, "all", "a", "b")
        disconnect(gateway, "a")
        an_order(gateway, an_account(gateway), recipients(20))
        assert set(went(gateway)) == {("b", "all")}
        disconnect(gateway, "b")
        an_order(gateway, an_account(gateway), recipients(40))
        assert {connector for connector, _ in went(gateway)[20:]} == {"a", "b"}

    def test_a_dispatcher_that_fell_silent_counts_as_away(self, gateway, clock):
        a_route(gateway, "all", "a", "b", weights=(1, 0))
        lease = dispatching.own(gateway, "a", "me")
        assert lease is not None
        an_order(gateway, an_account(gateway))
        clock.forward(seconds=gateway.settings.dispatch_lease_seconds + 1)
        gateway.catalogue.forget()
        an_order(gateway, an_account(gateway))
        assert [connector for connector, _ in went(gateway)] == ["a", "b"]


class TestFailover:
    @pytest.fixture(autouse=True)
    def rule(self, gateway: Gateway) -> None:
        a_route(gateway, "all", "a", "b", weights=(1, 0))

    @pytest.mark.parametrize("kind", [FailureKind.RETRY_LATER, FailureKind.MISCONFIGURED, FailureKind.THROTTLED])
    def test_a_failed_message_goes_on_at_once(self, gateway, clock, kind):
        account = an_account(gateway, credit=10)
        an_order(gateway, account)
        fail(gateway, "a", kind)
        message = the_message(gateway)
        assert (message.connector, message.route, message.state, message.due_at) == ("b", "all", State.QUEUED, clock.now())
        assert message.attempts == (1 if kind is FailureKind.RETRY_LATER else 0)
        (outgoing,) = claim(gateway, "b")
        dispatching.record(gateway, "b", [Outcome.accepted(outgoing.key, "b-1"), Receipt("b-1", State.DELIVERED, clock.now())])
        assert the_message(gateway).state == State.DELIVERED
        assert [(attempt.connector, attempt.outcome) for attempt in attempts(gateway)] == [("a", kind), ("b", "accepted")]
        assert balance(gateway, account) == 9

    def test_each_way_is_tried_once_and_then_the_last_again(self, gateway, clock):
        account = an_account(gateway, credit=10)
        an_order(gateway, account)
        for connector in "ab":
            fail(gateway, connector, FailureKind.RETRY_LATER)
        for _ in range(gateway.settings.retry_attempts - 2):
            assert the_message(gateway).connector == "b"
            assert the_message(gateway).due_at > clock.now()
            clock.forward(hours=2)
            fail(gateway, "b", FailureKind.RETRY_LATER)
        assert (the_message(gateway).state, the_message(gateway).attempts) == (State.FAILED, gateway.settings.retry_attempts)
        assert balance(gateway, account) == 10

    def test_the_last_try_is_the_last(self, gateway):
        an_order(gateway, an_account(gateway))
        with gateway.writing() as session:
            session.execute(update(Message).values(attempts=gateway.settings.retry_attempts - 1))
        fail(gateway, "a", FailureKind.RETRY_LATER)
        assert the_message(gateway).state == State.FAILED

    def test_unknown_and_final_stay_where_they_are(self, gateway):
        account = an_account(gateway)
        an_order(gateway, account, recipients(2))
        first, second = claim(gateway, "a")
        dispatching.record(gateway, "a", [Outcome.failed(first.key, FailureKind.UNKNOWN), Outcome.failed(second.key, FailureKind.FINAL)])
        assert [(message.connector, message.state) for message in messages(gateway)] == [("a", State.UNKNOWN), ("a", State.FAILED)]

    def test_final_goes_on_where_the_rule_says_so(self, gateway):
        routing.change(gateway, "all", lambda terms: Terms(rank=terms.rank, targets=terms.targets, failover=["final"]))
        account = an_account(gateway)
        an_order(gateway, account)
        fail(gateway, "a", FailureKind.FINAL)
        assert went(gateway) == [("b", "all")]
        fail(gateway, "b", FailureKind.FINAL)
        assert the_message(gateway).state == State.FAILED
        assert balance(gateway, account) == 1000

    def test_what_never_left_was_not_tried(self, gateway):
        an_order(gateway, an_account(gateway))
        (outgoing,) = claim(gateway, "a")
        dispatching.record(gateway, "a", [Returned(outgoing.key)])
        disconnect(gateway, "a")
        Reroute().run(gateway)  # not yet: it is away for no time at all
        set_row(gateway, "a", enabled=False)
        assert Reroute().run(gateway) == 1
        set_row(gateway, "a", enabled=True)
        standings.note(gateway, "a", is_connected=True)
        gateway.catalogue.forget()
        fail(gateway, "b", FailureKind.RETRY_LATER)
        assert went(gateway) == [("a", "all")]

    def test_a_late_answer_of_the_first_connector_leaves_the_message_alone(self, gateway):
        an_order(gateway, an_account(gateway))
        (outgoing,) = claim(gateway, "a")
        outcome = Outcome.failed(outgoing.key, FailureKind.RETRY_LATER)
        dispatching.record(gateway, "a", [outcome])
        (again,) = claim(gateway, "b")
        dispatching.record(gateway, "a", [outcome, Outcome.accepted(outgoing.key, "late")])
        dispatching.record(gateway, "b", [Outcome.accepted(again.key, "b-1")])
        message = the_message(gateway)
        assert (message.connector, message.state, message.smsc_message_id) == ("b", State.SENT, "b-1")

    def test_a_first_choice_is_left_for_whatever_way_there_is(self, gateway):
        an_order(gateway, an_account(gateway), connector="c", may_fail_over=True)
        assert went(gateway) == [("c", FIRST_CHOICE)]
        fail(gateway, "c", FailureKind.FINAL)
        assert went(gateway) == [("a", "all")]

    def test_a_first_choice_without_any_rule_falls_to_the_default(self, gateway):
        routing.remove(gateway, "all")
        account = an_account(gateway)
        an_order(gateway, account, connector="c", may_fail_over=True)
        fail(gateway, "c", FailureKind.FINAL)
        assert went(gateway) == [("simulator", None)]
        fail(gateway, "simulator", FailureKind.FINAL)
        assert the_message(gateway).state == State.FAILED
        assert balance(gateway, account) == 1000

    def test_without_any_other_way_all_is_as_it_was(self, gateway, clock):
        disconnect(gateway, "b")
        an_order(gateway, an_account(gateway))
        fail(gateway, "a", FailureKind.MISCONFIGURED)
        assert went(gateway) == [("a", "all")]
        assert the_message(gateway).due_at > clock.now() + timedelta(seconds=30)

    def test_a_batch_moves_what_can_move_in_one_transaction(self, gateway):
        an_order(gateway, an_account(gateway), recipients(30))
        claimed = claim(gateway, "a")
        dispatching.record(
            gateway,
            "a",
            [
                Outcome.accepted(each.key, f"a-{number}") if number % 3 else Outcome.failed(each.key, FailureKind.RETRY_LATER)
                for number, each in enumerate(claimed)
            ],
        )
        assert sorted(went(gateway)) == [("a", "all")] * 20 + [("b", "all")] * 10


class TestReroute:
    @pytest.fixture(autouse=True)
    def rule(self, gateway: Gateway) -> None:
        a_route(gateway, "all", "a", "b", weights=(1, 0))

    def test_what_waits_before_a_connector_that_is_off_moves(self, gateway, clock):
        account = an_account(gateway)
        an_order(gateway, account, recipients(3))
        an_order(gateway, account, recipients(3, 100), due_at=clock.now() + timedelta(hours=1))
        an_order(gateway, account, connector="a")
        assert Reroute().run(gateway) == 0
        set_row(gateway, "a", enabled=False)
        assert Reroute().run(gateway) == 3
        assert sorted(went(gateway), key=str) == [("a", "all")] * 3 + [("a", None)] + [("b", "all")] * 3
        clock.forward(hours=1)
        assert Reroute().run(gateway) == 3
        assert len(claim(gateway, "b")) == 6

    def test_a_dead_line_is_borne_with_for_a_while(self, gateway, clock):
        an_order(gateway, an_account(gateway))
        disconnect(gateway, "a")
        clock.forward(seconds=59)
        disconnect(gateway, "a")  # still: that is no new moment
        assert Reroute().run(gateway) == 0
        clock.forward(seconds=1)
        assert Reroute().run(gateway) == 1

    def test_so_is_a_dispatcher_that_fell_silent(self, gateway, clock):
        dispatching.own(gateway, "a", "me")
        an_order(gateway, an_account(gateway))
        clock.forward(seconds=gateway.settings.dispatch_lease_seconds + 59)
        assert Reroute().run(gateway) == 0
        clock.forward(seconds=2)
        gateway.catalogue.forget()
        assert Reroute().run(gateway) == 1

    def test_what_is_on_its_way_or_has_no_other_way_stays(self, gateway):
        account = an_account(gateway)
        an_order(gateway, account, is_test=True)
        an_order(gateway, account)
        claim(gateway, "a")
        set_row(gateway, "a", enabled=False)
        with gateway.writing() as session:
            session.execute(delete(RouteRow))
        a_route(gateway, "here", "b", failover=[])
        an_order(gateway, account)
        disconnect(gateway, "b")
        set_row(gateway, "b", enabled=False)
        before = went(gateway)
        assert Reroute().run(gateway) == 0
        assert went(gateway) == before
        assert set(before) == {(TEST_CONNECTOR, None), ("a", "all"), ("b", "here")}

    def test_without_a_rule_nothing_moves_to_the_default(self, gateway):
        routing.remove(gateway, "all")
        an_order(gateway, an_account(gateway))
        set_row(gateway, "simulator", enabled=False)
        assert Reroute().run(gateway) == 0
        assert went(gateway) == [("simulator", None)]

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_those_without_a_way_do_not_hide_those_behind_them(self, gateway, clock):
        account = an_account(gateway, credit=100_000)
        a_route(gateway, "stays", "a", rank=0, originators=["STAYS"], failover=[])
        many = PAGE * PAGES_AT_ONCE + 10
        an_order(gateway, account, recipients(many), originator="STAYS")
        clock.forward(seconds=1)
        an_order(gateway, account, recipients(PAGE + 5, 50_000), originator="GOES")
        set_row(gateway, "a", enabled=False)
        reroute = Reroute()
        assert reroute.run(gateway) == 0
        assert [reroute.run(gateway) for _ in range(2)] == [PAGE + 5, 0]

    def test_idle_sweeps_write_nothing(self, gateway, monkeypatch):
        disconnect(gateway, "a")
        set_row(gateway, "b", enabled=False)
        an_order(gateway, an_account(gateway))

        def writing(_gateway: Gateway) -> None:
            raise AssertionError("an idle sweep wrote")

        monkeypatch.setattr(Gateway, "writing", writing)
        assert Reroute().run(gateway) == 0
        assert sweep(gateway) == {}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestDryRun:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        weights=st.lists(st.integers(0, 5), min_size=2, max_size=3),
        chance=st.floats(0, 1, exclude_max=True),
        away=st.sets(st.sampled_from("abc"), max_size=2),
        cheapest=st.booleans(),
        recipient=st.sampled_from([ITALY, FRANCE]),
    )
    def test_explain_says_where_the_message_then_goes(self, gateway, weights, chance, away, cheapest, recipient):
        account = self._account(gateway)
        with gateway.writing() as session:
            session.execute(delete(RouteRow))
        targets = "abc"[: len(weights)]
        strategy = "cheapest" if cheapest else "weighted"
        a_route(gateway, "rule", *targets, weights=weights, strategy=strategy, prefixes=["39"], dialects=["smsend"])
        for number, name in enumerate("abc"):
            standings.note(gateway, name, is_connected=name not in away, score=100 - 40 * number)
            routing.set_price(gateway, name, "39", 50 - number)
        told = routing.explain(gateway, account.name, recipient, dialect="smsend", message_type="high", sender=None, draw=chance).decision
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(random, "random", lambda: chance)
            accepted: Accepted = an_order(gateway, account, [recipient])
        (message,) = [each for each in messages(gateway) if each.order_id == accepted.id]
        assert (message.connector, message.route) == (told.connector, told.rule)

    def _account(self, gateway: Gateway) -> Account:
        with gateway.reading() as session:
            found = session.query(Account).filter_by(name="acme").first()
            session.expunge_all()
        return found or an_account(gateway, "acme", credit=100_000)


def test_a_kept_offer_is_read_again_after_a_change(gateway):
    ordering.current_offer(gateway)
    a_route(gateway, "all", "a")
    assert [rule.name for rule in ordering.current_offer(gateway).routing.rules] == ["all"]
    routing.switch(gateway, "all", on=False)
    an_order(gateway, an_account(gateway))
    assert went(gateway) == [("simulator", None)]
