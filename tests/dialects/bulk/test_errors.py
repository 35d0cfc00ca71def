"""The table of errors: what each row says, to the letter, and a request that gets it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Response
from sqlalchemy import update
from werkzeug.test import TestResponse

from gateway.dialects.bulk import DIALECT, errors
from gateway.dialects.bulk.errors import ERRORS
from gateway.domain import errors as domain
from gateway.domain.errors import GatewayError
from gateway.services import accounts, keys, ledger, orders
from gateway.services.core import Gateway
from gateway.services.keys import KeyTerms
from gateway.storage.tables import Account, ConnectorRow, TariffRow, User
from gateway.web.dialect import Answer, Dialect
from gateway.web.errors import InternalError
from gateway.web.metrics import UNSUPPORTED_CALLS
from tests.dialects.bulk.conftest import an_account_with_user
from tests.dialects.bulk.program import (
    BALANCE,
    GENERATE,
    MESSAGE,
    ONE,
    REGENERATE,
    REVOKE,
    SEND,
    SEND_V1,
    TWO,
    Program,
    said,
)
from tests.support.builders import messages
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def twice(words: str, **more: Any) -> dict[str, Any]:
    """The body of most errors."""
    return {"error": words, "message": words, **more}


def field(name: str, words: str) -> dict[str, Any]:
    return twice(words, errors={name: [words]})


SEVERAL = domain.InvalidFields({"numbers": [domain.MissingField("numbers")], "a_b": [domain.InvalidField("a_b", "is odd")]})
THREE = domain.InvalidFields({name: [domain.MissingField(name)] for name in "abc"})

EXAMPLES: tuple[tuple[GatewayError, int, dict[str, Any]], ...] = (
    (domain.InvalidInput(), 422, twice("The given data was invalid.", errors={})),
    (domain.MalformedRequest("it is odd"), 400, twice("The request could not be read: it is odd.")),
    (domain.RequestTooLarge(1024), 413, twice("The request is larger than 1024 bytes.")),
    (domain.RequestTooLarge(0), 413, twice("The request is too large.")),
    (domain.MissingField("message_body"), 422, field("message_body", "The message body field is required.")),
    (domain.InvalidField("message", "holds U+0000"), 422, field("message_body", "The message body field holds U+0000.")),
    (
        SEVERAL,
        422,
        twice(
            "The numbers field is required. (and 1 more error)",
            errors={"numbers": ["The numbers field is required."], "a_b": ["The a b field is odd."]},
        ),
    ),
    (
        THREE,
        422,
        twice("The a field is required. (and 2 more errors)", errors={name: [f"The {name} field is required."] for name in "abc"}),
    ),
    (domain.InvalidRecipient("x"), 400, {"error": "Invalid phone number format."}),
    (domain.TooManyRecipients(9, 8), 422, field("numbers", "The numbers field has 9 entries, at most 8 are allowed.")),
    (domain.InvalidOriginator("!"), 422, field("sender_id", "The sender id field is not a valid sender.")),
    (domain.OriginatorNotAllowed("X"), 422, field("sender_id", "The sender id field is not approved for this account.")),
    (domain.InvalidDate("date", "x"), 422, field("date", "The date field is not a date in a known form.")),
    (domain.UnknownMessageType("x"), 422, field("message_type", "The message type field is unknown.")),
    (domain.EmptyText(), 422, field("message_body", "The message body field is required.")),
    (domain.TextTooLong(9, 8, "parts"), 422, field("message_body", "The message body field has 9 parts, at most 8 are allowed.")),
    (
        domain.UnencodableText("ж", 3),
        422,
        field("message_body", "The message body field holds U+0436 at 3, which is outside GSM-7."),
    ),
    (domain.MissingParameter("n", 1), 422, field("messages", "The messages field entry 1 has no value for ${n}.")),
    (domain.DestinationNotServed("+1"), 400, twice("This destination is not served.")),
    (domain.AuthenticationFailed(), 401, twice("Unauthorized.")),
    (domain.MissingCredentials(), 401, twice("Credentials are required", help="Provide username and password")),
    (domain.BadCredentials(), 401, {"error": "Unauthorized."}),
    (domain.UnknownKey(), 401, twice("Invalid API key")),
    (domain.KeyExpired(), 401, twice("API key has expired")),
    (errors.KeyMissing(), 401, {"error": "API key is required", "help": "Provide X-API-Key header or api_key parameter"}),
    (errors.Unauthenticated(), 401, twice("Unauthenticated.")),
    (domain.PermissionDenied("bulk:send"), 403, twice("This action is unauthorized.")),
    (domain.CallerDisabled(), 403, twice("This account is disabled.")),
    (domain.AddressNotAllowed("192.0.2.1"), 403, twice("This network address may not call.")),
    (domain.NotFound("key"), 404, twice("No active API key")),
    (domain.NotFound("path"), 404, twice("The path was not found.")),
    (domain.MethodNotAllowed(("GET", "HEAD")), 405, twice("This method is not supported. Supported methods: GET, HEAD.")),
    (domain.Conflict(), 409, twice("The request contradicts what is recorded.")),
    (domain.IdempotencyMismatch(), 409, twice("The Idempotency-Key was used with another request.")),
    (
        domain.KeyExists(),
        409,
        twice("API key already exists", help="Use /api/regenerate-key to replace it, or /api/revoke-key to end it"),
    ),
    (domain.InsufficientCredit(2, 1), 400, twice("Insufficient balance")),
    (domain.Throttled(7), 429, twice("Too Many Attempts.")),
    (domain.DailyCapReached(5, 60), 429, twice("At most 5 messages a day are allowed.")),
    (domain.Unavailable("x"), 503, twice("The gateway cannot do this now. Try again later.")),
    (domain.StorageUnavailable(), 503, twice("The database does not answer and nothing was sent. Try again later.")),
    (
        domain.OutcomeUnknown(),
        503,
        twice("The message may have been recorded. Repeat the call with the same Idempotency-Key, or ask your provider"),
    ),
    (domain.NotBuilt("/x"), 501, twice("/x is not offered by this gateway.")),
    (InternalError(), 500, {"message": "Server Error"}),
)

NEVER_ASKED_FOR = {
    domain.InvalidInput: "the root: its children come instead",
    domain.MissingField: "several fields are told at once",
    domain.InvalidDate: "no call takes a date",
    domain.UnknownMessageType: "other words are ignored",
    domain.EmptyText: "an empty text counts as absent",
    domain.MissingParameter: "there are no placeholders",
    domain.AuthenticationFailed: "the root: its children come instead",
    domain.Conflict: "the root: its children come instead",
    domain.StorageUnavailable: "needs a database that is away",
    domain.OutcomeUnknown: "needs a database that falls silent",
}
"""Rows that no request gets: they are there so that nothing is missing."""


def told(error: GatewayError) -> Response:
    return DIALECT.render_error(DIALECT.answer(error))


@pytest.mark.parametrize(("error", "status", "body"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_row_says_what_it_should(error: GatewayError, status: int, body: dict[str, Any]) -> None:
    answer = told(error)
    assert (answer.status_code, json.loads(answer.data)) == (status, body)
    assert answer.content_type == "application/json"


def test_every_class_of_error_has_a_row_and_an_example() -> None:
    classes = {each for each in descendants(GatewayError) if not each.__module__.startswith("gateway.dialects.")}
    classes = {each for each in classes if each.__module__.startswith("gateway.")} | {errors.KeyMissing, errors.Unauthenticated}
    for each in classes:
        assert DIALECT.row(each)
    assert set(ERRORS) <= classes
    assert {type(error) for error, *_ in EXAMPLES} == set(ERRORS)


def descendants(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


Request = Callable[[Program, Gateway, FixedClock], TestResponse]


def _by_key(terms: KeyTerms) -> Request:
    def asked(owner: Program, gateway: Gateway, clock: FixedClock) -> TestResponse:
        owner.call("POST", REVOKE, json=owner.login)
        owner.key = keys.create(gateway, keys.BULK, "owner", terms=terms).key
        return owner.send(numbers=f"{ONE},{TWO}")

    return asked


def _changed(table: Any, **values: Any) -> Request:
    """A send after every row of a table got these values."""

    def asked(owner: Program, gateway: Gateway, clock: FixedClock) -> TestResponse:
        with gateway.writing() as session:
            session.execute(update(table).values(**values))
        gateway.catalogue.forget()
        clock.forward(seconds=10)
        return owner.send(message_body="Привет")

    return asked


def _expired(owner: Program, gateway: Gateway, clock: FixedClock) -> TestResponse:
    owner.key = said(owner.call("POST", REGENERATE, json=owner.login | {"expiry_days": 1}))["api_key"]
    clock.forward(days=1)
    return owner.send()


def _disabled(owner: Program, gateway: Gateway, clock: FixedClock) -> TestResponse:
    accounts.set_user_disabled(gateway, "owner", disabled=True)
    return owner.send()


def _poor(owner: Program, gateway: Gateway, clock: FixedClock) -> TestResponse:
    an_account_with_user(gateway, "poor", credit=0)
    return Program(owner.http, "poor").send_v1()


def _reused(owner: Program, gateway: Gateway, clock: FixedClock) -> TestResponse:
    for text in ("one", "two"):
        answer = owner.keyed("POST", SEND, json=MESSAGE | {"message_body": text}, headers={"Idempotency-Key": "abc"})
    return answer


def _revoked_twice(owner: Program, gateway: Gateway, clock: FixedClock) -> TestResponse:
    owner.call("POST", REVOKE, json=owner.login)
    return owner.call("POST", REVOKE, json=owner.login)


def _guessing(owner: Program, gateway: Gateway, clock: FixedClock) -> TestResponse:
    for _ in range(gateway.settings.guesses_per_minute_user + 1):
        answer = owner.send_v1(password="wrong")
    return answer


PRODUCED: dict[type[GatewayError], Request] = {
    domain.MalformedRequest: lambda owner, *_: owner.keyed("POST", SEND, data=b'{"numbers":'),
    domain.RequestTooLarge: lambda owner, *_: owner.keyed("POST", SEND, data=b"x" * (17 << 20)),
    domain.InvalidField: lambda owner, *_: owner.keyed("POST", SEND, json=MESSAGE, headers={"Idempotency-Key": "é"}),
    domain.InvalidFields: lambda owner, *_: owner.send(message_body=""),
    domain.InvalidRecipient: lambda owner, *_: owner.send(numbers="abc"),
    domain.TooManyRecipients: lambda owner, *_: owner.send(numbers=[ONE] * 100_001),
    domain.InvalidOriginator: lambda owner, *_: owner.send(sender_id="Жук"),
    domain.OriginatorNotAllowed: lambda owner, *_: owner.send(sender_id="Rival"),
    domain.TextTooLong: lambda owner, *_: owner.send(message_body="ж" * 20_000),
    domain.UnencodableText: _changed(Account, text_policy="refuse"),
    domain.DestinationNotServed: _changed(TariffRow, prefix="999"),
    domain.MissingCredentials: lambda owner, *_: owner.call("POST", SEND_V1),
    domain.BadCredentials: lambda owner, *_: owner.send_v1(password="wrong"),
    domain.UnknownKey: lambda owner, *_: owner.call("GET", SEND, headers={"X-API-Key": "x"}),
    domain.KeyExpired: _expired,
    errors.KeyMissing: lambda owner, *_: owner.call("GET", SEND),
    errors.Unauthenticated: lambda owner, *_: owner.call("POST", GENERATE),
    domain.PermissionDenied: _changed(User, permissions=["bulk:read"]),
    domain.CallerDisabled: _disabled,
    domain.AddressNotAllowed: _by_key(KeyTerms(networks=["192.0.2.0/24"])),
    domain.NotFound: _revoked_twice,
    domain.MethodNotAllowed: lambda owner, *_: owner.keyed("POST", BALANCE),
    domain.IdempotencyMismatch: _reused,
    domain.KeyExists: lambda owner, *_: owner.call("POST", GENERATE, json=owner.login),
    domain.InsufficientCredit: _poor,
    domain.Throttled: _guessing,
    domain.DailyCapReached: _by_key(KeyTerms(daily_cap=1)),
    domain.Unavailable: _changed(ConnectorRow, enabled=False),
    domain.NotBuilt: lambda owner, *_: owner.call("POST", "/api/v2/payments"),
}


@on_sqlite
@pytest.mark.parametrize("kind", PRODUCED, ids=lambda kind: kind.__name__)
def test_a_request_gets_each_row(
    owner: Program, gateway: Gateway, clock: FixedClock, kind: type[GatewayError], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[type[GatewayError]] = []
    real = Dialect.answer

    def noted(self: Dialect, error: GatewayError) -> Answer:
        seen.append(type(error))
        return real(self, error)

    monkeypatch.setattr(Dialect, "answer", noted)
    answer = PRODUCED[kind](owner, gateway, clock)
    assert seen[-1] is kind
    assert answer.status_code == ERRORS[kind].status
    assert messages(gateway) == [] or kind is domain.IdempotencyMismatch
    assert list(ledger.verify(gateway)) == []


def test_every_row_is_produced_or_says_why_not() -> None:
    assert set(PRODUCED) | set(NEVER_ASKED_FOR) | {InternalError} == set(ERRORS)
    assert not set(PRODUCED) & set(NEVER_ASKED_FOR)


@on_sqlite
def test_what_is_not_offered_is_counted(owner: Program) -> None:
    counter = UNSUPPORTED_CALLS.labels("bulk", "/api/v2/payments")
    before = counter._value.get()
    assert owner.call("POST", "/api/v2/payments").status_code == 501
    assert counter._value.get() == before + 1


@on_sqlite
def test_a_defect_is_told_in_the_seed_s_words_and_no_more(owner: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    class Log:
        def error(self, *_: Any, **__: Any) -> None:
            pass

    def broken(*_: Any) -> None:
        raise RuntimeError("hidden detail")

    monkeypatch.setattr("gateway.web.errors.log", Log())
    monkeypatch.setattr(orders, "credit", broken)
    answer = owner.keyed("GET", BALANCE)
    assert (answer.status_code, answer.data) == (500, b'{"message":"Server Error"}')
    assert answer.headers["X-RateLimit-Limit"] == "10000"
