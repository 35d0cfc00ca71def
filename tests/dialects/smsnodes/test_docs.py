"""The pages about this dialect say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.dialects.smsnodes import DIALECT
from gateway.dialects.smsnodes.errors import REQUIRED
from gateway.dialects.smsnodes.openapi import OPERATIONS
from gateway.dialects.smsnodes.routes import blueprint
from gateway.dialects.smsnodes.uncertain import STATES
from tests.dialects.smsnodes.test_errors import EXAMPLES
from tests.support.programs import ROOT

GUIDE = ROOT / "docs" / "dialects" / "smsnodes.md"
API = ROOT / "gateway" / "dialects" / "smsnodes" / "API.md"


def rows(path: Path) -> list[list[str]]:
    """The cells of every table row of a page."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| ")]


def documented() -> list[tuple[int, str]]:
    return [(int(row[0]), row[1].strip("`")) for row in rows(GUIDE) if re.fullmatch("[0-9]{3}", row[0])]


def fits(pattern: str, words: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), words) is not None


def test_every_answer_to_an_error_has_its_line() -> None:
    for error, status, words in EXAMPLES:
        assert any(status == known and fits(pattern, words) for known, pattern in documented()), (error, words)
    for words in REQUIRED.values():
        assert (400, words) in documented()


def test_every_line_is_an_answer() -> None:
    for known, pattern in documented():
        assert any(status == known and fits(pattern, words) for _, status, words in EXAMPLES), pattern
    assert len(set(documented())) == len(documented())


def test_every_error_has_a_cause_and_a_remedy() -> None:
    for row in rows(GUIDE):
        if re.fullmatch("[0-9]{3}", row[0]):
            assert len(row) == 4 and all(cell.endswith((".", "`")) for cell in row[2:]), row


def test_the_states_are_the_ones_in_code() -> None:
    page = GUIDE.read_text().partition("## What the state of a message means")[2].partition("## Errors")[0]
    assert set(re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE)) - {"state"} == set(STATES.values())


def test_every_call_is_told_to_developers_and_programs() -> None:
    told = {word for row in rows(API) for word in re.findall(r"`[A-Z]+ (/[^`]+)`", row[0])}
    assert told == set(DIALECT.paths) == {operation.rule for operation in OPERATIONS}
    assert blueprint.name == DIALECT.name


def test_commands_exist() -> None:
    known = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    named = re.findall(r"`(dragoman [a-z]+(?: [a-z]+)?)|^ +(dragoman [a-z]+ [a-z]+)", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert named
    for command in named:
        assert f"### {''.join(command)}\n" in known, command


def test_links_lead_somewhere() -> None:
    for path in (GUIDE, API):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"
