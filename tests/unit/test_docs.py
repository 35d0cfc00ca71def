"""What the documentation says of the code is true, as far as a program can tell."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.message import FINAL, MOVES
from gateway.services import console
from gateway.services.console_login import LIFE as LINK_LIFE
from gateway.storage.tables import Base
from tests.support.programs import ROOT

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FORM = ["Situation", "Choice", "Price", "What would change our mind"]
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))


def pages() -> list[Path]:
    """Every page of the repository: those that git knows or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:  # not a checkout
        return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "gateway").rglob("*.md"))]
    return [ROOT / name for name in sorted(set(found.stdout.splitlines())) if (ROOT / name).exists()]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


def rows(table: str) -> Iterator[list[str]]:
    """The cells of each row of the first table in a text, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def words(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings answer to."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists() or (fragment and fragment not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_the_index_names_every_page():
    index = {(DOCS / target).resolve() for target in LINK.findall(read("docs/README.md"))}
    assert {page for page in DOCS.rglob("*.md") if page.name != "README.md"} <= index


# Operating


def test_metrics_are_the_documented_ones():
    in_code = set(re.findall(r'"(dragoman_[a-z_]+)"', read("gateway/web/metrics.py")))
    page = read("docs/operating.md")
    listed = {words(name)[0] for name, *_ in rows(between(page, "## Metrics", "## Logs"))}
    assert in_code
    assert listed == in_code
    assert set(re.findall(r"`(dragoman_[a-z_]+)`", page)) <= in_code


def test_labels_of_metrics_are_the_documented_ones():
    declared = re.findall(
        r'(?:Counter|Gauge|Histogram)\(\s*"(dragoman_[a-z_]+)",\s*"[^"]*",\s*(?:labels=)?\[([^\]]*)\]', read("gateway/web/metrics.py")
    )
    in_code = {name: re.findall(r'"([a-z]+)"', labels) for name, labels in declared}
    listed = {
        words(name)[0]: labels.split(", ") for name, _, labels, _ in rows(between(read("docs/operating.md"), "## Metrics", "## Logs"))
    }
    assert listed == in_code


def test_events_of_the_log_are_in_the_code():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "gateway").rglob("*.py"))
    in_code = set(re.findall(r'log\.(?:info|warning|error|exception)\(\s*"([a-z_]+)"', source)) - {"request"}
    table = between(read("docs/operating.md"), "## Logs", "## Backup")
    assert {event for names, *_ in rows(table) for event in words(names)} == in_code


# Data


def test_the_moves_are_the_codes():
    table = between(read("docs/data.md"), "<!-- MOVES -->", "<!-- END MOVES -->")
    listed = {words(state)[0]: set(words(targets)) for state, targets in rows(table)}
    assert listed == {state.value: {target.value for target in targets} for state, targets in MOVES.items()}


def test_the_states_are_the_codes():
    table = between(read("docs/data.md"), "## States of a message", "### Legal moves")
    listed = {words(state)[0]: final for state, _, final in rows(table)}
    assert listed == {state.value: "yes" if state in FINAL else "no" for state in MOVES}


def test_every_table_is_told_with_its_key():
    page = read("docs/data.md").partition("## States of a message")[0]
    pieces = re.split(r"^### (.*)$", page, flags=re.MULTILINE)
    told = {name: words(between(body, "Key: ", ".")) for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    assert told == {name: [column.name for column in table.primary_key] for name, table in Base.metadata.tables.items()}


# Decisions


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_follows_the_form(page):
    text = page.read_text(encoding="utf-8")
    number = page.stem[:4]
    assert re.fullmatch(r"\d{4}(-[a-z0-9]+)+", page.stem)
    assert text.startswith(f"# {number}: ")
    pieces = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    assert pieces[1::2] == FORM
    assert all(body.strip() for body in pieces[2::2])


def test_decisions_are_numbered_without_a_gap():
    assert [page.stem[:4] for page in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]


# README, changelog, installing


def targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):.*## ", read("Makefile"), flags=re.MULTILINE))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_command_exists(page):
    text = page.read_text(encoding="utf-8")
    used = set(re.findall(r"^make ([a-z0-9-]+)|`make ([a-z0-9-]+)|&& make ([a-z0-9-]+)", text, flags=re.MULTILINE))
    assert {name for found in used for name in found if name} <= targets()


def test_readme_lists_commands_as_they_are():
    listed = {words(command)[0].removeprefix("make ") for command, _ in rows(between(read("README.md"), "## Commands", "## Further"))}
    assert "run" in listed
    assert "test" in listed
    assert listed <= targets()


def test_benches_that_are_named_exist():
    named = re.findall(r"make bench ARGS='?([a-z_]+)", read("docs/performance.md"))
    assert named
    assert all((ROOT / "bench" / f"{name}.py").exists() for name in named)


def test_settings_that_pages_name_exist():
    known = set(words(read("docs/settings.md")))
    for page in pages():
        named = set(re.findall(r"\bDRAGOMAN_(?!TEST_)[A-Z][A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")))
        assert named <= known, page


def test_the_changelog_is_open():
    assert re.search(r"^## Unreleased$", read("CHANGELOG.md"), flags=re.MULTILINE)


def test_the_times_of_the_console():
    line = between(read("CHANGELOG.md"), "The link works once,", "\n")
    assert (LINK_LIFE.total_seconds(), console.LIFE.total_seconds()) == (5 * 60, 30 * 60)
    assert "within five minutes; a visit ends after thirty minutes" in line
