"""The SMPP connector keeps the contract, over real sockets, against an SMSC written apart from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.connectors import made
from gateway.connectors.smpp.settings import SETTINGS
from tests.connectors.contract import ConnectorContract, Rig
from tests.connectors.smpp_town import PASSWORD, opened
from tests.support.databases import settings_for
from tests.support.programs import ROOT
from tests.support.smsc import Behaviour, Smsc

WISHES = {
    "delivered": [Behaviour()],
    "refused": [Behaviour(status=0x0B)],
    "throttled": [Behaviour(status=0x58)],
    "no_answer": [Behaviour(answer_after=None)],
    "receipt_twice": [Behaviour(receipts=("DELIVRD", "DELIVRD"))],
    "receipt_first": [Behaviour(receipt_first=True, answer_after=0.02)],
    "unknown_status": [Behaviour(status=0x4AB)],
}
NUMBERS = {wish: f"+39347000000{place}" for place, wish in enumerate(WISHES)}


class SmppRig(Rig):
    secrets = (PASSWORD,)

    def __init__(self, smsc: Smsc) -> None:
        for wish, behaviours in WISHES.items():
            smsc.script.by_recipient[NUMBERS[wish].removeprefix("+")] = behaviours
        self.smsc = smsc
        self.connector = opened(smsc, window=60)

    def recipient(self, wish: str) -> str:
        return NUMBERS[wish]


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Smsc() as smsc:
        rig = SmppRig(smsc)
        yield rig
        rig.connector.close(2)
        assert smsc.violations == []


class TestContract(ConnectorContract):
    pass


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        ({"host": "smsc.example"}, "system_id must be set"),
        ({"host": "smsc.example", "system_id": "me", "receipt_zone": "Rome"}, "receipt_zone must be the name of a time zone"),
        ({"host": "smsc.example", "system_id": "me", "region": "Italy"}, "region must be the two letters"),
        ({"host": "smsc.example", "system_id": "me", "status_kinds": "0x0400=never"}, "status_kinds must be pairs"),
        ({"host": "smsc.example", "system_id": "me", "system_type": "Ł"}, "system_type must be printable"),
        ({"host": "smsc.example", "system_id": "me", "answer_timeout_seconds": "soon"}, "answer_timeout_seconds must be a number"),
        ({"host": "smsc.example", "system_id": "me", "tls": True, "tls_ca_file": "/nowhere"}, "tls_ca_file cannot be read"),
    ],
)
def test_settings_that_cannot_work_are_named(stored, named):
    with pytest.raises(ValueError, match=named):
        made("smpp", stored, settings_for("sqlite:///unused.db"))


def test_the_page_has_a_line_for_each_setting():
    page = (ROOT / "docs" / "connectors" / "smpp.md").read_text(encoding="utf-8")
    listed = [line.split("`")[1] for line in page.partition("## Settings")[2].splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(each.name for each in SETTINGS)
