"""Numbers an account sends from, on both databases: finding, rhythm, keeping."""

from __future__ import annotations

from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.errors import InvalidField
from gateway.domain.pace import Pace, Window
from gateway.services import phones
from gateway.services.phones import PhoneChange
from gateway.storage.tables import Account, SendSchedule
from tests.support.builders import an_account

NUMBER = "+18005550199"
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def acme(gateway) -> Account:
    return an_account(gateway, "acme", credit=0)


def a_phone(gateway, account: str = "acme", number: str = NUMBER, **change: Any) -> phones.Phone:
    return phones.add(gateway, account, number, PhoneChange(**change))


def office_hours(gateway, account: Account, zone: str = "America/New_York") -> SendSchedule:
    """A stored send schedule: Monday from nine to five."""
    now = gateway.clock.now()
    windows = [{"day": 1, "start_minute": 540, "end_minute": 1020}]
    with gateway.writing() as session:
        row = SendSchedule(id=uuid4(), account_id=account.id, name="office", zone=zone, windows=windows, created_at=now, updated_at=now)
        session.add(row)
        session.flush()
        session.expunge(row)
    return row


def the_pace(gateway, account: Account) -> Pace:
    """The rhythm of the account's only number."""
    found = phones.find(gateway, account.id, NUMBER)
    assert found is not None
    pace = phones.pace_of(gateway, found)
    assert pace is not None
    return pace


class TestFinding:
    def test_a_number_is_found_with_what_a_send_needs(self, gateway, acme):
        made = a_phone(gateway, sim="SIM2", connector="simulator")
        found = phones.find(gateway, acme.id, NUMBER)
        assert found == phones.PhoneFound(made.id, NUMBER, "SIM2", 10, 2, 600, "simulator", None, ())

    def test_only_the_account_s_own_and_exactly_this_number(self, gateway, acme):
        stranger = an_account(gateway, "stranger", credit=0)
        a_phone(gateway)
        assert phones.find(gateway, stranger.id, NUMBER) is None
        assert phones.find(gateway, acme.id, NUMBER[1:]) is None
        assert phones.find(gateway, acme.id, "\x00") is None

    def test_a_number_taken_away_is_not_found_the_moment_after(self, gateway, acme):
        made = a_phone(gateway)
        assert phones.find(gateway, acme.id, NUMBER)
        phones.delete(gateway, acme.id, made.id)
        assert phones.find(gateway, acme.id, NUMBER) is None


class TestRhythm:
    @pytest.mark.parametrize(("per_minute", "seconds"), [(10, 6), (7, 8), (60, 1), (1, 60)])
    @sqlite_only
    def test_so_many_a_minute_makes_a_distance(self, gateway, acme, per_minute, seconds):
        made = a_phone(gateway, messages_per_minute=per_minute)
        pace = the_pace(gateway, acme)
        assert (pace.phone_id, pace.interval_seconds, pace.windows) == (made.id, seconds, ())

    @sqlite_only
    def test_no_limit_and_no_hours_is_no_rhythm(self, gateway, acme):
        a_phone(gateway, messages_per_minute=0)
        found = phones.find(gateway, acme.id, NUMBER)
        assert found is not None
        assert phones.pace_of(gateway, found) is None

    def test_hours_come_with_their_zone(self, gateway, acme):
        a_phone(gateway, messages_per_minute=0, schedule_id=office_hours(gateway, acme).id)
        pace = the_pace(gateway, acme)
        assert (pace.interval_seconds, pace.windows, pace.zone) == (0, (Window(1, 540, 1020),), ZoneInfo("America/New_York"))

    @sqlite_only
    def test_a_zone_that_vanished_is_the_gateway_s(self, gateway, acme):
        a_phone(gateway, schedule_id=office_hours(gateway, acme, "Atlantis/Poseidonis").id)
        pace = the_pace(gateway, acme)
        assert pace.zone == gateway.settings.default_zone


class TestKeeping:
    def test_a_change_leaves_alone_what_it_does_not_name(self, gateway, acme, clock):
        first = a_phone(gateway, messages_per_minute=5, push_token="t", missed_call_auto_reply="later")
        clock.forward(minutes=1)
        second = a_phone(gateway, missed_call_auto_reply="", max_send_attempts=3)
        assert (second.id, second.created_at, second.updated_at) == (first.id, first.created_at, clock.now())
        assert (second.messages_per_minute, second.push_token, second.missed_call_auto_reply, second.max_send_attempts) == (5, "t", None, 3)

    @sqlite_only
    def test_another_account_s_hours_cannot_be_kept(self, gateway, acme):
        stranger = an_account(gateway, "stranger", credit=0)
        theirs = office_hours(gateway, stranger)
        with pytest.raises(InvalidField, match="message_send_schedule_id"):
            a_phone(gateway, schedule_id=theirs.id)

    @pytest.mark.parametrize(
        ("written", "number"),
        [
            ("+1 800 555 0199", NUMBER), ("18005550199", NUMBER), (" +18005550199 ", NUMBER), ("0018005550199", NUMBER), ("+491", None),
            ("5550199", None), ("acme", None), ("", None), ("١٨٠٠٥٥٥٠١٩٩", None), ("+" + "9" * 16, None),
        ],
    )  # fmt: skip
    def test_the_owner_rule(self, written, number):
        if number is None:
            with pytest.raises(InvalidField):
                phones.owner_number(written)
        else:
            assert phones.owner_number(written) == number
