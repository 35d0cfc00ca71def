"""Listing, reading, searching and deleting messages (contract 4.3 to 4.6)."""

from __future__ import annotations

from uuid import uuid4

import pytest

from gateway.dispatcher.lanes import shares
from gateway.domain.sending import FailureKind, Outcome
from gateway.services import dispatching, ledger, phones
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange
from gateway.storage.tables import Account
from tests.dialects.httpsms.client import CONTACT, MESSAGE_KEYS, NUMBER, Client, data, refused, wrong
from tests.support.builders import an_order, balance, messages
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OTHER = "+18005550101"
SECOND_NUMBER = "+18005550177"


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert list(ledger.verify(gateway)) == []


def the_account(gateway: Gateway, name: str = "owner") -> Account:
    with gateway.reading() as session:
        account = session.query(Account).filter(Account.name == name).one()
        session.expunge_all()
        return account


def contents(found: list[dict]) -> list[str]:
    return [each["content"] for each in found]


class TestList:
    def test_newest_first_of_one_owner_and_contact(self, owner: Client, gateway: Gateway, clock: FixedClock) -> None:
        phones.add(gateway, "owner", SECOND_NUMBER, PhoneChange())
        for content, fields in (("one", {}), ("two", {}), ("x", {"to": OTHER}), ("y", {"sender": SECOND_NUMBER}), ("three", {})):
            owner.sent(content=content, **fields)
            clock.forward(seconds=1)
        found = owner.conversation()
        assert contents(found) == ["three", "two", "one"]
        assert set(found[0]) == MESSAGE_KEYS and found[0]["status"] == "scheduled"
        assert contents(owner.conversation(OTHER)) == ["x"]
        assert contents(owner.conversation(owner=SECOND_NUMBER)) == ["y"]

    @on_sqlite
    def test_the_messages_of_a_bulk_are_in_it_one_by_one(self, owner: Client) -> None:
        sent = owner.sent_bulk([CONTACT, OTHER, CONTACT])
        assert [each["id"] for each in owner.conversation()] == [sent[2]["id"], sent[0]["id"]]

    @on_sqlite
    def test_pages(self, owner: Client, clock: FixedClock) -> None:
        for number in range(25):
            owner.sent(content=str(number))
            clock.forward(seconds=1)
        assert contents(owner.conversation()) == [str(number) for number in range(24, 4, -1)]
        assert contents(owner.conversation(skip=20)) == ["4", "3", "2", "1", "0"]
        assert contents(owner.conversation(skip=1, limit=2)) == ["23", "22"]
        assert len(owner.conversation(limit=500)) == 20
        assert len(owner.conversation(limit=0)) == 20
        assert owner.conversation(skip=1000) == []

    def test_query_is_a_part_of_the_content_in_either_case(self, owner: Client) -> None:
        for content in ("Table for Two", "50 % off", "under_score", "back\\slash"):
            owner.sent(content=content)
        for query, found in (("table", 1), ("TWO", 1), ("%", 1), ("_", 1), ("\\", 1), ("o", 3), ("nothing", 0)):
            assert len(owner.conversation(query=query)) == found, query

    @on_sqlite
    def test_a_blank_in_front_is_a_plus(self, owner: Client) -> None:
        owner.sent()
        answer = owner.call("GET", f"/messages?owner={NUMBER}&contact={CONTACT}")
        assert len(data(answer)) == 1
        assert owner.conversation(CONTACT.removeprefix("+")) == []  # compared exactly

    @on_sqlite
    def test_orders_of_other_dialects_are_listed(self, owner: Client, gateway: Gateway) -> None:
        an_order(gateway, the_account(gateway), [CONTACT], "From another program", originator=NUMBER, label="campaign")
        (found,) = owner.conversation()
        assert (found["content"], found["request_id"], found["sim"]) == ("From another program", "campaign", "SIM1")
        assert owner.message(found["id"]) == found

    @on_sqlite
    def test_a_number_that_is_no_phone_any_more(self, owner: Client, gateway: Gateway) -> None:
        sent = owner.sent()
        phones.remove(gateway, "owner", NUMBER)
        now = owner.message(sent["id"])
        assert (now["sim"], now["max_send_attempts"]) == ("DEFAULT", 2)

    @on_sqlite
    def test_wrong_queries(self, owner: Client) -> None:
        for query, fields in [
            ({}, {"owner", "contact"}),
            ({"owner": "18005550199", "contact": "1"}, {"owner"}),
            ({"owner": "Acme", "contact": "1"}, {"owner"}),
            ({"owner": NUMBER, "contact": "1", "limit": "ten"}, {"limit"}),
            ({"owner": NUMBER, "contact": "1", "limit": "-1", "skip": "1.5"}, {"limit", "skip"}),
            ({"owner": NUMBER, "contact": "1", "query": "x" * 101}, {"query"}),
            ({"owner": NUMBER, "contact": "\0"}, {"contact"}),
        ]:
            assert set(wrong(owner.get("/messages", **query))) == fields


class TestOne:
    @on_sqlite
    def test_ids(self, owner: Client) -> None:
        sent = owner.sent()
        assert owner.message(sent["id"].upper())["id"] == sent["id"]
        for odd in ("7", "x" * 36, sent["id"].replace("-", ""), "{" + sent["id"][:-2] + "}", sent["id"] + "0"):
            assert set(wrong(owner.get(f"/messages/{odd}"))) == {"messageID"}
            assert set(wrong(owner.call("DELETE", f"/messages/{odd}"))) == {"messageID"}
        for unknown in (str(uuid4()), sent["id"][:-1] + "1", "ffffffff-ffff-ffff-ffff-ffffffffffff"):
            refused(owner.get(f"/messages/{unknown}"), 404)
            refused(owner.call("DELETE", f"/messages/{unknown}"), 404)


class TestDelete:
    def test_one_that_waits_is_taken_back_and_paid_back(self, owner: Client, gateway: Gateway) -> None:
        account = the_account(gateway)
        first, second = owner.sent_bulk([CONTACT, OTHER])
        assert balance(gateway, account) == 998
        assert owner.call("DELETE", f"/messages/{first['id']}").status_code == 204
        assert balance(gateway, account) == 999
        assert [outgoing.recipient for outgoing in dispatching.claim(gateway, "simulator", 100, shares)] == [OTHER]
        refused(owner.get(f"/messages/{first['id']}"), 404)
        refused(owner.call("DELETE", f"/messages/{first['id']}"), 404)
        assert owner.conversation() == [] and owner.search(query=first["id"]) == []
        assert owner.call("DELETE", f"/messages/{second['id']}").status_code == 204  # on its way: hidden, but sent and paid
        assert balance(gateway, account) == 999
        assert [row.state for row in messages(gateway)] == ["cancelled", "sending"]

    def test_one_that_waits_for_its_hour(self, owner: Client, gateway: Gateway) -> None:
        sent = owner.sent(send_at="2026-01-05T09:00:00Z")
        owner.call("DELETE", f"/messages/{sent['id']}")
        assert balance(gateway, the_account(gateway)) == 1000
        assert [row.state for row in messages(gateway)] == ["cancelled"]

    @on_sqlite
    def test_another_account_s_is_not_there(self, owner: Client, stranger: Client, gateway: Gateway) -> None:
        sent = owner.sent()
        refused(stranger.get(f"/messages/{sent['id']}"), 404)
        refused(stranger.call("DELETE", f"/messages/{sent['id']}"), 404)
        assert stranger.conversation() == [] and stranger.search() == []
        assert [row.state for row in messages(gateway)] == ["queued"]


class TestSearch:
    def test_narrowing(self, owner: Client, gateway: Gateway, clock: FixedClock) -> None:
        phones.add(gateway, "owner", SECOND_NUMBER, PhoneChange())
        for content, fields in (("one", {}), ("two", {"to": OTHER}), ("three", {"sender": SECOND_NUMBER, "request_id": "Tag-7"})):
            owner.sent(content=content, **fields)
            clock.forward(seconds=1)
        claimed = {outgoing.text: outgoing for outgoing in dispatching.claim(gateway, "simulator", 100, shares)}
        dispatching.record(gateway, "simulator", [Outcome.failed(claimed["two"].key, FailureKind.FINAL, "8", "barred")])
        dispatching.record(gateway, "simulator", [Outcome.accepted(claimed["one"].key, "smsc-1")])
        one = owner.conversation()[0]
        for query, found in (
            ({}, ["one", "two", "three"]),
            ({"sort_descending": "true"}, ["three", "two", "one"]),
            ({"sort_by": "contact"}, ["one", "three", "two"]),
            ({"sort_by": "owner"}, ["three", "one", "two"]),
            ({"sort_by": "status"}, ["two", "three", "one"]),
            ({"sort_by": "type", "sort_descending": 1}, ["three", "two", "one"]),
            ({"owners": NUMBER}, ["one", "two"]),
            ({"owners": [NUMBER, SECOND_NUMBER]}, ["one", "two", "three"]),
            ({"owners[]": [SECOND_NUMBER]}, ["three"]),
            ({"statuses": "failed"}, ["two"]),
            ({"statuses": ["sent", "sending"]}, ["one", "three"]),
            ({"statuses": "received"}, []),
            ({"types": "mobile-terminated"}, ["one", "two", "three"]),
            ({"types": "mobile-originated"}, []),
            ({"query": "BARRED"}, ["two"]),
            ({"query": "tag-7"}, ["three"]),
            ({"query": OTHER[-7:]}, ["two"]),
            ({"query": one["id"]}, ["one"]),
            ({"skip": 1, "limit": 1}, ["two"]),
        ):
            assert contents(owner.search(**query)) == found, query

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"owners": "Acme"}, "owners"),
            ({"types": "sms"}, "types"),
            ({"statuses": "odd"}, "statuses"),
            ({"query": "x" * 51}, "query"),
            ({"sort_by": "content"}, "sort_by"),
            ({"sort_descending": "maybe"}, "sort_descending"),
            ({"limit": "all"}, "limit"),
        ],
    )
    @on_sqlite
    def test_wrong_queries(self, owner: Client, query: dict[str, str], field: str) -> None:
        assert set(wrong(owner.get("/messages/search", **query))) == {field}


@on_sqlite
def test_a_teammate_may_read_and_no_more(owner: Client, teammate: Client, gateway: Gateway) -> None:
    sent = owner.sent()
    assert teammate.message(sent["id"])["content"] == sent["content"]
    assert len(teammate.conversation()) == len(teammate.search()) == 1
    refused(teammate.send(), 403)
    refused(teammate.post("/messages/bulk-send", {}), 403)
    refused(teammate.call("DELETE", f"/messages/{sent['id']}"), 403)
    assert [row.state for row in messages(gateway)] == ["queued"]
