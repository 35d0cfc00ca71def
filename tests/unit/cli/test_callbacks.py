"""Callbacks at the shell."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gateway.services.callbacks import replay
from gateway.services.core import Gateway
from gateway.storage import callback_queue
from tests.support.callbacks import deliveries, happen
from tests.support.receiver import Receiver, answer
from tests.unit.cli.conftest import Shell

URL = "https://erp.example.org/sms?token=hunter2"
NOBODY = "00000000-0000-0000-0000-000000000007"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


def test_an_endpoint_is_made_shown_and_removed(shell: Shell) -> None:
    told = shell.ok("callback", "add", "acme", "--url", URL)
    assert told.startswith("acme is called at erp.example.org for 12 events.\n")
    key = re.findall(r"^signing key +([\w-]{43})$", told, re.MULTILINE)[0]
    assert told.endswith("Keep the signing key now: it is not shown again.\n")
    (row,) = shell.json("callback", "list", "acme")
    assert {name: row[name] for name in ("account", "kind", "host", "method", "enabled", "waiting", "dead", "failures")} == {
        "account": "acme", "kind": "native", "host": "erp.example.org", "method": "POST", "enabled": True, "waiting": 0, "dead": 0,
        "failures": 0,
    }  # fmt: skip
    assert shell.json("callback", "show", row["id"]) == row
    shown = shell.ok("callback", "show", row["id"]) + shell.ok("callback", "list")
    assert key not in shown
    assert "hunter2" not in shown
    again = shell.json("callback", "rotate-key", row["id"])
    assert (again["signing_key"] != key, again["key_id"] != row["key_id"]) == (True, True)
    assert "off" in shell.ok("callback", "disable", row["id"]) + shell.ok("callback", "list")
    assert shell.json("callback", "enable", row["id"])["enabled"] is True
    assert shell.ok("callback", "remove", row["id"]) == "erp.example.org is no longer called; 0 calls given up.\n"
    assert shell.json("callback", "list") == []


def test_an_address_may_come_by_standard_input(shell: Shell) -> None:
    made = shell.json("callback", "add", "acme", "--kind", "smsend", "--method", "POST", "--event", "message.sent", "--url", "-", stdin=URL)
    assert (made["host"], made["method"], made["events"], made["signing_key"]) == ("erp.example.org", "POST", ["message.sent"], None)
    assert "Keep" not in shell.ok("callback", "add", "acme", "--kind", "smsend", "--url", URL)
    assert shell.json("callback", "add", "--operator", "--url", URL)["account"] is None


def test_a_trial_prints_the_answer(shell: Shell, receiver: Receiver) -> None:
    endpoint = shell.json("callback", "add", "acme", "--url", receiver.url())["id"]
    refused = shell("callback", "test", endpoint)
    assert (refused.exit_code, receiver.came) == (1, [])
    assert refused.stdout.startswith("Not taken: ")
    shell.environment.update({"DRAGOMAN_CALLBACK_NETWORKS": "127.0.0.0/8", "DRAGOMAN_CALLBACK_PORTS": "any"})
    assert shell.ok("callback", "test", endpoint) == "Taken: answered 200.\n"
    assert receiver.came[0].headers["Dragoman-Event"] == "test"
    receiver.answers = lambda request: answer(401)
    done = shell("callback", "test", endpoint, "--json")
    assert (done.exit_code, '"status": 401' in done.stdout) == (1, True)
    smsend = shell.json("callback", "add", "acme", "--kind", "smsend", "--url", receiver.url())["id"]
    shell("callback", "test", smsend)
    assert receiver.came[-1].target.startswith("/hook?order_id=test&recipient=%2B10000000000&status=DLVRD&delivery_date=20")
    assert shell.json("callback", "list")[0]["waiting"] == 0


def test_what_was_given_up_is_listed_and_made_again(shell: Shell, gateway: Gateway) -> None:
    endpoint = shell.json("callback", "add", "--operator", "--url", URL)["id"]
    assert shell.ok("callback", "dead") == "No call was given up.\n"
    happen(gateway, None, 3)
    (row, *_) = deliveries(gateway)
    with gateway.writing() as session:
        callback_queue.bury(session, row.endpoint, gateway.clock.now(), 2, replay.SILENCE, gateway.clock.now())
    assert re.search(r"alert\.velocity .* 0 +the endpoint has not answered for a day", shell.ok("callback", "dead"))
    assert [each["endpoint"] for each in shell.json("callback", "dead", "--endpoint", endpoint)] == [endpoint] * 2
    assert len(shell.json("callback", "dead", "--limit", "1")) == 1
    assert shell.ok("callback", "replay", "--from", "2020-01-01", "--dead") == "2 calls due again.\n"
    assert shell.json("callback", "replay", "--from", "2020-01-01", "--to", "2020-01-02T10:00") == {"replayed": 0}
    assert shell.json("callback", "replay", "--from", "2020-01-01", "--endpoint", endpoint) == {"replayed": 3}
    assert shell.json("callback", "show", endpoint)["waiting"] == 3


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("add", "--url", URL), "name an ACCOUNT, or give --operator", 2),
        (("add", "acme", "--operator", "--url", URL), "name an ACCOUNT, or give --operator", 2),
        (("add", "nobody", "--url", URL), "account nobody not found", 1),
        (("add", "acme", "--url", "ftp://x"), "url must be like https://example.org/path, without #", 1),
        (("add", "acme", "--url", URL, "--event", "message.lost"), "event 'message.lost' is unknown; of this kind there are", 1),
        (("add", "acme", "--url", URL, "--method", "GET"), "method of this kind is POST", 1),
        (("show", "pigeon"), "not a valid UUID", 2),
        (("show", NOBODY), f"callback {NOBODY} not found", 1),
        (("remove", NOBODY), f"callback {NOBODY} not found", 1),
        (("test", NOBODY), f"callback {NOBODY} not found", 1),
        (("dead", "--endpoint", NOBODY), f"callback {NOBODY} not found", 1),
        (("replay", "--from", "yesterday"), "from is not a date", 1),
        (("replay", "--from", "2026-01-02", "--to", "2026-01-01"), "to lies before from", 1),
        (("replay", "--from", "2026-01-02", "--to", "2026-01-03", "--endpoint", NOBODY), f"callback {NOBODY} not found", 1),
    ],
)
def test_refusals(shell: Shell, arguments: tuple[str, ...], words: str, code: int) -> None:
    done = shell("callback", *arguments)
    assert done.exit_code == code, done.output
    assert words in " ".join(done.stderr.split())
    assert "hunter2" not in done.output
