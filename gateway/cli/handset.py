"""``dragoman handset``: Android telephones that serve a connector."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from gateway.cli.common import as_json, counted, print_fields, print_json, print_table, with_gateway
from gateway.connectors import android
from gateway.services import handset_work, handsets, pairing
from gateway.services.core import Gateway
from gateway.services.handsets import HandsetState

KIND = "android"
PATH = "/api/mobile/v1"
HEAD = ("CONNECTOR", "HANDSET", "STATE", "LAST SEEN (UTC)", "NUMBERS", "PROGRAM")


@click.group()
def handset() -> None:
    """Pairs and looks after the Android telephones that serve connectors."""


@handset.command()
@click.argument("connector")
@as_json
@with_gateway
def pair(gateway: Gateway, connector: str, as_json: bool) -> None:
    """Lets a telephone register with a connector: prints what to type in, and a page with the same.

    What was printed before for this connector stops working. A telephone that is registered stays so until another takes its place.

    \b
    Example: dragoman handset pair drawer
    """
    opened = pairing.open_pairing(gateway, connector, KIND)
    base = gateway.settings.base_url
    told = {
        "connector": connector,
        "api_url": base + PATH,
        "token": opened.token,
        "token_until": opened.token_until.isoformat(),
        "code": opened.code,
        "code_until": opened.code_until.isoformat(),
        "page": base + opened.page,
    }
    if as_json:
        print_json(told)
        return
    print_fields(
        {
            "API URL": told["api_url"],
            "private token": opened.token,
            "good until": f"{opened.token_until:%Y-%m-%d %H:%M} UTC",
            "one-time code": f"{opened.code}, until {opened.code_until:%H:%M} UTC",
            "page with a QR code": told["page"],
        }
    )
    if not base.startswith("https://"):
        click.echo("The program calls https addresses only, unless it is its insecure build: set DRAGOMAN_BASE_URL.", err=True)


@handset.command(name="list")
@as_json
@with_gateway
def list_(gateway: Gateway, as_json: bool) -> None:
    """Lists the telephones: which connector each serves, whether it is online, and the numbers of its cards.

    \b
    Example: dragoman handset list
    """
    rows = handsets.every(gateway)
    if as_json:
        print_json([_json(row) for row in rows])
        return
    table = [
        (row.connector, row.name, _standing(row), f"{row.last_seen:%Y-%m-%d %H:%M:%S}", _numbers(row.numbers), row.app_version)
        for row in rows
    ]
    print_table(HEAD, table, "No telephone yet. Let one register: dragoman handset pair CONNECTOR")


@handset.command()
@click.argument("connector")
@click.argument("slot")
@click.argument("number", required=False)
@as_json
@with_gateway
def number(gateway: Gateway, connector: str, slot: str, number: str | None, as_json: bool) -> None:
    """Says which number the card in a slot (1, 2, 3) has; without a number it is taken away.

    Messages from that number then go by that card, and what comes in by it is for that number.

    \b
    Example: dragoman handset number drawer 1 +393471234567
    """
    row = handsets.set_number(gateway, connector, slot, number)
    _tell(row, [f"Slot {slot} has the number {row.numbers[slot]}." if number else f"Slot {slot} has no number."], as_json)


def _pairs(_ctx: click.Context, _param: click.Parameter, given: Sequence[str]) -> dict[str, Any]:
    """The pairs NAME=VALUE. A value is JSON where it can be read so, and text otherwise."""
    found: dict[str, Any] = {}
    for pair in given:
        name, separator, written = pair.partition("=")
        if not separator:
            raise click.BadParameter("give it as NAME=VALUE")
        try:
            value = json.loads(written)
        except ValueError:
            value = written
        try:
            found[name] = android.app_setting(name, value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return found


@handset.command()
@click.argument("connector")
@click.option("--set", "changes", metavar="NAME=VALUE", multiple=True, callback=_pairs, help="Set it so; repeatable.")
@click.option("--unset", metavar="NAME", multiple=True, help="Leave it to the telephone again; repeatable.")
@as_json
@with_gateway
def settings(gateway: Gateway, connector: str, changes: Mapping[str, Any], unset: tuple[str, ...], as_json: bool) -> None:
    """Shows what the program on a telephone shall be set to, or changes it. The telephone is told at once.

    \b
    Example: dragoman handset settings drawer --set messages.send_interval_min=5
    """
    if not changes and not unset:
        _tell(handsets.serving(gateway, connector), (), as_json)
        return
    row = handsets.set_app(gateway, connector, changes, unset)
    _tell(row, ["The telephone is told as soon as it is connected, and asks at each start of its program."], as_json)


@handset.command()
@click.argument("connector")
@as_json
@with_gateway
def recall(gateway: Gateway, connector: str, as_json: bool) -> None:
    """Asks a telephone not to send what it has not sent yet: those messages wait for the connector again.

    \b
    Example: dragoman handset recall drawer
    """
    handsets.serving(gateway, connector)
    count = handset_work.call_back(gateway, connector)
    if as_json:
        print_json({"connector": connector, "asked_back": count})
        return
    click.echo(f"Asked back {counted(count, 'message')}. Each waits again once the telephone says that it has not sent it.")


@handset.command()
@click.argument("connector")
@as_json
@with_gateway
def revoke(gateway: Gateway, connector: str, as_json: bool) -> None:
    """Shuts a connector's telephone out at once, and ends its pairings. What it had and did not report becomes unknown.

    \b
    Example: dragoman handset revoke drawer
    """
    _tell(handsets.revoke(gateway, connector), [f"Connector {connector} has no telephone now; its messages wait."], as_json)


def _tell(row: HandsetState, words: Sequence[str], as_json: bool) -> None:
    if as_json:
        print_json(_json(row))
        return
    for line in words:
        click.echo(line)
    print_fields(
        {
            "connector": row.connector,
            "handset": row.name,
            "state": _standing(row),
            "login": row.login,
            "program": row.app_version,
            "numbers": _numbers(row.numbers),
            "settings": ", ".join(f"{name}={json.dumps(value)}" for name, value in row.settings.get(handsets.APP, {}).items()),
        }
    )


def _json(row: HandsetState) -> dict[str, object]:
    return {
        "connector": row.connector,
        "id": row.id,
        "name": row.name,
        "login": row.login,
        "program": row.app_version,
        "online": row.is_online,
        "last_seen": row.last_seen.isoformat(),
        "registered_at": row.created_at.isoformat(),
        "numbers": dict(row.numbers),
        "sims": [dict(each) for each in row.sims],
        "settings": dict(row.settings.get(handsets.APP, {})),
        "webhooks": len(row.settings.get(handsets.WEBHOOKS, ())),
    }


def _numbers(numbers: Mapping[str, str]) -> str:
    return ", ".join(f"{slot}: {number}" for slot, number in sorted(numbers.items()))


def _standing(row: HandsetState) -> str:
    return "online" if row.is_online else "offline"
