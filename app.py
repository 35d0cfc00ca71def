"""The whole gateway on one machine: ``python app.py``.

Makes what is missing (data folder, signing key, tables, and in an empty database the demo account), then runs the web
server and the dispatcher as child processes until Ctrl-C or TERM. A child that ends stops the whole. Importing this file
starts nothing.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import cast

from gateway import create_app
from gateway.config import MINIMUM_SECRET_LENGTH, PREFIX, SECRET_FILE, BadSetting, Settings
from gateway.domain.errors import GatewayError, StorageUnavailable
from gateway.services.core import Gateway
from gateway.services.demo import is_fresh, prepare_demo, renewed_demo
from gateway.services.schema import upgrade

ROOT = Path(__file__).resolve().parent
DEFAULT_THREADS = "8"
START_SECONDS = 60
POLL_SECONDS = 0.1
LATE_SECONDS = 10
"""A child gets this much longer than its own time for shutting down, then it is killed."""
DONE, FAILED, BAD_SETTING = 0, 1, 2
PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """The text says what is in the way and what to do."""


@dataclass(frozen=True, slots=True)
class Child:
    """One process of the gateway."""

    name: str
    process: subprocess.Popen[bytes]


class Stop:
    """Set by a signal. A plain flag: anything with a lock could stop the handler."""

    asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def main() -> int:
    """Starts all, waits, stops all; the exit code."""
    if len(sys.argv) > 1:
        return fail(
            f"python app.py takes no arguments; its settings come from the environment ({PREFIX}..., see docs/settings.md).", BAD_SETTING
        )
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        environment = child_environment()
        settings = prepare_folder(environment)
        check_address(settings)
        demo = prepare_database(settings)
        return run(settings, environment, demo, stop)
    except BadSetting as error:
        return fail(str(error), BAD_SETTING)
    except StorageUnavailable as error:
        return fail(f"Dragoman cannot start: the database cannot be used ({error}). Start it, or correct {PREFIX}DATABASE_URL.", FAILED)
    except (CannotStart, GatewayError) as error:
        return fail(f"Dragoman cannot start: {error}", FAILED)


def fail(words: str, code: int) -> int:
    """Prints one line for the person at the terminal."""
    print(words, file=sys.stderr, flush=True)
    return code


def child_environment() -> dict[str, str]:
    """The environment of the children: ours, with defaults that suit one machine."""
    defaults = {f"{PREFIX}WEB_THREADS": DEFAULT_THREADS, f"{PREFIX}WEB_WORKERS": "1"}
    if sys.stderr.isatty():
        defaults[f"{PREFIX}LOG_FORMAT"] = "text"
    chosen = {name: value for name, value in defaults.items() if not os.environ.get(name, "").strip()}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | chosen | {"PYTHONPATH": os.pathsep.join(paths)}


def prepare_folder(environment: Mapping[str, str]) -> Settings:
    """Makes the data folder and, where none is set, the signing key. All other settings are checked before anything is made.

    Raises:
        BadSetting
    """
    secret = f"{PREFIX}SECRET_KEY"
    is_set = bool(environment.get(secret, "").strip())
    draft = Settings.from_environment(environment if is_set else {**environment, secret: "x" * MINIMUM_SECRET_LENGTH})
    try:
        draft.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_set:
            keep_secret(draft.data_dir / SECRET_FILE)
    except OSError as error:
        raise BadSetting(f"{PREFIX}DATA_DIR is {draft.data_dir}, which cannot be used: {error.strerror}.") from error
    return Settings.from_environment(environment)


def keep_secret(path: Path) -> None:
    """Makes the signing key unless there is one. The file appears whole, with mode 0600, and is never replaced."""
    if path.exists():
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # O_EXCL, mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another start was faster; its key counts
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()


def check_address(settings: Settings) -> None:
    """Finds out before anything is started that the address cannot be had.

    Raises:
        CannotStart: it is in use, not ours, or not allowed.
    """
    host, _, port = settings.bind.rpartition(":")
    if settings.bind.startswith("unix:"):
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip("[]"), int(port)))
    except OSError as error:
        raise CannotStart(
            f"it cannot listen on {settings.bind} ({error.strerror}). Stop what uses that address, "
            f"or set {PREFIX}BIND to another, such as {PREFIX}BIND=127.0.0.1:8081."
        ) from error


def prepare_database(settings: Settings) -> dict[str, str] | None:
    """Brings the database, SQLite or PostgreSQL, to this version's tables; in an empty one makes the demo account.

    Returns:
        The demo account's credentials, or None where it is not known (any more).

    Raises:
        GatewayError: the database cannot be used.
    """
    app = create_app(settings)
    gateway = cast(Gateway, app.extensions["dragoman"])
    with app.app_context():
        try:
            upgrade(gateway)
            return prepare_demo(gateway) if is_fresh(gateway) else renewed_demo(gateway)
        finally:
            gateway.close()


def run(settings: Settings, environment: Mapping[str, str], demo: dict[str, str] | None, stop: Stop) -> int:
    """Starts both children, tells the user once the web server answers, and waits for a signal or for an end."""
    commands = {
        "web server": [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"],
        "dispatcher": [sys.executable, "-m", "gateway.dispatcher"],
    }
    with running(commands, environment, settings) as children:
        started = wait_until(lambda: answers(settings), children, stop, START_SECONDS)
        if started:
            print(greeting(settings, demo), flush=True)
            wait_until(lambda: False, children, stop, None)
        ended = [child for child in children if child.process.poll() is not None]
        if stop.asked:
            return DONE
        if ended:
            return fail(f"The {ended[0].name} has ended ({how(ended[0])}), so Dragoman stops. Its log above says why.", FAILED)
        return fail(f"The web server gave no answer for {START_SECONDS} s, so Dragoman stops.", FAILED)


@contextmanager
def running(commands: Mapping[str, list[str]], environment: Mapping[str, str], settings: Settings) -> Iterator[list[Child]]:
    """The children, each in a session of its own, so that Ctrl-C at the terminal reaches only this process."""
    children: list[Child] = []
    try:
        for name, command in commands.items():
            children.append(Child(name, start(command, environment)))
        yield children
    finally:
        end(children, settings.graceful_timeout_seconds + LATE_SECONDS)


def start(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """One child. Its output goes to our standard error: standard output is for what the user should read."""
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(), start_new_session=True, preexec_fn=_outlived()
    )


def _outlived() -> Callable[[], None] | None:
    """What a child does before it becomes its program: asks Linux for a TERM should this process die, even by KILL.

    Only raw system calls run between fork and exec; the library is loaded here. Elsewhere than on Linux there is no such call.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(FAILED)

    return ask


def end(children: list[Child], seconds: int) -> None:
    """Asks every child to finish and waits; whoever takes too long is killed."""
    alive = [child.process for child in children if child.process.poll() is None]
    for process in alive:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in alive:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(condition: Callable[[], bool], children: list[Child], stop: Stop, seconds: float | None) -> bool:
    """Whether the condition came true before a signal, the end of a child, or the time limit."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while not stop.asked and all(child.process.poll() is None for child in children):
        if condition():
            return True
        if deadline is not None and time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return False


def answers(settings: Settings) -> bool:
    """Whether the web server says that it lives."""
    connection = _connection(settings.bind)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(bind: str) -> http.client.HTTPConnection:
    if bind.startswith("unix:"):
        connection = http.client.HTTPConnection("localhost", timeout=2)
        with suppress(OSError):  # not there yet: the request then fails, as it should
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.connect(bind.removeprefix("unix:"))
        return connection
    host, _, port = bind.rpartition(":")
    near = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    return http.client.HTTPConnection(near, int(port), timeout=2)


def how(child: Child) -> str:
    """How a child ended."""
    code = child.process.returncode
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def greeting(settings: Settings, demo: dict[str, str] | None) -> str:
    """What the user needs next: address, credentials, lines to paste into another shell."""
    head = f"\nDragoman is running at {settings.base_url or settings.bind}  (Ctrl-C stops it)\n"
    if demo is None:
        return f"{head}\nFor an account to try it with, run in another shell: dragoman demo\n"
    return head + CURL_LINES.format_map(demo | {"rest": demo["smsend_base_url"].rstrip("/")})


CURL_LINES = """
  Base URL for smSend programs   {smsend_base_url}
  User name                      {username}
  Password                       {password}

Paste these lines into another shell, one after the other.

# Log in: prints user_key;Session_key
curl -s '{rest}/login?username={username}&password={password}'

# Send: keeps the two keys, then prints the answer and keeps its order_id
KEYS=$(curl -s '{rest}/login?username={username}&password={password}')
SENT=$(curl -s -H "user_key: ${{KEYS%;*}}" -H "Session_key: ${{KEYS#*;}}" -H 'Content-Type: application/json' \
-d '{{"message_type":"N","message":"Hello world!","recipient":["+393471234567"],"returnRemaining":true}}' {rest}/sms); echo "$SENT"
ORDER=$(echo "$SENT" | sed 's/.*"order_id" *: *"\\([^"]*\\)".*/\\1/')

# State: WAITING at first, DLVRD a second or two later
curl -s -H "user_key: ${{KEYS%;*}}" -H "Session_key: ${{KEYS#*;}}" "{rest}/sms/$ORDER"

# Balance
curl -s -H "user_key: ${{KEYS%;*}}" -H "Session_key: ${{KEYS#*;}}" '{rest}/status?getMoney=true&typeAliases=true'

# The same account from programs of other kinds; every call is described at {base_url}/docs
# brevis.one
curl -s '{base_url}/api.php?username={username}&password={password}&mode=number&to=%2B393471234567&text=Hello'; echo
# SMS Nodes
curl -s -H 'Content-Type: application/json' -d '{{"deviceUsername":"{device}","password":"{device_password}",\
"phoneNumbers":["+393471234567"],"message":"Hello"}}' {base_url}/api/send-sms; echo
# Bulk v2
curl -s -H 'X-API-Key: {v2_api_key}' -d 'numbers=%2B393471234567&message_body=Hello' {base_url}/api/v2/sms/send; echo
# httpSMS
curl -s -H 'x-api-key: {api_key}' -H 'Content-Type: application/json' \
-d '{{"from":"{phone}","to":"+18005550100","content":"Hello"}}' {base_url}/v1/messages/send; echo
"""


if __name__ == "__main__":
    sys.exit(main())
