"""The outermost layer: gives each request an id, logs it, counts it, and lets no exception out.

It also mends paths: for dialects whose old clients write ``//login``, runs of slashes become one and a slash at the end goes,
without a redirect (a redirect would repeat the password in its Location, and turns old clients' POST into GET).
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import structlog

from gateway.web import metrics
from gateway.web.dialect import Dialects

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger()
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
SLASHES = re.compile(r"/{2,}")
LONGEST_LOGGED_PATH = 200
PRIVATE_PATH = re.compile(r"/+(?:console/+enter|carrier)/")
APOLOGY = (
    b'{"result":"Internal error","error_code":"INTERNAL_ERROR","error_message":"Internal error",'
    b'"status":"error","message":"Internal error","error":"Internal error"}'
)


class Edge:
    """WSGI middleware around the whole application."""

    def __init__(self, app: WSGIApplication, dialects: Dialects) -> None:
        self._app = app
        self._dialects = dialects

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request_id = _request_id(environ)
        environ["dragoman.request_id"] = request_id
        environ["PATH_INFO"] = path = self._mended(environ.get("PATH_INFO", ""))
        started = time.perf_counter()
        seen: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            seen[:] = [status[:3]]
            headers.append(("X-Request-Id", request_id))
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        try:
            return self._app(environ, start)
        except Exception:
            log.exception("defect at the edge", request_id=request_id)
            start("500 Internal Server Error", [("Content-Type", "application/json"), ("Content-Length", str(len(APOLOGY)))])
            return [APOLOGY]
        finally:
            _note(environ, path, seen[0] if seen else "000", time.perf_counter() - started, request_id)

    def _mended(self, path: str) -> str:
        if "//" not in path and not path.endswith("/"):
            return path
        single = SLASHES.sub("/", path)
        return (single.rstrip("/") or "/") if self._dialects.is_mended(single) else path


def _request_id(environ: WSGIEnvironment) -> str:
    """The proxy's or client's id if it looks like one, else a new one."""
    given = environ.get("HTTP_X_REQUEST_ID", "")
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(12)


def _note(environ: WSGIEnvironment, path: str, status: str, seconds: float, request_id: str) -> None:
    dialect, endpoint = environ.get("dragoman.dialect", ""), environ.get("dragoman.endpoint", "none")
    requests, durations = metrics.of_request(dialect, endpoint, status)
    requests.inc()
    durations.observe(seconds)
    if endpoint in metrics.QUIET_ENDPOINTS:
        return
    log.info(
        "request",
        request_id=request_id,
        method=environ.get("REQUEST_METHOD"),
        path="-" if PRIVATE_PATH.match(path) else path[:LONGEST_LOGGED_PATH],
        status=int(status),
        milliseconds=round(seconds * 1000, 1),
        address=environ.get("REMOTE_ADDR", ""),
        account=environ.get("dragoman.account"),
        error=environ.get("dragoman.error"),
    )
