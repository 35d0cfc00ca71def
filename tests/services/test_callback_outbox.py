"""An event and the calls about it are kept together or not at all, and each event makes one call for each endpoint. On both databases."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import timedelta
from uuid import UUID

import pytest

from gateway.domain.callback import OF_STATE, Happening
from gateway.domain.inbound import Inbound
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import Event, FailureKind, Outcome
from gateway.services import heartbeats, inbound, phones, sweeping, unknown, webhooks
from gateway.services.callbacks import endpoints, outbox
from gateway.services.callbacks.replay import sweep
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange
from gateway.services.settling import STRICTEST, ended, settle
from gateway.services.webhooks import EVENTS, WebhookTerms
from gateway.storage import dispatch
from gateway.storage.tables import Account
from tests.support.builders import an_account, messages, recipients, set_connector
from tests.support.callbacks import an_endpoint, deliveries, handed_over, report, sent
from tests.support.databases import FixedClock

OURS = "+390111111111"
INTERESTING = ("message.sent", "message.delivered", "message.unknown", "message.failed")


class Killed(BaseException):
    """The process ended here."""


def states(gateway: Gateway) -> dict[str, State]:
    """The state of each message, by its recipient."""
    return {row.recipient: State(row.state) for row in messages(gateway)}


def test_each_event_makes_one_call_for_each_endpoint_that_wants_it(gateway: Gateway) -> None:
    """Random reports, in random batches, repeats and nonsense among them: what is told is what happened to the messages."""
    told, half, deaf = (an_account(gateway) for _ in range(3))
    everything, some = an_endpoint(gateway, told), an_endpoint(gateway, half, "http://127.0.0.1:9/", "native", *INTERESTING)
    operators = an_endpoint(gateway, None, "http://127.0.0.1:9/", "native", "message.failed")
    dice = random.Random(7)
    happened: dict[object, Counter[tuple[str, str]]] = {each.state.id: Counter() for each in (everything, some, operators)}
    open_ends: list[Event] = []
    for account in (told, half, deaf):
        for outgoing in handed_over(gateway, account, recipients(12, start=account.id * 1000)):
            name = f"c-{outgoing.recipient}"
            ways = [Outcome.accepted(outgoing.key, name), Outcome.failed(outgoing.key, dice.choice([*FailureKind]))]
            reports = [Receipt(name, dice.choice([State.DELIVERED, State.UNDELIVERED, State.SENT]), gateway.clock.now()) for _ in range(2)]
            open_ends += [dice.choice(ways), *reports]
    dice.shuffle(open_ends)
    owner = {row.recipient: row.account_id for row in messages(gateway)}
    while open_ends:
        before, batch = states(gateway), [open_ends.pop() for _ in range(min(dice.randint(1, 3), len(open_ends)))]
        for event in batch:  # one by one, so that every state that a message passes through is seen
            report(gateway, event)
            after = states(gateway)
            for recipient, state in after.items():
                if state is not before[recipient] and state in OF_STATE:
                    note(happened, everything.state.id, owner[recipient] == told.id, recipient, state)
                    note(happened, some.state.id, owner[recipient] == half.id and OF_STATE[state] in INTERESTING, recipient, state)
                    note(happened, operators.state.id, state is State.FAILED, recipient, state)
            before = after
    assert all(happened.values())
    for endpoint, events in happened.items():
        found = Counter((row.payload["data"]["recipient"], row.event) for row in deliveries(gateway) if row.endpoint == endpoint)
        # A parked receipt moves its message in the transaction that names it, so that two states show as one here.
        assert found - events == Counter({(to, "message.sent"): 1 for to, event in (found - events) if event == "message.sent"})
        assert events - found == Counter()


def note(happened: dict[object, Counter[tuple[str, str]]], endpoint: object, is_told: bool, recipient: str, state: State) -> None:
    if is_told:
        happened[endpoint][recipient, OF_STATE[state].value] += 1


def test_several_endpoints_of_several_kinds(gateway: Gateway) -> None:
    account, stranger = an_account(gateway), an_account(gateway)
    for kind in ("native", "smsend", "smsend"):
        an_endpoint(gateway, account, kind=kind)
    an_endpoint(gateway, stranger)
    off = an_endpoint(gateway, account)
    endpoints.set_enabled(gateway, off.state.id, enabled=False)
    phones.add(gateway, account.name, OURS, PhoneChange())
    webhooks.create(gateway, account.id, WebhookTerms("https://example.org/", "", [OURS], EVENTS))
    sent(gateway, account, originator=OURS)
    assert sorted((row.kind, row.event, row.account_id) for row in deliveries(gateway)) == [
        ("httpsms", "message.phone.sent", account.id),
        ("native", "message.sent", account.id),
        ("smsend", "message.sent", account.id),
        ("smsend", "message.sent", account.id),
    ]
    assert all((row.next_at, row.attempts) == (row.created_at, 0) for row in deliveries(gateway))


def test_whoever_is_killed_before_the_commit_leaves_neither_state_nor_call(gateway: Gateway, account: Account) -> None:
    an_endpoint(gateway, account)
    (outgoing,) = handed_over(gateway, account, recipients(1))
    now = gateway.clock.now()
    with pytest.raises(Killed), gateway.writing() as session:
        held = dispatch.hold_attempted(session, [outgoing.key])
        settle(session, [ended(each, State.FAILED, now) for each in held.values()], {"simulator": STRICTEST}, now, "")
        raise Killed
    assert ([*states(gateway).values()], deliveries(gateway)) == ([State.SENDING], [])
    report(gateway, Outcome.failed(outgoing.key, FailureKind.FINAL))
    assert ([*states(gateway).values()], len(deliveries(gateway))) == ([State.FAILED], 1)


def test_what_stays_as_it_is_is_no_event(gateway: Gateway, account: Account, clock: FixedClock) -> None:
    """The sweep finds a lost attempt, and then its dispatcher says so too."""
    an_endpoint(gateway, account)
    (outgoing,) = handed_over(gateway, account, recipients(1))
    clock.forward(minutes=1)
    sweeping.sweep(gateway)
    report(gateway, Outcome.failed(outgoing.key, FailureKind.UNKNOWN), Outcome.failed(outgoing.key, FailureKind.UNKNOWN))
    assert [row.event for row in deliveries(gateway)] == ["message.unknown"]
    chosen = unknown.choose(gateway, outgoing.key.order_id.hex, None, None, every=True)
    unknown.settle_as(gateway, chosen, State.DELIVERED)
    assert sorted(row.event for row in deliveries(gateway)) == ["message.delivered", "message.unknown"]


def test_what_comes_in_and_goes_wrong_twice_is_told_once(gateway: Gateway, account: Account) -> None:
    set_connector(gateway, inbound_account_id=account.id)
    an_endpoint(gateway, account, "http://127.0.0.1:9/", "native", "inbound.received")
    for _ in range(2):
        with gateway.writing() as session:
            came = Inbound("+393471234567", OURS, "Hello", gateway.clock.now(), provider_id="1")
            inbound.receive(session, "simulator", [came], gateway.clock.now())
    (row,) = deliveries(gateway)
    assert (row.event, row.payload["data"]["text"]) == ("inbound.received", "Hello")


def test_a_telephone_falls_silent_once_and_is_back_once(gateway: Gateway, account: Account, clock: FixedClock) -> None:
    phones.add(gateway, account.name, OURS, PhoneChange())
    an_endpoint(gateway, account, "http://127.0.0.1:9/", "native", "handset.online", "handset.offline")
    operators = an_endpoint(gateway, None, "http://127.0.0.1:9/", "native", "handset.offline").state.id
    start = clock.now()
    heartbeats.note(gateway, account.id, [OURS], "1", charging=True)
    clock.forward(minutes=15)
    heartbeats.note(gateway, account.id, [OURS], "1", charging=True)
    for minutes in (63, 1, 1, 10):
        clock.forward(minutes=minutes)
        sweep(gateway)
        expected = [] if minutes == 63 else ["handset.offline"] * 2
        assert [row.event for row in deliveries(gateway)] == expected
    clock.forward(minutes=60)
    for _ in range(2):
        heartbeats.note(gateway, account.id, [OURS], "1", charging=True)
    sweep(gateway)
    rows = deliveries(gateway)
    assert sorted(row.event for row in rows) == ["handset.offline", "handset.offline", "handset.online"]
    assert {row.payload["data"]["last_seen_at"] for row in rows} == {(start + timedelta(minutes=15)).isoformat().replace("+00:00", "Z")}
    assert len([row for row in rows if row.endpoint == operators]) == 1


def test_an_alert_is_the_operators(gateway: Gateway, account: Account) -> None:
    mine, theirs = an_endpoint(gateway, None), an_endpoint(gateway, account)
    now = gateway.clock.now()
    with gateway.writing() as session:
        outbox.operator(session, Happening.ALERT_VELOCITY, {"prefix": "+370"}, now)
        outbox.operator(session, Happening.ALERT_VELOCITY, {"prefix": "+371"}, now, account.id)
        with pytest.raises(ValueError, match="short"):
            outbox.operator(session, Happening.ALERT_VELOCITY, {"text": "x" * 5000}, now)
    told: defaultdict[UUID, list[str]] = defaultdict(list)
    for row in deliveries(gateway):
        told[row.endpoint].append(row.payload["data"]["prefix"])
    assert {endpoint: sorted(found) for endpoint, found in told.items()} == {mine.state.id: ["+370", "+371"], theirs.state.id: ["+371"]}


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return an_account(gateway, "acme")
