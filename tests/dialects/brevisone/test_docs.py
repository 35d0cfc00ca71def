"""The pages about this dialect say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.dialects.brevisone import DIALECT, check, schemas, uncertain
from gateway.dialects.brevisone.errors import ERRORS
from gateway.dialects.brevisone.submission import MODES
from gateway.services.gauges import QUICK_SECONDS, SLOW_SECONDS
from tests.support.programs import ROOT

GUIDE = ROOT / "docs" / "dialects" / "brevisone.md"
API = ROOT / "gateway" / "dialects" / "brevisone" / "API.md"


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def rows(page: str) -> list[list[str]]:
    """The cells of every table row."""
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in page.splitlines() if line.startswith("| ")]


def section(page: str, heading: str) -> str:
    return page.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_the_error_table_is_the_code_s() -> None:
    found = [row for row in rows(section(text(GUIDE), "Errors")) if row[0].isdigit()]
    documented = [(int(row[0]), row[1].strip("`")) for row in found]
    assert len(set(documented)) == len(documented)
    assert set(documented) == {(row.status, row.wording) for row in ERRORS.values()}
    assert all(len(row) == 4 and all(cell.endswith(".") for cell in row[2:]) for row in found)


def test_every_parameter_is_told() -> None:
    for page in (text(GUIDE), section(text(API), "Parameters of `/api.php`")):
        told = set(re.findall(r"`([a-z]+)(?:=[a-z]+)?`", page))
        assert set(schemas.Send().fields) <= told
        assert set(MODES) <= told


def test_every_figure_is_told_in_its_order() -> None:
    table = rows(section(text(GUIDE), "`/check.php`"))
    assert [row[0].strip("`") for row in table[1:] if not row[0].startswith("-")] == list(check.FIGURES)
    assert all(f"`{word}`" in text(GUIDE) for word in (*uncertain.SENDING, *uncertain.NOT_SENDING))
    assert (QUICK_SECONDS, SLOW_SECONDS, uncertain.FAILED_HOURS) == (3, 30, 24)
    assert "up to three seconds old; `failed`, `total` and `disk` up to thirty" in text(GUIDE)
    assert "in the last 24 hours" in text(GUIDE)


def test_every_state_is_told() -> None:
    page = section(text(GUIDE), "What the state of a message means")
    assert [row[0].strip("`") for row in rows(page) if row[0].startswith("`") and row[0] != "`STATE`"] == [
        "QUEUED", "SENT", "DELIVERED", "FAILED", "UNKNOWN"
    ]  # fmt: skip
    assert "the first of " + ", ".join(f"`{word}`" for word in uncertain.OUTCOMES) in page


def test_every_call_is_in_the_developers_table() -> None:
    calls = {row[0].strip("`") for row in rows(section(text(API), "Calls")) if row[0].startswith("`")}
    described: dict[str, list[str]] = {}
    for operation in DIALECT.operations:
        described.setdefault(operation.rule, []).extend(operation.methods)
    assert calls == {f"{' '.join(methods)} {rule}" for rule, methods in described.items()}
    assert set(described) == set(DIALECT.paths)


def test_limits_are_the_code_s() -> None:
    assert f"over {uncertain.LONGEST_PATTERN} characters" in text(GUIDE)
    assert f"at most {schemas.LONGEST_TEXT:,} characters" in text(API)


def test_commands_exist() -> None:
    known = text(ROOT / "docs" / "cli.md")
    for command in re.findall(r"dragoman (?:doctor|[a-z]+ [a-z]+)", re.sub(r"deploy\S*", "", text(GUIDE))):
        assert f"### {command}\n" in known, command


def test_every_file_is_told() -> None:
    told = set(re.findall(r"`([a-z]+\.py)`", section(text(API), "Files")))
    there = {path.name for path in (ROOT / "gateway" / "dialects" / "brevisone").glob("*.py")}
    assert told == there - {"__init__.py", "schemas.py", "openapi.py"}
