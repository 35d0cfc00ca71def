"""A carrier by SMPP 3.4.

``connector`` is what the dispatcher calls; ``loop`` is the thread behind it, with a ``link`` for each bind and the ``courier`` for what is
on its way; ``mailbox`` lies between the two threads. ``pdus`` are octets, ``texts``, ``addresses``, ``dates`` and ``writer`` make a message
into submit_sm, ``receipts``, ``gathering`` and ``inbound`` read what comes back, ``statuses`` is the table of the SMSC's codes.
"""

from __future__ import annotations

from gateway.connectors.base import Kind
from gateway.connectors.smpp.connector import SmppConnector
from gateway.connectors.smpp.settings import SETTINGS

KIND = Kind(title="SMPP 3.4", settings=SETTINGS, make=SmppConnector.make)
