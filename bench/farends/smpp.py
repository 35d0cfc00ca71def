"""The fake SMSC as far end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask

from bench.farends.base import FarEnd, Hardship, Sent, Told
from tests.support.smsc import FAULTS, PATIENCE_SECONDS, Smsc, codec

REPORTS = {"DELIVRD": "delivered", "UNDELIV": "undelivered", "EXPIRED": "expired", "ENROUTE": "sent"}
PASSWORD = "pa55word"


class SmppEnd(FarEnd):
    """The whole catalogue of :mod:`tests.support.smsc`."""

    kind: ClassVar[str] = "smpp"
    faults: ClassVar[Mapping[str, Hardship]] = {name: Hardship(fault.words, fault.hides) for name, fault in FAULTS.items()}

    def __init__(self, fault: str, seed: int, folder: Path) -> None:
        super().__init__(fault, seed, folder)
        self._smsc = Smsc(fault=fault, seed=seed, password=PASSWORD, most_binds=1)

    def open(self, app: Flask) -> None:
        self._smsc.start()

    def connector(self) -> tuple[dict[str, Any], dict[str, Any]]:
        settings: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self._smsc.port,
            "system_id": "gateway",
            "window": 10,
            "answer_timeout_seconds": PATIENCE_SECONDS,
            "enquire_link_seconds": 0.5,
            "enquire_timeout_seconds": 0.5,
            "reconnect_seconds": 0.05,
            "reconnect_most_seconds": 0.5,
            "refused_seconds": 0.1,
            "throttle_seconds": 0.2,
            "part_retry_seconds": 3.0,
        }
        return settings, {"password": PASSWORD}

    def told(self, sent: Sent) -> Told:
        wholes = [whole for whole in list(self._smsc.wholes) if whole.destination == sent.recipient.lstrip("+")]
        taken = [whole for whole in wholes if whole.is_taken]
        receipts = [each for each in list(self._smsc.handed) if each.is_receipt and each.short.source == sent.recipient.lstrip("+")]
        said = frozenset(_state(each.short) for each in receipts if each.sent)
        reported = frozenset(_state(each.short) for each in receipts if each.status == 0)
        parts = [each for each in list(self._smsc.submitted) if each.short.destination == sent.recipient.lstrip("+")]
        partly = any(each.is_taken for each in parts) and not taken
        return Told(len(wholes), len(taken), partly, said, reported, frozenset(whole.text for whole in wholes))

    def is_done(self) -> bool:
        return not self._smsc.pending and all(each.status is not None for each in list(self._smsc.handed))

    def complaints(self) -> list[str]:
        found = Counter(each.words for each in self._smsc.violations)
        beyond = self._smsc.counts["bind beyond"]
        return [f"{words} ({count})" for words, count in found.items()] + ([f"{beyond} binds beyond the one allowed"] if beyond else [])

    def close(self) -> None:
        self._smsc.stop()


def _state(receipt: codec.Short) -> str:
    """What a receipt says, as our state."""
    if codec.MESSAGE_STATE in receipt.tlvs:
        return REPORTS[next(name for name, number in codec.STATES.items() if number == receipt.tlvs[codec.MESSAGE_STATE][0])]
    return REPORTS[receipt.short_message.partition(b"stat:")[2][:7].decode("ascii").strip()]
