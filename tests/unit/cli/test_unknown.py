"""Messages of uncertain outcome at the shell."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from gateway.dispatcher.lanes import shares
from gateway.domain.sending import FailureKind, Outcome
from gateway.services import dispatching
from gateway.services.core import Gateway
from tests.unit.cli.conftest import Shell

NUMBERS = ("+393471234567", "+393477654321")


@pytest.fixture
def order(shell: Shell, gateway: Gateway) -> str:
    """The id of an order to two numbers; of neither message it is known whether it was sent."""
    to = [part for number in NUMBERS for part in ("--to", number)]
    made = shell.json("send", "--account", "acme", *to, "--text", "Hello", "--ref", "A1")
    claimed = dispatching.claim(gateway, "simulator", 10, shares)
    dispatching.record(gateway, "simulator", [Outcome.failed(each.key, FailureKind.UNKNOWN, "t", "no answer") for each in claimed])
    return str(made["order_id"])


def states(shell: Shell) -> dict[str, str]:
    return {row["recipient"]: row["state"] for row in shell.json("message", "show", "A1")["messages"]}


def test_they_are_listed_with_the_reason(shell: Shell, order: str) -> None:
    rows = shell.json("unknown", "list", "--connector", "simulator", "--account", "acme")
    assert [datetime.fromisoformat(row.pop("since")).utcoffset() is not None for row in rows] == [True, True]
    common = {
        "order_id": order, "reference": "A1", "account": "acme", "connector": "simulator", "attempts": 1, "carrier_code": "t",
        "detail": "no answer", "expires_at": None,
    }  # fmt: skip
    assert rows == [common | {"recipient": number} for number in NUMBERS]
    plain = shell.ok("unknown", "list", "--limit", "1")
    assert re.search(rf" acme +\+393471234567 +simulator +{order} +t no answer$", plain, re.MULTILINE)
    assert plain.endswith("\n1 more; see --limit\n")
    assert shell.ok("unknown", "list", "--connector", "test") == "No unknown message.\n"


def test_resending_asks_first(shell: Shell, order: str) -> None:
    asked = shell("unknown", "resend", order, "--all", stdin="n\n")
    assert asked.exit_code == 1
    assert "2 messages may have been sent already, and the handset may ring twice. Send again? [y/N]" in asked.stderr
    assert shell("unknown", "resend", order, "--all", "--json").stdout == ""
    assert set(states(shell).values()) == {"unknown"}
    assert shell.ok("unknown", "resend", order, "--recipient", "347 1234567", stdin="y\n") == "1 message queued again.\n"
    assert states(shell) == dict(zip(NUMBERS, ("queued", "unknown"), strict=True))
    assert shell.json("unknown", "resend", "A1", "--yes") == {"order_id": order, "state": "queued", "moved": 1, "too_late": 0}
    assert "the operator sent it again; before: no answer" in shell.ok("message", "show", order)


def test_settling_pays_back_and_leaves_a_trace(shell: Shell, order: str) -> None:
    settled = shell.ok("unknown", "settle", order, "--as", "delivered", "--recipient", NUMBERS[0])
    assert settled == "1 message settled as delivered.\n"
    assert shell.json("unknown", "settle", order, "--as", "failed")["moved"] == 1
    assert states(shell) == dict(zip(NUMBERS, ("delivered", "failed"), strict=True))
    told = shell.ok("message", "show", order)
    assert "the operator settled it as delivered; before: no answer" in told
    assert f"{NUMBERS[1]}: failed (settled by the operator as failed)" in told
    entries = shell.json("credit", "history", "acme")
    assert [(entry["kind"], entry["note"]) for entry in entries[:1]] == [("refund", "settled by the operator as failed")]
    assert shell.json("account", "show", "acme")["balance"]["credits"] == "99"
    assert shell.json("unknown", "list") == []


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("settle", "A1", "--as", "delivered"), "the order has 2 unknown messages; name one recipient, or choose all", 1),
        (("settle", "A1", "--as", "queued", "--all"), "'queued' is not one of", 2),
        (("settle", "A1", "--all"), "Missing option '--as'", 2),
        (("settle", "A1", "--as", "sent", "--all", "--recipient", NUMBERS[0]), "give --recipient or --all, not both", 2),
        (("settle", "A1", "--as", "sent", "--recipient", "+393470000000"), "no message of the order to +393470000000 is unknown", 1),
        (("settle", "A1", "--as", "sent", "--recipient", "somebody"), "recipient", 1),
        (("resend", "A2", "--all", "--yes"), "order", 1),
        (("resend", "A1", "--all", "--yes", "--account", "nobody"), "account", 1),
        (("list", "--connector", "pigeon"), "connector", 1),
    ],
)
def test_refusals_move_nothing(shell: Shell, order: str, arguments: tuple[str, ...], words: str, code: int) -> None:
    assert words in shell.refused("unknown", *arguments, code=code)
    assert set(states(shell).values()) == {"unknown"}
