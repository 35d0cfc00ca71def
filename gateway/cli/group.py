"""``dragoman group``: contacts that are reached by one name."""

from __future__ import annotations

from dataclasses import asdict

import click

from gateway.cli.common import as_json, counted, print_json, print_table, with_gateway
from gateway.cli.contact import members_json, print_members
from gateway.services import contacts as service
from gateway.services.core import Gateway


@click.group()
def group() -> None:
    """Keeps the groups of an account's address book. GROUP and CONTACT are IDs or names."""


@group.command()
@click.argument("account")
@click.argument("name")
@as_json
@with_gateway
def add(gateway: Gateway, account: str, name: str, as_json: bool) -> None:
    """Makes a group without members.

    \b
    Example: dragoman group add acme Night
    """
    made = service.add_group(gateway, account, name)
    if as_json:
        print_json(asdict(made))
    else:
        click.echo(f"Group {made.name} made; its ID is {made.id}. Next: dragoman group join {account} {made.id} CONTACT")


@group.command(name="list")
@click.argument("account")
@as_json
@with_gateway
def list_(gateway: Gateway, account: str, as_json: bool) -> None:
    """Lists the groups and how many contacts each has.

    \b
    Example: dragoman group list acme
    """
    rows = service.groups(gateway, account)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    empty = f"No group yet. Make one: dragoman group add {account} NAME"
    print_table(("ID", "NAME", "MEMBERS"), [(row.id, row.name, row.members) for row in rows], empty)


@group.command()
@click.argument("account")
@click.argument("group")
@as_json
@with_gateway
def show(gateway: Gateway, account: str, group: str, as_json: bool) -> None:
    """Shows a group's members.

    \b
    Example: dragoman group show acme Night
    """
    found, members = service.group_with_members(gateway, account, group)
    if as_json:
        print_json({"id": found.id, "name": found.name, "members": members_json(members)})
    else:
        print_members(members, f"Group {found.name} has no members.")


@group.command()
@click.argument("account")
@click.argument("group")
@as_json
@with_gateway
def remove(gateway: Gateway, account: str, group: str, as_json: bool) -> None:
    """Removes a group. Its members stay in the address book.

    \b
    Example: dragoman group remove acme Night
    """
    gone = service.remove_group(gateway, account, group)
    if as_json:
        print_json(asdict(gone))
    else:
        click.echo(f"Group {gone.name} removed; it had {counted(gone.members, 'member')}.")


@group.command()
@click.argument("account")
@click.argument("group")
@click.argument("contacts", metavar="CONTACT...", nargs=-1, required=True)
@as_json
@with_gateway
def join(gateway: Gateway, account: str, group: str, contacts: tuple[str, ...], as_json: bool) -> None:
    """Puts contacts into a group, all or none.

    \b
    Example: dragoman group join acme Night "Anna Rossi" Bruno
    """
    _tell(service.join_group(gateway, account, group, contacts), "joined", as_json)


@group.command()
@click.argument("account")
@click.argument("group")
@click.argument("contacts", metavar="CONTACT...", nargs=-1, required=True)
@as_json
@with_gateway
def leave(gateway: Gateway, account: str, group: str, contacts: tuple[str, ...], as_json: bool) -> None:
    """Takes contacts out of a group, all or none. They stay in the address book.

    \b
    Example: dragoman group leave acme Night Bruno
    """
    _tell(service.leave_group(gateway, account, group, contacts), "left", as_json)


def _tell(number: int, verb: str, as_json: bool) -> None:
    if as_json:
        print_json({verb: number})
    else:
        click.echo(f"{number} {verb}.")
