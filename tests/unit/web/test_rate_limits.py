"""How often a lost Redis is asked for, by the library's own clock. The rest is tested with real workers and a real Redis."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import time_machine
from flask import Flask

from gateway.config import Settings
from gateway.web import rate_limits


def test_a_lost_redis_is_asked_for_every_few_seconds_however_long_it_was_away() -> None:
    app = Flask("limits", static_folder=None)
    rate_limits.install(app, Settings.from_environment({"DRAGOMAN_SECRET_KEY": "x" * 16}))
    limiter = app.extensions["dragoman.limiter"]
    asked = []
    with time_machine.travel(datetime(2100, 1, 5, tzinfo=UTC), tick=False) as clock:
        for second in range(300):
            clock.shift(1)
            if limiter._Limiter__should_check_backend():
                asked.append(second)
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert max(gaps) <= 5
    assert len(asked) < 150  # nor at every request
