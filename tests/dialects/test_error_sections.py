"""Every row of the contracts' error sections comes on the wire as it is written there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from tests.dialects.error_sections import CONTRACT, Row, Wrong, every_row, faults, forgotten
from tests.dialects.print_errors import answered
from tests.dialects.town import NAMES, Town
from tests.support.databases import SECRET

ROWS = every_row()
SECRETS = re.compile(r"open\.sesame|correct horse|[bup]k_[A-Za-z0-9_-]{6}|bm9ib2R5|hidden detail|" + SECRET)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_answered(name: str, sqlite_template: Path, tmp_path: Path) -> None:
    lines, wrong = zip(*answered(Town(name, sqlite_template, tmp_path)), strict=True)
    faults = [fault for each in wrong for fault in each]
    assert not faults, "\n".join(faults)
    assert len(lines) == sum(dialect == name for dialect, _ in ROWS)
    for line in lines:
        assert len(re.split(r"(?<!\\)\|", line)) == 7, "five cells"
        assert not SECRETS.search(line)


def test_no_row_is_forgotten_or_written_twice() -> None:
    assert forgotten() == []
    assert CONTRACT.keys() == set(NAMES)
    names = [(dialect, row.section, row.row, row.asked) for dialect, row in ROWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"status": 404}, "status 401 instead of 404"),
        ({"body": {"error": "Invalid"}}, "body {'error': 'Invalid credentials'} instead of {'error': 'Invalid'}"),
        ({"body": "Invalid credentials"}, "body '{\"error\":\"Invalid credentials\"}' instead of 'Invalid credentials'"),
        ({"body": re.compile("no")}, 'body \'{"error":"Invalid credentials"}\' is not like no'),
        ({"body": Wrong({"to": 1})}, "body {'error': 'Invalid credentials'}"),
        ({"headers": {"Retry-After": "[0-9]+"}}, "Retry-After: None"),
    ],
)
def test_an_answer_that_is_otherwise_is_noticed(changes: dict[str, Any], fault: str) -> None:
    row = Row("2.3", "wrong password", "", lambda town: town.owner.send(), 401, {"error": "Invalid credentials"})
    answer = TestResponse([b'{"error":"Invalid credentials"}'], "401", Headers(), None)  # type: ignore[arg-type]  # nothing asks for its request
    assert faults(row, answer) == []
    assert faults(replace(row, **changes), answer) == [fault]
