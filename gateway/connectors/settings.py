"""What an operator can set for a connector: declared once per kind, read by one function, listed in the connector's page.

``docs/connectors/<kind>.md`` has a line for each; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Parse = Callable[[object], Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a kind of connector.

    Args:
        name: small letters, digits and underscores; the unit is part of it (``timeout_seconds``).
        help: one sentence for the operator.
        parse: turns what is stored (text, number, true or false) into the value; raises ValueError with a reason ("must be ...").
        default: the value where nothing is set; REQUIRED: it must be set.
        secret: encrypted at rest and never shown.
    """

    name: str
    help: str
    parse: Parse
    default: Any
    secret: bool = False


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()


def read(settings: Sequence[Setting], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every declared setting.

    Raises:
        ValueError: one is missing, cannot be used, or is not known; the words name it and never its value.
    """
    unknown = sorted(set(stored).difference(each.name for each in settings))
    if unknown:
        raise ValueError(f"no setting is called {', '.join(unknown)}; there are {', '.join(each.name for each in settings) or 'none'}")
    return {each.name: _value(each, stored) for each in settings}


def _value(setting: Setting, stored: Mapping[str, Any]) -> Any:
    if setting.name not in stored:
        if setting.default is REQUIRED:
            raise ValueError(f"{setting.name} must be set")
        return setting.default
    try:
        return setting.parse(stored[setting.name])
    except ValueError as error:
        raise ValueError(f"{setting.name} {error}") from None


def text(most: int = 1000, least: int = 1) -> Parse:
    """Text of ``least`` to ``most`` characters. A number is read as its digits: passwords may look like one."""

    def parse(value: object) -> str:
        words = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
        if not isinstance(words, str) or not least <= len(words) <= most:
            raise ValueError(f"must be a text of {least} to {most} characters")
        return words

    return parse


def whole(low: int, high: int) -> Parse:
    """A whole number."""

    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return parse


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def one_of(*choices: str) -> Parse:
    """One of several words."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return parse
