"""A dispatcher that kills itself with SIGKILL at a chosen step: ``python -m bench.dying STEP SEED``. For ``bench/kills.py``.

The steps are told by a wrapper around the SMPP connector and by the database's own event, so that the product needs no hook.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from gateway import connectors, create_app
from gateway.connectors.base import Connector, Event, MakeConnector, Outcome, Outgoing, ProcessSettings, Receipt, Standing
from gateway.dispatcher.main import run

STEPS: Mapping[str, str] = {
    "before the claim": "asked for its room, nothing claimed yet",
    "attempt committed": "claimed and attempt committed, nothing handed to the connector",
    "handed over": "handed to the connector, which has begun to write",
    "on the wire": "some milliseconds later: with the carrier, not answered or answered meanwhile",
    "outcome in hand": "the carrier's answer is here, not recorded",
    "outcome recorded": "recorded, the next turn begun",
    "receipt in hand": "a receipt is here, not recorded",
    "receipt recorded": "recorded, the next turn begun",
    "in a transaction": "before the commit of any transaction: claim, outcome, receipt, lease",
    "any moment": "at a random time",
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Dying:
    """The connector inside, and death at one of its calls."""

    def __init__(self, inner: Connector, step: str, dice: random.Random) -> None:
        self._inner = inner
        self._step = step
        self._left = dice.randrange(1, 5)
        self._pause = dice.uniform(0.0, 0.02)
        self._told: set[type] = set()

    def _at(self, step: str) -> bool:
        """Whether this is the time: the step's first to fourth occurrence."""
        if step != self._step:
            return False
        self._left -= 1
        return self._left <= 0

    def open(self) -> None:
        self._inner.open()

    def room(self) -> int:
        if self._at("before the claim"):
            die()
        return self._inner.room()

    def submit(self, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        if self._at("attempt committed"):
            die()
        left = self._inner.submit(batch)
        if self._at("handed over"):
            die()
        if self._at("on the wire"):
            time.sleep(self._pause)
            die()
        return left

    def poll(self, timeout_seconds: float) -> list[Event]:
        for kind, step in ((Outcome, "outcome recorded"), (Receipt, "receipt recorded")):
            if kind in self._told and self._at(step):
                die()
        events = self._inner.poll(timeout_seconds)
        for kind, step in ((Outcome, "outcome in hand"), (Receipt, "receipt in hand")):
            if any(isinstance(each, kind) for each in events):
                self._told.add(kind)
                if self._at(step):
                    die()
        return events

    def standing(self) -> Standing:
        return self._inner.standing()

    def query(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        return self._inner.query(smsc_message_id, recipient)

    def find(self, outgoing: Outgoing) -> None:
        self._inner.find(outgoing)

    def close(self, timeout_seconds: float) -> list[Event]:
        return self._inner.close(timeout_seconds)


def wrapped(make: Any, step: str, dice: random.Random) -> MakeConnector:
    def made(settings: Mapping[str, Any], process: ProcessSettings) -> Connector:
        return Dying(make(settings, process), step, dice)

    return made


def main() -> None:
    step, dice = sys.argv[1], random.Random(int(sys.argv[2]))
    kind = connectors.CONNECTORS["smpp"]
    connectors.CONNECTORS["smpp"] = replace(kind, make=wrapped(kind.make, step, dice))
    if step == "in a transaction":
        left = [dice.randrange(3, 40)]

        @event.listens_for(Engine, "commit")
        def before_commit(_connection: object) -> None:
            left[0] -= 1
            if left[0] <= 0:
                die()

    if step == "any moment":
        threading.Timer(dice.uniform(0.6, 2.5), die).start()
    sys.exit(run(create_app()))


if __name__ == "__main__":
    main()
