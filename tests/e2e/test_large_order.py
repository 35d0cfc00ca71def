"""A large order over HTTP: one transaction, bounded memory, exact books. ``bench/large_order.py`` does it with 100,000."""

from __future__ import annotations

import pytest

from bench.large_order import trial

pytestmark = pytest.mark.slow
RECIPIENTS = 20_000
MOST_MEBIBYTES = 100


def test_an_order_with_very_many_recipients(database_url, tmp_path):
    report = trial(database_url, tmp_path, RECIPIENTS)
    assert report.problems == []
    assert report.accepted.answer.body["total_sent"] == RECIPIENTS
    assert report.cancelled.answer.body == {"result": "OK", "cancelled": RECIPIENTS - 1}
    assert report.cancelled.highest - report.before.resident < MOST_MEBIBYTES
