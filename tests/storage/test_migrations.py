"""Migrations on both databases: up, down, up again, with rows in every table, and ending where the models are."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import CheckConstraint, inspect, select, text

from gateway import create_app
from gateway.connectors import CONNECTORS
from gateway.domain.tariff import MessageType
from gateway.services import ledger, schema
from gateway.services.core import Gateway
from gateway.services.schema import NotMigrated
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import TEST_CONNECTOR, Account, ConnectorRow, TariffRow
from tests.support.builders import an_account, an_order
from tests.support.databases import SECRET, FixedClock, settings_for
from tests.support.postgres import PostgresServer
from tests.support.programs import ROOT

HERE = Path(__file__).parent


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)


def flask_db(url: str, *arguments: str) -> str:
    """``flask db …`` as an operator runs it; what it wrote."""
    environment = os.environ | {"DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_SECRET_KEY": SECRET, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rows_of(url: str) -> dict[str, list[Any]]:
    """Every row of every table, read by the driver alone."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}"))) for name in sorted(names)}
    with psycopg.connect(url.replace("+psycopg", "")) as server:
        names = [row[0] for row in server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return {name: sorted(map(repr, server.execute(f"SELECT * FROM {name}"))) for name in sorted(names)}


def load_filled(url: str) -> None:
    """A database as version 0001 left it, with rows in every table: dumped by that version, so no newer code had a hand in it."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript((HERE / "filled_0001.sqlite.sql").read_text(encoding="utf-8"))
        return
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as server:
        server.execute((HERE / "filled_0001.postgresql.sql").read_text(encoding="utf-8").encode())


def let_go(gateway: Gateway) -> None:
    close_connections(gateway.engine)
    db.engine.dispose()


class TestEmptyDatabase:
    def test_up_down_and_up_again(self, empty_url):
        flask_db(empty_url, "upgrade")
        first = rows_of(empty_url)
        flask_db(empty_url, "downgrade", "base")
        assert list(rows_of(empty_url)) == ["alembic_version"]
        flask_db(empty_url, "upgrade")
        assert rows_of(empty_url) == first

    def test_the_service_brings_it_up(self, empty_url):
        app = create_app(settings_for(empty_url))
        with app.app_context():
            gateway: Gateway = app.extensions["dragoman"]
            assert schema.schema(gateway).at is None
            with pytest.raises(NotMigrated, match="has no tables yet"):
                schema.require_current(gateway)
            before, after = schema.upgrade(gateway)
            assert (before.at, after.is_current) == (None, True)
            assert schema.upgrade(gateway) == (after, after)
            schema.require_current(gateway)
            let_go(gateway)

    def test_asking_makes_no_file(self, tmp_path):
        app = create_app(settings_for(f"sqlite:///{tmp_path}/not/yet.sqlite3"))
        with app.app_context():
            assert schema.schema(app.extensions["dragoman"]).at is None
        assert list(tmp_path.iterdir()) == []


class TestMigratedDatabase:
    def test_has_exactly_the_models_tables(self, database_url):
        assert "No new upgrade operations detected" in flask_db(database_url, "check")

    def test_has_exactly_the_models_indexes_and_checks(self, gateway):
        """What ``flask db check`` does not compare: conditions of partial indexes, and checks."""
        with gateway.reading() as session:
            found = inspect(session.connection())
            for table in db.metadata.sorted_tables:
                ours = [index for index in found.get_indexes(table.name) if not index.get("duplicates_constraint")]
                wanted = {str(index.name): [column.name for column in index.columns] for index in table.indexes}
                assert {index["name"]: index["column_names"] for index in ours} == wanted
                checks = {check["name"] for check in found.get_check_constraints(table.name)}
                assert checks == {str(each.name) for each in table.constraints if isinstance(each, CheckConstraint)}
            partial = partial_indexes(session)
        assert set(partial) == {index.name for table in db.metadata.sorted_tables for index in table.indexes if index.dialect_kwargs}
        assert "state" in partial["ix_messages_waiting"]

    def test_starts_with_system_accounts_a_simulator_and_prices(self, gateway):
        with gateway.reading() as session:
            accounts = session.scalars(select(Account).order_by(Account.id)).all()
            assert [(each.id, each.name, each.kind, each.balance) for each in accounts] == [
                (1, "issuer", "system", 0),
                (2, "revenue", "system", 0),
            ]
            connector, test = session.scalars(select(ConnectorRow).order_by(ConnectorRow.name)).all()
            assert (test.name, test.kind, test.enabled, test.settings) == (TEST_CONNECTOR, "simulator", True, {})
            assert (connector.name, connector.kind, connector.enabled, connector.settings) == ("simulator", "simulator", True, {})
            assert (connector.unknown_policy, connector.refund_policy) == ("hold", "unsent")
            assert connector.kind in CONNECTORS
            prices = session.scalars(select(TariffRow)).all()
            assert {(row.message_type, row.prefix, row.units_per_part) for row in prices} == {
                (kind.value, "", 1000) for kind in MessageType
            }

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    def test_leaves_room_for_system_accounts(self, gateway):
        assert [an_account(gateway).id for _ in range(2)] == [1000, 1001]

    def test_numbers_customers_behind_system_accounts(self, gateway):
        assert an_account(gateway).id > 2


class TestFilledDatabase:
    def test_survives_every_later_migration(self, empty_url):
        """From the first migration with rows in every table to the newest, and the ledger still proves itself."""
        load_filled(empty_url)
        before = rows_of(empty_url)
        assert [name for name, rows in before.items() if not rows] == []
        flask_db(empty_url, "upgrade")
        after = rows_of(empty_url)
        added = {"connectors": 1}  # the one for messages in test mode
        assert {name: len(after[name]) for name in before} == {name: len(rows) + added.get(name, 0) for name, rows in before.items()}
        assert "No new upgrade operations detected" in flask_db(empty_url, "check")
        app = create_app(settings_for(empty_url), FixedClock())
        with app.app_context():
            gateway: Gateway = app.extensions["dragoman"]
            assert list(ledger.verify(gateway)) == []
            assert an_order(gateway, an_account(gateway)).recipient_count == 1
            let_go(gateway)

    def test_a_dangling_reference_stops_the_migration(self, tmp_path):
        """SQLite does not look while it migrates; so the end does."""
        url = f"sqlite:///{tmp_path / 'broken.sqlite3'}"
        flask_db(url, "upgrade")
        with closing(sqlite3.connect(tmp_path / "broken.sqlite3")) as connection:
            connection.execute("UPDATE accounts SET parent_id = 77 WHERE id = 1")
            connection.commit()
        with pytest.raises(AssertionError, match="point to rows that do not exist"):
            flask_db(url, "upgrade")


def partial_indexes(session: Any) -> dict[str, str]:
    """The indexes with a condition, and how each was made."""
    if session.connection().dialect.name == "sqlite":
        rows = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"))
    else:
        rows = session.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE '% WHERE %'"))
    return {row[0]: row[1] for row in rows}


def test_every_migration_can_be_undone():
    for path in (ROOT / "migrations" / "versions").glob("*.py"):
        source = Path(path).read_text(encoding="utf-8")
        assert "def downgrade() -> None:\n    pass" not in source, path.name
