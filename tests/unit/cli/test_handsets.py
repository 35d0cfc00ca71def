"""``dragoman handset``: pairing, and looking after telephones."""

from __future__ import annotations

import re

import pytest

from gateway.domain.errors import BadCredentials
from gateway.services import handsets, pairing
from gateway.services.core import Gateway
from gateway.services.handsets import Hardware
from tests.unit.cli.conftest import Shell


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """A shell with the connector "drawer"."""
    shell.ok("connector", "add", "drawer", "--kind", "android")
    return shell


@pytest.fixture
def registered(shell: Shell, gateway: Gateway) -> str:
    """The login of a telephone that serves the connector."""
    token = shell.json("handset", "pair", "drawer")["token"]
    return pairing.by_token(gateway, token, Hardware("ACME/ONE", "1.50.0", []), "").login


def test_pairing_tells_what_to_type_in(shell: Shell, gateway: Gateway) -> None:
    told = shell.json("handset", "pair", "drawer")
    assert told["api_url"] == "http://gateway.test/api/mobile/v1"
    assert re.fullmatch("[0-9]{6}", told["code"])
    assert told["page"].startswith("http://gateway.test/console/enter/phone/")
    printed = shell("handset", "pair", "drawer")
    assert all(words in printed.stdout for words in ("API URL", "private token", "one-time code", "QR"))
    assert "DRAGOMAN_BASE_URL" in printed.stderr
    with pytest.raises(BadCredentials):  # the second pairing ended the first
        pairing.by_token(gateway, told["token"], Hardware("late"), "")


def test_only_connectors_of_the_kind_pair(shell: Shell) -> None:
    assert shell.refused("handset", "pair", "nowhere") == "connector nowhere not found"
    assert "of kind simulator" in shell.refused("handset", "pair", "simulator")


def test_telephones_are_listed(shell: Shell, registered: str) -> None:
    (row,) = shell.json("handset", "list")
    assert (row["connector"], row["name"], row["login"], row["online"], row["program"]) == (
        "drawer",
        "ACME/ONE",
        registered,
        True,
        "1.50.0",
    )
    assert re.search(r"^drawer +ACME/ONE +online ", shell.ok("handset", "list"), re.MULTILINE)
    assert "served by handset" in shell.ok("connector", "list")


def test_none_yet(shell: Shell) -> None:
    assert "dragoman handset pair" in shell.ok("handset", "list")
    for command in (["number", "drawer", "1", "+393471234567"], ["settings", "drawer"], ["recall", "drawer"], ["revoke", "drawer"]):
        assert shell.refused("handset", *command) == "handset drawer not found"
    assert shell.refused("handset", "revoke", "nowhere") == "connector nowhere not found"


@pytest.mark.usefixtures("registered")
def test_numbers_of_cards(shell: Shell) -> None:
    assert shell.json("handset", "number", "drawer", "1", "+39 347 1234567")["numbers"] == {"1": "+393471234567"}
    assert shell.json("handset", "number", "drawer", "2", "+393471234568")["numbers"] == {"1": "+393471234567", "2": "+393471234568"}
    assert "Slot 1 has no number." in shell.ok("handset", "number", "drawer", "1")
    assert "slot" in shell.refused("handset", "number", "drawer", "4", "+393471234567")
    assert "international" in shell.refused("handset", "number", "drawer", "1", "347 1234567")


@pytest.mark.usefixtures("registered")
def test_settings_of_the_program(shell: Shell) -> None:
    set_ = ["--set", "messages.send_interval_min=5", "--set", "messages.sim_selection_mode=RoundRobin"]
    assert shell.json("handset", "settings", "drawer", *set_)["settings"] == {
        "messages.send_interval_min": 5,
        "messages.sim_selection_mode": "RoundRobin",
    }
    assert "messages.send_interval_min" not in shell.ok("handset", "settings", "drawer", "--unset", "messages.send_interval_min")
    assert "RoundRobin" in shell.ok("handset", "settings", "drawer")
    for wrong in (
        "messages.send_interval_min=x",
        "messages.sim_selection_mode=Best",
        "gateway.cloud_url=https://x",
        "messages.log_lifetime_days=0",
        "x",
    ):
        assert shell("handset", "settings", "drawer", "--set", wrong).exit_code == 2
    assert "is not set" in shell.refused("handset", "settings", "drawer", "--unset", "messages.log_lifetime_days")


@pytest.mark.usefixtures("registered")
def test_recall_and_revoke(shell: Shell, gateway: Gateway) -> None:
    assert shell.json("handset", "recall", "drawer") == {"connector": "drawer", "asked_back": 0}
    assert "has no telephone now" in shell.ok("handset", "revoke", "drawer")
    assert handsets.every(gateway) == []
    assert "served by nobody" in shell.ok("connector", "show", "drawer")
