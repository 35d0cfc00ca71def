"""The calls of smSend as the OpenAPI document tells them."""

from __future__ import annotations

from typing import Any

from gateway.dialects.smsend import schemas
from gateway.dialects.smsend.uncertain import NOT_BUILT, PREFIX
from gateway.domain import errors
from gateway.web.errors import InternalError
from gateway.web.fields import LooseSchema, Text
from gateway.web.openapi import Header, Operation, Success

SECURITY: dict[str, dict[str, Any]] = {
    "user_key": {"type": "apiKey", "in": "header", "name": "user_key"},
    "session": {"type": "apiKey", "in": "header", "name": "Session_key", "description": "From `/login`; ends after five idle minutes."},
    "token": {"type": "apiKey", "in": "header", "name": "Access_token", "description": "From `/token`; lasts."},
    "basic": {"type": "http", "scheme": "basic"},
}
KEYS = (("user_key", "session"), ("user_key", "token"))
REPEAT = (Header("Idempotency-Key", "Makes a repetition of the same request harmless.", example="3f1c-one"),)
ALWAYS = (errors.MethodNotAllowed, errors.StorageUnavailable, InternalError)
KNOWN = (
    errors.MissingCredentials, errors.UnknownKey, errors.SessionExpired, errors.CallerDisabled, errors.AddressNotAllowed,
    errors.PermissionDenied, *ALWAYS,
)  # fmt: skip
SIGNING_IN = (
    errors.MissingCredentials, errors.MissingField, errors.MalformedRequest, errors.BadCredentials, errors.Throttled, errors.CallerDisabled,
    errors.AddressNotAllowed, errors.RequestTooLarge, *ALWAYS,
)  # fmt: skip
SENDING = (
    *KNOWN, errors.MalformedRequest, errors.RequestTooLarge, errors.MissingField, errors.InvalidField, errors.InvalidRecipient,
    errors.TooManyRecipients, errors.InvalidOriginator, errors.OriginatorNotAllowed, errors.InvalidDate, errors.UnknownMessageType,
    errors.EmptyText, errors.TextTooLong, errors.UnencodableText, errors.DestinationNotServed, errors.DuplicateReference,
    errors.IdempotencyMismatch, errors.InsufficientCredit, errors.DailyCapReached, errors.OutcomeUnknown, errors.Unavailable,
)  # fmt: skip
LISTING = (*KNOWN, errors.MissingField, errors.InvalidField, errors.InvalidDate)

LISTED = (
    *KNOWN, errors.MalformedRequest, errors.RequestTooLarge, errors.MissingField, errors.InvalidField, errors.InvalidRecipient,
    errors.TooManyRecipients,
)  # fmt: skip


class SignIn(LooseSchema):
    """The query of ``/login`` and ``/token``; Basic authentication or a body will do instead."""

    username = Text(metadata={"description": "The user's name."})
    password = Text(metadata={"description": "The user's password."})


class NewPassword(LooseSchema):
    """The query of ``/pwdreset``."""

    password = Text(required=True, metadata={"description": "The new password, eight characters or more."})


def _plain(words: str, example: str) -> tuple[Success, ...]:
    return (Success(200, words, "text/plain", {"type": "string"}, example),)


def _json(status: int, words: str, example: dict[str, Any]) -> tuple[Success, ...]:
    return (Success(status, words, schema={"type": "object"}, example=example),)


def _sign_in(rule: str, summary: str, example: str) -> Operation:
    return Operation(
        PREFIX + rule, ("GET", "POST"), summary, query=SignIn, security=("basic",), success=_plain("Both parts, split by `;`.", example),
        errors=SIGNING_IN,
    )  # fmt: skip


def _sending(rule: str, summary: str, body: type[schemas.Envelope], example: dict[str, Any]) -> Operation:
    accepted = {"result": "OK", "order_id": "0197a3c2f0de7c4e8e5d1c2b3a400000", "total_sent": 1, "remaining_credits": 999}
    return Operation(
        PREFIX + rule, ("POST",), summary, body=body, body_example=example, headers=REPEAT, security=KEYS,
        success=_json(201, "Recorded and paid.", accepted), errors=SENDING + ((errors.MissingParameter,) if rule == "/paramsms" else ()),
    )  # fmt: skip


def _reading(
    rule: str, summary: str, query: type[LooseSchema] | None, example: dict[str, Any], *more: type[errors.GatewayError]
) -> Operation:
    listed = LISTING if query else KNOWN
    return Operation(
        PREFIX + rule, ("GET",), summary, query=query, security=KEYS, success=_json(200, "", example), errors=(*listed, *more)
    )  # fmt: skip


def _received(rule: str, summary: str, query: type[LooseSchema], *more: type[errors.GatewayError]) -> Operation:
    came = {"id": 1, "sender": "+393471234567", "recipient": "+393400001111", "text": "Hello", "receivedDate": "20261121073400"}
    page = {"result": "OK", "total": 1, "pageNumber": 1, "pageSize": 10, "messages": [came]}
    return _reading(rule, summary, query, page, *more)


def _not_built(methods: str, rule: str) -> Operation:
    return Operation(PREFIX + rule, tuple(methods.split()), "Not available yet", success=(), errors=(errors.NotBuilt, *ALWAYS))


OPERATIONS = (
    _sign_in("/login", "Open a session", "8f2300c1d2e3f4a5;iYWO0lq3"),
    _sign_in("/token", "Get the lasting token", "8f2300c1d2e3f4a5;iYWO0lq3"),
    Operation(PREFIX + "/checksession", ("GET",), "Ask whether the session lives", security=KEYS,
              success=_plain("`true` or `false`.", "true"), errors=(errors.NotFound, *KNOWN)),
    Operation(PREFIX + "/pwdreset", ("GET", "POST"), "Set a new password", query=NewPassword, security=KEYS,
              success=_plain("", "true"), errors=(errors.MissingField, errors.InvalidField, *KNOWN)),
    Operation(PREFIX + "/dashboard", ("GET",), "Get a link that signs in once", security=KEYS,
              success=_plain("The address of a page.", "https://sms.example.org/console/enter/…"), errors=(errors.NotFound, *KNOWN)),
    _sending("/sms", "Send one text to many", schemas.Send, {"message_type": "N", "message": "Hello", "recipient": ["+393471234567"]}),
    _sending("/paramsms", "Send each recipient a text of its own", schemas.ParametricSend,
             {"message_type": "N", "message": "Hello ${name}", "recipients": {"0": {"recipient": "+393471234567", "name": "Ann"}}}),
    _reading("/sms/<order_id>", "Ask for the state of an order", None,
             {"result": "OK", "recipient_number": 1,
              "recipients": [{"destination": "+393471234567", "status": "DLVRD", "delivery_date": "20261121073400"}]}, errors.NotFound),
    Operation(PREFIX + "/sms/<order_id>", ("DELETE",), "Take back a scheduled order", security=KEYS,
              success=_json(200, "Refunded.", {"result": "OK", "cancelled": 1}), errors=(errors.NotFound, errors.NotCancellable, *KNOWN)),
    Operation(PREFIX + "/sms/bulk", ("DELETE",), "Take back every scheduled order", security=KEYS,
              success=_json(200, "Refunded.", {"result": "OK", "cancelled": 2}), errors=KNOWN),
    _reading("/smshistory", "List orders", schemas.Page, {"result": "OK", "total": 0, "pageNumber": 1, "pageSize": 10, "smshistory": []}),
    _reading("/rcptHistory", "List messages to a recipient", schemas.RecipientPage,
             {"result": "OK", "total": 0, "pageNumber": 1, "pageSize": 10, "rcpthistory": []}, errors.InvalidRecipient),
    _reading("/status", "Ask for the credit", schemas.Status,
             {"money": None, "sms": [{"type": "N", "quantity": 1000}], "email": {"bandwidth": 0}}),
    Operation(PREFIX + "/blacklist/sms", ("POST",), "Put a number on the blacklist", query=schemas.BlacklistNumber,
              body=schemas.BlacklistNumbers, body_example={"phoneNumbers": ["+393471234567"]}, security=KEYS,
              success=_plain("It is on it.", "true"), errors=LISTED),
    Operation(PREFIX + "/blacklist/smsbatch", ("POST",), "Put numbers on the blacklist", body=schemas.BlacklistNumbers,
              body_example={"phoneNumbers": ["+393471234567"]}, security=KEYS,
              success=(Success(200, "How many were given.", schema={"type": "integer"}, example=1),), errors=LISTED),
    _reading("/blacklist/sms", "List the blacklist", schemas.BlacklistPage,
             {"result": "OK", "total": 1, "pageNumber": 1, "pageSize": 10,
              "blacklist": [{"phoneNumber": "+393471234567", "origin": "STOPSMS", "date": "2026-11-21 07:34:00"}]}),
    Operation(PREFIX + "/blacklist/sms/<phone>", ("DELETE",), "Take a number off the blacklist", security=KEYS,
              success=_plain("It is off it.", "true"), errors=(errors.NotFound, errors.InvalidRecipient, *KNOWN)),
    _received("/newrsmsmessage", "Fetch new messages", schemas.NewMessages),
    _received("/newrsmsmessage/<sim>", "Fetch new messages to some numbers", schemas.NewMessages, errors.InvalidRecipient),
    _received("/srsmshistory", "List received messages", schemas.Page),
    _received("/srsmshistory/<sim>", "List messages received by some numbers", schemas.Page, errors.InvalidRecipient),
    _received("/srsmshistory/<sim>/<id_message>", "List messages received after one", schemas.NewMessages, errors.InvalidRecipient),
    _received("/mosmshistory", "List received keywords", schemas.MoPage),
    *(_not_built(methods, rule) for methods, rule in NOT_BUILT),
)  # fmt: skip
