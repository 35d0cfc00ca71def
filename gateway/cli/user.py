"""``dragoman user``: who signs in. Passwords never stand on a command line, where other users of the machine could read them."""

from __future__ import annotations

import click

from gateway.cli.account import user_json
from gateway.cli.common import F, as_json, print_json, standard_input, with_gateway
from gateway.domain.errors import BadCredentials, NotFound
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
    password = _password(from_stdin, generate)
    made = accounts.create_user(gateway, account, username, password, permissions or ("*",))
    _tell(f"User {username} of account {account} made.", user_json(made) | {"account": account}, password if generate else None, as_json)


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
    password = _password(from_stdin, generate)
    try:
        identity.change_password(gateway, username, password)
    except BadCredentials as error:
        raise NotFound("user") from error
    _tell(f"Password of {username} changed.", {"username": username}, password if generate else None, as_json)


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
    _tell(f"User {username} is shut out.", {"username": username, "disabled": True}, None, as_json)


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
    _tell(f"User {username} may sign in.", {"username": username, "disabled": False}, None, as_json)


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
    _tell(f"Sessions and access token of {username} ended.", {"username": username}, None, as_json)


def _password(from_stdin: bool, generate: bool) -> str:
    if from_stdin and generate:
        raise click.UsageError("--password-stdin and --generate exclude each other.")
    if generate:
        return generated_password()
    if from_stdin:
        return standard_input().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _tell(words: str, data: dict[str, object], generated: str | None, as_json: bool) -> None:
    if as_json:
        print_json(data if generated is None else data | {"password": generated})
        return
    click.echo(words)
    if generated is not None:
        click.echo(f"Password: {generated}")
