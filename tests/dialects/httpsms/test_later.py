"""Calls that a later version answers (contract 7), and files that were never received (contract 4.8)."""

from __future__ import annotations

from uuid import uuid4

import pytest

from gateway.dialects.httpsms.later import NOT_BUILT
from tests.dialects.httpsms.client import refused

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_calls_of_handsets_say_that_they_are_not_there_yet(owner):
    for method, path in NOT_BUILT:
        assert path in refused(owner.call(method, path.replace("<message_id>", str(uuid4()))), 501)


def test_a_received_file_is_never_there_and_nobody_needs_a_key_to_hear_it(owner):
    refused(owner.call("GET", f"/attachments/user/{uuid4()}/0/photo.jpg", headers={}), 404)
