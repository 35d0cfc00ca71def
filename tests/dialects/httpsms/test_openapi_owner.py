"""What the OpenAPI document says of the owner's calls is what they answer."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects.httpsms import DIALECT
from gateway.dialects.httpsms.openapi_owner import HEARTBEAT, OWNER_OPERATIONS, PHONE, PHONE_KEY, SCHEDULE, USAGE, USER, WEBHOOK
from gateway.web.openapi import Operation
from tests.dialects.httpsms.client import NUMBER

EXAMPLES = [
    (operation, success.schema, success.example)
    for operation in OWNER_OPERATIONS
    for success in operation.success
    if isinstance(success.schema, dict)
]


def missing(schema: dict[str, Any], value: Any) -> set[str]:
    """Keys that only one of a schema and a value of it has."""
    if schema.get("type") == "array":
        return set().union(*(missing(schema["items"], each) for each in value))
    if schema.get("type") != "object" or "properties" not in schema:
        return set()
    own = schema["properties"].keys() ^ value.keys()
    return own.union(*(missing(each, value[name]) for name, each in schema["properties"].items() if name in value))


@pytest.mark.parametrize(("operation", "schema", "example"), EXAMPLES, ids=[f"{each[0].methods[0]} {each[0].rule}" for each in EXAMPLES])
def test_examples_have_the_keys_of_their_schemas(operation: Operation, schema: dict[str, Any], example: Any) -> None:
    assert missing(schema, example) == set()


@pytest.mark.parametrize(
    "operation", [each for each in OWNER_OPERATIONS if each.body_example], ids=lambda each: f"{each.methods[0]} {each.rule}"
)
def test_examples_of_bodies_would_be_accepted(operation: Operation) -> None:
    assert operation.body is not None
    operation.body().read_all(operation.body_example)  # type: ignore[attr-defined]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_route_is_described_once_and_nothing_else(app):
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(f"{DIALECT.name}.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = [(method, operation.rule) for operation in DIALECT.operations for method in operation.methods]
    assert sorted(routes) == sorted(described)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_answers_have_the_keys_of_their_schemas(owner):
    window = {"day_of_week": 1, "start_minute": 0, "end_minute": 60}
    webhook = {"url": "acme.example", "phone_numbers": [NUMBER], "events": ["message.phone.sent"]}
    for schema, answer in (
        (PHONE, owner.call("PUT", "/phones", json={"phone_number": NUMBER})),
        (USER, owner.get("/users/me")),
        (USAGE, owner.get("/billing/usage")),
        (PHONE_KEY, owner.post("/phone-api-keys", {"name": "Reception"})),
        (SCHEDULE, owner.post("/send-schedules", {"name": "Office", "timezone": "UTC", "windows": [window]})),
        (WEBHOOK, owner.post("/webhooks", webhook)),
        ({"type": "array", "items": HEARTBEAT}, owner.post("/heartbeats", {"phone_numbers": [NUMBER]})),
    ):
        assert missing(schema, answer.json["data"]) == set()
