"""Threads (contract 5.1)."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from gateway.dispatcher.lanes import shares
from gateway.domain.sending import Outcome
from gateway.services import dispatching, ledger
from gateway.services import messages as message_service
from gateway.services.core import Gateway
from gateway.storage import threads as stored
from tests.dialects.httpsms.client import CONTACT, NUMBER, Client, data, refused, wrong
from tests.support.builders import messages
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OTHER = "+18005550101"
KEYS = {
    "id", "owner", "contact", "is_archived", "is_read", "user_id", "color", "status", "last_message_content", "last_message_id",
    "created_at", "updated_at", "order_timestamp",
}  # fmt: skip


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert list(ledger.verify(gateway)) == []


def test_a_thread_follows_its_last_message(owner: Client, gateway: Gateway, clock: FixedClock) -> None:
    first = owner.sent(content="one")
    (thread,) = owner.threads()
    assert set(thread) == KEYS
    UUID(thread["id"])
    assert (thread["owner"], thread["contact"], thread["is_archived"], thread["is_read"]) == (NUMBER, CONTACT, False, True)
    assert (thread["last_message_content"], thread["last_message_id"], thread["status"]) == ("one", first["id"], "scheduled")
    assert thread["color"] and thread["order_timestamp"] == thread["created_at"] == "2026-01-05T08:00:00Z"

    clock.forward(seconds=5)
    second = owner.sent(content="two")
    (outgoing, *_) = [each for each in dispatching.claim(gateway, "simulator", 10, shares) if each.text == "two"]
    dispatching.record(gateway, "simulator", [Outcome.accepted(outgoing.key, "smsc-1")])
    (now,) = owner.threads()
    assert now["id"] == thread["id"] and now["color"] == thread["color"] and now["created_at"] == thread["created_at"]
    assert (now["last_message_content"], now["last_message_id"], now["status"]) == ("two", second["id"], "sent")
    assert now["order_timestamp"] == "2026-01-05T08:00:05Z"


def test_a_bulk_makes_one_for_each_contact(owner: Client, clock: FixedClock) -> None:
    owner.sent(to=OTHER, content="earlier")
    clock.forward(seconds=1)
    sent = owner.sent_bulk([CONTACT, OTHER, "12345", CONTACT], content="all")
    found = {thread["contact"]: thread for thread in owner.threads()}
    assert set(found) == {CONTACT, OTHER, "12345"}
    assert found[CONTACT]["last_message_id"] == sent[3]["id"] and found[OTHER]["last_message_content"] == "all"


@on_sqlite
def test_lists_are_narrowed_and_newest_first(owner: Client, clock: FixedClock) -> None:
    for number in range(25):
        owner.sent(to=f"+180055502{number:02d}", content=f"Text {number}")
        clock.forward(seconds=1)
    assert [thread["last_message_content"] for thread in owner.threads(limit=3)] == ["Text 24", "Text 23", "Text 22"]
    assert len(owner.threads(limit=100)) == 20 and len(owner.threads(skip=20)) == 5
    assert [thread["contact"] for thread in owner.threads(query="TEXT 7")] == ["+18005550207"]
    assert [thread["contact"] for thread in owner.threads(query="0211")] == ["+18005550211"]
    assert len(owner.threads(query=NUMBER)) == 20 and owner.threads(query="%") == []
    assert owner.threads("+18005550198") == []


@on_sqlite
def test_archiving_and_reading(owner: Client) -> None:
    owner.sent()
    (thread,) = owner.threads()
    changed = data(owner.call("PUT", f"/message-threads/{thread['id']}", json={"is_archived": True}))
    assert changed["is_archived"] and changed["is_read"] and set(changed) == KEYS
    assert owner.threads() == [] and len(owner.threads(is_archived="true")) == len(owner.threads(is_archived="1")) == 1
    changed = data(owner.call("PUT", f"/message-threads/{thread['id']}", json={"IS_READ": False}))
    assert changed["is_archived"] and not changed["is_read"]
    owner.sent()  # outgoing traffic changes neither
    (now,) = owner.threads(is_archived="true")
    assert not now["is_read"]


def test_deleting_a_message_moves_the_preview(owner: Client, clock: FixedClock) -> None:
    first = owner.sent(content="one")
    clock.forward(seconds=1)
    second = owner.sent(content="two")
    owner.call("DELETE", f"/messages/{second['id']}")
    (thread,) = owner.threads()
    assert (thread["last_message_content"], thread["last_message_id"]) == ("one", first["id"])
    owner.call("DELETE", f"/messages/{first['id']}")
    (thread,) = owner.threads()
    assert (thread["last_message_content"], thread["last_message_id"], thread["status"]) == (None, None, "deleted")


def test_deleting_a_thread_deletes_its_messages(owner: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_service, "CHUNK", 2)
    owner.sent_bulk([CONTACT, CONTACT, OTHER, CONTACT])
    owner.sent()
    owner.sent(send_at="2026-01-06T00:00:00Z")
    dispatching.claim(gateway, "simulator", 1, shares)
    thread = next(thread for thread in owner.threads() if thread["contact"] == CONTACT)
    assert owner.call("DELETE", f"/message-threads/{thread['id']}").status_code == 204
    assert owner.conversation() == [] and len(owner.conversation(OTHER)) == 1
    assert [thread["contact"] for thread in owner.threads()] == [OTHER]
    states = [(row.recipient, row.state, row.refunded_units) for row in messages(gateway)]
    assert sorted(states) == sorted(
        [(CONTACT, "sending", 0), *[(CONTACT, "cancelled", 1000)] * 4, (OTHER, "queued", 0)]
        if (OTHER, "queued", 0) in states
        else [(OTHER, "sending", 0), *[(CONTACT, "cancelled", 1000)] * 5]
    )
    refused(owner.call("DELETE", f"/message-threads/{thread['id']}"), 404)


@on_sqlite
def test_a_deletion_that_broke_off_can_be_asked_for_again(owner: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_service, "CHUNK", 2)
    for _ in range(2):
        owner.sent_bulk([CONTACT] * 2)
    path = f"/message-threads/{owner.threads()[0]['id']}"
    with monkeypatch.context() as broken:
        chunks = iter([ledger.refund])
        broken.setattr(message_service, "refund", lambda *given: next(chunks)(*given))
        refused(owner.call("DELETE", path), 500)
    assert sorted(row.state for row in messages(gateway)) == ["cancelled"] * 2 + ["queued"] * 2
    assert owner.call("DELETE", path).status_code == 204
    assert [row.state for row in messages(gateway)] == ["cancelled"] * 4 and owner.threads() == []
    refused(owner.call("DELETE", path), 404)


def test_a_thread_with_a_message_newer_than_its_deletion_stays(owner: Client, clock: FixedClock) -> None:
    owner.sent(content="old")
    clock.forward(seconds=1)
    newer = owner.sent(content="new")
    clock.forward(seconds=-1)
    (thread,) = owner.threads()
    assert owner.call("DELETE", f"/message-threads/{thread['id']}").status_code == 204
    assert owner.threads() == [thread] and [each["id"] for each in owner.conversation()] == [newer["id"]]


@on_sqlite
def test_a_thread_that_cannot_be_touched_does_not_stop_a_send(owner: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    class Log:
        told: ClassVar[list[str]] = []

        def warning(self, event: str, **more: object) -> None:
            self.told.append(f"{event} {more}")

    def broken(*_: object) -> None:
        raise IntegrityError("INSERT", {"last_text": "secret"}, ValueError("secret"))

    monkeypatch.setattr("gateway.services.threads.log", Log())
    monkeypatch.setattr(stored, "touch", broken)
    owner.sent()
    assert len(messages(gateway)) == 1 and owner.threads() == []
    (logged,) = Log.told
    assert "threads not touched" in logged and "IntegrityError" in logged and "secret" not in logged


@on_sqlite
def test_an_older_send_that_comes_late_does_not_replace_the_preview(owner: Client, gateway: Gateway, clock: FixedClock) -> None:
    clock.forward(seconds=10)
    owner.sent(content="new")
    clock.forward(seconds=-10)
    owner.sent(content="old")
    (thread,) = owner.threads()
    assert thread["last_message_content"] == "new"


@on_sqlite
def test_wrong_requests(owner: Client, stranger: Client, teammate: Client) -> None:
    owner.sent()
    (thread,) = owner.threads()
    path = f"/message-threads/{thread['id']}"
    assert set(wrong(owner.call("PUT", path, json={}))) == {"payload"}
    assert set(wrong(owner.call("PUT", path, json={"is_read": None}))) == {"payload"}
    assert set(wrong(owner.call("PUT", "/message-threads/7", json={"is_read": True}))) == {"messageThreadID"}
    assert set(wrong(owner.call("DELETE", "/message-threads/7"))) == {"messageThreadID"}
    assert set(wrong(owner.get("/message-threads"))) == {"owner"}
    assert set(wrong(owner.get("/message-threads", owner=NUMBER, is_archived="maybe", query="x" * 101))) == {"is_archived", "query"}
    refused(owner.call("PUT", path, json={"is_read": "yes"}), 400)
    refused(owner.call("PUT", path, data=b"is_read=1"), 400)
    refused(owner.call("PUT", f"/message-threads/{uuid4()}", json={"is_read": True}), 404)
    for method, options in (("PUT", {"json": {"is_read": False}}), ("DELETE", {})):
        refused(stranger.call(method, path, **options), 404)
        refused(teammate.call(method, path, **options), 403)
    assert teammate.threads() == [thread | {"user_id": teammate.threads()[0]["user_id"]}]
    assert stranger.threads() == []
