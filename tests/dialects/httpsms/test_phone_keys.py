"""``/v1/phone-api-keys`` (contract 5.6)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from gateway.domain.errors import KeyExpired, UnknownKey
from gateway.services import identity, keys, phone_keys
from gateway.storage.tables import Phone
from tests.dialects.httpsms.client import NUMBER, Client, data, refused, wrong

KEY_KEYS = {"id", "name", "user_id", "user_email", "phone_numbers", "phone_ids", "api_key", "created_at", "updated_at"}
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def made(client, name="Reception"):
    return data(client.post("/phone-api-keys", {"name": name}))


def bind(gateway, phone_id: str, key_id: str) -> None:
    """What a handset's registration does."""
    with gateway.writing() as session:
        session.get_one(Phone, UUID(phone_id)).credential_id = UUID(key_id)


def test_a_key_is_told_once_and_masked_from_then_on(gateway, owner):
    key = made(owner)
    assert key.keys() == KEY_KEYS
    assert key["api_key"].startswith("pk_") and len(key["api_key"]) == 67
    assert (key["name"], key["user_email"], key["phone_numbers"], key["phone_ids"]) == ("Reception", "owner@users.invalid", [], [])
    assert data(owner.get("/phone-api-keys")) == [key | {"api_key": key["api_key"][:12] + "…"}]
    assert identity.by_api_key(gateway, keys.HTTPSMS_PHONE, key["api_key"]).username == "owner"


@sqlite_only
def test_a_phone_key_opens_no_user_call(owner, http):
    phone = Client(http, made(owner)["api_key"])
    for path in ("/users/me", "/phones", "/phone-api-keys"):
        refused(phone.get(path), 401)


def test_bound_phones_are_listed_and_can_be_freed(gateway, owner):
    key, other = made(owner), made(owner, "Kitchen")
    phone_id = data(owner.get("/phones"))[0]["id"]
    bind(gateway, phone_id, key["id"])
    listed = {row["id"]: row for row in data(owner.get("/phone-api-keys", limit=100))}
    assert (listed[key["id"]]["phone_numbers"], listed[key["id"]]["phone_ids"]) == ([NUMBER], [phone_id])
    assert listed[other["id"]]["phone_numbers"] == []
    path = f"/phones/{phone_id}"
    refused(owner.call("DELETE", f"/phone-api-keys/{other['id']}{path}"), 404)
    assert owner.call("DELETE", f"/phone-api-keys/{key['id']}{path}").status_code == 204
    refused(owner.call("DELETE", f"/phone-api-keys/{key['id']}{path}"), 404)
    assert all(row["phone_ids"] == [] for row in data(owner.get("/phone-api-keys", limit=100)))


def test_an_ended_key_is_dead_and_frees_its_phones(gateway, owner):
    key = made(owner)
    phone_id = data(owner.get("/phones"))[0]["id"]
    bind(gateway, phone_id, key["id"])
    assert owner.call("DELETE", f"/phone-api-keys/{key['id']}").status_code == 204
    with pytest.raises(UnknownKey):
        identity.by_api_key(gateway, keys.HTTPSMS_PHONE, key["api_key"])
    assert data(owner.get("/phone-api-keys")) == []
    with gateway.reading() as session:
        assert session.get_one(Phone, UUID(phone_id)).credential_id is None
    refused(owner.call("DELETE", f"/phone-api-keys/{key['id']}"), 404)


@sqlite_only
def test_keys_are_listed_newest_first_one_by_default(owner, clock):
    names = ["first", "second", "third"]
    for name in names:
        made(owner, name)
        clock.forward(minutes=1)
    assert [row["name"] for row in data(owner.get("/phone-api-keys"))] == ["third"]
    assert [row["name"] for row in data(owner.get("/phone-api-keys", limit=1000))] == names[::-1]
    assert [row["name"] for row in data(owner.get("/phone-api-keys", skip=1, limit=1))] == ["second"]


@sqlite_only
def test_a_key_may_do_no_more_than_the_one_it_was_asked_for_with(gateway, http, owner, clock):
    terms = keys.KeyTerms(permissions=["httpsms:manage"], networks=["127.0.0.0/8"], daily_cap=7, is_test=True)
    narrow = Client(http, keys.create(gateway, keys.HTTPSMS, "owner", clock.now() + timedelta(days=1), terms).key)
    key = made(narrow)["api_key"]
    caller = identity.by_api_key(gateway, keys.HTTPSMS_PHONE, key)
    assert (caller.key_permissions, caller.is_test, caller.daily_cap) == (frozenset({"httpsms:manage"}), True, 7)
    assert caller.networks == (frozenset({"127.0.0.0/8"}),)
    clock.forward(days=1)
    with pytest.raises(KeyExpired):
        identity.by_api_key(gateway, keys.HTTPSMS_PHONE, key)


@sqlite_only
def test_another_s_key_looks_absent(gateway, owner, teammate, stranger):
    key = made(owner)
    refused(stranger.call("DELETE", f"/phone-api-keys/{key['id']}"), 404)
    refused(stranger.call("DELETE", f"/phone-api-keys/{key['id']}/phones/{uuid4()}"), 404)
    assert data(stranger.get("/phone-api-keys")) == data(teammate.get("/phone-api-keys")) == []
    refused(teammate.call("DELETE", f"/phone-api-keys/{key['id']}"), 403)
    refused(teammate.post("/phone-api-keys", {"name": "mine"}), 403)


@sqlite_only
def test_a_name_that_cannot_be_used(owner):
    for name in ("", "x" * 61, "line\nbreak", "\x00", None):
        assert wrong(owner.post("/phone-api-keys", {"name": name})).keys() == {"name"}, name


@sqlite_only
def test_ids_that_are_none(owner):
    assert wrong(owner.call("DELETE", "/phone-api-keys/7")).keys() == {"phoneAPIKeyID"}
    assert wrong(owner.call("DELETE", f"/phone-api-keys/{uuid4()}/phones/7")).keys() == {"phoneID"}


@sqlite_only
def test_there_may_only_be_so_many(owner, monkeypatch):
    monkeypatch.setattr(phone_keys, "MOST_KEYS", 1)
    made(owner)
    refused(owner.post("/phone-api-keys", {"name": "one too many"}), 402)
