"""``dragoman telegram``: who registered with a bot."""

from __future__ import annotations

import click

from gateway.cli.common import as_json, print_json, print_table, with_gateway
from gateway.services import telegram as service
from gateway.services.core import Gateway


@click.group()
def telegram() -> None:
    """Keeps the chats of people who registered with a bot of Telegram."""


@telegram.command(name="list")
@as_json
@with_gateway
def list_(gateway: Gateway, as_json: bool) -> None:
    """Lists the numbers that are registered, by connector.

    \b
    Example: dragoman telegram list
    """
    rows = service.chats(gateway)
    if as_json:
        print_json(
            [
                {"connector": row.connector, "number": row.number, "chat": row.chat_id, "created_at": row.created_at.isoformat()}
                for row in rows
            ]
        )
        return
    table = [(row.connector, row.number, row.chat_id, f"{row.created_at:%Y-%m-%d %H:%M:%S}") for row in rows]
    print_table(("CONNECTOR", "NUMBER", "CHAT", "SINCE (UTC)"), table, "Nobody registered yet. People do so by writing /start to the bot.")


@telegram.command()
@click.argument("number")
@as_json
@with_gateway
def forget(gateway: Gateway, number: str, as_json: bool) -> None:
    """Takes a number away from every bot. Its owner may register again.

    \b
    Example: dragoman telegram forget +491701234567
    """
    number, known = service.forget(gateway, number)
    if as_json:
        print_json({"number": number, "connectors": list(known)})
    else:
        click.echo(f"{number} gets nothing more in a chat of {', '.join(known)}.")
