"""``dragoman device``: names and passwords that sign in by the SMS Nodes API."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.common import as_json, print_json, print_table, with_gateway
from gateway.cli.user import asked_password, password_options, tell
from gateway.services import devices
from gateway.services.core import Gateway
from gateway.services.devices import DeviceState


@click.group()
def device() -> None:
    """Makes and changes devices: who sends by the SMS Nodes API."""


@device.command()
@click.argument("account")
@click.argument("name")
@click.option("--connector", metavar="NAME", help="The connector that it sends by. Default: the account's usual way.")
@password_options
@as_json
@with_gateway
def create(gateway: Gateway, account: str, name: str, connector: str | None, from_stdin: bool, generate: bool, as_json: bool) -> None:
    """Makes a device of an account, and the user of the same name that it signs in as; asks for the password.

    \b
    Example: dragoman device create acme phone-1 --generate
    """
    password = asked_password(from_stdin, generate)
    devices.create(gateway, account, name, password, connector)
    made: dict[str, object] = {"device": name, "account": account, "connector": connector}
    tell(f"Device {name} of account {account} made.", made, password if generate else None, as_json)


@device.command(name="list")
@as_json
@with_gateway
def list_(gateway: Gateway, as_json: bool) -> None:
    """Lists all devices, and whether each could send now.

    \b
    Example: dragoman device list
    """
    rows = devices.every(gateway)
    if as_json:
        print_json([device_json(row) for row in rows])
        return
    table = [(row.name, row.account, row.connector or "(usual)", _standing(row)) for row in rows]
    print_table(("DEVICE", "ACCOUNT", "CONNECTOR", "STATE"), table, "No device yet. Make one: dragoman device create ACCOUNT NAME")


@device.command()
@click.argument("name")
@as_json
@with_gateway
def disable(gateway: Gateway, name: str, as_json: bool) -> None:
    """Shuts a device out at once. What it has sent stays in the queue.

    \b
    Example: dragoman device disable phone-1
    """
    devices.set_disabled(gateway, name, disabled=True)
    tell(f"Device {name} is shut out.", {"device": name, "disabled": True}, None, as_json)


@device.command()
@click.argument("name")
@as_json
@with_gateway
def enable(gateway: Gateway, name: str, as_json: bool) -> None:
    """Lets a device in again.

    \b
    Example: dragoman device enable phone-1
    """
    devices.set_disabled(gateway, name, disabled=False)
    tell(f"Device {name} may send.", {"device": name, "disabled": False}, None, as_json)


@device.command()
@click.argument("name")
@password_options
@as_json
@with_gateway
def passwd(gateway: Gateway, name: str, from_stdin: bool, generate: bool, as_json: bool) -> None:
    """Sets a new password of a device; asks for it.

    \b
    Example: dragoman device passwd phone-1 --password-stdin < new-password.txt
    """
    password = asked_password(from_stdin, generate)
    devices.change_password(gateway, name, password)
    tell(f"Password of {name} changed.", {"device": name}, password if generate else None, as_json)


def device_json(row: DeviceState) -> dict[str, Any]:
    """A device for programs."""
    return {
        "device": row.name,
        "account": row.account,
        "connector": row.connector,
        "disabled": row.disabled,
        "online": row.is_online,
        "created_at": row.created_at.isoformat(),
    }


def _standing(row: DeviceState) -> str:
    return "disabled" if row.disabled else "online" if row.is_online else "offline"
