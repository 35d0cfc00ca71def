"""``dragoman phone``: the numbers that an account sends from."""

from __future__ import annotations

import click

from gateway.cli.common import as_json, print_json, print_table, with_gateway
from gateway.services import phones as service
from gateway.services.core import Gateway
from gateway.services.phones import Phone, PhoneChange

HEAD = ("NUMBER", "SIM", "PER MINUTE", "CONNECTOR", "ID")


@click.group()
def phone() -> None:
    """Keeps the numbers that an account sends from. NUMBER has a country code."""


@phone.command()
@click.argument("account")
@click.argument("number")
@click.option("--connector", metavar="NAME", help="The connector its messages leave by; '' is the account's usual way.")
@click.option("--per-minute", type=click.IntRange(0, 60), metavar="N", help="Messages a minute, 0 for no limit; a new number has 10.")
@click.option("--sim", type=click.Choice(["SIM1", "SIM2"]), help="The card of a handset with two; a new number has SIM1.")
@as_json
@with_gateway
def add(gateway: Gateway, account: str, number: str, connector: str | None, per_minute: int | None, sim: str | None, as_json: bool) -> None:
    """Adds a number, or changes one that is there; what is not given stays. It need not be a handset's.

    \b
    Example: dragoman phone add acme +393471234567 --per-minute 30
    """
    row = service.add(gateway, account, number, PhoneChange(sim=sim, messages_per_minute=per_minute, connector=connector))
    _tell(f"{account} sends from {row.number}.", row, as_json)


@phone.command(name="list")
@click.argument("account")
@as_json
@with_gateway
def list_(gateway: Gateway, account: str, as_json: bool) -> None:
    """Lists the numbers of an account.

    \b
    Example: dragoman phone list acme
    """
    rows = service.of_account(gateway, account)
    if as_json:
        print_json([_fields(row) for row in rows])
        return
    table = [(row.number, row.sim, row.messages_per_minute or "no limit", row.connector or "usual", row.id) for row in rows]
    print_table(HEAD, table, f"No number yet. Add one: dragoman phone add {account} NUMBER")


@phone.command()
@click.argument("account")
@click.argument("number")
@as_json
@with_gateway
def remove(gateway: Gateway, account: str, number: str, as_json: bool) -> None:
    """Takes a number away from an account. Its messages stay.

    \b
    Example: dragoman phone remove acme +393471234567
    """
    row = service.remove(gateway, account, number)
    _tell(f"{account} no longer sends from {row.number}.", row, as_json)


def _tell(words: str, row: Phone, as_json: bool) -> None:
    if as_json:
        print_json(_fields(row))
    else:
        click.echo(words)


def _fields(row: Phone) -> dict[str, object]:
    return {
        "id": str(row.id),
        "number": row.number,
        "sim": row.sim,
        "messages_per_minute": row.messages_per_minute,
        "connector": row.connector,
    }
