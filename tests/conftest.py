"""What every test gets: servers started once for each worker, a guard around sockets, a last word on what could not run.

Fixtures of one subject live in their module under tests/support, named in ``pytest_plugins``.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import structlog
from argon2 import PasswordHasher

from gateway.services import passwords
from tests.support import postgres, programs, redis

pytest_plugins = ["tests.support.databases", "tests.support.node"]


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[PasswordHasher]:
    """Passwords cost next to nothing here: thousands of tests make users. Gives the gateway's own hasher, for the test of its costs."""
    real = passwords._hasher
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords._nobody = passwords._hasher.hash("nobody")
    yield real
    passwords._hasher = real


@pytest.fixture(scope="session", autouse=True)
def loggers_that_can_be_watched() -> Iterator[None]:
    """A logger that was used keeps its way out in production; here a later test may want to see what it writes."""
    real = structlog.configure
    structlog.configure = lambda **options: real(**options | {"cache_logger_on_first_use": False})
    yield
    structlog.configure = real


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A PostgreSQL server; DRAGOMAN_TEST_POSTGRES_URL lends one."""
    server = postgres.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.RedisServer]:
    """A Redis server. A test that stops it starts it again, or has its own from ``tests.support.redis``."""
    server = redis.start(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nginx_program() -> str:
    """The path of nginx, for tests that start it through ``tests.support.nginx``."""
    programs.need("openssl", "tests behind nginx")
    return programs.need("nginx", "tests behind nginx")


class ForeignAddress(AssertionError):
    """A test wanted to leave this machine."""


def _guarded(connect: Any) -> Any:
    def only_loopback(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise ForeignAddress(f"a test tried to reach {address[0]}; only loopback is allowed")
        return connect(self, address)

    return only_loopback


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


@pytest.fixture(scope="session", autouse=True)
def only_loopback_sockets() -> Iterator[None]:
    """No test of this process reaches another machine, by mistake or by a defect."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)), raising=False)
        yield


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says at the end which programs were missing and how many tests that cost."""
    cost: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if programs.MISSING in reason:
            missing = reason.partition(programs.MISSING)[2]
            cost[missing] = cost.get(missing, 0) + 1
    if cost:
        terminalreporter.section("not everything could be tested here", yellow=True)
        for missing, tests in sorted(cost.items()):
            terminalreporter.write_line(f"{missing}: {tests} skipped")
