"""``dragoman unknown``: messages that may or may not have been sent, and a person's decision about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gateway.cli.common import as_json, local, print_json, print_table, stamp, with_gateway
from gateway.domain import msisdn
from gateway.domain.message import State
from gateway.services import unknown as service
from gateway.services.core import Gateway
from gateway.services.unknown import ENDS, Chosen, Done, Listed

F = TypeVar("F", bound=Callable[..., Any])

HEAD = ("SINCE", "ACCOUNT", "RECIPIENT", "CONNECTOR", "ORDER", "WHY")


@click.group()
def unknown() -> None:
    """Lists, resends and settles messages whose sending ended without an answer."""


@unknown.command(name="list")
@click.option("--connector", metavar="NAME", help="Of this connector only.")
@click.option("--account", metavar="NAME", help="Of this account only.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Most messages.")
@as_json
@with_gateway
def list_(gateway: Gateway, connector: str | None, account: str | None, limit: int, as_json: bool) -> None:
    """Lists unknown messages, those that are so for longest first.

    \b
    Example: dragoman unknown list --connector simulator
    """
    rows, total = service.listed(gateway, connector, account, limit)
    zone = gateway.settings.default_zone
    if as_json:
        print_json([_json(gateway, row) for row in rows])
        return
    table = [
        (local(row.since, zone), row.account_name, row.message.recipient, row.message.connector, row.order.id.hex, _why(row))
        for row in rows
    ]
    print_table(HEAD, table, "No unknown message.")
    if total > len(rows):
        click.echo(f"\n{total - len(rows)} more; see --limit")


def choice(command: F) -> F:
    """Adds what names the messages of an order, as the arguments ``recipient``, ``every`` and ``account``."""
    for option in (
        click.option("--account", metavar="NAME", help="Look for the order in this account only."),
        click.option("--all", "every", is_flag=True, help="All unknown messages of the order."),
        click.option("--recipient", metavar="NUMBER", help="The one to this number."),
    ):
        command = option(command)
    return command


@unknown.command()
@click.argument("order")
@choice
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@with_gateway
def resend(gateway: Gateway, order: str, recipient: str | None, every: bool, account: str | None, yes: bool, as_json: bool) -> None:
    """Sends unknown messages of an order again, now. The handset may ring twice.

    \b
    Example: dragoman unknown resend 0197a3c2f0de7c4e8e5d1c2b3a495867 --all
    """
    chosen = _chosen(gateway, order, account, recipient, every)
    if not yes:
        question = f"{_messages(chosen.count)} may have been sent already, and the handset may ring twice. Send again?"
        click.confirm(question, abort=True, err=True)
    done = service.resend(gateway, chosen)
    _tell(done, f"{_messages(done.moved)} queued again.", chosen, State.QUEUED, as_json)


@unknown.command()
@click.argument("order")
@click.option("--as", "state", type=click.Choice([each.value for each in ENDS]), required=True, help="What became of it.")
@choice
@as_json
@with_gateway
def settle(gateway: Gateway, order: str, state: str, recipient: str | None, every: bool, account: str | None, as_json: bool) -> None:
    """Settles unknown messages of an order as what the carrier says became of them. This cannot be taken back.

    \b
    Example: dragoman unknown settle 0197a3c2f0de7c4e8e5d1c2b3a495867 --as delivered --recipient +393471234567
    """
    chosen = _chosen(gateway, order, account, recipient, every)
    done = service.settle_as(gateway, chosen, State(state))
    _tell(done, f"{_messages(done.moved)} settled as {state}.", chosen, State(state), as_json)


def _chosen(gateway: Gateway, order: str, account: str | None, recipient: str | None, every: bool) -> Chosen:
    if recipient is not None and every:
        raise click.UsageError("give --recipient or --all, not both")
    number = None if recipient is None else msisdn.normalise(recipient, gateway.settings.default_region)
    return service.choose(gateway, order, account, number, every=every)


def _tell(done: Done, words: str, chosen: Chosen, state: State, as_json: bool) -> None:
    if as_json:
        print_json({"order_id": chosen.order_id.hex, "state": state.value, "moved": done.moved, "too_late": done.too_late})
        return
    click.echo(words)
    if done.too_late:
        click.echo(f"{_messages(done.too_late)} left: the validity is over; settle what is left.")
    answered = chosen.count - done.moved - done.too_late
    if answered > 0:
        click.echo(f"{_messages(answered)} left: an answer came in the meantime.")


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"


def _json(gateway: Gateway, row: Listed) -> dict[str, object]:
    zone, attempt = gateway.settings.default_zone, row.attempt
    return {
        "order_id": row.order.id.hex,
        "reference": row.order.client_ref,
        "account": row.account_name,
        "recipient": row.message.recipient,
        "connector": row.message.connector,
        "attempts": row.message.attempts,
        "since": stamp(row.since, zone),
        "carrier_code": None if attempt is None else attempt.carrier_code,
        "detail": None if attempt is None else attempt.detail,
        "expires_at": stamp(row.message.expires_at, zone),
    }


def _why(row: Listed) -> str:
    attempt = row.attempt
    return "" if attempt is None else " ".join(filter(None, [attempt.carrier_code, attempt.detail]))
