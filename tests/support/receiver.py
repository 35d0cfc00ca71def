"""A program that is called: a real server on loopback that keeps what came, to the byte, and answers as it is told."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedIOBase
from ipaddress import ip_network

from gateway.net.client import Client

LOOPBACK = [ip_network("127.0.0.0/8")]
RESET = b"reset"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def answer(status: int, *headers: str) -> bytes:
    """A whole answer without a body."""
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *headers, "Content-Length: 0", "Connection: close", "", ""]).encode()


def loopback_client() -> Client:
    """A client that may reach this machine and nothing else that is private."""
    return Client(LOOPBACK, None)


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> str:
        """Path and query."""
        return self.line.split(" ")[1]


@dataclass
class Receiver:
    """``answers`` gives the bytes of the answer to a request; RESET breaks the connection, b"" closes it."""

    answers: Callable[[Request], bytes] = lambda request: OK
    came: list[Request] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        receiver = self
        self.gate.set()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request = _read(self.rfile)
                if request is None:
                    return
                receiver.came.append(request)
                receiver.gate.wait(30)
                reply = receiver.answers(request)
                if reply == RESET:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                else:
                    self.wfile.write(reply)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def url(self, path: str = "/hook") -> str:
        """An address of it."""
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        """Ends it, whoever still waits for an answer."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


def _read(stream: BufferedIOBase) -> Request | None:
    line = stream.readline().decode("latin-1").rstrip("\r\n")
    if not line:
        return None
    headers: dict[str, str] = {}
    while written := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = written.partition(": ")
        headers[name] = value
    return Request(line, headers, stream.read(int(headers.get("Content-Length", 0))))
