"""Counters of one process: fixed windows that begin with the first call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import time_machine
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from gateway.web import windows
from gateway.web.windows import ProcessWindows

LATER = datetime(2100, 1, 5, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(LATER, tick=False) as traveller:
        yield traveller


@pytest.mark.parametrize("storage", [ProcessWindows, MemoryStorage])
def test_a_window_begins_with_its_first_call_and_ends_at_once(clock: time_machine.Traveller, storage: type[Storage]) -> None:
    limiter, item = FixedWindowRateLimiter(storage()), RateLimitItemPerMinute(3)
    seen = []
    for seconds in (0, 20, 20, 19, 2, 0):
        clock.shift(seconds)
        allowed = limiter.hit(item, "caller")
        seen.append((allowed, limiter.get_window_stats(item, "caller").remaining))
    assert seen == [(True, 2), (True, 1), (True, 0), (False, 0), (True, 2), (True, 1)]
    assert limiter.get_window_stats(item, "caller").reset_time == LATER.timestamp() + 61 + 60
    assert limiter.get_window_stats(item, "stranger").remaining == 3


def test_the_library_finds_it_by_its_scheme() -> None:
    assert isinstance(storage_from_string("process://"), ProcessWindows)


def test_no_thread_is_started() -> None:
    before = threading.active_count()
    storage = ProcessWindows()
    for number in range(100):
        storage.incr(str(number), 60)
    assert threading.active_count() == before


def test_what_is_over_goes_when_new_windows_come(clock: time_machine.Traveller) -> None:
    storage = ProcessWindows()
    for number in range(1000):
        storage.incr(str(number), 60)
    clock.shift(61)
    storage.incr("new", 60)
    assert storage.reset() == 1


def test_there_is_an_end_to_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_WINDOWS", 10)
    storage = ProcessWindows()
    for number in range(100):
        storage.incr(str(number), 60)
    assert storage.get("99") == 1
    assert storage.reset() <= 10


def test_a_window_is_forgotten_on_request() -> None:
    storage = ProcessWindows()
    storage.incr("caller", 60)
    storage.clear("caller")
    assert (storage.get("caller"), storage.check()) == (0, True)


def test_threads_lose_no_count() -> None:
    storage = ProcessWindows()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: storage.incr("caller", 60), range(4000)))
    assert storage.get("caller") == 4000
