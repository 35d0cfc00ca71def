"""The whole gateway as a customer meets it: gunicorn on SQLite, nginx before it, and one user named ``username``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway import create_app
from gateway.services import accounts, ledger
from gateway.services.core import Gateway
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.support import gunicorn, nginx, rawhttp
from tests.support.databases import settings_for

ACCOUNT = "A customer"
SECRET_USER, SECRET_PASSWORD = "hush-user", "hush-hush-hush"
DOORS = ("gunicorn", "nginx", "nginx-tls")


@dataclass(frozen=True)
class Town:
    """Running servers, and the gateway's own view of the same database."""

    gateway: Gateway
    web: gunicorn.GunicornServer
    front: nginx.NginxServer

    def port(self, door: str) -> int:
        assert isinstance(self.web.target, int)
        return {"gunicorn": self.web.target, "nginx": self.front.http_port, "nginx-tls": self.front.tls_port}[door]

    def base_url(self, door: str) -> str:
        """As a customer writes it into a program."""
        return f"{'https' if door == 'nginx-tls' else 'http'}://localhost:{self.port(door)}/API/v1.0/REST/"

    def send(self, door: str, data: bytes) -> rawhttp.Answer:
        return rawhttp.send(data, self.port(door), tls=self.front.tls if door == "nginx-tls" else None, timeout=30)

    def faults(self) -> list[ledger.Fault]:
        return list(ledger.verify(self.gateway))


def make_users(gateway: Gateway) -> None:
    """One account with two users: the one that the recordings name, and one whose password must not be seen anywhere."""
    accounts.create_account(gateway, accounts.NewAccount(ACCOUNT))
    ledger.add_credit(gateway, ACCOUNT, 1_000_000)
    accounts.create_user(gateway, ACCOUNT, "username", "password")
    accounts.create_user(gateway, ACCOUNT, SECRET_USER, SECRET_PASSWORD)


@contextmanager
def running(template: Path, folder: Path) -> Iterator[Town]:
    """Starts it all on a copy of a migrated database."""
    shutil.copyfile(template, folder / "test.sqlite3")
    url = f"sqlite:///{folder / 'test.sqlite3'}"
    app = create_app(settings_for(url))
    (folder / "nginx").mkdir()
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        make_users(gateway)
        web = gunicorn.start(folder, {"DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_PROXY_COUNT": "1", "DRAGOMAN_WEB_THREADS": "4"})
        try:
            front = nginx.start(folder / "nginx", web.upstream)
            try:
                yield Town(gateway, web, front)
            finally:
                front.stop()
        finally:
            web.stop()
            close_connections(db.engine)
            db.engine.dispose()
