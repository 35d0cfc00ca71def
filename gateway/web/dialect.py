"""What a dialect is to the rest of the gateway: a name, its paths, its routes, its table of errors, its description for OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from gateway.config import PREFIX, BadSetting
from gateway.domain.errors import GatewayError

if TYPE_CHECKING:
    from gateway.web.openapi import Operation

Wording = str | Callable[..., str]


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """How a dialect tells one kind of error.

    Args:
        status: the HTTP status.
        code: the dialect's own short word or number for it; "" where it has none.
        wording: the sentence, or a function from the error to it.
        headers: sent along.
    """

    status: int
    code: str
    wording: Wording
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An error put in the dialect's words, ready to be rendered. ``error`` is for dialects whose bodies hold more than words."""

    status: int
    code: str
    words: str
    headers: tuple[tuple[str, str], ...]
    error: GatewayError


ErrorTable = Mapping[type[GatewayError], ErrorRow]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One legacy HTTP API.

    Args:
        name: stored with every order, and used in permissions; never changes.
        title: for people.
        paths: the paths that its calls start with, each with no slash at the end. A longer one wins over a shorter of another dialect.
        blueprint: its routes, with their whole paths.
        errors: one row for every class of error; a class without a row takes its parent's.
        render_error: an error's answer as the dialect sends it.
        collapse_slashes: whether ``//`` in its paths means ``/``, and a slash at the end nothing.
        actions: what a user may be permitted to do in it.
        operations: its calls, for OpenAPI.
        error_schema: JSON schema of an error's body; None: plain text.
        error_media: the content type of an error's body.
        security: OpenAPI's security schemes, by name.
        added_headers: goes over every answer of its routes, errors included.
    """

    name: str
    title: str
    paths: tuple[str, ...]
    blueprint: Blueprint
    errors: ErrorTable
    render_error: Callable[[Answer], Response]
    collapse_slashes: bool = False
    actions: tuple[str, ...] = ()
    operations: tuple[Operation, ...] = ()
    error_schema: dict[str, Any] | None = None
    error_media: str = "application/json"
    security: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    added_headers: Callable[[Response], None] | None = None

    def answer(self, error: GatewayError) -> Answer:
        """The error in this dialect's words."""
        row = self.row(type(error))
        words = row.wording if isinstance(row.wording, str) else row.wording(error)
        return Answer(row.status, row.code, words, row.headers, error)

    def row(self, kind: type[GatewayError]) -> ErrorRow:
        """The row of this class of error, or of its nearest parent that has one."""
        return next(self.errors[each] for each in kind.__mro__ if each in self.errors)


class Dialects:
    """The dialects that are switched on, and where each may be spoken.

    Args:
        every: all dialects there are.
        hosts: name → the host names that it answers to; an empty set switches it off, no entry lets it answer to any.

    Raises:
        BadSetting: ``hosts`` names a dialect that there is not.
    """

    def __init__(self, every: Sequence[Dialect], hosts: Mapping[str, frozenset[str]]) -> None:
        unknown = set(hosts).difference(each.name for each in every)
        if unknown:
            known = ", ".join(each.name for each in every)
            raise BadSetting(f"{PREFIX}DIALECT_HOSTS names {', '.join(sorted(unknown))}; there are {known}.")
        self.active = tuple(each for each in every if hosts.get(each.name) != frozenset())
        self._hosts = {each.name: hosts[each.name] for each in self.active if each.name in hosts}
        self._by_path = sorted(((path, each) for each in self.active for path in each.paths), key=lambda pair: -len(pair[0]))
        self._mended = tuple(path for path, each in self._by_path if each.collapse_slashes)

    def of(self, path: str, host: str) -> Dialect | None:
        """The dialect that is spoken at this path of this host (name with or without port)."""
        for start, dialect in self._by_path:
            if path.startswith(start) and (len(path) == len(start) or path[len(start)] == "/"):
                return dialect if self.answers(dialect, host) else None
        return None

    def is_mended(self, path: str) -> bool:
        """Whether runs of slashes in this path mean one."""
        return path.startswith(self._mended)

    def answers(self, dialect: Dialect, host: str) -> bool:
        """Whether the dialect may be spoken under this host name (with or without port)."""
        hosts = self._hosts.get(dialect.name)
        return hosts is None or _bare(host) in hosts


def _bare(host: str) -> str:
    """A host name in lower case, without port, brackets or the dot at its end."""
    name = host.lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.rpartition(":")[0] or name
    return name.rstrip(".")
