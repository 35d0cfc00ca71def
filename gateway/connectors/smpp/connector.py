"""The connector as the dispatcher sees it. No call waits for the network but :meth:`SmppConnector.close`."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.connectors.base import Event, Outgoing, ProcessSettings, Receipt, Standing
from gateway.connectors.smpp.loop import Loop
from gateway.connectors.smpp.mailbox import Mailbox, Question

SECONDS_AFTER_CLOSING = 2.0
MOST_ASKED_ID = 64


class SmppConnector:
    """One carrier by SMPP 3.4.

    Args:
        settings: a value for each of :data:`gateway.connectors.smpp.settings.SETTINGS`.

    Raises:
        ValueError: the certificates cannot be read.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        context = _tls_context(settings)
        self._asks: bool = settings["ask"]
        self._box = Mailbox()
        self._loop = Loop(settings, context, self._box)
        self._thread: threading.Thread | None = None

    @classmethod
    def make(cls, settings: Mapping[str, Any], process: ProcessSettings) -> SmppConnector:
        """From the declared settings."""
        return cls(settings)

    def open(self) -> None:
        self._thread = threading.Thread(target=self._loop.run, name="smpp", daemon=True)
        self._thread.start()

    def room(self) -> int:
        return self._box.room()

    def submit(self, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        return self._box.put(batch)

    def poll(self, timeout_seconds: float) -> list[Event]:
        return self._box.take(timeout_seconds)

    def standing(self) -> Standing:
        return self._box.standing

    def query(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        """Has the SMSC asked, where the operator wants that; its answer comes through :meth:`poll`."""
        if self._asks and 0 < len(smsc_message_id) <= MOST_ASKED_ID and smsc_message_id.isascii() and smsc_message_id.isprintable():
            self._box.ask(Question(smsc_message_id, recipient))
        return None

    def find(self, outgoing: Outgoing) -> None:
        """SMPP knows messages by the SMSC's ids only."""

    def close(self, timeout_seconds: float) -> list[Event]:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._box.close(time.monotonic() + timeout_seconds)
            thread.join(timeout_seconds + SECONDS_AFTER_CLOSING)
        elif not self._box.is_over:
            self._loop.dispose()
        return self._box.take(0)


def _tls_context(settings: Mapping[str, Any]) -> ssl.SSLContext | None:
    if not settings["tls"]:
        return None
    try:
        context = ssl.create_default_context(cafile=settings["tls_ca_file"])
    except (OSError, ssl.SSLError):
        raise ValueError("tls_ca_file cannot be read as certificates in PEM form") from None
    if not settings["tls_verify"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
