"""The simulator as far end: its magic numbers are its faults, its journal what it was handed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask

from bench.farends.base import FarEnd, Hardship, Sent, Told
from gateway.connectors.simulator import MAGIC, behaviour
from gateway.domain.sending import FailureKind

DIGITS = {
    "none": "001",
    "refused": "002",
    "receipts_bad": "003",
    "receipts_late": "004",
    "throttled": "005",
    "never": "006",
    "receipts_twice": "007",
    "receipts_first": "008",
    "trouble": "009",
}


class SimulatorEnd(FarEnd):
    """A third of the messages, drawn by the seed, goes to the fault's magic number."""

    kind: ClassVar[str] = "simulator"
    faults: ClassVar[Mapping[str, Hardship]] = {
        name: Hardship(MAGIC[digits].words, FailureKind.UNKNOWN in MAGIC[digits].failures) for name, digits in DIGITS.items()
    }
    environment: ClassVar[Mapping[str, str]] = {"simulator_delay_milliseconds": "5", "simulator_receipt_milliseconds": "10"}

    def __init__(self, fault: str, seed: int, folder: Path) -> None:
        super().__init__(fault, seed, folder)
        self._dice = random.Random(seed)
        self._journal = folder / "journal"

    def open(self, app: Flask) -> None:
        """Nothing to start."""

    def connector(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"journal": str(self._journal)}, {}

    def recipient(self, number: int) -> str:
        return f"+999{number:05d}{DIGITS[self.fault] if self._dice.randrange(3) == 0 else '001'}"

    def told(self, sent: Sent) -> Told:
        handed = self._handed()[sent.order_id.hex, sent.position]
        wanted = behaviour(sent.recipient)
        taken = sum(wanted.failure(number) is None for number in range(1, handed + 1))
        reported = frozenset(state.value for state in wanted.receipts[-1:] if taken)
        return Told(handed, taken, said=reported, reported=reported)

    def _handed(self) -> Counter[tuple[str, int]]:
        lines = self._journal.read_text(encoding="ascii").splitlines() if self._journal.exists() else []
        return Counter((order, int(position)) for order, position, _try in (line.split() for line in lines))

    def close(self) -> None:
        """Nothing to end."""
