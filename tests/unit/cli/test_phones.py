"""The numbers an account sends from, at the shell."""

from __future__ import annotations

import re

import pytest


def test_a_number_is_added_changed_listed_and_removed(shell):
    made = shell.json("phone", "add", "acme", "393471234567", "--sim", "SIM2", "--connector", "simulator")
    assert made == {"id": made["id"], "number": "+393471234567", "sim": "SIM2", "messages_per_minute": 10, "connector": "simulator"}
    assert shell.json("phone", "add", "acme", "+39 347 123 4567", "--per-minute", "0") == made | {"messages_per_minute": 0}
    assert shell.json("phone", "add", "acme", "+393471234567", "--connector", "") == made | {"messages_per_minute": 0, "connector": None}
    assert re.search(r"^\+393471234567  SIM2  no limit    usual      [0-9a-f-]{36}$", shell.ok("phone", "list", "acme"), re.MULTILINE)
    assert shell.json("phone", "list", "acme") == [made | {"messages_per_minute": 0, "connector": None}]
    assert shell.ok("phone", "remove", "acme", "+393471234567") == "acme no longer sends from +393471234567.\n"
    assert shell.ok("phone", "list", "acme") == "No number yet. Add one: dragoman phone add acme NUMBER\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "nobody", "+393471234567"), "account nobody not found"),
        (("list", "nobody"), "account nobody not found"),
        (("remove", "nobody", "+393471234567"), "account nobody not found"),
        (("remove", "acme", "+393471234567"), "phone +393471234567 not found"),
        (("add", "acme", "Acme"), "number may hold digits"),
        (("add", "acme", "3471234"), "number has no country code"),
        (("add", "acme", "+393471234567", "--connector", "pigeon"), "connector pigeon not found"),
    ],
)
def test_refusals_are_one_line_and_exit_code_one(shell, arguments, words):
    assert shell.refused("phone", *arguments).startswith(words)
