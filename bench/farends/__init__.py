"""Far ends with faults, one file for each kind of connector; ``bench/catalogue.py`` runs a gateway against them.

A further connector: a class of :class:`~bench.farends.base.FarEnd` in a file of its own and a line here.
"""

from __future__ import annotations

from bench.farends.base import FarEnd, Hardship, Sent, Told
from bench.farends.http import ENDS
from bench.farends.phones import PHONES
from bench.farends.simulator import SimulatorEnd
from bench.farends.smpp import SmppEnd
from bench.farends.telegram import TelegramEnd

__all__ = ["FAR_ENDS", "FarEnd", "Hardship", "Sent", "Told"]

_ENDS: tuple[type[FarEnd], ...] = (SimulatorEnd, SmppEnd, TelegramEnd, *ENDS, *PHONES)

#: By the connector's kind.
FAR_ENDS: dict[str, type[FarEnd]] = {each.kind: each for each in _ENDS}
