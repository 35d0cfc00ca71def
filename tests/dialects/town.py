"""One application for each dialect, with its fixed cast, on a SQLite file that every visit finds as the first one did.

For tables of many small requests, some of which leave the account closed or the database away: making an application costs a
tenth of a second, putting a file and a few caches back a hundredth of that.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.exceptions import MethodNotAllowed, NotFound

from gateway import create_app
from gateway.dialects import DIALECTS
from gateway.dialects.brevisone.routes import GAUGES
from gateway.services import accounts, devices, ledger
from gateway.services.core import Gateway
from gateway.services.limits import GuessLimits
from tests.dialects.brevisone import conftest as brevisone
from tests.dialects.brevisone.program import Program as Monitor
from tests.dialects.bulk import conftest as bulk
from tests.dialects.bulk.program import Program as BulkProgram
from tests.dialects.httpsms import conftest as httpsms
from tests.dialects.httpsms.client import Client
from tests.dialects.smsend import conftest as smsend
from tests.dialects.smsend.program import Program as SmsendProgram
from tests.dialects.smsnodes.conftest import PASSWORD, Device
from tests.support.databases import MORNING, FixedClock, settings_for

NAMES = tuple(each.name for each in DIALECTS)
TOLD = "dragoman.error"
"""Where ``gateway.web.errors`` notes the class of the error it told."""
SETTINGS = {
    "simulator_delay_milliseconds": 0,
    "simulator_receipt_milliseconds": 0,
    "web_threads": 4,
    "log_level": "error",
    "guesses_per_minute_address": 1000,
}
CACHES = ("catalogue", "sessions", "users", "keys", "ways", "pulse")


def an_smsend_owner(gateway: Gateway, http: FlaskClient) -> SmsendProgram:
    smsend.an_account_with_user(gateway, "owner", originator="Acme", originators=["Acme", "AcmeShop"])
    smsend.an_account_with_user(gateway, "stranger")
    return SmsendProgram(http, "owner").sign_in()


def a_monitor(gateway: Gateway, http: FlaskClient) -> Monitor:
    return Monitor(http, brevisone.an_account_with_user(gateway, "apiuser", originator="Monitor").name)


def a_bulk_owner(gateway: Gateway, http: FlaskClient) -> BulkProgram:
    bulk.an_account_with_user(gateway, "owner", originator="Acme", originators=["Acme", "AcmeShop"])
    return BulkProgram(http, "owner").with_key()


def a_device(gateway: Gateway, http: FlaskClient) -> Device:
    accounts.create_account(gateway, accounts.NewAccount("owner", originator="Acme"))
    ledger.add_credit(gateway, "owner", 1_000_000)
    devices.create(gateway, "owner", "owner", PASSWORD)
    return Device(http, "owner")


def an_httpsms_owner(gateway: Gateway, http: FlaskClient) -> Client:
    httpsms.an_account(gateway, "owner")
    return httpsms.a_user(gateway, http, "owner", "owner")


CAST: Mapping[str, Callable[[Gateway, FlaskClient], Any]] = {
    "smsend": an_smsend_owner,
    "brevisone": a_monitor,
    "bulk": a_bulk_owner,
    "smsnodes": a_device,
    "httpsms": an_httpsms_owner,
}


class Told(NamedTuple):
    """An answer. ``kind``: the class of the error it tells, "" for none; ``forced``: there was a defect, or no database."""

    method: str
    path: str
    status: int
    kind: str
    forced: bool


class Town:
    """One dialect's application and cast.

    Args:
        template: a migrated SQLite file; it is copied.
        folder: for the files of this town.
    """

    def __init__(self, name: str, template: Path, folder: Path) -> None:
        self.name = name
        self.clock = FixedClock()
        self._file, self._kept = folder / f"{name}.sqlite3", folder / f"{name}.kept.sqlite3"
        shutil.copyfile(template, self._file)
        self.app: Flask = create_app(settings_for(f"sqlite:///{self._file}", **SETTINGS), self.clock)
        self.gateway: Gateway = self.app.extensions["dragoman"]
        self._settings, self._views = self.gateway.settings, dict(self.app.view_functions)
        self.app.wsgi_app = self._watched(self.app.wsgi_app)  # type: ignore[method-assign]  # as Flask's manual has it
        self.told: list[Told] = []
        self.is_forced = False
        self.http = self.app.test_client()
        with self.app.app_context():
            self._owner = CAST[name](self.gateway, self.http)
            self.gateway.close()
        shutil.copyfile(self._file, self._kept)
        self.owner: Any = None
        self._patch: pytest.MonkeyPatch | None = None

    @contextmanager
    def visit(self) -> Iterator[pytest.MonkeyPatch]:
        """Everything is as at the beginning, and whatever is done to it is undone."""
        self._put_back()
        self.told.clear()
        self.is_forced = False
        with self.app.app_context(), pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway.web.errors.log", Silent())
            self._patch = patch
            try:
                yield patch
            finally:
                self._patch = None
                self.gateway.close()

    def _watched(self, inner: Any) -> Any:
        """Notes each answer. The environment that a test's response knows is only a copy."""

        def watched(environ: Any, start: Any) -> Any:
            def noting(status: str, *rest: Any) -> Any:
                kind = environ.get(TOLD, "")
                self.told.append(Told(environ["REQUEST_METHOD"], environ["PATH_INFO"], int(status[:3]), kind, self.is_forced))
                return start(status, *rest)

            return inner(environ, noting)

        return watched

    def _put_back(self) -> None:
        self._remove_files()
        shutil.copyfile(self._kept, self._file)
        self.clock.moment = MORNING
        self.gateway.settings = self._settings
        self.gateway.guesses = GuessLimits(self._settings)
        self.forget()
        self.app.extensions["dragoman.limiter"].reset()
        self.app.extensions[GAUGES].forget()
        self.app.view_functions.update(self._views)
        self.owner = copy(self._owner)

    def _remove_files(self) -> None:
        for path in (self._file, *(self._file.with_name(self._file.name + end) for end in ("-wal", "-shm"))):
            if path.is_dir():
                path.rmdir()
            path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Empties every cache of what the database says."""
        for each in dataclasses.fields(self.gateway):
            if each.name in CACHES:
                assert callable(each.default_factory)
                setattr(self.gateway, each.name, each.default_factory())

    def change(self, table: Any, **values: Any) -> None:
        """Gives every row of a table these values, and makes the caches forget."""
        with self.gateway.writing() as session:
            session.execute(update(table).values(**values))
        self.forget()

    def take_database_away(self) -> None:
        """Where the file was, there is none that could be opened."""
        self.is_forced = True
        self.gateway.close()
        self._remove_files()
        self._file.mkdir()

    def strike(self, error: Exception) -> None:
        """The next order meets this at the door of storage. SQLite is never in doubt whether it recorded something; a server may be."""
        assert self._patch is not None
        self.is_forced = True

        def struck(*_: object) -> None:
            raise error

        self._patch.setattr("gateway.services.ordering.acceptance.accept", struck)

    def allow_only(self, limit: str, most: int) -> None:
        """Lowers a limit, which is named as module and constant: reaching the real one would take a thousand requests."""
        assert self._patch is not None
        self._patch.setattr(limit, most)

    def break_view(self, endpoint: str) -> None:
        """A defect in one view."""

        self.is_forced = True

        def broken(**_parts: str) -> None:
            raise RuntimeError("hidden detail")

        self.app.view_functions[endpoint] = broken  # type: ignore[assignment]  # a view that never answers

    def endpoint(self, method: str, path: str) -> str:
        """The name of the view behind a call."""
        endpoint, _ = self.app.url_map.bind("localhost").match(path, method)
        return str(endpoint)

    def operations(self, method: str, path: str) -> list[tuple[str, str]]:
        """The operations that a request is about, as (method, rule): none for an unknown path, all of a path for another method."""
        routes = self.app.url_map.bind("localhost")
        method = "GET" if method == "HEAD" else method
        try:
            rule, _ = routes.match(path, method, return_rule=True)
        except MethodNotAllowed as error:
            return [each for one in set(error.valid_methods or ()) - {"HEAD", "OPTIONS"} for each in self.operations(one, path)]
        except NotFound:
            return []
        return [(method, rule.rule)]


class Silent:
    """Stands for the log of defects, where defects are what is wanted."""

    def error(self, *_: Any, **__: Any) -> None:
        pass
