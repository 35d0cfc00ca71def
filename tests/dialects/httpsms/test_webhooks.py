"""``/v1/webhooks`` (contract 6.1): kept, with their signing keys encrypted; nothing is called yet."""

from __future__ import annotations

from uuid import uuid4

import pytest

from gateway.services.webhooks import EVENTS
from gateway.storage.tables import Webhook
from tests.dialects.httpsms.client import NUMBER, data, refused, wrong

BODY = {"url": "https://acme.example/events", "signing_key": "sesame ✓", "phone_numbers": [NUMBER], "events": ["message.phone.sent"]}
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def made(client, **fields):
    answer = client.post("/webhooks", BODY | fields)
    assert answer.status_code == 201, answer.text
    return answer.json["data"]


def test_a_webhook_is_made_listed_replaced_and_deleted(owner, clock):
    first = made(owner)
    assert first == BODY | {
        "id": first["id"], "user_id": data(owner.get("/users/me"))["id"], "created_at": "2026-01-05T08:00:00Z",
        "updated_at": "2026-01-05T08:00:00Z",
    }  # fmt: skip
    clock.forward(minutes=1)
    second = made(owner, url="http://localhost:8080/x", events=list(EVENTS))
    assert data(owner.get("/webhooks")) == [second]
    assert data(owner.get("/webhooks", limit=1000)) == [second, first]
    assert data(owner.get("/webhooks", query="ACME")) == [first]
    assert data(owner.get("/webhooks", skip=1)) == [first]
    body = {"url": "https://other.example", "phone_numbers": [NUMBER], "events": ["message.call.missed"]}
    changed = data(owner.call("PUT", f"/webhooks/{first['id']}", json=body))
    assert changed == first | body | {"signing_key": "", "updated_at": "2026-01-05T08:01:00Z"}
    assert data(owner.call("DELETE", f"/webhooks/{first['id']}")) is None
    assert data(owner.get("/webhooks", limit=10)) == [second]
    refused(owner.call("DELETE", f"/webhooks/{first['id']}"), 404)
    refused(owner.call("PUT", f"/webhooks/{first['id']}", json=BODY), 404)


def test_the_database_does_not_hold_the_signing_key_readable(gateway, owner):
    made(owner)
    with gateway.reading() as session:
        stored = session.query(Webhook).one().signing_key
    assert stored is not None and b"sesame" not in stored
    assert data(owner.get("/webhooks"))[0]["signing_key"] == BODY["signing_key"]


@sqlite_only
def test_a_signing_key_whose_secret_is_gone_is_503_and_told_nowhere(gateway, owner):
    made(owner)
    with gateway.writing() as session:
        session.query(Webhook).one().signing_key = b"encrypted under a secret that is gone"
    assert "secret" not in refused(owner.get("/webhooks"), 503)


@sqlite_only
def test_addresses_that_are_taken(owner):
    for given, kept in (
        ("acme.example/events?a=b", "https://acme.example/events?a=b"),
        ("HTTP://acme.example", "HTTP://acme.example"),
        (" https://acme.example ", "https://acme.example"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/"),
        ("https://" + "x" * 239 + ".example", "https://" + "x" * 239 + ".example"),
    ):
        assert made(owner, url=given)["url"] == kept


@sqlite_only
def test_addresses_that_are_refused(owner):
    for url in (
        "", None, "ftp://acme.example", "javascript://acme.example", "https://", "acme", "https://a b.example", "https://acme.example:port",
        "https://acme.example:99999", "https://x\x00.example", "https://[::1", "https://" + "x" * 300 + ".example", "x" * 250 + ".com",
        "https://münchen.example", "https://acme.example/\x7f", "//acme.example",
    ):  # fmt: skip
        assert wrong(owner.post("/webhooks", BODY | {"url": url})).keys() == {"url"}, url


@sqlite_only
def test_what_is_not_valid_is_named(owner):
    for fields, named in (
        ({"events": []}, "events"), ({"events": None}, "events"), ({"events": ["message.phone.seen"]}, "events"),
        ({"phone_numbers": []}, "phone_numbers"), ({"phone_numbers": None}, "phone_numbers"), ({"phone_numbers": ["x"]}, "phone_numbers"),
        ({"phone_numbers": ["+18005550100"]}, "from"),
        ({"signing_key": "x" * 256}, "signing_key"), ({"signing_key": "\x00"}, "signing_key"),
    ):  # fmt: skip
        assert wrong(owner.post("/webhooks", BODY | fields)).keys() == {named}, fields
    assert data(owner.get("/webhooks")) == []


@sqlite_only
def test_numbers_and_events_are_kept_once_and_as_the_account_has_them(owner):
    webhook = made(owner, phone_numbers=["18005550199", NUMBER], events=["message.phone.sent"] * 2)
    assert (webhook["phone_numbers"], webhook["events"]) == ([NUMBER], ["message.phone.sent"])


@sqlite_only
def test_there_may_be_ten(owner):
    for _ in range(10):
        made(owner)
    refused(owner.post("/webhooks", BODY), 402)
    assert wrong(owner.post("/webhooks", BODY | {"url": ""})).keys() == {"url"}  # what is not valid is told first
    assert len(data(owner.get("/webhooks", limit=100))) == 10


@sqlite_only
def test_another_s_webhook_looks_absent(owner, teammate, stranger):
    webhook_id = made(owner)["id"]
    refused(stranger.call("PUT", f"/webhooks/{webhook_id}", json=BODY), 404)
    refused(stranger.call("DELETE", f"/webhooks/{webhook_id}"), 404)
    assert data(stranger.get("/webhooks")) == []
    refused(teammate.get("/webhooks"), 403)
    refused(teammate.post("/webhooks", BODY), 403)
    assert wrong(owner.call("DELETE", "/webhooks/7")).keys() == {"webhookID"}
    refused(owner.call("DELETE", f"/webhooks/{uuid4()}"), 404)
