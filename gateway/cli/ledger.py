"""``dragoman ledger``: the proof that every unit of credit is where the books say."""

from __future__ import annotations

import click

from gateway.cli.common import EXIT_REFUSED, as_json, print_json, with_gateway
from gateway.services.core import Gateway
from gateway.services.ledger import verify as find_faults


@click.group()
def ledger() -> None:
    """Proves the books."""


@ledger.command()
@as_json
@with_gateway
def verify(gateway: Gateway, as_json: bool) -> None:
    """Checks every entry, balance, charge and refund. Exit code 0: all is right; 1: faults are printed.

    \b
    Example: dragoman ledger verify
    """
    faults = list(find_faults(gateway))
    if as_json:
        print_json({"ok": not faults, "faults": [{"account_id": fault.account_id, "words": fault.words} for fault in faults]})
    elif not faults:
        click.echo("The ledger is right: every unit is accounted for.")
    else:
        for fault in faults:
            click.echo(f"account {fault.account_id}: {fault.words}")
    if faults:
        click.get_current_context().exit(EXIT_REFUSED)
