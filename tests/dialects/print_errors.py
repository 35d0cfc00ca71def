"""Prints every row of the contracts' error sections with the answer that comes: ``python -m tests.dialects.print_errors``.

A Markdown table; its last line says how many rows there are, and how many are missing: listed by a contract without a request
here, or answered otherwise.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.dialects.error_sections import Row, every_row, faults, forgotten
from tests.dialects.town import NAMES, Town
from tests.support.databases import migrate

WIDEST = 80
HEAD = ("| dialect | row | request | status | body |", "|---|---|---|---|---|")


def main() -> int:
    """Prints the table; 1 if a row is missing."""
    count, missing = 0, forgotten()
    _print(*HEAD)
    with tempfile.TemporaryDirectory() as name:
        template = Path(name) / "template.sqlite3"
        migrate(f"sqlite:///{template}")
        for dialect in NAMES:
            for line, wrong in answered(Town(dialect, template, Path(name))):
                count += 1
                missing += wrong
                _print(line)
    _print("", *(f"missing: {each}" for each in missing), f"{count} rows, {len(missing)} missing")
    return 1 if missing else 0


def answered(town: Town) -> Iterator[tuple[str, list[str]]]:
    """For every row of a dialect its line of the table, and what the answer does not keep."""
    for row in (row for dialect, row in every_row() if dialect == town.name):
        with town.visit():
            answer = row.ask(town)
        yield (
            _line(town.name, row, answer.status_code, answer.text),
            [f"{town.name} {row.section}: {row.row} ({row.asked}): {fault}" for fault in faults(row, answer)],
        )


def _line(name: str, row: Row, status: int, body: str) -> str:
    shown = _cut(body)
    cells = (name, f"{row.section}: {row.row}", row.asked, str(status), f"`{shown}`" if shown else "")
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _cut(body: str) -> str:
    """As much of a body as a cell takes. Of httpSMS the data is shown, because the sentence before it is the same for many."""
    if len(body) > WIDEST and '"data":{' in body:
        body = "…" + body[body.index('"data":{') :]
    return body if len(body) <= WIDEST else body[: WIDEST - 1] + "…"


def _print(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
