"""``dragoman dispatch``: the process that sends."""

from __future__ import annotations

import click
from flask import Flask

from gateway.cli.common import gateway_of, with_app
from gateway.dispatcher.main import run
from gateway.services.schema import require_current


@click.command()
@with_app
def dispatch(app: Flask) -> None:
    """Runs a dispatcher until it is told to stop (TERM or Ctrl-C). Any number may run; they share the work.

    \b
    Example: dragoman dispatch
    """
    require_current(gateway_of(app))
    click.get_current_context().exit(run(app))
