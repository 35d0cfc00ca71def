"""Carriers over HTTP as far ends: one by template with receipts by call, and five that speak the gateway's own dialects."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask

from bench.farends.base import FarEnd, Hardship, Sent, Told
from bench.farends.served import Served
from gateway.connectors import CONNECTORS
from tests.support import http_dialects
from tests.support.http_carrier import BY_NUMBER, Fault, JsonCarrier

HIDING = (Fault.NEVER, Fault.ERROR_AFTER, Fault.BROKEN, Fault.GARBAGE)
RATE = 1 / 3
INLET_SECRET = "an-inlet-secret-of-enough-length"
LOOPBACK = {"connector_networks": "127.0.0.0/8"}


def _hardships(faults: tuple[Fault, ...]) -> dict[str, Hardship]:
    return {"none": Hardship("all is well")} | {each.name.lower(): Hardship(each.value, each in HIDING) for each in faults}


class HttpEnd(FarEnd):
    """A third of the tries, drawn by the seed, meets the fault."""

    kind: ClassVar[str] = "http"
    faults: ClassVar[Mapping[str, Hardship]] = _hardships(tuple(Fault))
    environment: ClassVar[Mapping[str, str]] = LOOPBACK

    def __init__(self, fault: str, seed: int, folder: Path) -> None:
        super().__init__(fault, seed, folder)
        faults = () if fault == "none" else (Fault[fault.upper()],)
        self._carrier = JsonCarrier(seed=seed, rate=RATE if faults else 0.0, faults=faults)
        self._served: Served | None = None

    def open(self, app: Flask) -> None:
        self._served = Served(app)

    def connector(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return _parted("http", self._carrier.settings | {"inlet_secret": INLET_SECRET})

    def added(self, app: Flask, name: str) -> None:
        assert self._served is not None
        self._carrier.receipt_url = f"{self._served.url}/carrier/{name}/{INLET_SECRET}/receipt"

    def told(self, sent: Sent) -> Told:
        came = [each.json for each in list(self._carrier.server.requests) if each.path == "/send"]
        own = [each for each in came if each["to"] == sent.recipient]
        references = {each["ref"] for each in own}
        taken = sum(self._carrier.taken[each] for each in references)
        reports = self.fault != Fault.RECEIPT_NEVER.name.lower() or not self._is_struck(references)
        state = "undelivered" if references & self._carrier.undelivered else "delivered"
        said = frozenset({state}) if taken and reports else frozenset()
        return Told(len(own), taken, said=said, reported=said if taken == 1 else frozenset(), texts=frozenset(each["text"] for each in own))

    def _is_struck(self, references: set[str]) -> bool:
        """As the carrier draws it for a first try: from the fault's one choice, then by the rate."""
        return any(_drawn(self.seed, each) for each in references)

    def close(self) -> None:
        if self._served is not None:
            self._served.close()
        self._carrier.close()


def _drawn(seed: int, reference: str) -> bool:
    return random.Random(f"{seed} {reference} 1").random() < RATE


class DialectEnd(FarEnd):
    """A third of the messages, drawn by the seed, goes to the fault's magic number."""

    faults: ClassVar[Mapping[str, Hardship]] = _hardships((Fault.REFUSED, Fault.NEVER, Fault.ERROR_AFTER, Fault.UNDELIVERED))
    environment: ClassVar[Mapping[str, str]] = LOOPBACK

    def __init__(self, fault: str, seed: int, folder: Path) -> None:
        super().__init__(fault, seed, folder)
        self._dice = random.Random(seed)
        self._far = http_dialects.FAR_ENDS[self.kind]()

    def open(self, app: Flask) -> None:
        """It listens already."""

    def connector(self) -> tuple[dict[str, Any], dict[str, Any]]:
        declared = {each.name for each in CONNECTORS[self.kind].settings}
        quick = {name: value for name, value in {"timeout_seconds": 1, "first_ask_seconds": 0}.items() if name in declared}
        return _parted(self.kind, self._far.settings | quick)

    def recipient(self, number: int) -> str:
        digits = {fault.name.lower(): digits for digits, fault in BY_NUMBER.items()}.get(self.fault, "001")
        return f"+999{number:05d}{digits if self._dice.randrange(3) == 0 else '001'}"

    def told(self, sent: Sent) -> Told:
        own = [each for each in list(self._far.messages) if each.recipient == sent.recipient]
        handed = len(own) if own else 0
        said = frozenset(each.state for each in own) if self._far.has_states else frozenset()
        return Told(handed, len(own), said=said, texts=frozenset(each.text for each in own))

    def close(self) -> None:
        self._far.close()


def _parted(kind: str, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Open settings, and secret ones."""
    secret = {each.name for each in CONNECTORS[kind].settings if each.secret}
    return (
        {name: value for name, value in settings.items() if name not in secret},
        {name: value for name, value in settings.items() if name in secret},
    )


class SmSendEnd(DialectEnd):
    kind: ClassVar[str] = "smsend"


class BulkEnd(DialectEnd):
    kind: ClassVar[str] = "bulk"


class BrevisOneEnd(DialectEnd):
    kind: ClassVar[str] = "brevisone"


class SmsNodesEnd(DialectEnd):
    kind: ClassVar[str] = "smsnodes"


class HttpSmsEnd(DialectEnd):
    kind: ClassVar[str] = "httpsms"


ENDS: tuple[type[FarEnd], ...] = (HttpEnd, SmSendEnd, BulkEnd, BrevisOneEnd, SmsNodesEnd, HttpSmsEnd)
