"""``dragoman connector``: the ways out, and what the operator sets for them."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from gateway.cli.common import Refusal, as_json, print_fields, print_json, print_table, with_gateway
from gateway.connectors import CONNECTORS, made
from gateway.connectors.settings import REQUIRED, Setting
from gateway.dispatcher.trial import trial
from gateway.domain.handset import TELEPHONES
from gateway.domain.sending import RefundPolicy, UnknownPolicy
from gateway.services import connectors as service
from gateway.services.connectors import Changes, ConnectorState, Fits
from gateway.services.core import Gateway
from gateway.services.standings import Standing, standings

F = TypeVar("F", bound=Callable[..., Any])

HEAD = ("CONNECTOR", "KIND", "STATE", "CARRIER", "HEALTH", "PARTS/S", "IF UNKNOWN", "PAID BACK", "WAITING", "UNKNOWN")
GENERATED_BYTES = 24
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
    rows, stand = service.every(gateway), standings(gateway)
    if as_json:
        print_json([_json(row, stand.get(row.name)) for row in rows])
        return
    table = [
        (
            row.name,
            row.kind,
            _standing(row),
            *_health(row, stand.get(row.name)),
            _speed(row),
            row.unknown_policy,
            row.refund_policy,
            row.waiting,
            row.unknown,
        )
        for row in rows
    ]
    print_table(HEAD, table, "No connector.")


@connector.command()
@click.argument("name")
@as_json
@with_gateway
def show(gateway: Gateway, name: str, as_json: bool) -> None:
    """Shows one connector with its settings. Secret values are kept back.

    \b
    Example: dragoman connector show simulator
    """
    _tell(gateway, service.one(gateway, name), (), as_json)


def _settings(_ctx: click.Context, _param: click.Parameter, given: Sequence[str]) -> dict[str, Any]:
    """The pairs KEY=VALUE."""
    found: dict[str, Any] = {}
    for pair in given:
        key, separator, value = pair.partition("=")
        if not separator:
            raise click.BadParameter("give it as KEY=VALUE")
        found[key] = _read(value)
    return found


def _read(value: str) -> Any:
    """A number, true, false or a text in quotation marks; anything else is text as it stands, JSON objects too."""
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return value if read is None or isinstance(read, dict | list) else read


def what_to_set(command: F) -> F:
    """Adds what can be set, as the arguments that :func:`_changes` takes."""
    unknown, refund = [each.value for each in UnknownPolicy], [each.value for each in RefundPolicy]
    for option in (
        click.option("--inbound-account", metavar="NAME", help="Account of what comes in to a number that nobody owns; '' is none."),
        click.option("--generate", multiple=True, metavar="KEY", help="A secret setting to make up; it is printed once. Repeatable."),
        click.option("--secret", "secret", multiple=True, metavar="KEY", help="A secret setting; its value is asked for. Repeatable."),
        click.option("--setting", "settings", multiple=True, callback=_settings, metavar="KEY=VALUE", help="A setting; repeatable."),
        click.option("--refund-policy", type=click.Choice(refund), help="Which messages are paid back."),
        click.option("--unknown-policy", type=click.Choice(unknown), help="What becomes of unknown messages."),
        click.option("--parts-per-second", type=int, metavar="N", help="Most message parts a second; 0 is no limit."),
    ):
        command = option(command)
    return command


@connector.command()
@click.argument("name")
@click.option("--kind", required=True, type=click.Choice(sorted(CONNECTORS)), help="What is at the other end; see 'connector kinds'.")
@what_to_set
@click.option("--off", is_flag=True, help="Leave it switched off for now.")
@as_json
@with_gateway
def add(gateway: Gateway, /, name: str, kind: str, off: bool, as_json: bool, **given: Any) -> None:
    """Adds a connector. Values of secret settings are asked for, or read from standard input, a line each.

    \b
    Example: dragoman connector add carrier --kind smpp --setting host=smpp.example.org --setting system_id=acme --secret password
    """
    changes, generated = _changes(kind, **given)
    state = service.add(gateway, name, kind, changes, _fits(gateway), enabled=not off)
    _tell(gateway, state, (f"Connector {name} is there{', switched off' if off else ''}.", *_usual(gateway)), as_json, generated)


@connector.command(name="set")
@click.argument("name")
@what_to_set
@click.option("--unset", multiple=True, metavar="KEY", help="A setting, secret or not, to take away; repeatable.")
@as_json
@with_gateway
def set_(gateway: Gateway, /, name: str, unset: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Changes what is given and leaves the rest. Settings that cannot work are refused.

    \b
    Example: dragoman connector set simulator --parts-per-second 30 --refund-policy undelivered
    """
    changes, generated = _changes(service.one(gateway, name).kind, unset=unset, **given)
    if changes == Changes():
        raise click.UsageError("nothing to change was given")
    state = service.change(gateway, name, changes, _fits(gateway))
    _tell(gateway, state, _when(gateway, changes), as_json, generated)


@connector.command()
@click.argument("name")
@click.option("--seconds", type=click.FloatRange(0.1, 300), default=15.0, show_default=True, help="How long to wait for the carrier.")
@as_json
@with_gateway
def test(gateway: Gateway, name: str, seconds: float, as_json: bool) -> None:
    """Connects to the carrier, tells whether it let us in, and leaves again. Sends nothing.

    \b
    Example: dragoman connector test simulator
    """
    service.one(gateway, name)
    try:
        found = trial(gateway, name, seconds)
    except ValueError as error:
        raise Refusal(f"{name}: its settings cannot work: {error}") from error
    if as_json:
        print_json({"connector": name, "connected": found.is_connected, "words": found.words})
    elif found.is_connected is not False:
        click.echo(f"{name}: {found.words}")
    if found.is_connected is False:
        raise Refusal(f"{name}: {found.words}")


@connector.command()
@click.argument("kind", required=False, metavar="[KIND]", type=click.Choice(sorted(CONNECTORS)))
@as_json
def kinds(kind: str | None, as_json: bool) -> None:
    """Lists the kinds of connectors, or what can be set for one of them.

    \b
    Example: dragoman connector kinds simulator
    """
    if kind is None:
        if as_json:
            print_json([{"kind": name, "title": each.title} for name, each in CONNECTORS.items()])
        else:
            print_table(("KIND", "WHAT IT IS"), [(name, each.title) for name, each in CONNECTORS.items()], "")
        return
    declared = CONNECTORS[kind].settings
    if as_json:
        print_json([{"setting": each.name, "default": _default(each), "secret": each.secret, "help": each.help} for each in declared])
    else:
        print_table(("SETTING", "DEFAULT", "WHAT IT IS"), [(each.name, _default(each), each.help) for each in declared], "No settings.")


def _default(setting: Setting) -> str:
    if setting.default is REQUIRED:
        return "must be set, secret" if setting.secret else "must be set"
    shown = "" if setting.default is None else json.dumps(setting.default, default=str)
    return "secret" if setting.secret else shown


def _changes(
    kind: str,
    *,
    parts_per_second: int | None,
    unknown_policy: str | None,
    refund_policy: str | None,
    settings: Mapping[str, Any],
    secret: Sequence[str],
    generate: Sequence[str],
    inbound_account: str | None,
    unset: Sequence[str] = (),
) -> tuple[Changes, dict[str, str]]:
    """What shall change, and the secrets that were made up for it."""
    if parts_per_second is not None and kind in TELEPHONES:
        raise click.UsageError(
            f"telephones have limits of their own instead of parts a second: see 'dragoman connector kinds {kind}' and its page"
        )
    known = {each.name for each in CONNECTORS[kind].settings if each.secret} if kind in CONNECTORS else set()
    for key in settings:
        if key in known:
            raise click.UsageError(f"{key} is secret: give it with --secret {key}, and its value when it is asked for")
    for key in (*secret, *generate):
        if key not in known:
            words = f"it has {', '.join(sorted(known))}" if known else "it has none"
            raise click.UsageError(f"{key} is no secret setting of the kind {kind}; {words}")
    generated = {key: secrets.token_urlsafe(GENERATED_BYTES) for key in generate}
    changes = Changes(
        parts_per_second=parts_per_second,
        unknown_policy=UnknownPolicy(unknown_policy) if unknown_policy else None,
        refund_policy=RefundPolicy(refund_policy) if refund_policy else None,
        settings=settings,
        secrets=_asked(secret) | generated,
        unset=unset,
        inbound_account=inbound_account,
    )
    return changes, generated


def _asked(names: Sequence[str]) -> dict[str, str]:
    """The values of secret settings, from a person or from standard input."""
    if sys.stdin.isatty():
        return {name: click.prompt(name, hide_input=True, confirmation_prompt=True) for name in names}
    found: dict[str, str] = {}
    for name in names:
        line = sys.stdin.readline()
        if not line.rstrip("\r\n"):
            raise click.UsageError(f"no value for {name}: give one line on standard input for each --secret, in their order")
        found[name] = line.rstrip("\r\n")
    return found


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
    _tell(gateway, state, (f"Connector {name} is on.", *_usual(gateway)), as_json)


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
    until = "with it until it is on again, or go another way by their rules."
    wait = f"{state.waiting} message{' waits' if state.waiting == 1 else 's wait'} {until}"
    stops = f"A dispatcher that serves it stops within {service.seconds_to_notice(gateway)} seconds."
    _tell(gateway, state, (f"Connector {name} is off. {stops}", wait, *_usual(gateway)), as_json)


def _fits(gateway: Gateway) -> Fits:
    """Whether settings can work is asked of the kind itself, by making a connector that is never opened."""

    def fits(kind: str, settings: Mapping[str, Any]) -> None:
        probe = made(kind, settings, gateway.settings)
        if probe is not None:
            probe.close(0)

    return fits


def _when(gateway: Gateway, changes: Changes) -> list[str]:
    seconds = service.seconds_to_notice(gateway)
    words = []
    if changes.unknown_policy or changes.refund_policy:
        words.append("Policies count at once, for what ends from now on.")
    if changes.parts_per_second is not None:
        words.append(f"A running dispatcher keeps the new speed within {seconds} seconds.")
    if changes.settings or changes.secrets or changes.unset:
        words.append(f"A running dispatcher opens the connector anew within {seconds} seconds.")
    return words


def _usual(gateway: Gateway) -> list[str]:
    name = service.usual(gateway)
    return [f"New orders go to {name}." if name else "No connector is on: new orders are refused."]


def _tell(gateway: Gateway, state: ConnectorState, words: Sequence[str], as_json: bool, generated: Mapping[str, str] | None = None) -> None:
    made_up = dict(generated or {})
    standing = standings(gateway).get(state.name)
    if as_json:
        print_json(_json(state, standing) | ({"generated": made_up} if made_up else {}))
        return
    for line in words:
        click.echo(line)
    for key, value in made_up.items():
        click.echo(f"{key} is {value}  (shown this once)")
    print_fields(
        {
            "connector": state.name,
            "kind": state.kind,
            "state": _standing(state),
            "parts a second": _speed(state),
            "if unknown": state.unknown_policy,
            "paid back": state.refund_policy,
            "inbound account": state.inbound_account,
            "carrier": _carrier(state, standing),
            "health": (standing and state.is_served and f"{standing.score} of 100") or None,
            "receipts name it": standing and standing.receipt_id_form,
            "waiting": state.waiting,
            "unknown": state.unknown,
            "settings": ", ".join(f"{key}={json.dumps(value)}" for key, value in _shown(state).items()),
        }
    )


def _health(state: ConnectorState, standing: Standing | None) -> tuple[str, str]:
    if not state.is_served or standing is None or standing.is_connected is None:  # what the last dispatcher wrote is over
        return "", ""
    return "connected" if standing.is_connected else "away", str(standing.score)


def _carrier(state: ConnectorState, standing: Standing | None) -> str | None:
    if standing is None or standing.is_connected is None:
        return None
    if not state.is_served:
        return (standing.note and f"last trouble: {standing.note}") or None
    words = "connected" if standing.is_connected else "away"
    return f"{words}; last trouble: {standing.note}" if standing.note else words


def _json(state: ConnectorState, standing: Standing | None) -> dict[str, object]:
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
        "inbound_account": state.inbound_account,
        "connected": standing.is_connected if standing and state.is_served else None,
        "health": standing.score if standing else None,
        "note": standing.note if standing else "",
        "receipt_id_form": standing.receipt_id_form if standing else None,
        "settings": _shown(state),
    }


def _shown(state: ConnectorState) -> dict[str, Any]:
    return dict(state.settings) | dict.fromkeys(state.secrets, KEPT_BACK)


def _standing(state: ConnectorState) -> str:
    if not state.enabled:
        return "off"
    return f"served by {state.owner}" if state.is_served else "served by nobody"


def _speed(state: ConnectorState) -> str:
    return str(state.parts_per_second or "no limit")
