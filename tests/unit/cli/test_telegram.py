"""Who registered with a bot, at the shell."""

from __future__ import annotations

import re

from gateway.domain.inbound import Registered
from gateway.services import dispatching


def test_chats_are_listed_and_forgotten(shell, gateway):
    assert shell.ok("telegram", "list") == "Nobody registered yet. People do so by writing /start to the bot.\n"
    dispatching.record(gateway, "bot", [Registered("77001", "+491701234567")])
    (row,) = shell.json("telegram", "list")
    assert row == {"connector": "bot", "number": "+491701234567", "chat": 77001, "created_at": row["created_at"]}
    assert re.search(r"^bot +\+491701234567 +77001 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", shell.ok("telegram", "list"), re.MULTILINE)
    assert shell.ok("telegram", "forget", "+49 170 1234567") == "+491701234567 gets nothing more in a chat of bot.\n"
    assert shell.json("telegram", "list") == []
    dispatching.record(gateway, "bot", [Registered("77001", "+491701234567")])
    assert shell.json("telegram", "forget", "+491701234567") == {"number": "+491701234567", "connectors": ["bot"]}


def test_refusals(shell):
    assert "not found" in shell.refused("telegram", "forget", "+491701234567")
    assert shell.refused("telegram", "forget", "0170").startswith("number ")
