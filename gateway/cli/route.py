"""``dragoman route``: which traffic goes by which connector, and why."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import click

from gateway.cli.common import MESSAGE_TYPE, as_json, in_credits, money, print_fields, print_json, print_table, with_gateway
from gateway.domain.credit import format_credits, parse_credits
from gateway.domain.routing import MOVABLE, Decision, Lost, Rule, Strategy, Target
from gateway.domain.tariff import MessageType
from gateway.services import routing as service
from gateway.services.core import Gateway
from gateway.services.routing import DIALECTS, Explained, Listed, Terms

F = TypeVar("F", bound=Callable[..., Any])
ANYWHERE = "any"
NONE = "none"
CRITERIA = {"dialect": "dialects", "account": "account", "type": "message_types", "prefix": "prefixes", "from": "originators"}
"""The criteria by their options, and what :class:`Terms` calls them."""
KINDS = [kind.value for kind in MOVABLE]


@click.group()
def route() -> None:
    """Shows and changes the rules that say which traffic goes where."""


class _Weighed(click.ParamType[Target]):
    """A connector with its weight: ``NAME`` or ``NAME=WEIGHT``."""

    name = "connector"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        if isinstance(value, Target):
            return value
        connector, equals, weight = str(value).partition("=")
        if equals and not (weight.isascii() and weight.isdigit() and len(weight) <= 6):
            self.fail("give it as NAME or NAME=WEIGHT, the weight a whole number", param, ctx)
        return Target(connector, int(weight) if equals else 1)


def _terms(command: F) -> F:
    """The options that say what a rule does. Each is given as None or empty where it was left out."""
    for option in reversed(
        (
            click.option("--to", "targets", type=_Weighed(), multiple=True, metavar="CONNECTOR[=WEIGHT]", help="A connector; repeatable."),
            click.option("--rank", type=int, help="Its place: rules are tried from the lowest rank on."),
            click.option("--dialect", "dialects", type=click.Choice(DIALECTS), multiple=True, help="Orders of this API; repeatable."),
            click.option("--account", metavar="NAME", help="Orders of this account."),
            click.option("--type", "message_types", type=MESSAGE_TYPE, multiple=True, help="Messages of this type; repeatable."),
            click.option("--prefix", "prefixes", multiple=True, metavar="DIGITS", help="Numbers that begin so; repeatable."),
            click.option("--from", "originators", multiple=True, metavar="SENDER", help="Messages of this sender; repeatable."),
            click.option("--strategy", type=click.Choice([each.value for each in Strategy]), help="How it chooses among its connectors."),
            click.option(
                "--failover",
                type=click.Choice([*sorted(KINDS), NONE]),
                multiple=True,
                help="A failure after which another way is tried; repeatable. none: here or nowhere.",
            ),
        )
    ):
        command = option(command)
    return command


def _changed(terms: Terms, given: dict[str, Any]) -> Terms:
    """The terms with what was given on the command line; an empty list or None was left out."""
    values = {name: value for name, value in given.items() if value is not None and value != ()}
    if "failover" in values:
        kinds = values["failover"]
        if NONE in kinds and len(kinds) > 1:
            raise click.UsageError("--failover none stands alone")
        values["failover"] = [kind for kind in kinds if kind != NONE]
    return replace(terms, **values)


@route.command(name="list")
@as_json
@with_gateway
def list_(gateway: Gateway, as_json: bool) -> None:
    """Lists the rules in the order in which they are tried.

    \b
    Example: dragoman route list
    """
    rows = service.every(gateway)
    if as_json:
        print_json([_json(row) for row in rows])
        return
    head = ("RANK", "RULE", "STATE", "FOR", "HOW", "TO", "GOES ON AFTER")
    table = [
        (row.rule.rank, row.rule.name, _state(row.rule), _for(row), row.rule.strategy, _to(row.rule), _failover(row.rule)) for row in rows
    ]
    print_table(head, table, "No rule: all goes by the default connector.")


@route.command()
@click.argument("name")
@_terms
@as_json
@with_gateway
def add(gateway: Gateway, /, name: str, as_json: bool, **given: Any) -> None:
    """Makes a rule. What matches every criterion given goes by its connectors.

    \b
    Example: dragoman route add italy --prefix 39 --to carrier-a=3 --to carrier-b=1
    """
    _tell(service.add(gateway, name, _changed(Terms(), given)), as_json)


@route.command(name="set")
@click.argument("name")
@_terms
@click.option("--any", "dropped", type=click.Choice(list(CRITERIA)), multiple=True, help="A criterion to drop; repeatable.")
@as_json
@with_gateway
def set_(gateway: Gateway, /, name: str, as_json: bool, dropped: Sequence[str], **given: Any) -> None:
    """Changes what is given of a rule and leaves the rest. A repeated option replaces all its values.

    \b
    Example: dragoman route set italy --to carrier-a=1 --to carrier-b=1 --any prefix
    """

    def changed(terms: Terms) -> Terms:
        nothing: dict[str, Any] = {CRITERIA[each]: None for each in dropped}
        return _changed(replace(terms, **nothing), given)

    if changed(Terms()) == Terms() and not dropped and not given["failover"] and given["strategy"] is None:
        raise click.UsageError("nothing to change was given")
    _tell(service.change(gateway, name, changed), as_json)


@route.command()
@click.argument("name")
@with_gateway
def remove(gateway: Gateway, name: str) -> None:
    """Takes a rule away. Messages that it sent on their way stay with their connectors.

    \b
    Example: dragoman route remove italy
    """
    service.remove(gateway, name)
    click.echo(f"Rule {name} is gone.")


@route.command()
@click.argument("name")
@as_json
@with_gateway
def enable(gateway: Gateway, name: str, as_json: bool) -> None:
    """Switches a rule on.

    \b
    Example: dragoman route enable italy
    """
    _tell(service.switch(gateway, name, on=True), as_json)


@route.command()
@click.argument("name")
@as_json
@with_gateway
def disable(gateway: Gateway, name: str, as_json: bool) -> None:
    """Switches a rule off: it is passed over.

    \b
    Example: dragoman route disable italy
    """
    _tell(service.switch(gateway, name, on=False), as_json)


@route.command()
@click.argument("number")
@click.option("--account", required=True, metavar="NAME", help="Who would send.")
@click.option("--dialect", type=click.Choice(DIALECTS), default="smsend", show_default=True, help="The API that it would come through.")
@click.option("--type", "type_", type=MESSAGE_TYPE, default=MessageType.HIGH.value, show_default=True, help="The message type.")
@click.option("--from", "sender", metavar="SENDER", help="The sender. Default: the account's own.")
@click.option("--draw", type=click.FloatRange(0, 1, max_open=True), help="The number that chance would draw. Default: a new one.")
@as_json
@with_gateway
def explain(
    gateway: Gateway, number: str, account: str, dialect: str, type_: str, sender: str | None, draw: float | None, as_json: bool
) -> None:
    """Tells which way a message would go, and why no other. Sends nothing.

    \b
    Example: dragoman route explain +393471234567 --account acme
    """
    chance = random.random() if draw is None else draw
    told = service.explain(gateway, account, number, dialect=dialect, message_type=type_, sender=sender, draw=chance)
    if as_json:
        print_json(_explained_json(told, account, chance))
        return
    click.echo(_verdict(told.decision))
    rows = [(f"  {each.rule or ''}", each.connector, each.detail) for each in told.decision.lost]
    if rows:
        click.echo("\nWhat lost")
        print_table(("  RULE", "CONNECTOR", "WHY"), rows, "")


@route.command()
@click.argument("connector", required=False)
@click.argument("prefix", required=False)
@click.argument("credits_", metavar="[CREDITS]", required=False)
@as_json
@with_gateway
def price(gateway: Gateway, connector: str | None, prefix: str | None, credits_: str | None, as_json: bool) -> None:
    """Sets what a connector's carrier takes for a part to numbers that begin with PREFIX ("any" for all others).

    With "none" for CREDITS the price is taken away; without arguments all are listed.

    \b
    Example: dragoman route price carrier-a 39 0.032
    """
    if connector is None:
        _tell_prices(gateway, as_json)
        return
    if prefix is None or credits_ is None:
        raise click.UsageError("give CONNECTOR, PREFIX and CREDITS, or none of them")
    digits = "" if prefix == ANYWHERE else prefix
    units = None if credits_ == NONE else parse_credits(credits_)
    was_there = service.set_price(gateway, connector, digits, units)
    shown = digits.removeprefix("+")
    if as_json:
        print_json({"connector": connector, "prefix": shown, "per_part": None if units is None else money(units)})
        return
    where = f"numbers with +{shown}" if shown else "all other numbers"
    if units is not None:
        click.echo(f"{connector} to {where}: {in_credits(format_credits(units))} a part")
    else:
        click.echo(f"{connector} to {where}: {'no price any more' if was_there else 'there was no price'}")


def _tell_prices(gateway: Gateway, as_json: bool) -> None:
    rows = service.prices(gateway)
    if as_json:
        print_json([{"connector": row.connector, "prefix": row.prefix, "per_part": money(row.units_per_part)} for row in rows])
        return
    table = [(row.connector, row.prefix or ANYWHERE, format_credits(row.units_per_part)) for row in rows]
    print_table(("CONNECTOR", "PREFIX", "CREDITS A PART"), table, "No price is set: of the cheapest, weight decides.")


def _tell(row: Listed, as_json: bool) -> None:
    if as_json:
        print_json(_json(row))
        return
    rule = row.rule
    print_fields(
        {
            "rule": rule.name,
            "rank": rule.rank,
            "state": _state(rule),
            "for": _for(row),
            "how": rule.strategy.value,
            "to": _to(rule),
            "goes on after": _failover(rule),
        }
    )


def _verdict(decision: Decision) -> str:
    if decision.connector is None:
        return "No way: every connector that the rules name for it is switched off. An order would be refused."
    by = f"by the rule {decision.rule}" if decision.rule else "as the default: no rule matches"
    share = decision.shares[decision.connector]
    chance = f", whose share is {share:.1%}" if share < 1 else ""
    waits = ". It is not connected, so the message would wait" if decision.is_waiting else ""
    return f"{decision.connector}, {by}{chance}{waits}."


def _explained_json(told: Explained, account: str, draw: float) -> dict[str, object]:
    traffic, decision = told.traffic, told.decision
    return {
        "recipient": traffic.recipient,
        "account": account,
        "dialect": traffic.dialect,
        "type": traffic.message_type,
        "sender": traffic.originator,
        "draw": draw,
        "connector": decision.connector,
        "route": decision.rule,
        "waits": decision.is_waiting,
        "shares": decision.shares,
        "lost": [_lost_json(each) for each in decision.lost],
    }


def _lost_json(lost: Lost) -> dict[str, object]:
    return {"route": lost.rule, "connector": lost.connector, "reason": lost.reason, "detail": lost.detail}


def _json(row: Listed) -> dict[str, object]:
    rule = row.rule
    return {
        "route": rule.name,
        "rank": rule.rank,
        "enabled": rule.is_enabled,
        "dialects": _sorted(rule.dialects),
        "account": row.account,
        "types": _sorted(rule.message_types),
        "prefixes": _sorted(rule.prefixes),
        "senders": _sorted(rule.originators),
        "strategy": rule.strategy,
        "targets": [{"connector": each.connector, "weight": each.weight} for each in rule.targets],
        "failover": sorted(rule.failover),
    }


def _sorted(values: frozenset[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


def _state(rule: Rule) -> str:
    return "on" if rule.is_enabled else "off"


def _for(row: Listed) -> str:
    rule = row.rule
    criteria = {
        "dialect": rule.dialects,
        "account": row.account and {row.account},
        "type": rule.message_types,
        "prefix": rule.prefixes,
        "from": rule.originators,
    }
    return "; ".join(f"{name} {', '.join(sorted(values))}" for name, values in criteria.items() if values) or "everything"


def _to(rule: Rule) -> str:
    return ", ".join(f"{each.connector}={each.weight}" for each in rule.targets)


def _failover(rule: Rule) -> str:
    return ", ".join(sorted(rule.failover)) or "nothing"
