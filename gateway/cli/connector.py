"""``dragoman connector``: the ways out, and what the operator sets for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from gateway.cli.common import as_json, print_fields, print_json, print_table, with_gateway
from gateway.connectors import made
from gateway.domain.sending import RefundPolicy, UnknownPolicy
from gateway.services import connectors as service
from gateway.services.connectors import Changes, ConnectorState, Fits
from gateway.services.core import Gateway

HEAD = ("CONNECTOR", "KIND", "STATE", "PARTS/S", "IF UNKNOWN", "PAID BACK", "WAITING", "UNKNOWN")
SECRET_WORDS = ("password", "secret", "token", "key")
KEPT_BACK = "(kept back)"


@click.group()
def connector() -> None:
    """Shows and changes the connectors: the ways to a carrier."""


@connector.command(name="list")
@as_json
@with_gateway
def list_(gateway: Gateway, as_json: bool) -> None:
    """Lists the connectors: who serves them, how fast they may be, their policies, and what waits.

    \b
    Example: dragoman connector list
    """
    rows = service.every(gateway)
    if as_json:
        print_json([_json(row) for row in rows])
        return
    table = [
        (row.name, row.kind, _standing(row), _speed(row), row.unknown_policy, row.refund_policy, row.waiting, row.unknown) for row in rows
    ]
    print_table(HEAD, table, "No connector.")


@connector.command()
@click.argument("name")
@as_json
@with_gateway
def show(gateway: Gateway, name: str, as_json: bool) -> None:
    """Shows one connector with its settings. Values of passwords and keys are kept back.

    \b
    Example: dragoman connector show simulator
    """
    _tell(service.one(gateway, name), (), as_json)


def _settings(_ctx: click.Context, _param: click.Parameter, given: Sequence[str]) -> dict[str, Any]:
    """The pairs KEY=VALUE. A value is JSON where it can be read so, and text otherwise."""
    found: dict[str, Any] = {}
    for pair in given:
        key, separator, value = pair.partition("=")
        if not separator:
            raise click.BadParameter("give it as KEY=VALUE")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


@connector.command(name="set")
@click.argument("name")
@click.option("--parts-per-second", type=int, metavar="N", help="Most message parts a second; 0 is no limit.")
@click.option("--unknown-policy", type=click.Choice([each.value for each in UnknownPolicy]), help="What becomes of unknown messages.")
@click.option("--refund-policy", type=click.Choice([each.value for each in RefundPolicy]), help="Which messages are paid back.")
@click.option("--setting", "settings", multiple=True, callback=_settings, metavar="KEY=VALUE", help="A setting of its kind; repeatable.")
@click.option("--unset", multiple=True, metavar="KEY", help="A setting to take away; repeatable.")
@as_json
@with_gateway
def set_(
    gateway: Gateway,
    name: str,
    parts_per_second: int | None,
    unknown_policy: str | None,
    refund_policy: str | None,
    settings: dict[str, Any],
    unset: tuple[str, ...],
    as_json: bool,
) -> None:
    """Changes what is given and leaves the rest. Settings that cannot work are refused.

    \b
    Example: dragoman connector set simulator --parts-per-second 30 --refund-policy undelivered
    """
    changes = Changes(
        parts_per_second=parts_per_second,
        unknown_policy=UnknownPolicy(unknown_policy) if unknown_policy else None,
        refund_policy=RefundPolicy(refund_policy) if refund_policy else None,
        settings=settings,
        unset=unset,
    )
    if changes == Changes():
        raise click.UsageError("nothing to change was given")
    read: set[str] = set()
    state = service.change(gateway, name, changes, _fits(gateway, read))
    for key in sorted(settings.keys() - read):
        click.echo(f"Stored, but a connector of kind {state.kind} did not ask for the setting {key}.", err=True)
    _tell(state, _when(gateway, changes), as_json)


@connector.command()
@click.argument("name")
@as_json
@with_gateway
def enable(gateway: Gateway, name: str, as_json: bool) -> None:
    """Switches a connector on. A running dispatcher takes it by itself.

    \b
    Example: dragoman connector enable simulator
    """
    state = service.enable(gateway, name, _fits(gateway))
    _tell(state, (f"Connector {name} is on.", *_usual(gateway)), as_json)


@connector.command()
@click.argument("name")
@as_json
@with_gateway
def disable(gateway: Gateway, name: str, as_json: bool) -> None:
    """Switches a connector off. Its messages wait until it is on again.

    \b
    Example: dragoman connector disable simulator
    """
    state = service.disable(gateway, name)
    wait = f"{state.waiting} message{' waits and stays' if state.waiting == 1 else 's wait and stay'} with it until it is on again."
    stops = f"A dispatcher that serves it stops within {service.seconds_to_notice(gateway)} seconds."
    _tell(state, (f"Connector {name} is off. {stops}", wait, *_usual(gateway)), as_json)


class _Read(Mapping[str, Any]):
    """Settings that remember which of them were looked at, so that a slip of the keyboard does not go unnoticed."""

    def __init__(self, settings: Mapping[str, Any], read: set[str]) -> None:
        self._settings = settings
        self._read = read

    def __getitem__(self, key: str) -> Any:
        self._read.add(key)
        return self._settings[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)


def _fits(gateway: Gateway, read: set[str] | None = None) -> Fits:
    """Whether settings can work is asked of the kind itself, by making a connector that is never opened. Fills ``read``."""
    names: set[str] = set() if read is None else read

    def fits(kind: str, settings: Mapping[str, Any]) -> None:
        made(kind, _Read(settings, names), gateway.settings)

    return fits


def _when(gateway: Gateway, changes: Changes) -> list[str]:
    seconds = service.seconds_to_notice(gateway)
    words = []
    if changes.unknown_policy or changes.refund_policy:
        words.append("Policies count at once, for what ends from now on.")
    if changes.parts_per_second is not None:
        words.append(f"A running dispatcher keeps the new speed within {seconds} seconds.")
    if changes.settings or changes.unset:
        words.append(f"A running dispatcher opens the connector anew within {seconds} seconds.")
    return words


def _usual(gateway: Gateway) -> list[str]:
    name = service.usual(gateway)
    return [f"New orders go to {name}." if name else "No connector is on: new orders are refused."]


def _tell(state: ConnectorState, words: Sequence[str], as_json: bool) -> None:
    if as_json:
        print_json(_json(state))
        return
    for line in words:
        click.echo(line)
    print_fields(
        {
            "connector": state.name,
            "kind": state.kind,
            "state": _standing(state),
            "parts a second": _speed(state),
            "if unknown": state.unknown_policy,
            "paid back": state.refund_policy,
            "waiting": state.waiting,
            "unknown": state.unknown,
            "settings": ", ".join(f"{key}={json.dumps(value)}" for key, value in _shown(state.settings).items()),
        }
    )


def _json(state: ConnectorState) -> dict[str, object]:
    return {
        "connector": state.name,
        "kind": state.kind,
        "enabled": state.enabled,
        "served": state.is_served,
        "owner": state.owner,
        "parts_per_second": state.parts_per_second,
        "unknown_policy": state.unknown_policy,
        "refund_policy": state.refund_policy,
        "waiting": state.waiting,
        "unknown": state.unknown,
        "settings": _shown(state.settings),
    }


def _shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: KEPT_BACK if any(word in key for word in SECRET_WORDS) else value for key, value in settings.items()}


def _standing(state: ConnectorState) -> str:
    if not state.enabled:
        return "off"
    return f"served by {state.owner}" if state.is_served else "served by nobody"


def _speed(state: ConnectorState) -> str:
    return str(state.parts_per_second or "no limit")
