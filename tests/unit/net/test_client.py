"""The outgoing client against real sockets: what it refuses, when it gives up, and what it says about it."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.net.client import AddressRefused, BadUrl, CallFailed, Client

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
Talk = Callable[[socket.socket], None]


@contextmanager
def far_end(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that lets ``talk`` have each connection; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve_one(connection: socket.socket) -> None:
        with suppress(OSError):
            with context.wrap_socket(connection, server_side=True) if context else connection as talking:
                talk(talking)
        connection.close()

    def serve() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve_one, args=(listener.accept()[0],)))
                threads[-1].start()

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        server.join()
        for thread in threads:
            thread.join()


def heard(connection: socket.socket) -> bytes:
    """One request: its head, and as much body as it announces; empty at the end of the connection."""
    got = b""
    while b"\r\n\r\n" not in got:
        some = connection.recv(4096)
        if not some:
            return b""
        got += some
    head, _, body = got.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while len(body) < sum(lengths):
        body += connection.recv(4096)
    return head + b"\r\n\r\n" + body


def silent_until(over: threading.Event) -> Talk:
    """Says nothing and reads nothing."""

    def talk(_connection: socket.socket) -> None:
        over.wait(30)

    return talk


def saying(answer: bytes, requests: list[bytes] | None = None) -> Talk:
    """Answers every request of a connection with the same bytes."""

    def talk(connection: socket.socket) -> None:
        while request := heard(connection):
            if requests is not None:
                requests.append(request)
            connection.sendall(answer)

    return talk


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Name: v\r\n\r\ngood"


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(LOOPBACK)
    yield client
    client.close()


def test_a_call_and_its_answer(client):
    requests: list[bytes] = []
    with far_end(saying(OK, requests)) as port:
        answer = client.request("POST", f"http://127.0.0.1:{port}/a/b?c=d%20e#f", headers={"X-Key": "k ü €"}, body="ü".encode())
        client.close()
    assert (answer.status, answer.body, answer.headers["x-name"], answer.is_cut) == (200, b"good", "v", False)
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a/b?c=d%20e HTTP/1.1\r\n")
    assert b"X-Key: " + "k ü €".encode() in head.split(b"\r\n")
    assert body == "ü".encode()


def test_connections_are_kept(client):
    connections: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        connections.append(connection)
        saying(OK)(connection)

    with far_end(talk) as port:
        for _ in range(5):
            client.request("GET", f"http://127.0.0.1:{port}/")
        client.close()
    assert len(connections) == 1


def test_an_old_connection_is_not_used_again(client, monkeypatch):
    connections: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        connections.append(connection)
        saying(OK)(connection)

    monkeypatch.setattr("gateway.net.client.IDLE_SECONDS", -1.0)
    with far_end(talk) as port:
        for _ in range(3):
            client.request("GET", f"http://127.0.0.1:{port}/")
        client.close()
    assert len(connections) == 3


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"],
)
def test_inward_addresses_are_refused_however_they_are_written(host):
    with far_end(saying(OK)) as port, pytest.raises(AddressRefused):
        Client().request("GET", f"http://{host}:{port}/")


def test_one_bad_answer_of_the_name_server_is_enough():
    with pytest.raises(AddressRefused):
        Client(resolve=lambda _host, _port: ["8.8.8.8", "10.0.0.1"]).request("GET", "http://carrier.example/")


def test_a_name_that_changes_its_address_is_asked_once(client):
    """A name server that says a good address first and an inward one afterwards gains nothing: what was checked is connected to."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    rebinding = Client(LOOPBACK, resolve=resolve)
    with far_end(saying(OK)) as port:
        assert rebinding.request("GET", f"http://carrier.example:{port}/").status == 200
        assert asked == ["carrier.example"]
        rebinding.close()
    with pytest.raises(AddressRefused):
        rebinding.request("GET", f"http://carrier.example:{port}/")


def test_only_listed_ports():
    with far_end(saying(OK)) as port:
        with pytest.raises(AddressRefused, match="port"):
            Client(LOOPBACK, {443}).request("GET", f"http://127.0.0.1:{port}/")
        allowed = Client(LOOPBACK, {port})
        assert allowed.request("GET", f"http://127.0.0.1:{port}/").status == 200
        allowed.close()


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://host/", "file:///etc/passwd", "//host/", "host/path", "http://", "http:///path", "http://a b/"),
        *("http://host/\r\nX: y", "http://host:99999/", "http://[::1/", "javascript:alert(1)", "", "http://host/" + "a" * 9000),
    ],
)
def test_urls_that_are_none(client, url):
    with pytest.raises(BadUrl):
        client.request("GET", url)


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X\r\n": "a"}, {"": "a"}, {"X": "a\0"}])
def test_headers_cannot_smuggle(client, headers):
    with pytest.raises(BadUrl):
        client.request("GET", "http://host/", headers=headers)


def test_name_and_password_become_a_header(client):
    requests: list[bytes] = []
    with far_end(saying(OK, requests)) as port:
        client.request("GET", f"http://us%40er:pa%3Ass@127.0.0.1:{port}/")
        client.close()
    assert b"Authorization: Basic dXNAZXI6cGE6c3M=" in requests[0]
    assert b"pa%3A" not in requests[0]


def test_redirects_are_not_followed(client):
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    with far_end(saying(moved)) as port:
        assert client.request("GET", f"http://127.0.0.1:{port}/").status == 302
        client.close()


def test_proxies_of_the_environment_are_not_used(client, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    with far_end(saying(OK)) as port:
        assert client.request("GET", f"http://127.0.0.1:{port}/").status == 200
        client.close()


def test_a_huge_answer_is_cut(client):
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

    def talk(connection: socket.socket) -> None:
        heard(connection)
        connection.sendall(endless)
        while True:
            connection.sendall(b"x" * 65536)

    with far_end(talk) as port:
        answer = client.request("GET", f"http://127.0.0.1:{port}/")
        assert (len(answer.body), answer.is_cut) == (64 * 1024, True)
        assert client.request("GET", f"http://127.0.0.1:{port}/", most_bytes=10).body == b"x" * 10


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], ids=["head", "body"])
def test_a_server_that_drips_meets_the_deadline(client, first):
    over = threading.Event()

    def talk(connection: socket.socket) -> None:
        heard(connection)
        connection.sendall(first)
        while not over.wait(0.02):
            connection.sendall(b"x")

    with far_end(talk) as port:
        started = time.monotonic()
        with pytest.raises(CallFailed) as caught:
            client.request("GET", f"http://127.0.0.1:{port}/", read_timeout_seconds=5, total_timeout_seconds=0.3)
        assert 0.25 < time.monotonic() - started < 5
        over.set()
    assert caught.value.reached
    assert caught.value.status == (200 if first else None)


def test_a_server_that_does_not_read_meets_the_deadline(client):
    over = threading.Event()
    with far_end(silent_until(over)) as port:
        with pytest.raises(CallFailed) as caught:
            client.request("POST", f"http://127.0.0.1:{port}/", body=b"x" * 20_000_000, total_timeout_seconds=0.3)
        over.set()
    assert caught.value.reached


def cut_off(connection: socket.socket) -> None:
    heard(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    ("talk", "status"),
    [
        (lambda connection: heard(connection) and None, None),
        (cut_off, None),
        (saying(b"not HTTP at all\r\n\r\n"), None),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc"), 200),
    ],
    ids=["closed", "reset", "garbage", "short"],
)
def test_no_whole_answer_after_the_request_was_written(client, talk, status):
    def once(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.settimeout(0.2)
            talk(connection)

    with far_end(once) as port, pytest.raises(CallFailed) as caught:
        client.request("POST", f"http://127.0.0.1:{port}/?password=hush", body=b"text")
    assert (caught.value.reached, caught.value.status) == (True, status)
    assert "hush" not in repr(caught.value)


def test_nobody_listens(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(CallFailed, match="refused") as caught:
        client.request("GET", f"http://127.0.0.1:{port}/")
    assert not caught.value.reached


def test_a_name_nobody_knows_and_a_look_up_that_hangs():
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(CallFailed, match="looked up") as caught:
        Client(resolve=unknown).request("GET", "http://carrier.example/")
    assert not caught.value.reached
    over = threading.Event()
    with pytest.raises(CallFailed, match="too long") as slow:
        Client(resolve=lambda _host, _port: [str(over.wait(30))]).request("GET", "http://carrier.example/", connect_timeout_seconds=0.05)
    over.set()
    assert not slow.value.reached


def test_asking_without_calling():
    Client(resolve=lambda _host, _port: ["8.8.8.8"]).require_reachable("https://carrier.example/")
    with pytest.raises(AddressRefused):
        Client(resolve=lambda _host, _port: ["10.0.0.8"]).require_reachable("https://carrier.example/")


def test_urls_stay_out_of_logs_and_repr(client, caplog):
    caplog.set_level("DEBUG")
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nbroken header\r\n\r\ngood"
    with far_end(saying(broken)) as port:
        answer = client.request("GET", f"http://127.0.0.1:{port}/secret-path?password=hush")
        client.close()
    assert "hush" not in caplog.text + repr(answer) + repr(client)
    assert "secret-path" not in caplog.text


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate authority's file, and a server's side with a certificate of it for carrier.example."""
    folder = tmp_path_factory.mktemp("tls")
    now = datetime.now(UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, is_ca: bool) -> x509.Certificate:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        made = made.not_valid_after(now + timedelta(days=1)).add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        if not is_ca:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("carrier.example")]), critical=False)
        return made.sign(ca_key, hashes.SHA256())

    ca_file, pair = folder / "ca.pem", folder / "pair.pem"
    ca_file.write_bytes(certificate(ca_name, ca_key.public_key(), True).public_bytes(serialization.Encoding.PEM))
    own = certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "carrier.example")]), key.public_key(), False)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pair.write_bytes(private + own.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    return ca_file, context


def at_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def test_encrypted_calls_check_the_name_although_the_address_is_connected_to(authority):
    ca_file, context = authority
    requests: list[bytes] = []
    with far_end(saying(OK, requests), context) as port:
        trusting = Client(LOOPBACK, ca_file=str(ca_file), resolve=at_loopback)
        assert trusting.request("GET", f"https://carrier.example:{port}/").body == b"good"
        assert b"Host: carrier.example:%d" % port in requests[0]
        trusting.close()
        with pytest.raises(CallFailed, match="certificate") as wrong:
            trusting.request("GET", f"https://other.example:{port}/")
        with pytest.raises(CallFailed, match="certificate") as unknown:
            Client(LOOPBACK, resolve=at_loopback).request("GET", f"https://carrier.example:{port}/")
    assert not wrong.value.reached and not unknown.value.reached


def test_an_encrypted_drip_and_a_handshake_that_hangs_meet_the_deadline(authority):
    ca_file, context = authority
    over = threading.Event()

    def talk(connection: socket.socket) -> None:
        heard(connection)
        while not over.wait(0.02):
            connection.sendall(b"x")

    client = Client(LOOPBACK, ca_file=str(ca_file), resolve=at_loopback)
    for encrypted, reached in ((context, True), (None, False)):
        over.clear()
        with far_end(talk if encrypted else silent_until(over), encrypted) as port:
            with pytest.raises(CallFailed) as caught:
                client.request("GET", f"https://carrier.example:{port}/", total_timeout_seconds=0.3)
            over.set()
        assert caught.value.reached is reached


def test_threads_share_a_client(client):
    with far_end(saying(OK)) as port:
        statuses: list[int] = []

        def call() -> None:
            statuses.extend(client.request("GET", f"http://127.0.0.1:{port}/").status for _ in range(10))

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close()
    assert statuses == [200] * 80
