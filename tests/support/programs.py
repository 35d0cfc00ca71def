"""Programs that tests start: finding them, waiting for them, ending them.

A test that needs a program asks :func:`need`. Without the program the test is skipped and the run's last lines say so;
with DRAGOMAN_TEST_REQUIRE_ALL=1, as in CI, it fails.
"""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MISSING = "program missing: "
"""How the reason of such a skip starts; ``tests/conftest.py`` collects them by it."""
ELSEWHERE = ("/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/homebrew/sbin")


class NeverCame(Exception):
    """A program did not do in time what was waited for. The text holds what it wrote."""


def find(name: str) -> str | None:
    """The path of a program, also where it is not on PATH: /usr/sbin, the newest PostgreSQL's folder."""
    postgres = sorted(glob.glob("/usr/lib/postgresql/*/bin") + glob.glob("/usr/pgsql-*/bin"), key=_version, reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *postgres, *ELSEWHERE]))


def need(name: str, what_for: str) -> str:
    """The path of a program; ends the test without it."""
    path = find(name)
    if path is None:
        reason = f"{MISSING}{name}, needed for {what_for}"
        if os.environ.get("DRAGOMAN_TEST_REQUIRE_ALL") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return path


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], output: Path, seconds: float = 20.0) -> None:
    """Waits for a program that was just started.

    Args:
        output: the file that the program's output goes to.

    Raises:
        NeverCame: it has ended, or the time is over.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            said = output.read_text(errors="replace")[-4000:]
            how = f"ended with {process.returncode}" if ended else f"was not ready after {seconds:g} s"
            raise NeverCame(f"{process.args!r} {how}. It wrote:\n{said}")
        time.sleep(0.02)


def answers(port: int) -> bool:
    """Whether something listens on this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for_port(port: int, process: subprocess.Popen[bytes], output: Path, seconds: float = 20.0) -> None:
    """As :func:`wait_until`, for a listening port."""
    wait_until(lambda: answers(port), process, output, seconds)


def end(process: subprocess.Popen[bytes], number: int, seconds: float = 15.0) -> int:
    """Sends a signal and waits; kills what does not obey. The exit code."""
    with suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _version(folder: str) -> list[int]:
    return [int(part) for part in folder.replace("-", "/").split("/") if part.isdigit()]
