"""``dragoman user``: who signs in. Passwords never stand on a command line, where other users of the machine could read them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from getpass import GetPassWarning
from typing import Any

import click

from gateway.cli.account import limits_in_words, user_json
from gateway.cli.common import F, as_json, print_json, standard_input, with_gateway
from gateway.domain.errors import BadCredentials, NotFound
from gateway.domain.order import USUAL_PRIORITY
from gateway.services import accounts, identity
from gateway.services.core import Gateway
from gateway.services.demo import generated_password


@click.group()
def user() -> None:
    """Makes and changes users: who signs in."""


def password_options(command: F) -> F:
    """Adds the two ways to give a password without being asked for it."""
    command = click.option("--generate", is_flag=True, help="Make a password of letters, digits and . _ ~ - and print it.")(command)
    return click.option("--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input.")(command)


@user.command()
@click.argument("account")
@click.argument("username")
@click.option("--permission", "permissions", metavar="DIALECT:ACTION", multiple=True, help="What it may do; repeatable. Default: all.")
@password_options
@as_json
@with_gateway
def create(
    gateway: Gateway, account: str, username: str, permissions: tuple[str, ...], from_stdin: bool, generate: bool, as_json: bool
) -> None:
    """Makes a user of an account; asks for the password.

    \b
    Example: dragoman user create acme erp --generate
    """
    password = asked_password(from_stdin, generate)
    made = accounts.create_user(gateway, account, username, password, permissions or ("*",))
    tell(f"User {username} of account {account} made.", user_json(made) | {"account": account}, password if generate else None, as_json)


@user.command()
@click.argument("username")
@password_options
@as_json
@with_gateway
def passwd(gateway: Gateway, username: str, from_stdin: bool, generate: bool, as_json: bool) -> None:
    """Sets a new password; asks for it.

    \b
    Example: dragoman user passwd erp --password-stdin < new-password.txt
    """
    password = asked_password(from_stdin, generate)
    try:
        identity.change_password(gateway, username, password)
    except BadCredentials as error:
        raise NotFound("user") from error
    tell(f"Password of {username} changed.", {"username": username}, password if generate else None, as_json)


@user.command()
@click.argument("username")
@as_json
@with_gateway
def disable(gateway: Gateway, username: str, as_json: bool) -> None:
    """Shuts a user out at once, open sessions included.

    \b
    Example: dragoman user disable erp
    """
    accounts.set_user_disabled(gateway, username, disabled=True)
    tell(f"User {username} is shut out.", {"username": username, "disabled": True}, None, as_json)


@user.command()
@click.argument("username")
@as_json
@with_gateway
def enable(gateway: Gateway, username: str, as_json: bool) -> None:
    """Lets a user in again.

    \b
    Example: dragoman user enable erp
    """
    accounts.set_user_disabled(gateway, username, disabled=False)
    tell(f"User {username} may sign in.", {"username": username, "disabled": False}, None, as_json)


@user.command()
@click.argument("username")
@as_json
@with_gateway
def revoke(gateway: Gateway, username: str, as_json: bool) -> None:
    """Ends a user's sessions and access token. The password still works.

    \b
    Example: dragoman user revoke erp
    """
    accounts.revoke_keys(gateway, username)
    tell(f"Sessions and access token of {username} ended.", {"username": username}, None, as_json)


@user.command()
@click.argument("username")
@click.option("--permission", "permissions", metavar="DIALECT:ACTION", multiple=True, help="What it may do from now on; repeatable.")
@click.option("--network", "networks", metavar="CIDR", multiple=True, help="A network it may call from; repeatable.")
@click.option("--any-network", is_flag=True, help="It may call from anywhere.")
@click.option("--daily-cap", type=int, metavar="MESSAGES", help="Most messages in a day of the account's zone.")
@click.option("--no-daily-cap", is_flag=True, help="As many messages a day as the credit pays for.")
@click.option("--calls-per-minute", type=int, metavar="CALLS", help="Most calls a minute by bulk SMS; no other API counts them.")
@click.option("--default-calls", is_flag=True, help="As many calls a minute by bulk SMS as the gateway's own limit.")
@click.option("--test", "is_test", is_flag=True, help="Test mode: free, and no carrier sees a message.")
@click.option("--live", "is_live", is_flag=True, help="No test mode any more.")
@as_json
@with_gateway
def limit(
    gateway: Gateway,
    username: str,
    permissions: tuple[str, ...],
    networks: tuple[str, ...],
    any_network: bool,
    daily_cap: int | None,
    no_daily_cap: bool,
    calls_per_minute: int | None,
    default_calls: bool,
    is_test: bool,
    is_live: bool,
    as_json: bool,
) -> None:
    """Changes what a user may do, how much and from where. What is not given stays as it is.

    \b
    Example: dragoman user limit erp --network 192.0.2.0/24 --daily-cap 5000
    """
    changes: dict[str, Any] = {
        **_either("networks", networks or None, any_network),
        **_either("daily_cap", daily_cap, no_daily_cap),
        **_either("calls_per_minute", calls_per_minute, default_calls),
        **({"permissions": permissions} if permissions else {}),
        **({"is_test": is_test} if is_test or is_live else {}),
    }
    if is_test and is_live:
        raise click.UsageError("--test and --live exclude each other.")
    if not changes:
        raise click.UsageError("Nothing to change: give at least one option.")
    changed = accounts.set_user_limits(gateway, username, lambda terms: replace(terms, **changes))
    tell(f"Limits of {username} changed: {limits_in_words(changed)}.", user_json(changed), None, as_json)


@user.command()
@click.argument("username")
@click.argument("which", metavar="LANE", type=click.Choice(["1", "2", "3", "usual"]))
@as_json
@with_gateway
def lane(gateway: Gateway, username: str, which: str, as_json: bool) -> None:
    """Sets the lane of a user's messages: 1 for alarms, which no quiet hours hold back, to 3. A call that names a priority keeps it.

    \b
    Example: dragoman user lane zabbix 1
    """
    changed = accounts.set_user_lane(gateway, username, None if which == "usual" else int(which))
    tell(f"Messages of {username} go by lane {changed.lane or USUAL_PRIORITY}.", user_json(changed), None, as_json)


def _either(name: str, value: Sequence[str] | int | None, none: bool) -> dict[str, Any]:
    """The change that an option and its opposite ask for."""
    if value is not None and none:
        raise click.UsageError(f"The two options for {name.replace('_', ' ')} exclude each other.")
    return {name: value} if value is not None or none else {}


def asked_password(from_stdin: bool, generate: bool) -> str:
    """The password as the options say: made, read from standard input, or asked for."""
    if from_stdin and generate:
        raise click.UsageError("--password-stdin and --generate exclude each other.")
    if generate:
        return generated_password()
    if from_stdin:
        return standard_input().rstrip("\r\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)  # the prompt would show what is typed
        try:
            return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
        except GetPassWarning as error:
            raise click.UsageError("There is no terminal to ask for the password at: give --password-stdin or --generate.") from error


def tell(words: str, data: dict[str, object], generated: str | None, as_json: bool) -> None:
    """What was done, in words or as JSON, with the password if one was made."""
    if as_json:
        print_json(data if generated is None else data | {"password": generated})
        return
    click.echo(words)
    if generated is not None:
        click.echo(f"Password: {generated}")
