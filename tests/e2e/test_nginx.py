"""The shipped nginx configuration in front of gunicorn as we configure it: old clients get through, nobody gets around it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.support import gunicorn, nginx, rawhttp

REST = "/API/v1.0/REST"


@dataclass(frozen=True, slots=True)
class Edge:
    """nginx with the echo application behind it."""

    web: gunicorn.GunicornServer
    nginx: nginx.NginxServer

    def ask(self, path: str, tls: bool = False, **options: object) -> rawhttp.Answer:
        context = self.nginx.tls if tls else None
        return rawhttp.request(self.nginx.tls_port if tls else self.nginx.http_port, path, tls=context, **options)  # type: ignore[arg-type]

    def seen(self, path: str, tls: bool = False, **options: object) -> dict[str, str]:
        answer = self.ask(path, tls, **options)
        assert answer.status == 200, answer
        found: dict[str, str] = json.loads(answer.body)
        return found


@pytest.fixture(scope="module", params=["tcp", "unix"])
def edge(request: pytest.FixtureRequest, nginx_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Both ways of placing gunicorn behind nginx."""
    folder = tmp_path_factory.mktemp("edge")
    bind = {"DRAGOMAN_BIND": f"unix:{folder}/web.sock"} if request.param == "unix" else {}
    settings = {"DRAGOMAN_PROXY_COUNT": "1", "DRAGOMAN_WEB_WORKERS": "2", **bind}
    web = gunicorn.start(folder, settings, application="tests.e2e.echo:app", health="/")
    (folder / "nginx").mkdir()
    front = nginx.start(folder / "nginx", web.upstream)
    yield Edge(web, front)
    front.stop()
    web.stop()


def test_nginx_finds_nothing_to_complain_about(edge: Edge) -> None:
    said = edge.nginx.check()
    assert "test is successful" in said
    assert "[warn]" not in said and "[emerg]" not in said


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_headers_and_address_arrive(edge: Edge, tls: bool) -> None:
    forged = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "ftp", "X-Request-Id": "mine-mine-mine"}
    got = edge.seen("/a", tls, headers={"user_key": "U1", "Session_key": "S1", "Access_token": "A1", **forged})
    assert (got["HTTP_USER_KEY"], got["HTTP_SESSION_KEY"], got["HTTP_ACCESS_TOKEN"]) == ("U1", "S1", "A1")
    assert got["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert got["HTTP_X_FORWARDED_PROTO"] == ("https" if tls else "http")
    assert re.fullmatch("[0-9a-f]{32}", got["HTTP_X_REQUEST_ID"])


@pytest.mark.parametrize("path", [f"/{REST}//login", f"{REST}//login", f"{REST}/login/", f"{REST}/a%2Fb"])
def test_paths_arrive_as_sent_and_without_a_redirect(edge: Edge, path: str) -> None:
    got = edge.seen(path)["PATH_INFO"]
    assert re.sub("^//", "/", path).replace("%2F", "/") == re.sub("^//", "/", got)


def test_no_header_walks_around_the_access_rules(edge: Edge) -> None:
    """With gunicorn's defaults SCRIPT_NAME: /x made /x/metrics reach /metrics behind nginx's back."""
    for spelling in ("SCRIPT_NAME", "script_name", "Script_Name"):
        got = edge.seen("/x/metrics", headers={spelling: "/x", "PATH_INFO": "/metrics", "REMOTE_ADDR": "127.0.0.9"})
        assert (got["SCRIPT_NAME"], got["PATH_INFO"]) == ("", "/x/metrics")
    assert edge.web.bind.startswith("unix:") or got["REMOTE_ADDR"] == "127.0.0.1"


def test_an_old_client_without_host_is_served(edge: Edge) -> None:
    answer = rawhttp.send(f"GET {REST}/login HTTP/1.0\r\n\r\n".encode(), edge.nginx.http_port)
    assert answer.status == 200


def test_a_chunked_body_gets_a_length(edge: Edge) -> None:
    chunked = b"5\r\nhello\r\n0\r\n\r\n"
    head = b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = rawhttp.send(head + chunked, edge.nginx.http_port)
    got = json.loads(answer.body)
    assert (got["CONTENT_LENGTH"], got["body_length"]) == ("5", "5")


def test_nginx_own_errors_are_json(edge: Edge) -> None:
    port = edge.nginx.http_port
    long = rawhttp.request(port, f"{REST}/sms?text=" + "a" * 9000)
    large = rawhttp.request(port, f"{REST}/sms", method="POST", headers={"Content-Length": str(17 << 20)})
    blank = rawhttp.send(f"GET {REST}/login?password=hush hush HTTP/1.1\r\nHost: a\r\n\r\n".encode(), port)
    wordy = rawhttp.request(port, f"{REST}/sms", headers={"X-Long": "a" * 9000})
    plain = rawhttp.request(edge.nginx.tls_port, f"{REST}/sms")
    trace = rawhttp.request(port, f"{REST}/sms", method="TRACE")
    assert [answer.status for answer in (long, large, blank, wordy, plain, trace)] == [414, 413, 400, 400, 400, 405]
    for answer in (long, large, blank, wordy, plain, trace):
        assert answer.header("Content-Type") == "application/json"
        assert {"result", "error_code", "error_message"} <= json.loads(answer.body).keys()
    assert json.loads(long.body)["error_code"] == "URL_TOO_LONG"
    assert json.loads(large.body)["error_code"] == "BODY_TOO_LARGE"


def test_operators_pages_are_for_this_machine(edge: Edge) -> None:
    """Loopback may; that others may not is in the rule itself, since no test has another address to come from."""
    assert edge.seen("/metrics")["PATH_INFO"] == "/metrics"
    rule = r"location ~ \^/\(\?:metrics\|ready\)\(\?:/\|\$\) \{\s+allow 127[^}]+deny all;"
    assert re.search(rule, nginx.SHIPPED.read_text(encoding="utf-8"))


def test_no_password_reaches_the_logs_even_when_the_gateway_is_down(edge: Edge) -> None:
    path = f"{REST}/login?username=anna&password=hush-hush"
    edge.seen(path, headers={"Referer": "http://a/?password=hush-hush"})
    edge.ask("/console/enter/hush-hush")
    edge.web.stop()
    try:
        answer = edge.ask(path, tls=True)
        assert answer.status == 502
        assert json.loads(answer.body)["error_code"] == "SERVICE_UNAVAILABLE"
    finally:
        edge.web.start()
    with closing(rawhttp.connect(edge.nginx.http_port)) as cut:
        cut.sendall(f"GET {path} HTTP/1.1\r\n".encode())
    log = edge.nginx.log()
    assert f'GET "{REST}/login" HTTP/1.1 200 ' in log and f'GET "{REST}/login" HTTP/1.1 502 ' in log
    assert "hush" not in log and "anna" not in log
    assert "hush" not in edge.web.log()
