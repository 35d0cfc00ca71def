"""Statements given to the driver itself: the hot path, where SQLAlchemy's own work would double the cost.

Each thread holds one connection for it, outside the engine's pool and always in autocommit, because checking out, resetting and
switching modes took a fifth of a request. A statement is written once with ``:name`` parameters and turned into
each driver's form; values mean the same as through :mod:`gateway.storage.types`.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from sqlalchemy import Engine, exc

from gateway.domain.errors import StorageUnavailable
from gateway.storage.db import LockedConnection, sqlite_lock_path
from gateway.storage.types import sqlite_moment

Row = tuple[Any, ...]
Params = Mapping[str, Any]
Lost = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
"""The connection is of no use any more: broken, or to a server that a failover made read-only."""

Collided = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
"""Two transactions stood in each other's way and this one was undone. The connection is as good as before."""


class Statement:
    """One SQL text in the form of both drivers.

    Args:
        sql: with ``:name`` parameters.
        sqlite: the text for SQLite where it must differ.
    """

    __slots__ = ("postgresql", "sqlite")

    def __init__(self, sql: str, *, sqlite: str | None = None) -> None:
        self.postgresql = re.sub(r"(?<![:\w]):([a-z_]+)", r"%(\1)s", sql)
        self.sqlite = sqlite or sql


class _Held:
    """The hot connections of one engine, one for each thread that asked."""

    def __init__(self, engine: Engine) -> None:
        self.lock_path = sqlite_lock_path(engine) if engine.dialect.name == "sqlite" else None
        self._mine = threading.local()
        self._all: set[Any] = set()

    def connection(self, engine: Engine) -> Any:
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = _opened(engine)
            self._all.add(connection)
        return connection

    def drop(self) -> None:
        connection = self._mine.connection
        self._mine.connection = None
        self._all.discard(connection)
        connection.close()

    def close(self) -> None:
        while self._all:
            self._all.pop().close()
        self._mine = threading.local()


_held: WeakKeyDictionary[Engine, _Held] = WeakKeyDictionary()


def close_connections(engine: Engine) -> None:
    """Closes the hot connections of every thread. For tests and for the end of a process."""
    if engine in _held:
        _held[engine].close()


def sqlite_value(value: Any) -> Any:
    """A parameter as SQLite stores it."""
    if type(value) is datetime:
        return sqlite_moment(value)
    if type(value) is UUID:
        return value.hex
    if type(value) is date:
        return value.isoformat()
    return value


def fetch(engine: Engine, statement: Statement, params: Params) -> Row | None:
    """The first row of a query outside any transaction. A connection that died while idle is replaced once.

    Raises:
        StorageUnavailable: the database is away.
    """
    if engine.dialect.name == "sqlite":
        with _sqlite(engine) as connection:
            return _first(connection.execute(statement.sqlite, sqlite_values(params)))
    try:
        try:
            return _fetch_postgresql(engine, statement, params)
        except Lost:
            return _fetch_postgresql(engine, statement, params)
    except Lost as error:
        raise StorageUnavailable(type(error).__name__) from error


def run(engine: Engine, statement: Statement, params: Params) -> int:
    """Runs one writing statement in a transaction of its own; the number of rows it touched.

    Raises:
        StorageUnavailable: the database is away.
    """
    if engine.dialect.name == "sqlite":
        with sqlite_transaction(engine) as connection:
            return connection.execute(statement.sqlite, sqlite_values(params)).rowcount
    try:
        with postgresql_connection(engine, autocommit=True) as held:
            return held.execute(statement.postgresql, params).rowcount
    except Lost as error:
        raise StorageUnavailable(type(error).__name__) from error


@contextmanager
def sqlite_transaction(engine: Engine) -> Iterator[LockedConnection]:
    """A writing transaction on SQLite behind the file lock: committed at the end, undone on any exception.

    Raises:
        StorageUnavailable: the file cannot be written.
    """
    with _sqlite(engine) as connection:
        try:
            connection.begin(_held[engine].lock_path, read_only=False)
            yield connection
            connection.commit()
        except BaseException:
            connection.rollback()
            raise


@contextmanager
def postgresql_connection(engine: Engine, *, autocommit: bool) -> Iterator[psycopg.Connection[Row]]:
    """This thread's psycopg connection. Without ``autocommit`` the block is one transaction. A broken one is let go.

    Raises:
        psycopg.Error: as the driver gives it.
        StorageUnavailable: no connection can be had.
    """
    held = _held_for(engine)
    connection: psycopg.Connection[Row] = held.connection(engine)
    try:
        if autocommit:
            yield connection
        else:
            with connection.transaction():
                yield connection
    except Collided:
        raise
    except Lost:
        held.drop()
        engine.dispose()  # connections that lie idle in the pool died with this one, and one of them would take its place
        raise


@contextmanager
def _sqlite(engine: Engine) -> Iterator[LockedConnection]:
    try:
        yield _held_for(engine).connection(engine)
    except sqlite3.OperationalError as error:
        raise StorageUnavailable(str(error)) from error


def _held_for(engine: Engine) -> _Held:
    held = _held.get(engine)
    return _held.setdefault(engine, _Held(engine)) if held is None else held


def _opened(engine: Engine) -> Any:
    """A new connection with the engine's settings, taken out of its pool."""
    try:
        pooled = engine.raw_connection()
    except (exc.DBAPIError, exc.TimeoutError, psycopg.Error, sqlite3.Error) as error:
        raise StorageUnavailable(type(error).__name__) from error
    connection: Any = pooled.driver_connection
    pooled.detach()
    if isinstance(connection, psycopg.Connection):
        connection.rollback()
        connection.autocommit = True
    return connection


def _fetch_postgresql(engine: Engine, statement: Statement, params: Params) -> Row | None:
    with postgresql_connection(engine, autocommit=True) as connection:
        return connection.execute(statement.postgresql, params).fetchone()


def sqlite_values(params: Params) -> dict[str, Any]:
    """Parameters as SQLite stores them."""
    return {name: sqlite_value(value) for name, value in params.items()}


def _first(cursor: sqlite3.Cursor) -> Row | None:
    row: Row | None = cursor.fetchone()
    return row
