"""The speed limit, with time handed in."""

from __future__ import annotations

from gateway.dispatcher.bucket import TokenBucket


def test_without_a_limit_everything_goes():
    bucket = TokenBucket(0, now=0)
    bucket.spend(10_000)
    assert (bucket.room(0, 500), bucket.wait_seconds(0)) == (500, 0)


def test_holds_the_rate_over_time():
    bucket, sent, now = TokenBucket(100, now=0), 0, 0.0
    while now < 10:
        room = bucket.room(now, 50)
        bucket.spend(room)
        sent += room
        now += 0.01
    assert 1000 <= sent <= 1026


def test_long_messages_are_paid_for_afterwards():
    bucket = TokenBucket(10, now=0)
    assert bucket.room(0, 50) == 2
    bucket.spend(8)
    assert bucket.room(0.3, 50) == 0
    assert bucket.wait_seconds(0.3) > 0
    assert bucket.room(1.0, 50) > 0


def test_a_slow_connector_may_still_send_one():
    bucket = TokenBucket(1, now=0)
    assert bucket.room(0, 10) == 1
    bucket.spend(1)
    assert bucket.room(0.5, 10) == 0
    assert bucket.room(1.0, 10) == 1


def test_rest_does_not_pile_up_a_burst():
    bucket = TokenBucket(100, now=0)
    assert bucket.room(3600, 5000) == 25
