"""``dragoman secret``: what is encrypted in the database."""

from __future__ import annotations

import click

from gateway.cli.common import as_json, print_json, with_gateway
from gateway.services import connectors, handsets, webhooks
from gateway.services.callbacks import endpoints
from gateway.services.core import Gateway


@click.group()
def secret() -> None:
    """Looks after the secrets that are stored encrypted."""


@secret.command()
@as_json
@with_gateway
def renew(gateway: Gateway, as_json: bool) -> None:
    """Encrypts every stored secret anew, under the newest key of DRAGOMAN_SECRET_KEY.

    \b
    Example: dragoman secret renew
    """
    count = sum(
        each(gateway) for each in (webhooks.renew_secrets, connectors.renew_secrets, handsets.renew_secrets, endpoints.renew_secrets)
    )
    if as_json:
        print_json({"renewed": count})
    else:
        click.echo(f"{count} stored secret{'' if count == 1 else 's'} encrypted under the newest key.")
