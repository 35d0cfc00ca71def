"""``/v1/billing`` (contract 5.5): what was sent, by month of the account's zone."""

from __future__ import annotations

import pytest

from gateway.domain.tariff import MessageType
from gateway.services import pricing
from gateway.services.accounts import accounts
from tests.dialects.httpsms.client import CONTACT, MOMENT, data, wrong
from tests.support.builders import RECIPIENT, an_order

USAGE_KEYS = {
    "id", "user_id", "sent_messages", "received_messages", "total_cost", "start_timestamp", "end_timestamp", "created_at", "updated_at"
}  # fmt: skip
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_an_unused_month_is_all_zeros(owner):
    usage = data(owner.get("/billing/usage"))
    assert usage.keys() == USAGE_KEYS
    assert usage == usage | {
        "user_id": data(owner.get("/users/me"))["id"], "sent_messages": 0, "received_messages": 0, "total_cost": 0,
        "start_timestamp": "2025-12-31T23:00:00Z", "end_timestamp": "2026-01-31T22:59:59Z", "updated_at": "2026-01-05T08:00:00Z",
    }  # fmt: skip
    assert MOMENT.fullmatch(usage["created_at"])
    assert data(owner.get("/billing/usage-history")) == []


def test_every_message_of_the_account_counts_once_whatever_its_parts(gateway, owner, stranger):
    owner.sent()
    owner.sent_bulk([CONTACT, CONTACT], content="x" * 200)
    usage = data(owner.get("/billing/usage"))
    assert (usage["sent_messages"], usage["total_cost"]) == (3, 5)
    assert data(stranger.get("/billing/usage"))["sent_messages"] == 0


def test_other_dialects_count_and_tests_do_not(gateway, owner):
    (account,) = accounts(gateway)
    an_order(gateway, account, [RECIPIENT, "+393471234568"])
    an_order(gateway, account, is_test=True)
    assert data(owner.get("/billing/usage"))["sent_messages"] == 2


def test_past_months_come_newest_first_without_the_current_one(owner, clock):
    owner.sent()
    january = data(owner.get("/billing/usage"))
    clock.forward(days=60)
    owner.sent()
    owner.sent()
    assert data(owner.get("/billing/usage"))["sent_messages"] == 2
    months = data(owner.get("/billing/usage-history"))
    assert [(month["start_timestamp"], month["end_timestamp"], month["sent_messages"]) for month in months] == [
        ("2026-01-31T23:00:00Z", "2026-02-28T22:59:59Z", 0),
        ("2025-12-31T23:00:00Z", "2026-01-31T22:59:59Z", 1),
    ]
    assert months[1]["id"] == january["id"]
    assert data(owner.get("/billing/usage-history", skip=1, limit=1)) == months[1:]
    assert data(owner.get("/billing/usage-history", limit=1000)) == months


@sqlite_only
def test_a_message_in_the_last_second_belongs_to_its_month(owner, clock):
    clock.moment = clock.moment.replace(month=1, day=31, hour=22, minute=59, second=59, microsecond=999_999)
    owner.sent()
    clock.forward(seconds=1)
    owner.sent()
    assert data(owner.get("/billing/usage"))["sent_messages"] == 1
    assert data(owner.get("/billing/usage-history"))[0]["sent_messages"] == 1


@sqlite_only
def test_half_credits_are_told(gateway, owner):
    with gateway.writing() as session:
        pricing.set_tariff(session, MessageType.HIGH, "1", 1500, gateway.clock.now())
    gateway.catalogue.forget()
    owner.sent()
    assert data(owner.get("/billing/usage"))["total_cost"] == 1.5


@sqlite_only
def test_who_may_look(teammate, owner):
    assert data(teammate.get("/billing/usage"))["sent_messages"] == 0
    assert wrong(owner.get("/billing/usage-history", limit="x")).keys() == {"limit"}
