"""``dragoman send``: an order from the shell, through the same door as everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import click

from gateway.cli.common import (
    MESSAGE_TYPE,
    as_json,
    counted,
    in_credits,
    local,
    money,
    print_fields,
    print_json,
    stamp,
    standard_input,
    with_gateway,
)
from gateway.domain import dates, msisdn, originator
from gateway.domain.credit import format_credits
from gateway.domain.errors import OriginatorNotAllowed, PermissionDenied
from gateway.domain.order import Submission
from gateway.domain.parts import TextPolicy
from gateway.domain.tariff import MessageType
from gateway.services import explain, ordering
from gateway.services.accounts import account_with_users
from gateway.services.core import Gateway
from gateway.services.ordering import Terms
from gateway.services.rows import Account

DIALECT = "cli"


@click.command()
@click.option("--account", required=True, metavar="NAME", help="Who pays.")
@click.option("--to", "recipients", required=True, multiple=True, metavar="NUMBER", help="A recipient; repeatable.")
@click.option("--text", required=True, help="The message; - reads it from standard input.")
@click.option("--at", metavar="DATE", help="When to send, in the account's zone, such as 2026-05-01T09:00. Default: now.")
@click.option("--type", "type_", type=MESSAGE_TYPE, default=MessageType.HIGH.value, show_default=True, help="What to buy.")
@click.option("--from", "sender", metavar="SENDER", help="Who appears as sender. Default: the account's.")
@click.option("--lane", type=click.IntRange(1, 3), default=2, show_default=True, help="1 is for alarms, which no quiet hours hold back.")
@click.option("--ref", metavar="REFERENCE", help="Your own name for the order; refused when used before.")
@click.option("--dry-run", is_flag=True, help="Only tell what it would cost.")
@as_json
@with_gateway
def send(
    gateway: Gateway,
    account: str,
    recipients: tuple[str, ...],
    text: str,
    at: str | None,
    type_: str,
    sender: str | None,
    lane: int,
    ref: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Sends a text, on the account's credit.

    \b
    Example: dragoman send --account acme --to +393471234567 --text "Hello world!"
    """
    payer, _ = account_with_users(gateway, account)
    if payer.status != "active":
        raise PermissionDenied(f"sending for the {payer.status} account {account}")
    zone = ZoneInfo(payer.zone)
    submission = Submission(
        account_id=payer.id,
        user_id=None,
        dialect=DIALECT,
        message_type=MessageType(type_),
        type_token=type_,
        text=standard_input() if text == "-" else text,
        recipients=_distinct(recipients, payer.default_region),
        fingerprint=b"",
        originator=_originator(payer, sender),
        due_at=dates.parse(at, zone, "--at") if at else None,
        client_ref=ref,
        priority=lane,
    )
    if dry_run:
        _tell_price(gateway, submission, TextPolicy(payer.text_policy), as_json)
    else:
        _tell_accepted(ordering.submit(gateway, submission, Terms(text_policy=TextPolicy(payer.text_policy))), submission, zone, as_json)


def _distinct(numbers: Sequence[str], region: str) -> list[str]:
    return list(dict.fromkeys(msisdn.normalise(number, region) for number in numbers))


def _originator(payer: Account, sender: str | None) -> str | None:
    if sender is None:
        return payer.default_originator
    chosen = originator.normalise(sender)
    if payer.originators is not None and chosen not in payer.originators:
        raise OriginatorNotAllowed(chosen)
    return chosen


def _tell_price(gateway: Gateway, submission: Submission, policy: TextPolicy, as_json: bool) -> None:
    encoded, units = explain.quote(gateway, submission, policy)
    if as_json:
        shape = {"alphabet": encoded.alphabet, "parts": encoded.parts, "recipients": len(submission.recipients)}
        print_json({"dry_run": True, **shape, "price": money(units)})
        return
    recipients, parts = counted(len(submission.recipients), "recipient"), counted(encoded.parts, "part")
    click.echo(f"Nothing sent. {recipients}, {encoded.alphabet.value}, {parts} each: {in_credits(format_credits(units))}")


def _tell_accepted(accepted: ordering.Accepted, submission: Submission, zone: ZoneInfo, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "order_id": accepted.order_id,
                "reference": submission.client_ref,
                "recipients": accepted.recipient_count,
                "price": money(accepted.units),
                "balance": money(accepted.balance_units),
                "due_at": stamp(submission.due_at, zone),
            }
        )
        return
    print_fields(
        {
            "order": accepted.order_id,
            "recipients": accepted.recipient_count,
            "credits": format_credits(accepted.units),
            "balance": format_credits(accepted.balance_units),
            "due": local(submission.due_at, zone),
        }
    )
    click.echo(f"Follow it: dragoman message show {accepted.public_id}")
