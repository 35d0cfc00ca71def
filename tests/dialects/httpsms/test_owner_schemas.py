"""Nothing that a client sends to the owner's calls is a defect, or changes anything by mistake."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from gateway.dialects.httpsms.openapi_owner import OWNER_OPERATIONS
from gateway.web.openapi import PLACEHOLDER
from tests.dialects.httpsms.client import NUMBER, data, refused
from tests.dialects.httpsms.test_bad_inputs import ODD, ODD_PATHS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ENDS = ("/users/me", "/users/<user_id>/api-keys")
BODIES = [each for each in OWNER_OPERATIONS if each.body_example]


def path_of(rule: str, part: str) -> str:
    return PLACEHOLDER.sub(part.replace("\\", ""), rule.removeprefix("/v1"))


def test_odd_values_in_every_field(owner):
    user_id = data(owner.get("/users/me"))["id"]
    for operation in BODIES:
        assert operation.body is not None
        path = path_of(operation.rule, user_id if "user_id" in operation.rule else str(uuid4()))
        for field in operation.body().load_fields:
            for value in ODD:
                body = json.dumps(operation.body_example | {field: value}).replace("Infinity", "1e400")
                answer = owner.call(operation.methods[0], path, data=body, content_type="application/json")
                assert answer.status_code in (200, 201, 400, 402, 404, 422), (path, field, str(value)[:50], answer.text)


def test_odd_ids_and_queries(owner):
    for operation in OWNER_OPERATIONS:
        if operation.rule.removeprefix("/v1") in ENDS:
            continue
        for odd in ODD_PATHS:
            options: dict[str, Any] = {"json": operation.body_example} if operation.body_example else {}
            if operation.query is not None:
                names = operation.query().load_fields
                options["query_string"] = "&".join(f"{name}={NUMBER.replace('+', '%2B') if name == 'owner' else odd}" for name in names)
            answer = owner.call(operation.methods[0], path_of(operation.rule, odd), **options)
            assert answer.status_code in (200, 201, 400, 401, 402, 404, 405, 422, 501), (operation.rule, odd, answer.text)


def test_bodies_that_are_no_object_or_not_json(owner):
    for operation in BODIES:
        path = path_of(operation.rule, data(owner.get("/users/me"))["id"] if "user_id" in operation.rule else str(uuid4()))
        for body in (b"", b"[]", b"null", b"{", b"[" * 100_000, b"\xff\xfe{\x00}\x00", b'"x"'):
            refused(owner.call(operation.methods[0], path, data=body, content_type="application/json"), 400)
        refused(owner.call(operation.methods[0], path, data=b"{}", content_type="text/plain"), 400)


def test_keys_in_any_case_and_null_for_absent(owner):
    made = owner.call("PUT", "/phones", json={"Phone_Number": NUMBER, "SIM": "SIM2", "fcm_token": None, "unknown": 1})
    assert (data(made)["sim"], data(made)["fcm_token"]) == ("SIM2", None)
