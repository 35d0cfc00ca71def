"""``dragoman inbound``: what came in from handsets."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.common import as_json, print_fields, print_json, print_table, with_gateway
from gateway.services import received as service
from gateway.services.core import Gateway
from gateway.services.received import InboundMessage

HEAD = ("RECEIVED (UTC)", "ACCOUNT", "FROM", "TO", "KIND", "KEYWORD", "TEXT", "ID")
SHOWN_TEXT = 40


@click.group()
def inbound() -> None:
    """Shows what came in from handsets."""


@inbound.command(name="list")
@click.option("--account", metavar="NAME", help="Only what is this account's.")
@click.option("--unrouted", is_flag=True, help="Only what is nobody's.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, metavar="N", help="How many at most.")
@as_json
@with_gateway
def list_(gateway: Gateway, account: str | None, unrouted: bool, limit: int, as_json: bool) -> None:
    """Lists messages and missed calls, the newest first.

    \b
    Example: dragoman inbound list --unrouted
    """
    if account is not None and unrouted:
        raise click.UsageError("what is nobody's is no account's: give --account or --unrouted")
    rows = service.latest(gateway, account, limit, unrouted=unrouted)
    if as_json:
        print_json([_fields(row, name) for row, name in rows])
        return
    print_table(HEAD, [_line(row, name) for row, name in rows], "Nothing came in.")


@inbound.command()
@click.argument("message")
@as_json
@with_gateway
def show(gateway: Gateway, message: str, as_json: bool) -> None:
    """Shows one message whole. MESSAGE is its id.

    \b
    Example: dragoman inbound show 0197a3c2-f0de-7c4e-8e5d-1c2b3a400000
    """
    row, name = service.one(gateway, message)
    fields = _fields(row, name)
    if as_json:
        print_json(fields)
        return
    files = fields.pop("attachments")
    print_fields(fields | {"account": name or "nobody's", "attachments": ", ".join(each["name"] for each in files)})


def _line(row: InboundMessage, account: str | None) -> tuple[object, ...]:
    at = f"{row.received_at:%Y-%m-%d %H:%M:%S}"
    return (at, account or "nobody's", row.sender, row.recipient, row.kind, row.keyword, _short(row), row.public_id)


def _short(row: InboundMessage) -> str:
    line = " ".join(row.text.split())
    return line if len(line) <= SHOWN_TEXT else line[: SHOWN_TEXT - 1] + "…"


def _fields(row: InboundMessage, account: str | None) -> dict[str, Any]:
    """A message for programs; the content of attachments is left out."""
    return {
        "id": str(row.public_id),
        "account": account,
        "connector": row.connector,
        "kind": row.kind,
        "from": row.sender,
        "to": row.recipient,
        "sim": row.sim,
        "keyword": row.keyword,
        "encrypted": row.is_encrypted,
        "sent_at": row.at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "fetched_at": row.fetched_at and row.fetched_at.isoformat(),
        "attachments": [{"name": each["name"], "content_type": each["content_type"]} for each in row.attachments or []],
        "text": row.text,
    }
