"""The rules that say which traffic goes where: looking at them, changing them, and asking what they would do.

A change counts for new orders at most five seconds later, when each process reads the offer anew; so it does for messages that wait.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.orm import Session

from gateway.domain import msisdn, originator
from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.domain.permissions import MEANINGS
from gateway.domain.routing import MOVABLE, USUAL_FAILOVER, Decision, Reason, Rule, Strategy, Target, Traffic
from gateway.domain.sending import FailureKind
from gateway.domain.tariff import MessageType
from gateway.services.core import Gateway
from gateway.services.pricing import Offer, read_offer, rule_of
from gateway.services.story import account_id_of
from gateway.storage import connectors, routes
from gateway.storage.identity import account_by_name
from gateway.storage.tables import TEST_CONNECTOR, Account, ConnectorPrice, RouteRow

DIALECTS = (*MEANINGS, "cli")
"""What an order may come through."""
NAME = re.compile("[a-z0-9][a-z0-9_-]{0,63}")
PREFIX = re.compile("[0-9]{1,15}")
MOST_RANK = 1_000_000
MOST_WEIGHT = 10_000
MOST_VALUES = 1000
STEP = 10
"""A rule without a rank goes behind the last one, with room left between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a rule says, in the operator's words: names of accounts, prefixes with or without plus. None in a criterion: any."""

    rank: int | None = None
    dialects: Sequence[str] | None = None
    account: str | None = None
    message_types: Sequence[str] | None = None
    prefixes: Sequence[str] | None = None
    originators: Sequence[str] | None = None
    strategy: str = Strategy.WEIGHTED.value
    targets: Sequence[Target] = ()
    failover: Collection[str] = field(default_factory=lambda: sorted(USUAL_FAILOVER))


@dataclass(frozen=True, slots=True)
class Listed:
    """A rule, and the name of the account that it is for."""

    rule: Rule
    account: str | None


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision about a message that nobody sent."""

    traffic: Traffic
    decision: Decision


def current_offer(gateway: Gateway) -> Offer:
    """Prices and ways out, at most a few seconds old. Raises Unavailable where no connector is enabled."""
    offer = gateway.catalogue.fresh()
    if offer is None:
        with gateway.reading() as session:
            offer = gateway.catalogue.keep(read_offer(session, gateway.clock))
    return offer


def every(gateway: Gateway) -> list[Listed]:
    """The rules, in the order in which they are tried."""
    with gateway.reading() as session:
        return [_listed(session, row) for row in routes.every(session)]


def add(gateway: Gateway, name: str, terms: Terms) -> Listed:
    """Makes a rule, switched on.

    Raises:
        Conflict: there is one of this name.
        NotFound: no such account.
        InvalidField: the field's name is the option's; the reason says what cannot be used.
    """
    if not NAME.fullmatch(name):
        raise InvalidField("name", "is 1 to 64 small letters, digits, dashes and underscores")
    with gateway.writing() as session:
        if routes.hold(session, name) is not None:
            raise Conflict(f"there is a rule {name} already")
        row = RouteRow(name=name, enabled=True, created_at=gateway.clock.now())
        _write(session, row, terms)
        session.add(row)
    return _told(gateway, name)


def change(gateway: Gateway, name: str, changed: Callable[[Terms], Terms]) -> Listed:
    """Changes a rule, all or nothing. ``changed`` makes its new terms of the old. Raises as :func:`add`, and NotFound."""
    with gateway.writing() as session:
        row = _held(session, name)
        _write(session, row, changed(_terms(session, row)))
    return _told(gateway, name)


def switch(gateway: Gateway, name: str, *, on: bool) -> Listed:
    """Switches a rule on or off. Raises NotFound."""
    with gateway.writing() as session:
        _held(session, name).enabled = on
    return _told(gateway, name)


def remove(gateway: Gateway, name: str) -> None:
    """Takes a rule away. Messages that it sent on their way stay where they are. Raises NotFound."""
    with gateway.writing() as session:
        session.delete(_held(session, name))
    gateway.catalogue.forget()


def prices(gateway: Gateway) -> Sequence[ConnectorPrice]:
    """What carriers take from us, by connector and prefix ("" is everywhere)."""
    with gateway.reading() as session:
        rows = routes.prices(session)
        session.expunge_all()
        return rows


def set_price(gateway: Gateway, connector: str, prefix: str, units: int | None) -> bool:
    """Sets what one part to a prefix ("" for everywhere) costs us by a connector; None takes the price away.

    Returns:
        False where there was none to take away.

    Raises:
        NotFound: no such connector.
        InvalidField: not a prefix, or a negative price.
    """
    digits = prefix and _prefix(prefix)
    if units is not None and units < 0:
        raise InvalidField("credits", "must not be negative")
    with gateway.writing() as session:
        if not connectors.exists(session, connector):
            raise NotFound("connector")
        if units is None:
            done = routes.remove_price(session, connector, digits)
        else:
            routes.set_price(session, connector, digits, units)
            done = True
    gateway.catalogue.forget()
    return done


def explain(
    gateway: Gateway, account: str, recipient: str, *, dialect: str, message_type: str, sender: str | None, draw: float
) -> Explained:
    """What the rules would do with a message, as the database has them now. ``sender`` None: the account's own.

    Raises:
        NotFound: no such account.
        InvalidInput: the number or the sender cannot be used, or no dialect or type is called so.
        Unavailable: no connector is enabled.
    """
    _require_known("dialect", [dialect], DIALECTS)
    _require_known("type", [message_type], [each.value for each in MessageType])
    with gateway.reading() as session:
        payer = account_by_name(session, account)
        if payer is None:
            raise NotFound("account")
        number = msisdn.normalise(recipient, payer.default_region)
        chosen = payer.default_originator if sender is None else originator.normalise(sender)
        offer = read_offer(session, gateway.clock)
        traffic = Traffic(dialect, payer.id, message_type, number, chosen)
    return Explained(traffic, _without_rules(offer, traffic, draw))


def _without_rules(offer: Offer, traffic: Traffic, draw: float) -> Decision:
    """The decision; without any rule there is none to take, and the default connector it is."""
    decision = offer.routing.decide(traffic, draw)
    if offer.routing.rules:
        return decision
    lost = tuple(
        replace(each, detail="there is no rule, and it is not the default") if each.reason is Reason.NOT_NAMED else each
        for each in decision.lost
    )
    return replace(decision, lost=lost)


def _told(gateway: Gateway, name: str) -> Listed:
    gateway.catalogue.forget()
    return next(each for each in every(gateway) if each.rule.name == name)


def _listed(session: Session, row: RouteRow) -> Listed:
    return Listed(rule_of(row), _account_name(session, row.account_id))


def _account_name(session: Session, account_id: int | None) -> str | None:
    return None if account_id is None else session.get_one(Account, account_id).name


def _held(session: Session, name: str) -> RouteRow:
    row = routes.hold(session, name)
    if row is None:
        raise NotFound(f"rule {name}" if NAME.fullmatch(name) else "rule")
    return row


def _terms(session: Session, row: RouteRow) -> Terms:
    return Terms(
        rank=row.rank,
        dialects=row.dialects,
        account=_account_name(session, row.account_id),
        message_types=row.message_types,
        prefixes=row.prefixes,
        originators=row.originators,
        strategy=row.strategy,
        targets=[Target(each["connector"], each["weight"]) for each in row.targets],
        failover=row.failover,
    )


def _write(session: Session, row: RouteRow, terms: Terms) -> None:
    """Checks the terms and writes them on the row."""
    rank = _next_rank(session) if terms.rank is None else terms.rank
    if not 0 <= rank <= MOST_RANK:
        raise InvalidField("rank", f"must be a whole number from 0 to {MOST_RANK}")
    row.rank = rank
    row.dialects = _criterion("dialect", terms.dialects, lambda name: _known("dialect", name, DIALECTS))
    row.account_id = account_id_of(session, terms.account)
    row.message_types = _criterion("type", terms.message_types, lambda name: _known("type", name, [each.value for each in MessageType]))
    row.prefixes = _criterion("prefix", terms.prefixes, _prefix)
    row.originators = _criterion("from", terms.originators, originator.normalise)
    row.strategy = _known("strategy", terms.strategy, [each.value for each in Strategy])
    row.targets = _targets(session, terms.targets)
    row.failover = sorted({_known("failover", kind, [each.value for each in FailureKind if each in MOVABLE]) for kind in terms.failover})


def _next_rank(session: Session) -> int:
    return max((row.rank for row in routes.every(session)), default=0) // STEP * STEP + STEP


def _targets(session: Session, targets: Sequence[Target]) -> list[dict[str, Any]]:
    names = [target.connector for target in targets]
    known = {row.name for row in connectors.every(session)} - {TEST_CONNECTOR}
    if not targets:
        raise InvalidField("to", "must name at least one connector")
    _require_known("to", names, sorted(known), "connector")
    if len(set(names)) < len(names):
        raise InvalidField("to", "names a connector twice")
    if any(not 0 <= target.weight <= MOST_WEIGHT for target in targets):
        raise InvalidField("to", f"takes weights from 0 to {MOST_WEIGHT}")
    return [{"connector": target.connector, "weight": target.weight} for target in targets]


def _criterion(name: str, values: Sequence[str] | None, read: Callable[[str], str]) -> list[str] | None:
    """The distinct values in their one written form; None or nothing given: any."""
    if not values:
        return None
    if len(values) > MOST_VALUES:
        raise InvalidField(name, f"takes at most {MOST_VALUES} values")
    return list(dict.fromkeys(map(read, values)))


def _prefix(value: str) -> str:
    digits = value.removeprefix("+")
    if not PREFIX.fullmatch(digits):
        raise InvalidField("prefix", "must be 1 to 15 digits of an international number, such as 39 or +39347")
    return digits


def _known(name: str, value: str, choices: Sequence[str]) -> str:
    _require_known(name, [value], choices)
    return value


def _require_known(name: str, values: Sequence[str], choices: Collection[str], noun: str | None = None) -> None:
    unknown = next((value for value in values if value not in choices), None)
    if unknown is not None:
        raise InvalidField(name, f"{unknown[:50]!r} is no {noun or name}; there are {', '.join(choices)}")
