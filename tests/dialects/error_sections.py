"""The error sections of the five contracts, row by row: for each a request that gets it, and the answer to the letter.

The rows of each dialect stand in its folder, in ``error_rows.py``. :mod:`tests.dialects.print_errors` prints them with the answers that come.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import TestResponse

from tests.dialects.town import NAMES, Town

Ask = Callable[[Town], TestResponse]


@dataclass(frozen=True)
class Wrong:
    """A body whose ``data`` names these wrong fields and no other, each with so many sentences."""

    fields: Mapping[str, int]


@dataclass(frozen=True)
class Row:
    """One row of an error section.

    Args:
        section: of the contract.
        row: when it comes.
        asked: what the request is or what is odd about it, without credentials.
        ask: sends it, after whatever has to happen before.
        status: the contract's.
        body: the whole body: text as it is, an object as JSON; a pattern where it tells seconds of the running clock.
        headers: patterns that headers of the answer match whole.
    """

    section: str
    row: str
    asked: str
    ask: Ask
    status: int
    body: str | re.Pattern[str] | dict[str, Any] | Wrong
    headers: Mapping[str, str] = field(default_factory=dict)


def rows() -> list[tuple[str, Row]]:
    """(dialect, row) of every row."""
    from tests.dialects.brevisone.error_rows import ROWS as brevisone
    from tests.dialects.bulk.error_rows import ROWS as bulk
    from tests.dialects.httpsms.error_rows import ROWS as httpsms
    from tests.dialects.smsend.error_rows import ROWS as smsend
    from tests.dialects.smsnodes.error_rows import ROWS as smsnodes

    found = {"smsend": smsend, "brevisone": brevisone, "bulk": bulk, "smsnodes": smsnodes, "httpsms": httpsms}
    return [(name, row) for name in NAMES for row in found[name]]


def faults(row: Row, answer: TestResponse) -> list[str]:
    """What of the row the answer does not keep."""
    found = [] if answer.status_code == row.status else [f"status {answer.status_code} instead of {row.status}"]
    if isinstance(row.body, str):
        found += [] if answer.text == row.body else [f"body {answer.text!r} instead of {row.body!r}"]
    elif isinstance(row.body, re.Pattern):
        found += [] if row.body.fullmatch(answer.text) else [f"body {answer.text!r} is not like {row.body.pattern}"]
    else:
        told = json.loads(answer.data)
        if isinstance(row.body, Wrong):
            given = {name: len(sentences) for name, sentences in told.get("data", {}).items()}
            found += [] if given == dict(row.body.fields) and told["status"] == "error" else [f"body {told}"]
        elif told != row.body:
            found.append(f"body {told} instead of {row.body}")
    for name, pattern in row.headers.items():
        if not re.fullmatch(pattern, answer.headers.get(name, "")):
            found.append(f"{name}: {answer.headers.get(name)}")
    return found
