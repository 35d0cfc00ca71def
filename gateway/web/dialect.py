"""What a dialect is to the rest of the gateway: a name, a path, its routes and its table of errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response

from gateway.domain.errors import GatewayError

Wording = str | Callable[..., str]


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """How a dialect tells one kind of error.

    Args:
        status: the HTTP status.
        code: the dialect's own short word or number for it.
        wording: the sentence, or a function from the error to it.
        headers: sent along.
    """

    status: int
    code: str
    wording: Wording
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An error put in the dialect's words, ready to be rendered."""

    status: int
    code: str
    words: str
    headers: tuple[tuple[str, str], ...] = ()


ErrorTable = Mapping[type[GatewayError], ErrorRow]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One legacy HTTP API.

    Args:
        name: stored with every order; never changes.
        prefix: the path that all its calls start with, with no slash at the end.
        blueprint: its routes.
        errors: one row for every class of error; a class without a row takes its parent's.
        render_error: an error's answer as the dialect sends it.
        collapse_slashes: whether ``//`` in its paths means ``/``, and a slash at the end nothing.
    """

    name: str
    prefix: str
    blueprint: Blueprint
    errors: ErrorTable
    render_error: Callable[[Answer], Response]
    collapse_slashes: bool = False

    def answer(self, error: GatewayError) -> Answer:
        """The error in this dialect's words."""
        row = next(self.errors[kind] for kind in type(error).__mro__ if kind in self.errors)
        words = row.wording if isinstance(row.wording, str) else row.wording(error)
        return Answer(row.status, row.code, words, row.headers)
