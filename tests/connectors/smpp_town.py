"""An SMPP connector and its SMSC, for the tests of both."""

from __future__ import annotations

from typing import Any

from gateway.connectors.settings import read
from gateway.connectors.smpp.connector import SmppConnector
from gateway.connectors.smpp.settings import SETTINGS
from tests.support.smsc import Smsc

PASSWORD = "pa55word"
SHORT_TIMES = {
    "answer_timeout_seconds": 0.4,
    "connect_timeout_seconds": 5,
    "reconnect_seconds": 0.02,
    "reconnect_most_seconds": 0.2,
    "refused_seconds": 0.05,
    "throttle_seconds": 0.1,
    "part_retry_seconds": 2,
}


def settings(**changed: Any) -> dict[str, Any]:
    """Every setting's value, with short times. None: as if not set."""
    stored = {"host": "127.0.0.1", "system_id": "gateway", "password": PASSWORD, **SHORT_TIMES, **changed}
    return read(SETTINGS, {name: value for name, value in stored.items() if value is not None})


def opened(smsc: Smsc, **changed: Any) -> SmppConnector:
    """A connector that is bound to the SMSC."""
    connector = SmppConnector(settings(port=smsc.port, **changed))
    connector.open()
    smsc.wait_for(lambda: connector.room() > 0)
    return connector
