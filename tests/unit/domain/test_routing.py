"""Rules, and the one decision about a message's way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.routing import (
    FIRST_CHOICE,
    LEAST_SCORE,
    MOVABLE,
    USUAL_FAILOVER,
    Costs,
    Decision,
    Reason,
    Routing,
    Rule,
    Strategy,
    Target,
    Traffic,
    WayOut,
    choose,
    decide,
)
from gateway.domain.sending import FailureKind

ITALY, FRANCE = "+393471234567", "+33612345678"


def traffic(recipient: str = ITALY, dialect: str = "smsend", originator: str | None = "ACME") -> Traffic:
    return Traffic(dialect, 7, "high", recipient, originator)


def ways(*names: str, **others: WayOut) -> dict[str, WayOut]:
    return {name: WayOut(name) for name in names} | others


def a_rule(*targets: tuple[str, int], name: str = "rule", rank: int = 10, **more: object) -> Rule:
    return Rule(name=name, rank=rank, targets=tuple(Target(*each) for each in targets), **more)  # type: ignore[arg-type]


def reasons(decision: Decision) -> dict[tuple[str | None, str | None], Reason]:
    return {(each.rule, each.connector): each.reason for each in decision.lost}


class TestCriteria:
    @pytest.mark.parametrize(
        ("criterion", "matches"),
        [
            ({"dialects": frozenset({"bulk", "smsend"})}, True),
            ({"dialects": frozenset({"bulk"})}, False),
            ({"account_id": 7}, True),
            ({"account_id": 8}, False),
            ({"message_types": frozenset({"high"})}, True),
            ({"message_types": frozenset({"low"})}, False),
            ({"prefixes": frozenset({"33", "393"})}, True),
            ({"prefixes": frozenset({"33", "3"})}, True),
            ({"prefixes": frozenset({"33", "47"})}, False),
            ({"originators": frozenset({"ACME"})}, True),
            ({"originators": frozenset({"acme"})}, False),
            ({"is_enabled": False}, False),
            ({"dialects": frozenset({"smsend"}), "account_id": 8}, False),
        ],
    )
    def test_all_that_are_given_must_match(self, criterion, matches):
        found = decide([a_rule(("a", 1), **criterion)], ways("a", "usual"), traffic(), 0.5, (), "usual")
        assert (found.connector, found.rule) == (("a", "rule") if matches else ("usual", None))

    def test_a_sender_left_to_the_carrier_is_no_sender(self):
        rule = a_rule(("a", 1), originators=frozenset({"ACME"}))
        assert decide([rule], ways("a", "b"), traffic(originator=None), 0.0, (), "b").connector == "b"

    def test_the_reason_names_the_criterion(self):
        (lost,) = decide([a_rule(("a", 1), dialects=frozenset({"bulk"}))], ways("b"), traffic(), 0.0, (), "b").lost
        assert (lost.reason, lost.detail) == (Reason.NO_MATCH, "the dialect is smsend, it takes bulk")


class TestRanks:
    def test_the_lowest_rank_with_a_usable_target_wins(self):
        rules = [a_rule(("c", 1), name="late", rank=30), a_rule(("a", 1), name="first", rank=1), a_rule(("b", 1), name="second", rank=2)]
        found = decide(rules, ways("b", "c", a=WayOut("a", is_connected=False)), traffic(), 0.0)
        assert (found.connector, found.rule, found.is_waiting) == ("b", "second", False)
        assert reasons(found) == {
            ("first", "a"): Reason.NOT_CONNECTED, ("late", None): Reason.OUTRANKED, (None, "c"): Reason.NOT_NAMED,
        }  # fmt: skip

    def test_where_nothing_is_connected_the_first_rule_keeps_it_waiting(self):
        away = {name: WayOut(name, is_connected=False) for name in "abc"} | {"off": WayOut("off", is_enabled=False)}
        rules = [
            a_rule(("off", 1), name="zero", rank=0),
            a_rule(("a", 1), ("b", 0), name="one", rank=1),
            a_rule(("c", 1), name="two", rank=2),
        ]
        found = decide(rules, away, traffic(), 0.99)
        assert (found.connector, found.rule, found.is_waiting) == ("a", "one", True)
        assert reasons(found)[("zero", "off")] == Reason.SWITCHED_OFF
        assert ("one", "a") not in reasons(found)

    def test_a_rule_without_failover_is_the_last_word(self):
        rules = [a_rule(("a", 1), name="only", rank=1, failover=frozenset()), a_rule(("b", 1), name="any", rank=2)]
        away = ways("b", a=WayOut("a", is_connected=False))
        found = decide(rules, away, traffic(), 0.0)
        assert (found.connector, found.rule, found.is_waiting) == ("a", "only", True)
        off = decide(rules, ways("b", "usual", a=WayOut("a", is_enabled=False)), traffic(), 0.0, (), "usual")
        assert (off.connector, off.rule) == (None, None)
        assert reasons(off)[("any", None)] == Reason.OUTRANKED

    def test_the_default_is_for_what_no_rule_matches(self):
        rules = [a_rule(("a", 1), prefixes=frozenset({"33"}))]
        assert decide(rules, ways("a", "usual"), traffic(), 0.0, (), "usual").connector == "usual"
        off = ways("usual", a=WayOut("a", is_enabled=False))
        assert decide(rules, off, traffic(FRANCE), 0.0, (), "usual").connector is None


class TestWeights:
    def test_health_bends_the_shares_and_leaves_the_worst_a_few_percent(self):
        rule = a_rule(("a", 3), ("b", 1))
        assert choose([rule], ways("a", "b"), traffic()).shares == (("a", 0.75), ("b", 0.25))
        ill = choose([rule], ways("b", a=WayOut("a", score=0)), traffic()).shares
        assert dict(ill)["a"] == pytest.approx(3 * LEAST_SCORE / (3 * LEAST_SCORE + 100))

    def test_a_spare_waits_for_the_others_to_fail(self):
        rule = a_rule(("a", 1), ("b", 0), ("c", 0))
        found = decide([rule], ways("a", "b", "c"), traffic(), 0.999)
        assert (found.connector, reasons(found)) == ("a", {("rule", "b"): Reason.SPARE, ("rule", "c"): Reason.SPARE})
        assert decide([rule], ways("a", "b", "c"), traffic(), 0.999, ["a"]).connector == "b"
        assert decide([rule], ways("a", "b", "c"), traffic(), 0.999, ["a", "b"]).connector == "c"

    @given(st.lists(st.integers(1, 100), min_size=2, max_size=5), st.lists(st.integers(0, 100), min_size=5, max_size=5))
    def test_draws_all_over_give_the_shares(self, weights, scores):
        names = "abcde"[: len(weights)]
        out = {name: WayOut(name, score=score) for name, score in zip(names, scores, strict=False)}
        rule = a_rule(*zip(names, weights, strict=True))
        choice = choose([rule], out, traffic())
        draws = [number / 2000 for number in range(2000)]
        picked = [choice.pick(draw) for draw in draws]
        earned = {name: weight * max(out[name].score, LEAST_SCORE) for name, weight in zip(names, weights, strict=True)}
        for name in names:
            assert picked.count(name) / 2000 == pytest.approx(earned[name] / sum(earned.values()), abs=0.002)


class TestCheapest:
    def test_the_lowest_price_wins_and_the_words_tell_both(self):
        rule = a_rule(("a", 9), ("b", 1), ("c", 5), strategy=Strategy.CHEAPEST)
        out = {"a": WayOut("a", cost=45), "b": WayOut("b", cost=30), "c": WayOut("c")}
        found = decide([rule], out, traffic(), 0.0)
        assert found.connector == "b"
        assert {(each.connector, each.reason, each.detail) for each in found.lost} == {
            ("a", Reason.DEARER, "it takes 0.045 a part, b 0.03"),
            ("c", Reason.DEARER, "no price is set for it to this number"),
        }

    def test_of_equal_prices_the_weight_decides(self):
        rule = a_rule(("a", 1), ("b", 2), strategy=Strategy.CHEAPEST)
        found = decide([rule], {"a": WayOut("a", cost=3), "b": WayOut("b", cost=3)}, traffic(), 0.0)
        assert (found.connector, reasons(found)) == ("b", {("rule", "a"): Reason.LIGHTER})

    def test_the_longest_prefix_is_the_price(self):
        costs = Costs({"a": {"": 9, "39": 5, "39347": 0}, "b": {"33": 1}})
        assert [costs.find("a", to) for to in (ITALY, "+393331234567", FRANCE)] == [0, 5, 9]
        assert (costs.find("b", FRANCE), costs.find("b", ITALY), costs.find("c", ITALY)) == (1, None, None)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Routing, list[Rule], dict[str, dict[str, int]], Traffic, float, set[str]]:
    """Some rules over four connectors in any condition, and a message."""
    names = ["a", "b", "c", "d"]
    prefixes = st.sampled_from(["3", "39", "393", "393471", "33", "336", "4"])
    out = [WayOut(name, draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 100))) for name in names]
    rules = [
        Rule(
            name=f"rule{number}",
            rank=draw(st.integers(0, 3)),
            targets=tuple(
                Target(name, draw(st.integers(0, 3))) for name in draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
            ),
            strategy=draw(st.sampled_from(Strategy)),
            prefixes=draw(st.none() | st.frozensets(prefixes, min_size=1)),
            dialects=draw(st.none() | st.just(frozenset({"smsend"}))),
            failover=draw(st.sampled_from([USUAL_FAILOVER, MOVABLE, frozenset()])),
            is_enabled=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    costs = {name: draw(st.dictionaries(prefixes | st.just(""), st.integers(0, 3), max_size=3)) for name in names}
    message = Traffic(
        draw(st.sampled_from(["smsend", "bulk"])), 1, "high", draw(st.sampled_from([ITALY, FRANCE, "+4912345678", "+393331"]))
    )
    chance = draw(st.floats(0, 1, exclude_max=True))
    return (
        Routing(rules, out, Costs(costs), draw(st.sampled_from(names))),
        rules,
        costs,
        message,
        chance,
        draw(st.sets(st.sampled_from(names))),
    )


class TestProperties:
    @given(situations())
    def test_what_is_off_or_tried_never_wins(self, situation):
        routing, _, _, message, chance, excluded = situation
        found = routing.decide(message, chance, excluded)
        if found.connector is not None:
            way = routing.ways(message.recipient)[found.connector]
            assert way.is_enabled
            assert way.is_connected is not found.is_waiting
            assert found.connector not in excluded

    @given(situations())
    def test_a_dry_run_says_what_is_done(self, situation):
        routing, _, _, message, chance, _ = situation
        for _ in range(2):  # worked out, and kept
            choice = routing.choose(message)
            found = routing.decide(message, chance)
            assert (choice.pick(chance), choice.rule, choice.is_waiting) == (found.connector, found.rule, found.is_waiting)

    @given(situations())
    def test_what_is_kept_for_a_prefix_holds_for_every_number_of_it(self, situation):
        routing, rules, costs, message, chance, _ = situation
        routing.choose(message)
        for last in "0123456789":
            other = Traffic(message.dialect, message.account_id, message.message_type, message.recipient + last)
            fresh = Routing(rules, list(routing.ways(message.recipient).values()), Costs(costs), routing.default)
            assert routing.choose(other).pick(chance) == fresh.decide(other, chance).connector

    @given(situations())
    def test_every_rule_and_connector_is_accounted_for(self, situation):
        routing, rules, _, message, chance, excluded = situation
        found = routing.decide(message, chance, excluded)
        told = {each.rule for each in found.lost} | {found.rule}
        assert {rule.name for rule in rules} <= told
        spoken_of = {each.connector for each in found.lost} | {found.connector} | excluded
        assert set("abcd") <= spoken_of
        assert (found.rule, found.connector) not in reasons(found)

    @given(situations(), st.sampled_from([None, FIRST_CHOICE, "rule0", "gone"]))
    def test_a_message_goes_on_only_to_where_it_gets_on(self, situation, route):
        routing, rules, _, message, chance, excluded = situation
        onward = routing.onward(message, route, chance, excluded)
        stays = {rule.name for rule in rules if not rule.failover}
        assert FailureKind.UNKNOWN not in routing.failover(route)
        if onward is None:
            return
        assert route not in stays
        assert onward.connector not in excluded
        assert routing.ways(message.recipient)[str(onward.connector)].is_usable
        assert onward.rule is not None or route == FIRST_CHOICE


@pytest.mark.parametrize("draw", [-0.1, 1.0, float("nan")])
def test_a_draw_is_a_share_of_one(draw):
    with pytest.raises(ValueError):
        decide([a_rule(("a", 1))], ways("a"), traffic(), draw)
