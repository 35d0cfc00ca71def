"""Requests from templates: what an operator wrote, with a message's values put in as each place needs them.

``{text}`` in a query is percent-encoded, in a form too, in JSON and XML escaped; so no text of a customer can add a parameter, close a
string or end a header. A placeholder that does not exist is an error when the connector is made, not when it sends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

Values = Mapping[str, str]
Encode = Callable[[str], str]

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*(?::[a-z][a-z0-9_]*)?)\}")
_HEAD = re.compile(r"(https?://[^/?#{}@\s]+)((?:[/?].*)?)", re.DOTALL)
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")
_NUMBER, _FLAG = ":number", ":flag"
_DOTS = frozenset({".", ".."})
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class CannotWrite(Exception):
    """This message's values cannot stand where the template puts them. The words name the place, not the value."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Literal text and names of values in turn, the first literal.

    Raises:
        ValueError: a placeholder is not among ``names``.
    """

    parts: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, template: str, names: frozenset[str]) -> Piece:
        parts = tuple(_PLACEHOLDER.split(template))
        for name in parts[1::2]:
            if name not in names:
                raise ValueError(f"has a placeholder {{{name}}}; there are {', '.join(sorted(names))}")
        return cls(parts)

    @property
    def is_fixed(self) -> bool:
        """Whether no value stands in it."""
        return len(self.parts) == 1

    def put(self, values: Values, encode: Encode) -> str:
        """The text with the values put in; literal parts as they are."""
        return "".join(encode(values[part]) if index % 2 else part for index, part in enumerate(self.parts))


def in_query(value: str) -> str:
    """As it stands in a path or a query."""
    return quote(value, safe="")


def in_xml(value: str) -> str:
    """As it stands in an element or between quotes. Raises CannotWrite for characters that XML 1.0 does not have."""
    if _NOT_XML.search(value):
        raise CannotWrite("the text holds a character that XML cannot hold")
    return escape(value, {'"': "&quot;", "'": "&apos;", "\r": "&#13;", "\n": "&#10;"})


def as_it_is(value: str) -> str:
    """Unchanged."""
    return value


@dataclass(frozen=True, slots=True)
class Pairs:
    """A query or a form. A pair whose value is made of placeholders that are all empty is left out: an empty sender is not no sender."""

    pairs: tuple[tuple[str, Piece], ...]

    @classmethod
    def of(cls, template: str, names: frozenset[str]) -> Pairs:
        split = [pair.partition("=") for pair in template.split("&") if pair]
        if any(_PLACEHOLDER.search(name) for name, _, _ in split):
            raise ValueError("has a placeholder that is not behind a 'name='")
        return cls(tuple((name + equals, Piece.of(value, names)) for name, equals, value in split))

    def put(self, values: Values, encode: Encode) -> str:
        """``name=value`` joined by ``&``."""
        done = ((name, piece, piece.put(values, encode)) for name, piece in self.pairs)
        return "&".join(name + value for name, piece, value in done if value or piece.is_fixed)


class Url:
    """A URL. Scheme and host are fixed: no message decides where it goes.

    Raises:
        ValueError: no http or https URL, a placeholder or a password in the host, or an unknown placeholder.
    """

    def __init__(self, template: str, names: frozenset[str]) -> None:
        found = _HEAD.fullmatch(template)
        if found is None or "#" in template:
            raise ValueError("must begin with http://host or https://host, without user name, placeholder or '#' in it")
        path, asks, query = found[2].partition("?")
        self.origin = found[1]
        self._path, self._asks, self._query = Piece.of(path, names), asks, Pairs.of(query, names)

    def put(self, values: Values) -> str:
        """The URL of one message."""
        path, query = self._path.put(values, in_query), self._query.put(values, in_query)
        if not self._path.is_fixed and not _DOTS.isdisjoint(path.split("/")):
            raise CannotWrite("the path of the URL cannot hold this value")  # the client would walk up with it
        return self.origin + (path or "/") + (self._asks + query if query else "")


class Json:
    """A JSON body; placeholders stand inside its strings. ``"{parts:number}"`` becomes a number, ``"{flash:flag}"`` true or false.

    Raises:
        ValueError: the template is no JSON, or names an unknown placeholder.
    """

    def __init__(self, template: str, names: frozenset[str]) -> None:
        try:
            self._shape = self._compiled(json.loads(template), names | {name + kind for name in names for kind in (_NUMBER, _FLAG)})
        except RecursionError:
            raise ValueError("is nested too deep") from None
        except json.JSONDecodeError:
            raise ValueError("must be JSON; placeholders stand inside its strings") from None

    def put(self, values: Values) -> str:
        """The body of one message."""
        return json.dumps(self._filled(self._shape, values), ensure_ascii=False)

    def _compiled(self, shape: Any, names: frozenset[str]) -> Any:
        if isinstance(shape, dict):
            return {name: self._compiled(value, names) for name, value in shape.items()}
        if isinstance(shape, list):
            return [self._compiled(value, names) for value in shape]
        return Piece.of(shape, names) if isinstance(shape, str) else shape

    def _filled(self, shape: Any, values: Values) -> Any:
        if isinstance(shape, dict):
            filled = {name: self._filled(value, values) for name, value in shape.items()}
            return {name: value for name, value in filled.items() if value != "" or _is_fixed(shape[name])}
        if isinstance(shape, list):
            return [self._filled(value, values) for value in shape]
        return _leaf(shape, values) if isinstance(shape, Piece) else shape


def _is_fixed(shape: Any) -> bool:
    return not isinstance(shape, Piece) or shape.is_fixed


def _leaf(piece: Piece, values: Values) -> object:
    if len(piece.parts) == 3 and not piece.parts[0] and not piece.parts[2]:
        name = piece.parts[1]
        if name.endswith(_NUMBER):
            value = values[name.removesuffix(_NUMBER)].lstrip("+")
            if not value.isascii() or not value.isdigit():
                raise CannotWrite(f"{name.removesuffix(_NUMBER)} is no number")
            return int(value)
        if name.endswith(_FLAG):
            return values[name.removesuffix(_FLAG)] not in ("", "0", "false")
    return "".join(values[part.partition(":")[0] if part.endswith((_NUMBER, _FLAG)) else part] if index % 2 else part
                   for index, part in enumerate(piece.parts))  # fmt: skip


def form_encoded(template: str, names: frozenset[str]) -> Callable[[Values], str]:
    """A form body: ``a={text}&b=1``."""
    pairs = Pairs.of(template, names)
    return lambda values: pairs.put(values, quote_plus)


def headers(template: str, names: frozenset[str]) -> Sequence[tuple[str, Piece]]:
    """Lines ``Name: value``. Raises ValueError for what is none."""
    found = []
    for line in filter(None, (line.strip() for line in template.splitlines())):
        read = _HEADER.fullmatch(line)
        if read is None:
            raise ValueError("must be lines 'Name: value'")
        found.append((read[1], Piece.of(read[2], names)))
    return found
