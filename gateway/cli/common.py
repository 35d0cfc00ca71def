"""What the commands share: the way to the gateway, how refusals are worded, how answers are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from zoneinfo import ZoneInfo

import click
from flask import Flask

from gateway import create_app
from gateway.config import BadSetting
from gateway.domain.credit import format_credits
from gateway.domain.errors import GatewayError, InsufficientCredit, NotFound, StorageUnavailable
from gateway.domain.tariff import MessageType
from gateway.services.core import Gateway
from gateway.services.schema import require_current

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

ARGUMENTS = {
    "account": ("account", "name"),
    "callback": ("endpoint",),
    "connector": ("connector",),
    "device": ("name",),
    "handset": ("connector",),
    "key": ("prefix",),
    "order": ("order",),
    "phone": ("number",),
    "user": ("username",),
}
"""What can be missing, and the argument that named it: the first of these that the command has."""

EXIT_REFUSED = 1
EXIT_USAGE = 2


class Refusal(click.ClickException):
    """Ends the command with one line on standard error."""

    exit_code = EXIT_REFUSED

    def __init__(self, words: str) -> None:
        super().__init__(" ".join(words.split()))


class BadEnvironment(Refusal):
    """A setting that cannot be used."""

    exit_code = EXIT_USAGE


class Family(click.Group):
    """A group whose commands end with one clear line when a setting is bad or the gateway refuses."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BadSetting as error:
            raise BadEnvironment(str(error)) from error
        except GatewayError as error:
            raise Refusal(worded(error)) from error
        except OSError as error:
            if error.filename is None:  # a closed pipe: click's own business
                raise
            raise Refusal(f"{error.filename}: {error.strerror}") from error


def worded(error: GatewayError, given: Mapping[str, Any] | None = None) -> str:
    """The refusal as a sentence for an operator. ``given`` are the arguments of the command, to name what was not found."""
    if isinstance(error, StorageUnavailable):
        return f"the database cannot be used ({error}); 'dragoman doctor' tells more"
    if isinstance(error, InsufficientCredit):
        needed, available = format_credits(error.needed_units), format_credits(error.available_units)
        return f"not enough credit: {needed} needed, {available} available"
    if isinstance(error, NotFound) and given:
        name = next((str(given[each]) for each in ARGUMENTS.get(error.kind, ()) if given.get(each)), None)
        return str(error) if name is None else f"{error.kind} {_printable(name)} not found"
    return str(error) or type(error).__name__


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:80])


def gateway_of(app: Flask) -> Gateway:
    """The gateway that ``create_app`` made."""
    return cast(Gateway, app.extensions["dragoman"])


def with_app(command: Callable[Concatenate[Flask, P], R]) -> Callable[P, R]:
    """Hands the command the application, within its context, whatever the state of the database."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        app = create_app()
        with app.app_context():
            try:
                return command(app, *args, **kwargs)
            except NotFound as error:
                raise Refusal(worded(error, click.get_current_context().params)) from error
            finally:
                gateway_of(app).close()

    return run


def with_gateway(command: Callable[Concatenate[Gateway, P], R]) -> Callable[P, R]:
    """Hands the command the gateway, on a database that has this version's tables."""

    @wraps(command)
    @with_app
    def run(app: Flask, /, *args: P.args, **kwargs: P.kwargs) -> R:
        require_current(gateway_of(app))
        return command(gateway_of(app), *args, **kwargs)

    return run


def as_json(command: F) -> F:
    """Adds ``--json`` as the argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value, for programs.")(command)


MESSAGE_TYPE = click.Choice([each.value for each in MessageType])


def standard_input() -> str:
    """All of standard input as text."""
    return sys.stdin.read()


def print_json(value: object) -> None:
    """One JSON value. Text stays readable; it is not escaped to ASCII."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_fields(fields: dict[str, object]) -> None:
    """Names and values in two columns; fields without a value are left out."""
    shown = {name: str(value) for name, value in fields.items() if value is not None and value != ""}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {value}")


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table in plain columns, or the sentence ``empty``."""
    if not rows:
        click.echo(empty)
        return
    lines = [tuple(head), *(tuple("" if cell is None else str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 member``, ``2 members``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def in_credits(amount: str) -> str:
    """An amount, signed or not, with the word: ``1 credit``, ``+2.5 credits``."""
    return f"{amount} credit{'' if amount.lstrip('+-') == '1' else 's'}"


def money(units: int) -> dict[str, object]:
    """An amount for programs: whole units, and credits as an exact decimal text."""
    return {"units": units, "credits": format_credits(units)}


def local(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """A time for people, in the account's zone: ``2026-03-01 09:30:00 CET``."""
    return None if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def stamp(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """A time for programs: ISO 8601 with the offset of the account's zone."""
    return None if moment is None else moment.astimezone(zone).isoformat()
