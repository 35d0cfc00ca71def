"""``/v1/phones`` (contract 5.2): an account's numbers, made and changed by number."""

from __future__ import annotations

from uuid import uuid4

import pytest

from gateway.services.accounts import NewAccount, create_account
from tests.dialects.httpsms.client import MOMENT, NUMBER, data, refused, wrong
from tests.dialects.httpsms.conftest import a_user

OTHER = "+18005550142"
PHONE_KEYS = {
    "id", "user_id", "fcm_token", "phone_number", "messages_per_minute", "sim", "message_send_schedule_id", "max_send_attempts",
    "message_expiration_seconds", "missed_call_auto_reply", "unarchive_thread", "created_at", "updated_at",
}  # fmt: skip
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def put(client, **fields):
    return client.call("PUT", "/phones", json={"phone_number": OTHER, **fields})


def test_a_phone_is_made_with_what_is_given_and_defaults_for_the_rest(owner):
    made = data(put(owner, messages_per_minute=7, sim="SIM2", fcm_token="token"))
    assert made.keys() == PHONE_KEYS
    assert MOMENT.fullmatch(made["created_at"])
    assert made == made | {
        "user_id": data(owner.get("/users/me"))["id"], "fcm_token": "token", "phone_number": OTHER, "messages_per_minute": 7, "sim": "SIM2",
        "message_send_schedule_id": None, "max_send_attempts": 2, "message_expiration_seconds": 600, "missed_call_auto_reply": None,
        "unarchive_thread": True, "updated_at": made["created_at"],
    }  # fmt: skip


def test_a_change_leaves_alone_what_is_absent_null_or_zero(owner, clock):
    made = data(
        put(
            owner,
            messages_per_minute=7,
            fcm_token="token",
            missed_call_auto_reply="later",
            max_send_attempts=3,
            message_expiration_seconds=90,
        )
    )
    clock.forward(minutes=1)
    same = data(put(owner, messages_per_minute=0, max_send_attempts=0, message_expiration_seconds=0, fcm_token=None))
    assert same | {"updated_at": made["updated_at"]} == made
    assert same["updated_at"] > made["updated_at"]
    changed = data(put(owner, fcm_token="", missed_call_auto_reply="", sim="anything", unarchive_thread=False))
    assert changed == same | {"fcm_token": None, "missed_call_auto_reply": None, "sim": "SIM1", "unarchive_thread": False}


def test_phones_are_listed_newest_first_and_by_part_of_the_number(owner, clock):
    clock.forward(minutes=1)
    put(owner)
    assert [row["phone_number"] for row in data(owner.get("/phones"))] == [OTHER, NUMBER]
    assert [row["phone_number"] for row in data(owner.get("/phones", query="0142"))] == [OTHER]
    assert data(owner.get("/phones", query="%")) == []
    assert [row["phone_number"] for row in data(owner.get("/phones", skip=1, limit=1))] == [NUMBER]
    assert data(owner.get("/phones", skip=2)) == []


@sqlite_only
def test_the_page_is_ten_by_default_and_at_most_twenty(owner):
    for number in range(25):
        put(owner, phone_number=f"+180055501{number:02}")
    assert len(data(owner.get("/phones"))) == 10
    assert len(data(owner.get("/phones", limit=500))) == 20
    assert wrong(owner.get("/phones", limit="many")).keys() == {"limit"}
    assert wrong(owner.get("/phones", skip="-1")).keys() == {"skip"}


def test_a_deleted_phone_is_gone_and_the_answer_is_200_with_null(owner):
    phone_id = data(put(owner))["id"]
    assert data(owner.call("DELETE", f"/phones/{phone_id}")) is None
    refused(owner.call("DELETE", f"/phones/{phone_id}"), 404)
    assert wrong(owner.call("DELETE", "/phones/7")).keys() == {"phoneID"}


def test_a_stranger_s_phone_looks_absent(owner, stranger):
    phone_id = data(put(owner))["id"]
    refused(stranger.call("DELETE", f"/phones/{phone_id}"), 404)
    assert [row["phone_number"] for row in data(stranger.get("/phones"))] == [NUMBER]
    assert data(put(stranger))["id"] != phone_id


def test_a_teammate_who_may_only_read_changes_nothing(owner, teammate):
    assert len(data(teammate.get("/phones"))) == 1
    refused(put(teammate), 403)
    refused(teammate.call("DELETE", f"/phones/{uuid4()}"), 403)


@sqlite_only
def test_only_numbers_that_the_account_may_send_from(gateway, http):
    create_account(gateway, NewAccount("strict", originator="+18005550100", originators=["Acme", NUMBER]))
    strict = a_user(gateway, http, "strict", "strict")
    assert data(put(strict, phone_number="1 800 555 0199".replace(" ", "")))["phone_number"] == NUMBER
    assert data(put(strict, phone_number="+18005550100"))["phone_number"] == "+18005550100"
    assert wrong(put(strict)).keys() == {"phone_number"}


@sqlite_only
def test_a_schedule_is_kept_by_its_id_and_let_go_with_nothing(owner, stranger):
    body = {"name": "office", "timezone": "UTC", "windows": [{"day_of_week": 1, "start_minute": 0, "end_minute": 60}]}
    mine = owner.post("/send-schedules", body).json["data"]["id"]
    theirs = stranger.post("/send-schedules", body).json["data"]["id"]
    assert data(put(owner, message_send_schedule_id=mine))["message_send_schedule_id"] == mine
    assert data(put(owner))["message_send_schedule_id"] == mine
    assert wrong(put(owner, message_send_schedule_id=theirs)).keys() == {"message_send_schedule_id"}
    assert data(put(owner, message_send_schedule_id=""))["message_send_schedule_id"] is None


@sqlite_only
def test_what_is_not_valid_is_named(owner):
    for fields, named in (
        ({"phone_number": ""}, {"phone_number"}),
        ({"phone_number": None}, {"phone_number"}),
        ({"phone_number": "call me"}, {"phone_number"}),
        ({"phone_number": "5550199"}, {"phone_number"}),
        ({"phone_number": "+1800\x00555"}, {"phone_number"}),
        ({"messages_per_minute": 61}, {"messages_per_minute"}),
        ({"messages_per_minute": -1}, {"messages_per_minute"}),
        ({"max_send_attempts": 6, "message_expiration_seconds": 60}, {"max_send_attempts"}),
        ({"max_send_attempts": 2}, {"message_expiration_seconds"}),
        ({"message_expiration_seconds": 59}, {"message_expiration_seconds"}),
        ({"message_expiration_seconds": 3601}, {"message_expiration_seconds"}),
        ({"fcm_token": "x" * 1001}, {"fcm_token"}),
        ({"missed_call_auto_reply": "\ud800"}, {"missed_call_auto_reply"}),
        ({"message_send_schedule_id": "7"}, {"message_send_schedule_id"}),
        ({"messages_per_minute": 61, "phone_number": "x"}, {"messages_per_minute", "phone_number"}),
    ):
        assert wrong(put(owner, **fields)).keys() == named, fields
    assert len(data(owner.get("/phones"))) == 1


@sqlite_only
def test_another_json_type_is_400(owner):
    for fields in ({"phone_number": 18005550199}, {"messages_per_minute": "7"}, {"messages_per_minute": 7.5}, {"unarchive_thread": "yes"}):
        refused(put(owner, **fields), 400)
