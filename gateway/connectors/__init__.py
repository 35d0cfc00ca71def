"""Ways out: one file for each kind of carrier, with all that is known about it.

A connector turns :class:`~gateway.domain.sending.Outgoing` into the carrier's protocol and the carrier's answers into
outcomes and receipts. :mod:`gateway.connectors.base` says what it must, should and may do. It imports the
domain only: no database, no dialect, no retry (the dispatcher retries).
"""

from __future__ import annotations

from gateway.connectors.base import MakeConnector
from gateway.connectors.simulator import Simulator

#: Kind, as stored in the database → how to make one from its stored settings and those of the process.
CONNECTORS: dict[str, MakeConnector] = {
    "simulator": Simulator.make,
}
