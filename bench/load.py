"""Load from wrk, and a gunicorn to put it on. wrk is Debian's package of that name."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = """
wrk.method = "POST"
wrk.body = %s
wrk.headers = %s
local bad = 0
function response(status) if status ~= 201 then bad = bad + 1 end end
function done(summary, latency)
  io.write(string.format('RESULT {"requests":%%d,"micros":%%d,"errors":%%d,"p50":%%.3f,"p99":%%.3f,"max":%%.3f}\\n',
    summary.requests, summary.duration, summary.errors.status + summary.errors.timeout + summary.errors.read + summary.errors.connect,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: requests a second, latencies in milliseconds, answers that were not 2xx or never came."""

    rate: float
    p50: float
    p99: float
    worst: float
    errors: int


def need_wrk() -> str:
    """The path of wrk, or the end of the program."""
    path = shutil.which("wrk")
    if path is None:
        sys.exit("wrk is needed: apt-get install wrk")
    return path


def post(url: str, body: str, headers: Mapping[str, str], *, seconds: int, connections: int) -> Figures:
    """POSTs the same body again and again over ``connections`` connections in one thread."""
    lua_headers = "{" + ",".join(f"[{json.dumps(name)}]={json.dumps(value)}" for name, value in headers.items()) + "}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % (json.dumps(body), lua_headers))
        script.flush()
        command = [need_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, url]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(next(line for line in out.splitlines() if line.startswith("RESULT ")).removeprefix("RESULT "))
    return Figures(found["requests"] / found["micros"] * 1e6, found["p50"], found["p99"], found["max"], found["errors"])


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def gunicorn(application: str, environment: Mapping[str, str], workers: int) -> Iterator[str]:
    """The application under the project's own gunicorn settings with sync workers; the base URL."""
    port = free_port()
    own = {"DRAGOMAN_BIND": f"127.0.0.1:{port}", "DRAGOMAN_WEB_WORKERS": str(workers), "DRAGOMAN_WEB_THREADS": "1"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", application],
            cwd=ROOT,
            env=os.environ | own | dict(environment),
            stdout=log,
            stderr=log,
        )
        try:
            _wait(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            sys.exit("gunicorn did not start")
        time.sleep(0.05)
    sys.exit("gunicorn did not answer")
