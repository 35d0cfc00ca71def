"""``dragoman key``: API keys. A key is shown once, when it is made; the database cannot give it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from gateway.cli.common import as_json, local, print_fields, print_json, print_table, stamp, with_gateway
from gateway.services import accounts, keys
from gateway.services.core import Gateway
from gateway.services.keys import BEGINNINGS, KeyTerms, NewKey
from gateway.services.rows import Account, Credential

MOST_DAYS = 36_500


@click.group()
def key() -> None:
    """Makes, lists and ends API keys."""


@key.command()
@click.argument("username")
@click.option("--kind", type=click.Choice(sorted(BEGINNINGS)), required=True, help="Which API it is for.")
@click.option(
    "--expires-days", type=click.IntRange(1, MOST_DAYS), metavar="DAYS", help="How long it is good. Default: until it is revoked."
)
@click.option("--permission", "permissions", metavar="DIALECT:ACTION", multiple=True, help="What it may do at most; repeatable.")
@click.option("--network", "networks", metavar="CIDR", multiple=True, help="A network it may be used from; repeatable. Default: any.")
@click.option("--daily-cap", type=int, metavar="MESSAGES", help="Most messages in a day of the account's zone.")
@click.option("--calls-per-minute", type=int, metavar="CALLS", help="Most calls a minute; for bulk keys only.")
@click.option("--test", "is_test", is_flag=True, help="Test mode: free, and no carrier sees a message.")
@click.option("--label", default="", metavar="TEXT", help="What it is for, to tell it from others.")
@as_json
@with_gateway
def create(
    gateway: Gateway,
    username: str,
    kind: str,
    expires_days: int | None,
    permissions: tuple[str, ...],
    networks: tuple[str, ...],
    daily_cap: int | None,
    calls_per_minute: int | None,
    is_test: bool,
    label: str,
    as_json: bool,
) -> None:
    """Makes a key of a user and prints it, this once.

    \b
    Example: dragoman key create erp --kind bulk --expires-days 365
    """
    terms = KeyTerms(permissions or None, networks or None, daily_cap, calls_per_minute, is_test, label)
    expires_at = None if expires_days is None else gateway.clock.now() + timedelta(days=expires_days)
    made = keys.create(gateway, kind, username, expires_at, terms)
    if as_json:
        print_json(_made_json(made, username, kind))
        return
    print_fields({"key": made.key, "prefix": made.prefix, "expires": made.expires_at and made.expires_at.isoformat()})
    click.echo("Keep it now: it is not shown again.")


@key.command(name="list")
@click.argument("account")
@as_json
@with_gateway
def list_(gateway: Gateway, account: str, as_json: bool) -> None:
    """Lists an account's keys and access tokens, newest first.

    \b
    Example: dragoman key list acme
    """
    found, users = accounts.account_with_users(gateway, account)
    names = {user.id: user.username for user in users}
    rows = keys.of_account(gateway, found.id)
    if as_json:
        print_json([_key_json(row, names.get(row.user_id or 0), found) for row in rows])
        return
    now, zone = gateway.clock.now(), ZoneInfo(found.zone)
    table = [
        (row.prefix or "-", row.kind, names.get(row.user_id or 0), row.label, local(row.created_at, zone), _expiry(row, zone),
         local(row.last_used_at, zone) or "never", standing(row, now), terms_in_words(row))
        for row in rows
    ]  # fmt: skip
    head = ("PREFIX", "KIND", "USER", "LABEL", "MADE", "EXPIRES", "LAST USED", "STATE", "TERMS")
    print_table(head, table, "No key yet. Make one: dragoman key create USERNAME --kind bulk")


@key.command()
@click.argument("prefix")
@as_json
@with_gateway
def revoke(gateway: Gateway, prefix: str, as_json: bool) -> None:
    """Ends the key that begins so, at once. PREFIX is its first twelve characters, as the list shows them.

    \b
    Example: dragoman key revoke bk_Ab3dEf9hJ
    """
    keys.revoke(gateway, prefix)
    if as_json:
        print_json({"prefix": prefix, "revoked": True})
    else:
        click.echo(f"Key {prefix} is ended.")


def standing(row: Credential, now: datetime) -> str:
    """Whether a key still opens anything."""
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "active"


def terms_in_words(row: Credential) -> str:
    """What a key allows less than its user has, on one line; "-" for nothing."""
    words = (
        row.permissions is not None and f"may {', '.join(row.permissions) or 'nothing'}",
        row.allowed_networks is not None and f"from {', '.join(row.allowed_networks) or 'nowhere'}",
        row.daily_cap is not None and f"{row.daily_cap} messages a day",
        row.calls_per_minute is not None and f"{row.calls_per_minute} calls a minute",
        row.is_test and "test mode",
    )
    return "; ".join(word for word in words if word) or "-"


def _expiry(row: Credential, zone: ZoneInfo) -> str:
    return local(row.expires_at, zone) or "never"


def _made_json(made: NewKey, username: str, kind: str) -> dict[str, Any]:
    return {
        "key": made.key,
        "prefix": made.prefix,
        "kind": kind,
        "username": username,
        "expires_at": made.expires_at and made.expires_at.astimezone(UTC).isoformat(),
    }


def _key_json(row: Credential, username: str | None, account: Account) -> dict[str, Any]:
    """A key for programs, without what would open anything."""
    zone = ZoneInfo(account.zone)
    return {
        "prefix": row.prefix,
        "kind": row.kind,
        "username": username,
        "label": row.label,
        "created_at": stamp(row.created_at, zone),
        "expires_at": stamp(row.expires_at, zone),
        "last_used_at": stamp(row.last_used_at, zone),
        "revoked_at": stamp(row.revoked_at, zone),
        "permissions": row.permissions,
        "networks": row.allowed_networks,
        "daily_cap": row.daily_cap,
        "calls_per_minute": row.calls_per_minute,
        "test": row.is_test,
    }
