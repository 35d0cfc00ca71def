"""Which addresses an outgoing call may reach: those of the public internet, and the networks that the operator allows.

Python's ``is_global`` is not enough: it is true for multicast, for the NAT64 and 6to4 ranges (which lead to any IPv4 address, also a
private one) and for 192.0.0.8; and it differs between Python versions. Hence the table below.
Source: IANA's special-purpose address registries (RFC 6890 and its updates); RFC 6052, RFC 3056, RFC 4380.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",  # unspecified, loopback, and IPv4 addresses in a form nobody uses any more
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "100:0:0:1::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/9",  # link-local, and the site-local range next to it
        "ff00::/8",
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def may_reach(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """Whether a connection to this address is allowed.

    An address that carries another one (6to4, NAT64, Teredo) must be allowed itself and so must the one it carries. An IPv4-mapped one
    is the IPv4 address.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return may_reach(address.ipv4_mapped, allowed)
    networks = tuple(allowed)
    if any(address in network for network in networks):
        return all(may_reach(inner, networks) for inner in _carried(address))
    return address.is_global and not any(address in network for network in _REFUSED)


def _carried(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that a packet to this one ends at."""
    if not isinstance(address, ipaddress.IPv6Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        yield from address.teredo
