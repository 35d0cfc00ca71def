"""The one HTTP client for everything the gateway calls: carriers, customers' callbacks, bots.

It calls only http and https, follows no redirect, uses no proxy of the environment, reads a bounded answer, and ends with its deadline
whatever the far end does. Where it may connect is decided in :mod:`gateway.net.addresses` for the very address it then connects to.
It never repeats a call: whether that is harmless only its caller knows.

    OutgoingError
    ├── BadUrl            the call cannot be made as it is written
    ├── AddressRefused    the host leads where we must not go
    └── CallFailed        no usable answer; ``reached`` says whether the far end may have got the request
"""

from __future__ import annotations

import base64
import http.client
import logging
import re
import socket
import ssl
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import Url, parse_url

from gateway.net.addresses import Network
from gateway.net.sockets import Clock, Connecting, Refused, Resolve, running, system_resolve, tls_context

MOST_BYTES = 64 * 1024
MOST_URL = 8192  # characters
IDLE_SECONDS = 4.0
"""A connection that was idle longer is not used again: many servers, our own among them, close theirs after five seconds, and a request
written into a closing connection is one whose fate nobody knows."""

_METHOD = re.compile("[A-Z]{3,10}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")

# urllib3 logs whole URLs, with what stands in their query: passwords and texts, where a carrier wants them there.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class OutgoingError(Exception):
    """An outgoing call that came to nothing. The words hold neither path nor query nor body."""


class BadUrl(OutgoingError):
    """The URL, a header or the method cannot be used."""


class AddressRefused(OutgoingError):
    """The host or its port is not one that may be reached. Nothing was sent."""


class CallFailed(OutgoingError):
    """No whole answer came. ``reached``: something was written before, so the far end may have acted on it. ``status``: what it
    answered, where the head of an answer came and its body did not.
    """

    def __init__(self, words: str, reached: bool, status: int | None = None) -> None:
        super().__init__(words)
        self.reached = reached
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """What the far end said. Header names are in small letters. ``is_cut``: the body went on beyond the limit."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    is_cut: bool = False

    def text(self) -> str:
        """The body as UTF-8, with a sign in place of what is not."""
        return self.body.decode("utf-8", "replace")


class _Checked:
    """Mixed into urllib3's connections: where they connect, and when they were last used."""

    connecting: Connecting
    used_at: float

    def _new_conn(self) -> socket.socket:
        clock = running.clock
        seconds = min(float(self.timeout), clock.left()) if clock else float(self.timeout)  # type: ignore[attr-defined]
        return self.connecting.connect(self._dns_host, self.port, seconds)  # type: ignore[attr-defined]


class _Connection(_Checked, HTTPConnection):
    def __init__(self, connecting: Connecting, *args: Any, **more: Any) -> None:
        self.connecting, self.used_at = connecting, time.monotonic()
        super().__init__(*args, **more)


class _TlsConnection(_Checked, HTTPSConnection):
    def __init__(self, connecting: Connecting, *args: Any, **more: Any) -> None:
        self.connecting, self.used_at = connecting, time.monotonic()
        super().__init__(*args, **more)


class _Fresh:
    """Mixed into urllib3's pools: a connection that was idle for long is closed, and opened anew by its next request."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)  # type: ignore[misc]
        if time.monotonic() - connection.used_at > IDLE_SECONDS:
            connection.close()
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.used_at = time.monotonic()
        super()._put_conn(connection)  # type: ignore[misc]


class _Pool(_Fresh, urllib3.HTTPConnectionPool):
    def __init__(self, connecting: Connecting, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.ConnectionCls = partial(_Connection, connecting)  # type: ignore[assignment]


class _TlsPool(_Fresh, urllib3.HTTPSConnectionPool):
    def __init__(self, connecting: Connecting, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.ConnectionCls = partial(_TlsConnection, connecting)  # type: ignore[assignment]


class Client:
    """Makes calls; any number of threads may share one. Connections are kept open between calls.

    Args:
        allowed_networks: what may be reached besides the public internet.
        allowed_ports: None for all.
        ca_file: certificate authorities (PEM) to trust instead of the system's.
        most_hosts, connections_per_host: how many connections are kept.
        resolve: looks names up; for tests.

    Raises:
        OSError: ``ca_file`` cannot be read.
    """

    def __init__(
        self,
        allowed_networks: Sequence[Network] = (),
        allowed_ports: Collection[int] | None = None,
        *,
        ca_file: str | None = None,
        most_hosts: int = 32,
        connections_per_host: int = 16,
        resolve: Resolve = system_resolve,
    ) -> None:
        ports = None if allowed_ports is None else frozenset(allowed_ports)
        self._connecting = Connecting(allowed_networks, ports, resolve)
        self._pools = urllib3.PoolManager(most_hosts, maxsize=connections_per_host, retries=False, ssl_context=tls_context(ca_file))
        pools = {"http": partial(_Pool, self._connecting), "https": partial(_TlsPool, self._connecting)}
        self._pools.pool_classes_by_scheme = pools  # type: ignore[assignment]

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        connect_timeout_seconds: float = 5.0,
        read_timeout_seconds: float = 10.0,
        total_timeout_seconds: float = 30.0,
        most_bytes: int = MOST_BYTES,
    ) -> Answer:
        """Makes one call and gives its answer, of any status, redirects included.

        Name and password in the URL are sent as a Basic ``Authorization`` header, where ``headers`` has none.

        Raises:
            BadUrl
            AddressRefused
            CallFailed
        """
        target = _target(url)
        sent = _headers(headers or {}, target)
        if not _METHOD.fullmatch(method):
            raise BadUrl("the method must be of capital letters")
        clock = Clock(read_timeout_seconds, time.monotonic() + total_timeout_seconds)
        timeout = urllib3.Timeout(connect=connect_timeout_seconds, read=read_timeout_seconds)
        before, running.clock = running.clock, clock
        try:
            return self._call(method, target, sent, body or None, timeout, most_bytes, clock)
        finally:
            running.clock = before

    def require_reachable(self, url: str, *, timeout_seconds: float = 5.0) -> None:
        """Whether this URL could be called now, without calling it.

        Raises:
            BadUrl
            AddressRefused
            CallFailed: the name has no address.
        """
        target = _target(url)
        try:
            port = target.port or (443 if target.scheme == "https" else 80)
            self._connecting.require_port(port)
            self._connecting.checked(target.host or "", port, timeout_seconds)
        except Refused as error:
            raise AddressRefused(str(error)) from None
        except OSError as error:
            raise CallFailed(_words(error), reached=False) from None

    def close(self) -> None:
        """Closes the kept connections."""
        self._pools.clear()

    def _call(
        self, method: str, target: Url, headers: dict[str, str], body: bytes | None, timeout: urllib3.Timeout, most: int, clock: Clock
    ) -> Answer:
        status: int | None = None
        try:
            answer = self._pools.connection_from_host(target.host, target.port, target.scheme).urlopen(
                method,
                target.request_uri,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                timeout=timeout,
                preload_content=False,
                decode_content=False,
            )
            status = answer.status
            return _read(answer, most)
        except Refused as error:
            raise AddressRefused(str(error)) from None
        except (HTTPError, OSError, http.client.HTTPException) as error:
            raise CallFailed(_words(error), clock.is_written, status) from None


def _read(answer: urllib3.BaseHTTPResponse, most: int) -> Answer:
    """The answer up to ``most`` bytes. A connection whose answer was not read to its end is closed."""
    try:
        parts, length = [], 0
        while length <= most and (part := answer.read(min(16384, most + 1 - length), decode_content=False)):
            parts.append(part)
            length += len(part)
        body = b"".join(parts)
    except BaseException:
        answer.close()
        raise
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if length > most:
        answer.close()
    answer.release_conn()
    return Answer(answer.status, headers, body[:most], length > most)


def _target(url: str) -> Url:
    if len(url) > MOST_URL:
        raise BadUrl(f"the URL is longer than {MOST_URL} characters")
    if any(ord(sign) <= 0x20 or ord(sign) == 0x7F or 0xD800 <= ord(sign) <= 0xDFFF for sign in url):
        raise BadUrl("the URL holds blanks or control characters")
    try:
        target = parse_url(url)
    except (LocationParseError, ValueError):
        raise BadUrl("the URL cannot be read") from None
    if target.scheme not in ("http", "https") or not url.lower().startswith(f"{target.scheme}://"):
        raise BadUrl("the URL must begin with http:// or https://")
    if not target.host:
        raise BadUrl("the URL names no host")
    return target


def _headers(given: Mapping[str, str], target: Url) -> dict[str, str]:
    """As HTTP carries them: characters beyond Latin-1 go as the bytes of UTF-8."""
    headers = {"User-Agent": "Dragoman", "Accept-Encoding": "identity"}
    names = {name.lower() for name in given}
    headers = {name: value for name, value in headers.items() if name.lower() not in names}
    if target.auth is not None and "authorization" not in names:
        headers["Authorization"] = "Basic " + base64.b64encode(unquote(target.auth).encode()).decode()
    for name, value in given.items():
        if not _HEADER_NAME.fullmatch(name):
            raise BadUrl("a header has a name that HTTP does not know")
        if any((ord(sign) < 0x20 and sign != "\t") or ord(sign) == 0x7F or 0xD800 <= ord(sign) <= 0xDFFF for sign in value):
            raise BadUrl(f"the header {name} holds control characters")
        try:
            value.encode("latin-1")
            headers[name] = value
        except UnicodeEncodeError:
            headers[name] = value.encode().decode("latin-1")
    return headers


def _words(error: BaseException) -> str:
    """What went wrong, from a closed set of words: the libraries' own hold hosts, paths and queries."""
    seen = set()
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.add(cause)
        for kind, words in _WORDS:
            if isinstance(cause, kind):
                return words
        inner = getattr(cause, "reason", None) or (cause.args[-1] if cause.args else None)
        cause = cause.__cause__ or cause.__context__ or (inner if isinstance(inner, BaseException) else None)
    return "the connection failed"


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "the far end's certificate is not trusted"),
    (ConnectionRefusedError, "the far end refused the connection"),
    (socket.gaierror, "the name cannot be looked up"),
    (TimeoutError, "the far end took too long"),
    (urllib3.exceptions.TimeoutError, "the far end took too long"),
    (ConnectionResetError, "the far end broke the connection"),
    (BrokenPipeError, "the far end broke the connection"),
    (http.client.IncompleteRead, "the answer ended early"),
    (urllib3.exceptions.IncompleteRead, "the answer ended early"),
    (http.client.RemoteDisconnected, "the far end closed the connection without an answer"),
    (http.client.HTTPException, "the answer is not HTTP"),
    (ssl.SSLError, "the encrypted connection failed"),
)
