"""Connections to checked addresses, on which every single wait ends with the call's own deadline.

A far end that sends a byte now and then never meets a time limit for one read. So the sockets here ask before each read and write how
much of the running call's time is left; a call runs in one thread, which is where the time is kept.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gateway.net.addresses import Address, Network, may_reach

Resolve = Callable[[str, int], Sequence[str]]
"""Host and port → the addresses as text. Raises OSError."""

MOST_LOOKUPS = 32


class Refused(Exception):
    """The name leads to an address that must not be reached, or to a port."""


@dataclass(slots=True)
class Clock:
    """The time of one call. ``read_seconds`` bounds each wait, ``ends`` (steady clock) all of them. ``is_written``: the far end may have
    got something of the request.
    """

    read_seconds: float
    ends: float
    is_written: bool = False

    def left(self) -> float:
        """Seconds for the next wait. Raises TimeoutError when none is left."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call took too long")
        return min(left, self.read_seconds)


class _Running(threading.local):
    clock: Clock | None = None


running = _Running()
"""The clock of the call that this thread is making."""


def _wait_no_longer(sock: socket.socket, *, writes: bool = False) -> None:
    if (clock := running.clock) is not None:
        sock.settimeout(clock.left())
        clock.is_written |= writes


class TimedSocket(socket.socket):
    """A plain connection."""

    def recv_into(self, *args: Any, **more: Any) -> int:
        _wait_no_longer(self)
        return super().recv_into(*args, **more)

    def sendall(self, *args: Any, **more: Any) -> None:
        _wait_no_longer(self, writes=True)
        super().sendall(*args, **more)


class TimedTlsSocket(ssl.SSLSocket):
    """An encrypted one. Its ``sendall`` is a loop of ``send``."""

    def do_handshake(self, block: bool = False) -> None:
        _wait_no_longer(self)
        super().do_handshake(block)

    def recv_into(self, *args: Any, **more: Any) -> int:
        _wait_no_longer(self)
        return super().recv_into(*args, **more)

    def send(self, *args: Any, **more: Any) -> int:
        _wait_no_longer(self, writes=True)
        return super().send(*args, **more)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Certificates and host names are checked, against the system's authorities or those in ``ca_file`` (PEM).

    Raises OSError (ssl.SSLError is one) where the file cannot be read.
    """
    return _context(ca_file) if ca_file else _system_context()


@lru_cache(maxsize=1)
def _system_context() -> ssl.SSLContext:
    """Shared by all clients: reading the system's authorities takes its time."""
    return _context(None)


def _context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TimedTlsSocket
    return context


def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that the system gives for a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Connecting:
    """Resolves, checks every answer, and connects to the address that was checked: there is no second look-up that could say
    something else.
    """

    def __init__(self, allowed: Sequence[Network], ports: frozenset[int] | None, resolve: Resolve) -> None:
        self._allowed = tuple(allowed)
        self._ports = ports
        self._resolve = resolve
        self._lookups = threading.Semaphore(MOST_LOOKUPS)

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """A connection, or the last reason why there is none. Raises Refused, OSError (TimeoutError is one)."""
        ends = time.monotonic() + seconds
        self.require_port(port)
        addresses = self.checked(host, port, seconds)
        trouble: OSError = OSError("the name has no address")
        for address in addresses:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("connecting took too long")
            try:
                return _connected(address, port, left)
            except OSError as error:
                trouble = error
        raise trouble

    def require_port(self, port: int) -> None:
        """Raises Refused for a port that is not listed."""
        if self._ports is not None and port not in self._ports:
            raise Refused(f"port {port} is not allowed")

    def checked(self, host: str, port: int, seconds: float) -> list[Address]:
        """The addresses of a host, each of which may be reached. Raises Refused where one may not, OSError where there is none."""
        written = self._looked_up(host, port, seconds)
        addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in written]
        if not all(may_reach(each, self._allowed) for each in addresses):
            raise Refused("the address is not one of the public internet, nor in a network that the operator allows")
        return addresses

    def _looked_up(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """In a thread of its own, since the system's look-up has no time limit."""
        try:
            return [str(ipaddress.ip_address(host.strip("[]")))]
        except ValueError:
            pass
        if not self._lookups.acquire(timeout=seconds):
            raise TimeoutError("too many names are being looked up")
        answer: list[Sequence[str] | Exception] = []
        done = threading.Event()

        def look_up() -> None:
            try:
                answer.append(self._resolve(host, port))
            except Exception as error:  # handed to the caller below
                answer.append(error)
            finally:
                self._lookups.release()
                done.set()

        threading.Thread(target=look_up, name="look-up", daemon=True).start()
        if not done.wait(seconds):
            raise TimeoutError("looking the name up took too long")
        if isinstance(answer[0], UnicodeError):
            raise OSError("the name cannot be looked up") from answer[0]
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]


def _connected(address: Address, port: int, seconds: float) -> socket.socket:
    sock = TimedSocket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock
