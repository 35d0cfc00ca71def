"""The OpenAPI document says what the schemas take and what the tables of errors answer, and is OpenAPI 3.1."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from marshmallow import fields

from gateway.dialects import DIALECTS
from gateway.domain import errors
from gateway.inlets import INLETS
from gateway.web import documentation
from gateway.web.dialect import Answer, Dialect, ErrorRow
from gateway.web.fields import Flag, LooseSchema, Text, Whole
from gateway.web.openapi import Header, Operation, Success, document

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}


class Part(LooseSchema):
    to = Text(required=True, longest=40)


class Order(LooseSchema):
    text = Text(required=True, longest=500, metadata={"description": "What to say.", "example": "Hello"})
    sender = Text(allow_none=True, load_default=None, numbers=True, longest=20)
    note = Text(allow_none=True, load_default=None, longest=30)
    urgent = Flag(load_default=False)
    hours = Whole(1, 48, load_default=24)
    limit = Whole(1, 9, load_default=None, allow_none=False)
    parts = fields.List(fields.Nested(Part))
    renamed = Text(data_key="From")


class Page(LooseSchema):
    number = Whole(1, 100, load_default=1, data_key="pageNumber", metadata={"description": "From 1.", "example": 2})
    sender = Text(allow_none=True, load_default=None, numbers=True, longest=20)
    all = Flag(load_default=False)


def a_dialect(*operations: Operation, name: str = "toy", **changes: Any) -> Dialect:
    table = {
        errors.GatewayError: ErrorRow(500, "", "Something failed"),
        errors.InvalidInput: ErrorRow(400, "INVALID", "Not valid"),
        errors.InvalidField: ErrorRow(400, "FIELD", lambda error: error.reason),
        errors.AuthenticationFailed: ErrorRow(401, "WHO", "Who are you?", (("WWW-Authenticate", "Basic"),)),
        errors.NotFound: ErrorRow(200, "NONE", "There is none"),
    }

    def render(answer: Answer) -> Response:
        return Response(answer.words, answer.status)

    dialect = Dialect(
        name=name, title=f"The {name} API", paths=(f"/{name}",), blueprint=Blueprint(name, __name__), errors=table, render_error=render,
        operations=operations, error_schema={"type": "object", "properties": {"code": {"type": "string"}}},
        security={"key": {"type": "apiKey", "in": "header", "name": "X-Key"}, "basic": {"type": "http", "scheme": "basic"}},
    )  # fmt: skip
    return replace(dialect, **changes)


def an_operation(rule: str = "/toy/orders", methods: tuple[str, ...] = ("POST",), **rest: Any) -> Operation:
    return Operation(rule, methods, "Do it", **rest)


def written(*operations: Operation, **changes: Any) -> dict[str, Any]:
    """The document, as a client reads it."""
    found: dict[str, Any] = json.loads(json.dumps(document([a_dialect(*operations, **changes)], "1.2.3")))
    return found


def properties(found: Mapping[str, Any], name: str = "toy.Order") -> dict[str, Any]:
    kept: dict[str, Any] = found["components"]["schemas"][name]["properties"]
    return kept


def walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every object of the document that is no example."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            if key not in ("example", "examples", "default"):
                yield from walk(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from walk(inner, (*path, str(number)))


def faults(found: Mapping[str, Any]) -> Iterator[str]:
    """What of OpenAPI 3.1 the document does not keep."""
    if found["openapi"] != "3.1.0" or not found["info"].keys() >= {"title", "version"}:
        yield "head"
    for name, schema in found["components"].get("schemas", {}).items():
        yield from _schema_faults(found, name, schema)
    for where, value in walk(found["paths"]):
        if isinstance(value.get("schema"), dict):
            yield from _schema_faults(found, "/".join(where), value["schema"])
    shapes = [re.sub(r"\{\w+\}", "{}", path) for path in found["paths"]]
    if len(set(shapes)) != len(shapes):
        yield "two paths differ only in the names of their placeholders"
    ids = [operation["operationId"] for methods in found["paths"].values() for operation in methods.values()]
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield from (f"{method} {path}: {fault}" for fault in _operation_faults(found, path, method, operation))
    if len(set(ids)) != len(ids):
        yield "operationId twice"


def _schema_faults(found: Mapping[str, Any], where: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """Of one JSON Schema and of all inside it."""
    if "$ref" in schema:
        target: Any = found
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target.get(step, {})
        if not target:
            yield f"{where}: {schema['$ref']} leads nowhere"
    if "nullable" in schema:
        yield f"{where}: nullable is of OpenAPI 3.0"
    kinds = schema.get("type", [])
    if not set([kinds] if isinstance(kinds, str) else kinds) <= TYPES:
        yield f"{where}: type {kinds}"
    if schema.get("default", "") is None and kinds and "null" not in kinds:
        yield f"{where}: its default is not allowed"
    if schema.get("default", "") is None and "oneOf" in schema and {"type": "null"} not in schema["oneOf"]:
        yield f"{where}: its default is not allowed"
    inner = [*schema.get("properties", {}).items(), *((each, schema[each]) for each in ("items", "additionalProperties") if each in schema)]
    inner += [(each, option) for each in ("oneOf", "anyOf", "allOf") for option in schema.get(each, [])]
    for name, each in inner:
        if isinstance(each, dict):
            yield from _schema_faults(found, f"{where}/{name}", each)


def _operation_faults(found: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    if method not in METHODS:
        yield "no such method"
    if not path.startswith("/") or "<" in path:
        yield "no such path"
    keys = [(each["name"], each["in"]) for each in operation["parameters"]]
    if len(set(keys)) != len(keys):
        yield "a parameter twice"
    if {name for name, place in keys if place == "path"} != set(re.findall(r"\{(\w+)\}", path)):
        yield "placeholders"
    if not operation["responses"] or not all(re.fullmatch("[1-5][0-9]{2}", status) for status in operation["responses"]):
        yield "statuses"
    if not all(response["description"] for response in operation["responses"].values()):
        yield "an answer without description"
    schemes = found["components"].get("securitySchemes", {})
    if not all(name in schemes for way in operation.get("security", []) for name in way):
        yield "unknown security scheme"
    if not all(tag in [each["name"] for each in found["tags"]] for tag in operation["tags"]):
        yield "unknown tag"


def test_the_body_is_what_the_schema_takes() -> None:
    found = written(
        an_operation(body=Order, body_types=("application/json", "application/x-www-form-urlencoded"), body_example={"text": "Hi"})
    )
    assert list(faults(found)) == []
    body = found["paths"]["/toy/orders"]["post"]["requestBody"]
    media = {"schema": {"$ref": "#/components/schemas/toy.Order"}, "example": {"text": "Hi"}}
    assert body["content"] == {"application/json": media, "application/x-www-form-urlencoded": media}
    assert found["components"]["schemas"]["toy.Order"]["required"] == ["text"]
    assert "additionalProperties" not in found["components"]["schemas"]["toy.Order"]
    assert properties(found) == {
        "text": {"type": "string", "minLength": 1, "maxLength": 500, "description": "What to say.", "examples": ["Hello"]},
        "sender": {"oneOf": [{"type": "string", "maxLength": 20}, {"type": "integer"}, {"type": "null"}], "default": None},
        "note": {"type": ["string", "null"], "maxLength": 30, "default": None},
        "urgent": {
            "oneOf": [
                {"type": "boolean"},
                {"type": "string", "enum": ["true", "false", "1", "0", ""]},
                {"type": "integer", "enum": [0, 1]},
            ],
            "default": False,
        },
        "hours": {
            "oneOf": [{"type": "integer", "minimum": 1, "maximum": 48}, {"type": "string", "pattern": r"^\s*-?[0-9]{1,12}\s*$"}],
            "default": 24,
        },
        "limit": {"oneOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "string", "pattern": r"^\s*-?[0-9]{1,12}\s*$"}]},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/toy.Part"}},
        "From": {"type": "string", "maxLength": 1000},
    }


def test_a_query_has_only_the_forms_that_a_query_can_have() -> None:
    found = written(an_operation(methods=("GET",), query=Page))
    assert list(faults(found)) == []
    assert found["paths"]["/toy/orders"]["get"]["parameters"] == [
        {
            "name": "pageNumber",
            "in": "query",
            "required": False,
            "description": "From 1.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 1},
            "example": 2,
        },
        {"name": "sender", "in": "query", "required": False, "schema": {"type": "string", "maxLength": 20}},
        {"name": "all", "in": "query", "required": False, "schema": {"type": "boolean", "default": False}},
    ]


def test_refusals_come_from_the_dialects_table() -> None:
    refusals = (errors.MissingField, errors.MalformedRequest, errors.InvalidField, errors.SessionExpired, errors.Unavailable)
    responses = written(an_operation(errors=refusals))["paths"]["/toy/orders"]["post"]["responses"]
    assert {status: response["description"] for status, response in responses.items()} == {
        "200": "OK",
        "400": "- `INVALID`: Not valid\n- `FIELD`: Invalid field",
        "401": "- `WHO`: Who are you?",
        "500": "- Something failed",
    }
    assert responses["400"]["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/toy.error"}}}
    assert responses["401"]["headers"] == {"WWW-Authenticate": {"schema": {"type": "string"}}}


def test_an_error_may_be_plain_text_and_share_its_status_with_success() -> None:
    good = Success(200, "Sent.", "text/plain", {"type": "string", "pattern": "^OK"}, "OK 17")
    found = written(an_operation(success=(good,), errors=(errors.NotFound,)), error_schema=None, error_media="text/plain")
    assert list(faults(found)) == []
    assert found["paths"]["/toy/orders"]["post"]["responses"] == {
        "200": {
            "description": "Sent.\n- `NONE`: There is none",
            "content": {
                "text/plain": {"schema": {"anyOf": [{"type": "string", "pattern": "^OK"}, {"type": "string"}]}, "example": "OK 17"}
            },
        }
    }


def test_placeholders_headers_and_ways_in() -> None:
    operation = an_operation(
        "/toy/<uuid:order_id>/<int:part>/<path:rest>", ("GET", "POST"), body=Order, path={"order_id": "Which."},
        headers=(Header("Idempotency-Key", "Once.", example="k-1"),), security=("basic", ("key", "basic")),
    )  # fmt: skip
    found = written(operation)
    assert list(faults(found)) == []
    both = found["paths"]["/toy/{order_id}/{part}/{rest}"]
    assert both["get"]["parameters"] == [
        {"name": "order_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}, "description": "Which."},
        {"name": "part", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}},
        {"name": "rest", "in": "path", "required": True, "schema": {"type": "string"}},
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "Once.",
            "example": "k-1",
        },
    ]
    assert both["get"]["security"] == [{"toy.basic": []}, {"toy.key": [], "toy.basic": []}]
    assert ("requestBody" in both["get"], "requestBody" in both["post"]) == (False, True)
    assert both["get"]["operationId"] != both["post"]["operationId"]


def test_two_dialects_never_share_a_name() -> None:
    class Same(LooseSchema):
        class Meta(LooseSchema.Meta):
            title = "second"

        word = Text()

    Same.__name__ = "Order"
    one, other = an_operation(body=Order), an_operation("/other/orders", body=Same)
    found = document([a_dialect(one), a_dialect(other, name="other")], "1")
    assert list(faults(found)) == []
    assert found["components"]["schemas"].keys() == {"toy.Order", "toy.Part", "toy.error", "other.Order", "other.error"}
    assert [tag["name"] for tag in found["tags"]] == ["toy", "other"]


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ((an_operation(), an_operation()), "described twice"),
        ((an_operation(security=("nobody",)),), "no security scheme nobody"),
        ((an_operation(path={"order_id": "Which."}),), "has no order_id"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(operations: tuple[Operation, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        written(*operations)


def test_the_checks_of_this_file_can_fail() -> None:
    found = written(an_operation(body=Order))
    found["paths"]["/toy/orders"]["post"]["responses"]["200"]["description"] = ""
    found["paths"]["/toy/{id}"] = found["paths"]["/toy/orders"]
    found["components"]["schemas"]["toy.Order"]["properties"]["text"] = {"$ref": "#/components/schemas/nowhere", "nullable": True}
    found["components"]["schemas"]["toy.Order"]["properties"]["note"] = {"type": "text"}
    found["components"]["schemas"]["toy.Order"]["properties"]["hours"] = {"type": "integer", "default": None}
    told = "\n".join(faults(found))
    for words in ("without description", "placeholders", "operationId twice", "nowhere", "nullable", "type text", "its default"):
        assert words in told


def test_the_gateways_own_document_is_openapi() -> None:
    assert list(faults(json.loads(json.dumps(documentation.described(DIALECTS))))) == []


OTHERS = {"console", *(each.name for each in INLETS)}
"""Routes that are not for programs of customers: the operator's pages, and what carriers and telephones call."""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_described_is_served_and_what_is_served_is_described(app: Flask) -> None:
    found = app.test_client().get("/openapi.json").get_json()
    told = {(path, method.upper()) for path, methods in found["paths"].items() for method in methods}
    served = {
        (re.sub(r"<(?:\w+(?:\([^>]*\))?:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] not in OTHERS and rule.endpoint != "openapi.asset"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert told == served


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_document_is_read_again_only_when_it_changed(app: Flask) -> None:
    client = app.test_client()
    first = client.get("/openapi.json")
    assert (first.status_code, first.mimetype, first.headers["Cache-Control"]) == (200, "application/json", "no-cache")
    again = client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/openapi.json", headers={"If-None-Match": '"other"'}).status_code == 200
