"""Which way a message goes: the operator's rules, and the one decision that a dry run and the real thing share.

Rules are looked at by rank. The first that matches and has a usable target decides; among its targets either chance, by weight and
health, or the carrier's price. Where no rule matches, the message takes the default connector. A matching rule without failover is the
last word: its traffic goes there or waits there, and never elsewhere. Where no target is usable, the first matching rule with one that
is switched on keeps the message waiting for it. A connector that is switched off never wins.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.credit import format_credits
from gateway.domain.sending import FailureKind

LEAST_SCORE = 5
"""A connector that does badly keeps this many hundredths of its weight, so that it gets the traffic to earn the rest back."""
MOVABLE = frozenset(FailureKind) - {FailureKind.UNKNOWN}
"""The failures after which another connector may be tried. What may have arrived is never sent elsewhere."""
USUAL_FAILOVER = frozenset({FailureKind.RETRY_LATER, FailureKind.MISCONFIGURED, FailureKind.THROTTLED})
FIRST_CHOICE = "(first choice)"
"""Stands for a rule on messages whose caller chose the connector and lets it be left. No rule can have this name."""
MOST_KEPT = 10_000


class Strategy(enum.StrEnum):
    """How a rule chooses among its usable targets."""

    WEIGHTED = "weighted"
    CHEAPEST = "cheapest"


class Reason(enum.StrEnum):
    """Why a rule or a connector did not win."""

    RULE_OFF = "rule_off"
    NO_MATCH = "no_match"
    OUTRANKED = "outranked"
    MISSING = "missing"
    SWITCHED_OFF = "switched_off"
    NOT_CONNECTED = "not_connected"
    TRIED = "tried"
    SPARE = "spare"
    DEARER = "dearer"
    LIGHTER = "lighter"
    DRAW = "draw"
    NOT_NAMED = "not_named"


@dataclass(frozen=True, slots=True)
class Target:
    """One connector of a rule. ``weight`` 0: a spare, used only where no target with a weight is usable."""

    connector: str
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Traffic that matches every criterion given (None: any) goes to one of ``targets``.

    ``prefixes`` are digits without plus. ``failover``: the failures after which another way is tried; none: here or nowhere.
    """

    name: str
    rank: int
    targets: tuple[Target, ...]
    strategy: Strategy = Strategy.WEIGHTED
    dialects: frozenset[str] | None = None
    account_id: int | None = None
    message_types: frozenset[str] | None = None
    prefixes: frozenset[str] | None = None
    originators: frozenset[str] | None = None
    failover: frozenset[FailureKind] = USUAL_FAILOVER
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the rules ask of a message. ``recipient`` is E.164 with plus; ``originator`` None leaves it to the carrier."""

    dialect: str
    account_id: int
    message_type: str
    recipient: str = field(repr=False)
    originator: str | None = None


@dataclass(frozen=True, slots=True)
class WayOut:
    """A connector as a decision sees it: ``score`` is 0 to 100, ``cost`` units per part to the recipient, None where no price is set."""

    name: str
    is_enabled: bool = True
    is_connected: bool = True
    score: int = 100
    cost: int | None = None

    @property
    def is_usable(self) -> bool:
        return self.is_enabled and self.is_connected


@dataclass(frozen=True, slots=True)
class Lost:
    """A rule (``connector`` None), a rule's target, or a connector without a rule that did not win. ``detail``: why, for the operator."""

    rule: str | None
    connector: str | None
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What is decided before chance speaks: the candidates with their shares of the draw, which add up to 1; none: no way.

    ``rule`` None: the default connector. ``is_waiting``: no target is connected now, so the message waits.
    """

    rule: str | None
    shares: tuple[tuple[str, float], ...]
    is_waiting: bool = False
    lost: tuple[Lost, ...] = ()

    def pick(self, draw: float) -> str | None:
        """The connector that a draw from 0 (inclusive) to 1 (exclusive) falls to."""
        reached = 0.0
        for connector, share in self.shares:
            reached += share
            if draw < reached:
                return connector
        return self.shares[-1][0] if self.shares else None


@dataclass(frozen=True, slots=True)
class Decision:
    """The winner (None: no way) and why everything else lost."""

    connector: str | None
    rule: str | None
    is_waiting: bool
    shares: Mapping[str, float]
    lost: tuple[Lost, ...]


def decide(
    rules: Iterable[Rule],
    ways: Mapping[str, WayOut],
    traffic: Traffic,
    draw: float,
    excluded: Collection[str] = (),
    default: str | None = None,
) -> Decision:
    """The way of one message.

    Args:
        ways: every connector by name, with what it costs to the recipient.
        draw: a random number from 0 (inclusive) to 1 (exclusive).
        excluded: connectors that were tried already.
        default: the connector of traffic that no rule matches.

    Raises:
        ValueError: ``draw`` is out of range.
    """
    return drawn(choose(rules, ways, traffic, excluded, default), draw)


def drawn(choice: Choice, draw: float) -> Decision:
    """The decision that a choice and a draw make. Raises ValueError for a draw out of range."""
    if not 0 <= draw < 1:
        raise ValueError("a draw is at least 0 and below 1")
    winner = choice.pick(draw)
    rest = [
        Lost(choice.rule, name, Reason.DRAW, f"its share is {share:.1%}, and the draw fell to {winner}")
        for name, share in choice.shares
        if name != winner
    ]
    return Decision(winner, choice.rule, choice.is_waiting, dict(choice.shares), (*choice.lost, *rest))


def choose(
    rules: Iterable[Rule], ways: Mapping[str, WayOut], traffic: Traffic, excluded: Collection[str] = (), default: str | None = None
) -> Choice:
    """All of the decision but the draw; see :func:`decide`."""
    ordered = sorted(rules, key=lambda rule: (rule.rank, rule.name))
    lost: list[Lost] = []
    matching = [rule for rule in ordered if _matches(rule, traffic, lost)]
    looked_at = _up_to_last_word(matching)
    best = _first(looked_at, ways, excluded, lost)
    if best is None and not matching and default is not None:
        best = _default(ways, excluded, default, lost)
    found = best or Choice(None, ())
    decided = found.rule or (looked_at[-1].name if looked_at else "")
    lost += [Lost(rule.name, None, Reason.OUTRANKED, f"{decided} decided before it") for rule in _behind(matching, looked_at, found.rule)]
    named = {name for name, _ in found.shares} | {each.connector for each in lost}
    lost += [
        Lost(None, name, Reason.NOT_NAMED, "no rule that was looked at names it")
        for name in ways
        if name not in named and name not in excluded
    ]
    return Choice(found.rule, found.shares, found.is_waiting, tuple(lost))


def _up_to_last_word(matching: Sequence[Rule]) -> Sequence[Rule]:
    """The matching rules up to the first that lets nothing go elsewhere."""
    for number, rule in enumerate(matching, 1):
        if not rule.failover:
            return matching[:number]
    return matching


def _behind(matching: Sequence[Rule], looked_at: Sequence[Rule], winner: str | None) -> Sequence[Rule]:
    """The matching rules that had no say."""
    for number, rule in enumerate(matching, 1):
        if rule.name == winner:
            return matching[number:]
    return matching[len(looked_at) :]


def _first(rules: Sequence[Rule], ways: Mapping[str, WayOut], excluded: Collection[str], lost: list[Lost]) -> Choice | None:
    """The first rule with a usable target decides; without one, the first with a target that is switched on waits for it."""
    waiting: Choice | None = None
    for rule in rules:
        usable, switched_on, refused = _sorted_out(rule, ways, excluded)
        if usable:
            lost += refused
            return _shared(rule, usable, lost, is_waiting=False)
        if waiting is None and switched_on:
            waiting = _shared(rule, switched_on, [], is_waiting=True)
        lost += refused
    if waiting is None:
        return None
    winners = {name for name, _ in waiting.shares}
    lost[:] = [each for each in lost if each.rule != waiting.rule or each.connector not in winners]
    return waiting


Candidate = tuple[Target, WayOut]


def _sorted_out(rule: Rule, ways: Mapping[str, WayOut], excluded: Collection[str]) -> tuple[list[Candidate], list[Candidate], list[Lost]]:
    """A rule's targets that are usable, those that are at least switched on, and why the rest is not usable."""
    usable: list[Candidate] = []
    switched_on: list[Candidate] = []
    lost: list[Lost] = []
    for target in rule.targets:
        way = ways.get(target.connector)
        refusal = _refusal(way, excluded, target.connector)
        if refusal is not None:
            lost.append(Lost(rule.name, target.connector, *refusal))
        if way is not None and (refusal is None or refusal[0] is Reason.NOT_CONNECTED):
            switched_on.append((target, way))
            if refusal is None:
                usable.append((target, way))
    return usable, switched_on, lost


def _refusal(way: WayOut | None, excluded: Collection[str], name: str) -> tuple[Reason, str] | None:
    if way is None:
        return Reason.MISSING, "there is no such connector"
    if name in excluded:
        return Reason.TRIED, "it was tried already"
    if not way.is_enabled:
        return Reason.SWITCHED_OFF, "it is switched off"
    if not way.is_connected:
        return Reason.NOT_CONNECTED, "it is not connected"
    return None


def _default(ways: Mapping[str, WayOut], excluded: Collection[str], default: str, lost: list[Lost]) -> Choice | None:
    refusal = _refusal(ways.get(default), excluded, default)
    if refusal is None or refusal[0] is Reason.NOT_CONNECTED:
        return Choice(None, ((default, 1.0),), is_waiting=refusal is not None)
    lost.append(Lost(None, default, *refusal))
    return None


def _shared(rule: Rule, candidates: Sequence[Candidate], lost: list[Lost], *, is_waiting: bool) -> Choice:
    """The shares of the candidates, spares aside; notes why the others have none."""
    weighed = [each for each in candidates if each[0].weight]
    spares = [each for each in candidates if not each[0].weight]
    if weighed:
        lost += [Lost(rule.name, way.name, Reason.SPARE, "it is a spare, and a target with a weight is usable") for _, way in spares]
    else:
        weighed = spares[:1]
        lost += [Lost(rule.name, way.name, Reason.SPARE, f"it is a spare behind {spares[0][1].name}") for _, way in spares[1:]]
    if rule.strategy is Strategy.CHEAPEST:
        return Choice(rule.name, _cheapest(rule, weighed, lost), is_waiting)
    sizes = [_earned(each) for each in weighed]
    return Choice(rule.name, tuple((way.name, size / sum(sizes)) for (_, way), size in zip(weighed, sizes, strict=True)), is_waiting)


def _earned(candidate: Candidate) -> float:
    """A target's weight as far as its connector's health earns it."""
    target, way = candidate
    return max(target.weight, 1) * max(way.score, LEAST_SCORE) / 100


def _cheapest(rule: Rule, candidates: Sequence[Candidate], lost: list[Lost]) -> tuple[tuple[str, float], ...]:
    ordered = sorted(candidates, key=lambda each: (each[1].cost is None, each[1].cost or 0, -_earned(each)))
    best = ordered[0][1]
    for _, way in ordered[1:]:
        if way.cost == best.cost:
            reason, detail = Reason.LIGHTER, f"it costs what {best.name} costs and weighs no more"
        elif way.cost is None or best.cost is None:
            reason, detail = Reason.DEARER, "no price is set for it to this number"
        else:
            reason, detail = Reason.DEARER, f"it takes {format_credits(way.cost)} a part, {best.name} {format_credits(best.cost)}"
        lost.append(Lost(rule.name, way.name, reason, detail))
    return ((best.name, 1.0),)


def _matches(rule: Rule, traffic: Traffic, lost: list[Lost]) -> bool:
    if not rule.is_enabled:
        lost.append(Lost(rule.name, None, Reason.RULE_OFF, "the rule is switched off"))
        return False
    against = next(_mismatches(rule, traffic), None)
    if against is None:
        return True
    lost.append(Lost(rule.name, None, Reason.NO_MATCH, against))
    return False


def _mismatches(rule: Rule, traffic: Traffic) -> Iterator[str]:
    if rule.dialects is not None and traffic.dialect not in rule.dialects:
        yield f"the dialect is {traffic.dialect}, it takes {_listed(rule.dialects)}"
    if rule.account_id is not None and traffic.account_id != rule.account_id:
        yield "it is for another account"
    if rule.message_types is not None and traffic.message_type not in rule.message_types:
        yield f"the message type is {traffic.message_type}, it takes {_listed(rule.message_types)}"
    if rule.prefixes is not None and not traffic.recipient.removeprefix("+").startswith(tuple(rule.prefixes)):
        yield f"the number begins with none of {_listed(rule.prefixes)}"
    if rule.originators is not None and traffic.originator not in rule.originators:
        yield f"the sender is {traffic.originator or 'left to the carrier'}, it takes {_listed(rule.originators)}"


def _listed(values: Collection[str]) -> str:
    return ", ".join(sorted(values))


class Costs:
    """What connectors' carriers take from us: connector → prefix (digits; "" is everywhere) → units per part."""

    __slots__ = ("_tables",)

    def __init__(self, units: Mapping[str, Mapping[str, int]]) -> None:
        self._tables = units

    def find(self, connector: str, msisdn: str) -> int | None:
        """Units for one part to an E.164 number: the longest prefix counts; None where none is set."""
        table = self._tables.get(connector, {})
        digits = msisdn.removeprefix("+")
        return next((table[digits[:end]] for end in range(len(digits), -1, -1) if digits[:end] in table), None)

    def prefixes(self) -> set[str]:
        """Every prefix that any price is set for."""
        return {prefix for table in self._tables.values() for prefix in table}


class Routing:
    """Everything decisions need, as it stood at one moment. What depends on a number's prefix only is worked out once.

    Args:
        ways: the connectors without their costs, the one of test mode left out.
        default: the connector of traffic that no rule matches.
    """

    def __init__(
        self, rules: Sequence[Rule] = (), ways: Iterable[WayOut] = (), costs: Costs | None = None, default: str | None = None
    ) -> None:
        self.rules = tuple(rules)
        self.default = default
        self._ways = tuple(ways)
        self._costs = costs or Costs({})
        self._failover = {rule.name: rule.failover for rule in rules} | {FIRST_CHOICE: MOVABLE}
        self._prefixes = self._costs.prefixes().union(*(rule.prefixes or () for rule in rules))
        self._lengths = sorted(map(len, self._prefixes), reverse=True)
        self._kept: dict[tuple[object, ...], Choice] = {}

    def ways(self, recipient: str) -> dict[str, WayOut]:
        """The connectors by name, with what each takes for a part to a number."""
        return {
            way.name: WayOut(way.name, way.is_enabled, way.is_connected, way.score, self._costs.find(way.name, recipient))
            for way in self._ways
        }

    def prefix(self, recipient: str) -> str:
        """The longest prefix of a number that any rule or price asks about: two numbers with the same go the same ways."""
        digits = recipient[1:]
        return next((digits[:length] for length in self._lengths if digits[:length] in self._prefixes), "")

    def choose(self, traffic: Traffic) -> Choice:
        """All of the decision but the draw, for a message that was not tried yet."""
        key = (traffic.dialect, traffic.account_id, traffic.message_type, traffic.originator, self.prefix(traffic.recipient))
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            kept = self._kept[key] = choose(self.rules, self.ways(traffic.recipient), traffic, (), self.default)
        return kept

    def decide(self, traffic: Traffic, draw: float, excluded: Collection[str] = ()) -> Decision:
        """The way of one message; see :func:`decide`."""
        return decide(self.rules, self.ways(traffic.recipient), traffic, draw, excluded, self.default)

    def failover(self, route: str | None) -> frozenset[FailureKind]:
        """After which failures a message may leave its connector, by the rule that sent it there. A rule that is gone counts as usual."""
        return USUAL_FAILOVER if route is None else self._failover.get(route, USUAL_FAILOVER)

    def onward(self, traffic: Traffic, route: str | None, draw: float, excluded: Collection[str]) -> Decision | None:
        """Where a message goes that has to leave its connector; None: it stays, as there is no other way.

        Only rules move messages: to the default connector goes no more than what a caller chose another one for and lets go.
        """
        if not self.failover(route):
            return None
        decision = self.decide(traffic, draw, excluded)
        if decision.connector is None or decision.is_waiting or (decision.rule is None and route != FIRST_CHOICE):
            return None
        return decision
