"""The error table, the calls that are not built, and defects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from flask import Flask
from sqlalchemy import update

from gateway.dialects.smsend import DIALECT
from gateway.dialects.smsend.errors import ERRORS
from gateway.dialects.smsend.uncertain import NOT_BUILT
from gateway.domain import errors
from gateway.domain.errors import GatewayError
from gateway.services import orders
from gateway.services.core import Gateway
from gateway.storage.tables import ConnectorRow
from gateway.web.errors import InternalError
from gateway.web.metrics import UNSUPPORTED_CALLS
from tests.dialects.smsend.program import Program, assert_error_body, refused

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EXAMPLES: tuple[tuple[GatewayError, int, str, str], ...] = (
    (errors.InvalidInput("a", "b"), 400, "INVALID_REQUEST", "Invalid request"),
    (errors.MalformedRequest("the body is odd"), 400, "INVALID_REQUEST", "Invalid request: the body is odd"),
    (errors.RequestTooLarge(1024), 413, "REQUEST_TOO_LARGE", "The request is larger than 1024 bytes"),
    (errors.RequestTooLarge(0), 413, "REQUEST_TOO_LARGE", "The request is too large"),
    (errors.MissingField("client_ref"), 400, "MISSING_PARAMETER", "Missing parameter: order_id"),
    (errors.InvalidField("originator", "is odd"), 400, "INVALID_PARAMETER", "Invalid parameter: sender is odd"),
    (errors.InvalidFields({"a": [errors.MissingField("a")]}), 400, "INVALID_REQUEST", "Invalid request"),
    (errors.InvalidRecipient("+39abc"), 400, "INVALID_RECIPIENT", "Invalid recipient: +39abc (is not a telephone number)"),
    (errors.InvalidRecipient("\n\ud800"), 400, "INVALID_RECIPIENT", "Invalid recipient: ?? (is not a telephone number)"),
    (errors.TooManyRecipients(9, 8), 400, "TOO_MANY_RECIPIENTS", "Too many recipients: 9, at most 8 are allowed"),
    (errors.InvalidOriginator("!"), 400, "INVALID_SENDER", "Invalid sender: ! is not a valid sender"),
    (errors.OriginatorNotAllowed("X"), 400, "INVALID_SENDER", "Invalid sender: X is not approved for this account"),
    (errors.InvalidDate("from", "x"), 400, "INVALID_DATE", "Invalid date in from: x is not a date in a known form"),
    (errors.UnknownMessageType("X"), 400, "INVALID_MESSAGE_TYPE", "Invalid message_type: X is unknown"),
    (errors.EmptyText(), 400, "EMPTY_MESSAGE", "The message is empty"),
    (errors.TextTooLong(9, 8, "parts"), 400, "MESSAGE_TOO_LONG", "The message is too long: 9 parts, at most 8 are allowed"),
    (
        errors.UnencodableText("ж", 3),
        400,
        "INVALID_CHARACTER",
        "The message holds U+0436 at position 3, which is outside the GSM alphabet",
    ),
    (errors.MissingParameter("n", 1), 400, "MISSING_PARAMETER", "Recipient 1 has no value for ${n}"),
    (errors.DestinationNotServed("+1"), 400, "UNKNOWN_PREFIX", "The recipient's prefix is not served"),
    (errors.AuthenticationFailed(), 401, "NOT_AUTHORIZED", "Not authorized"),
    (errors.MissingCredentials(), 401, "MISSING_CREDENTIALS", "Credentials are missing"),
    (errors.BadCredentials(), 404, "WRONG_CREDENTIALS", "Wrong username or password"),
    (errors.UnknownKey(), 401, "INVALID_KEY", "The user_key, Session_key or Access_token is not valid"),
    (errors.KeyExpired(), 401, "SESSION_EXPIRED", "The key has expired"),
    (errors.CallerChanged(), 401, "SESSION_EXPIRED", "The user was changed, log in again"),
    (errors.CallerDisabled(), 401, "DISABLED", "This user or account is disabled"),
    (errors.AddressNotAllowed("192.0.2.1"), 401, "ADDRESS_NOT_ALLOWED", "This user may not call from this network address"),
    (errors.SessionExpired(), 401, "SESSION_EXPIRED", "The session has expired, log in again"),
    (errors.PermissionDenied("x"), 401, "NOT_PERMITTED", "This user may not do that"),
    (errors.NotFound("order"), 404, "NOT_FOUND", "The order was not found"),
    (errors.MethodNotAllowed(("GET", "POST")), 405, "METHOD_NOT_ALLOWED", "Method not allowed, use GET, POST"),
    (errors.Conflict(), 400, "CONFLICT", "The request contradicts what is recorded"),
    (errors.DuplicateReference("A1"), 400, "DUPLICATE_ORDER_ID", "The order_id A1 is already in use"),
    (errors.IdempotencyMismatch(), 400, "IDEMPOTENCY_KEY_REUSED", "The Idempotency-Key was used with another request"),
    (errors.NotCancellable(), 404, "NOT_SCHEDULED", "The order is not scheduled any more"),
    (errors.KeyExists(), 400, "CONFLICT", "The account has a key already"),
    (errors.InsufficientCredit(2500, 999), 400, "NOT_ENOUGH_CREDIT", "Not enough credit: 2.5 needed, 0.999 available"),
    (
        errors.InsufficientCredit(12_345_678_000, -1500),
        400,
        "NOT_ENOUGH_CREDIT",
        "Not enough credit: 12345678 needed, -1.5 available",
    ),
    (
        errors.DailyCapReached(5, 60),
        429,
        "DAILY_CAP_REACHED",
        "At most 5 messages a day are allowed, the next day begins in 60 seconds",
    ),
    (errors.Throttled(7), 429, "TOO_MANY_ATTEMPTS", "Too many attempts, try again in 7 seconds"),
    (errors.Unavailable("x"), 503, "UNAVAILABLE", "The gateway cannot do this now, try again later"),
    (errors.StorageUnavailable(), 503, "UNAVAILABLE", "The database does not answer and nothing was changed, try again later"),
    (
        errors.OutcomeUnknown(),
        503,
        "OUTCOME_UNKNOWN",
        "The order may have been recorded: repeat it with the same order_id or Idempotency-Key, or look for it in the history",
    ),
    (errors.NotBuilt("/x"), 501, "NOT_AVAILABLE", "/x is not available yet on this gateway"),
    (InternalError(), 500, "INTERNAL_ERROR", "Internal error"),
)


@pytest.mark.parametrize(("error", "status", "code", "words"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_row_says_what_it_should(error: GatewayError, status: int, code: str, words: str) -> None:
    answer = DIALECT.answer(error)
    assert (answer.status, answer.code, answer.words) == (status, code, words)
    told = assert_error_body(DIALECT.render_error(answer).data)
    assert told["result"] == words


def test_every_class_of_error_has_a_row_and_an_example() -> None:
    classes = set(descendants(GatewayError))
    classes = {each for each in classes if each.__module__ in ("gateway.domain.errors", "gateway.web.errors")}
    assert set(ERRORS) <= classes
    leaves = {each for each in classes if not each.__subclasses__() or each is InternalError}
    assert leaves <= set(ERRORS)
    assert {type(error) for error, *_ in EXAMPLES} == set(ERRORS)


def descendants(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


@on_sqlite
@pytest.mark.parametrize(("method", "rule"), [(method, rule) for methods, rule in NOT_BUILT for method in methods.split()])
def test_calls_that_are_not_built(owner: Program, method: str, rule: str) -> None:
    counter = UNSUPPORTED_CALLS.labels("smsend", rule)
    before = counter._value.get()
    path = "/".join("7" if part.startswith("<") else part for part in rule.split("/"))
    for headers in (owner.keys, {}):
        answer = owner.call(method, path, headers=headers)
        assert refused(answer, 501, "NOT_AVAILABLE") == f"{rule} is not available yet on this gateway"
    assert counter._value.get() == before + 2


@on_sqlite
def test_not_built_calls_are_in_the_figures(owner: Program) -> None:
    owner.call("GET", "//landings/")
    figures = owner.http.get("/metrics").text
    assert 'dragoman_unsupported_calls_total{call="/landings",dialect="smsend"}' in figures


@on_sqlite
def test_a_defect_is_told_in_the_dialects_words_and_no_more(owner: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    class Log:
        told: ClassVar[list[Any]] = []

        def error(self, *_: Any, exc_info: Any, **__: Any) -> None:
            self.told.append(str(exc_info))

    monkeypatch.setattr("gateway.web.errors.log", Log())

    def broken(*_: Any) -> None:
        raise RuntimeError("hidden detail")

    monkeypatch.setattr(orders, "state", broken)
    answer = owner.get("/sms/abc")
    assert refused(answer, 500, "INTERNAL_ERROR") == "Internal error"
    assert b"hidden" not in answer.data and b"Traceback" not in answer.data
    assert Log.told == ["hidden detail"]


@on_sqlite
def test_no_connector(owner: Program, gateway: Gateway) -> None:
    with gateway.writing() as session:
        session.execute(update(ConnectorRow).values(enabled=False))
    gateway.catalogue.forget()
    refused(owner.send(), 503, "UNAVAILABLE")
    assert len(owner.call("POST", "/sms", json={}).data) > 0


@on_sqlite
def test_errors_have_a_request_id_and_no_cookie(owner: Program, app: Flask) -> None:
    answer = owner.http.get("/API/v1.0/REST/nowhere", headers={"X-Request-Id": "from-the-proxy-1"})
    assert answer.headers["X-Request-Id"] == "from-the-proxy-1"
    assert answer.status_code == 404 and json.loads(answer.data)["result"] == "The path was not found"
    assert app.test_client().get("/API/v1.0/REST").status_code == 404
