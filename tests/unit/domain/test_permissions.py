"""The table of permissions is that of the dialects, and what it holds is what a caller can be asked for."""

from __future__ import annotations

import pytest

from gateway.dialects import DIALECTS
from gateway.domain.errors import InvalidField
from gateway.domain.permissions import KNOWN, MEANINGS, checked
from gateway.services.devices import PERMISSIONS as OF_DEVICES


def test_the_actions_are_those_of_the_dialects():
    assert {name: tuple(actions) for name, actions in MEANINGS.items()} == {each.name: each.actions for each in DIALECTS}


def test_all_that_is_known_can_be_given_together():
    assert {"*", "smsend:*", "*:send", "bulk:keys"} <= set(KNOWN)
    assert len(set(KNOWN)) == len(KNOWN)
    checked(KNOWN)
    checked(OF_DEVICES)
    checked(())


@pytest.mark.parametrize("wrong", ["", "nonsense", "nonsense:foo", "smsend", "smsend:keys", "*:*", "*:nothing", "SMSEND:send", " *"])
def test_another_is_refused_and_the_known_ones_are_listed(wrong):
    with pytest.raises(InvalidField) as refused:
        checked(("smsend:read", wrong))
    assert refused.value.field == "permission"
    assert all(each in refused.value.reason for each in KNOWN)
