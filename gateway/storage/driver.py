"""Statements given to the driver itself: the hot path, where SQLAlchemy's own work would double the cost.

Connections still come from the engine's pool. A statement is written once with ``:name`` parameters and turned
into each driver's form; values mean the same as through :mod:`gateway.storage.types`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Engine, exc
from sqlalchemy.pool import PoolProxiedConnection

from gateway.domain.errors import StorageUnavailable
from gateway.storage.db import LockedConnection, sqlite_lock_path
from gateway.storage.types import sqlite_moment

Row = tuple[Any, ...]
Params = Mapping[str, Any]


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


def sqlite_value(value: Any) -> Any:
    """A parameter as SQLite stores it."""
    if isinstance(value, datetime):
        return sqlite_moment(value)
    if isinstance(value, UUID):
        return value.hex
    return value


def _sqlite_params(params: Params) -> dict[str, Any]:
    return {name: sqlite_value(value) for name, value in params.items()}


def fetch(engine: Engine, statement: Statement, params: Params) -> Row | None:
    """The first row of a query outside any transaction. A connection that died while idle is replaced once.

    Raises:
        StorageUnavailable: the database is away.
    """
    if engine.dialect.name == "sqlite":
        with _connection(engine) as raw:
            return _first(raw.driver_connection.execute(statement.sqlite, _sqlite_params(params)))  # type: ignore[union-attr]
    try:
        try:
            return _fetch_postgresql(engine, statement, params)
        except psycopg.OperationalError:
            return _fetch_postgresql(engine, statement, params)
    except psycopg.OperationalError as error:
        raise StorageUnavailable(type(error).__name__) from error


def run(engine: Engine, statement: Statement, params: Params) -> int:
    """Runs one writing statement in a transaction of its own; the number of rows it touched."""
    if engine.dialect.name == "sqlite":
        with sqlite_transaction(engine) as connection:
            return connection.execute(statement.sqlite, _sqlite_params(params)).rowcount
    with _connection(engine) as raw:
        try:
            return _autocommit(raw).execute(statement.postgresql, params).rowcount
        except psycopg.OperationalError as error:
            raw.invalidate(error)
            raise StorageUnavailable(type(error).__name__) from error


@contextmanager
def sqlite_transaction(engine: Engine) -> Iterator[LockedConnection]:
    """A writing transaction on SQLite behind the file lock: committed at the end, undone on any exception."""
    with _connection(engine) as raw:
        connection = raw.driver_connection
        assert isinstance(connection, LockedConnection)
        try:
            connection.begin(sqlite_lock_path(engine), read_only=False)
            yield connection
            connection.commit()
        except sqlite3.OperationalError as error:
            connection.rollback()
            raise StorageUnavailable(str(error)) from error
        except BaseException:
            connection.rollback()
            raise


@contextmanager
def postgresql_connection(engine: Engine, *, autocommit: bool) -> Iterator[psycopg.Connection[Row]]:
    """A psycopg connection. Without ``autocommit`` the block is one transaction. A broken one leaves the pool."""
    with _connection(engine) as raw:
        try:
            if autocommit:
                yield _autocommit(raw)
            else:
                connection = raw.driver_connection
                assert isinstance(connection, psycopg.Connection)
                with connection.transaction():
                    yield connection
        except psycopg.OperationalError as error:
            raw.invalidate(error)
            raise


@contextmanager
def _connection(engine: Engine) -> Iterator[PoolProxiedConnection]:
    try:
        raw = engine.raw_connection()
    except (exc.OperationalError, exc.TimeoutError, psycopg.OperationalError, sqlite3.OperationalError) as error:
        raise StorageUnavailable(type(error).__name__) from error
    try:
        yield raw
    finally:
        driver = raw.driver_connection if raw.is_valid else None
        if isinstance(driver, psycopg.Connection) and driver.autocommit and not driver.closed:
            driver.autocommit = False
        raw.close()


def _fetch_postgresql(engine: Engine, statement: Statement, params: Params) -> Row | None:
    with postgresql_connection(engine, autocommit=True) as connection:
        return _first(connection.execute(statement.postgresql, params))


def _autocommit(raw: PoolProxiedConnection) -> psycopg.Connection[Row]:
    connection = raw.driver_connection
    assert isinstance(connection, psycopg.Connection)
    connection.autocommit = True
    return connection


def _first(cursor: Any) -> Row | None:
    row: Row | None = cursor.fetchone()
    return row
