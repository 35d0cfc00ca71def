"""``/v1/heartbeats`` (contracts 5.3 and android-devices A.3)."""

from __future__ import annotations

import pytest

from gateway.services import heartbeats
from tests.dialects.httpsms.client import NUMBER, data, refused, wrong

OTHER = "+18005550142"
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def beat(client, **fields):
    headers = {"x-api-key": client.key, "X-Client-Version": "344c10f"}
    return client.post("/heartbeats", {"charging": True, "phone_numbers": [NUMBER], **fields}, headers=headers)


def test_a_heartbeat_is_stored_for_each_number_and_read_newest_first(owner, clock):
    owner.call("PUT", "/phones", json={"phone_number": OTHER})
    stored = beat(owner, phone_numbers=["18005550199", OTHER])
    assert stored.status_code == 201
    first, second = stored.json["data"]
    assert first == {
        "id": first["id"], "owner": NUMBER, "version": "344c10f", "charging": True, "user_id": data(owner.get("/users/me"))["id"],
        "timestamp": "2026-01-05T08:00:00Z",
    }  # fmt: skip
    assert second["owner"] == OTHER
    clock.forward(minutes=15)
    newer = beat(owner, charging=False).json["data"][0]
    assert data(owner.get("/heartbeats", owner=NUMBER)) == [newer]
    assert data(owner.get("/heartbeats", owner=NUMBER, limit=20)) == [newer, first]
    assert data(owner.get("/heartbeats", owner=NUMBER, skip=1)) == [first]
    assert data(owner.call("GET", f"/heartbeats?owner={NUMBER}")) == [newer]  # the plus arrives as a blank


@sqlite_only
def test_older_apps_send_the_owner(owner):
    assert beat(owner, phone_numbers=None, owner=NUMBER).json["data"][0]["owner"] == NUMBER


@sqlite_only
def test_only_so_many_are_kept_of_each_number(owner, clock, monkeypatch):
    monkeypatch.setattr(heartbeats, "KEPT", 3)
    for _ in range(5):
        clock.forward(minutes=15)
        assert beat(owner).status_code == 201
    times = [row["timestamp"] for row in data(owner.get("/heartbeats", owner=NUMBER, limit=20))]
    assert times == ["2026-01-05T09:15:00Z", "2026-01-05T09:00:00Z", "2026-01-05T08:45:00Z"]


@sqlite_only
def test_numbers_that_are_none_too_many_or_not_the_account_s(owner):
    for numbers in ([], None, ["x"], [NUMBER] * 3, [NUMBER, OTHER]):
        assert wrong(beat(owner, phone_numbers=numbers)).keys() == {"phone_numbers"}
    assert wrong(beat(owner, phone_numbers=None, owner="nobody")).keys() == {"phone_numbers"}
    assert data(owner.get("/heartbeats", owner=NUMBER)) == []


@sqlite_only
def test_whose_heartbeats(owner, teammate, stranger):
    beat(owner)
    assert len(data(teammate.get("/heartbeats", owner=NUMBER))) == 1
    assert data(stranger.get("/heartbeats", owner=NUMBER)) == []
    refused(beat(teammate), 403)
    assert wrong(owner.get("/heartbeats")).keys() == {"owner"}
    assert wrong(owner.get("/heartbeats", owner=NUMBER, limit="x")).keys() == {"limit"}
    assert len(data(owner.get("/heartbeats", owner=NUMBER, limit=1000))) == 1


@sqlite_only
def test_a_version_of_any_bytes_and_length_does_no_harm(owner):
    headers = {"x-api-key": owner.key, "X-Client-Version": "v" * 500}
    answer = owner.post("/heartbeats", {"phone_numbers": [NUMBER]}, headers=headers)
    assert answer.json["data"][0] == answer.json["data"][0] | {"version": "v" * 64, "charging": False}
