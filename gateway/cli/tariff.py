"""``dragoman tariff``: what one part costs, by message type and destination."""

from __future__ import annotations

import click

from gateway.cli.common import MESSAGE_TYPE, as_json, in_credits, local, money, print_json, print_table, stamp, with_gateway
from gateway.domain import dates, msisdn
from gateway.domain.credit import format_credits, parse_credits
from gateway.domain.errors import InvalidField
from gateway.domain.tariff import MessageType, Tariff
from gateway.services.core import Gateway
from gateway.services.pricing import read_offer, set_tariff, tariffs

ANYWHERE = "any"


@click.group()
def tariff() -> None:
    """Shows and sets prices per part."""


@tariff.command(name="list")
@as_json
@with_gateway
def list_(gateway: Gateway, as_json: bool) -> None:
    """Lists every price ever set. Of several for one destination the newest that has begun counts.

    \b
    Example: dragoman tariff list
    """
    zone = gateway.settings.default_zone
    with gateway.reading() as session:
        rows = tariffs(session)
    if as_json:
        print_json([_json(gateway, row) for row in rows])
        return
    table = [(row.message_type, row.prefix or ANYWHERE, format_credits(row.units_per_part), local(row.valid_from, zone)) for row in rows]
    print_table(("TYPE", "PREFIX", "CREDITS", "FROM"), table, "No price is set: nothing can be sent.")


@tariff.command(name="set")
@click.argument("type_", metavar="TYPE", type=MESSAGE_TYPE)
@click.argument("prefix")
@click.argument("credits_", metavar="CREDITS")
@click.option("--from", "start", metavar="DATE", help="When it begins, in the gateway's zone. Default: now.")
@as_json
@with_gateway
def set_(gateway: Gateway, type_: str, prefix: str, credits_: str, start: str | None, as_json: bool) -> None:
    """Sets the price of one part to numbers that begin with PREFIX ("any" for all others).

    \b
    Example: dragoman tariff set high 39 0.065 --from 2026-01-01
    """
    begins = dates.parse(start, gateway.settings.default_zone, "--from") if start else gateway.clock.now()
    try:
        row = Tariff(MessageType(type_), _digits(prefix), parse_credits(credits_), begins)
    except ValueError as error:
        raise InvalidField("tariff:", str(error)) from error
    with gateway.writing() as session:
        set_tariff(session, row.message_type, row.prefix, row.units_per_part, row.valid_from)
    if as_json:
        print_json(_json(gateway, row))
    else:
        where = f"numbers with +{row.prefix}" if row.prefix else "all other numbers"
        since = local(row.valid_from, gateway.settings.default_zone)
        click.echo(f"{row.message_type} to {where}: {in_credits(format_credits(row.units_per_part))} a part from {since}")


@tariff.command()
@click.argument("type_", metavar="TYPE", type=MESSAGE_TYPE)
@click.argument("number")
@as_json
@with_gateway
def price(gateway: Gateway, type_: str, number: str, as_json: bool) -> None:
    """Shows what one part to a number costs now.

    \b
    Example: dragoman tariff price high +393471234567
    """
    recipient = msisdn.normalise(number, gateway.settings.default_region)
    with gateway.reading() as session:
        units = read_offer(session, gateway.clock).prices.units_per_part(MessageType(type_), recipient)
    if as_json:
        print_json({"type": type_, "recipient": recipient, "per_part": money(units)})
    else:
        click.echo(f"{in_credits(format_credits(units))} a part for {type_} to {recipient}")


def _digits(prefix: str) -> str:
    return "" if prefix == ANYWHERE else prefix.removeprefix("+")


def _json(gateway: Gateway, row: Tariff) -> dict[str, object]:
    since = stamp(row.valid_from, gateway.settings.default_zone)
    return {"type": row.message_type, "prefix": row.prefix, "per_part": money(row.units_per_part), "from": since}
