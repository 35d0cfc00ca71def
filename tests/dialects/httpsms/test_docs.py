"""The pages about this dialect say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

from gateway.dialects.httpsms import DIALECT
from gateway.dialects.httpsms.errors import ERRORS
from gateway.dialects.httpsms.uncertain import DELETED, STATUSES
from gateway.web.openapi import document, path_of
from tests.support.programs import ROOT

GUIDE = ROOT / "docs" / "dialects" / "httpsms.md"
API = ROOT / "gateway" / "dialects" / "httpsms" / "API.md"


def rows(path: Path) -> list[list[str]]:
    """The cells of every table row of a page."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| ")]


def calls() -> set[tuple[str, str]]:
    """Method and path of every route, as OpenAPI writes paths."""
    app = Flask("rules", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.register_blueprint(DIALECT.blueprint)
    rules = app.url_map.iter_rules()
    return {(method, path_of(rule.rule)) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


def test_the_error_table_is_the_code_s() -> None:
    documented = [row for row in rows(GUIDE) if re.fullmatch("[0-9]{3}", row[0])]
    assert sorted(int(row[0]) for row in documented) == sorted({row.status for row in ERRORS.values()})
    assert all(len(row) == 4 and row[2].endswith(".") and row[3].endswith(".") for row in documented)


def test_the_table_of_statuses_is_the_code_s() -> None:
    page = GUIDE.read_text(encoding="utf-8").partition("## What the status of a message means")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE)) - {"status"} == set(STATUSES.values())
    assert f"`{DELETED}`" in page


def test_every_call_is_in_the_developers_table() -> None:
    documented = {
        (method, f"/v1{path}")
        for row in rows(API)
        for methods, path in re.findall(r"`((?:[A-Z]+ )+)(/[^`?]+)`", row[0])
        for method in methods.split()
    }
    assert calls() == documented


def test_every_call_is_described_for_programs() -> None:
    described = document([DIALECT], "1")["paths"]
    assert calls() == {(method.upper(), path) for path, methods in described.items() for method in methods}


def test_commands_exist() -> None:
    known = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    page = GUIDE.read_text(encoding="utf-8")
    found = re.findall(r"`(dragoman [a-z]+(?: [a-z]+)?)|^ +(dragoman [a-z]+ [a-z]+)", page, re.MULTILINE)
    assert found
    for command in found:
        assert f"### {''.join(command)}\n" in known, command


def test_links_lead_somewhere() -> None:
    for path in (GUIDE, API):
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"
