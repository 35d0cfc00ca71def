"""Migrating, examining, proving, and the demo account."""

from __future__ import annotations

import json
import re
import stat
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text, update

from gateway.cli import dragoman
from gateway.config import PREFIX
from gateway.services import checkup
from gateway.services.passwords import verify_password
from gateway.services.schema import NotMigrated
from gateway.storage.tables import ConnectorRow, Message, SessionRow
from tests.unit.cli.conftest import the_user

COMMANDS_ON_THE_DATABASE = [
    ("account", "list"), ("credit", "history", "acme"), ("demo",), ("dispatch",), ("explain", "x"), ("ledger", "verify"),
    ("message", "list"), ("send", "--account", "a", "--to", "1", "--text", "x"), ("tariff", "list"), ("user", "enable", "x"),
]  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS_ON_THE_DATABASE)
def test_without_tables_every_command_says_what_to_run(empty, arguments, tmp_path):
    assert empty.refused(*arguments).endswith("run: flask db upgrade or dragoman migrate")
    assert not (tmp_path / "var").exists()


def test_migrate_makes_folder_and_tables_and_may_be_repeated(empty, tmp_path):
    done = empty.json("migrate")
    assert (done["from"], done["to"]) == (None, NotMigrated(None, done["to"]).head)
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    assert empty.ok("migrate") == f"Nothing to do: the database stands at {done['to']}.\n"
    assert empty.json("account", "list") == []


def test_a_bad_setting_is_named_with_exit_code_two(empty):
    empty.environment[f"{PREFIX}BIND"] = "nowhere"
    assert empty.refused("account", "list", code=2) == "DRAGOMAN_BIND must be HOST:PORT or unix:/path/to/socket."


def test_a_database_that_is_away_is_one_line(empty):
    empty.environment[f"{PREFIX}DATABASE_URL"] = "postgresql://nobody:secret@127.0.0.1:1/none"
    words = empty.refused("account", "list")
    assert words.startswith("the database cannot be used")
    assert "secret" not in words
    assert empty("doctor").exit_code == 1


def test_help_is_there_for_every_command(empty):
    for name in dragoman.commands:
        assert "Usage:" in empty.ok(name, "--help")


def test_a_clean_ledger_and_one_that_was_touched(shell, sent, gateway):
    sent()
    assert shell.json("ledger", "verify") == {"ok": True, "faults": []}
    assert "every unit is accounted for" in shell.ok("ledger", "verify")
    with gateway.writing() as session:
        session.execute(text("UPDATE accounts SET balance = balance + 1 WHERE name = 'acme'"))
    touched = shell("ledger", "verify", "--json")
    assert touched.exit_code == 1
    assert json.loads(touched.stdout)["faults"][0]["words"] == "balance 99001 differs from the ledger's 99000"
    assert shell("ledger", "verify").stdout.startswith("account ")


def findings(gateway):
    found: dict[str, list[checkup.Finding]] = {}
    for finding in checkup.examine(gateway):
        found.setdefault(finding.name, []).append(finding)
    return found


def serve(gateway, until):
    with gateway.writing() as session:
        session.execute(update(ConnectorRow).values(owner="host:1", lease_until=until))


def test_a_healthy_installation(shell, gateway):
    serve(gateway, datetime.now(UTC) + timedelta(minutes=1))
    done = shell.json("doctor")
    assert [row["check"] for row in done if not row["ok"]] == []
    assert {"database", "migrations", "durability", "dispatcher", "redis", "clock", "disk", "data folder", "secret"} <= {
        row["check"] for row in done
    }
    assert shell.ok("doctor").startswith("ok    database")


@pytest.mark.parametrize("until", [None, datetime(2026, 1, 1, tzinfo=UTC)])
def test_nobody_at_work(shell, gateway, until):
    serve(gateway, until)
    done = shell("doctor")
    assert done.exit_code == 1
    assert re.search(r"^TODO  dispatcher +nobody serves connector simulator\n +-> start one: dragoman dispatch$", done.stdout, re.MULTILINE)


def test_messages_of_unknown_outcome(sent, gateway):
    sent()
    with gateway.writing() as session:
        session.execute(update(Message).values(state="unknown"))
    (found,) = findings(gateway)["unknown outcomes"]
    assert (found.seen, found.ok) == ("1 on connector simulator", False)


def test_weak_durability_is_named(gateway):
    gateway.engine.dispose()
    with gateway.reading() as session:
        session.connection().exec_driver_sql("ROLLBACK")
        session.connection().exec_driver_sql("PRAGMA synchronous=NORMAL")
    (found,) = findings(gateway)["durability"]
    assert found.seen == "journal_mode wal, synchronous 1"
    assert "synchronous" in found.todo


class Skewed:
    """A clock that is wrong by so much."""

    def __init__(self, **by):
        self.by = timedelta(**by)

    def now(self):
        return datetime.now(UTC) + self.by


class Jumping:
    """A clock that somebody moves."""

    def __init__(self):
        self.moved = timedelta(0)

    def now(self):
        self.moved += timedelta(seconds=5)
        return datetime.now(UTC) + self.moved


def test_clocks_that_cannot_be_trusted(shell, gateway):
    shell.ok("user", "create", "acme", "erp", "--generate")
    with gateway.writing() as session:
        now = datetime.now(UTC)
        session.add(SessionRow(id=uuid4(), user_id=the_user(session, "erp").id, created_at=now, last_seen=now))
    assert "history" not in findings(gateway)
    gateway.clock = Skewed(hours=-1)
    assert "yet to come" in findings(gateway)["history"][0].seen
    gateway.clock = Skewed(days=-4000)
    assert not findings(gateway)["clock"][0].ok
    gateway.clock = Jumping()
    assert "jumped by 5" in findings(gateway)["clock"][0].seen


def test_secrets_and_folders(shell, tmp_path):
    (tmp_path / "var" / "secret_key").write_text("x" * 20)
    (tmp_path / "var" / "secret_key").chmod(0o644)
    shell.environment[f"{PREFIX}SECRET_KEY"] = ""
    todo = {row["check"]: row["todo"] for row in json.loads(shell("doctor", "--json").stdout)}
    assert "at least 32" in todo["secret"]
    assert todo["secret file"].startswith("run: chmod 600 ")


def test_redis_that_does_not_answer(shell):
    shell.environment[f"{PREFIX}REDIS_URL"] = "redis://:hunter2@127.0.0.1:1/0"
    done = shell("doctor")
    assert "does not answer (ConnectionError)" in done.stdout
    assert "hunter2" not in done.output


def test_a_full_disk(gateway, monkeypatch):
    monkeypatch.setattr(checkup, "LEAST_FREE_BYTES", 1 << 60)
    assert not findings(gateway)["disk"][0].ok


def test_the_demo_is_made_once_and_kept(shell, gateway, tmp_path):
    made = shell.json("demo")
    assert made == {
        "base_url": "http://gateway.test",
        "smsend_base_url": "http://gateway.test/API/v1.0/REST/",
        "account": "demo",
        "username": "demo",
        "password": made["password"],
        "device": "demo-device",
        "device_password": made["device_password"],
        "api_key": made["api_key"],
        "v2_api_key": made["v2_api_key"],
        "phone": "+18005550199",
    }
    for generated in ("password", "device_password", "api_key", "v2_api_key"):
        assert re.fullmatch(r"[A-Za-z0-9._~-]{20,80}", made[generated])
    assert shell.json("demo") == made
    assert shell.json("account", "show", "demo")["balance"]["credits"] == "1000"
    assert stat.S_IMODE((tmp_path / "var" / "demo.json").stat().st_mode) == 0o600
    with gateway.reading() as session:
        assert verify_password(the_user(session, "demo").password_hash, made["password"])


@pytest.mark.parametrize("damage", ["lost", "empty", "list", "changed"])
def test_a_lost_demo_password_is_replaced(shell, gateway, tmp_path, damage):
    first = shell.json("demo")["password"]
    file = tmp_path / "var" / "demo.json"
    if damage == "changed":
        shell.ok("user", "passwd", "demo", "--generate")
    elif damage == "lost":
        file.unlink()
    else:
        file.write_text({"empty": "", "list": "[]"}[damage])
    second = shell.json("demo")["password"]
    assert second != first
    with gateway.reading() as session:
        assert verify_password(the_user(session, "demo").password_hash, second)
    assert shell.json("demo")["password"] == second
    assert shell.json("account", "show", "demo")["balance"]["credits"] == "1000"


def test_the_demo_never_takes_over_another_accounts_user(shell, gateway):
    theirs = shell.json("user", "create", "acme", "demo", "--generate")["password"]
    assert shell.refused("demo") == "user demo exists already"
    with gateway.reading() as session:
        assert verify_password(the_user(session, "demo").password_hash, theirs)
