"""``dragoman contact``: an account's address book, one by one or as a file."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.common import EXIT_REFUSED, as_json, counted, print_json, print_table, with_gateway
from gateway.domain.addressbook import MOST_BYTES, Problem
from gateway.services import contacts as service
from gateway.services.contacts import Imported, Listed
from gateway.services.core import Gateway

HEAD = ("ID", "NAME", "NUMBER", "GROUPS")


@click.group()
def contact() -> None:
    """Keeps an account's address book. CONTACT is an ID or a name."""


@contact.command()
@click.argument("account")
@click.argument("name")
@click.argument("number")
@click.option("--group", "groups", metavar="GROUP", multiple=True, help="A group it joins, by ID or name; repeatable.")
@as_json
@with_gateway
def add(gateway: Gateway, account: str, name: str, number: str, groups: tuple[str, ...], as_json: bool) -> None:
    """Adds a contact.

    \b
    Example: dragoman contact add acme "Anna Rossi" +393471234567 --group Night
    """
    made = service.add_contact(gateway, account, name, number, groups)
    _tell(f"Contact {made.name} with {made.number} added; its ID is {made.id}.", made.id, made.name, made.number, as_json)


@contact.command(name="list")
@click.argument("account")
@as_json
@with_gateway
def list_(gateway: Gateway, account: str, as_json: bool) -> None:
    """Lists the address book, by name.

    \b
    Example: dragoman contact list acme
    """
    rows = service.contacts(gateway, account)
    if as_json:
        print_json(members_json(rows))
    else:
        print_members(rows, f"No contact yet. Add one: dragoman contact add {account} NAME NUMBER")


@contact.command()
@click.argument("account")
@click.argument("contact")
@click.argument("name")
@as_json
@with_gateway
def rename(gateway: Gateway, account: str, contact: str, name: str, as_json: bool) -> None:
    """Gives a contact another name. It keeps its ID and its groups.

    \b
    Example: dragoman contact rename acme "Anna Rossi" "Anna Bianchi"
    """
    row = service.rename_contact(gateway, account, contact, name)
    _tell(f"Contact {row.id} is now {row.name}.", row.id, row.name, row.number, as_json)


@contact.command()
@click.argument("account")
@click.argument("contact")
@as_json
@with_gateway
def remove(gateway: Gateway, account: str, contact: str, as_json: bool) -> None:
    """Removes a contact, from its groups too.

    \b
    Example: dragoman contact remove acme "Anna Rossi"
    """
    gone = service.remove_contact(gateway, account, contact)
    _tell(f"Contact {gone.name} with {gone.number} removed.", gone.id, gone.name, gone.number, as_json)


@contact.command(name="import")
@click.argument("account")
@click.argument("file")
@click.option("--skip-invalid", is_flag=True, help="Import the rows that can be used, instead of nothing, when some cannot.")
@as_json
@with_gateway
def import_(gateway: Gateway, account: str, file: str, skip_invalid: bool, as_json: bool) -> None:
    """Adds the contacts of a CSV file; - reads standard input.

    The first line names the columns name, number and groups. A name that is there gets the new number and joins the groups too.
    Nothing is imported when any row cannot be used; each is reported with its line. Exit code 1: nothing was imported.

    \b
    Example: dragoman contact import acme contacts.csv
    """
    done = service.import_contacts(gateway, account, _read(file), skip_invalid=skip_invalid)
    if as_json:
        print_json(asdict(done))
    else:
        _tell_imported(done)
    if not done.done:
        click.get_current_context().exit(EXIT_REFUSED)


@contact.command()
@click.argument("account")
@click.option("--output", metavar="FILE", help="Write to this file, readable by you alone if it is new, not to standard output.")
@with_gateway
def export(gateway: Gateway, account: str, output: str | None) -> None:
    """Writes the address book as CSV, which 'contact import' reads.

    \b
    Example: dragoman contact export acme --output contacts.csv
    """
    data = service.export_contacts(gateway, account)
    if output is None or output == "-":
        click.echo(data, nl=False)
        return
    with open(output, "wb", opener=_private) as file:
        file.write(data)


def members_json(rows: list[Listed]) -> list[dict[str, object]]:
    """Contacts for programs."""
    return [asdict(row) for row in rows]


def print_members(rows: list[Listed], empty: str) -> None:
    """Contacts for people, or the sentence ``empty``."""
    print_table(HEAD, [(row.id, row.name, row.number, ", ".join(row.groups)) for row in rows], empty)


def _tell(words: str, key: int, name: str, number: str, as_json: bool) -> None:
    if as_json:
        print_json({"id": key, "name": name, "number": number})
    else:
        click.echo(words)


def _read(file: str) -> bytes:
    """The file, or so much of it as shows that it is too large."""
    if file == "-":
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    with Path(file).open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _tell_imported(done: Imported) -> None:
    for problem in done.problems:
        click.echo(_line(problem), err=True)
    unusable = f"{counted(len(done.problems), 'row')} cannot be used"
    if not done.done:
        click.echo(f"Error: nothing imported: {unusable}; --skip-invalid imports the others", err=True)
        return
    click.echo(f"contacts: {done.added} added, {done.renumbered} with a new number, {done.unchanged} as they were")
    click.echo(f"groups: {done.groups_added} made, {done.joined} times a contact joined one")
    if done.problems:
        click.echo(f"skipped: {unusable}")


def _line(problem: Problem) -> str:
    return f"line {problem.line}: {problem.reason}"
