"""Accounts, users and credit at the shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from gateway.services.passwords import verify_password
from tests.support.programs import ROOT
from tests.unit.cli.conftest import the_user


def test_an_account_is_made_listed_and_shown(shell):
    made = shell.json("account", "create", "blue", "--zone", "Asia/Tokyo", "--region", "jp", "--credit-limit", "2.5", "--allow", "Blue")
    assert made["balance"] == {"units": 0, "credits": "0"}
    assert made["credit_limit"] == {"units": 2500, "credits": "2.5"}
    assert (made["zone"], made["region"], made["allowed_senders"]) == ("Asia/Tokyo", "JP", ["Blue"])
    assert made["created_at"].endswith("+09:00")
    assert [row["account"] for row in shell.json("account", "list")] == ["acme", "blue"]
    shown = shell.json("account", "show", "blue")
    assert shown == made | {"users": []}


def test_plain_output_is_for_people(shell):
    assert re.search(r"^acme +100 +0 +active +Europe/Rome$", shell.ok("account", "list"), re.MULTILINE)
    assert re.search(r"^sender +Acme$", shell.ok("account", "show", "acme"), re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("account", "create", "acme"), "account acme exists already"),
        (("account", "create", "issuer"), "account issuer exists already"),
        (("account", "create", "x", "--zone", "Rome"), "zone is not the name of a time zone"),
        (("account", "create", "x", "--credit-limit", "-1"), "credit_limit must not be negative"),
        (("account", "create", "x", "--from", "much too long a name"), "originator has more than 11 characters"),
        (("account", "show", "nobody"), "account nobody not found"),
        (("credit", "add", "nobody", "1"), "account nobody not found"),
        (("credit", "add", "acme", "1.0001"), "credits has more than 3 decimals"),
        (("credit", "add", "acme", "one"), "credits is not a decimal number"),
        (("credit", "add", "acme", "0"), "units must not be zero"),
        (("credit", "take", "acme", "100.001"), "not enough credit: 100.001 needed, 100 available"),
        (("credit", "take", "acme", "--", "-1"), "credits must be above zero: they are taken away"),
        (("user", "disable", "nobody"), "user nobody not found"),
        (("user", "passwd", "nobody", "--generate"), "user nobody not found"),
        (("user", "create", "nobody", "erp", "--generate"), "account nobody not found"),
        (("account", "show", "no\x1bbody"), "account no?body not found"),
        (("account", "create", "x", "--region", "zz"), "region 'zz' is unknown; give a country's two letters (ISO 3166), such as IT"),
        (
            ("user", "create", "acme", "erp", "--generate", "--permission", "nonsense:foo"),
            "permission 'nonsense:foo' is unknown; there are *, ",
        ),
    ],
)
def test_refusals_are_one_line_and_exit_code_one(shell, arguments, words):
    assert shell.refused(*arguments).startswith(words)


def test_credit_goes_in_and_out_exactly(shell):
    assert shell.json("credit", "add", "acme", "12.5", "--note", "invoice 17")["balance_after"] == {"units": 112500, "credits": "112.5"}
    assert shell.ok("credit", "add", "acme", "--", "-0.001") == "acme: -0.001 credits, balance 112.499\n"
    assert "balance 110" in shell.ok("credit", "take", "acme", "2.499")
    history = shell.json("credit", "history", "acme")
    assert [(row["sequence"], row["change"]["units"], row["note"]) for row in history] == [
        (4, -2499, ""), (3, -1, ""), (2, 12500, "invoice 17"), (1, 100000, ""),
    ]  # fmt: skip
    assert len(shell.json("credit", "history", "acme", "--limit", "2")) == 2
    assert "+12.5" in shell.ok("credit", "history", "acme")


def password_hash(gateway, username):
    with gateway.reading() as session:
        return the_user(session, username).password_hash


def test_a_generated_password_fits_urls_and_opens_the_door(shell, gateway):
    made = shell.json("user", "create", "acme", "erp", "--generate", "--permission", "smsend:*")
    assert re.fullmatch(r"[A-Za-z0-9._~-]{20}", made["password"])
    assert made["permissions"] == ["smsend:*"]
    assert verify_password(password_hash(gateway, "erp"), made["password"])


def test_a_password_comes_from_a_prompt_or_a_pipe_and_is_not_printed(shell, gateway):
    done = shell.ok("user", "create", "acme", "erp", stdin="correct horse\ncorrect horse\n")
    assert "correct horse" not in done
    assert verify_password(password_hash(gateway, "erp"), "correct horse")
    assert "password" not in shell.json("user", "passwd", "erp", "--password-stdin", stdin="battery staple\n")
    assert verify_password(password_hash(gateway, "erp"), "battery staple")


def test_unusable_passwords(shell):
    assert shell.refused("user", "create", "acme", "erp", "--password-stdin", stdin="short\n") == "password must have at least 8 characters"
    assert "exclude each other" in shell.refused("user", "create", "acme", "erp", "--password-stdin", "--generate", code=2)


@pytest.mark.parametrize("command", ["user create acme erp", "user passwd erp", "device create acme phone-1"])
def test_without_a_terminal_the_ways_to_give_a_password_are_named(shell, command):
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *command.split()],
        env=os.environ | shell.environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # away from the terminal that runs the tests
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith("Error: There is no terminal to ask for the password at: give --password-stdin or --generate.\n")
    assert "GetPassWarning" not in done.stderr


def test_one_is_not_many(shell):
    assert shell.ok("credit", "add", "acme", "1").startswith("acme: +1 credit, ")
    assert shell.ok("credit", "take", "acme", "1").startswith("acme: -1 credit, ")
    shell.ok("group", "add", "acme", "Night")
    shell.ok("contact", "add", "acme", "Anna", "+393471234567", "--group", "Night")
    assert shell.ok("group", "remove", "acme", "Night").endswith("it had 1 member.\n")


def test_a_user_is_shut_out_and_let_in(shell):
    shell.ok("user", "create", "acme", "erp", "--generate")
    assert shell.json("user", "disable", "erp") == {"username": "erp", "disabled": True}
    assert "erp (disabled)" in shell.ok("account", "show", "acme")
    shell.ok("user", "enable", "erp")
    assert shell.json("account", "show", "acme")["users"][0]["disabled"] is False
