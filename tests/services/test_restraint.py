"""Quiet hours, velocity caps and the speed of an account, on both databases, with the ledger exact."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from gateway.dispatcher.lanes import shares
from gateway.domain.errors import InvalidField, NotFound, StorageUnavailable
from gateway.domain.message import State
from gateway.domain.sending import FailureKind, Outcome
from gateway.domain.velocity import Per
from gateway.services import dispatching, ledger, restraint, sweeping
from gateway.services.core import Gateway
from gateway.services.ordering import Terms
from gateway.storage import dispatch
from gateway.storage.tables import VelocityUse
from tests.support.builders import an_account, an_order, attempts, balance, messages, recipients, the_message

PARIS = ZoneInfo("Europe/Paris")
NIGHT = datetime(2026, 5, 4, 22, tzinfo=PARIS)
MORNING = datetime(2026, 5, 5, 8, tzinfo=PARIS)
FRENCH, ITALIAN = "+33612345678", "+393471234567"


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    yield
    assert list(ledger.verify(gateway)) == []


def claim(gateway: Gateway) -> list[str]:
    return [each.recipient for each in dispatching.claim(gateway, "simulator", 100, shares)]


class TestQuietHours:
    @pytest.fixture(autouse=True)
    def nights(self, gateway: Gateway, clock):
        restraint.set_quiet_hours(gateway, "fr", 21 * 60, 8 * 60, "Europe/Paris")
        clock.moment = NIGHT

    def test_only_that_country_waits_and_its_validity_with_it(self, gateway, clock):
        an_order(gateway, an_account(gateway), [ITALIAN, FRENCH], validity=timedelta(hours=1))
        first, second = messages(gateway)
        assert (first.due_at, second.due_at) == (NIGHT, MORNING)
        assert (first.expires_at, second.expires_at) == (NIGHT + timedelta(hours=1), MORNING + timedelta(hours=1))
        assert claim(gateway) == [ITALIAN]
        clock.moment = MORNING
        assert claim(gateway) == [FRENCH]

    def test_an_alarm_goes_at_once(self, gateway):
        an_order(gateway, an_account(gateway), [FRENCH], priority=1)
        assert claim(gateway) == [FRENCH]

    def test_the_hour_asked_for_moves_too(self, gateway):
        an_order(gateway, an_account(gateway), [FRENCH], due_at=NIGHT + timedelta(hours=3))
        assert the_message(gateway).due_at == MORNING

    def test_a_retry_does_not_wake_anybody(self, gateway, clock):
        clock.moment = NIGHT - timedelta(hours=2)
        an_order(gateway, an_account(gateway), [FRENCH])
        (outgoing,) = dispatching.claim(gateway, "simulator", 1, shares)
        dispatching.record(gateway, "simulator", [Outcome.failed(outgoing.key, FailureKind.RETRY_LATER)])
        clock.moment = NIGHT
        assert claim(gateway) == []
        message = the_message(gateway)
        assert (message.state, message.due_at, message.attempts) == (State.QUEUED, MORNING, 1)
        assert [(each.outcome, each.detail) for each in attempts(gateway)] == [("retry_later", None), ("returned", "quiet hours")]

    def test_what_is_put_off_is_so_with_its_claim_or_not_at_all(self, gateway, clock, monkeypatch):
        """What was claimed and then lost sight of would be taken for sent, and be unknown."""
        clock.moment = NIGHT - timedelta(hours=2)
        an_order(gateway, an_account(gateway), [ITALIAN, FRENCH])
        clock.moment = NIGHT

        def away(*_: object) -> None:
            raise StorageUnavailable("away")

        with monkeypatch.context() as patch:
            patch.setattr(dispatching, "record", away)
            patch.setattr(dispatch, "end_attempts", away)
            with pytest.raises(StorageUnavailable):
                claim(gateway)
        assert {each.state for each in messages(gateway)} == {State.QUEUED}
        assert attempts(gateway) == []
        assert claim(gateway) == [ITALIAN]

    def test_taken_away_they_hold_nothing_back(self, gateway):
        restraint.remove_quiet_hours(gateway, "FR")
        an_order(gateway, an_account(gateway), [FRENCH])
        assert claim(gateway) == [FRENCH]
        with pytest.raises(NotFound):
            restraint.remove_quiet_hours(gateway, "FR")

    @pytest.mark.parametrize(("region", "start", "end", "zone"), [("XX", 1, 2, "UTC"), ("FR", 5, 5, "UTC"), ("FR", 1, 2, "Paris")])
    def test_refuses_what_makes_no_hours(self, gateway, region, start, end, zone):
        with pytest.raises(InvalidField):
            restraint.set_quiet_hours(gateway, region, start, end, zone)


class TestVelocityCaps:
    def test_what_is_over_it_is_blocked_free_of_charge_and_told_once(self, gateway, clock):
        restraint.add_cap(gateway, Per.NUMBER, "+39", 2, 3600, None)
        account = an_account(gateway, credit=10)
        with capture_logs() as logs:
            for _ in range(4):
                an_order(gateway, account, [ITALIAN, FRENCH])
        assert [each.state for each in messages(gateway) if each.recipient == FRENCH] == [State.QUEUED] * 4
        blocked = [each for each in messages(gateway) if each.state == State.BLOCKED]
        assert [(each.recipient, each.units, each.final_at) for each in blocked] == [(ITALIAN, 0, clock.now())] * 2
        assert blocked[0].failure == "velocity cap for this number: more than 2 in 3600 s"
        assert balance(gateway, account) == 4  # credits: six of eight messages were paid
        reached = [line for line in logs if line["event"] == "velocity_cap_reached"]
        assert len(reached) == 1 and ITALIAN not in repr(reached)
        clock.forward(hours=1)
        later = an_order(gateway, account, [ITALIAN])
        assert [each.state for each in messages(gateway) if each.order_id == later.id] == [State.QUEUED]

    def test_a_prefix_is_counted_as_a_whole_and_within_one_order(self, gateway):
        restraint.add_cap(gateway, Per.PREFIX, "3934", 3, 60, None)
        an_order(gateway, an_account(gateway), [*recipients(5), FRENCH])
        assert [each.state for each in messages(gateway)] == [State.QUEUED] * 3 + [State.BLOCKED] * 2 + [State.QUEUED]

    def test_only_the_account_it_is_for(self, gateway):
        capped, free = an_account(gateway), an_account(gateway)
        restraint.add_cap(gateway, Per.NUMBER, "", 0, 60, capped.name)
        an_order(gateway, capped)
        an_order(gateway, free)
        assert {each.account_id: each.state for each in messages(gateway)} == {capped.id: State.BLOCKED, free.id: State.QUEUED}

    def test_no_concurrency_lets_more_through(self, app, gateway):
        restraint.add_cap(gateway, Per.NUMBER, "", 7, 3600, None)
        account = an_account(gateway)

        def send(_: int) -> None:
            with app.app_context():
                an_order(gateway, account)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, range(20)))
        assert sorted(each.state for each in messages(gateway)) == [State.BLOCKED] * 13 + [State.QUEUED] * 7

    def test_old_counts_are_forgotten(self, gateway, clock):
        cap = restraint.add_cap(gateway, Per.NUMBER, "", 7, 60, None)
        an_order(gateway, an_account(gateway))
        clock.forward(days=8)
        sweeping.forget(gateway)
        with gateway.reading() as session:
            assert session.query(VelocityUse).count() == 0
        restraint.remove_cap(gateway, cap)
        assert restraint.rules(gateway).caps == []
        with pytest.raises(NotFound):
            restraint.remove_cap(gateway, cap)

    def test_counts_do_not_outlive_their_windows_however_many(self, gateway, clock, monkeypatch):
        monkeypatch.setattr(sweeping, "BATCH", 2)
        restraint.add_cap(gateway, Per.NUMBER, "", 7, 60, None)
        account = an_account(gateway)
        an_order(gateway, account, recipients(5))
        clock.forward(seconds=90)
        an_order(gateway, account, recipients(1))
        sweeping.forget(gateway)
        with gateway.reading() as session:
            assert session.query(VelocityUse).count() == 6
        clock.forward(seconds=60)
        sweeping.forget(gateway)
        with gateway.reading() as session:
            assert session.query(VelocityUse).count() == 1

    @pytest.mark.parametrize(("prefix", "most", "seconds"), [("x", 1, 1), ("1" * 16, 1, 1), ("", -1, 1), ("", 1, 0), ("", 1, 700_000)])
    def test_refuses_what_makes_no_cap(self, gateway, prefix, most, seconds):
        with pytest.raises(InvalidField):
            restraint.add_cap(gateway, Per.NUMBER, prefix, most, seconds, None)


class TestSpeedOfAnAccount:
    @pytest.fixture
    def account(self, gateway: Gateway):
        account = an_account(gateway)
        restraint.set_rate(gateway, account.name, 10)
        return account

    def test_parts_come_due_one_after_the_other_across_orders(self, gateway, clock, account):
        start = clock.now()
        an_order(gateway, account, recipients(2), "x" * 200, validity=timedelta(hours=1))
        an_order(gateway, account, recipients(1))
        found = sorted(messages(gateway), key=lambda each: each.due_at)
        assert [each.due_at - start for each in found] == [timedelta(0), timedelta(seconds=0.2), timedelta(seconds=0.4)]
        assert found[1].expires_at == start + timedelta(hours=1, seconds=0.2)

    def test_an_alarm_never_waits_but_others_make_room_for_it(self, gateway, clock, account):
        start = clock.now()
        an_order(gateway, account, recipients(10))
        an_order(gateway, account, recipients(10, 100), priority=1)
        an_order(gateway, account, recipients(1, 200))
        by_number = {each.recipient: each.due_at - start for each in messages(gateway)}
        assert {by_number[number] for number in recipients(10, 100)} == {timedelta(0)}
        assert by_number[recipients(1, 200)[0]] == timedelta(seconds=2)

    def test_an_order_for_later_is_spread_from_its_hour(self, gateway, clock, account):
        hour = clock.now() + timedelta(hours=1)
        an_order(gateway, account, recipients(3), due_at=hour)
        an_order(gateway, account, recipients(1, 50))
        by_number = {each.recipient: each.due_at for each in messages(gateway)}
        assert [by_number[number] for number in recipients(3)] == [hour + timedelta(seconds=each / 10) for each in range(3)]
        assert by_number[recipients(1, 50)[0]] == clock.now()

    def test_idle_time_is_not_saved_up(self, gateway, clock, account):
        an_order(gateway, account, recipients(1))
        clock.forward(hours=1)
        an_order(gateway, account, recipients(2, 10))
        assert [each.due_at - clock.now() for each in messages(gateway)][1:] == [timedelta(0), timedelta(seconds=0.1)]

    def test_two_orders_at_once_never_share_a_time(self, app, gateway, account):
        def send(start: int) -> None:
            with app.app_context():
                an_order(gateway, account, recipients(5, start))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, range(0, 400, 100)))
        dues = [each.due_at for each in messages(gateway)]
        assert len(set(dues)) == 20

    def test_taken_away(self, gateway, clock, account):
        an_order(gateway, account, recipients(50))
        restraint.set_rate(gateway, account.name, 0)
        later = an_order(gateway, account, recipients(2, 100))
        assert {each.due_at for each in messages(gateway) if each.order_id == later.id} == {clock.now()}
        with pytest.raises(InvalidField):
            restraint.set_rate(gateway, account.name, -1)


class TestLaneOfAUser:
    def test_an_alarm_is_whatever_its_user_sends(self, gateway, clock):
        restraint.set_quiet_hours(gateway, "fr", 21 * 60, 8 * 60, "Europe/Paris")
        clock.moment = NIGHT
        account = an_account(gateway)
        an_order(gateway, account, [FRENCH], priority=None, terms=Terms(lane=1))
        an_order(gateway, account, [FRENCH], priority=3, terms=Terms(lane=1))
        an_order(gateway, account, [FRENCH], priority=None)
        assert sorted((each.priority, each.due_at) for each in messages(gateway)) == [(1, NIGHT), (2, MORNING), (3, MORNING)]
