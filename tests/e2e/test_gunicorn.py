"""What our gunicorn settings let through, keep out and keep quiet about. The Flask test client shows none of this."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import gunicorn, rawhttp


@pytest.fixture(scope="module", params=["1", "4"], ids=["sync", "threads"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[gunicorn.GunicornServer]:
    """The echo application, on each kind of worker."""
    folder = tmp_path_factory.mktemp("gunicorn")
    settings = {"DRAGOMAN_WEB_THREADS": request.param, "DRAGOMAN_WEB_WORKERS": "2"}
    server = gunicorn.start(folder, settings, application="tests.e2e.echo:app", health="/")
    yield server
    assert server.stop() == 0
    assert not list(folder.glob("metrics-*"))


def seen(answer: rawhttp.Answer) -> dict[str, str]:
    assert answer.status == 200
    found: dict[str, str] = json.loads(answer.body)
    return found


def test_old_clients_headers_arrive(server: gunicorn.GunicornServer) -> None:
    got = seen(rawhttp.request(server.target, "/", headers={"user_key": "U1", "Session_key": "S1", "Access_token": "A1"}))
    assert (got["HTTP_USER_KEY"], got["HTTP_SESSION_KEY"], got["HTTP_ACCESS_TOKEN"]) == ("U1", "S1", "A1")


def test_a_client_sets_none_of_the_servers_own_variables(server: gunicorn.GunicornServer) -> None:
    forged = {
        "SCRIPT_NAME": "/x",
        "PATH_INFO": "/y",
        "REMOTE_ADDR": "192.0.2.9",
        "X_Forwarded_For": "192.0.2.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Ssl": "on",
    }
    got = seen(rawhttp.request(server.target, "/x/path", headers=forged))
    assert (got["SCRIPT_NAME"], got["PATH_INFO"], got["REMOTE_ADDR"], got["scheme"]) == ("", "/x/path", "127.0.0.1", "http")
    assert "HTTP_X_FORWARDED_FOR" not in got


def test_a_long_message_fits_into_a_get(server: gunicorn.GunicornServer) -> None:
    room = 8190 - len("GET / HTTP/1.1\r\n")
    assert seen(rawhttp.request(server.target, "/" + "a" * room))["PATH_INFO"] == "/" + "a" * room
    assert rawhttp.request(server.target, "/" + "a" * (room + 3)).status == 414


@pytest.mark.parametrize("bad", ["GET /login?password=hush-hush and-more HTTP/1.1", "GET /broken?password=hush-hush HTTP/1.1"])
def test_no_password_reaches_the_log(server: gunicorn.GunicornServer, bad: str) -> None:
    answer = rawhttp.send(f"{bad}\r\nHost: a\r\n\r\n".encode(), server.target)
    assert answer.status in (400, 500)
    assert "hush" not in server.log()


@pytest.mark.slow
def test_clients_that_send_half_a_request_do_not_keep_the_threads(tmp_path: Path) -> None:
    server = gunicorn.start(
        tmp_path, {"DRAGOMAN_WEB_THREADS": "2", "DRAGOMAN_WEB_WORKERS": "1"}, application="tests.e2e.echo:app", health="/"
    )
    stalled = [rawhttp.connect(server.target) for _ in range(2)]
    try:
        for connection in stalled:
            connection.sendall(b"GET / HTTP/1.1\r\nHo")
        started = time.monotonic()
        assert rawhttp.request(server.target, "/", timeout=60).status == 200
        assert time.monotonic() - started < 25, "ten seconds free both threads"
        assert "A client stalled" in server.log()
        assert "Traceback" not in server.log()
    finally:
        for connection in stalled:
            connection.close()
        server.stop()


def test_a_bad_setting_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="ended with 1") as caught:
        gunicorn.start(tmp_path, {"DRAGOMAN_WEB_WORKERS": "many"}, application="tests.e2e.echo:app")
    assert "DRAGOMAN_WEB_WORKERS must be a whole number" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert not list(tmp_path.glob("metrics-*"))


def test_a_running_request_is_finished_at_shutdown(tmp_path: Path) -> None:
    server = gunicorn.start(tmp_path, {"DRAGOMAN_WEB_THREADS": "2"}, application="tests.e2e.echo:app", health="/")
    with closing(rawhttp.connect(server.target)) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.3)
        assert server.stop() == 0
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_what_killed_processes_left_behind_goes_at_the_next_start(tmp_path: Path) -> None:
    server = gunicorn.start(tmp_path, application="tests.e2e.echo:app", health="/")
    left = list(tmp_path.glob("metrics-*"))
    server.kill()
    assert len(left) == 1 and left[0].is_dir()
    server.start()
    now = list(tmp_path.glob("metrics-*"))
    assert len(now) == 1 and now != left
    server.stop()
