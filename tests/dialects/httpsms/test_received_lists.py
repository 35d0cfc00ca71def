"""What came in, in the lists of httpSMS: messages, search, threads. Contract sections 2, 4.3 to 4.6 and 5.1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.inbound import Inbound, InboundKind
from gateway.services import dispatching, inbound_numbers
from gateway.services.core import Gateway
from tests.dialects.httpsms.client import CONTACT, MESSAGE_KEYS, NUMBER, Client, data
from tests.support.databases import FixedClock

OTHER = "+18005550111"
Come = Callable[..., None]


@pytest.fixture
def come(gateway: Gateway, clock: FixedClock, owner: Client) -> Come:
    """Something comes in to the owner's number, a second after what was before. The stranger registered it too, so it is given."""
    inbound_numbers.add(gateway, "owner", NUMBER, take_unrouted=False)

    def run(text: str, sender: str = CONTACT, kind: InboundKind = InboundKind.SMS, to: str = NUMBER) -> None:
        dispatching.record(gateway, "simulator", [Inbound(sender, to, text, clock.now(), kind, sim="SIM2")])
        clock.forward(seconds=1)

    return run


def contents(found: list[dict[str, Any]]) -> list[str]:
    return [each["content"] for each in found]


def test_a_received_message_and_a_missed_call_as_objects(owner: Client, come: Come) -> None:
    come("Hello")
    come("", kind=InboundKind.CALL)
    call, message = owner.conversation()
    assert set(message) == set(call) == MESSAGE_KEYS
    assert (message["type"], message["status"], message["content"]) == ("mobile-originated", "received", "Hello")
    assert (message["owner"], message["contact"], message["sim"]) == (NUMBER, CONTACT, "SIM2")
    assert (message["request_received_at"], message["received_at"]) == ("2026-01-05T08:00:00Z", "2026-01-05T08:00:00Z")
    assert (message["attachments"], message["request_id"], message["max_send_attempts"]) == ([], None, 0)
    assert (call["type"], call["status"], call["content"]) == ("call/missed", "received", "")
    assert owner.message(message["id"]) == message


def test_a_conversation_goes_both_ways_a_page_at_a_time(owner: Client, come: Come, clock: FixedClock) -> None:
    for number in range(6):
        if number % 2:
            come(f"in {number}")
        else:
            owner.sent(content=f"out {number}")
            clock.forward(seconds=1)
    come("from another", OTHER)
    come("to another", to="+18005550188")
    everything = ["in 5", "out 4", "in 3", "out 2", "in 1", "out 0"]
    assert contents(owner.conversation()) == everything
    for skip in range(7):
        assert contents(owner.conversation(skip=skip, limit=2)) == everything[skip : skip + 2]
    assert contents(owner.conversation(query="IN ")) == ["in 5", "in 3", "in 1"]
    assert contents(owner.conversation(OTHER)) == ["from another"]


def test_search_by_type_status_owner_and_words(owner: Client, stranger: Client, come: Come, clock: FixedClock) -> None:
    owner.sent(content="out")
    clock.forward(seconds=1)
    come("come in")
    come("", OTHER, InboundKind.CALL)
    for query, found in (
        ({}, ["out", "come in", ""]),
        ({"sort_descending": "true"}, ["", "come in", "out"]),
        ({"types": "mobile-originated"}, ["come in"]),
        ({"types": "call/missed"}, [""]),
        ({"types": ["call/missed", "mobile-terminated"]}, ["out", ""]),
        ({"statuses": "received"}, ["come in", ""]),
        ({"statuses": "scheduled"}, ["out"]),
        ({"statuses": ["scheduled", "received"], "types": "mobile-terminated"}, ["out"]),
        ({"statuses": "delivered"}, []),
        ({"types": "call/missed", "statuses": "sent"}, []),
        ({"query": "COME"}, ["come in"]),
        ({"query": OTHER[-6:]}, [""]),
        ({"owners": NUMBER}, ["out", "come in", ""]),
        ({"owners": "+18005550177"}, []),
        ({"skip": 1, "limit": 1}, ["come in"]),
        ({"sort_by": "contact"}, ["out", "come in", ""]),
        ({"sort_by": "type"}, ["", "come in", "out"]),
        ({"sort_by": "status", "sort_descending": "true"}, ["", "come in", "out"]),
        ({"sort_by": "owner"}, ["out", "come in", ""]),
    ):
        assert contents(owner.search(**query)) == found, query
    (only,) = owner.search(types="call/missed")
    assert owner.search(query=only["id"]) == [only]
    assert stranger.search() == []
    assert stranger.get(f"/messages/{only['id']}").status_code == 404
    assert stranger.call("DELETE", f"/messages/{only['id']}").status_code == 404


def test_a_thread_is_unread_and_shows_what_came_last(owner: Client, come: Come, clock: FixedClock) -> None:
    sent = owner.sent(content="out")
    clock.forward(seconds=1)
    come("come in")
    (thread,) = owner.threads()
    assert (thread["is_read"], thread["status"], thread["last_message_content"]) == (False, "received", "come in")
    assert thread["last_message_id"] == owner.conversation()[0]["id"]
    read = data(owner.call("PUT", f"/message-threads/{thread['id']}", json={"is_read": True}))
    assert (read["is_read"], read["status"]) == (True, "received")
    owner.call("DELETE", f"/messages/{thread['last_message_id']}")
    (thread,) = owner.threads()
    assert (thread["last_message_id"], thread["last_message_content"]) == (sent["id"], "out")
    come("again")
    owner.call("DELETE", f"/messages/{sent['id']}")
    assert [thread["last_message_content"] for thread in owner.threads()] == ["again"]


def test_what_is_deleted_is_in_no_list_any_more(owner: Client, teammate: Client, come: Come) -> None:
    come("one")
    come("two")
    newest, _ = owner.conversation()
    path = f"/messages/{newest['id']}"
    assert teammate.call("DELETE", path).status_code == 403
    answer = owner.call("DELETE", path)
    assert (answer.status_code, answer.data) == (204, b"")
    assert (owner.get(path).status_code, owner.call("DELETE", path).status_code) == (404, 404)
    assert contents(owner.conversation()) == contents(owner.search()) == ["one"]


def test_a_thread_is_deleted_with_what_was_sent_and_what_came(owner: Client, come: Come, clock: FixedClock) -> None:
    owner.sent(content="out")
    clock.forward(seconds=1)
    come("come in")
    come("from another", OTHER)
    (thread,) = [each for each in owner.threads() if each["contact"] == CONTACT]
    assert owner.call("DELETE", f"/message-threads/{thread['id']}").status_code == 204
    assert (owner.conversation(), contents(owner.search())) == ([], ["from another"])
    assert [each["contact"] for each in owner.threads()] == [OTHER]
    clock.forward(seconds=1)
    come("a new beginning")
    assert contents(owner.conversation()) == ["a new beginning"]


def test_usage_counts_what_came_in_but_no_calls(owner: Client, come: Come) -> None:
    come("one")
    come("two")
    come("", kind=InboundKind.CALL)
    usage = data(owner.get("/billing/usage"))
    assert (usage["sent_messages"], usage["received_messages"], usage["total_cost"]) == (0, 2, 0)
