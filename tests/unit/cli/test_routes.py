"""Rules at the shell."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from gateway.services import standings
from gateway.services.core import Gateway
from gateway.storage.tables import ConnectorRow
from tests.unit.cli.conftest import Sent, Shell

ITALY = "+393471234567"


@pytest.fixture(autouse=True)
def connectors(shell: Shell, gateway: Gateway) -> None:
    """Two further ways out."""
    with gateway.writing() as session:
        for name in ("carrier-a", "carrier-b"):
            session.add(ConnectorRow(name=name, kind="simulator", settings={}, created_at=gateway.clock.now()))


def test_a_rule_s_life(shell: Shell, sent: Sent) -> None:
    assert shell.ok("route", "list") == "No rule: all goes by the default connector.\n"
    made = shell.json("route", "add", "italy", "--prefix", "+39", "--to", "carrier-a=3", "--to", "carrier-b=0", "--dialect", "cli")
    assert made == {
        "route": "italy", "rank": 10, "enabled": True, "dialects": ["cli"], "account": None, "types": None, "prefixes": ["39"],
        "senders": None, "strategy": "weighted", "failover": ["misconfigured", "retry_later", "throttled"],
        "targets": [{"connector": "carrier-a", "weight": 3}, {"connector": "carrier-b", "weight": 0}],
    }  # fmt: skip
    assert shell.json("message", "show", sent())["messages"][0]["connector"] == "carrier-a"
    shell.ok("route", "add", "acme", "--account", "acme", "--to", "carrier-b", "--rank", "5", "--failover", "none")
    assert re.search(r"^5 +acme +on +account acme +weighted +carrier-b=1 +nothing$", shell.ok("route", "list"), re.MULTILINE)
    assert [row["route"] for row in shell.json("route", "list")] == ["acme", "italy"]
    shell.ok("route", "disable", "acme")
    changed = shell.json("route", "set", "italy", "--any", "prefix", "--any", "dialect", "--strategy", "cheapest", "--failover", "final")
    assert (changed["prefixes"], changed["dialects"], changed["strategy"], changed["failover"]) == (None, None, "cheapest", ["final"])
    assert changed["targets"] == made["targets"]
    assert "for            everything" in shell.ok("route", "set", "italy", "--rank", "1")
    assert shell.ok("route", "remove", "italy") == "Rule italy is gone.\n"
    assert shell.json("route", "enable", "acme")["enabled"] is True


def test_explain_tells_the_winner_and_why_the_others_lost(shell: Shell, gateway: Gateway) -> None:
    assert shell.ok("route", "explain", ITALY, "--account", "acme").startswith("simulator, as the default: no rule matches.\n")
    shell.ok("route", "add", "bulk", "--dialect", "bulk", "--to", "carrier-b")
    shell.ok("route", "add", "italy", "--prefix", "39", "--to", "carrier-a=3", "--to", "carrier-b=1", "--to", "simulator")
    shell.ok("route", "add", "rest", "--to", "carrier-b")
    standings.note(gateway, "simulator", is_connected=False)
    told = shell.ok("route", "explain", ITALY, "--account", "acme", "--draw", "0.8")
    assert told.startswith("carrier-b, by the rule italy, whose share is 25.0%.\n")
    for rule, connector, why in (
        ("bulk", "", "the dialect is smsend, it takes bulk"),
        ("italy", "carrier-a", r"its share is 75\.0%, and the draw fell to carrier-b"),
        ("italy", "simulator", "it is not connected"),
        ("rest", "", "italy decided before it"),
    ):
        assert re.search(rf"^ +{rule} +{connector} *{why}$", told, re.MULTILINE), told
    found = shell.json("route", "explain", ITALY, "--account", "acme", "--draw", "0.8")
    assert (found["connector"], found["route"], found["shares"]) == ("carrier-b", "italy", {"carrier-a": 0.75, "carrier-b": 0.25})
    assert {each["reason"] for each in found["lost"]} == {"no_match", "draw", "not_connected", "outranked"}
    with gateway.writing() as session:
        session.execute(update(ConnectorRow).where(ConnectorRow.name.like("carrier%")).values(enabled=False))
    assert "It is not connected, so the message would wait" in shell.ok("route", "explain", ITALY, "--account", "acme")
    shell.ok("route", "remove", "italy")
    assert shell.ok("route", "explain", ITALY, "--account", "acme").startswith("No way: every connector")
    assert shell.refused("send", "--account", "acme", "--to", ITALY, "--text", "x") == (
        "every connector that the rules name for this traffic is switched off"
    )


def test_prices(shell: Shell) -> None:
    assert "No price is set" in shell.ok("route", "price")
    assert shell.ok("route", "price", "carrier-a", "+39", "0.032") == "carrier-a to numbers with +39: 0.032 credits a part\n"
    shell.ok("route", "price", "carrier-b", "any", "0.05")
    shell.ok("route", "add", "least", "--strategy", "cheapest", "--to", "carrier-b", "--to", "carrier-a")
    told = shell.ok("route", "explain", ITALY, "--account", "acme")
    assert told.startswith("carrier-a, by the rule least.\n")
    assert "it takes 0.05 a part, carrier-a 0.032" in told
    assert [(row["connector"], row["prefix"], row["per_part"]["units"]) for row in shell.json("route", "price")] == [
        ("carrier-a", "39", 32),
        ("carrier-b", "", 50),
    ]
    assert shell.json("route", "price", "carrier-a", "39", "none") == {"connector": "carrier-a", "prefix": "39", "per_part": None}
    assert "there was no price" in shell.ok("route", "price", "carrier-a", "39", "none")


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("add", "x", "--to", "nobody"), "to 'nobody' is no connector; there are carrier-a, carrier-b, simulator", 1),
        (("add", "x", "--to", "test"), "to 'test' is no connector", 1),
        (("add", "x"), "to must name at least one connector", 1),
        (("add", "x", "--to", "carrier-a", "--to", "carrier-a=2"), "to names a connector twice", 1),
        (("add", "x", "--to", "carrier-a=-1"), "NAME=WEIGHT", 2),
        (("add", "x", "--to", "carrier-a=10001"), "to takes weights from 0 to 10000", 1),
        (("add", "(first choice)", "--to", "carrier-a"), "name is 1 to 64", 1),
        (("add", "x", "--to", "carrier-a", "--account", "nobody"), "account nobody not found", 1),
        (("add", "x", "--to", "carrier-a", "--dialect", "soap"), "'soap' is not one of", 2),
        (("add", "x", "--to", "carrier-a", "--type", "gold"), "'gold' is not one of", 2),
        (("add", "x", "--to", "carrier-a", "--prefix", "39x"), "prefix must be 1 to 15 digits", 1),
        (("add", "x", "--to", "carrier-a", "--from", "much too long a sender"), "has more than 11 characters", 1),
        (("add", "x", "--to", "carrier-a", "--failover", "unknown"), "'unknown' is not one of", 2),
        (("add", "x", "--to", "carrier-a", "--failover", "none", "--failover", "final"), "stands alone", 2),
        (("add", "x", "--to", "carrier-a", "--rank", "-1"), "rank must be a whole number", 1),
        (("add", "known", "--to", "carrier-a"), "there is a rule known already", 1),
        (("set", "gone", "--rank", "3"), "rule gone not found", 1),
        (("set", "known"), "nothing to change was given", 2),
        (("remove", "gone"), "rule gone not found", 1),
        (("disable", "gone"), "rule gone not found", 1),
        (("price", "nobody", "39", "1"), "connector nobody not found", 1),
        (("price", "--", "carrier-a", "39", "-1"), "credits must not be negative", 1),
        (("price", "carrier-a", "x", "1"), "prefix must be 1 to 15 digits", 1),
        (("price", "carrier-a", "39"), "give CONNECTOR, PREFIX and CREDITS", 2),
        (("explain", "12", "--account", "acme"), "telephone number", 1),
        (("explain", ITALY, "--account", "nobody"), "account nobody not found", 1),
    ],
)
def test_what_makes_no_sense_is_refused(shell: Shell, arguments: tuple[str, ...], words: str, code: int) -> None:
    shell.ok("route", "add", "known", "--to", "carrier-a")
    assert words in shell.refused("route", *arguments, code=code)
    assert [row["route"] for row in shell.json("route", "list")] == ["known"]


def test_a_message_s_story_names_its_rule(shell: Shell, sent: Sent) -> None:
    shell.ok("route", "add", "italy", "--prefix", "39", "--to", "carrier-a")
    order = sent()
    assert "route carrier-a by italy\n" in shell.ok("message", "show", order)
    assert shell.json("message", "show", order)["messages"][0]["route"] == "italy"
