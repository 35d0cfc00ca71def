"""``docs/cli.md`` and the command tree tell the same, both ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli import dragoman
from gateway.domain.permissions import MEANINGS

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands(child, f"{path} {name}")
    else:
        yield path, command


def sections() -> dict[str, str]:
    pieces = re.split(r"^#{2,3} (.*)$", DOCS, flags=re.MULTILINE)
    return {title: body for title, body in zip(pieces[1::2], pieces[2::2], strict=True) if title.startswith("dragoman ")}


TREE = dict(commands(dragoman, "dragoman"))


def test_every_command_has_a_section_and_every_section_a_command():
    assert sorted(sections()) == sorted(TREE)


@pytest.mark.parametrize("path", TREE)
def test_options_are_the_documented_ones(path):
    options = {max(each.opts, key=len) for each in TREE[path].params if isinstance(each, click.Option)}
    documented = set(re.findall(r"`(--[a-z-]+)`", sections()[path]))
    assert documented == options


@pytest.mark.parametrize("path", TREE)
def test_help_begins_with_a_sentence_and_gives_the_documented_example(path):
    words = TREE[path].help or ""
    assert re.match(r"[A-Z].*\.", words)
    example = re.search(r"Example: (.*)", words)
    assert example is not None
    assert f"`{example[1]}`" in sections()[path]
    assert example[1].startswith(path)


@pytest.mark.parametrize("path", TREE)
def test_every_option_has_a_line_of_help(path):
    assert all(each.help for each in TREE[path].params if isinstance(each, click.Option))


def test_the_table_of_permissions_is_the_one_that_is_checked():
    table = re.findall(r"^\| `(\w+):(\w+)` \| (.*) \|$", DOCS, flags=re.MULTILINE)
    assert table == [(dialect, action, meaning) for dialect, actions in MEANINGS.items() for action, meaning in actions.items()]
