"""kill -9 under load: what was answered 201 is there, nothing is sent twice in silence, what is uncertain is shown as such."""

from __future__ import annotations

from uuid import UUID

import pytest

from bench import faults
from bench.faults import trial
from gateway.connectors import made
from gateway.connectors.simulator import Simulator
from gateway.domain.alphabet import Alphabet
from gateway.domain.sending import AttemptKey, Outgoing
from tests.support.databases import settings_for

ROUNDS = 3
ORDER = UUID(int=7)


def outgoing(position: int, number: int) -> Outgoing:
    return Outgoing(AttemptKey(1000, ORDER, position, number), "+393471234567", "text", Alphabet.GSM7, 1, None, False)


def test_the_witness_remembers_every_message_before_it_is_answered(tmp_path):
    settings = settings_for("sqlite:////unused.sqlite3", simulator_delay_milliseconds=60_000)
    for number in (1, 2):
        simulator = Simulator.make({"journal": str(tmp_path / "journal"), "window": 2}, settings)
        simulator.open()
        assert len(simulator.submit([outgoing(position, number) for position in range(3)])) == 1
        assert simulator.close(0) == []
    assert faults.handed_over(tmp_path / "journal") == {(ORDER, 0): 2, (ORDER, 1): 2}
    with pytest.raises(ValueError, match="journal"):
        made("simulator", {"journal": True}, settings)


@pytest.mark.slow
def test_killing_dispatcher_and_web_workers_loses_and_repeats_nothing(database_url, tmp_path):
    report = trial(database_url, tmp_path, ROUNDS)
    assert report.problems == []
    assert report.kills == {"dispatcher": 2, "web worker": 1}
    assert report.messages >= report.accepted > 0
    assert set(report.states) <= {"sent", "delivered", "unknown"}
    assert report.states["unknown"] > 0, "each dispatcher was killed in the middle of something"
    assert report.handed_over > 0
