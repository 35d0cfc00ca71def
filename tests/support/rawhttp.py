"""HTTP as bytes: what is sent is exactly what the test wrote, what comes back is not improved by a client library."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. ``headers`` keeps order, spelling and repetition."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of this name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class NoAnswer(Exception):
    """The server closed the connection without a response."""


class _Heard:
    """Makes what was received look like the socket that http.client wants."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb")

    def makefile(self, *_arguments: object, **_options: object) -> io.BufferedReader:
        return self._file


def send(data: bytes, target: int | str, *, tls: ssl.SSLContext | None = None, timeout: float = 10.0) -> Answer:
    """Sends the bytes and reads one whole response: by its length, its chunks, or to the end of the connection.

    Args:
        data: the request; its line ends are not touched.
        target: a port on loopback, or the path of a unix socket.
        timeout: seconds for each read.

    Raises:
        NoAnswer: nothing came.
        TimeoutError: it came too slowly.
    """
    with closing(connect(target, tls=tls, timeout=timeout)) as connection:
        connection.sendall(data)
        method = data.partition(b" ")[0].decode("latin-1")
        response = http.client.HTTPResponse(_Heard(connection), method=method)  # type: ignore[arg-type]  # makefile is all it calls
        with closing(response):
            try:
                response.begin()
            except (http.client.RemoteDisconnected, ConnectionResetError) as error:
                raise NoAnswer(repr(data[:80])) from error
            return Answer(response.status, response.reason, response.getheaders(), response.read())


def request(
    target: int | str,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    tls: ssl.SSLContext | None = None,
    timeout: float = 10.0,
) -> Answer:
    """An ordinary request, its path and headers as given. Host, Connection and Content-Length are added unless given."""
    given = {"Host": "localhost", "Connection": "close", **({"Content-Length": str(len(body))} if body else {}), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body, target, tls=tls, timeout=timeout)


def connect(target: int | str, *, tls: ssl.SSLContext | None = None, timeout: float = 10.0) -> socket.socket:
    """A connection to a port on loopback or a unix socket, for a test that speaks in pieces. The caller closes it."""
    if isinstance(target, str):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect(target)
        except OSError:
            connection.close()
            raise
        return connection
    connection = socket.create_connection(("127.0.0.1", target), timeout=timeout)
    return tls.wrap_socket(connection, server_hostname="localhost") if tls else connection
