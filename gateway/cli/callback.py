"""``dragoman callback``: where programs are called when something happens, and what became of the calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from gateway.cli.common import as_json, counted, local, print_fields, print_json, print_table, stamp, standard_input, with_gateway
from gateway.domain import dates
from gateway.services.callbacks import endpoints as service
from gateway.services.callbacks import replay as later
from gateway.services.callbacks import sending
from gateway.services.callbacks.endpoints import OWN, EndpointState, Made, NewEndpoint
from gateway.services.callbacks.replay import DeadCall
from gateway.services.core import Gateway

HEAD = ("ID", "ACCOUNT", "KIND", "HOST", "STATE", "WAITING", "DEAD")
DEAD_HEAD = ("DELIVERY", "ENDPOINT", "EVENT", "GIVEN UP", "TRIES", "WHY")
OPERATOR = "(operator)"


@click.group()
def callback() -> None:
    """Keeps where programs are called when something happens. ENDPOINT is an id as 'list' shows it."""


@callback.command()
@click.argument("account", required=False)
@click.option("--operator", is_flag=True, help="The operator's own, told of every account. Instead of ACCOUNT.")
@click.option("--kind", type=click.Choice(OWN), default="native", show_default=True, help="How it is said: native is signed JSON.")
@click.option("--url", required=True, metavar="URL", help="Where to; - reads it from standard input, out of the shell's history.")
@click.option("--method", type=click.Choice(["GET", "POST"]), help="How smsend is called; GET unless given.")
@click.option("--event", "events", multiple=True, metavar="EVENT", help="An event to be told of; repeatable. Default: all.")
@as_json
@with_gateway
def add(
    gateway: Gateway, account: str | None, operator: bool, kind: str, url: str, method: str | None, events: tuple[str, ...], as_json: bool
) -> None:
    """Adds an endpoint and prints its signing key, this once.

    \b
    Example: dragoman callback add acme --url https://erp.example.org/sms
    """
    if operator == (account is not None):
        raise click.UsageError("name an ACCOUNT, or give --operator")
    address = standard_input().strip() if url == "-" else url
    made = service.add(gateway, NewEndpoint(account, kind, address, method, events))
    words = f"{made.state.account or 'The operator'} is called at {made.state.host} for {counted(len(made.state.events), 'event')}."
    _tell_made(gateway, words, made, as_json)


@callback.command(name="list")
@click.argument("account", required=False)
@as_json
@with_gateway
def list_(gateway: Gateway, account: str | None, as_json: bool) -> None:
    """Lists the endpoints of an account or of all, httpSMS webhooks among them.

    \b
    Example: dragoman callback list
    """
    rows = service.listed(gateway, account)
    if as_json:
        print_json([_fields(gateway, row) for row in rows])
        return
    now = gateway.clock.now()
    table = [(row.id, row.account or OPERATOR, row.kind, row.host, _standing(row, now), row.waiting, row.dead) for row in rows]
    print_table(HEAD, table, "No endpoint yet. Add one: dragoman callback add ACCOUNT --url URL")


@callback.command()
@click.argument("endpoint", type=click.UUID)
@as_json
@with_gateway
def show(gateway: Gateway, endpoint: UUID, as_json: bool) -> None:
    """Shows one endpoint: its events, and how its calls go. Of its address only the host is shown.

    \b
    Example: dragoman callback show 6f1c7b1e-3a52-4f6b-9c1a-0c5a2f9d7e10
    """
    _tell(gateway, "", service.one(gateway, endpoint), as_json)


@callback.command()
@click.argument("endpoint", type=click.UUID)
@as_json
@with_gateway
def remove(gateway: Gateway, endpoint: UUID, as_json: bool) -> None:
    """Removes an endpoint. Its calls that wait are given up.

    \b
    Example: dragoman callback remove 6f1c7b1e-3a52-4f6b-9c1a-0c5a2f9d7e10
    """
    row = service.remove(gateway, endpoint)
    _tell(gateway, f"{row.host} is no longer called; {counted(row.waiting, 'call')} given up.", row, as_json, is_brief=True)


@callback.command()
@click.argument("endpoint", type=click.UUID)
@as_json
@with_gateway
def enable(gateway: Gateway, endpoint: UUID, as_json: bool) -> None:
    """Switches an endpoint on and forgets how often it failed. Calls that failed go at their own next try.

    \b
    Example: dragoman callback enable 6f1c7b1e-3a52-4f6b-9c1a-0c5a2f9d7e10
    """
    row = service.set_enabled(gateway, endpoint, enabled=True)
    _tell(gateway, f"{row.host} is called; {counted(row.waiting, 'call')} waiting.", row, as_json, is_brief=True)


@callback.command()
@click.argument("endpoint", type=click.UUID)
@as_json
@with_gateway
def disable(gateway: Gateway, endpoint: UUID, as_json: bool) -> None:
    """Switches an endpoint off. What waits goes on waiting; what happens meanwhile is not told later.

    \b
    Example: dragoman callback disable 6f1c7b1e-3a52-4f6b-9c1a-0c5a2f9d7e10
    """
    row = service.set_enabled(gateway, endpoint, enabled=False)
    _tell(gateway, f"{row.host} is not called until it is on again; {counted(row.waiting, 'call')} waiting.", row, as_json, is_brief=True)


@callback.command()
@click.argument("endpoint", type=click.UUID)
@as_json
@with_gateway
def test(gateway: Gateway, endpoint: UUID, as_json: bool) -> None:
    """Calls an endpoint once, now, with an event of no meaning, and prints the answer. Exit code 1: it was not taken.

    \b
    Example: dragoman callback test 6f1c7b1e-3a52-4f6b-9c1a-0c5a2f9d7e10
    """
    client = sending.client_for(gateway)
    try:
        result = sending.trial(gateway, client, endpoint)
    finally:
        client.close()
    if as_json:
        print_json({"taken": not result.error, "status": result.status, "error": result.error or None})
    else:
        click.echo(f"Taken: answered {result.status}." if not result.error else f"Not taken: {result.error}.")
    if result.error:
        raise click.exceptions.Exit(1)


@callback.command()
@click.option("--endpoint", type=click.UUID, metavar="ID", help="Of one endpoint only.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, metavar="N", help="Most lines.")
@as_json
@with_gateway
def dead(gateway: Gateway, endpoint: UUID | None, limit: int, as_json: bool) -> None:
    """Lists calls that were given up, the last first.

    \b
    Example: dragoman callback dead --limit 20
    """
    rows = later.dead(gateway, endpoint, limit)
    zone = gateway.settings.default_zone
    if as_json:
        print_json([_dead_fields(row, zone) for row in rows])
        return
    table = [(row.id, row.endpoint, row.event, local(row.dead_at, zone), row.attempts, row.error or "") for row in rows]
    print_table(DEAD_HEAD, table, "No call was given up.")


@callback.command()
@click.option("--from", "start", required=True, metavar="TIME", help="Events from here on; in the default zone unless it says another.")
@click.option("--to", "end", metavar="TIME", help="Up to here; now unless given.")
@click.option("--endpoint", type=click.UUID, metavar="ID", help="Of one endpoint only.")
@click.option("--dead", "only_dead", is_flag=True, help="Only calls that were given up, not those that were taken.")
@as_json
@with_gateway
def replay(gateway: Gateway, start: str, end: str | None, endpoint: UUID | None, only_dead: bool, as_json: bool) -> None:
    """Makes calls again whose events happened in a span of time. They keep their ids.

    \b
    Example: dragoman callback replay --from 2026-03-01T09:00 --to 2026-03-01T12:00 --dead
    """
    zone = gateway.settings.default_zone
    until = gateway.clock.now() if end is None else dates.parse(end, zone, "to")
    count = later.replay(gateway, dates.parse(start, zone, "from"), until, endpoint, only_dead=only_dead)
    if as_json:
        print_json({"replayed": count})
    else:
        click.echo(f"{counted(count, 'call')} due again.")


@callback.command(name="rotate-key")
@click.argument("endpoint", type=click.UUID)
@as_json
@with_gateway
def rotate_key(gateway: Gateway, endpoint: UUID, as_json: bool) -> None:
    """Gives an endpoint a new signing key and prints it, this once. Every call is signed by it from now on.

    \b
    Example: dragoman callback rotate-key 6f1c7b1e-3a52-4f6b-9c1a-0c5a2f9d7e10
    """
    made = service.rotate_key(gateway, endpoint)
    _tell_made(gateway, f"Calls to {made.state.host} are signed by another key from now on.", made, as_json)


def _tell_made(gateway: Gateway, words: str, made: Made, as_json: bool) -> None:
    if as_json:
        print_json(_fields(gateway, made.state) | {"signing_key": made.signing_key})
        return
    click.echo(words)
    print_fields({"id": made.state.id, "key id": made.state.key_id, "signing key": made.signing_key})
    if made.signing_key:
        click.echo("Keep the signing key now: it is not shown again.")


def _tell(gateway: Gateway, words: str, row: EndpointState, as_json: bool, *, is_brief: bool = False) -> None:
    if as_json:
        print_json(_fields(gateway, row))
        return
    if words:
        click.echo(words)
    if not is_brief:
        print_fields(_shown(row, gateway.settings.default_zone, gateway.clock.now()))


def _shown(row: EndpointState, zone: ZoneInfo, now: datetime) -> dict[str, object]:
    return {
        "id": row.id,
        "account": row.account or OPERATOR,
        "kind": row.kind,
        "host": row.host,
        "method": row.method,
        "key id": row.key_id,
        "events": ", ".join(row.events),
        "state": _standing(row, now),
        "waiting": row.waiting,
        "given up": row.dead,
        "failures in a row": row.failures or None,
        "failing since": local(row.failing_since, zone),
        "left alone until": local(row.open_until, zone),
        "made": local(row.created_at, zone),
    }


def _standing(row: EndpointState, now: datetime) -> str:
    if not row.enabled:
        return "off"
    if row.open_until is not None and row.open_until > now:
        return "left alone"
    return "failing" if row.failures else "on"


def _fields(gateway: Gateway, row: EndpointState) -> dict[str, object]:
    zone = gateway.settings.default_zone
    events: Sequence[str] = list(row.events)
    return {
        "id": str(row.id),
        "account": row.account,
        "kind": row.kind,
        "host": row.host,
        "method": row.method,
        "key_id": row.key_id,
        "events": events,
        "enabled": row.enabled,
        "waiting": row.waiting,
        "dead": row.dead,
        "failures": row.failures,
        "failing_since": stamp(row.failing_since, zone),
        "left_alone_until": stamp(row.open_until, zone),
        "created_at": stamp(row.created_at, zone),
    }


def _dead_fields(row: DeadCall, zone: ZoneInfo) -> dict[str, object]:
    return {
        "delivery": str(row.id),
        "endpoint": str(row.endpoint),
        "event": row.event,
        "created_at": stamp(row.created_at, zone),
        "dead_at": stamp(row.dead_at, zone),
        "attempts": row.attempts,
        "status": row.status,
        "error": row.error,
    }
