"""Making calls that are due: retries, rest, fairness, leases, and what an operator does. On both databases, with a clock that is moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from gateway import create_app
from gateway.domain.errors import Conflict, InvalidField, NotFound, Unavailable
from gateway.net.client import Client
from gateway.services import webhooks
from gateway.services.callbacks import endpoints, replay, sending
from gateway.services.callbacks.endpoints import NewEndpoint
from gateway.services.callbacks.replay import sweep
from gateway.services.callbacks.sending import Dead
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange, add
from gateway.services.webhooks import WebhookTerms
from gateway.storage import callback_queue
from gateway.storage import callbacks as stored
from gateway.storage.driver import close_connections
from gateway.storage.tables import Account
from tests.support.builders import an_account
from tests.support.callbacks import an_endpoint, deliveries, failed, happen, next_moment, the_breaker, turn
from tests.support.databases import SECRET, FixedClock, settings_for
from tests.support.receiver import OK, Receiver, answer, loopback_client

DAY = timedelta(days=1)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def client() -> Iterator[Client]:
    found = loopback_client()
    yield found
    found.close()


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return an_account(gateway, "acme")


def seen(receiver: Receiver) -> Counter[str]:
    """How often each delivery came."""
    return Counter(request.headers["Dragoman-Delivery"] for request in receiver.came)


def test_a_call_is_tried_for_a_day_and_then_given_up(gateway: Gateway, account: Account, clock: FixedClock) -> None:
    """The endpoint takes others meanwhile, so that it is this call that fails and not the endpoint."""
    endpoint = an_endpoint(gateway, account).state.id
    happen(gateway, account)
    start, waits = clock.now(), []
    dead: list[Dead] = []
    while not dead:
        (job,) = sending.claim(gateway, 8, {})
        dead = sending.record(gateway, [failed(job)])
        with gateway.writing() as session:
            callback_queue.forgive(session, endpoint)
        if not dead:
            before, clock.moment = clock.now(), deliveries(gateway)[0].next_at
            waits.append((clock.now() - before).total_seconds())
    (row,) = deliveries(gateway)
    assert timedelta(hours=21) < clock.now() - start < timedelta(hours=28)
    assert all(base <= wait < base * 1.2 for base, wait in zip([15, 30, 60, 120, 240, 480, 960, 1920, *[3600] * 21], waits, strict=True))
    assert (row.attempts, row.dead_at, row.status, row.error, row.lease_until) == (30, clock.now(), 500, "answered 500", None)
    assert [(each.id, each.event, each.attempts) for each in dead] == [(row.id, "alert.velocity", 30)]
    clock.forward(days=2)
    assert sending.claim(gateway, 8, {}) == []


def test_who_dies_between_the_call_and_its_record_leaves_it_to_be_made_again(
    gateway: Gateway, account: Account, clock: FixedClock, receiver: Receiver, client: Client
) -> None:
    an_endpoint(gateway, account, receiver.url())
    happen(gateway, account)
    for job in sending.claim(gateway, 8, {}):
        sending.make(gateway, client, job)  # and never recorded
    clock.forward(seconds=59)
    assert turn(gateway, client)[0] == []
    clock.forward(seconds=1)
    turn(gateway, client)
    (row,) = deliveries(gateway)
    assert seen(receiver) == {str(row.id): 2}
    assert (row.delivered_at, row.attempts) == (clock.now(), 1)


def test_a_late_record_changes_nothing_of_what_another_dispatcher_did(gateway: Gateway, account: Account, clock: FixedClock) -> None:
    an_endpoint(gateway, account)
    happen(gateway, account)
    (first,) = sending.claim(gateway, 8, {})
    clock.forward(seconds=60)
    (second,) = sending.claim(gateway, 8, {})
    assert first.due.id == second.due.id
    sending.record(gateway, [failed(first)])
    (row,) = deliveries(gateway)
    assert (row.lease_until, row.attempts) == (second.due.lease_until, 0)
    sending.record(gateway, [sending.Result(second, 200)])
    sending.record(gateway, [failed(first)])
    (row,) = deliveries(gateway)
    assert (row.delivered_at, row.status, row.error) == (clock.now(), 200, None)


def test_two_dispatchers_never_take_the_same_call(gateway: Gateway, account: Account) -> None:
    for _ in range(3):
        an_endpoint(gateway, account)
    happen(gateway, account, 4)
    taken: Counter[UUID] = Counter()
    while jobs := sending.claim(gateway, 3, {}):
        taken.update(job.due.id for job in jobs)
    assert taken == Counter({row.id: 1 for row in deliveries(gateway)})


def test_a_dead_endpoint_with_a_long_queue_does_not_hold_up_another(
    gateway: Gateway, account: Account, receiver: Receiver, client: Client, clock: FixedClock
) -> None:
    """Counted in turns: what waits for the living endpoint goes out in the turns that it would need alone."""
    an_endpoint(gateway, account)
    happen(gateway, account, 1000)
    living = an_account(gateway)
    an_endpoint(gateway, living, receiver.url("/living"))
    happen(gateway, living, 6)
    after: UUID | None = None
    for _ in range(3):
        jobs, _dead = turn(gateway, client, 4, after)
        after = jobs[-1].due.endpoint
    assert len([each for each in receiver.came if each.target == "/living"]) == 6


def test_slow_endpoints_take_turns_with_the_others(gateway: Gateway, account: Account) -> None:
    """No more than two calls at once to one; and who was not reached in one round is first in the next."""
    made = [an_endpoint(gateway, account).state.id for _ in range(5)]
    happen(gateway, account, 3)
    busy: Counter[UUID] = Counter()
    jobs = sending.claim(gateway, 5, busy)
    busy.update(job.due.endpoint for job in jobs)
    assert sorted(busy.values()) == [1, 2, 2]
    jobs = sending.claim(gateway, 5, busy, jobs[-1].due.endpoint)
    more = Counter(job.due.endpoint for job in jobs)
    assert set(busy | more) == set(made)
    assert max((busy + more).values()) == 2
    assert sending.claim(gateway, 5, Counter(dict.fromkeys(made, 2))) == []


def test_a_failing_endpoint_rests_and_its_calls_keep_their_tries(
    gateway: Gateway, account: Account, receiver: Receiver, client: Client, clock: FixedClock
) -> None:
    receiver.answers = lambda request: answer(503)
    endpoint = an_endpoint(gateway, account, receiver.url()).state.id
    happen(gateway, account, 20)
    while turn(gateway, client, 1)[0]:
        pass
    assert len(receiver.came) == 5
    assert Counter(row.attempts for row in deliveries(gateway)) == {1: 5, 0: 15}
    pauses = []
    for _ in range(9):
        moment = next_moment(gateway, endpoint)
        assert moment is not None
        pauses.append((moment - clock.now()).total_seconds())
        clock.moment = moment - timedelta(microseconds=1)
        assert turn(gateway, client)[0] == []
        clock.moment = moment
        assert len(turn(gateway, client)[0]) == 1  # one call only, to see whether it is back
        assert turn(gateway, client)[0] == []
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert sum(row.attempts for row in deliveries(gateway)) == len(receiver.came) == 14
    receiver.answers = lambda request: OK
    clock.moment = next_moment(gateway, endpoint) or clock.now()
    turn(gateway, client)
    assert the_breaker(gateway, endpoint) is None
    clock.forward(hours=2)
    while turn(gateway, client)[0]:
        pass
    assert all(row.delivered_at for row in deliveries(gateway))


def test_one_call_shows_whether_an_endpoint_is_back_however_many_dispatchers_look(
    gateway: Gateway, account: Account, client: Client, clock: FixedClock
) -> None:
    endpoint = an_endpoint(gateway, account).state.id
    happen(gateway, account, 10)
    while turn(gateway, client, 1)[0]:
        pass
    clock.moment = next_moment(gateway, endpoint) or clock.now()
    (lost,) = sending.claim(gateway, 8, {})  # by a dispatcher that dies
    assert sending.claim(gateway, 8, {}) == []
    clock.forward(seconds=60)
    (again,) = sending.claim(gateway, 8, {})
    assert again.due.endpoint == lost.due.endpoint


def test_after_a_day_without_an_answer_old_calls_are_given_up(
    gateway: Gateway, account: Account, client: Client, clock: FixedClock
) -> None:
    endpoint = an_endpoint(gateway, account).state.id
    happen(gateway, account, 10)
    while turn(gateway, client, 1)[0]:
        pass
    clock.forward(hours=23, minutes=59)
    assert sweep(gateway) == {}
    happen(gateway, account)
    clock.forward(minutes=2)
    assert sweep(gateway) == {"buried": 10}
    assert sweep(gateway) == {}
    assert Counter((row.dead_at, row.error) for row in deliveries(gateway) if row.dead_at) == {(clock.now(), replay.SILENCE): 10}
    assert (endpoints.one(gateway, endpoint).waiting, endpoints.one(gateway, endpoint).dead) == (1, 10)


def test_a_dispatcher_that_was_away_for_days_tries_what_it_finds(
    gateway: Gateway, account: Account, receiver: Receiver, client: Client, clock: FixedClock
) -> None:
    an_endpoint(gateway, account, receiver.url())
    happen(gateway, account, 4)
    clock.forward(days=3)
    assert sweep(gateway) == {}
    while turn(gateway, client)[0]:
        pass
    assert len(receiver.came) == 4


def test_calls_are_made_again_on_request(gateway: Gateway, account: Account, receiver: Receiver, client: Client, clock: FixedClock) -> None:
    living, broken = an_endpoint(gateway, account, receiver.url()).state.id, an_endpoint(gateway, account).state.id
    moments = []
    for _ in range(3):
        moments.append(clock.forward(hours=1))
        happen(gateway, account)
    while turn(gateway, client)[0]:
        pass
    clock.forward(days=2)
    with gateway.writing() as session:
        callback_queue.bury(session, broken, clock.now(), 500, "no more", clock.now())
    before = {row.id for row in deliveries(gateway)}
    assert len(replay.dead(gateway, broken, 50)) == 3
    assert (len(replay.dead(gateway, None, 2)), replay.dead(gateway, living, 50)) == (2, [])

    assert replay.replay(gateway, moments[1], moments[1], only_dead=True) == 1
    assert replay.replay(gateway, moments[0], moments[1], living) == 2
    assert the_breaker(gateway, broken) is None
    receiver.came.clear()
    while turn(gateway, client)[0]:
        pass
    assert {row.id for row in deliveries(gateway)} == before
    first, second = (str(row.id) for row in deliveries(gateway, living)[:2])
    assert seen(receiver) == {first: 1, second: 1}
    again = [row for row in deliveries(gateway, broken) if row.dead_at is None]
    assert [(row.created_at, row.attempts) for row in again] == [(moments[1], 1)]
    with pytest.raises(InvalidField):
        replay.replay(gateway, moments[1], moments[0])
    with pytest.raises(NotFound):
        replay.replay(gateway, moments[0], moments[1], UUID(int=7))
    with pytest.raises(NotFound):
        replay.dead(gateway, UUID(int=7), 5)


def test_a_replay_goes_in_batches(gateway: Gateway, account: Account, monkeypatch: pytest.MonkeyPatch, clock: FixedClock) -> None:
    monkeypatch.setattr(replay, "BATCH", 3)
    endpoint = an_endpoint(gateway, account).state.id
    happen(gateway, account, 10)
    with gateway.writing() as session:
        callback_queue.bury(session, endpoint, clock.forward(seconds=1), 500, "no more", clock.now())
    assert replay.replay(gateway, clock.now() - DAY, clock.now(), only_dead=True) == 10
    assert all(row.dead_at is None for row in deliveries(gateway))


def test_old_calls_are_deleted(gateway: Gateway, account: Account, receiver: Receiver, client: Client, clock: FixedClock) -> None:
    taken, given_up = an_endpoint(gateway, account, receiver.url()).state.id, an_endpoint(gateway, account).state.id
    happen(gateway, account, 2)
    turn(gateway, client)
    with gateway.writing() as session:
        callback_queue.bury(session, given_up, clock.now() + DAY, 500, "no more", clock.now())
    left = []
    for duration in (7 * DAY, timedelta(seconds=1), 23 * DAY - timedelta(seconds=1), timedelta(seconds=1)):
        clock.moment += duration
        sweep(gateway)
        left.append((len(deliveries(gateway, taken)), len(deliveries(gateway, given_up))))
    assert left == [(2, 2), (0, 2), (0, 2), (0, 0)]


def test_off_means_that_nothing_goes_out_and_nothing_new_is_kept(
    gateway: Gateway, account: Account, receiver: Receiver, client: Client
) -> None:
    endpoint = an_endpoint(gateway, account, receiver.url()).state.id
    happen(gateway, account)
    assert endpoints.set_enabled(gateway, endpoint, enabled=False).waiting == 1
    happen(gateway, account)
    assert turn(gateway, client)[0] == []
    endpoints.set_enabled(gateway, endpoint, enabled=True)
    turn(gateway, client)
    assert len(receiver.came) == len(deliveries(gateway)) == 1


def test_what_waits_for_an_endpoint_that_was_removed_is_given_up(gateway: Gateway, account: Account, client: Client) -> None:
    endpoint = an_endpoint(gateway, account).state.id
    happen(gateway, account, 7)
    assert endpoints.remove(gateway, endpoint).waiting == 7
    assert turn(gateway, client)[0] == []
    assert Counter(row.error for row in deliveries(gateway) if row.dead_at) == {sending.GONE: 7}
    assert len(replay.dead(gateway, endpoint, 50)) == 7
    with pytest.raises(NotFound):
        endpoints.one(gateway, endpoint)


def test_a_new_key_signs_what_waits(gateway: Gateway, account: Account, receiver: Receiver, client: Client) -> None:
    made = an_endpoint(gateway, account, receiver.url())
    happen(gateway, account)
    new = endpoints.rotate_key(gateway, made.state.id)
    assert new.signing_key not in (None, made.signing_key)
    turn(gateway, client)
    (request,) = receiver.came
    assert request.headers["Dragoman-Key-Id"] == new.state.key_id != made.state.key_id
    with pytest.raises(Conflict):
        endpoints.rotate_key(gateway, an_endpoint(gateway, account, kind="smsend").state.id)


def test_secrets_are_renewed_and_their_loss_is_a_failure_like_another(
    gateway: Gateway, account: Account, clock: FixedClock, receiver: Receiver, client: Client, database_url: str
) -> None:
    key = an_endpoint(gateway, account, receiver.url()).signing_key
    happen(gateway, account)
    app = create_app(settings_for(database_url, secret_key=f"another-key-for-tests-of-rotation {SECRET}"), clock)
    with app.app_context():
        rotated: Gateway = app.extensions["dragoman"]
        assert endpoints.renew_secrets(rotated) == 2
        with rotated.reading() as session:
            (target,) = [endpoints.target(rotated, session, row.id) for row in stored.endpoints(session, None)]
        assert target is not None
        assert (target.url, target.signing_key) == (receiver.url(), key)
        close_connections(rotated.engine)
        rotated.engine.dispose()
    with pytest.raises(Unavailable):
        endpoints.renew_secrets(gateway)
    turn(gateway, client)
    (row,) = deliveries(gateway)
    assert "cannot be decrypted" in (row.error or "")
    assert (row.attempts, receiver.came) == (1, [])


def test_a_webhook_is_listed_and_left_to_its_owner(gateway: Gateway, account: Account) -> None:
    add(gateway, "acme", "+390111111111", PhoneChange())
    terms = WebhookTerms("https://example.org/secret/path", "key", ["+390111111111"], ["message.phone.sent"])
    hook = webhooks.create(gateway, account.id, terms)
    own = an_endpoint(gateway, account).state
    states = {each.id: each for each in endpoints.listed(gateway, "acme")}
    assert set(states) == {hook.id, own.id}
    assert (states[hook.id].kind, states[hook.id].host, states[hook.id].events) == ("httpsms", "example.org", ["message.phone.sent"])
    for change in (endpoints.remove, endpoints.rotate_key):
        with pytest.raises(Conflict):
            change(gateway, hook.id)
    with pytest.raises(NotFound):
        endpoints.listed(gateway, "nobody")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("new", "field"),
    [
        (NewEndpoint("acme", "pigeon", "https://example.org"), "kind"),
        (NewEndpoint("acme", "httpsms", "https://example.org"), "kind"),
        (NewEndpoint(None, "smsend", "https://example.org"), "kind"),
        (NewEndpoint("acme", "native", "https://example.org", "GET"), "method"),
        (NewEndpoint("acme", "smsend", "https://example.org", "PUT"), "method"),
        (NewEndpoint("acme", "native", "https://example.org", None, ["message.lost"]), "event"),
        (NewEndpoint("acme", "smsend", "https://example.org", None, ["inbound.received"]), "event"),
        *((NewEndpoint("acme", "native", url), "url") for url in (
            "", "example.org", "ftp://example.org", "https://", "https://a b", "https://è.org", "https://example.org/#x",
            "https://example.org:port/", "https://example.org:99999/", "https://[::1", "https://example.org/\0",
            "https://e.org/" + "x" * 2000,
        )),
    ],
)  # fmt: skip
def test_an_endpoint_that_could_not_work_is_refused(gateway: Gateway, account: Account, new: NewEndpoint, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        endpoints.add(gateway, new)
    assert refused.value.field == field
    assert endpoints.listed(gateway, None) == []
