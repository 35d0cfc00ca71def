"""The error table: what each row says, and a real request that meets it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from gateway.dialects.httpsms import DIALECT
from gateway.dialects.httpsms.errors import ERRORS, HINT
from gateway.domain import errors
from gateway.domain.errors import GatewayError
from gateway.services import keys, ledger
from gateway.services import messages as service
from gateway.services.core import Gateway
from gateway.services.keys import KeyTerms
from gateway.storage.tables import Account, ConnectorRow, TariffRow, User
from gateway.web.errors import InternalError
from tests.dialects.httpsms.client import CONTACT, MESSAGE, NUMBER, Client, message, refused
from tests.dialects.httpsms.conftest import a_user
from tests.support.builders import messages

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WRONG = "Some fields of the request are missing or not valid"
BUSY = "The gateway cannot do this now, try again later"
PATH = "/messages/send"
ID = "019b8d2b-8c00-7178-a1ed-ae572aa00000"

EXAMPLES: tuple[tuple[GatewayError, int, str, object], ...] = (
    (errors.InvalidInput("a", "is odd"), 422, WRONG, {"a": ["The a field is odd"]}),
    (errors.InvalidInput(), 422, WRONG, {"payload": ["The payload field is not valid"]}),
    (errors.MalformedRequest("x must be a string"), 400, "The request cannot be read: x must be a string", {}),
    (errors.RequestTooLarge(1024), 413, "The request is too large", None),
    (errors.MissingField("from"), 422, WRONG, {"from": ["The from field is required"]}),
    (errors.InvalidField("to", "is odd"), 422, WRONG, {"to": ["The to field is odd"]}),
    (
        errors.InvalidFields({"a": [errors.MissingField("a"), errors.InvalidField("a", "is odd")], "b": [errors.MissingField("b")]}),
        422,
        WRONG,
        {"a": ["The a field is required", "The a field is odd"], "b": ["The b field is required"]},
    ),
    (errors.InvalidRecipient("+39abc"), 422, WRONG, {"to": ["The to field is not a telephone number"]}),
    (errors.TooManyRecipients(9, 8), 422, WRONG, {"to": ["The to field has 9 entries, at most 8 are allowed"]}),
    (errors.InvalidOriginator("x"), 422, WRONG, {"from": ["The from field is not a valid sender"]}),
    (errors.OriginatorNotAllowed("x"), 422, WRONG, {"from": ["The from field is not approved for this account"]}),
    (errors.InvalidDate("due", "x", "is odd"), 422, WRONG, {"send_at": ["The send_at field is odd"]}),
    (errors.UnknownMessageType("x"), 422, WRONG, {"message_type": ["The message_type field is unknown"]}),
    (errors.EmptyText(), 422, WRONG, {"content": ["The content field is empty"]}),
    (errors.TextTooLong(9, 8, "parts"), 422, WRONG, {"content": ["The content field has 9 parts, at most 8 are allowed"]}),
    (
        errors.UnencodableText("ж", 3),
        422,
        WRONG,
        {"content": ["The content field holds U+0436 at 3, which is outside GSM-7"]},
    ),
    (errors.MissingParameter("n", 1), 422, WRONG, {"recipients": ["The recipients field entry 1 has no value for ${n}"]}),
    (errors.DestinationNotServed("+1"), 422, WRONG, {"to": ["The to field has a prefix that is not served"]}),
    (errors.AuthenticationFailed(), 401, "You are not authorized to carry out this request.", HINT),
    (errors.MissingCredentials(), 401, "You are not authorized to carry out this request.", HINT),
    (errors.BadCredentials(), 401, "You are not authorized to carry out this request.", HINT),
    (errors.UnknownKey(), 401, "You are not authorized to carry out this request.", HINT),
    (errors.KeyExpired(), 401, "You are not authorized to carry out this request.", HINT),
    (errors.SessionExpired(), 401, "You are not authorized to carry out this request.", HINT),
    (errors.CallerChanged(), 401, "You are not authorized to carry out this request.", HINT),
    (errors.CallerDisabled(), 401, "You are not authorized to carry out this request.", HINT),
    (errors.AddressNotAllowed("192.0.2.1"), 401, "You are not authorized to carry out this request.", HINT),
    (errors.PermissionDenied("x"), 403, "This user or API key may not do that", None),
    (errors.NotFound("message"), 404, "The message was not found", None),
    (errors.MethodNotAllowed(("GET", "POST")), 405, "Method not allowed, use GET, POST", None),
    (errors.Conflict(), 409, "The request contradicts what is recorded", None),
    (errors.NotCancellable(), 409, "The request contradicts what is recorded", None),
    (errors.KeyExists(), 409, "The request contradicts what is recorded", None),
    (errors.DuplicateReference("A1"), 422, WRONG, {"request_id": ["The request_id field is already in use"]}),
    (errors.IdempotencyMismatch(), 422, WRONG, {"Idempotency-Key": ["The Idempotency-Key field was used with another request"]}),
    (errors.InsufficientCredit(2500, 999), 402, "There is not enough credit left for this request", None),
    (errors.DailyCapReached(5, 60), 402, "At most 5 messages a day are allowed, the next day begins in 60 seconds", None),
    (errors.Throttled(7), 429, "Too many requests, try again in 7 seconds", None),
    (errors.Unavailable(), 503, BUSY, None),
    (errors.StorageUnavailable(), 503, BUSY, None),
    (
        errors.OutcomeUnknown(),
        503,
        "The message may have been recorded: repeat the request with the same Idempotency-Key, or look for it in the list",
        None,
    ),
    (errors.NotBuilt("/x"), 501, "/x is not available on this gateway", None),
    (InternalError(), 500, "We ran into an internal error while handling the request.", None),
)


@pytest.mark.parametrize(("error", "status", "words", "data"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_error_says_what_it_should(error: GatewayError, status: int, words: str, data: object) -> None:
    answer = DIALECT.render_error(DIALECT.answer(error))
    told = json.loads(answer.data)
    expected = {"status": "error", "message": words} | ({} if data is None else {"data": data})
    assert (answer.status_code, told) == (status, expected)


def test_every_class_of_error_has_an_example() -> None:
    classes = {each for each in descendants(GatewayError) if each.__module__ in ("gateway.domain.errors", "gateway.web.errors")}
    assert set(ERRORS) <= classes
    leaves = {each for each in classes if not each.__subclasses__() or each is InternalError}
    assert leaves | set(ERRORS) <= {type(error) for error, *_ in EXAMPLES}


def descendants(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


Ask = Callable[[Client, Gateway], TestResponse]


def disabled(owner: Client, gateway: Gateway) -> TestResponse:
    _change(gateway, update(User).where(User.username == "owner").values(disabled=True))
    return owner.send()


def from_elsewhere(owner: Client, gateway: Gateway) -> TestResponse:
    key = keys.create(gateway, keys.HTTPSMS, "owner", terms=KeyTerms(networks=["192.0.2.0/24"])).key
    return Client(owner.http, key).send()


def not_permitted(owner: Client, gateway: Gateway) -> TestResponse:
    return a_user(gateway, owner.http, "owner", "reader", ("httpsms:read", "smsend:*")).send()


def over_the_cap(owner: Client, gateway: Gateway) -> TestResponse:
    key = keys.create(gateway, keys.HTTPSMS, "owner", terms=KeyTerms(daily_cap=1)).key
    return Client(owner.http, key).post("/messages/bulk-send", message(to=[CONTACT, CONTACT]))


def without_credit(owner: Client, gateway: Gateway) -> TestResponse:
    ledger.add_credit(gateway, "owner", -1_000_000)
    return owner.send()


def without_price(owner: Client, gateway: Gateway) -> TestResponse:
    _change(gateway, update(TariffRow).values(prefix="39"))
    gateway.catalogue.forget()
    return owner.send()


def without_connector(owner: Client, gateway: Gateway) -> TestResponse:
    _change(gateway, update(ConnectorRow).values(enabled=False))
    gateway.catalogue.forget()
    return owner.send()


def refused_by_policy(owner: Client, gateway: Gateway) -> TestResponse:
    _change(gateway, update(Account).where(Account.name == "owner").values(text_policy="refuse"))
    return owner.send(content="ж")


def reused_key(owner: Client, gateway: Gateway) -> TestResponse:
    headers = {"x-api-key": owner.key, "Idempotency-Key": "same"}
    key = keys.create(gateway, keys.HTTPSMS, "owner", terms=KeyTerms(is_test=True)).key
    assert owner.call("POST", PATH, json=MESSAGE, headers=headers | {"x-api-key": key}).status_code == 200
    return owner.call("POST", PATH, json=message(content="another"), headers=headers)


REQUESTS: tuple[tuple[str, Ask, int], ...] = (
    ("no JSON", lambda owner, _: owner.call("POST", PATH, data=b"{", content_type="application/json"), 400),
    ("a wrong type", lambda owner, _: owner.send(content=7), 400),
    ("too large", lambda owner, _: owner.post(PATH, MESSAGE | {"other": "x" * (17 * 1024 * 1024)}), 413),
    ("fields missing", lambda owner, _: owner.post(PATH, {}), 422),
    ("a bad number", lambda owner, _: owner.send(to="DHL"), 422),
    ("no phone of ours", lambda owner, _: owner.send(sender="+18005550111"), 422),
    ("no price", without_price, 422),
    ("refused by the text policy", refused_by_policy, 422),
    ("a reused Idempotency-Key", reused_key, 422),
    ("no key", lambda owner, _: owner.call("POST", PATH, json=MESSAGE, headers={}), 401),
    ("an unknown key", lambda owner, _: Client(owner.http, "uk_" + "x" * 64).send(), 401),
    ("a disabled user", disabled, 401),
    ("a foreign network", from_elsewhere, 401),
    ("not permitted", not_permitted, 403),
    ("no such message", lambda owner, _: owner.get(f"/messages/{ID}"), 404),
    ("no such path", lambda owner, _: owner.get("/nowhere"), 404),
    ("another method", lambda owner, _: owner.call("PUT", PATH), 405),
    ("no credit", without_credit, 402),
    ("the cap of the day", over_the_cap, 402),
    ("no connector", without_connector, 503),
)


@pytest.mark.parametrize(("ask", "status"), [each[1:] for each in REQUESTS], ids=[each[0] for each in REQUESTS])
@on_sqlite
def test_requests_that_are_refused(owner: Client, gateway: Gateway, ask: Ask, status: int) -> None:
    refused(ask(owner, gateway), status)
    assert all(row.connector == "test" for row in messages(gateway))
    assert list(ledger.verify(gateway)) == []


@on_sqlite
def test_a_defect_is_told_in_the_envelope_and_no_more(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Log:
        told: ClassVar[list[Any]] = []

        def error(self, *_: Any, exc_info: Any, **__: Any) -> None:
            self.told.append(str(exc_info))

    def broken(*_: Any) -> None:
        raise RuntimeError("hidden detail")

    monkeypatch.setattr("gateway.web.errors.log", Log())
    monkeypatch.setattr(service, "conversation", broken)
    answer = owner.get("/messages", owner=NUMBER, contact=CONTACT)
    assert refused(answer, 500) and b"hidden" not in answer.data
    assert Log.told == ["hidden detail"]


def _change(gateway: Gateway, statement: Any) -> None:
    with gateway.writing() as session:
        session.execute(statement)
