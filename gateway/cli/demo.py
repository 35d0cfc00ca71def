"""``dragoman demo``: an account to try things with."""

from __future__ import annotations

import click

from gateway.cli.common import as_json, print_fields, print_json, with_gateway
from gateway.services.core import Gateway
from gateway.services.demo import prepare_demo


@click.command()
@as_json
@with_gateway
def demo(gateway: Gateway, as_json: bool) -> None:
    """Makes the demo account with 1000 credits and its credentials where missing, and prints them.

    \b
    Example: dragoman demo --json
    """
    told = prepare_demo(gateway)
    if as_json:
        print_json(told)
    else:
        print_fields(dict(told))
