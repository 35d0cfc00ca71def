"""The command line on a migrated SQLite file of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from gateway import create_app
from gateway.cli import dragoman
from gateway.config import PREFIX, Settings
from gateway.services.core import Gateway
from gateway.storage.driver import close_connections
from gateway.storage.identity import user_by_name
from gateway.storage.tables import User
from tests.support.databases import sqlite_template  # noqa: F401 - a fixture

KEY = "a-key-for-tests-that-is-long-enough"


@dataclass(frozen=True)
class Shell:
    """Runs ``dragoman`` as an operator would."""

    environment: dict[str, str]

    def __call__(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner(env=self.environment).invoke(dragoman, arguments, input=stdin)

    def ok(self, *arguments: str, stdin: str | None = None) -> str:
        """What was printed by a command that must succeed."""
        done = self(*arguments, stdin=stdin)
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.stdout

    def json(self, *arguments: str, stdin: str | None = None) -> Any:
        """The same, read as JSON."""
        return json.loads(self.ok(*arguments, "--json", stdin=stdin))

    def refused(self, *arguments: str, stdin: str | None = None, code: int = 1) -> str:
        """The one line of a command that must be refused."""
        done = self(*arguments, stdin=stdin)
        assert done.exit_code == code, done.output + repr(done.exception)
        assert done.stdout == ""
        return done.stderr.strip().removeprefix("Error: ")


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """A shell on a folder where nothing was ever done."""
    return Shell({f"{PREFIX}DATA_DIR": str(tmp_path / "var"), f"{PREFIX}SECRET_KEY": KEY, f"{PREFIX}BASE_URL": "http://gateway.test"})


@pytest.fixture
def shell(empty: Shell, tmp_path: Path, sqlite_template: Path) -> Shell:  # noqa: F811
    """A shell on a migrated database with the account "acme" and 100 credits."""
    (tmp_path / "var").mkdir()
    shutil.copyfile(sqlite_template, tmp_path / "var" / "dragoman.sqlite3")
    empty.ok("account", "create", "acme", "--from", "Acme")
    empty.ok("credit", "add", "acme", "100")
    return empty


@pytest.fixture
def gateway(shell: Shell) -> Iterator[Gateway]:
    """The gateway behind the shell, for what no command does."""
    app = create_app(Settings.from_environment(shell.environment))
    with app.app_context():
        found: Gateway = app.extensions["dragoman"]
        yield found
        close_connections(found.engine)
        found.engine.dispose()


def the_user(session: Session, username: str) -> User:
    """The user of that name, who must be there."""
    found = user_by_name(session, username)
    assert found is not None
    return found[0]


Sent = Callable[..., str]


@pytest.fixture
def sent(shell: Shell) -> Sent:
    """Sends a text and gives the order's id."""

    def send(text: str = "Hello world!", *more: str, to: str = "+393471234567") -> str:
        return str(shell.json("send", "--account", "acme", "--to", to, "--text", text, *more)["order_id"])

    return send
