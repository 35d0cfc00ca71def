"""gunicorn as it is shipped, started for a test: our gunicorn.conf.py, the real application or a small one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support import programs, rawhttp

CONFIG = programs.ROOT / "gunicorn.conf.py"
SECRET = "only-for-tests-never-elsewhere"


class GunicornServer:
    """One gunicorn. ``target`` is what :mod:`tests.support.rawhttp` takes, ``upstream`` what nginx takes."""

    def __init__(self, folder: Path, environment: Mapping[str, str], application: str, health: str) -> None:
        self.folder = folder
        self.port = programs.free_port()
        self.environment = clean_environment() | {
            "DRAGOMAN_BIND": f"127.0.0.1:{self.port}",
            "DRAGOMAN_DATA_DIR": str(folder),
            "DRAGOMAN_SECRET_KEY": SECRET,
            "DRAGOMAN_GRACEFUL_TIMEOUT_SECONDS": "5",
            "PYTHONPATH": str(programs.ROOT),
            **environment,
        }
        self.bind = self.environment["DRAGOMAN_BIND"]
        self.target: int | str = self.bind.removeprefix("unix:") if self.bind.startswith("unix:") else int(self.bind.rpartition(":")[2])
        self.upstream = self.bind
        self._output = folder / "gunicorn.log"
        self._application = application
        self._health = health
        self.start()

    def start(self) -> None:
        """Starts gunicorn and waits until the application answers."""
        command = [sys.executable, "-m", "gunicorn", "-c", str(CONFIG), self._application]
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=programs.ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        programs.wait_until(self._is_healthy, self.process, self._output, 60)

    def stop(self) -> int:
        """Asks it to finish; the exit code."""
        return programs.end(self.process, signal.SIGTERM, 30)

    def kill(self) -> None:
        """Kills it with all its workers at once, as the kernel does when memory is short."""
        workers = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False).stdout.split()
        programs.end(self.process, signal.SIGKILL)
        for worker in workers:
            os.kill(int(worker), signal.SIGKILL)

    def log(self) -> str:
        """Everything it and the application have written."""
        return self._output.read_text(errors="replace")

    def _is_healthy(self) -> bool:
        try:
            return rawhttp.request(self.target, self._health, timeout=5).status == 200
        except (OSError, rawhttp.NoAnswer):
            return False


def start(
    folder: Path, environment: Mapping[str, str] | None = None, *, application: str = "wsgi:app", health: str = "/health"
) -> GunicornServer:
    """A new gunicorn on a free port. The caller calls ``stop()``.

    Args:
        folder: for the data and the log.
        environment: DRAGOMAN_ settings; DRAGOMAN_DATABASE_URL for one. DRAGOMAN_BIND may name a unix socket.
        application: another WSGI application, as ``module:name``.
        health: the path that answers 200 once it runs.
    """
    return GunicornServer(folder, environment or {}, application, health)


def clean_environment() -> dict[str, str]:
    """Our environment without anything that would steer the gateway or gunicorn."""
    steering = ("DRAGOMAN_", "GUNICORN_", "PROMETHEUS_", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "PORT", "PYTHONWARNINGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(steering)}
