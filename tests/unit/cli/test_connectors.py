"""Connectors at the shell."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from typing import Any

import pytest

from gateway.connectors import CONNECTORS, simulator
from gateway.connectors.base import Setting
from gateway.connectors.settings import REQUIRED, text
from gateway.services import connectors as service
from gateway.services import dispatching, standings
from gateway.services.core import Gateway
from gateway.storage.tables import ConnectorRow
from tests.unit.cli.conftest import Sent, Shell


def the_simulator(shell: Shell) -> dict[str, Any]:
    (found,) = [row for row in shell.json("connector", "list") if row["connector"] == "simulator"]
    return dict(found)


def test_all_are_listed_with_what_waits(shell: Shell, sent: Sent, gateway: Gateway) -> None:
    sent()
    assert [row["connector"] for row in shell.json("connector", "list")] == ["simulator", "test"]
    assert the_simulator(shell) == {
        "connector": "simulator", "kind": "simulator", "enabled": True, "served": False, "owner": None, "parts_per_second": 0,
        "unknown_policy": "hold", "refund_policy": "unsent", "waiting": 1, "unknown": 0, "inbound_account": None, "settings": {},
        "connected": None, "health": 100, "note": "", "receipt_id_form": None,
    }  # fmt: skip
    assert re.search(r"^simulator +simulator +served by nobody +no limit +hold +unsent +1 +0$", shell.ok("connector", "list"), re.MULTILINE)
    dispatching.own(gateway, "simulator", "host:1")
    assert (the_simulator(shell)["served"], the_simulator(shell)["owner"]) == (True, "host:1")
    assert "served by host:1" in shell.ok("connector", "list")


def test_what_is_given_is_changed_and_when_it_counts_is_told(shell: Shell) -> None:
    told = shell.ok("connector", "set", "simulator", "--parts-per-second", "30", "--refund-policy", "undelivered")
    assert told.startswith(
        "Policies count at once, for what ends from now on.\nA running dispatcher keeps the new speed within 3 seconds.\n"
    )
    assert re.search(r"^parts a second +30$", told, re.MULTILINE)
    told = shell.ok(
        "connector", "set", "simulator", "--setting", "window=50", "--setting", "journal=/tmp/journal", "--unknown-policy", "resend"
    )
    assert "opens the connector anew within 3 seconds" in told
    assert 'window=50, journal="/tmp/journal"' in told
    found = shell.json("connector", "set", "simulator", "--unset", "journal")
    assert (found["parts_per_second"], found["unknown_policy"], found["refund_policy"]) == (30, "resend", "undelivered")
    assert found["settings"] == {"window": 50}
    assert shell.json("connector", "show", "simulator") == found == the_simulator(shell)


def test_a_setting_that_the_kind_does_not_have_is_refused(shell: Shell) -> None:
    refused = shell.refused("connector", "set", "simulator", "--setting", "windw=5")
    assert refused == "settings cannot work: no setting is called windw; there are window, journal"


@pytest.fixture
def a_secretive_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind with a secret setting, made of the simulator."""
    password = Setting("password", "What only we know.", text(), REQUIRED, secret=True)
    kind = replace(simulator.KIND, settings=(*simulator.KIND.settings, password))
    monkeypatch.setitem(CONNECTORS, "simulator", kind)


class TestSecrets:
    pytestmark = pytest.mark.usefixtures("a_secretive_kind")

    def test_they_are_read_from_standard_input_encrypted_and_kept_back(self, shell: Shell, gateway: Gateway) -> None:
        given = ("--kind", "simulator", "--secret", "password", "--setting", "window=7")
        done = shell("connector", "add", "carrier", *given, stdin="hunter2\n")
        assert done.exit_code == 0, done.output
        assert "hunter2" not in done.output and 'password="(kept back)"' in done.output
        assert "hunter2" not in shell.ok("connector", "show", "carrier") + shell.ok("connector", "list", "--json")
        lease = dispatching.own(gateway, "carrier", "host:1")
        assert lease is not None and lease.settings == {"window": 7, "password": "hunter2"} and "hunter2" not in repr(lease)
        with gateway.reading() as session:
            row = session.get_one(ConnectorRow, "carrier")
            assert row.settings == {"window": 7} and b"hunter2" not in (row.secrets or b"hunter2")
        assert shell.ok("secret", "renew") == "1 stored secret encrypted under the newest key.\n"
        assert service.secrets_of(gateway, "carrier") == {"password": "hunter2"}

    def test_one_made_up_is_told_once(self, shell: Shell, gateway: Gateway) -> None:
        told = shell.json("connector", "add", "carrier", "--kind", "simulator", "--generate", "password", "--off")
        assert service.secrets_of(gateway, "carrier") == told["generated"] and len(told["generated"]["password"]) == 32
        assert told["enabled"] is False and "generated" not in shell.json("connector", "show", "carrier")

    @pytest.mark.parametrize(
        ("arguments", "words", "code"),
        [
            (("add", "carrier", "--kind", "simulator"), "settings cannot work: password must be set", 1),
            (("add", "carrier", "--kind", "simulator", "--secret", "password"), "no value for password", 2),
            (("add", "carrier", "--kind", "simulator", "--setting", "password=x"), "password is secret: give it with --secret password", 2),
            (("add", "carrier", "--kind", "simulator", "--secret", "window"), "window is no secret setting of the kind simulator", 2),
            (("add", "carrier", "--kind", "pigeon"), "pigeon", 2),
            (("add", "Carrier", "--kind", "simulator", "--generate", "password"), "name is made of up to 32 small letters", 1),
            (("add", "simulator", "--kind", "simulator", "--generate", "password"), "there is a connector simulator already", 1),
        ],
    )
    def test_refusals_add_nothing(self, shell: Shell, arguments: tuple[str, ...], words: str, code: int) -> None:
        assert words in shell.refused("connector", *arguments, code=code)
        assert [row["connector"] for row in shell.json("connector", "list")] == ["simulator", "test"]


def test_a_trial_connects_and_gives_the_connector_back(shell: Shell, gateway: Gateway) -> None:
    assert shell.ok("connector", "test", "simulator") == "simulator: connected\n"
    assert dispatching.own(gateway, "simulator", "host:1") is not None
    assert "a dispatcher serves it" in shell.ok("connector", "test", "simulator")
    assert shell.json("connector", "test", "simulator")["connected"] is None


def test_a_trial_does_not_ask_whether_the_connector_is_on(shell: Shell) -> None:
    shell.ok("connector", "disable", "simulator")
    assert shell.ok("connector", "test", "simulator") == "simulator: connected\n"
    assert the_simulator(shell)["enabled"] is False
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    settings = [f"--setting={each}" for each in ("host=127.0.0.1", f"port={closed}", "system_id=acme")]
    shell.ok("connector", "add", "carrier", "--kind", "smpp", "--off", *settings)
    assert "cannot connect" in shell.refused("connector", "test", "carrier", "--seconds", "1")


def test_what_a_dispatcher_knows_of_the_carrier_is_told(shell: Shell, gateway: Gateway) -> None:
    dispatching.own(gateway, "simulator", "host:1")
    standings.note(gateway, "simulator", is_connected=False, note="bind refused")
    assert shell.refused("connector", "test", "simulator") == "simulator: a dispatcher serves it and is not connected: bind refused"
    standings.note(gateway, "simulator", is_connected=True)
    assert shell.ok("connector", "test", "simulator") == "simulator: connected; a dispatcher serves it\n"
    assert the_simulator(shell)["connected"] is True
    shell.ok("connector", "disable", "simulator")  # what was written down is over
    assert the_simulator(shell)["connected"] is None
    assert "connected" not in shell.ok("connector", "show", "simulator") + shell.ok("connector", "list")


def test_the_account_of_what_comes_in_is_set(shell: Shell, sent: Sent) -> None:
    sent()
    assert shell.json("connector", "set", "simulator", "--inbound-account", "acme")["inbound_account"] == "acme"
    assert shell.json("connector", "set", "simulator", "--inbound-account", "")["inbound_account"] is None
    assert "account" in shell.refused("connector", "set", "simulator", "--inbound-account", "nobody")


def test_off_and_on_tell_what_becomes_of_messages(shell: Shell, sent: Sent) -> None:
    sent()
    told = shell.ok("connector", "disable", "simulator")
    assert "1 message waits with it until it is on again, or go another way by their rules." in told
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
        (("set", "simulator", "--setting", "window={}"), "settings cannot work: window must be a whole number from 1", 1),
        (("add", "drawer", "--kind", "android", "--parts-per-second", "3"), "telephones have limits of their own", 2),
        (("test", "pigeon"), "connector", 1),
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
