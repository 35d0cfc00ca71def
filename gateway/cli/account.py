"""``dragoman account``: who pays."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import click

from gateway.cli.common import as_json, local, money, print_fields, print_json, print_table, stamp, with_gateway
from gateway.domain.credit import format_credits, parse_credits
from gateway.domain.order import USUAL_PRIORITY
from gateway.domain.parts import TextPolicy
from gateway.services import accounts as service
from gateway.services.accounts import NewAccount
from gateway.services.core import Gateway
from gateway.services.rows import Account, User


@click.group()
def account() -> None:
    """Makes and shows accounts: who pays."""


@account.command()
@click.argument("name")
@click.option("--zone", default="", metavar="ZONE", help="Time zone, such as Europe/Rome. Default: DRAGOMAN_DEFAULT_ZONE.")
@click.option("--region", default="", metavar="XX", help="Country of numbers without a country code. Default: DRAGOMAN_DEFAULT_REGION.")
@click.option("--from", "originator", metavar="SENDER", help="Sender of messages that name none.")
@click.option("--allow", "originators", metavar="SENDER", multiple=True, help="A sender it may use; repeatable. None given: any.")
@click.option(
    "--text-policy",
    type=click.Choice([each.value for each in TextPolicy]),
    default=TextPolicy.UCS2.value,
    show_default=True,
    help="What happens to text outside GSM-7.",
)
@click.option("--credit-limit", default="0", metavar="CREDITS", show_default=True, help="How far below zero the balance may go.")
@as_json
@with_gateway
def create(
    gateway: Gateway,
    name: str,
    zone: str,
    region: str,
    originator: str | None,
    originators: tuple[str, ...],
    text_policy: str,
    credit_limit: str,
    as_json: bool,
) -> None:
    """Makes an account without credit.

    \b
    Example: dragoman account create acme --zone Europe/Rome --from Acme
    """
    new = NewAccount(
        name=name,
        zone=zone,
        region=region,
        originator=originator,
        originators=originators or None,
        text_policy=TextPolicy(text_policy),
        credit_limit_units=parse_credits(credit_limit),
    )
    made = service.create_account(gateway, new)
    if as_json:
        print_json(account_json(made))
    else:
        click.echo(f"Account {made.name} made. Next: dragoman credit add {made.name} 100; dragoman user create {made.name} NAME")


@account.command(name="list")
@as_json
@with_gateway
def list_(gateway: Gateway, as_json: bool) -> None:
    """Lists all accounts and their balances.

    \b
    Example: dragoman account list
    """
    rows = service.accounts(gateway)
    if as_json:
        print_json([account_json(row) for row in rows])
        return
    table = [(row.name, format_credits(row.balance), format_credits(row.credit_limit), row.status, row.zone) for row in rows]
    print_table(("ACCOUNT", "CREDITS", "LIMIT", "STATUS", "ZONE"), table, "No account yet. Make one: dragoman account create NAME")


@account.command()
@click.argument("name")
@as_json
@with_gateway
def show(gateway: Gateway, name: str, as_json: bool) -> None:
    """Shows one account and its users.

    \b
    Example: dragoman account show acme
    """
    found, users = service.account_with_users(gateway, name)
    if as_json:
        print_json(account_json(found) | {"users": [user_json(user) for user in users]})
        return
    print_fields(
        {
            "account": found.name,
            "status": found.status,
            "credits": format_credits(found.balance),
            "credit limit": format_credits(found.credit_limit),
            "zone": found.zone,
            "region": found.default_region,
            "sender": found.default_originator,
            "allowed senders": "any" if found.originators is None else ", ".join(found.originators),
            "text policy": found.text_policy,
            "made": local(found.created_at, ZoneInfo(found.zone)),
            "users": ", ".join(user.username + (" (disabled)" if user.disabled else "") for user in users) or "none",
        }
    )
    for user in users:
        click.echo(f"  {user.username}: {limits_in_words(user)}")


def account_json(row: Account) -> dict[str, Any]:
    """An account for programs."""
    return {
        "account": row.name,
        "id": row.id,
        "status": row.status,
        "balance": money(row.balance),
        "credit_limit": money(row.credit_limit),
        "zone": row.zone,
        "region": row.default_region,
        "sender": row.default_originator,
        "allowed_senders": row.originators,
        "text_policy": row.text_policy,
        "created_at": stamp(row.created_at, ZoneInfo(row.zone)),
    }


def user_json(row: User) -> dict[str, Any]:
    """A user for programs. The key is an identifier; the password is known to nobody."""
    return {
        "username": row.username,
        "user_key": row.user_key,
        "permissions": row.permissions,
        "disabled": row.disabled,
        "networks": row.allowed_networks,
        "daily_cap": row.daily_cap,
        "calls_per_minute": row.calls_per_minute,
        "test": row.is_test,
        "lane": row.lane,
    }


def limits_in_words(row: User) -> str:
    """What a user may do, how much and from where, on one line."""
    return "; ".join(
        (
            f"may {', '.join(row.permissions) or 'nothing'}",
            "from any network" if row.allowed_networks is None else f"from {', '.join(row.allowed_networks) or 'nowhere'}",
            "no daily cap" if row.daily_cap is None else f"{row.daily_cap} messages a day",
            "default calls a minute" if row.calls_per_minute is None else f"{row.calls_per_minute} calls a minute",
            "test mode" if row.is_test else "live",
            f"lane {row.lane or USUAL_PRIORITY}",
        )
    )
