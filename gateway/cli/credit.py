"""``dragoman credit``: selling credit, taking it back, and where it went."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import click

from gateway.cli.common import as_json, in_credits, local, money, print_json, print_table, stamp, with_gateway
from gateway.domain.credit import format_credits, parse_credits
from gateway.domain.errors import InvalidField
from gateway.services.core import Gateway
from gateway.services.ledger import add_credit
from gateway.services.rows import LedgerEntry
from gateway.services.story import credit_history


@click.group()
def credit() -> None:
    """Sells credit to accounts and shows where it went."""


@credit.command()
@click.argument("account")
@click.argument("credits_")
@click.option("--note", default="", help="Why, in up to 200 characters.")
@as_json
@with_gateway
def add(gateway: Gateway, account: str, credits_: str, note: str, as_json: bool) -> None:
    """Adds credit to an account. For less, use "credit take" or put -- before a negative number.

    \b
    Example: dragoman credit add acme 12.5 --note "invoice 17"
    """
    _change(gateway, account, parse_credits(credits_), note, as_json)


@credit.command()
@click.argument("account")
@click.argument("credits_")
@click.option("--note", default="", help="Why, in up to 200 characters.")
@as_json
@with_gateway
def take(gateway: Gateway, account: str, credits_: str, note: str, as_json: bool) -> None:
    """Takes credit back, as far as the account has it.

    \b
    Example: dragoman credit take acme 2.5 --note "typed too much"
    """
    units = parse_credits(credits_)
    if units < 0:
        raise InvalidField("credits", "must be above zero: they are taken away")
    _change(gateway, account, -units, note, as_json)


@credit.command()
@click.argument("account")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Most entries.")
@as_json
@with_gateway
def history(gateway: Gateway, account: str, limit: int, as_json: bool) -> None:
    """Shows the newest entries of an account's ledger, newest first.

    \b
    Example: dragoman credit history acme --limit 50
    """
    owner, entries = credit_history(gateway, account, limit)
    zone = ZoneInfo(owner.zone)
    if as_json:
        print_json([entry_json(entry, zone) for entry in entries])
        return
    rows = [
        (entry.sequence, local(entry.created_at, zone), entry.kind, signed(entry), format_credits(entry.balance_after), _about(entry))
        for entry in entries
    ]
    print_table(("NO", "WHEN", "KIND", "CREDITS", "BALANCE", "ABOUT"), rows, "No entry yet.")


def entry_json(entry: LedgerEntry, zone: ZoneInfo) -> dict[str, Any]:
    """A ledger entry for programs; ``change`` is what it did to the account's balance."""
    return {
        "sequence": entry.sequence,
        "at": stamp(entry.created_at, zone),
        "kind": entry.kind,
        "change": money(_change_units(entry)),
        "balance_after": money(entry.balance_after),
        "order_id": entry.order_id.hex if entry.order_id else None,
        "refund_of": entry.refund_of,
        "note": entry.note,
    }


def signed(entry: LedgerEntry) -> str:
    """The change of the balance in credits, with its sign."""
    units = _change_units(entry)
    return f"{'+' if units > 0 else ''}{format_credits(units)}"


def _change(gateway: Gateway, account: str, units: int, note: str, as_json: bool) -> None:
    entry = add_credit(gateway, account, units, note)
    owner, _ = credit_history(gateway, account, 1)
    if as_json:
        print_json(entry_json(entry, ZoneInfo(owner.zone)))
    else:
        click.echo(f"{account}: {in_credits(signed(entry))}, balance {format_credits(entry.balance_after)}")


def _change_units(entry: LedgerEntry) -> int:
    return entry.units if entry.to_account_id == entry.account_id else -entry.units


def _about(entry: LedgerEntry) -> str:
    return " ".join(part for part in (f"order {entry.order_id.hex}" if entry.order_id else "", entry.note) if part)
