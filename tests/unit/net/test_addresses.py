"""Which addresses may be reached: a table."""

from __future__ import annotations

import ipaddress

import pytest

from gateway.net.addresses import may_reach

REFUSED = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.169.254",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "198.51.100.7",
    "203.0.113.9",
    "198.18.0.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::8.8.8.8",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:0808:0808::1",
    "2002:0a00:0001::1",
    "2001:0:53aa:64c:0:0:f5ff:fffe",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)
REACHED = ("8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", REFUSED)
def test_special_addresses_are_refused(address):
    assert not may_reach(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", REACHED)
def test_public_addresses_are_reached(address):
    assert may_reach(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("address", "allowed", "expected"),
    [
        ("10.1.2.3", "10.1.0.0/16", True),
        ("10.2.2.3", "10.1.0.0/16", False),
        ("::ffff:10.1.2.3", "10.1.0.0/16", True),
        ("fd12::1", "fd12::/16", True),
        ("127.0.0.1", "127.0.0.0/8", True),
        ("64:ff9b::8.8.8.8", "64:ff9b::/96", True),
        ("64:ff9b::10.1.2.3", "64:ff9b::/96", False),
        ("2002:0a01:0203::1", "2002::/16", False),
        ("2002:0808:0808::1", "2002::/16", True),
        ("2001:0:53aa:64c:0:0:f5ff:fffe", "2001::/32", False),
    ],
)
def test_a_network_the_operator_allows(address, allowed, expected):
    """What an allowed address carries inside it must be allowed too."""
    assert may_reach(ipaddress.ip_address(address), [ipaddress.ip_network(allowed)]) is expected
