"""``list`` and ``regex``: which recipients are kept (contract 3.7).

The engine is RE2: its time grows with the pattern and the number, never with their combinations. It has no look-around and no
back-references; a pattern that uses them is refused like one that is malformed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import re2  # type: ignore[import-untyped]  # the package has no stubs

from gateway.dialects.brevisone.uncertain import LONGEST_PATTERN, MOST_FILTER_STEPS, MOST_PATTERN_BYTES
from gateway.domain.errors import InvalidField

KINDS = ("white", "black")


class Expression(Protocol):
    """A compiled pattern of RE2. ``programsize`` counts its instructions: no search takes more steps for each character."""

    @property
    def programsize(self) -> int: ...
    def search(self, text: str) -> object | None: ...


def kept(kind: str, pattern: str, numbers: Mapping[str, str]) -> Sequence[str]:
    """The recipients that pass: with ``white`` those that match, with ``black`` those that do not.

    Args:
        numbers: E.164 → as the program wrote it. A number matches if any way of writing it does.

    Raises:
        InvalidField: the pattern cannot be used, or would take too long over so many.
    """
    expression = compiled(pattern)
    if expression.programsize * len(numbers) > MOST_FILTER_STEPS:
        raise InvalidField("regex", f"is too complex for {len(numbers)} recipients")
    is_wanted = kind == "white"
    return [number for number, written in numbers.items() if _matches(expression, number, written) == is_wanted]


def compiled(pattern: str) -> Expression:
    """The pattern, without the slashes that PHP programs put around theirs.

    Raises:
        InvalidField
    """
    if len(pattern) > LONGEST_PATTERN:
        raise InvalidField("regex", f"has more than {LONGEST_PATTERN} characters")
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        pattern = pattern[1:-1]
    options = re2.Options()
    options.max_mem = MOST_PATTERN_BYTES
    options.log_errors = False
    try:
        expression: Expression = re2.compile(pattern, options)
    except re2.error:
        raise InvalidField("regex", "is malformed, too large, or uses what RE2 does not have (look-around, back-references)") from None
    return expression


def _matches(expression: Expression, number: str, written: str) -> bool:
    digits = number[1:]
    return any(expression.search(form) is not None for form in (digits, number, "00" + digits, written))
