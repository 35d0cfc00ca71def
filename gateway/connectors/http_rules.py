"""What an operator says of a carrier's answers: where something stands in them, and which outcome they mean.

Regular expressions are RE2's: their time grows with the answer and never with its combinations, so no carrier can hold a thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import re2  # type: ignore[import-untyped]  # the package has no stubs

from gateway.connectors.base import FailureKind
from gateway.connectors.http_answers import json_of, words
from gateway.net.client import Answer

MOST_PATTERN_BYTES = 256 * 1024
MOST_RULES = 50

Expression = Callable[[Answer], str | None]
"""What stands at a place in an answer; None where nothing does."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """``failure`` None: the carrier took the message."""

    failure: FailureKind | None


OUTCOMES: Mapping[str, Meaning] = {"accepted": Meaning(None)} | {kind.value: Meaning(kind) for kind in FailureKind}

_RULE = re.compile(r"(?P<status>[1-5][0-9]{2}|[1-5]xx|any)(?:[ \t]+(?P<what>.+?))?[ \t]*=>[ \t]*(?P<outcome>[a-z_]+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the setting ``rules``."""

    status: str
    condition: Callable[[Answer], bool]
    outcome: Meaning

    def fits(self, answer: Answer) -> bool:
        """Whether the rule is about this answer."""
        status = str(answer.status)
        return self.status in ("any", status, status[0] + "xx") and self.condition(answer)


def rules(lines: str) -> tuple[Rule, ...]:
    """The rules of a setting; the first that fits counts. Raises ValueError for a line that is none."""
    found = tuple(_rule(line) for line in filter(None, (line.strip() for line in lines.splitlines())))
    if len(found) > MOST_RULES:
        raise ValueError(f"has more than {MOST_RULES} lines")
    return found


def expression(written: str) -> Expression:
    """``body:REGEX`` (its first group, or all of it), ``json:/pointer`` or ``header:NAME``. Raises ValueError."""
    where, _, rest = written.partition(":")
    if where == "body" and rest:
        pattern = compiled(rest)
        return lambda answer: _matched(pattern, answer.text())
    if where == "json" and rest.startswith("/"):
        return lambda answer: words(at(json_of(answer), rest)) or None
    if where == "header" and rest:
        return lambda answer: answer.headers.get(rest.lower())
    raise ValueError("must be body:REGEX, json:/pointer or header:NAME")


def compiled(pattern: str) -> Any:
    """A pattern of RE2. Raises ValueError."""
    options = re2.Options()
    options.max_mem = MOST_PATTERN_BYTES
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise ValueError("has a pattern that is malformed, too large, or uses what RE2 does not have") from None


def at(value: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to; None where it leads nowhere."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _rule(line: str) -> Rule:
    read = _RULE.fullmatch(line)
    if read is None or read["outcome"] not in OUTCOMES:
        raise ValueError(f"must be lines 'STATUS [body:REGEX | json:/pointer=value] => OUTCOME', OUTCOME being {', '.join(OUTCOMES)}")
    return Rule(read["status"], _condition(read["what"]), OUTCOMES[read["outcome"]])


def _condition(written: str | None) -> Callable[[Answer], bool]:
    if written is None:
        return lambda _answer: True
    if written.startswith("body:") and len(written) > len("body:"):
        pattern = compiled(written.removeprefix("body:"))
        return lambda answer: pattern.search(answer.text()) is not None
    pointer, equals, value = written.removeprefix("json:").partition("=")
    if not written.startswith("json:/") or not equals:
        raise ValueError("has a line whose condition is neither body:REGEX nor json:/pointer=value")
    return lambda answer: _shown(at(json_of(answer), pointer)) == value


def _shown(value: Any) -> str:
    """A JSON value as it is written in a rule: text bare, all else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value)


def _matched(pattern: Any, body: str) -> str | None:
    found = pattern.search(body)
    if found is None:
        return None
    group: str | None = found.group(1) if pattern.groups else found.group(0)
    return group
