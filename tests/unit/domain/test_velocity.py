"""What a velocity cap covers, and which messages are over it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.domain.message import State
from gateway.domain.smsend_words import word
from gateway.domain.velocity import Per, VelocityRule, over_cap


def a_rule(per: Per = Per.NUMBER, prefix: str = "39", most: int = 3, account_id: int | None = None) -> VelocityRule:
    return VelocityRule(7, account_id, per, prefix, most, 3600)


@pytest.mark.parametrize(
    ("rule", "recipient", "covered"),
    [
        (a_rule(), "+393471234567", True),
        (a_rule(), "+49170", False),
        (a_rule(prefix=""), "+49170", True),
        (a_rule(account_id=1), "+39340", True),
        (a_rule(account_id=2), "+39340", False),
    ],
)
def test_whom_it_covers(rule: VelocityRule, recipient: str, covered: bool) -> None:
    assert rule.covers(1, recipient) == covered


def test_numbers_are_counted_apart_and_prefixes_together() -> None:
    assert a_rule().scope("+39340") != a_rule().scope("+39341")
    assert a_rule(Per.PREFIX).scope("+39340") == a_rule(Per.PREFIX).scope("+39341")


@pytest.mark.parametrize(
    ("new", "count_after", "over"),
    [([0, 1], 2, []), ([0, 1], 3, []), ([0, 1], 4, [1]), ([4, 9], 9, [4, 9]), ([0, 1, 2, 3], 4, [3])],
)
def test_the_last_ones_are_over(new: list[int], count_after: int, over: list[int]) -> None:
    assert list(over_cap(a_rule(most=3), new, count_after)) == over


def test_windows_begin_at_whole_multiples() -> None:
    assert a_rule().window_start(datetime(2026, 5, 4, 10, 59, 59, tzinfo=UTC)) == datetime(2026, 5, 4, 10, tzinfo=UTC)


def test_no_number_stands_in_the_words() -> None:
    assert "39340" not in a_rule().words and "for this number" in a_rule().words


@pytest.mark.parametrize(("per", "said"), [(Per.NUMBER, "TOOM4NUM"), (Per.PREFIX, "TOOM4USER")])
def test_smsend_has_words_of_its_own_for_them(per: Per, said: str) -> None:
    assert word(State.BLOCKED, True, a_rule(per).words) == said
    assert word(State.BLOCKED, True, "opted out") == word(State.BLOCKED, True) == "BLACKLISTED"
