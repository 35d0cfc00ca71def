"""What a customer's program is to the tests: how it is started, what the gateway answers it, what it has sent in the end.

A program is a curl command line or a file of its dialect's folder. Each prints the answer's body and, on the last line, its status,
and ends with 0 where the API's manual calls that success. ``$name`` in its words stands for what its customer knows (:mod:`.cast`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from tests.support import node, programs

HERE = Path(__file__).resolve().parent
WHAT_FOR = "tests with programs of customers"
TEXT = "Größe 5 € + 100 % & mehr"
"""Blanks, signs that addresses and forms escape, letters of both alphabets."""


@dataclass(frozen=True)
class Program:
    """One program and what must come of it.

    Args:
        name: unique within its dialect.
        words: the first one says what runs it: ``curl``, ``php``, ``node`` or ``python``; the second one, but for curl, names the file.
        status: of the answer.
        body: text that is the whole body, or a value whose parts the body's JSON holds (:func:`holds`). None: any.
        sent: what the account has sent by it: recipients in E.164, each with its text.
        succeeds: whether it ends with 0. None: below 400.
    """

    dialect: str
    name: str
    words: tuple[str, ...]
    status: int = 200
    body: Any = None
    sent: tuple[tuple[str, str], ...] = ()
    succeeds: bool | None = None


@dataclass(frozen=True)
class Place:
    """Where a program runs: what its customer knows, and what it may use there."""

    known: Mapping[str, str]
    certificate: Path
    folder: Path
    packages: Path | None = field(default=None)


@dataclass(frozen=True)
class Ran:
    """What a program printed, and how it ended."""

    status: int
    body: str
    ended: int
    complaint: str


def curl(dialect: str, name: str, *words: str, **more: Any) -> Program:
    """A command line for curl, from its second word on."""
    return Program(dialect, name, ("curl", *words), **more)


def run(program: Program, place: Place) -> Ran:
    """Runs it to its end."""
    words = [Template(word).safe_substitute(place.known) for word in program.words]
    trusted = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    environment = os.environ | dict.fromkeys(trusted, str(place.certificate)) | {"no_proxy": "*", "PYTHONUTF8": "1"}
    done = subprocess.run(
        _command(program, words, place), env=environment, cwd=place.folder, capture_output=True, text=True, check=False, timeout=60
    )
    body, _, status = done.stdout.rstrip("\n").rpartition("\n")
    return Ran(int(status) if status.isdigit() else 0, body, done.returncode, done.stderr)


def holds(told: Any, wanted: Any) -> bool:
    """Whether a JSON value has all that is wanted: a type stands for any value of it, an object may hold more."""
    if isinstance(wanted, type):
        return isinstance(told, wanted) and (wanted is bool or not isinstance(told, bool))
    if isinstance(wanted, dict):
        return isinstance(told, dict) and all(name in told and holds(told[name], value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(told, list) and len(told) == len(wanted) and all(map(holds, told, wanted))
    return bool(told == wanted)


def wrong(program: Program, ran: Ran) -> str:
    """What is not as it must be in what it printed; "" for nothing."""
    succeeds = program.status < 400 if program.succeeds is None else program.succeeds
    if ran.status != program.status:
        return f"status {ran.status} instead of {program.status}: {ran.body[:300]} {ran.complaint[-500:]}"
    if (ran.ended == 0) != succeeds:
        return f"ended with {ran.ended}: {ran.body[:300]} {ran.complaint[-500:]}"
    if isinstance(program.body, str):
        return "" if ran.body == program.body else f"body {ran.body[:300]!r}"
    if program.body is not None and not holds(json.loads(ran.body), program.body):
        return f"body {ran.body[:600]}"
    return ""


def _command(program: Program, words: list[str], place: Place) -> list[str]:
    runner, *rest = words
    if runner == "curl":
        return [programs.need("curl", WHAT_FOR), "-sS", "--fail-with-body", "--max-time", "30", "-w", r"\n%{http_code}\n", *rest]
    source, arguments = HERE / program.dialect / rest[0], rest[1:]
    if runner == "node":
        copy = node.copied(source, place.folder, place.packages) if place.packages else source
        return [programs.need("node", WHAT_FOR), str(copy), *arguments]
    if runner == "php":
        options = ["-d", f"curl.cainfo={place.certificate}", "-d", "error_reporting=E_ALL&~E_DEPRECATED"]
        return [programs.need("php", WHAT_FOR), *options, str(source), *arguments]
    return [sys.executable, str(source), *arguments]
