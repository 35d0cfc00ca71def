"""What the OpenAPI document says of calls and refusals is what is served: no call more or less, no refusal more or less."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from gateway.dialects import DIALECTS
from gateway.domain.errors import GatewayError
from gateway.inlets import INLETS
from gateway.web.dialect import Dialect
from gateway.web.openapi import path_of
from tests.dialects.refusals import told_in
from tests.dialects.town import NAMES, Town

UNDESCRIBED = ("/console", "/docs/assets/<name>")
"""Pages for the operator, and the files of the page that shows the document."""
CARRIERS = {each.name for each in INLETS}
"""What carriers and telephones call."""
FORCED = ("InternalError", "OutcomeUnknown", "StorageUnavailable")
"""Told only of a defect or of a database that is away or falls silent: no request alone brings them about."""

Operation = tuple[str, str]


def kinds(parent: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Every class of error there is."""
    for child in parent.__subclasses__():
        if child.__module__.startswith("gateway."):
            yield child
            yield from kinds(child)


CLASSES = {each.__name__: each for each in kinds()}


def described(dialect: Dialect) -> dict[Operation, set[type[GatewayError]]]:
    """Which errors each call is said to have."""
    return {(method, each.rule): set(each.errors) for each in dialect.operations for method in each.methods}


def described_statuses(town: Town) -> dict[Operation, set[int]]:
    """Which statuses each call is said to answer with."""
    paths = json.loads(town.http.get("/openapi.json").data)["paths"]
    rules = [(method, rule.rule) for rule in town.app.url_map.iter_rules() for method in rule.methods or ()]
    return {
        (method, rule): {int(status) for status in paths[path_of(rule)][method.lower()]["responses"]}
        for method, rule in rules
        if method.lower() in paths.get(path_of(rule), {})
    }


def covering(dialect: Dialect, documented: set[type[GatewayError]], kind: type[GatewayError]) -> type[GatewayError] | None:
    """The class under which an error is described: its own, or the nearest above it that the dialect tells in the same way."""
    return next((each for each in kind.__mro__ if each in documented and dialect.row(each) == dialect.row(kind)), None)


def test_every_class_has_a_name_of_its_own() -> None:
    names = [each.__name__ for each in kinds()]  # those of rooms that were not imported when CLASSES was made, too
    assert len(names) == len(set(names))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_routes_and_operations_are_the_same(app: Flask) -> None:
    paths = json.loads(app.test_client().get("/openapi.json").data)["paths"]
    operations = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    routes = {
        (method, path_of(rule.rule))
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith(UNDESCRIBED) and rule.endpoint.split(".")[0] not in CARRIERS
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert operations == routes
    assert {operation["tags"][0] for methods in paths.values() for operation in methods.values()} == {*NAMES, "gateway"}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_refusals_are_those_described(dialect: Dialect, sqlite_template: Path, tmp_path: Path) -> None:
    town = Town(dialect.name, sqlite_template, tmp_path)
    documented, statuses = described(dialect), described_statuses(town)
    undescribed: set[str] = set()
    came: dict[bool, set[str]] = {True: set(), False: set()}
    for told in dict.fromkeys(told_in(town)):
        for operation in town.operations(told.method, told.path):
            covered = covering(dialect, documented[operation], CLASSES[told.kind]) if told.kind else None
            if covered is not None:
                came[told.forced].add(covered.__name__)
            elif told.kind or told.status not in statuses[operation]:
                undescribed.add(f"{' '.join(operation)}: {told.status} {told.kind}")
    every = {kind.__name__ for found in documented.values() for kind in found}
    assert not undescribed, "told, but not described:\n" + "\n".join(sorted(undescribed))
    assert sorted(every - came[False] - came[True]) == [], "described, but never told"
    assert sorted(came[True] - came[False]) == sorted(every.intersection(FORCED)), "the table of what must be forced"
