"""The SMPP connector against an SMSC made of the npm package ``smpp``: what arrives, byte for byte; ``make interop`` does more."""

from __future__ import annotations

import pytest

from tests.interop import story
from tests.interop.node_server import NodeSmsc
from tests.interop.peer import Seen

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@on_sqlite
@pytest.mark.parametrize(("concatenation", "tls"), [("udh8", False), ("udh16", True), ("sar", False), ("payload", False)])
def test_what_we_send_arrives_and_its_receipts_come_back(database_url, tmp_path, concatenation, tls):
    peer = NodeSmsc(tmp_path, tls=tls)
    try:
        lines = story.out(peer, database_url, concatenation)
        assert [line.problems for line in lines] == [[]] * len(story.OUT)
        assert {line.result for line in lines} == {"delivered"}
        assert peer.troubles() == []
        encrypted = {each["encrypted"] for each in peer.events if each["event"] == "bind"}
        assert encrypted == {tls}
        assert any(each["event"] == "unbind" for each in peer.events)
    finally:
        peer.close()


@on_sqlite
def test_what_it_sends_is_stored(database_url, tmp_path):
    peer = NodeSmsc(tmp_path)
    try:
        lines = story.inbound(peer, database_url)
        assert [line.problems for line in lines] == [[]] * len(story.IN)
        assert peer.troubles() == []
    finally:
        peer.close()


def test_the_comparison_finds_what_is_wrong():
    """The tests above are worth nothing unless a lost octet, a wrong header and a cut letter are noticed."""
    text = "a" * 152 + "€" + "b" * 20
    good = [
        Seen("1", bytes((5, 0, 3, 7, 2, 1)), b"a" * 152, 0, (7, 2, 1), "a" * 152),
        Seen("1", bytes((5, 0, 3, 7, 2, 2)), b"\x1be" + b"b" * 20, 0, (7, 2, 2), "€" + "b" * 20),
    ]
    assert list(story.differences(text, "udh8", good)) == []
    assert list(story.differences(text, "udh16", good)) == ["other headers than 3GPP TS 23.040 says"]
    assert "other octets" in list(story.differences(text, "udh8", good[:1]))
    assert list(story.differences(text, "udh8", [])) == ["never arrived"]
    assert "other octets" in list(story.differences(text, "udh8", good[::-1]))
