"""Telephones that fetch their work: what they get, what they say, and that nothing goes out twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.handset import DAY, MINUTE, Report, Stage, Terms, Windows, key_of, name_of
from gateway.domain.message import State
from gateway.domain.sending import FailureKind
from gateway.services import handset_work as work
from gateway.services import restraint
from gateway.services.sweeping import sweep
from tests.support import builders
from tests.support.builders import an_account, an_order, attempts, messages, set_connector, the_message

PHONE = "simulator"  # the connector that orders go to by themselves; its kind does not matter here
TERMS = Terms()
LONG = "a" * 400  # three parts


@pytest.fixture
def account(gateway):
    set_connector(gateway, refund_policy="unsent")
    return an_account(gateway)


def fetched(gateway, terms=TERMS, **more):
    return work.fetch(gateway, PHONE, terms, **more)


def said(gateway, offer, stage, **more):
    return work.report(gateway, PHONE, [Report(offer.outgoing.key, stage, gateway.clock.now(), **more)])


def state(gateway):
    return State(the_message(gateway).state)


def test_a_message_is_shown_until_its_outcome_is_known(gateway, account, clock):
    an_order(gateway, account)
    (offer,) = fetched(gateway)
    assert (offer.outgoing.text, offer.outgoing.recipient) == ("Good morning", builders.RECIPIENT)
    assert offer.valid_until == clock.now() + TERMS.validity
    assert state(gateway) is State.SENDING
    clock.forward(hours=1)
    (again,) = fetched(gateway)
    assert again == offer
    said(gateway, offer, Stage.TAKEN)
    (taken,) = fetched(gateway)
    assert taken.is_taken and taken.name == offer.name
    said(gateway, offer, Stage.SENT)
    assert state(gateway) is State.SENT
    assert fetched(gateway) == []
    said(gateway, offer, Stage.DELIVERED)
    assert state(gateway) is State.DELIVERED
    (attempt,) = attempts(gateway)
    assert (attempt.outcome, attempt.smsc_message_id) == ("accepted", offer.name)


def test_repeats_gaps_and_disorder_are_harmless(gateway, account):
    an_order(gateway, account)
    (offer,) = fetched(gateway)
    for stage in (Stage.DELIVERED, Stage.SENT, Stage.TAKEN, Stage.DELIVERED):
        assert said(gateway, offer, stage) == 1
    said(gateway, offer, Stage.FAILED, failure=FailureKind.FINAL)
    assert state(gateway) is State.DELIVERED
    assert builders.balance(gateway, account) < 1000


def test_reports_of_strangers_change_nothing(gateway, account):
    an_order(gateway, account)
    (offer,) = fetched(gateway)
    report = Report(offer.outgoing.key, Stage.DELIVERED, gateway.clock.now())
    assert work.report(gateway, "another", [report]) == 0
    unknown = Report(offer.outgoing.key._replace(number=9), Stage.DELIVERED, gateway.clock.now())
    assert work.report(gateway, PHONE, [unknown]) == 0
    assert state(gateway) is State.SENDING


def test_a_message_that_is_tried_again_has_another_name(gateway, account, clock):
    an_order(gateway, account)
    (first,) = fetched(gateway)
    said(gateway, first, Stage.FAILED, failure=FailureKind.RETRY_LATER, code="NO_SERVICE")
    assert state(gateway) is State.QUEUED
    clock.forward(hours=1)
    (second,) = fetched(gateway)
    assert second.name != first.name
    said(gateway, first, Stage.DELIVERED)  # late, of a try that is over
    assert state(gateway) is State.SENDING
    said(gateway, second, Stage.SENT)
    assert state(gateway) is State.SENT


def test_of_several_parts_a_failure_leaves_the_outcome_unknown_and_a_late_success_settles_it(gateway, account):
    an_order(gateway, account, text=LONG)
    (offer,) = fetched(gateway)
    said(gateway, offer, Stage.FAILED, failure=FailureKind.RETRY_LATER, code="NO_SERVICE")
    assert state(gateway) is State.UNKNOWN
    said(gateway, offer, Stage.SENT)
    assert state(gateway) is State.SENT


def test_silence_makes_it_unknown_and_the_telephone_is_asked(gateway, account, clock):
    an_order(gateway, account)
    (offer,) = fetched(gateway, Terms(validity=timedelta(hours=2)))
    clock.forward(hours=2, minutes=10)
    sweep(gateway)
    assert state(gateway) is State.SENDING
    clock.forward(minutes=10)
    sweep(gateway)
    assert state(gateway) is State.UNKNOWN
    assert fetched(gateway) == []
    (asked,) = fetched(gateway, ask=True)
    assert asked.is_asked and asked.name == offer.name and asked.valid_until.year == 2000
    said(gateway, asked, Stage.FAILED, failure=FailureKind.RETRY_LATER, code="TTL", is_whole=True)
    assert state(gateway) is State.QUEUED


def test_its_own_validity_bounds_the_try(gateway, account, clock):
    an_order(gateway, account, validity=timedelta(minutes=30))
    (offer,) = fetched(gateway)
    assert offer.valid_until == clock.now() + timedelta(minutes=30)
    clock.forward(minutes=31)
    said(gateway, offer, Stage.FAILED, failure=FailureKind.RETRY_LATER, code="TTL", is_whole=True)
    sweep(gateway)
    assert state(gateway) is State.EXPIRED
    assert builders.balance(gateway, account) == 1000


def test_a_telephone_holds_so_many_and_no_more(gateway, account):
    an_order(gateway, account, builders.recipients(5), priority=3)
    an_order(gateway, account, builders.recipients(2, start=10), priority=1)
    first = fetched(gateway, Terms(most=3))
    assert [offer.priority for offer in first] == [1, 3, 1] or sorted(offer.priority for offer in first) == [1, 1, 3]
    assert len(fetched(gateway, Terms(most=3))) == 3
    work.report(gateway, PHONE, [Report(offer.outgoing.key, Stage.SENT, gateway.clock.now()) for offer in first])
    assert len(fetched(gateway, Terms(most=3))) == 3
    assert len(attempts(gateway)) == 6


def test_nobody_is_woken_by_what_waited_for_a_telephone(gateway, account, clock):
    evening = datetime(2026, 5, 4, 20, tzinfo=ZoneInfo("Europe/Paris"))
    clock.moment = evening
    an_order(gateway, account, ["+33612345678"])
    restraint.set_quiet_hours(gateway, "FR", 21 * 60, 8 * 60, "Europe/Paris")
    clock.moment = evening + timedelta(hours=2)
    assert fetched(gateway) == []
    message = the_message(gateway)
    assert (state(gateway), message.due_at, message.attempts) == (State.QUEUED, evening + timedelta(hours=12), 0)
    clock.moment = evening + timedelta(hours=12)
    assert len(fetched(gateway)) == 1


def test_cipher_text_for_another_program_fails_with_words(gateway, account):
    an_order(gateway, account, is_encrypted=True)
    assert fetched(gateway) == []
    message = the_message(gateway)
    assert message.state == State.FAILED
    assert work.ENCRYPTED in (message.failure or "")
    an_order(gateway, account, is_encrypted=True)
    assert len(fetched(gateway, Terms(takes_encrypted=True))) == 1


def test_names_are_those_of_one_try(gateway, account):
    an_order(gateway, account, builders.recipients(3))
    keys = [offer.outgoing.key for offer in fetched(gateway)]
    names = [name_of(key) for key in keys]
    assert len({*names}) == 3
    assert all(len(name) == 36 for name in names)
    assert [key_of(name) for name in names] == keys
    assert [message.smsc_message_id for message in messages(gateway)] == names
    for stranger in ("", "x", "ä" * 36, "!" * 36, "0197cf3e-0000-7000-8000-00000000000"):
        assert key_of(stranger) is None


@pytest.mark.parametrize(
    ("given", "then", "room", "admits_two"),
    [([], 0, 3, True), ([3], 0, 0, False), ([2], 0, 1, False), ([3], MINUTE, 3, True), ([3, 3], MINUTE, 1, False), ([9], 0, 0, False)],
)
def test_windows_begin_with_their_first_part(clock, given, then, room, admits_two):
    caps = {MINUTE: 3, DAY: 7}
    kept: dict[str, list[object]] = {}
    for index, parts in enumerate(given):
        clock.forward(seconds=MINUTE if index else 0)
        windows = Windows(caps, kept, clock.now())
        windows.take(parts)
        kept = windows.stored()
    windows = Windows(caps, kept, clock.forward(seconds=then))
    assert (windows.room(), windows.admits(2)) == (room, admits_two)
