"""Submissions: what a dialect may not hand over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.errors import InvalidField
from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType


def a_submission(**changes):
    fields = {
        "account_id": 1,
        "user_id": None,
        "dialect": "example",
        "message_type": MessageType.HIGH,
        "type_token": "N",
        "text": "secret words",
        "recipients": ["+393471234567"],
        "fingerprint": b"x",
    }
    return Submission(**(fields | changes))


def test_defaults():
    submission = a_submission()
    assert (submission.priority, submission.wants_receipt, submission.due_at, submission.texts) == (None, True, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"recipients": []},
        {"texts": []},
        {"texts": ["a", "b"]},
        {"due_at": datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)},
        {"validity": timedelta(0)},
        {"priority": 0},
        {"priority": 4},
    ],
)
def test_caller_faults(changes):
    with pytest.raises(ValueError):
        a_submission(**changes)


def test_what_is_allowed():
    a_submission(due_at=datetime(2026, 1, 1, tzinfo=UTC), validity=timedelta(hours=1), texts=["own"], client_ref="r" * 64)


def test_long_reference_is_the_customers_fault():
    with pytest.raises(InvalidField) as caught:
        a_submission(client_ref="r" * 65)
    assert caught.value.field == "client_ref"


def test_texts_and_numbers_stay_out_of_logs():
    shown = repr(a_submission(texts=["own words"], idempotency_key="k3y"))
    assert not any(secret in shown for secret in ("secret", "own words", "347", "k3y"))
