"""Runs migrations on the application's own engine, on SQLite and PostgreSQL.

Two traps are avoided here. A batch operation on SQLite rebuilds its table, and with foreign keys on the drop would
delete the rows of other tables: the pragma is switched off on the raw connection first. And no statement may
go through SQLAlchemy's connection before Alembic begins its transaction, or nobody would commit it.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from gateway.storage.db import db

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "15min"


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Writes our own column types by name into generated migrations."""
    if kind == "type" and type(item).__module__ == "gateway.storage.types":
        autogen_context.imports.add("from gateway.storage.types import UtcDateTime")
        return f"{type(item).__name__}()"
    return False


def prepare(connection: Connection) -> None:
    """Session settings for the migration, given to the driver so that no transaction starts."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.execute("PRAGMA foreign_keys=OFF")
        return
    driver.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    driver.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
    driver.commit()


def restore(connection: Connection) -> None:
    """Undoes :func:`prepare`, and proves that no reference was left dangling."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        broken = driver.execute("PRAGMA foreign_key_check").fetchall()
        driver.execute("PRAGMA foreign_keys=ON")
        if broken:
            raise RuntimeError(f"{len(broken)} rows point to rows that do not exist, the first in table {broken[0][0]}")
        return
    driver.execute("RESET lock_timeout")
    driver.execute("RESET statement_timeout")
    driver.commit()


def migrate() -> None:
    """Upgrades or downgrades as Alembic was told."""
    with db.engine.connect() as connection:
        prepare(connection)
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            compare_server_default=True,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        restore(connection)


migrate()
