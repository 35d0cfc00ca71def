"""The fake Bot API as far end: a chat for every number, a third of which meets the fault."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask

from bench.farends.base import FarEnd, Hardship, Sent, Told
from gateway.domain.inbound import Registered
from gateway.services import dispatching
from gateway.services.core import Gateway
from tests.support.telegram import TOKEN, FakeTelegram, Fault

HIDDEN = (Fault.NEVER, Fault.ERROR_AFTER, Fault.BROKEN, Fault.GARBAGE, Fault.TROUBLE)
"""Nobody can tell from the last one's answer that the message was not taken."""
REGISTERED = 1000


class TelegramEnd(FarEnd):
    """Each message has a recipient of its own, so what stands in a chat is one message's."""

    kind: ClassVar[str] = "telegram"
    faults: ClassVar[Mapping[str, Hardship]] = {
        "none": Hardship("nothing"),
        **{fault.name.lower(): Hardship(fault.value, fault in HIDDEN) for fault in Fault},
    }
    environment: ClassVar[Mapping[str, str]] = {"connector_networks": "127.0.0.0/8"}

    def __init__(self, fault: str, seed: int, folder: Path) -> None:
        super().__init__(fault, seed, folder)
        self._dice = random.Random(seed)
        self._struck: dict[int, bool] = {}
        self._lock = threading.Lock()
        self._server = FakeTelegram(self._fault)

    def open(self, app: Flask) -> None:
        """It listens already."""

    def connector(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._server.settings, {"token": TOKEN}

    def added(self, app: Flask, name: str) -> None:
        gateway: Gateway = app.extensions["dragoman"]
        every = [self.recipient(number) for number in range(REGISTERED)]
        dispatching.record(gateway, name, [Registered(number[1:], number) for number in every])

    def told(self, sent: Sent) -> Told:
        chat = int(sent.recipient[1:])
        shown = self._server.chat(chat)
        said = frozenset({"delivered"}) if shown else frozenset()
        is_answered = not self._struck.get(chat) or self.fault.upper() not in {fault.name for fault in HIDDEN}
        return Told(self._server.handed[chat], len(shown), said=said, reported=said if is_answered else frozenset(), texts=frozenset(shown))

    def close(self) -> None:
        self._server.close()

    def _fault(self, chat: int, number: int) -> Fault | None:
        """Drawn once for each chat. Who is told to come again later finds all well."""
        with self._lock:
            struck = self._struck.setdefault(chat, self._dice.randrange(3) == 0)
        fault = None if self.fault == "none" or not struck else Fault[self.fault.upper()]
        return None if fault is Fault.THROTTLED and number > 1 else fault
