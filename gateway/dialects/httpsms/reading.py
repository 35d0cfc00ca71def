"""From a request's bytes to validated values, in the two steps of contract 1.2: what cannot be decoded is 400, what is not valid 422."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any
from uuid import UUID

from flask import request
from marshmallow import fields

from gateway.dialects.httpsms.fields import MOMENT, Moment, Strings
from gateway.dialects.httpsms.uncertain import CONTENT_TYPE_ENDING
from gateway.domain.errors import InvalidField, MalformedRequest, RequestTooLarge
from gateway.web.authentication import current_gateway
from gateway.web.bodies import json_object, raw_body
from gateway.web.fields import Flag, LooseSchema, Text, Whole

_uuid = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE).fullmatch
BODY = "dragoman.httpsms.body"


def values(schema: LooseSchema) -> dict[str, Any]:
    """The JSON body as the schema's values. Keys are matched without regard to case, null counts as absent (contract 1.3).

    Raises:
        MalformedRequest: no JSON object, another content type, a value of the wrong JSON type.
        RequestTooLarge
        InvalidFields: every field that is wrong.
    """
    if not (request.mimetype or "").endswith(CONTENT_TYPE_ENDING):
        raise MalformedRequest("the Content-Type must be application/json")
    given = json_object(body())
    named = _named(schema, given)
    for name, field in _keys(schema).items():
        if name in named:
            _decode(name, field, named[name])
    return schema.read_all(named)


def query_values(schema: LooseSchema) -> dict[str, Any]:
    """The query string as the schema's values; a repeated name is a list only where the schema has one (``owners`` or ``owners[]``).

    Raises:
        InvalidFields
    """
    given: dict[str, Any] = {}
    for name, field in _keys(schema).items():
        found = request.args.getlist(name) + request.args.getlist(f"{name}[]")
        if isinstance(field, Strings):
            given[name] = [each for each in found if each]
        elif found and found[0]:
            given[name] = found[0]
    return schema.read_all(given)


def identifier(written: str, field: str) -> UUID:
    """The id in a path.

    Raises:
        InvalidField: not a UUID; ``field`` is the name it is told under (``messageID``).
    """
    if not _uuid(written):
        raise InvalidField(field, "must be a valid UUID")
    return UUID(written)


def body() -> bytes:
    """The bytes of the body, read once for a request.

    Raises:
        RequestTooLarge, MalformedRequest
    """
    if BODY not in request.environ:
        request.environ[BODY] = raw_body(current_gateway().settings.max_body_bytes)
    read: bytes = request.environ[BODY]
    return read


def body_field(name: str) -> object:
    """A field of the JSON body, None where there is none or the body is not JSON."""
    if request.method in ("GET", "DELETE") or not (request.mimetype or "").endswith(CONTENT_TYPE_ENDING):
        return None
    with suppress(MalformedRequest, RequestTooLarge):
        return json_object(body()).get(name)
    return None


def _keys(schema: LooseSchema) -> dict[str, fields.Field[Any]]:
    return {field.data_key or name: field for name, field in schema.load_fields.items()}


def _named(schema: LooseSchema, given: dict[str, Any]) -> dict[str, Any]:
    """The values under the schema's own spelling of their names. As in Go, the last of several spellings wins."""
    spelled = {name.lower(): name for name in _keys(schema)}
    return {spelled[key.lower()]: value for key, value in given.items() if value is not None and key.lower() in spelled}


def _decode(name: str, field: fields.Field[Any], value: Any) -> None:
    """Refuses a value of another JSON type than the field's.

    Raises:
        MalformedRequest
    """
    if isinstance(field, Moment):
        good, kind = isinstance(value, str) and bool(MOMENT.fullmatch(value)), "a date and time of RFC 3339 with an offset"
    elif isinstance(field, Strings):
        good, kind = isinstance(value, list) and all(isinstance(each, str) for each in value), "a list of strings"
    elif isinstance(field, Text):
        good, kind = isinstance(value, str), "a string"
    elif isinstance(field, Flag):
        good, kind = isinstance(value, bool), "true or false"
    elif isinstance(field, Whole):
        good, kind = type(value) is int, "a whole number"
    else:
        good, kind = True, ""
    if not good:
        raise MalformedRequest(f"{name} must be {kind}")
