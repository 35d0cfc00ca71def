"""The settings that make an answer mean "safe", the writers' lock, and what is said when the database is away."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, text, update

from bench.customer import gateway_on
from gateway import create_app
from gateway.domain.errors import StorageUnavailable
from gateway.services import ledger
from gateway.services.core import Gateway
from gateway.storage import db as database
from gateway.storage import driver
from gateway.storage.db import LockedConnection
from gateway.storage.driver import Statement, close_connections, fetch, run, sqlite_transaction
from gateway.storage.tables import Account
from gateway.storage.types import sqlite_moment, storable
from tests.support.builders import an_account
from tests.support.databases import MORNING, SECRET, settings_for
from tests.support.programs import ROOT, free_port

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ONE = Statement("SELECT 1")
RENAME = Statement("UPDATE accounts SET name = :name WHERE id = 1")
WRITER = """
import sys
from gateway import create_app
from gateway.services import ledger
gateway_app = create_app()
with gateway_app.app_context():
    gateway = gateway_app.extensions["dragoman"]
    for _ in range(int(sys.argv[1])):
        ledger.add_credit(gateway, "busy", 1)
"""


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def file_of(gateway: Gateway) -> Path:
    return Path(str(gateway.engine.url.database))


def is_locked(gateway: Gateway) -> bool:
    """Whether somebody holds the writers' lock."""
    with open(f"{file_of(gateway)}.lock", "a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@on_sqlite
class TestSqliteSettings:
    WANTED = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "temp_store": 2}  # noqa: RUF012 - never changed

    def test_of_the_session(self, gateway):
        for transaction in (gateway.reading, gateway.writing):
            with transaction() as session:
                assert {name: session.scalar(text(f"PRAGMA {name}")) for name in self.WANTED} == self.WANTED

    def test_of_the_hot_connection(self, gateway):
        connection = driver._held_for(gateway.engine).connection(gateway.engine)
        assert {name: pragma(connection, name) for name in self.WANTED} == self.WANTED
        with sqlite_transaction(gateway.engine) as writing:
            assert writing is connection
            assert writing.in_transaction

    def test_references_are_enforced(self, gateway):
        with pytest.raises(sqlite3.IntegrityError):
            run(gateway.engine, Statement("UPDATE accounts SET parent_id = 77 WHERE id = 1"), {})
        assert not is_locked(gateway)


@on_postgresql
class TestPostgresqlSettings:
    def test_times_are_utc(self, gateway):
        assert fetch(gateway.engine, Statement("SELECT current_setting('TimeZone')"), {}) == ("UTC",)
        with gateway.reading() as session:
            assert session.scalar(text("SELECT current_setting('TimeZone')")) == "UTC"

    def test_commits_are_as_durable_as_the_server_allows(self, gateway):
        """Nothing of ours lowers ``synchronous_commit`` below what the operator set."""
        source = Statement("SELECT source FROM pg_settings WHERE name = 'synchronous_commit'")
        row = fetch(gateway.engine, source, {})
        assert row is not None
        assert row[0] in ("default", "command line", "configuration file")

    def test_the_hot_connection_is_in_autocommit(self, gateway):
        connection = driver._held_for(gateway.engine).connection(gateway.engine)
        fetch(gateway.engine, ONE, {})
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE

    def test_a_block_without_autocommit_is_one_transaction(self, gateway):
        with pytest.raises(ZeroDivisionError), driver.postgresql_connection(gateway.engine, autocommit=False) as connection:
            connection.execute("UPDATE accounts SET name = 'gone' WHERE id = 1")
            raise ZeroDivisionError
        assert fetch(gateway.engine, Statement("SELECT name FROM accounts WHERE id = 1"), {}) == ("issuer",)


class TestTransactions:
    def test_one_that_fails_leaves_nothing(self, gateway):
        account = an_account(gateway, credit=1)
        with pytest.raises(ZeroDivisionError), gateway.writing() as session:
            session.execute(update(Account).where(Account.id == account.id).values(name="gone"))
            raise ZeroDivisionError
        with gateway.reading() as session:
            assert session.get_one(Account, account.id).name == account.name

    def test_every_thread_has_a_hot_connection_of_its_own(self, gateway):
        seen: set[int] = set()

        def look() -> None:
            seen.add(id(driver._held_for(gateway.engine).connection(gateway.engine)))

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        look()
        assert len(seen) == 4

    def test_closed_hot_connections_are_opened_again(self, gateway):
        assert fetch(gateway.engine, ONE, {}) == (1,)
        close_connections(gateway.engine)
        assert fetch(gateway.engine, ONE, {}) == (1,)

    def test_a_moment_is_the_same_through_either_way(self, gateway):
        moment = datetime(2026, 3, 29, 2, 30, 0, 7, timezone(timedelta(hours=2)))
        account = an_account(gateway)
        run(gateway.engine, Statement("UPDATE accounts SET created_at = :at WHERE id = :id"), {"at": moment, "id": account.id})
        with gateway.reading() as session:
            assert session.get_one(Account, account.id).created_at == moment
            assert session.scalar(select(func.count()).select_from(Account).where(Account.created_at == moment)) == 1

    def test_a_naive_moment_is_refused(self, gateway):
        with pytest.raises(Exception, match="without a zone"), gateway.reading() as session:
            session.scalars(select(Account).where(Account.created_at == datetime(2026, 1, 1))).all()  # noqa: DTZ001 - the defect


@on_sqlite
class TestWritersLock:
    def test_is_held_from_begin_to_the_end(self, gateway):
        with gateway.writing():
            assert is_locked(gateway) is False  # the session has not begun yet
        with gateway.writing() as session:
            session.execute(text("SELECT 1"))
            assert is_locked(gateway)
        assert not is_locked(gateway)
        with sqlite_transaction(gateway.engine):
            assert is_locked(gateway)
        assert not is_locked(gateway)

    def test_readers_do_not_take_it(self, gateway):
        with gateway.reading() as session:
            session.execute(select(Account)).all()
            assert not is_locked(gateway)

    def test_is_given_back_after_an_error(self, gateway):
        with pytest.raises(StorageUnavailable), gateway.writing() as session:
            session.execute(text("nonsense"))
        assert not is_locked(gateway)
        with pytest.raises(StorageUnavailable), sqlite_transaction(gateway.engine) as connection:
            connection.execute("nonsense")
        assert not is_locked(gateway)

    def test_is_given_back_when_the_transaction_cannot_begin(self, gateway, monkeypatch):
        connection = driver._held_for(gateway.engine).connection(gateway.engine)
        connection.execute("PRAGMA busy_timeout = 10")
        with closing(sqlite3.connect(file_of(gateway), isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageUnavailable):
                run(gateway.engine, RENAME, {"name": "x"})
            assert not is_locked(gateway)
            foreign.execute("ROLLBACK")
        assert run(gateway.engine, RENAME, {"name": "issuer"}) == 1

    def test_is_given_back_when_the_commit_fails(self, gateway):
        with pytest.raises(sqlite3.IntegrityError), sqlite_transaction(gateway.engine) as connection:
            connection.execute("PRAGMA defer_foreign_keys = ON")
            connection.execute("UPDATE accounts SET parent_id = 77 WHERE id = 1")
        assert not is_locked(gateway)
        assert fetch(gateway.engine, Statement("SELECT parent_id FROM accounts WHERE id = 1"), {}) == (None,)

    def test_a_reader_sees_the_past_while_a_writer_is_at_work(self, gateway):
        with sqlite_transaction(gateway.engine) as connection:
            connection.execute("UPDATE accounts SET name = 'changed' WHERE id = 1")
            with gateway.reading() as session:
                assert session.get_one(Account, 1).name == "issuer"

    def test_writers_in_threads_and_processes_all_get_their_turn(self, gateway, database_url):
        """Never "database is locked", however long the queue: the lock waits where SQLite would give up."""
        account = an_account(gateway, "busy", credit=0)
        environment = os.environ | {"DRAGOMAN_DATABASE_URL": database_url, "DRAGOMAN_SECRET_KEY": SECRET, "PYTHONPATH": str(ROOT)}
        others = [subprocess.Popen([sys.executable, "-c", WRITER, "40"], env=environment, cwd=ROOT) for _ in range(2)]
        failures: list[Exception] = []

        def write() -> None:
            try:
                for _ in range(20):
                    ledger.add_credit(gateway, "busy", 1)
                    run(gateway.engine, Statement("UPDATE accounts SET zone = 'UTC' WHERE name = 'busy'"), {})
            except Exception as error:
                failures.append(error)

        def body() -> None:
            with app.app_context():
                write()

        app = create_app(settings_for(database_url, web_threads=8))
        threads = [threading.Thread(target=body) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [process.wait() for process in others] == [0, 0]
        assert failures == []
        with app.app_context():
            close_connections(database.db.engine)
            database.db.engine.dispose()
        with gateway.reading() as session:
            row = session.get_one(Account, account.id)
            assert (row.balance, row.ledger_sequence) == (160, 160)


@on_sqlite
class TestSqliteAway:
    def test_the_lock_file_cannot_be_opened(self, gateway, monkeypatch):
        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(StorageUnavailable):
            run(gateway.engine, RENAME, {"name": "x"})
        with pytest.raises(StorageUnavailable), gateway.writing() as session:
            session.execute(text("SELECT 1"))

    def test_somebody_else_holds_the_file(self, gateway):
        with gateway.reading() as session:
            session.execute(text("PRAGMA busy_timeout = 10"))
        with closing(sqlite3.connect(file_of(gateway), isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageUnavailable), gateway.writing() as session:
                session.execute(text("SELECT 1"))
            foreign.execute("ROLLBACK")
        with gateway.writing() as session:
            session.execute(text("UPDATE accounts SET zone = 'UTC'"))


@on_postgresql
class TestPostgresqlAway:
    def test_a_restart_costs_nobody_a_refusal(self, gateway, database_url):
        fetch(gateway.engine, ONE, {})
        read_one(gateway)
        end_connections(database_url)
        assert read_one(gateway) == 1
        assert fetch(gateway.engine, ONE, {}) == (1,)

    def test_a_server_made_read_only_by_a_failover(self, gateway, database_url):
        with closing(psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True)) as operator:
            operator.execute(f"ALTER DATABASE {operator.info.dbname} SET default_transaction_read_only = on")
        end_connections(database_url)
        with pytest.raises(StorageUnavailable), gateway.writing() as session:
            session.execute(update(Account).values(zone="UTC"))
        with pytest.raises(StorageUnavailable):
            run(gateway.engine, RENAME, {"name": "x"})
        assert read_one(gateway) == 1


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.sqlite3", "postgresql://nobody@127.0.0.1:{port}/nothing"])
def test_a_database_that_is_not_there(url):
    app = create_app(settings_for(url.format(port=free_port())))
    with app.app_context():
        unavailable(app.extensions["dragoman"])


def read_one(gateway: Gateway) -> object:
    with gateway.reading() as session:
        return session.scalar(text("SELECT 1"))


def end_connections(database_url: str) -> None:
    """The server ends every connection, as at its restart."""
    mine = "datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {mine}")


def unavailable(gateway: Gateway) -> None:
    """Every way to the database says so in the gateway's own words."""
    for transaction in (gateway.reading, gateway.writing):
        with pytest.raises(StorageUnavailable), transaction() as session:
            session.execute(text("SELECT 1"))
    with pytest.raises(StorageUnavailable):
        fetch(gateway.engine, ONE, {})
    with pytest.raises(StorageUnavailable):
        run(gateway.engine, RENAME, {"name": "x"})


def refuse(*_arguments: object, **_options: object) -> int:
    raise PermissionError(13, "Permission denied")


def test_a_connection_without_a_file_needs_no_lock():
    with closing(sqlite3.connect(":memory:", isolation_level=None, factory=LockedConnection)) as connection:
        connection.begin(None, read_only=False)
        assert connection.in_transaction
        connection.commit()
        assert connection.lock_file is None


def test_an_order_s_time_is_stored_so_that_text_sorts_like_time():
    moments = [MORNING + timedelta(microseconds=step) for step in (0, 1, 999_999, 1_000_000)]
    assert [sqlite_moment(moment) for moment in moments] == sorted(sqlite_moment(moment) for moment in moments)
    assert sqlite_moment(MORNING.astimezone(timezone(timedelta(hours=5)))) == "2026-01-05 08:00:00.000000"


@pytest.mark.parametrize(("value", "good"), [("", True), ("ż😀", True), ("a\0", False), ("\ud83d", False), ("\udfff!", False)])
def test_what_both_databases_can_hold(value, good):
    assert storable(value) is good


def test_nobody_else_on_the_machine_may_read_the_database(tmp_path):
    path = tmp_path / "new.sqlite3"
    with gateway_on(f"sqlite:///{path}"):
        pass
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name(path.name + ".lock").stat().st_mode) == 0o600


def test_opening_another_connection_keeps_the_locks_of_the_first(tmp_path):
    """SQLite's locks belong to the process: whoever closes a descriptor of the file drops them all, and a foreign program that
    ends then takes the write-ahead log away with everything that was committed to it."""
    path = tmp_path / "kept.sqlite3"
    first, second = (lambda: closing(sqlite3.connect(path, isolation_level=None, factory=LockedConnection)) for _ in range(2))
    program = f"import sqlite3; c = sqlite3.connect({str(path)!r}); print(c.execute('SELECT count(*) FROM t').fetchone()[0]); c.close()"
    with first() as one:
        one.execute("PRAGMA journal_mode=WAL")
        one.execute("CREATE TABLE t (a)")
        one.execute("INSERT INTO t VALUES (1)")
        with second() as two:
            assert two.execute("SELECT count(*) FROM t").fetchone() == (1,)
            assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "1\n"
            assert path.with_name(path.name + "-wal").exists()
            one.execute("INSERT INTO t VALUES (2)")
            assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "2\n"
