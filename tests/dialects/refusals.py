"""Requests that are refused, of every dialect: the rows of the contracts, the dialects' own tables, and what neither of them asks for.

For :mod:`tests.dialects.test_openapi`, which compares what came with what is described.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest

from gateway.dialects import DIALECTS
from gateway.web.openapi import PLACEHOLDER
from tests.dialects.brevisone import test_errors as brevisone
from tests.dialects.bulk import test_errors as bulk
from tests.dialects.error_sections import every_row
from tests.dialects.httpsms import test_errors as httpsms
from tests.dialects.smsend.bad_inputs import CASES
from tests.dialects.smsend.program import Program, said
from tests.dialects.smsend.test_bad_inputs import Town as Known
from tests.dialects.smsend.test_bad_inputs import answer_of
from tests.dialects.smsnodes import test_errors as smsnodes
from tests.dialects.town import Told, Town

Visit = Callable[[Town, pytest.MonkeyPatch], object]
WHO: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "smsend": lambda owner: {"headers": owner.keys, "query_string": {"username": owner.username, "password": owner.password}},
    "brevisone": lambda owner: {"query_string": owner.written()},
    "bulk": lambda owner: {"headers": {"X-API-Key": owner.key}, "query_string": owner.login},
    "smsnodes": lambda owner: {"json": {"deviceUsername": owner.name, "password": owner.password, "messageId": 1} | owner.defaults},
    "httpsms": lambda owner: {"headers": {"x-api-key": owner.key}},
}
"""What an owner's request has to have, by dialect."""
BY_FAULT = ("silent database", "reference", "a defect")
"""Requests of brevisone's table that raise an error themselves; here :class:`Town` does that, and notes it."""


def told_in(town: Town) -> Iterator[Told]:
    """Every answer to any of the requests of this town's dialect."""
    for visit in (*_rows(town.name), *OWN[town.name](), _every_call_refused, _every_call_without_database, _every_call_broken):
        with town.visit() as patch:
            visit(town, patch)
        yield from town.told


def _rows(name: str) -> Iterator[Visit]:
    for dialect, row in every_row():
        if dialect == name:
            yield lambda town, _patch, ask=row.ask: ask(town)  # type: ignore[misc]


def _calls(town: Town) -> list[tuple[str, str]]:
    """(method, path) of everything that is described; 7 stands for whatever may stand in a path."""
    (dialect,) = (each for each in DIALECTS if each.name == town.name)
    return [(method, PLACEHOLDER.sub("7", each.rule)) for each in dialect.operations for method in each.methods]


def _every_call_refused(town: Town, _patch: pytest.MonkeyPatch) -> None:
    """By nobody, by another method, and by somebody with nothing to say. Calls that shut the owner out come last."""
    for method, path in sorted(_calls(town), key=lambda call: call[0] == "DELETE" or "key" in call[1]):
        town.http.open(path, method=method)
        town.http.open(path, method="PROPFIND")
        town.http.open(path, method=method, **WHO[town.name](town.owner))


def _every_call_without_database(town: Town, _patch: pytest.MonkeyPatch) -> None:
    town.take_database_away()
    for method, path in _calls(town):
        town.http.open(path, method=method, **WHO[town.name](town.owner))


def _every_call_broken(town: Town, _patch: pytest.MonkeyPatch) -> None:
    for method, path in _calls(town):
        town.break_view(town.endpoint(method, path))
        town.http.open(path, method=method)


def _smsend() -> Iterator[Visit]:
    def bad_inputs(town: Town, _patch: pytest.MonkeyPatch) -> None:
        expired = Program(town.http, "owner").sign_in().keys["Session_key"]
        town.clock.forward(minutes=10)
        stranger = Program(town.http, "stranger").sign_in()
        keys = Program(town.http, "owner").sign_in().keys
        known = {
            "user_key": keys["user_key"],
            "session_key": keys["Session_key"],
            "expired_key": expired,
            "token": Program(town.http, "owner").sign_in("token").keys["Access_token"],
            "stranger_key": stranger.keys["Session_key"],
            "stranger_order": str(said(stranger.send())["order_id"]),
        }
        for case in CASES:
            answer_of(Known(town.app, town.gateway, known), case)

    yield bad_inputs


def _brevisone() -> Iterator[Visit]:
    for name, (_, prepare) in brevisone.REQUESTS.items():
        if name not in BY_FAULT:
            yield lambda town, patch, prepare=prepare: town.owner.post(**prepare(town.gateway, town.owner, patch))  # type: ignore[misc]


def _bulk() -> Iterator[Visit]:
    for ask in bulk.PRODUCED.values():
        yield lambda town, _patch, ask=ask: ask(town.owner, town.gateway, town.clock)  # type: ignore[misc]


def _smsnodes() -> Iterator[Visit]:
    for prepare, fields, _, _ in smsnodes.REQUESTS:

        def ask(town: Town, _patch: Any, prepare: Any = prepare, fields: Any = fields) -> None:
            prepare(town.gateway)
            town.forget()
            town.owner.send(**fields)

        yield ask


def _httpsms() -> Iterator[Visit]:
    for _, ask, _ in httpsms.REQUESTS:
        yield lambda town, _patch, ask=ask: ask(town.owner, town.gateway)  # type: ignore[misc]


OWN: Mapping[str, Callable[[], Iterable[Visit]]] = {
    "smsend": _smsend,
    "brevisone": _brevisone,
    "bulk": _bulk,
    "smsnodes": _smsnodes,
    "httpsms": _httpsms,
}
