"""Which connector each message of a new order goes to."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.errors import Unavailable
from gateway.domain.order import Submission
from gateway.domain.routing import FIRST_CHOICE, Choice, Routing, Traffic
from gateway.services.pricing import Offer
from gateway.storage.accept import Item, Mixed, Uniform

Picked = tuple[str, str | None]
"""A connector, and the rule that chose it."""


@dataclass(frozen=True, slots=True)
class Way:
    """The connector that an order's messages go to, and the rule that says so; ``messages`` where some go another way.

    ``is_pinned``: the caller chose it, so no other is ever tried.
    """

    connector: str
    route: str | None = None
    is_pinned: bool = False
    messages: Mixed | None = None


def place(offer: Offer, submission: Submission, own_connector: str | None, messages: Uniform | Mixed) -> Way:
    """The way of each message. ``own_connector`` is what the caller's device is bound to.

    Raises:
        Unavailable: a rule matches and all its connectors are switched off.
    """
    chosen = submission.connector or own_connector
    if chosen is not None:
        may_leave = submission.may_fail_over and submission.connector is not None
        return Way(chosen, FIRST_CHOICE if may_leave else None, is_pinned=not may_leave)
    if not offer.routing.rules:
        return Way(offer.connector)
    return _by_rules(offer.routing, submission, messages)


def _by_rules(routing: Routing, submission: Submission, messages: Uniform | Mixed) -> Way:
    """The order goes the way of its first message; those that go another way name theirs."""
    recipients = messages.recipients if isinstance(messages, Uniform) else [item.recipient for item in messages.rows if item.state is None]
    picked = _picked(routing, submission, recipients)
    if not picked:  # nothing of the order will be sent
        return Way(routing.default or "")
    connector, route = _common(picked)
    if all(each == (connector, route) for each in picked):
        return Way(connector, route)
    ways = iter(picked)
    rows = [item if item.state is not None else _placed(item, next(ways), connector) for item in messages.items()]
    return Way(connector, route, messages=Mixed(rows))


def _common(picked: Sequence[Picked]) -> Picked:
    """What stands on the order. A message cannot say "by no rule" where the order names one, so such a way comes first."""
    return next((each for each in picked if each[1] is None), picked[0])


def _placed(item: Item, picked: Picked, common: str) -> Item:
    connector, route = picked
    return item._replace(connector=None if connector == common else connector, route=route)


def _picked(routing: Routing, submission: Submission, recipients: Sequence[str]) -> list[Picked]:
    """A way for each recipient. What a rule says is looked up once for each prefix, and only chance is asked for each recipient."""
    choices: dict[str, Choice] = {}
    picked = []
    for recipient in recipients:
        prefix = routing.prefix(recipient)
        choice = choices.get(prefix)
        if choice is None:
            choice = choices[prefix] = _choice(routing, submission, recipient)
        shares = choice.shares
        connector = shares[0][0] if len(shares) == 1 else choice.pick(random.random())
        assert connector is not None
        picked.append((connector, choice.rule))
    return picked


def _choice(routing: Routing, submission: Submission, recipient: str) -> Choice:
    choice = routing.choose(traffic(submission, recipient))
    if not choice.shares:
        raise Unavailable("every connector that the rules name for this traffic is switched off")
    return choice


def traffic(submission: Submission, recipient: str) -> Traffic:
    """What the rules ask of one message of a submission."""
    return Traffic(submission.dialect, submission.account_id, submission.message_type.value, recipient, submission.originator)
