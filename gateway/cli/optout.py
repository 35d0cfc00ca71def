"""``dragoman optout``: numbers that must not be written to."""

from __future__ import annotations

import click

from gateway.cli.common import as_json, print_json, print_table, with_gateway
from gateway.services import optouts as service
from gateway.services.core import Gateway

EVERY = "every account"


@click.group()
def optout() -> None:
    """Keeps the numbers that must not be written to, by one account or by any."""


@optout.command(name="list")
@click.option("--account", metavar="NAME", help="Only this account's list.")
@click.option("--everybody", is_flag=True, help="Only the list that holds for every account.")
@click.option("--number", metavar="NUMBER", help="Only where this number is listed.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, metavar="N", help="How many at most.")
@as_json
@with_gateway
def list_(gateway: Gateway, account: str | None, everybody: bool, number: str | None, limit: int, as_json: bool) -> None:
    """Lists opt-outs, the newest first.

    \b
    Example: dragoman optout list --account acme
    """
    if account is not None and everybody:
        raise click.UsageError("give --account or --everybody")
    wanted = service.written_number(number) if number else None
    rows = service.latest(gateway, account, wanted, limit, of_everybody=everybody)
    if as_json:
        fields = [
            {"number": row.number, "account": name, "origin": row.origin, "created_at": row.created_at.isoformat()} for row, name in rows
        ]
        print_json(fields)
        return
    table = [(row.number, name or EVERY, row.origin, f"{row.created_at:%Y-%m-%d %H:%M:%S}") for row, name in rows]
    print_table(("NUMBER", "NOT WRITTEN TO BY", "ORIGIN", "SINCE (UTC)"), table, "Nobody opted out.")


@optout.command()
@click.argument("number")
@click.option("--account", metavar="NAME", help="Only this account must not write to it; without, no account.")
@as_json
@with_gateway
def add(gateway: Gateway, number: str, account: str | None, as_json: bool) -> None:
    """Keeps a number from being written to. What waits to be sent to it is blocked and paid back.

    \b
    Example: dragoman optout add +393471234567
    """
    number = service.written_number(number)
    added = service.add(gateway, service.list_of(gateway, account), [number], "WEB")
    words = f"{number} is not written to by {account or 'any account'}{'' if added else ', as before'}."
    _tell(number, account, words, as_json)


@optout.command()
@click.argument("number")
@click.option("--account", metavar="NAME", help="From this account's list; without, from the one for every account.")
@as_json
@with_gateway
def remove(gateway: Gateway, number: str, account: str | None, as_json: bool) -> None:
    """Takes a number off a list, whoever put it there. It must have asked for messages again.

    \b
    Example: dragoman optout remove +393471234567 --account acme
    """
    number = service.written_number(number)
    service.remove(gateway, service.list_of(gateway, account), number)
    _tell(number, account, f"{number} is off the list of {account or EVERY}.", as_json)


def _tell(number: str, account: str | None, words: str, as_json: bool) -> None:
    if as_json:
        print_json({"number": number, "account": account})
    else:
        click.echo(words)
