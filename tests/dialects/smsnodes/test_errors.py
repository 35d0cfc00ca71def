"""The error table: every row's words, and the request that meets it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from gateway.dialects.smsnodes import DIALECT
from gateway.dialects.smsnodes.errors import ERRORS
from gateway.domain import errors
from gateway.domain.errors import GatewayError
from gateway.services import accounts, devices, ledger
from gateway.services.accounts import NewAccount, create_account
from gateway.services.core import Gateway
from gateway.storage.tables import Account, ConnectorRow
from gateway.web.errors import InternalError
from tests.dialects.smsnodes.conftest import HEALTH, PASSWORD, SEND, STATE, Device, queued, refused
from tests.support.postgres import PostgresServer

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PAYLOAD = "Phone numbers and message are required"
CREDENTIALS = "Username and password are required"

EXAMPLES: tuple[tuple[GatewayError, int, str], ...] = (
    (errors.InvalidInput("a", "b"), 400, "Invalid request"),
    (errors.InvalidFields({"a": [errors.MissingField("a")]}), 400, "Invalid request"),
    (errors.InvalidOriginator("!"), 400, "Invalid request"),
    (errors.OriginatorNotAllowed("!"), 400, "Invalid request"),
    (errors.InvalidDate("a", "b"), 400, "Invalid request"),
    (errors.UnknownMessageType("X"), 400, "Invalid request"),
    (errors.MissingParameter("n", 1), 400, "Invalid request"),
    (errors.MalformedRequest("the body is odd"), 400, "Invalid JSON"),
    (errors.RequestTooLarge(1024), 413, "Message too large"),
    (errors.MissingField("password"), 400, CREDENTIALS),
    (errors.MissingField("message"), 400, PAYLOAD),
    (errors.MissingField("messageId"), 400, "Message ID is required"),
    (errors.InvalidField("priority", "is odd"), 400, "Priority must be between 1 and 5"),
    (errors.InvalidField("message", "is odd"), 400, "Invalid message: is odd"),
    (errors.InvalidField("messageId", "is odd"), 400, "Invalid message ID: is odd"),
    (errors.InvalidRecipient("x\n"), 400, "Invalid phone number: x?"),
    (errors.TooManyRecipients(9, 8), 400, "Too many phone numbers: 9, at most 8 are allowed"),
    (errors.EmptyText(), 400, PAYLOAD),
    (errors.TextTooLong(256, 255, "parts"), 413, "Message too large"),
    (errors.UnencodableText("ж", 3), 400, "The message holds U+0436 at position 3, which is outside the GSM alphabet"),
    (errors.DestinationNotServed("+1"), 400, "Destination is not served"),
    (errors.AuthenticationFailed(), 401, "Invalid credentials"),
    (errors.BadCredentials(), 401, "Invalid credentials"),
    (errors.UnknownKey(), 401, "Invalid credentials"),
    (errors.KeyExpired(), 401, "Invalid credentials"),
    (errors.SessionExpired(), 401, "Invalid credentials"),
    (errors.CallerChanged(), 401, "Invalid credentials"),
    (errors.MissingCredentials(), 400, CREDENTIALS),
    (errors.PermissionDenied("x"), 403, "Permission denied"),
    (errors.CallerDisabled(), 403, "Device is disabled"),
    (errors.AddressNotAllowed("192.0.2.1"), 403, "Address is not allowed"),
    (errors.NotFound("message"), 404, "Message not found"),
    (errors.NotFound("path"), 404, "Path not found"),
    (errors.MethodNotAllowed(("POST",)), 405, "Method not allowed"),
    (errors.Conflict(), 409, "Conflict"),
    (errors.DuplicateReference("a"), 409, "Conflict"),
    (errors.NotCancellable(), 409, "Conflict"),
    (errors.KeyExists(), 409, "Conflict"),
    (errors.IdempotencyMismatch(), 409, "Idempotency-Key was used with another request"),
    (errors.InsufficientCredit(2500, 999), 402, "Insufficient credit: 2.5 needed, 0.999 available"),
    (errors.Throttled(7), 429, "Too many requests"),
    (errors.DailyCapReached(5, 60), 429, "Daily limit of 5 messages reached"),
    (errors.Unavailable("x"), 503, "Service unavailable"),
    (errors.NotBuilt("/x"), 503, "Service unavailable"),
    (errors.StorageUnavailable(), 500, "Database error"),
    (errors.OutcomeUnknown(), 500, "Database error"),
    (InternalError(), 500, "Internal server error"),
)


@pytest.mark.parametrize(("error", "status", "words"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_row_says_what_it_should(error: GatewayError, status: int, words: str) -> None:
    answer = DIALECT.answer(error)
    assert (answer.status, answer.words) == (status, words)
    assert json.loads(DIALECT.render_error(answer).data) == {"error": words}


def test_every_class_of_error_has_an_example_and_every_root_a_row() -> None:
    ours = [each for each in descendants(GatewayError) if each.__module__ in ("gateway.domain.errors", "gateway.web.errors")]
    assert {type(error) for error, *_ in EXAMPLES} == set(ours)
    assert set(GatewayError.__subclasses__()) <= set(ERRORS)


def descendants(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


def disable(gateway: Gateway) -> None:
    devices.set_disabled(gateway, "owner", disabled=True)


def close_account(gateway: Gateway) -> None:
    with gateway.writing() as session:
        session.execute(update(Account).where(Account.name == "owner").values(status="closed"))


def take_sending(gateway: Gateway) -> None:
    accounts.set_user_limits(gateway, "owner", lambda terms: replace(terms, permissions=["smsnodes:read"]))


def move_network(gateway: Gateway) -> None:
    accounts.set_user_limits(gateway, "owner", lambda terms: replace(terms, networks=["192.0.2.0/24"]))


def cap(gateway: Gateway) -> None:
    accounts.set_user_limits(gateway, "owner", lambda terms: replace(terms, daily_cap=1))


def spend(gateway: Gateway) -> None:
    ledger.add_credit(gateway, "owner", -999_000)


def switch_off(gateway: Gateway) -> None:
    with gateway.writing() as session:
        session.execute(update(ConnectorRow).values(enabled=False))


def refuse_other_alphabets(gateway: Gateway) -> None:
    with gateway.writing() as session:
        session.execute(update(Account).where(Account.name == "owner").values(text_policy="refuse"))


def nothing(gateway: Gateway) -> None:
    pass


Prepare = Callable[[Gateway], None]
REQUESTS: tuple[tuple[Prepare, dict[str, Any], int, str], ...] = (
    (nothing, {"deviceUsername": ...}, 400, CREDENTIALS),
    (nothing, {"password": "wrong horse"}, 401, "Invalid credentials"),
    (nothing, {"deviceUsername": "nobody"}, 401, "Invalid credentials"),
    (nothing, {"phoneNumbers": []}, 400, PAYLOAD),
    (nothing, {"message": ""}, 400, PAYLOAD),
    (nothing, {"phoneNumbers": ["+12"]}, 400, "Invalid phone number: +12"),
    (nothing, {"phoneNumbers": ["+1234567"] * 100_001}, 400, "Too many phone numbers: 100001, at most 100000 are allowed"),
    (nothing, {"priority": 6}, 400, "Priority must be between 1 and 5"),
    (nothing, {"message": "a\0b"}, 400, "Invalid message: holds a character that is not allowed (U+0000 or half of a surrogate pair)"),
    (nothing, {"message": "a" * 39_016}, 413, "Message too large"),
    (nothing, {"message": "ж" * 17_086}, 413, "Message too large"),
    (nothing, {"message": "a", "x": "a" * (16 << 20)}, 413, "Message too large"),
    (refuse_other_alphabets, {"message": "aж"}, 400, "The message holds U+0436 at position 1, which is outside the GSM alphabet"),
    (take_sending, {}, 403, "Permission denied"),
    (disable, {}, 403, "Device is disabled"),
    (close_account, {}, 403, "Device is disabled"),
    (move_network, {}, 403, "Address is not allowed"),
    (cap, {}, 429, "Daily limit of 1 messages reached"),
    (spend, {}, 402, "Insufficient credit: 2 needed, 1 available"),
    (switch_off, {}, 503, "Service unavailable"),
)


@on_sqlite
def test_the_requests_that_meet_them(owner: Device, gateway: Gateway) -> None:
    for number, (prepare, fields, status, words) in enumerate(REQUESTS):
        device = owner
        if prepare is not nothing:
            # each trouble is the last that its gateway sees, so the account is put right again by hand
            prepare(gateway)
            gateway.catalogue.forget()
            gateway.users.forget("owner")
        refused(device.send(**fields), status, words)
        assert list(ledger.verify(gateway)) == [], number
        restore(gateway)
    queued(owner.send())


def restore(gateway: Gateway) -> None:
    """Undoes every preparation."""
    devices.set_disabled(gateway, "owner", disabled=False)
    accounts.set_user_limits(gateway, "owner", lambda terms: type(terms)(permissions=devices.PERMISSIONS))
    with gateway.writing() as session:
        session.execute(update(Account).where(Account.name == "owner").values(status="active", text_policy="ucs2"))
        session.execute(update(ConnectorRow).values(enabled=True))
    account, _ = accounts.account_with_users(gateway, "owner")
    if account.balance < 1_000_000:
        ledger.add_credit(gateway, "owner", 1_000_000 - account.balance)
    gateway.catalogue.forget()
    gateway.users.forget("owner")


@on_sqlite
def test_routing(owner: Device) -> None:
    refused(owner.http.get(SEND), 405, "Method not allowed")
    assert owner.http.get(SEND).headers["Allow"] == "OPTIONS, POST"
    refused(owner.http.put(STATE), 405, "Method not allowed")
    refused(owner.http.post(HEALTH), 405, "Method not allowed")
    refused(owner.http.post(SEND + "/more"), 404, "Path not found")


@on_sqlite
def test_a_bad_idempotency_key(owner: Device) -> None:
    body = {"deviceUsername": "owner", "password": PASSWORD, "phoneNumbers": "+1234567890", "message": "a"}
    answer = owner.post(json.dumps(body).encode(), **{"Idempotency-Key": "k" * 256})
    refused(answer, 400, "Invalid Idempotency-Key: must be 1 to 255 printable ASCII characters")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_storage_is_down(owner: Device, gateway: Gateway, database_url: str, postgres_server: PostgresServer) -> None:
    """Vector 6, and health without a database."""
    queued(owner.send())
    postgres_server.drop_database(database_url)
    lost = owner.send()  # its connection breaks in the middle: nobody here knows whether it is in
    refused(lost, 500, "Database error")
    assert lost.headers["X-Outcome"] == "unknown"
    again = owner.send()
    refused(again, 500, "Database error")
    assert "X-Outcome" not in again.headers
    refused(owner.state(2), 500, "Database error")
    answer = owner.http.get(HEALTH)
    told = json.loads(answer.data)
    assert (answer.status_code, told["status"], told["connectedDevices"]) == (503, "unhealthy", 0)
    assert set(told) == {"status", "timestamp", "ssl", "encryption", "connectedDevices"}


@on_sqlite
def test_a_defect_tells_nothing(owner: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("hidden detail")

    monkeypatch.setattr("gateway.services.ordering.submit", broken)
    answer = owner.send()
    refused(answer, 500, "Internal server error")
    assert b"hidden" not in answer.data


@on_sqlite
def test_an_account_without_credit(owner: Device, gateway: Gateway) -> None:
    create_account(gateway, NewAccount("poor"))
    devices.create(gateway, "poor", "poor", PASSWORD)
    refused(replace(owner, name="poor").send(), 402, "Insufficient credit: 2 needed, 0 available")
