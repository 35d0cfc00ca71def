"""The figures of ``/check.php``, in the order and the form that monitoring plug-ins parse (contract 6)."""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable, Sequence

from gateway.config import Network
from gateway.dialects.brevisone.uncertain import FAILED_HOURS, NOT_SENDING, SENDING
from gateway.services.core import Gateway
from gateway.services.gauges import Gauges

Figure = Callable[[Gateway, Gauges], str]
IDLE_STEP = 0.01


def all_figures(gateway: Gateway, gauges: Gauges) -> list[tuple[str, str]]:
    """Every figure with its name."""
    return [(name, read(gateway, gauges)) for name, read in FIGURES.items()]


def one_figure(name: str, gateway: Gateway, gauges: Gauges) -> str:
    """One figure; "" where there is none of this name. Reads nothing that it does not need."""
    read = FIGURES.get(name)
    return read(gateway, gauges) if read is not None else ""


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether this address lies in one of the networks. An IPv4 address in IPv6 dress counts as IPv4."""
    try:
        host = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped:
        host = host.ipv4_mapped
    return any(host in network for network in networks)


def load(one: float, five: float, fifteen: float, processors: int) -> str:
    """The machine's load. The plug-in of 2015 calls a first figure that is not below the third critical, on an idle machine too:
    while the processors keep up, the third is shown as just above the first."""
    if one < processors:
        fifteen = max(fifteen, round(one, 2) + IDLE_STEP)
    return f"{one:.2f};{five:.2f};{fifteen:.2f}"


def uptime(seconds: float) -> str:
    """A duration without a colon: one plug-in drops lines that hold two."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{day}d {hour:02}h {minute:02}m {second:02}s"


def _machine_load() -> str:
    try:
        return load(*os.getloadavg(), processors=os.cpu_count() or 1)
    except OSError:
        return load(0, 0, 0, processors=1)


def _signal(gateway: Gateway, gauges: Gauges) -> tuple[str, str]:
    return SENDING if gauges.can_send(gateway) else NOT_SENDING


FIGURES: dict[str, Figure] = {
    "que": lambda gateway, gauges: str(gauges.waiting(gateway)),
    "failed": lambda gateway, gauges: str(gauges.failed(gateway, FAILED_HOURS)),
    "signal": lambda gateway, gauges: _signal(gateway, gauges)[0],
    "total": lambda gateway, gauges: str(gauges.sent(gateway)),
    "state": lambda gateway, gauges: _signal(gateway, gauges)[1],
    "load": lambda _gateway, _gauges: _machine_load(),
    "time": lambda gateway, _gauges: str(int(gateway.clock.now().timestamp())),
    "disk": lambda gateway, gauges: str(gauges.size_bytes(gateway)),
    "uptime": lambda _gateway, _gauges: uptime(time.monotonic()),  # on Linux: since the machine was started
}
"""Option → how it is read. The order counts: the plug-in of 2015 goes by line number."""
