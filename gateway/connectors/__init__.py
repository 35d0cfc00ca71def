"""Ways out: one file for each kind of carrier, with all that is known about it.

A connector turns :class:`~gateway.domain.sending.Outgoing` into the carrier's protocol and the carrier's answers into
outcomes and receipts. :mod:`gateway.connectors.base` says what it must, should and may do. It imports the
domain only: no database, no dialect, no retry (the dispatcher retries).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.connectors import android, cht, http, httpsms_phone, simulator, smpp, telegram
from gateway.connectors.base import Connector, Kind, ProcessSettings
from gateway.connectors.clients import brevisone, bulk, httpsms, smsend, smsnodes
from gateway.connectors.settings import read

#: Kind, as stored in the database → what it is. A line each.
CONNECTORS: dict[str, Kind] = {
    "android": android.KIND,
    "cht": cht.KIND,
    "http": http.KIND,
    "smsend": smsend.KIND,
    "bulk": bulk.KIND,
    "brevisone": brevisone.KIND,
    "smsnodes": smsnodes.KIND,
    "httpsms": httpsms.KIND,
    "httpsms_phone": httpsms_phone.KIND,
    "simulator": simulator.KIND,
    "smpp": smpp.KIND,
    "telegram": telegram.KIND,
}


def made(kind: str, stored: Mapping[str, Any], process: ProcessSettings) -> Connector | None:
    """A connector of this kind, not open yet; None for one whose telephones fetch their work themselves.

    Args:
        stored: what the operator set, secrets in clear.

    Raises:
        ValueError: no such kind, or settings that cannot work.
    """
    if kind not in CONNECTORS:
        raise ValueError(f"this version knows no kind {kind}; there are {', '.join(CONNECTORS)}")
    known = CONNECTORS[kind]
    values = read(known.settings, stored)
    return None if known.make is None else known.make(values, process)
