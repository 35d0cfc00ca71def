"""``dragoman message``: what became of an order, from its first byte to its last receipt."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import click

from gateway.cli.common import as_json, counted, in_credits, local, money, print_fields, print_json, print_table, stamp, with_gateway
from gateway.cli.credit import entry_json, signed
from gateway.domain import msisdn
from gateway.domain.credit import format_credits
from gateway.domain.message import State
from gateway.services.core import Gateway
from gateway.services.explain import Offender, offenders
from gateway.services.rows import Attempt, Message, ReceiptRow
from gateway.services.story import MOST_MESSAGES, Found, MessageStory, Story, find_messages
from gateway.services.story import story as tell

MODES = {False: None, True: "test: free, and no carrier sees it"}


@click.group()
def message() -> None:
    """Finds messages and tells their stories."""


@message.command()
@click.argument("order")
@click.option("--account", metavar="NAME", help="Look in this account only.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=MOST_MESSAGES, show_default=True, help="Most messages shown.")
@as_json
@with_gateway
def show(gateway: Gateway, order: str, account: str | None, limit: int, as_json: bool) -> None:
    """Tells the whole story of an order, by its id, a message's id or the customer's reference.

    \b
    Example: dragoman message show 0197a3c2f0de7c4e8e5d1c2b3a495867
    """
    told = tell(gateway, order, account, limit)
    if as_json:
        print_json(_story_json(told))
    else:
        _story_plain(told)


@message.command(name="list")
@click.option("--to", metavar="NUMBER", help="Messages to this number.")
@click.option("--state", type=click.Choice([each.value for each in State]), help="Messages in this state.")
@click.option("--account", metavar="NAME", help="Look in this account only.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Most messages.")
@as_json
@with_gateway
def list_(gateway: Gateway, to: str | None, state: str | None, account: str | None, limit: int, as_json: bool) -> None:
    """Lists the newest messages, to a number or in a state.

    \b
    Example: dragoman message list --to +393471234567
    """
    recipient = msisdn.normalise(to, gateway.settings.default_region) if to else None
    rows = find_messages(gateway, account_name=account, recipient=recipient, state=state, limit=limit)
    zone = gateway.settings.default_zone
    if as_json:
        print_json([_found_json(row, zone) for row in rows])
        return
    table = [
        (
            local(row.order.created_at, zone),
            row.account_name,
            row.message.recipient,
            row.message.state,
            row.order.id.hex,
            row.order.client_ref,
        )
        for row in rows
    ]
    print_table(("ACCEPTED", "ACCOUNT", "RECIPIENT", "STATE", "ORDER", "REFERENCE"), table, "No such message.")


def _story_plain(told: Story) -> None:
    order, zone = told.order, ZoneInfo(told.account.zone)
    print_fields(
        {
            "order": order.id.hex,
            "reference": order.client_ref,
            "account": told.account.name,
            "user": told.username,
            "came through": order.dialect,
            "mode": MODES[order.is_test],
            "class": "flash: shown at once, not kept" if order.is_flash else None,
            "accepted": local(order.created_at, zone),
            "due": local(order.due_at, zone),
            "valid until": local(order.expires_at, zone),
            "type": f"{order.message_type} (as asked: {order.type_token})",
            "sender": order.originator,
            "label": order.label,
            "text as read": order.text_read,
            "text": order.text,
            "encrypted": "by the customer; only the handset can read it" if order.is_encrypted else None,
            "alphabet": f"{order.alphabet}{_blame(offenders(order.text))}",
            "parts": order.parts,
            "price": in_credits(format_credits(order.units)),
            "recipients": order.recipient_count,
            "messages": ", ".join(f"{count} {state}" for state, count in told.states.items()),
        }
    )
    for each in told.messages:
        _message_plain(each, zone)
    if order.recipient_count > len(told.messages):
        click.echo(f"\n{order.recipient_count - len(told.messages)} more messages; see --limit")
    click.echo("\nLedger")
    rows = [(entry.sequence, local(entry.created_at, zone), entry.kind, signed(entry), entry.note) for entry in told.entries]
    print_table(("  NO", "WHEN", "KIND", "CREDITS", "NOTE"), [(f"  {row[0]}", *row[1:]) for row in rows], "  no entry")


def _message_plain(each: MessageStory, zone: ZoneInfo) -> None:
    row = each.message
    click.echo(f"\n{row.recipient}: {row.state}{f' ({row.failure})' if row.failure else ''}")
    if row.own_text is not None:
        click.echo(f"  own text: {row.own_text} ({row.alphabet})")
    refunded = f", {format_credits(row.refunded_units)} given back" if row.refunded_units else ""
    click.echo(f"  {counted(row.parts, 'part')}, {in_credits(format_credits(row.units))}{refunded}, route {_way(row)}")
    for attempt in each.attempts:
        click.echo(f"  attempt {attempt.number}: {_attempt_words(attempt, zone)}")
    for receipt in each.receipts:
        click.echo(
            f"  receipt: {receipt.state} at {local(receipt.at, zone)}{_code(receipt.carrier_code)}, came {local(receipt.received_at, zone)}"
        )
    if row.final_at is not None:
        click.echo(f"  ended {local(row.final_at, zone)}")
    elif row.state in ("scheduled", "queued"):
        click.echo(f"  next try {local(row.due_at, zone)}")


def _attempt_words(attempt: Attempt, zone: ZoneInfo) -> str:
    began = f"{local(attempt.started_at, zone)} through {attempt.connector}"
    if attempt.outcome is None:
        return f"{began}, no outcome recorded yet"
    carrier_id = f", carrier's id {attempt.smsc_message_id}" if attempt.smsc_message_id else ""
    detail = f": {attempt.detail}" if attempt.detail else ""
    return f"{began}, {attempt.outcome}{_code(attempt.carrier_code)}{detail}{carrier_id}, ended {local(attempt.finished_at, zone)}"


def _way(row: Message) -> str:
    return f"{row.connector} by {row.route}" if row.route else row.connector


def _code(carrier_code: str | None) -> str:
    return f" [{carrier_code}]" if carrier_code else ""


def _blame(found: tuple[Offender, ...]) -> str:
    if not found:
        return ""
    first = found[0]
    return f", forced by {first.code_point} {first.name} at {first.index + 1}"


def _story_json(told: Story) -> dict[str, Any]:
    order, zone = told.order, ZoneInfo(told.account.zone)
    return {
        "order_id": order.id.hex,
        "reference": order.client_ref,
        "account": told.account.name,
        "user": told.username,
        "dialect": order.dialect,
        "is_test": order.is_test,
        "is_flash": order.is_flash,
        "is_encrypted": order.is_encrypted,
        "accepted_at": stamp(order.created_at, zone),
        "due_at": stamp(order.due_at, zone),
        "expires_at": stamp(order.expires_at, zone),
        "type": order.message_type,
        "type_token": order.type_token,
        "sender": order.originator,
        "label": order.label,
        "text_read": order.text_read,
        "text": order.text,
        "alphabet": order.alphabet,
        "offenders": [{"position": each.index, "code_point": each.code_point, "name": each.name} for each in offenders(order.text)],
        "parts": order.parts,
        "recipients": order.recipient_count,
        "price": money(order.units),
        "states": told.states,
        "messages": [_message_json(each, zone) for each in told.messages],
        "ledger": [entry_json(entry, zone) for entry in told.entries],
    }


def _message_json(each: MessageStory, zone: ZoneInfo) -> dict[str, Any]:
    row = each.message
    return {
        "recipient": row.recipient,
        "state": row.state,
        "failure": row.failure,
        "text": row.own_text,
        "alphabet": row.alphabet,
        "parts": row.parts,
        "price": money(row.units),
        "refunded": money(row.refunded_units),
        "connector": row.connector,
        "route": row.route,
        "due_at": stamp(row.due_at, zone),
        "sent_at": stamp(row.sent_at, zone),
        "final_at": stamp(row.final_at, zone),
        "smsc_message_id": row.smsc_message_id,
        "attempts": [_attempt_json(attempt, zone) for attempt in each.attempts],
        "receipts": [_receipt_json(receipt, zone) for receipt in each.receipts],
    }


def _attempt_json(attempt: Attempt, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "connector": attempt.connector,
        "started_at": stamp(attempt.started_at, zone),
        "finished_at": stamp(attempt.finished_at, zone),
        "outcome": attempt.outcome,
        "carrier_code": attempt.carrier_code,
        "detail": attempt.detail,
        "smsc_message_id": attempt.smsc_message_id,
    }


def _receipt_json(receipt: ReceiptRow, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "state": receipt.state,
        "carrier_code": receipt.carrier_code,
        "at": stamp(receipt.at, zone),
        "received_at": stamp(receipt.received_at, zone),
    }


def _found_json(row: Found, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "order_id": row.order.id.hex,
        "reference": row.order.client_ref,
        "account": row.account_name,
        "accepted_at": stamp(row.order.created_at, zone),
        "recipient": row.message.recipient,
        "state": row.message.state,
        "failure": row.message.failure,
        "price": money(row.message.units),
    }
