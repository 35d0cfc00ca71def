"""Every row of the error table: what it says, and a real request that produces it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from gateway import create_app
from gateway.dialects.brevisone import DIALECT
from gateway.dialects.brevisone.errors import ERRORS
from gateway.domain import errors
from gateway.domain.errors import GatewayError
from gateway.services.accounts import set_user_disabled, set_user_limits
from gateway.services.core import Gateway
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import Account, ConnectorRow
from gateway.web.errors import InternalError
from tests.dialects.brevisone.program import API, MISSING, NO_RIGHT, SEE_LOGS, TIMEOUT, WRITTEN, WRONG, Program, refused
from tests.support.builders import messages
from tests.support.databases import settings_for


class Log:
    """Stands for the log: what was said, line by line."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def say(self, event: str, **values: Any) -> None:
        self.lines.append(values | {"event": event})

    warning = error = say

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """The log of refusals and of defects."""
    log = Log()
    monkeypatch.setattr("gateway.dialects.brevisone.render.log", log)
    monkeypatch.setattr("gateway.web.errors.log", log)
    return log


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EXAMPLES: tuple[tuple[GatewayError, int, str], ...] = (
    (errors.InvalidInput("a", "b"), 400, SEE_LOGS),
    (errors.MissingField("to"), 400, MISSING),
    (errors.AuthenticationFailed(), 401, WRONG),
    (errors.PermissionDenied("brevisone:send"), 403, NO_RIGHT),
    (errors.CallerDisabled(), 401, WRONG),
    (errors.AddressNotAllowed("192.0.2.1"), 403, NO_RIGHT),
    (errors.NotFound("path"), 404, "404 Not Found"),
    (errors.MethodNotAllowed(("GET", "POST")), 405, "405 Method Not Allowed"),
    (errors.Conflict(), 400, SEE_LOGS),
    (errors.InsufficientCredit(2, 1), 400, SEE_LOGS),
    (errors.Throttled(7), 401, WRONG),
    (errors.DailyCapReached(5, 60), 400, SEE_LOGS),
    (errors.Unavailable("no connector"), 408, TIMEOUT),
    (errors.StorageUnavailable(), 408, TIMEOUT),
    (errors.OutcomeUnknown(), 500, SEE_LOGS),
    (errors.NotBuilt("/x"), 400, SEE_LOGS),
    (InternalError(), 500, SEE_LOGS),
)


@pytest.mark.parametrize(("error", "status", "words"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_row_says_what_it_should(error: GatewayError, status: int, words: str) -> None:
    answer = DIALECT.answer(error)
    assert (answer.status, answer.code, answer.words, answer.headers) == (status, "", words, ())


def test_every_row_has_an_example() -> None:
    assert {type(error) for error, *_ in EXAMPLES} == set(ERRORS)


LEAVES = {
    errors.RequestTooLarge: (400, SEE_LOGS),
    errors.InvalidRecipient: (400, SEE_LOGS),
    errors.TextTooLong: (400, SEE_LOGS),
    errors.DestinationNotServed: (400, SEE_LOGS),
    errors.MissingCredentials: (401, WRONG),
    errors.BadCredentials: (401, WRONG),
    errors.CallerChanged: (401, WRONG),
    errors.IdempotencyMismatch: (400, SEE_LOGS),
}


@pytest.mark.parametrize("kind", LEAVES)
def test_a_class_without_a_row_takes_its_parent_s(kind: type[GatewayError]) -> None:
    row = DIALECT.row(kind)
    assert (row.status, row.wording) == LEAVES[kind]


Prepare = Callable[[Gateway, Program, pytest.MonkeyPatch], dict[str, Any]]


def nothing(_gateway: Gateway, _owner: Program, _patch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {}


def with_values(**values: Any) -> Prepare:
    return lambda *_: values


def limited(**terms: Any) -> Prepare:
    def prepare(gateway: Gateway, *_: object) -> dict[str, Any]:
        set_user_limits(gateway, "apiuser", lambda known: replace(known, **terms))
        return {}

    return prepare


def disabled(gateway: Gateway, *_: object) -> dict[str, Any]:
    set_user_disabled(gateway, "apiuser", disabled=True)
    return {}


def closed(gateway: Gateway, *_: object) -> dict[str, Any]:
    with gateway.writing() as session:
        session.execute(update(Account).where(Account.name == "apiuser").values(status="closed"))
    return {}


def guessed(_gateway: Gateway, owner: Program, _patch: pytest.MonkeyPatch) -> dict[str, Any]:
    for _ in range(10):
        refused(owner.get(password="wrong"), 401, WRONG)
    return {}


def no_connector(gateway: Gateway, *_: object) -> dict[str, Any]:
    with gateway.writing() as session:
        session.execute(update(ConnectorRow).values(enabled=False))
    gateway.catalogue.forget()
    return {}


def raising(error: Exception) -> Prepare:
    """What the database's own tests produce with a server that dies; here it is the answer that counts."""

    def prepare(_gateway: Gateway, _owner: Program, patch: pytest.MonkeyPatch) -> dict[str, Any]:
        def struck(*_: object) -> None:
            raise error

        patch.setattr("gateway.services.ordering.acceptance.accept", struck)
        return {}

    return prepare


REQUESTS: dict[str, tuple[type[GatewayError], Prepare]] = {
    "no recipient": (errors.MissingField, with_values(to=None)),
    "bad number": (errors.InvalidInput, with_values(to="None")),
    "wrong password": (errors.AuthenticationFailed, with_values(password="wrong")),
    "too many guesses": (errors.Throttled, guessed),
    "disabled": (errors.CallerDisabled, disabled),
    "account closed": (errors.CallerDisabled, closed),
    "no permission": (errors.PermissionDenied, limited(permissions=("smsend:send",))),
    "wrong address": (errors.AddressNotAllowed, limited(networks=("192.0.2.0/24",))),
    "daily cap": (errors.DailyCapReached, limited(daily_cap=0)),
    "credit": (errors.InsufficientCredit, with_values(to=",".join(f"0170{number:07d}" for number in range(1001)))),
    "no connector": (errors.Unavailable, no_connector),
    "silent database": (errors.OutcomeUnknown, raising(errors.OutcomeUnknown("lost"))),
    "reference": (errors.Conflict, raising(errors.DuplicateReference("x"))),
    "a defect": (InternalError, raising(RuntimeError("hidden detail"))),
}


@on_sqlite
@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_for_every_row(owner: Program, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, log: Log, case: str) -> None:
    kind, prepare = REQUESTS[case]
    values = prepare(gateway, owner, monkeypatch)
    answer = owner.post(**values)
    row = ERRORS[kind]
    refused(answer, row.status, str(row.wording))
    assert ("Retry-After" in answer.headers) == issubclass(kind, errors.Throttled)
    assert messages(gateway) == []
    told = log.said("defect" if kind is InternalError else "brevisone_refused")
    assert len(log.lines) == len(told) == (row.wording in (SEE_LOGS, TIMEOUT))


@on_sqlite
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"to": "0170x1234567"}, "InvalidRecipient: recipient is not a telephone number"),
        ({"mode": "group", "to": "Secret group"}, "InvalidField: to names no group"),
        ({"mode": "user", "to": "Secret name"}, "InvalidField: to names no contact"),
        ({"hexmode": "true", "text": "secret"}, "InvalidField: text is not pairs of hexadecimal digits"),
        ({"list": "black", "regex": "^49170"}, "InvalidField: regex leaves no recipient"),
        ({"ring": "true"}, "InvalidField: ring asks for a call; there is no voice here"),
    ],
)
def test_the_log_says_why_and_nothing_else(owner: Program, log: Log, values: dict[str, str], reason: str) -> None:
    answer = owner.get(**values)
    refused(answer, 400, SEE_LOGS)
    (line,) = log.said("brevisone_refused")
    assert f"{line['error']}: {line['reason']}" == reason
    assert (line["account"], line["request_id"]) == ("apiuser", answer.headers["X-Request-Id"])
    assert not any(value in json.dumps(line) for value in (*values.values(), WRITTEN, "open.sesame") if len(value) > 5)


def test_the_database_is_away() -> None:
    app = create_app(settings_for("sqlite:////nowhere/at/all.sqlite3"))
    http: FlaskClient = app.test_client()
    program = Program(http, "apiuser")
    refused(program.get(), 408, TIMEOUT)
    refused(program.get(to=None), 400, MISSING)
    refused(program.raw("GET", "/state.php?uid=0197a3c2-f0de-7c4e-8e5d-1c2b3a400000"), 408, TIMEOUT)
    with app.app_context():
        close_connections(db.engine)
        db.engine.dispose()


@on_sqlite
@pytest.mark.parametrize("path", [API, "/check.php", "/state.php"])
def test_paths_and_methods(owner: Program, path: str) -> None:
    refused(owner.raw("GET", path + "/x"), 404, "404 Not Found")
    refused(owner.raw("PUT", path), 405, "405 Method Not Allowed")
    answer = owner.raw("HEAD", path)
    assert (answer.status_code, answer.data, answer.headers["Allow"]) == (405, b"", "GET, POST" if path == API else "GET")


@on_sqlite
def test_a_body_beyond_the_limit(app, account: Account, gateway: Gateway) -> None:
    gateway.settings = replace(gateway.settings, max_body_bytes=1024)
    program = Program(app.test_client(), "apiuser")
    answer = program.post(text="a" * 2000)
    refused(answer, 400, SEE_LOGS)
    assert answer.headers["Connection"] == "close"
    assert messages(gateway) == []


ODD = ("%00", "%FF", "%ED%A0%80", "%F0%9F%98", "%E2%80%AE", "%", "%zz", "x" * 5000, "%0d%0aSet-Cookie:x")


@on_sqlite
@pytest.mark.parametrize("name", ["username", "password", "text", "to", "mode", "hexmode", "telauto", "list", "regex", "ring", "flash"])
def test_no_value_is_a_defect(owner: Program, gateway: Gateway, log: Log, name: str) -> None:
    for value in ODD:
        query = f"{API}?{owner.written(**{name: None})}&{name}={value}"
        for method in ("GET", "POST"):
            answer = owner.raw(method, query)
            assert answer.data.decode() in ("OK", MISSING, SEE_LOGS, WRONG)
            assert answer.status_code in (200, 400, 401)
    assert log.said("defect") == []
    if name in ("username", "password", "to"):
        assert messages(gateway) == []


def odd_bodies() -> Iterator[tuple[str, bytes]]:
    form = "application/x-www-form-urlencoded"
    yield form, b"&" * 100_000
    yield form, b"a=b&" * 2000
    yield form, b"=x&=&&"
    yield form, b"\xff\x00=\xff&to"
    yield "multipart/form-data; boundary=x", b"--x\r\n" * 2000
    yield "multipart/form-data; boundary=\xff", b"--\xff--"
    yield "multipart/form-data; boundary=" + "x" * 5000, b"--x--"
    yield "application/json", b"[" * 100_000


@on_sqlite
def test_no_body_is_a_defect(owner: Program, gateway: Gateway, log: Log) -> None:
    for kind, body in odd_bodies():
        answer = owner.raw("POST", API, data=body, content_type=kind)
        assert answer.data.decode() in (MISSING, SEE_LOGS), kind
    assert log.said("defect") == []
    assert messages(gateway) == []
