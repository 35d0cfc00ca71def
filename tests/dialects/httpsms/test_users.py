"""``/v1/users`` (contract 5.4): the user behind the key, a new key, leaving."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from gateway.services import identity, keys
from tests.dialects.httpsms.client import Client, data, refused, wrong
from tests.dialects.httpsms.conftest import a_user

USER_KEYS = {
    "id", "email", "api_key", "timezone", "active_phone_id", "subscription_name", "subscription_id", "subscription_status",
    "subscription_renews_at", "subscription_ends_at", "notification_message_status_enabled", "notification_webhook_enabled",
    "notification_heartbeat_enabled", "notification_newsletter_enabled", "created_at", "updated_at",
}  # fmt: skip
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def me(client):
    return data(client.get("/users/me"))


def rotated(client, user_id):
    return client.call("DELETE", f"/users/{user_id}/api-keys")


def test_the_user_of_the_key(owner):
    user = me(owner)
    assert user.keys() == USER_KEYS
    assert user == user | {
        "email": "owner@users.invalid", "api_key": owner.key, "timezone": "Europe/Rome", "active_phone_id": None,
        "subscription_name": "free",
        "notification_webhook_enabled": False, "created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-05T08:00:00Z",
    }  # fmt: skip


@sqlite_only
def test_a_user_name_that_is_an_address_is_the_email(gateway, http, owner):
    assert me(a_user(gateway, http, "owner", "anna@acme.example"))["email"] == "anna@acme.example"
    assert me(a_user(gateway, http, "owner", "Anna Rossi"))["email"] == "Anna-Rossi@users.invalid"


@sqlite_only
def test_the_key_is_told_wherever_it_came_from(owner):
    assert data(owner.call("GET", "/users/me", headers={}, query_string={"x-api-key": owner.key}))["api_key"] == owner.key
    changed = owner.call("PUT", "/users/me", headers={"x-api-key": "undefined"}, json={"timezone": "UTC", "x-api-key": owner.key})
    assert data(changed)["api_key"] == owner.key


def test_zone_and_active_phone_are_kept(owner, clock):
    phone_id = data(owner.get("/phones"))[0]["id"]
    before = me(owner)
    clock.forward(minutes=1)
    changed = data(owner.call("PUT", "/users/me", json={"timezone": "Asia/Tokyo", "active_phone_id": phone_id}))
    assert changed == before | {"timezone": "Asia/Tokyo", "active_phone_id": phone_id, "updated_at": "2026-01-05T08:01:00Z"}
    assert me(owner) == changed
    assert data(owner.call("PUT", "/users/me", json={})) == changed
    assert data(owner.call("PUT", "/users/me", json={"active_phone_id": ""}))["active_phone_id"] is None


@sqlite_only
def test_an_unknown_zone_is_utc_without_an_error(owner):
    for name in ("Mars/Olympus", "", "../etc/passwd", "Europe"):
        assert data(owner.call("PUT", "/users/me", json={"timezone": name}))["timezone"] == "UTC"


@sqlite_only
def test_an_active_phone_is_a_uuid(owner):
    assert wrong(owner.call("PUT", "/users/me", json={"active_phone_id": "7"})).keys() == {"active_phone_id"}


def test_notifications_are_set_and_what_is_absent_is_off(owner):
    path = f"/users/{me(owner)['id']}/notifications"
    assert data(owner.call("PUT", path, json={"webhook_enabled": True, "heartbeat_enabled": True}))["notification_webhook_enabled"] is True
    changed = data(owner.call("PUT", path, json={"newsletter_enabled": True}))
    assert {name for name, value in changed.items() if value is True} == {"notification_newsletter_enabled"}
    assert me(owner) == changed
    assert data(owner.call("PUT", "/users/me", json={"timezone": "UTC"}))["notification_newsletter_enabled"] is True


def test_a_replaced_key_is_dead_at_once_and_the_new_one_works(owner, http):
    owner.sent()
    user_id, old = me(owner)["id"], owner.key
    told = data(rotated(owner, user_id))
    assert told["api_key"] != old and told["api_key"].startswith("uk_") and len(told["api_key"]) == 67
    refused(owner.get("/users/me"), 401)
    refused(owner.send(), 401)
    fresh = Client(http, told["api_key"])
    assert me(fresh) == told
    fresh.sent()


@sqlite_only
def test_a_new_key_lasts_no_longer_than_the_old_one(gateway, http, owner, clock):
    clock.forward(minutes=1)
    made = keys.create(gateway, keys.HTTPSMS, "owner", clock.now() + timedelta(days=1))
    client = Client(http, made.key)
    fresh = Client(http, data(rotated(client, me(client)["id"]))["api_key"])
    me(fresh)
    clock.forward(days=1)
    refused(fresh.get("/users/me"), 401)


@sqlite_only
def test_a_narrow_key_does_not_become_a_wide_one(gateway, http, owner, clock):
    narrow = Client(http, keys.create(gateway, keys.HTTPSMS, "owner", terms=keys.KeyTerms(is_test=True)).key)
    clock.forward(minutes=1)
    wide = Client(http, keys.create(gateway, keys.HTTPSMS, "owner").key)
    still = Client(http, data(rotated(narrow, me(narrow)["id"]))["api_key"])
    refused(wide.get("/users/me"), 401)
    assert identity.by_api_key(gateway, keys.HTTPSMS, still.key).is_test


@sqlite_only
def test_a_new_key_goes_on_with_the_day_s_cap(gateway, http, owner):
    client = Client(http, keys.create(gateway, keys.HTTPSMS, "owner", terms=keys.KeyTerms(daily_cap=1)).key)
    client.sent()
    fresh = Client(http, data(rotated(client, me(client)["id"]))["api_key"])
    refused(fresh.send(), 402)


@sqlite_only
def test_another_user_s_id_is_401(owner, teammate, stranger):
    for user_id in (me(stranger)["id"], me(teammate)["id"], "nobody"):
        refused(rotated(owner, user_id), 401)
        refused(owner.call("PUT", f"/users/{user_id}/notifications", json={}), 401)
    me(owner), me(stranger), me(teammate)


def test_who_leaves_is_shut_out_with_every_key(gateway, http, owner, teammate):
    second = Client(http, keys.create(gateway, keys.HTTPSMS, "owner").key)
    assert owner.call("DELETE", "/users/me").status_code == 204
    for client in (owner, second):
        refused(client.get("/users/me"), 401)
        refused(client.send(), 401)
    me(teammate)


@sqlite_only
def test_a_teammate_who_may_only_read_changes_nothing(teammate):
    user_id = me(teammate)["id"]
    for answer in (
        rotated(teammate, user_id),
        teammate.call("DELETE", "/users/me"),
        teammate.call("PUT", "/users/me", json={}),
        teammate.call("PUT", f"/users/{user_id}/notifications", json={}),
    ):
        refused(answer, 403)


@sqlite_only
def test_subscriptions_are_not_there(owner):
    refused(owner.get("/users/subscription"), 404)
    refused(owner.get(f"/users/{uuid4()}"), 404)
