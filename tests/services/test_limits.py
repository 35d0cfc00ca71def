"""Wrong guesses, counted here or in Redis; Redis may go and come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.domain.errors import Throttled
from gateway.services import limits as module
from gateway.services.limits import GuessLimits
from tests.support import redis
from tests.support.databases import settings_for

USER_MOST, ADDRESS_MOST = 3, 5


def guess_limits(redis_url: str = "") -> GuessLimits:
    """One process's limits."""
    return GuessLimits(
        settings_for(
            "sqlite:////unused.sqlite3",
            redis_url=redis_url,
            guesses_per_minute_user=USER_MOST,
            guesses_per_minute_address=ADDRESS_MOST,
        )
    )


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest) -> str:
    """Where guesses are counted."""
    if request.param == "memory":
        return ""
    server: redis.RedisServer = request.getfixturevalue("redis_server")
    server.flush()
    return server.url


@pytest.fixture
def limits(url: str) -> GuessLimits:
    return guess_limits(url)


@pytest.fixture
def own_redis(tmp_path: Path):
    """A Redis that the test may stop."""
    server = redis.start(tmp_path)
    yield server
    server.stop()


def use_up(limits: GuessLimits, username: str = "mario", address: str = "", number: int = USER_MOST) -> None:
    for _ in range(number):
        limits.check(username, address)
        limits.count(username, address)


def is_refused(limits: GuessLimits, username: str = "mario", address: str = "") -> bool:
    try:
        limits.check(username, address)
    except Throttled as refused:
        assert 1 <= refused.retry_after_seconds <= 60
        return True
    return False


class TestCounting:
    def test_a_user_is_refused_after_enough_wrong_guesses(self, limits):
        use_up(limits)
        assert is_refused(limits)
        assert not is_refused(limits, "luigi")

    def test_an_address_is_refused_after_enough_wrong_guesses(self, limits):
        for number in range(ADDRESS_MOST):
            use_up(limits, f"user {number}", "192.0.2.7", 1)
        assert is_refused(limits, "another", "192.0.2.7")
        assert not is_refused(limits, "another", "192.0.2.8")
        assert not is_refused(limits, "another", "")

    def test_asking_costs_nothing(self, limits):
        for _ in range(USER_MOST * 3):
            limits.check("mario", "192.0.2.7")
        assert not is_refused(limits)

    def test_without_a_name_only_the_address_counts(self, limits):
        use_up(limits, "", "192.0.2.7", ADDRESS_MOST)
        assert is_refused(limits, "", "192.0.2.7")
        assert not is_refused(limits, "", "")

    def test_any_name_can_be_counted(self, limits):
        for name in ("\ud83d", "a\0b", "x" * 10_000, "a b\r\nFLUSHALL", "user:mario"):
            use_up(limits, name)
            assert is_refused(limits, name)
        assert not is_refused(limits, "mario")


class TestRedis:
    def test_is_shared_by_all_processes(self, redis_server):
        redis_server.flush()
        first, second = guess_limits(redis_server.url), guess_limits(redis_server.url)
        use_up(first, number=USER_MOST - 1)
        use_up(second, number=1)
        assert is_refused(first)
        assert is_refused(second)

    def test_holds_no_name_and_no_address(self, redis_server):
        redis_server.flush()
        use_up(guess_limits(redis_server.url), "mario", "192.0.2.7", 1)
        assert redis_server.command("DBSIZE") == ":2"
        for pattern in ("*mario*", "*192.0.2.7*"):
            assert redis_server.command(f"KEYS {pattern}") == "*0"

    def test_memory_alone_is_each_process_s_own(self):
        first, second = guess_limits(), guess_limits()
        use_up(first)
        assert not is_refused(second)


class TestRedisAway:
    def test_at_the_start(self, own_redis, monkeypatch):
        own_redis.stop()
        limits = guess_limits(own_redis.url)
        use_up(limits)
        assert is_refused(limits)

    @pytest.mark.parametrize("retry_seconds", [0.0, 3600.0])
    def test_in_the_middle_each_process_counts_for_itself(self, own_redis, monkeypatch, retry_seconds):
        """Both when every call finds out anew and when Redis is left alone for a while."""
        monkeypatch.setattr(module, "REDIS_RETRY_SECONDS", retry_seconds)
        limits = guess_limits(own_redis.url)
        use_up(limits, number=1)
        own_redis.stop()
        assert not is_refused(limits)
        use_up(limits)
        assert is_refused(limits)
        assert not is_refused(limits, "luigi")

    def test_between_the_answer_and_the_waiting_time(self, own_redis, monkeypatch):
        """The refusal was read from Redis; how long to wait could not be any more."""
        limits = guess_limits(own_redis.url)
        use_up(limits)
        shared = limits._shared
        assert shared is not None
        real = shared.test

        def test_then_stop(*arguments: object) -> bool:
            allowed = real(*arguments)  # type: ignore[arg-type]
            own_redis.stop()
            return allowed

        monkeypatch.setattr(shared, "test", test_then_stop)
        assert is_refused(limits)

    def test_and_back(self, own_redis, monkeypatch):
        monkeypatch.setattr(module, "REDIS_RETRY_SECONDS", 0.0)
        first, second = guess_limits(own_redis.url), guess_limits(own_redis.url)
        own_redis.stop()
        use_up(first)
        own_redis.start()
        assert not is_refused(first)
        use_up(first)
        assert is_refused(second)
