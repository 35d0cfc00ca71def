"""The same tests on both databases: a migrated template, copied for each test.

``database_url`` runs a test once on SQLite and once on PostgreSQL; ``app``, ``gateway`` and ``clock`` stand on it.
PostgreSQL comes from the fixture ``postgres_server``; each test gets a database of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from gateway import create_app
from gateway.config import Settings
from gateway.services.core import Gateway
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.support.postgres import PostgresServer

SECRET = "only-for-tests-never-elsewhere"
MORNING = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
MIGRATE = "from gateway import create_app; from gateway.services.schema import upgrade; app = create_app(); app.app_context().push(); upgrade(app.extensions['dragoman'])"  # noqa: E501 - one argument for the interpreter


def build_late(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """Werkzeug compiles what builds URLs for every rule at once: three quarters of the time of making an application, and
    hardly a test builds one. This way each is compiled when it is used."""

    def late(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        def build(self: Rule, **values: Any) -> Any:
            return compile_builder(self, append_unknown).__get__(self, None)(**values)

        return build

    return late


Rule._compile_builder = build_late(Rule._compile_builder)  # type: ignore[method-assign]


class FixedClock:
    """A clock that stands until it is moved."""

    def __init__(self, moment: datetime = MORNING) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def forward(self, **duration: float) -> datetime:
        """Moves on by a timedelta given in words: ``forward(seconds=30)``."""
        self.moment += timedelta(**duration)
        return self.moment


def settings_for(database_url: str, **settings: object) -> Settings:
    """Settings for a test; further ones by their names in lower case."""
    given = {f"DRAGOMAN_{name.upper()}": str(value) for name, value in settings.items()}
    return Settings.from_environment({"DRAGOMAN_DATABASE_URL": database_url, "DRAGOMAN_SECRET_KEY": SECRET, **given})


def migrate(database_url: str) -> None:
    """Brings a database to the newest schema, in a process of its own so that no handle is left behind."""
    environment = os.environ | {"DRAGOMAN_DATABASE_URL": database_url, "DRAGOMAN_SECRET_KEY": SECRET}
    done = subprocess.run([sys.executable, "-c", MIGRATE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a migrated PostgreSQL database to copy."""
    url = postgres_server.create_database()
    migrate(url)
    yield url.rpartition("/")[2]
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of the test's own, on either kind."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "test.sqlite3")
        yield f"sqlite:///{tmp_path / 'test.sqlite3'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(template=request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)


@pytest.fixture
def clock() -> FixedClock:
    """The gateway's clock, to be moved by the test."""
    return FixedClock()


@pytest.fixture
def app(database_url: str, clock: FixedClock) -> Iterator[Flask]:
    """The application on the test's database."""
    app = create_app(settings_for(database_url, web_threads=8, simulator_delay_milliseconds=0, simulator_receipt_milliseconds=0), clock)
    yield app
    with app.app_context():
        close_connections(db.engine)
        db.engine.dispose()


@pytest.fixture
def gateway(app: Flask) -> Iterator[Gateway]:
    """The gateway, within an application context."""
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        yield gateway
