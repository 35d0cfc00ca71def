"""The servers that other tests lean on start, answer, survive what tests do to them, and go away."""

from __future__ import annotations

import socket
from pathlib import Path

import psycopg
import pytest

from tests.conftest import ForeignAddress
from tests.support import postgres, programs, redis


def test_a_database_is_a_copy_of_its_template(postgres_server: postgres.PostgresServer) -> None:
    first = postgres_server.create_database()
    with postgres_server.connect(first.rpartition("/")[2]) as connection:
        connection.execute("CREATE TABLE kept (value text)")
        connection.execute("INSERT INTO kept VALUES ('è €')")
    second = postgres_server.create_database(template=first.rpartition("/")[2])
    with postgres_server.connect(second.rpartition("/")[2]) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [("è €",)]
    for url in (first, second):
        postgres_server.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        postgres_server.connect(second.rpartition("/")[2])


def test_postgres_keeps_what_was_committed_before_the_power_failed() -> None:
    server = postgres.start_own(durable=True)
    try:
        with server.connect() as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
        server.kill()
        server.start()
        with server.connect() as connection:
            assert connection.execute("SELECT value FROM kept").fetchall() == [(7,)]
    finally:
        server.close()
    assert not server.folder.exists()
    assert not programs.answers(server.port)


def test_redis_comes_back_on_the_same_port(tmp_path: Path) -> None:
    server = redis.start(tmp_path)
    try:
        assert server.command("SET a 1") == "+OK"
        server.stop()
        assert not programs.answers(server.port)
        server.start()
        assert server.command("GET a") == "$-1"
    finally:
        server.stop()


def test_redis_fixture_answers(redis_server: redis.RedisServer) -> None:
    redis_server.command("SET a 1")
    redis_server.flush()
    assert redis_server.command("DBSIZE") == ":0"


def test_no_test_leaves_this_machine() -> None:
    with socket.socket() as connection, pytest.raises(ForeignAddress):
        connection.connect(("192.0.2.1", 80))


def test_a_missing_program_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRAGOMAN_TEST_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="program missing: no-such-program, needed for a test"):
        programs.need("no-such-program", "a test")
    monkeypatch.setenv("DRAGOMAN_TEST_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        programs.need("no-such-program", "a test")
