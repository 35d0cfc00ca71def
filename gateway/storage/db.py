"""The database: Flask-SQLAlchemy over our own Base, with the engine settings that were measured.

SQLite: WAL, ``synchronous=FULL`` (an accepted order survives power loss), foreign keys on, and a blocking file lock
around every writing transaction. SQLite's own busy handler sleeps and retries, so under load some writer waits for
seconds; the lock queues them fairly. PostgreSQL: psycopg 3; a thread holds one connection for the
hot path (:mod:`gateway.storage.driver`) and at most one of the pool: count two for each web thread.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from gateway.domain.errors import StorageUnavailable
from gateway.storage.tables import Base

db = SQLAlchemy(model_class=Base)

BUSY_TIMEOUT_SECONDS = 10
POOL_WAIT_SECONDS = 10
SILENCE_SECONDS = 3
"""How long a PostgreSQL that drops packets is waited for: some programs ask their next gateway after five seconds."""
MORE_CONNECTIONS = 8
"""Opened only while they are needed: a dispatcher has a thread for each connector."""
READ_ONLY = {"dragoman_read_only": True}


class LockedConnection(sqlite3.Connection):
    """A connection that holds the writers' file lock from BEGIN IMMEDIATE to COMMIT or ROLLBACK."""

    lock_file: int | None = None

    def __init__(self, database: str, *args: Any, **options: Any) -> None:
        if database and database != ":memory:":
            _make_private(database)
        super().__init__(database, *args, **options)

    def begin(self, lock_path: str | None, *, read_only: bool) -> None:
        """Starts a transaction: a shared snapshot to read, or the one writer's."""
        if read_only or lock_path is None:
            self.execute("BEGIN" if read_only else "BEGIN IMMEDIATE")
            return
        self._lock(lock_path)
        try:
            self.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._unlock()
            raise

    def commit(self) -> None:
        try:
            super().commit()
        except BaseException:
            self.rollback()
            raise
        finally:
            self._unlock()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self._unlock()

    def close(self) -> None:
        super().close()
        if self.lock_file is not None:
            os.close(self.lock_file)
            self.lock_file = None

    def _lock(self, path: str) -> None:
        try:
            if self.lock_file is None:
                self.lock_file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self.lock_file, fcntl.LOCK_EX)
        except OSError as error:
            raise sqlite3.OperationalError(f"{path}: {error.strerror}") from error

    def _unlock(self) -> None:
        if self.lock_file is not None:
            fcntl.flock(self.lock_file, fcntl.LOCK_UN)


def _make_private(path: str) -> None:
    """Makes an absent file before SQLite does, which would let everybody on the machine read it.

    Without opening it: closing a descriptor of the file would drop the locks that SQLite holds on it in other threads of this
    process (POSIX advisory locks), and two writers would ruin it. What cannot be made here is left to SQLite to refuse.
    """
    with suppress(OSError):
        os.mknod(path, stat.S_IFREG | 0o600)


def engine_options(database_url: str, threads: int) -> dict[str, Any]:
    """Options for the engine of one process that runs ``threads`` threads.

    Connections are not reset when they go back: :func:`writing` and :func:`reading` always end their transaction first.
    """
    common: dict[str, Any] = {"hide_parameters": True, "pool_size": threads, "max_overflow": MORE_CONNECTIONS}
    common |= {"pool_timeout": POOL_WAIT_SECONDS, "pool_reset_on_return": None}
    if database_url.startswith("sqlite"):
        connect = {"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None, "check_same_thread": False, "factory": LockedConnection}
        return common | {"connect_args": connect, "poolclass": QueuePool}
    common |= {"pool_pre_ping": True}  # after a restart of the server the next request finds a new connection, not an error
    silence = {"connect_timeout": SILENCE_SECONDS, "tcp_user_timeout": SILENCE_SECONDS * 1000}
    return common | {"connect_args": silence | {"application_name": "dragoman", "options": "-c timezone=UTC"}}


def prepare_engine(engine: Engine) -> None:
    """Hangs the SQLite settings on a fresh engine. Nothing to do for PostgreSQL."""
    if engine.dialect.name != "sqlite":
        return
    lock_path = sqlite_lock_path(engine)

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, LockedConnection)
        driver.begin(lock_path, read_only=READ_ONLY.items() <= connection.get_execution_options().items())


def sqlite_lock_path(engine: Engine) -> str | None:
    """The side file whose lock queues SQLite's writers; None for a database in memory."""
    path = make_url(str(engine.url)).database
    return f"{path}.lock" if path and path != ":memory:" else None


@contextmanager
def translated() -> Iterator[None]:
    """Turns "the database is away", or was demoted to read-only, into :class:`StorageUnavailable`; other errors pass."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StorageUnavailable(type(error.orig).__name__) from error
    except (NoConnectionFree, sqlite3.OperationalError) as error:  # the second comes bare from BEGIN
        raise StorageUnavailable(type(error).__name__) from error
    except DBAPIError as error:
        if error.connection_invalidated or isinstance(error.orig, ReadOnlySqlTransaction):
            raise StorageUnavailable(type(error.orig).__name__) from error
        raise


@contextmanager
def writing(session: Session) -> Iterator[None]:
    """One writing transaction: committed at the end, undone on any exception. The connection goes back either way."""
    with translated():
        try:
            yield
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.close()


@contextmanager
def reading(session: Session) -> Iterator[None]:
    """One reading transaction, which on SQLite does not queue behind the writers."""
    with translated():
        try:
            session.connection(execution_options=READ_ONLY)
            yield
        finally:
            session.rollback()
            session.close()
