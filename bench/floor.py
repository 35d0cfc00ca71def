"""The floor that accepting is measured against: the same gunicorn and Flask, and a view with one durable INSERT."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import psycopg
from flask import Flask, Response, request

URL = os.environ["BENCH_FLOOR_DATABASE"]
app = Flask(__name__)
_connection: Any = None


def connection() -> Any:
    """This worker's connection, opened at its first request."""
    global _connection
    if _connection is None:
        if URL.startswith("sqlite:///"):
            _connection = sqlite3.connect(URL.removeprefix("sqlite:///"), timeout=10, isolation_level=None)
            _connection.execute("PRAGMA journal_mode=WAL")
            _connection.execute("PRAGMA synchronous=FULL")
        else:
            _connection = psycopg.connect(URL.replace("+psycopg", ""), autocommit=True)
        _connection.execute("CREATE TABLE IF NOT EXISTS floor (body text)")
    return _connection


@app.post("/floor")
def floor() -> Response:
    """Stores the body durably."""
    mark = "?" if URL.startswith("sqlite") else "%s"
    connection().execute(f"INSERT INTO floor VALUES ({mark})", (request.get_data(as_text=True),))
    return Response('{"result":"OK"}', 201, content_type="application/json")
