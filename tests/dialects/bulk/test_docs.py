"""The pages about this dialect say what the code does, and its OpenAPI description names every call."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask
from werkzeug.routing import Rule

from gateway.dialects.bulk import DIALECT, schemas
from gateway.web.fields import LooseSchema
from gateway.web.openapi import document, path_of
from tests.dialects.bulk.test_errors import EXAMPLES
from tests.support.programs import ROOT

GUIDE = ROOT / "docs" / "dialects" / "bulk.md"
API = ROOT / "gateway" / "dialects" / "bulk" / "API.md"


def rows(path: Path) -> list[list[str]]:
    """The cells of every table row of a page."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| ")]


def error_rows() -> list[list[str]]:
    return [row for row in rows(GUIDE) if re.fullmatch("[0-9]{3}", row[0])]


def fits(pattern: str, words: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.strip("`").split("…"))), words) is not None


def test_the_error_table_is_the_code_s() -> None:
    told = [(status, str(body.get("error", body.get("message")))) for _, status, body in EXAMPLES]
    documented = [(int(row[0]), row[1]) for row in error_rows()]
    for status, words in told:
        assert any(status == number and fits(pattern, words) for number, pattern in documented), (status, words)
    for number, pattern in documented:
        assert any(status == number and fits(pattern, words) for status, words in told), (number, pattern)


def test_every_error_has_a_cause_and_a_remedy() -> None:
    for row in error_rows():
        assert len(row) == 4 and all(cell.endswith((".", "`")) for cell in row[2:]), row


def test_every_call_is_in_the_developers_table_and_in_openapi() -> None:
    documented = {(method, path) for row in rows(API) for methods, path in calls(row[0]) for method in methods.split()}
    described = {(method, operation.rule) for operation in DIALECT.operations for method in operation.methods}
    routed = {(method, rule.rule) for rule in _rules() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert documented == described == routed
    assert set(document([DIALECT], "1")["paths"]) == {path_of(rule) for _, rule in routed}


def calls(cell: str) -> list[tuple[str, str]]:
    return re.findall(r"`((?:[A-Z]+ )+)(/[^`]+)`", cell)


def test_every_parameter_is_in_the_developers_table() -> None:
    documented = {name for row in rows(API) for name in re.findall(r"`([a-z_]+)`", row[0])}
    known = {name for each in vars(schemas).values() if isinstance(each, type) and issubclass(each, LooseSchema) for name in each().fields}
    assert known - {"number"} <= documented


def test_every_path_is_owned() -> None:
    assert [rule.rule for rule in _rules() if not rule.rule.startswith(DIALECT.paths)] == []


def test_commands_exist() -> None:
    known = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    words = re.findall(r"`(dragoman [a-z]+(?: [a-z]+)?)|^ +(dragoman [a-z]+ [a-z]+)", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    for command in words:
        assert f"### {''.join(command)}\n" in known, command


def test_links_lead_somewhere() -> None:
    for path in (GUIDE, API):
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def _rules() -> list[Rule]:
    app = Flask("rules", static_folder=None)
    app.register_blueprint(DIALECT.blueprint)
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("bulk.")]
