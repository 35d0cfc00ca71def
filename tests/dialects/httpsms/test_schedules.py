"""``/v1/send-schedules`` (contract 5.7)."""

from __future__ import annotations

from uuid import uuid4

import pytest

from gateway.services import schedules
from tests.dialects.httpsms.client import NUMBER, data, refused, wrong
from tests.support.builders import messages

BODY = {"name": "Office", "timezone": "Europe/Rome", "windows": [{"day_of_week": 1, "start_minute": 600, "end_minute": 1080}]}
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def made(client, **fields):
    answer = client.post("/send-schedules", BODY | fields)
    assert answer.status_code == 201, answer.text
    return answer.json["data"]


def window(day=1, start=0, end=60):
    return {"day_of_week": day, "start_minute": start, "end_minute": end}


def test_a_schedule_is_made_listed_replaced_and_deleted(owner, clock):
    first = made(owner)
    assert first == BODY | {
        "id": first["id"], "user_id": data(owner.get("/users/me"))["id"], "created_at": "2026-01-05T08:00:00Z",
        "updated_at": "2026-01-05T08:00:00Z",
    }  # fmt: skip
    clock.forward(minutes=1)
    second = made(owner, name="Night")
    assert data(owner.get("/send-schedules")) == [second, first]
    body = {"name": "Weekend", "timezone": "UTC", "windows": [window(6, 0, 1440), window(0, 0, 1440)]}
    changed = data(owner.call("PUT", f"/send-schedules/{first['id']}", json=body))
    assert changed == first | body | {"updated_at": "2026-01-05T08:01:00Z"}
    assert owner.call("DELETE", f"/send-schedules/{first['id']}").status_code == 204
    assert data(owner.get("/send-schedules")) == [second]
    refused(owner.call("DELETE", f"/send-schedules/{first['id']}"), 404)
    refused(owner.call("PUT", f"/send-schedules/{first['id']}", json=BODY), 404)


def test_a_message_of_a_phone_with_hours_waits_for_them(gateway, owner):
    schedule_id = made(owner)["id"]  # it is Monday, 9 o'clock in Rome; the window opens at ten
    data(owner.call("PUT", "/phones", json={"phone_number": NUMBER, "message_send_schedule_id": schedule_id}))
    owner.sent()
    assert [row.due_at.isoformat() for row in messages(gateway)] == ["2026-01-05T09:00:00+00:00"]


def test_phones_of_a_deleted_schedule_send_at_any_hour(gateway, owner):
    schedule_id = made(owner)["id"]
    data(owner.call("PUT", "/phones", json={"phone_number": NUMBER, "message_send_schedule_id": schedule_id}))
    owner.call("DELETE", f"/send-schedules/{schedule_id}")
    assert data(owner.get("/phones"))[0]["message_send_schedule_id"] is None
    owner.sent()
    assert [row.due_at for row in messages(gateway)] == [gateway.clock.now()]


@sqlite_only
def test_another_s_schedule_looks_absent(owner, teammate, stranger):
    schedule_id = made(owner)["id"]
    refused(stranger.call("PUT", f"/send-schedules/{schedule_id}", json=BODY), 404)
    refused(stranger.call("DELETE", f"/send-schedules/{schedule_id}"), 404)
    assert data(stranger.get("/send-schedules")) == []
    assert len(data(teammate.get("/send-schedules"))) == 1
    refused(teammate.post("/send-schedules", BODY), 403)
    refused(teammate.call("DELETE", f"/send-schedules/{schedule_id}"), 403)
    assert wrong(owner.call("DELETE", "/send-schedules/7")).keys() == {"scheduleID"}
    refused(owner.call("PUT", f"/send-schedules/{uuid4()}", json=BODY), 404)


@sqlite_only
def test_there_may_only_be_so_many(owner, monkeypatch):
    monkeypatch.setattr(schedules, "MOST_SCHEDULES", 1)
    made(owner)
    refused(owner.post("/send-schedules", BODY), 402)


@sqlite_only
def test_windows_may_touch_and_fill_a_day(owner):
    windows = [window(1, start, start + 240) for start in range(0, 1440, 240)]
    assert made(owner, windows=windows)["windows"] == windows


@sqlite_only
def test_what_is_not_valid_is_named(owner):
    for fields, named in (
        ({"name": "x"}, "name"), ({"name": "x" * 101}, "name"), ({"name": " y "}, "name"), ({"name": None}, "name"),
        ({"timezone": "Mars/Olympus"}, "timezone"), ({"timezone": ""}, "timezone"), ({"timezone": "../UTC"}, "timezone"),
        ({"windows": []}, "windows"), ({"windows": None}, "windows"), ({"windows": {}}, "windows"), ({"windows": [7]}, "windows"),
        ({"windows": [{}]}, "windows"), ({"windows": [window(7)]}, "windows"), ({"windows": [window(-1)]}, "windows"),
        ({"windows": [window(1, 60, 60)]}, "windows"), ({"windows": [window(1, 0, 1441)]}, "windows"),
        ({"windows": [window(True)]}, "windows"), ({"windows": [window("1")]}, "windows"), ({"windows": [window(1.0)]}, "windows"),
        ({"windows": [window(1, 0, 61), window(1, 60, 90)]}, "windows"),
        ({"windows": [window(1, start, start + 10) for start in range(0, 70, 10)]}, "windows"),
        ({"windows": [window()] * 1000}, "windows"),
    ):  # fmt: skip
        assert wrong(owner.post("/send-schedules", BODY | fields)).keys() == {named}, fields
    assert data(owner.get("/send-schedules")) == []
