"""Connectors at the shell."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.services import dispatching
from gateway.services.core import Gateway
from tests.unit.cli.conftest import Sent, Shell


def the_simulator(shell: Shell) -> dict[str, Any]:
    (found,) = [row for row in shell.json("connector", "list") if row["connector"] == "simulator"]
    return dict(found)


def test_all_are_listed_with_what_waits(shell: Shell, sent: Sent, gateway: Gateway) -> None:
    sent()
    assert [row["connector"] for row in shell.json("connector", "list")] == ["simulator", "test"]
    assert the_simulator(shell) == {
        "connector": "simulator", "kind": "simulator", "enabled": True, "served": False, "owner": None, "parts_per_second": 0,
        "unknown_policy": "hold", "refund_policy": "unsent", "waiting": 1, "unknown": 0, "settings": {},
    }  # fmt: skip
    assert re.search(r"^simulator +simulator +served by nobody +no limit +hold +unsent +1 +0$", shell.ok("connector", "list"), re.MULTILINE)
    dispatching.own(gateway, "simulator", "host:1")
    assert (the_simulator(shell)["served"], the_simulator(shell)["owner"]) == (True, "host:1")
    assert "served by host:1" in shell.ok("connector", "list")


def test_what_is_given_is_changed_and_when_it_counts_is_told(shell: Shell) -> None:
    told = shell.ok("connector", "set", "simulator", "--parts-per-second", "30", "--refund-policy", "undelivered")
    assert told.startswith(
        "Policies count at once, for what ends from now on.\nA running dispatcher keeps the new speed within 10 seconds.\n"
    )
    assert re.search(r"^parts a second +30$", told, re.MULTILINE)
    told = shell.ok(
        "connector", "set", "simulator", "--setting", "window=50", "--setting", "journal=/tmp/journal", "--unknown-policy", "resend"
    )
    assert "opens the connector anew within 10 seconds" in told
    assert 'window=50, journal="/tmp/journal"' in told
    found = shell.json("connector", "set", "simulator", "--unset", "journal")
    assert (found["parts_per_second"], found["unknown_policy"], found["refund_policy"]) == (30, "resend", "undelivered")
    assert found["settings"] == {"window": 50}
    assert shell.json("connector", "show", "simulator") == found == the_simulator(shell)


def test_a_setting_that_nobody_asks_for_is_told(shell: Shell) -> None:
    done = shell("connector", "set", "simulator", "--setting", "windw=5", "--setting", "window=5", "--json")
    assert done.stderr == "Stored, but a connector of kind simulator did not ask for the setting windw.\n"
    assert shell("connector", "set", "simulator", "--setting", "window=6").stderr == ""


def test_passwords_are_kept_back(shell: Shell) -> None:
    shell.ok("connector", "set", "simulator", "--setting", "password=hunter2")
    for arguments in (("show", "simulator"), ("show", "simulator", "--json"), ("list", "--json")):
        assert "hunter2" not in shell.ok("connector", *arguments)
    assert the_simulator(shell)["settings"] == {"password": "(kept back)"}


def test_off_and_on_tell_what_becomes_of_messages(shell: Shell, sent: Sent) -> None:
    sent()
    told = shell.ok("connector", "disable", "simulator")
    assert "1 message waits and stays with it until it is on again." in told
    assert "new orders are refused" in told
    refused = shell.refused("send", "--account", "acme", "--to", "+393471234567", "--text", "x")
    assert refused == "no connector is enabled"
    assert shell.json("connector", "disable", "simulator")["enabled"] is False
    assert "New orders go to simulator." in shell.ok("connector", "enable", "simulator")
    assert shell.json("connector", "enable", "simulator")["enabled"] is True


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("set", "simulator"), "nothing to change was given", 2),
        (("set", "simulator", "--parts-per-second", "fast"), "not a valid integer", 2),
        (("set", "simulator", "--parts-per-second", "-1"), "parts_per_second must be a whole number from 0 to 100000", 1),
        (("set", "simulator", "--unknown-policy", "drop"), "is not one of 'hold', 'resend'", 2),
        (("set", "simulator", "--refund-policy", "all"), "is not one of 'none', 'unsent', 'undelivered'", 2),
        (("set", "simulator", "--setting", "window"), "give it as KEY=VALUE", 2),
        (("set", "simulator", "--setting", "window=0"), "settings cannot work: window must be a whole number from 1", 1),
        (("set", "simulator", "--setting", "window=many"), "settings cannot work: window must be a whole number from 1", 1),
        (("set", "simulator", "--setting", "window={}"), "settings take for window a number, true, false or a text", 1),
        (("set", "simulator", "--unset", "window"), "settings hold no window", 1),
        (("set", "pigeon", "--parts-per-second", "1"), "connector", 1),
        (("show", "pigeon"), "connector", 1),
        (("enable", "pigeon"), "connector", 1),
        (("disable", "pigeon"), "connector", 1),
        (("disable", "test"), "the connector of test mode is always on", 1),
    ],
)
def test_refusals_change_nothing(shell: Shell, arguments: tuple[str, ...], words: str, code: int) -> None:
    before = shell.json("connector", "list")
    assert words in shell.refused("connector", *arguments, code=code)
    assert shell.json("connector", "list") == before
