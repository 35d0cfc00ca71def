"""``python app.py`` and ``dragoman`` as real processes, in an empty folder, as somebody sees them on the first day."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 30

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], seconds: float = SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found |= {int(child)} | descendants(int(child))
    return found


@dataclass
class Program:
    """One ``app.py`` in a folder of its own."""

    folder: Path
    bind: str
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    seen: set[int] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DRAGOMAN_")}
        return clean | {"DRAGOMAN_BIND": self.bind, "DRAGOMAN_GRACEFUL_TIMEOUT_SECONDS": "5", **self.settings}

    def start(self) -> None:
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py")],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def running(self) -> Program:
        """The same, once it has told its address."""
        self.start()
        assert self.process is not None
        process = self.process
        ready = wait_for(lambda: "running at" in self.out or process.poll() is not None)
        self.seen = descendants(process.pid)
        assert ready and process.poll() is None, self.err
        return self

    def ends(self) -> int:
        assert self.process is not None
        return self.process.wait(SECONDS)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(SECONDS)

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def child(self, name: str) -> int:
        return next(pid for pid in sorted(self.seen) if name in Path(f"/proc/{pid}/cmdline").read_text())

    def dragoman(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "gateway.cli", *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)

    def paste(self, lines: str) -> str:
        """What a shell prints when the lines are pasted into it."""
        done = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, timeout=SECONDS, check=True)
        return done.stdout


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path, f"127.0.0.1:{free_port()}")
    yield made
    made.end()


def step(out: str, heading: str) -> str:
    """The lines below one of the printed headings."""
    match = re.search(rf"^# {heading}.*\n((?:[^#\n].*\n)+)", out, re.MULTILINE)
    assert match is not None
    return match[1]


def test_the_printed_lines_work_as_they_are(program):
    out = program.running().out
    assert f"running at http://{program.bind}" in out
    assert re.fullmatch(r"[^;\s]+;[^;\s]+", program.paste(step(out, "Log in")))
    send, state, balance = step(out, "Send"), step(out, "State"), step(out, "Balance")
    printed = program.paste(
        send + "echo; for try in $(seq 100); do " + state.strip() + "; echo; sleep 0.1; done | sed '/DLVRD/q'; " + balance
    )
    lines = [json.loads(line) for line in printed.splitlines() if line.strip()]
    assert (lines[0]["result"], lines[0]["total_sent"], lines[0]["remaining_credits"]) == ("OK", 1, 999)
    assert lines[-2]["recipients"][0]["status"] == "DLVRD"
    assert {row["type"]: row["quantity"] for row in lines[-1]["sms"]}["N"] == 999
    story = json.loads(program.dragoman("message", "show", lines[0]["order_id"], "--json").stdout)
    assert story["states"] == {"delivered": 1}
    assert story["messages"][0]["attempts"][0]["outcome"] == "accepted"


def test_files_are_private_and_kept_and_the_installation_is_healthy(program):
    program.running()
    folder = program.folder / "var"
    secret = (folder / "secret_key").read_text()
    assert len(secret.strip()) >= 32
    assert {name: (folder / name).stat().st_mode & 0o777 for name in ("secret_key", "demo.json")} == {
        "secret_key": 0o600,
        "demo.json": 0o600,
    }
    assert folder.stat().st_mode & 0o777 == 0o700
    told = json.loads(program.dragoman("demo", "--json").stdout)
    assert (told["base_url"], told["smsend_base_url"]) == (f"http://{program.bind}", f"http://{program.bind}/API/v1.0/REST/")
    assert f"password={told['password']}'" in program.out
    assert wait_for(lambda: program.dragoman("doctor").returncode == 0), program.dragoman("doctor").stdout
    assert program.dragoman("ledger", "verify").returncode == 0
    assert told["password"] not in program.err
    program.end()
    program.running()
    assert (folder / "secret_key").read_text() == secret
    assert f"password={told['password']}'" in program.out
    assert not [name for name in os.listdir(folder) if name.startswith(".")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all_cleanly(program, number):
    program.running()
    assert len(program.seen) >= 3  # dispatcher, gunicorn, its worker
    os.kill(program.pid, number)
    assert program.ends() == 0
    assert not [pid for pid in program.seen if alive(pid)]
    assert "Traceback" not in program.err


@pytest.mark.parametrize(("command", "name"), [("gunicorn", "web server"), ("gateway.dispatcher", "dispatcher")])
def test_a_dead_child_stops_the_whole(program, command, name):
    program.running()
    os.kill(program.child(command), signal.SIGKILL)
    assert program.ends() == 1
    assert f"The {name} has ended (killed by SIGKILL), so Dragoman stops." in program.err
    assert wait_for(lambda: not [pid for pid in program.seen if alive(pid)])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's signal at a parent's death is Linux's")
def test_nothing_outlives_a_killed_parent(program):
    program.running()
    os.kill(program.pid, signal.SIGKILL)
    program.ends()
    assert wait_for(lambda: not [pid for pid in program.seen if alive(pid)])
    program.running()  # port and database are free again


def test_an_address_in_use_is_told(program):
    with socket.create_server(("127.0.0.1", int(program.bind.rpartition(":")[2]))):
        program.start()
        assert program.ends() == 1
    assert "it cannot listen on" in program.err
    assert "DRAGOMAN_BIND" in program.err
    assert len(program.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("LOG_LEVEL", "loud"), ("DATABASE_URL", "mysql://x"), ("NO_SUCH", "1"), ("DATA_DIR", "/dev/null/var"), ("SECRET_KEY", "short")],
)
def test_a_bad_setting_stops_the_start_before_anything_is_made(program, name, value):
    program.settings[f"DRAGOMAN_{name}"] = value
    program.start()
    assert program.ends() == 2
    assert program.err.startswith(f"DRAGOMAN_{name} ")
    assert len(program.err.splitlines()) == 1
    assert not (program.folder / "var").exists()


def test_a_database_that_is_away_is_told(program):
    program.settings["DRAGOMAN_DATABASE_URL"] = "postgresql://nobody:secret@127.0.0.1:1/none"
    program.start()
    assert program.ends() == 1
    assert program.err.startswith("Dragoman cannot start: the database cannot be used")
    assert len(program.err.splitlines()) == 1
    assert "secret" not in program.err


def test_postgresql_is_migrated_and_served_too(program, postgres_server):
    program.settings["DRAGOMAN_DATABASE_URL"] = postgres_server.create_database()
    program.running()
    assert json.loads(program.paste(step(program.out, "Send")).splitlines()[0])["remaining_credits"] == 999
    assert wait_for(lambda: json.loads(program.dragoman("message", "list", "--state", "delivered", "--json").stdout))
    program.end()
    assert program.ends() == 0
    assert not (program.folder / "var" / "dragoman.sqlite3").exists()


def test_a_socket_file_instead_of_a_port(program):
    program.bind = f"unix:{program.folder / 'web.sock'}"
    program.running()
    assert f"running at {program.bind}" in program.out


def test_importing_app_starts_nothing(program):
    command = [sys.executable, "-c", "import app, threading; print(threading.active_count())"]
    done = subprocess.run(
        command, cwd=program.folder, env=program.environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    assert os.listdir(program.folder) == []


def test_dispatch_ends_with_zero_on_term(program):
    program.settings["DRAGOMAN_SECRET_KEY"] = "a-key-for-tests-that-is-long-enough"
    assert program.dragoman("migrate").returncode == 0
    environment = program.environment | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "dispatch"], cwd=program.folder, env=environment, stderr=subprocess.PIPE
    ) as process:
        assert wait_for(lambda: "is served by" in program.dragoman("doctor").stdout)
        process.terminate()
        assert process.wait(SECONDS) == 0


def test_the_server_answers_while_the_program_says_so(program):
    program.running()
    with urllib.request.urlopen(f"http://{program.bind}/health", timeout=5) as answer:
        assert json.load(answer) == {"status": "ok"}


def test_app_takes_no_arguments() -> None:
    done = subprocess.run([sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "takes no arguments" in done.stderr
