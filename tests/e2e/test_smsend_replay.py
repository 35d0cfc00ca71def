"""Old programs' requests, byte for byte, through gunicorn alone and through nginx, in the clear and with TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.errors import Conflict
from gateway.services import accounts
from tests.e2e.clients.recorded import ALL, CSHARP, JAVA, PERL, PYTHON, RUBY, Recorded
from tests.e2e.clients.town import ACCOUNT, DOORS, SECRET_PASSWORD, SECRET_USER, Town, running
from tests.support import rawhttp
from tests.support.builders import messages


@pytest.fixture(scope="module")
def town(sqlite_template: Path, nginx_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running(sqlite_template, tmp_path_factory.mktemp("town")) as town:
        yield town
        assert town.faults() == []


def signed_in(town: Town, door: str, program: Recorded) -> tuple[str, str]:
    answer = town.send(door, program.login_bytes(f"localhost:{town.port(door)}"))
    assert answer.status == 200, answer
    assert answer.header("Content-Length") == str(len(answer.body)) and answer.header("Content-Encoding") is None
    user_key, key = answer.body.decode("ascii").split(";")
    assert key == key.strip()
    return user_key, key


def test_recordings_are_whole() -> None:
    for program in ALL:
        head, _, body = program.sms_bytes("h", "k", "s").partition(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
        assert int(length.removeprefix(b"content-length: ")) == len(body), program.name


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("program", ALL, ids=lambda program: program.name)
def test_a_program_signs_in_and_sends(town: Town, door: str, program: Recorded) -> None:
    user_key, key = signed_in(town, door, program)
    before = len(messages(town.gateway))
    answer = town.send(door, program.sms_bytes(f"localhost:{town.port(door)}", user_key, key))
    assert answer.status == 201, answer
    assert answer.header("Location") is None and answer.header("Content-Encoding") is None
    told = json.loads(answer.body)
    assert (told["result"], told["total_sent"]) == ("OK", program.total)
    assert isinstance(told["order_id"], str) and isinstance(told["remaining_credits"], int)
    assert len(messages(town.gateway)) == before + program.total


@pytest.mark.parametrize("door", DOORS)
def test_continue_comes_before_the_body(town: Town, door: str) -> None:
    """C# waits a third of a second for it, others longer."""
    user_key, key = signed_in(town, door, CSHARP)
    data = CSHARP.sms_bytes(f"localhost:{town.port(door)}", user_key, key)
    head, end, body = data.partition(b"\r\n\r\n")
    tls = town.front.tls if door == "nginx-tls" else None
    with closing(rawhttp.connect(town.port(door), tls=tls)) as connection:
        connection.sendall(head + end)
        file = connection.makefile("rb")
        assert file.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert file.readline() == b"\r\n"
        connection.sendall(body)
        assert file.readline().startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("program", [JAVA, PYTHON], ids=lambda program: program.name)
def test_one_connection_serves_a_whole_talk(town: Town, door: str, program: Recorded) -> None:
    host = f"localhost:{town.port(door)}"
    tls = town.front.tls if door == "nginx-tls" else None
    with closing(rawhttp.connect(town.port(door), tls=tls)) as connection:
        file = connection.makefile("rb")

        def talk(data: bytes) -> tuple[int, bytes]:
            connection.sendall(data)
            status = int(file.readline().split()[1])
            headers = dict(line.lower().rstrip().split(b": ", 1) for line in iter(file.readline, b"\r\n"))
            return status, file.read(int(headers[b"content-length"]))

        status, keys = talk(program.login_bytes(host))
        assert status == 200
        user_key, key = keys.decode().split(";")
        assert [talk(program.sms_bytes(host, user_key, key))[0] for _ in range(3)] == [201, 201, 201]


@pytest.mark.parametrize("door", DOORS)
def test_a_client_that_closes_is_answered_and_closed(town: Town, door: str) -> None:
    user_key, key = signed_in(town, door, RUBY)
    answer = town.send(door, RUBY.sms_bytes("localhost", user_key, key))
    assert (answer.header("Connection") or "").lower() == "close"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "query",
    [
        b"username=a+b@x.it&password=p%25zz%20%C3%A8%20wd",
        b"username=a+b@x.it&password=p%zz%20%C3%A8%20wd",
        b"username=a%2Bb%40x.it&password=p%25zz+%C3%A8+wd",
    ],
    ids=["python and c#", "perl", "form-encoded"],
)
def test_odd_credentials_survive_the_servers(town: Town, door: str, query: bytes) -> None:
    _odd_user(town)
    answer = town.send(door, b"GET /API/v1.0/REST/login?" + query + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.status == 200, answer


@pytest.mark.parametrize("door", DOORS)
def test_a_latin_1_byte_in_the_request_line(town: Town, door: str) -> None:
    """Node writes an accented letter of a password so, unless its author escaped it."""
    _odd_user(town)
    line = b"GET /API/v1.0/REST/login?username=a+b@x.it&password=p%zz%20\xe8%20wd HTTP/1.1"
    assert town.send(door, line + b"\r\nHost: a\r\nConnection: close\r\n\r\n").status == 200


def test_no_header_reaches_what_nginx_keeps_closed(town: Town) -> None:
    for headers in ({"SCRIPT_NAME": "/x"}, {"script_name": "/x", "PATH_INFO": "/metrics"}):
        answer = rawhttp.request(town.front.http_port, "/x/metrics", headers=headers)
        assert answer.status == 404 and b"dragoman_" not in answer.body


def test_no_password_and_no_key_is_in_any_log(town: Town) -> None:
    keys: list[str] = []

    def mine(program: Recorded) -> Recorded:
        login = program.login.replace("=username", f"={SECRET_USER}").replace("=password", f"={SECRET_PASSWORD}")
        return replace(program, login=login)

    for door in DOORS:
        for program in (JAVA, CSHARP, PERL):
            user_key, key = signed_in(town, door, mine(program))
            keys += [user_key, key]
            assert town.send(door, program.sms_bytes("localhost", user_key, key)).status == 201
            refused = program.sms_bytes("localhost", user_key, key).replace(b'"N"', b'"X"')
            assert town.send(door, refused).status == 400
        assert town.send(door, mine(JAVA).login_bytes("a").replace(b"/login", b"/nologin")).status == 404
        reset = b"POST /API/v1.0/REST/pwdreset?password=hush-hush-hush HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        reset += f"user_key: {keys[-2]}\r\nSession_key: {keys[-1]}\r\nContent-Length: 0\r\n\r\n".encode()
        assert town.send(door, reset).status == 200
    town.web.stop()
    try:
        for door in ("nginx", "nginx-tls"):
            answer = town.send(door, mine(JAVA).login_bytes("a"))
            assert answer.status == 502 and json.loads(answer.body)["result"] == "Service unavailable"
            assert town.send(door, JAVA.sms_bytes("a", keys[0], keys[1])).status == 502
    finally:
        town.web.start()
    logs = town.web.log() + town.front.log()
    assert "/API/v1.0/REST/sms" in town.web.log() and "/API/v1.0/REST//sms" in town.front.log()
    assert "hush" not in logs
    assert [key for key in keys if key in logs] == []


def test_no_half_of_a_password_with_a_blank_is_in_the_log(town: Town) -> None:
    """Java pastes a password with a blank into the request line as it is. That is refused, and must not be quoted."""
    line = JAVA.login_bytes("a").replace(b"=password", b"=secret passphrase")
    answer = town.send("gunicorn", line)
    assert answer.status == 400 and json.loads(answer.body)["error_code"] == "INVALID_REQUEST"
    assert b"passphrase" not in answer.body
    assert "passphrase" not in town.web.log()


def _odd_user(town: Town) -> None:
    with suppress(Conflict):
        accounts.create_user(town.gateway, ACCOUNT, "a+b@x.it", "p%zz è wd")
