"""Telephones as far ends, played by the tests' emulators: they fetch their messages from the web side, over sockets."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask

from bench.farends.base import FarEnd, Hardship, Sent, Told
from bench.farends.served import Served
from gateway.services import pairing
from gateway.services.core import Gateway
from tests.support.cht_phone import ChtPhone, LineDead, socket_line
from tests.support.phone import Phone
from tests.support.phone_fates import ONE_PART, Fate, by_recipient

LOUD = (Fate.SENT, Fate.REFUSED, Fate.NO_SERVICE, Fate.UNDELIVERED, Fate.SILENT, Fate.TWICE, Fate.DISORDER, Fate.PATCHY)
"""All but the battery that dies: that message stays with the telephone until its validity ends, longer than a run."""
HIDING = (Fate.SILENT, Fate.NO_SERVICE)
"""Of a long text that failed for want of service, parts may have gone: the telephone does not say."""
SAID = {"Sent": "sent", "Delivered": "delivered", "Failed": "undelivered"}
OFFLINE = "offline"
CHT_PASSWORD = "tea.and-biscuits_7"
POLL_SECONDS = 0.1


class PhoneEnd(FarEnd):
    """A third of the messages, drawn by the seed, meets the fault."""

    def __init__(self, fault: str, seed: int, folder: Path) -> None:
        super().__init__(fault, seed, folder)
        self._dice = random.Random(seed)
        self._struck: set[str] = set()
        self._served: Served | None = None

    def open(self, app: Flask) -> None:
        self._served = Served(app)

    @property
    def port(self) -> int:
        assert self._served is not None
        return self._served.port

    def recipient(self, number: int) -> str:
        recipient = super().recipient(number)
        if self._dice.randrange(3) == 0:
            self._struck.add(recipient)
        return recipient

    def close(self) -> None:
        if self._served is not None:
            self._served.close()


class AndroidEnd(PhoneEnd):
    """The prebuilt program in private-server mode."""

    kind: ClassVar[str] = "android"
    faults: ClassVar[Mapping[str, Hardship]] = {
        "none": Hardship("all is well"),
        **{fate.name.lower(): Hardship(fate.value, fate in HIDING) for fate in LOUD},
        OFFLINE: Hardship("the telephone loses its network in the middle and comes back"),
    }

    def connector(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {}

    def added(self, app: Flask, name: str) -> None:
        gateway: Gateway = app.extensions["dragoman"]
        opened = pairing.open_pairing(gateway, name, "android")
        self._phone = Phone(self.port, f"Bearer {opened.token}", self._fate)
        self._phone.switch_on()
        if self.fault == OFFLINE:
            self._timers = [threading.Timer(0.4, self._phone.go_offline), threading.Timer(1.4, self._phone.come_back)]
            for each in self._timers:
                each.start()

    def _fate(self, message: Any) -> Fate:
        fate = Fate.DELIVERED if self.fault in ("none", OFFLINE) else Fate[self.fault.upper()]
        chosen = by_recipient(dict.fromkeys(self._struck, fate))(message)
        return Fate.DELIVERED if chosen is Fate.PATCHY and len(message.text) <= ONE_PART else chosen  # no part can fail singly

    def told(self, sent: Sent) -> Told:
        own = [each for each in list(self._phone.messages.values()) if each.recipient == sent.recipient]
        air = [text for number, text, _sim in list(self._phone.air) if number == sent.recipient]
        said = frozenset(SAID[state] for each in own for state in each.times if state in SAID)
        return Told(len(air), len(air), said=said, texts=frozenset(air))

    def close(self) -> None:
        if hasattr(self, "_phone"):
            self._phone.come_back()
            self._phone.switch_off()
        super().close()


class ChtEnd(PhoneEnd):
    """CHT Gateway: polls, tells, and polls again."""

    kind: ClassVar[str] = "cht"
    faults: ClassVar[Mapping[str, Hardship]] = {
        "none": Hardship("all is well"),
        "refused": Hardship("the telephone could not send some"),
        "sent": Hardship("no word from the network about some"),
        "answers_lost": Hardship("every third call reaches the gateway and loses its answer"),
        "told_again": Hardship("it tells everything it knows again and again"),
    }

    def __init__(self, fault: str, seed: int, folder: Path) -> None:
        super().__init__(fault, seed, folder)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def connector(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"username": "drawer", "most": 1}, {"password": CHT_PASSWORD}

    def added(self, app: Flask, name: str) -> None:
        self._phone = ChtPhone(socket_line(self.port), f"/cht/{name}", "drawer", CHT_PASSWORD)
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def _live(self) -> None:
        ends = {"refused": "FAILED", "sent": "SENT"}
        calls = 0
        while not self._over.wait(POLL_SECONDS):
            calls += 1
            self._phone.drops = int(self.fault == "answers_lost" and calls % 3 == 0)
            with suppress(LineDead, OSError):
                self._phone.poll()
            if self.fault == "told_again":
                self._phone.say_again()
            unsent = {each[0] for each in self._phone.sms.values() if each[2] == "UNSENT"}  # one at most
            struck = self.fault in ends and bool(unsent & self._struck)
            self._phone.work(ends[self.fault] if struck else "DELIVERED", "no service" if struck else "")

    def told(self, sent: Sent) -> Told:
        air = [text for number, text in list(self._phone.air) if number == sent.recipient]
        states = {each[2] for each in list(self._phone.sms.values()) if each[0] == sent.recipient}
        words = {"SENT": "sent", "DELIVERED": "delivered", "FAILED": "undelivered"}
        return Told(len(air), len(air), said=frozenset(words[each] for each in states if each in words), texts=frozenset(air))

    def close(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(10)
        super().close()


PHONES: tuple[type[FarEnd], ...] = (AndroidEnd, ChtEnd)
