"""The calls of the bulk SMS API as the OpenAPI document tells them."""

from __future__ import annotations

from typing import Any

from gateway.dialects.bulk import schemas
from gateway.dialects.bulk.errors import KeyMissing, Unauthenticated
from gateway.dialects.bulk.uncertain import BALANCE_IN_V1, NOT_OFFERED
from gateway.domain import errors
from gateway.web.errors import InternalError
from gateway.web.fields import LooseSchema
from gateway.web.openapi import Header, Operation, Success

SECURITY: dict[str, dict[str, Any]] = {
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The usual place. A field `api_key` will do as well."},
    "query": {"type": "apiKey", "in": "query", "name": "api_key"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic", "description": "User name and password, instead of the fields `username` and `password`."},
}
KEY = ("header", "query", "bearer")
BODIES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
REPEAT = (Header("Idempotency-Key", "Makes a repetition of the same request harmless.", example="3f1c-one"),)
ANY = (errors.MethodNotAllowed, InternalError)
ALWAYS = (
    errors.MalformedRequest, errors.RequestTooLarge, errors.Throttled, errors.CallerDisabled, errors.AddressNotAllowed,
    errors.PermissionDenied, errors.StorageUnavailable, *ANY,
)  # fmt: skip
BY_PASSWORD = (errors.MissingCredentials, errors.BadCredentials)
BY_KEY = (KeyMissing, errors.UnknownKey, errors.KeyExpired)
SENDING = (
    errors.InvalidFields, errors.InvalidField, errors.InvalidRecipient, errors.TooManyRecipients, errors.InvalidOriginator,
    errors.OriginatorNotAllowed, errors.EmptyText, errors.TextTooLong, errors.UnencodableText, errors.DestinationNotServed,
    errors.IdempotencyMismatch, errors.InsufficientCredit, errors.DailyCapReached, errors.OutcomeUnknown, errors.Unavailable, *ALWAYS,
)  # fmt: skip
TEXT = {"numbers": "0702913454,0776913451", "message_body": "Hello"}
LOGIN = {"username": "acme", "password": "…"}
ORDER = "0197a3c2-f0de-7c4e-8e5d-1c2b3a400000"
NEW_KEY = {
    "success": True, "message": "API key generated successfully",
    "data": {"api_key": "bk_…", "expires_at": "2026-12-21T07:34:00Z"}, "api_key": "bk_…",
}  # fmt: skip


def _ok(example: dict[str, Any], words: str = "") -> tuple[Success, ...]:
    return (Success(200, words, schema={"type": "object"}, example=example),)


def _sent(message: str, **more: Any) -> tuple[Success, ...]:
    data = {"message_id": ORDER, "recipients": 2, "estimated_cost": 2, "remaining_balance": 998} | more
    return _ok({"success": True, "message": message, "data": data}, "Recorded and paid.")


def _send_by_url(rule: str, query: type[LooseSchema], security: tuple[str, ...], message: str, who: tuple[Any, ...]) -> Operation:
    return Operation(
        rule, ("GET",), "Send one text to many, all in the address", query=query, headers=REPEAT, security=security,
        success=_sent(message), errors=(*who, *SENDING),
    )  # fmt: skip


def _key_call(rule: str, summary: str, body: type[LooseSchema], security: tuple[str, ...], example: Any, *more: Any) -> Operation:
    return Operation(
        rule, ("POST",), summary, body=body, body_types=BODIES, body_example=LOGIN, security=security,
        success=_ok(example), errors=(Unauthenticated, *more, *ALWAYS),
    )  # fmt: skip


OPERATIONS = (
    _send_by_url("/v1/sms/send", schemas.SendWithPassword, (), "Message sent successfully.", BY_PASSWORD),
    Operation("/v1/sms/send", ("POST",), "Send one text to many", body=schemas.SendWithPassword, body_types=BODIES,
              body_example=LOGIN | TEXT, headers=REPEAT, success=_sent("Message sent successfully."), errors=(*BY_PASSWORD, *SENDING)),
    Operation(BALANCE_IN_V1, ("POST",), "Ask for the balance", body=schemas.Login, body_types=BODIES, body_example=LOGIN,
              success=_ok({"success": True, "message": "Balance retrieved successfully", "data": {"balance": 998, "currency": "UGX"},
                           "balance": 998}), errors=(*BY_PASSWORD, *ALWAYS)),
    _send_by_url("/api/v2/sms/send", schemas.Send, KEY, "SMS sent successfully", BY_KEY),
    Operation("/api/v2/sms/send", ("POST",), "Send one text to many", body=schemas.SendWithKey, body_types=BODIES, body_example=TEXT,
              headers=REPEAT, security=KEY, success=_sent("SMS sent successfully"), errors=(*BY_KEY, *SENDING)),
    Operation("/api/v2/sandbox/sms/send", ("POST",), "Try out sending", "Costs nothing and reaches no carrier.", body=schemas.SendWithKey,
              body_types=BODIES, body_example=TEXT, headers=REPEAT, security=KEY,
              success=_sent("SMS sent successfully", estimated_cost=0, sandbox=True), errors=(*BY_KEY, *SENDING)),
    Operation("/api/v2/sms/send/bulk", ("POST",), "Send each a text of its own", body=schemas.Personalised, headers=REPEAT, security=KEY,
              body_example={"messages": [{"number": "0702913454", "message_body": "Hello Ada"}, {"number": "x", "message_body": "Hello"}]},
              success=_ok({"success": True, "message": "SMS sent successfully", "data": {
                  "successful_messages": [{"index": 0, "number": "0702913454", "number_of_messages": 1}],
                  "failed_messages": [{"index": 1, "number": "x", "error": "Invalid phone number format."}],
                  "message_id": ORDER, "estimated_cost": 1, "remaining_balance": 999}},
                  "Each entry is judged by itself; `success` is false if none was accepted."),
              errors=(*BY_KEY, *SENDING)),
    Operation("/api/v2/account/balance", ("GET",), "Ask for the balance", security=KEY, errors=(*BY_KEY, *ALWAYS),
              success=_ok({"success": True, "message": "Balance retrieved successfully", "data": {"balance": 998, "currency": "UGX"}})),
    _key_call("/api/generate-key", "Make the account's API key", schemas.GenerateKey, ("basic",), NEW_KEY,
              errors.InvalidFields, errors.KeyExists),
    _key_call("/api/regenerate-key", "Replace the API key", schemas.RegenerateKey, ("basic", *KEY), NEW_KEY, errors.InvalidFields),
    _key_call("/api/revoke-key", "End the API key", schemas.RevokeKey, ("basic", *KEY),
              {"success": True, "message": "API key revoked successfully"}, errors.NotFound),
    *(Operation(rule, (method,), "Not offered", success=(), errors=(errors.NotBuilt, *ANY)) for method, rule in NOT_OFFERED),
    Operation("/api/v2", ("GET",), "This description, for people",
              success=(Success(200, "Swagger UI.", "text/html", {"type": "string"}),), errors=ANY),
    Operation("/api/oauth2-redirect.js", ("GET",), "The script of the callback page",
              success=(Success(200, "", "text/javascript", {"type": "string"}),), errors=ANY),
    Operation("/api/oauth2-callback", ("GET",), "The page an OAuth provider would lead back to",
              success=(Success(200, "A page with one script.", "text/html", {"type": "string"}),), errors=ANY),
)  # fmt: skip
