"""A PostgreSQL server of the tests' own, in a temporary folder, thrown away afterwards."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.support import programs

USER = "dragoman"
EXTERNAL = "DRAGOMAN_TEST_POSTGRES_URL"
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
ALWAYS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class PostgresServer:
    """One server. ``str(server)`` is its URL without a database name."""

    def __init__(self, url: str) -> None:
        """Someone else's server, by a URL such as ``postgresql://user:password@host:5432``."""
        scheme, _, rest = url.partition("://")
        self.url = f"{scheme.partition('+')[0]}://{rest.split('/')[0]}"

    def __str__(self) -> str:
        return self.url

    def database_url(self, name: str) -> str:
        """The gateway's URL of one database."""
        return f"postgresql+psycopg://{self.url.partition('://')[2]}/{name}"

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection in autocommit, for looking and for administering."""
        return psycopg.connect(f"{self.url}/{database}", autocommit=True, **options)

    def create_database(self, name: str | None = None, *, template: str = "template1") -> str:
        """A new database, a copy of ``template``; its name is made up unless given.

        Returns:
            The gateway's URL for it.
        """
        name = name or f"dragoman_{os.getpid()}_{secrets.token_hex(4)}"
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.database_url(name)

    def drop_database(self, url: str) -> None:
        """Away with a database, whoever is still connected to it."""
        name = url.rpartition("/")[2]
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Ends the server if it is ours."""


class OwnServer(PostgresServer):
    """A server that we started, and may stop and kill. PostgreSQL does not run as root; root lends it another user."""

    def __init__(self, initdb: str, postgres: str, *, durable: bool = False) -> None:
        """Makes a cluster and starts it.

        Args:
            durable: writes reach the disk, as in production; for tests of crashes and for measuring.
        """
        self.port = programs.free_port()
        super().__init__(f"postgresql://{USER}@127.0.0.1:{self.port}")
        self._postgres = postgres
        self._settings = ALWAYS | ({} if durable else CARELESS)
        self._account: dict[str, Any] = {}
        # Not pytest's tmp_path: when root runs the tests, the lent user cannot enter that.
        self.folder = Path(tempfile.mkdtemp(prefix="dragoman-postgres-"))
        self.log = self.folder / "log"
        self.log.touch()
        if os.geteuid() == 0:
            lent = _lent_user()
            os.chown(self.folder, lent.pw_uid, lent.pw_gid)
            self._account = {"user": lent.pw_uid, "group": lent.pw_gid, "extra_groups": []}
        options = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        made = subprocess.run(
            [initdb, "-D", str(self.folder / "data"), *options], capture_output=True, text=True, cwd="/", check=False, **self._account
        )
        if made.returncode:
            raise programs.NeverCame(f"initdb failed:\n{made.stdout}{made.stderr}")
        self.start()

    def start(self) -> None:
        """Starts the server, again after :meth:`stop` or :meth:`kill`, on the same port with the same data."""
        given = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command = [self._postgres, "-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder), *given]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True, **self._account
            )
        programs.wait_until(self._is_ready, self.process, self.log, 60)

    def stop(self) -> None:
        """Ends the server in order, with all connections."""
        programs.end(self.process, signal.SIGINT)

    def kill(self) -> None:
        """The power fails: every process of the server is gone at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """Ends the server and removes its data."""
        if self.process.poll() is None:
            programs.end(self.process, signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_ready(self) -> bool:
        try:
            self.connect(connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def start(*, durable: bool = False) -> PostgresServer:
    """The server named by DRAGOMAN_TEST_POSTGRES_URL, else a new one. The caller calls ``close()``."""
    if os.environ.get(EXTERNAL):
        return PostgresServer(os.environ[EXTERNAL])
    return start_own(durable=durable)


def start_own(*, durable: bool = False) -> OwnServer:
    """A new server, for tests that stop or kill it."""
    initdb, postgres = (programs.need(name, "tests on PostgreSQL") for name in ("initdb", "postgres"))
    return OwnServer(initdb, postgres, durable=durable)


def _lent_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
