"""Statements over many rows at once, with one text for both databases.

The rows arrive as a table named ``u``: ``unnest`` of arrays on PostgreSQL, ``json_each`` of one JSON text on SQLite. They run on the
session's own connection, so they share its transaction, its error handling and its commit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from gateway.storage.driver import Row, Statement, sqlite_value


class BatchStatement:
    """One SQL text with ``:name`` parameters.

    Args:
        sql: may hold ``{rows}`` for the table of rows, ``{among}`` for "is one of the first column", which no plan can turn into
            a walk through the other table, and ``{lock}`` for the row lock that SQLite does not need.
        columns: name → PostgreSQL type of each column of the rows, in order.
        lock: what ``{lock}`` becomes on PostgreSQL.
    """

    __slots__ = ("names", "postgresql", "sqlite")

    def __init__(self, sql: str, columns: Mapping[str, str] | None = None, lock: str = "") -> None:
        columns = columns or {}
        self.names = tuple(columns)
        arrays = ", ".join(f":{name}::{kind}[]" for name, kind in columns.items())
        values = ", ".join(f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(columns))
        unnest = f"unnest({arrays}) AS u({', '.join(columns)})"
        among = f"= ANY(:{self.names[0]}::{columns[self.names[0]]}[])" if columns else ""
        self.postgresql = Statement(sql.format(rows=unnest, among=among, lock=lock)).postgresql
        listed = "IN (SELECT json_extract(value, '$[0]') FROM json_each(:rows))"
        self.sqlite = sql.format(rows=f"(SELECT {values} FROM json_each(:rows)) AS u", among=listed, lock="")


def execute(
    session: Session, statement: BatchStatement, params: Mapping[str, Any], rows: Sequence[Sequence[Any]] | None = None
) -> list[Row]:
    """Runs the statement in the session's transaction; the rows it returns, in the driver's own types.

    With ``rows`` empty nothing is run.
    """
    if rows is not None and not rows:
        return []
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        values = {name: sqlite_value(value) for name, value in params.items()}
        if rows is not None:
            values["rows"] = json.dumps(rows, default=sqlite_value)
        result = connection.exec_driver_sql(statement.sqlite, values)
    else:
        columns = dict(zip(statement.names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
        result = connection.exec_driver_sql(statement.postgresql, dict(params) | columns)
    return [tuple(row) for row in result] if result.returns_rows else []


def join_by_key(session: Session) -> None:
    """Makes PostgreSQL look rows up by their key until the transaction ends.

    For some hundred keys in a table of some hundred thousand rows it would rather read the whole table, and a plan made while a
    table was empty would go on doing so for each key: ten times the time and more.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off")
