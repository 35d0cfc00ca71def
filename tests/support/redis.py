"""A Redis server of the tests' own, in memory only."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

from tests.support import programs


class RedisServer:
    """One server; ``url`` is what the gateway's DRAGOMAN_REDIS_URL takes."""

    def __init__(self, program: str, folder: Path) -> None:
        """Starts it.

        Args:
            folder: for its log.
        """
        self.port = programs.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [program, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder), "--save", "", "--appendonly", "no"]
        self._log = folder / "redis.log"
        self._log.touch()
        self.start()

    def __str__(self) -> str:
        return self.url

    def start(self) -> None:
        """Starts the server, again after :meth:`stop`, empty, on the same port."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        programs.wait_until(lambda: programs.answers(self.port) and self.command("PING") == "+PONG", self.process, self._log)

    def stop(self) -> None:
        """Ends the server: connections break and new ones are refused."""
        programs.end(self.process, signal.SIGTERM)

    def flush(self) -> None:
        """Forgets everything."""
        self.command("FLUSHALL")

    def command(self, line: str) -> str:
        """One command in Redis' inline form; the first line of the answer, ``+PONG`` for one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(line.encode() + b"\r\n")
            return connection.makefile("rb").readline().decode().rstrip()


def start(folder: Path) -> RedisServer:
    """A new server. The caller calls ``stop()``."""
    return RedisServer(programs.need("redis-server", "tests with Redis"), folder)
