"""``dragoman migrate``: the database's tables, brought to this version."""

from __future__ import annotations

import click
from flask import Flask

from gateway.cli.common import as_json, gateway_of, print_json, with_app
from gateway.services.schema import upgrade


@click.command()
@as_json
@with_app
def migrate(app: Flask, as_json: bool) -> None:
    """Brings the database to the newest schema. Safe to repeat; the same as "flask db upgrade".

    \b
    Example: dragoman migrate
    """
    before, after = upgrade(gateway_of(app))
    if as_json:
        print_json({"from": before.at, "to": after.at})
    elif before.is_current:
        click.echo(f"Nothing to do: the database stands at {after.at}.")
    else:
        click.echo(f"The database went from {before.at or 'empty'} to {after.at}.")
