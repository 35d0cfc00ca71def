"""Nothing that a client sends is a defect, costs anything, or makes us say more than we should."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from flask import Flask

from gateway import create_app
from gateway.services import ledger
from gateway.services.core import Gateway
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.dialects.smsend.bad_inputs import CASES, WIRE, Bad, Wire
from tests.dialects.smsend.conftest import an_account_with_user
from tests.dialects.smsend.program import Program, assert_error_body
from tests.support import gunicorn, nginx, rawhttp
from tests.support.builders import messages
from tests.support.databases import FixedClock, settings_for
from tests.support.postgres import PostgresServer

LIMITS = {"guesses_per_minute_user": 1000, "guesses_per_minute_address": 1000}


@dataclass(frozen=True)
class Town:
    """An owner and a stranger with credit and keys, on one database."""

    app: Flask
    gateway: Gateway
    known: Mapping[str, str]

    def check_unharmed(self) -> None:
        """One message was ever sent, by the stranger; every unit of credit is where it was."""
        assert len(messages(self.gateway)) == 1
        assert list(ledger.verify(self.gateway)) == []


def found(app: Flask, clock: FixedClock) -> Town:
    """Fills a migrated database. The clock moves on by ten minutes, so that one session has expired."""
    gateway: Gateway = app.extensions["dragoman"]
    an_account_with_user(gateway, "owner", originators=["Acme"])
    an_account_with_user(gateway, "stranger")
    http = app.test_client()
    expired = Program(http, "owner").sign_in().keys["Session_key"]
    clock.forward(minutes=10)
    owner, stranger = Program(http, "owner").sign_in(), Program(http, "stranger").sign_in()
    known = {
        "user_key": owner.keys["user_key"],
        "session_key": owner.keys["Session_key"],
        "expired_key": expired,
        "token": Program(http, "owner").sign_in("token").keys["Access_token"],
        "stranger_key": stranger.keys["Session_key"],
        "stranger_order": stranger.sent(order_id="strangers-own"),
    }
    return Town(app, gateway, known)


def database(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """As the fixture ``database_url``, for a whole module."""
    if kind == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), folder / "test.sqlite3")
        yield f"sqlite:///{folder / 'test.sqlite3'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(template=request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One town for all cases on each database: whatever a case breaks, the next ones feel."""
    for url in database(request.param, tmp_path_factory.mktemp("town"), request):
        clock = FixedClock()
        app = create_app(settings_for(url, web_threads=4, **LIMITS), clock)
        with app.app_context():
            yield found(app, clock)
            close_connections(db.engine)
            db.engine.dispose()


def answer_of(town: Town, case: Bad) -> tuple[int, str, bytes]:
    """(status, content type, body) of a request given to the application as gunicorn would."""
    target, headers = case.filled(town.known)
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": case.method,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "CONTENT_LENGTH": str(len(case.body)),
        "wsgi.input": io.BytesIO(case.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    begun: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        begun[:] = [int(status[:3]), dict(headers)["Content-Type"]]
        return lambda _: None

    body = b"".join(town.app.wsgi_app(environ, start))
    return begun[0], begun[1], body


def check(case: Bad, status: int, content_type: str, body: bytes) -> None:
    assert status == case.status, body
    assert b"Traceback" not in body and b"sqlalchemy" not in body.lower()
    if not case.code:
        assert (status, body) == (200, b"false")
        return
    assert content_type.startswith("application/json")
    told = assert_error_body(body)
    assert told["error_code"] == case.code, told
    assert len(body) < 2000, "says no more than it must"


def test_there_are_enough_and_each_has_a_name() -> None:
    names = [*(case.name for case in CASES), *(case.name for case in WIRE)]
    assert len(set(names)) == len(names) >= 75


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(town: Town, case: Bad) -> None:
    check(case, *answer_of(town, case))
    town.check_unharmed()


@dataclass
class Street:
    """gunicorn on SQLite, and nginx before it."""

    town: Town
    web: gunicorn.GunicornServer
    front: nginx.NginxServer | None
    read: int = 0

    def check_log(self) -> None:
        """No defect in what gunicorn and the application wrote since the last look."""
        log = self.web.log()
        new, self.read = log[self.read :], len(log)
        assert "defect" not in new and "Traceback" not in new, new


@pytest.fixture(scope="module")
def street(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("street")
    for url in database("sqlite", folder, request):
        clock = FixedClock(datetime.now(UTC) - timedelta(minutes=10))
        app = create_app(settings_for(url, **LIMITS), clock)
        with app.app_context():
            town = found(app, clock)
            environment = {f"DRAGOMAN_{name.upper()}": str(value) for name, value in LIMITS.items()}
            environment |= {"DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_PROXY_COUNT": "1", "DRAGOMAN_WEB_THREADS": "4"}
            web = gunicorn.start(folder, environment)
            yield Street(town, web, None)
            web.stop()
            close_connections(db.engine)
            db.engine.dispose()


@pytest.fixture(scope="module")
def behind_nginx(street: Street, nginx_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    front = nginx.start(tmp_path_factory.mktemp("front"), street.web.upstream)
    yield Street(street.town, street.web, front)
    front.stop()


def test_the_same_through_gunicorn(street: Street) -> None:
    """All cases but a body so large that the answer comes while it is being sent."""
    for case in CASES:
        if case.status == 413:
            continue
        target, headers = case.filled(street.town.known)
        answer = rawhttp.request(street.web.target, target, method=case.method, headers=headers, body=case.body, timeout=30)
        check(case, answer.status, answer.header("Content-Type") or "", answer.body)
    street.town.check_unharmed()
    street.check_log()


def sent(target: int | str, case: Wire, known: Mapping[str, str]) -> rawhttp.Answer:
    keys = f"user_key: {known['user_key']}\r\nSession_key: {known['session_key']}\r\n".encode()
    return rawhttp.send(case.data.replace(b"{keys}", keys), target, timeout=30)


@pytest.mark.parametrize("case", WIRE, ids=lambda case: case.name)
def test_on_the_wire(street: Street, case: Wire) -> None:
    answer = sent(street.web.target, case, street.town.known)
    assert answer.status in case.statuses
    told = json.loads(answer.body)  # the server's own refusals hold the fields of every dialect
    assert told["result"] == told["error_message"] == told.get("message", told["result"]) not in ("", "OK")
    assert told["error_code"].isupper()
    street.town.check_unharmed()
    street.check_log()


@pytest.mark.parametrize("case", WIRE, ids=lambda case: case.name)
def test_on_the_wire_behind_nginx(behind_nginx: Street, case: Wire) -> None:
    assert behind_nginx.front
    answer = sent(behind_nginx.front.http_port, case, behind_nginx.town.known)
    assert 400 <= answer.status < 500 or answer.status in (501, 505)
    told = json.loads(answer.body)
    assert told["result"] not in ("", "OK") and told["error_code"] and told["error_message"]
    behind_nginx.town.check_unharmed()


def test_a_body_that_ends_early(street: Street) -> None:
    """The client closes its side, or falls silent: a refusal, not a defect."""
    keys = f"user_key: {street.town.known['user_key']}\r\nSession_key: {street.town.known['session_key']}\r\n"
    head = f"POST /API/v1.0/REST/sms HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{keys}Content-Length: 500\r\n\r\n".encode()
    for closes in (True, False):
        connection = rawhttp.connect(street.web.target, timeout=30)
        try:
            connection.sendall(head + b'{"message":')
            if closes:
                connection.shutdown(1)
            heard = b""
            while piece := connection.recv(4096):
                heard += piece
        finally:
            connection.close()
        assert heard.startswith(b"HTTP/1.1 400 "), heard
        assert_error_body(heard.partition(b"\r\n\r\n")[2])
    street.town.check_unharmed()
    street.check_log()
