"""How gunicorn serves the gateway: ``gunicorn -c gunicorn.conf.py wsgi:app``. Values come from the DRAGOMAN_ settings.

The application is not loaded before the fork: a database connection opened there would be shared by all workers, and each
would read the others' answers. ``max_requests`` stays off: nothing is known to leak, and a new worker starts without
verified passwords and database connections.
"""

import json
import logging
import os
import re
import shutil
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

HOST = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())

# Every worker writes its counters to a file in this folder, so that a scrape sees them all. prometheus_client looks for the
# variable when it is imported, and importing gateway may do that: hence this line comes first and cannot ask Settings.data_dir.
# The name holds this process's id: a reload keeps its folder, a second gunicorn beside us has its own.
METRICS = Path(os.environ.get("DRAGOMAN_DATA_DIR", "").strip() or "var").absolute() / f"metrics-{HOST}-{os.getpid()}"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS)
try:
    METRICS.mkdir(mode=0o700, parents=True, exist_ok=True)
except OSError as error:
    sys.exit(f"DRAGOMAN_DATA_DIR: cannot make {METRICS}: {error.strerror}.")

import gunicorn.http.message  # noqa: E402 - after the variable above
import gunicorn.util  # noqa: E402 - after the variable above
from prometheus_client.multiprocess import mark_process_dead  # noqa: E402 - after the variable above

from gateway.config import BadSetting, Settings  # noqa: E402 - after the variable above

try:
    settings = Settings.from_environment()
except BadSetting as error:
    shutil.rmtree(METRICS)
    sys.exit(str(error))

bind = settings.bind
workers = settings.web_workers
threads = settings.web_threads
worker_class = "sync" if settings.web_threads == 1 else "gthread"
timeout = settings.request_timeout_seconds
graceful_timeout = settings.graceful_timeout_seconds
keepalive = 5
loglevel = settings.log_level
accesslog = None  # the application logs every request itself; gunicorn's line would hold passwords that travel in URLs
control_socket_disable = True  # its path is the same for every gunicorn of a user: the last one started would take it over
http_parser = "python"  # whatever else is installed: a C parser would treat headers differently
http_protocols = "h1"
limit_request_line = 8190  # bytes, the most gunicorn allows; a ten-part message in a GET needs about 6,000
if os.access("/dev/shm", os.W_OK):  # the heartbeat must not wait for a disk
    worker_tmp_dir = "/dev/shm"

# Old clients send user_key, Session_key and Access_token, and gunicorn drops names with an underscore unless they are listed
# here, in upper case, and the peer is trusted. Listing them also takes SCRIPT_NAME and PATH_INFO off the list, with which a
# client could walk around a proxy's access rules. "*" trusts every peer, and that gives it nothing: these three headers are
# the client's own credentials, and the scheme comes from ProxyFix, which counts DRAGOMAN_PROXY_COUNT, not from gunicorn.
header_map = "drop"
forwarder_headers = "USER_KEY,SESSION_KEY,ACCESS_TOKEN"
forwarded_allow_ips = "*"
secure_scheme_headers: dict[str, str] = {}

STALLED_CLIENT_SECONDS = 10
"""How long one read from or write to a client may take. gunicorn's own timeout does not see a thread that waits for one."""


class Discreet(logging.Filter):
    """Keeps queries out of gunicorn's own messages: it quotes the request line of what it cannot read or serve."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], BlockingIOError):
            record.msg, record.args, record.exc_info = "A client stalled; its connection is closed.", (), None
            record.levelno, record.levelname = logging.INFO, "INFO"
        else:
            words = re.sub(r"(Invalid request from ip=[^\s,]*).*", r"\1: ...", record.getMessage(), flags=re.DOTALL)
            record.msg, record.args = re.sub(r"\?.*", "?...", words, flags=re.DOTALL), ()
        return True


def refuse(client: socket.socket, status: int, reason: str, _quotes_the_request: str) -> None:
    """What gunicorn itself refuses, in JSON: its own page is HTML, which old clients cannot read, and repeats the request line."""
    words = {"result": reason, "error_code": "INVALID_REQUEST", "error_message": reason}  # smSend's fields, and those of the others
    body = json.dumps(words | {"status": "error", "message": reason, "error": reason})
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    gunicorn.util.write_nonblock(client, (head + body).encode("ascii", "replace"))


# Two things that gunicorn has no setting for; tests/e2e/test_smsend_replay.py would notice if either stopped working.
gunicorn.util.write_error = refuse
# Node writes an accented letter of a password as one raw byte into the request line (contract smsend 1.1).
gunicorn.http.message.RFC9112_TARGET_INVALID = re.compile(r"[^\x21-\x7e\x80-\xff]")


def on_starting(server: Any) -> None:
    """Before the first worker: folders of processes that were killed go away, ours is emptied."""
    logging.getLogger("gunicorn.error").addFilter(Discreet())
    for folder in METRICS.parent.glob(f"metrics-{HOST}-[0-9]*"):
        if folder == METRICS:
            for left in folder.iterdir():
                left.unlink()
        elif not _is_alive(int(folder.name.rpartition("-")[2])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def when_ready(server: Any) -> None:
    """Linux hands these limits on to every connection accepted, which frees threads from clients that send half a request."""
    limit = struct.pack("ll", STALLED_CLIENT_SECONDS, 0)
    for listener in server.LISTENERS:
        with suppress(OSError):
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def post_worker_init(worker: Any) -> None:
    """Telephones' event streams end with their worker: it would wait for them until its time for stopping is over."""
    streams = getattr(worker.wsgi, "extensions", {}).get("dragoman.handset-streams")
    if streams is not None:
        streams.is_wanted = lambda: worker.alive


def child_exit(server: Any, worker: Any) -> None:
    """A worker has ended: its gauges of what is going on now no longer count. Its counters do."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """The last word of the main process."""
    shutil.rmtree(METRICS, ignore_errors=True)
