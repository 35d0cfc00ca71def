"""Jasmin 0.11.1 as our SMSC, with RabbitMQ and Redis of its own, and the fake SMSC as the carrier behind it.

What we submit to Jasmin's SMPP server goes on through its SMPP client to the fake SMSC: what that got is what "the other side saw". The
fake SMSC's receipts and inbound messages come back the same way. DRAGOMAN_TEST_JASMIN_VENV names a virtual environment that holds jasmin;
without it one is made with ``pip install jasmin==0.11.1`` in the cache.
"""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from tests.interop.peer import Peer, Seen
from tests.support import programs, redis
from tests.support.smsc import Smsc, Submitted
from tests.support.smsc.codec import HAS_HEADER, Short
from tests.support.smsc.texts import gsm_octets

VERSION = "0.11.1"
WHAT_FOR = "Jasmin"
RABBIT_FOLDERS = ("/usr/lib/rabbitmq/bin", "/usr/local/lib/rabbitmq/bin", "/opt/rabbitmq/sbin")
SPEC = "site-packages/txamqp/specs/standard/amqp0-9-1.stripped.xml"
FLAGS = ("--enable-dlr-thrower", "--enable-dlr-lookup", "--enable-deliver-thrower")
CARRIER_PASSWORD = "up5tream"
MENDED = Path(__file__).parent / "jasmind_mended.py"


class Rabbit:
    """RabbitMQ on free ports, its state in ``folder``."""

    def __init__(self, folder: Path) -> None:
        script = next((Path(each) / "rabbitmq-server" for each in RABBIT_FOLDERS if (Path(each) / "rabbitmq-server").exists()), None)
        program = str(script) if script else programs.need("rabbitmq-server", WHAT_FOR)
        self.port, distribution, self._epmd = (programs.free_port() for _ in range(3))
        (folder / "env").touch()
        (folder / "plugins").write_text("[].")
        self._environment = os.environ | {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"interop{secrets.token_hex(3)}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }
        output = folder / "out"
        with output.open("wb") as log:
            self._process = subprocess.Popen([program], env=self._environment, stdout=log, stderr=log, start_new_session=True)
        try:
            programs.wait_for_port(self.port, self._process, output, 120)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends it and the name server that Erlang started for it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        epmd = programs.find("epmd")
        if epmd:
            subprocess.run([epmd, "-port", str(self._epmd), "-kill"], env=self._environment, capture_output=True, check=False)


class Jasmin(Peer):
    """All of it, in ``folder``."""

    name: ClassVar[str] = f"Jasmin {VERSION}"
    ways: ClassVar[tuple[str, ...]] = ("udh8", "udh16", "sar")
    defects: ClassVar[tuple[str, ...]] = (
        "as published, every receipt of its carrier is lost: managers/listeners.py reads _pdu.response (jookies/jasmin issue 1236). It was "
        "started with those lines mended; texts, octets and inbound messages are the same without",
        "message_payload is left out: it answers submit_sm with 0 and then drops what is longer than 254 octets (a ValueError in its log)",
    )

    def __init__(self, folder: Path) -> None:
        for each in ("rabbit", "redis", "log", "store"):
            (folder / each).mkdir()
        self._references = 0
        self._ends = ExitStack()
        try:
            self._start(folder)
            self._set_up()
        except BaseException:
            self._ends.close()
            raise

    def _start(self, folder: Path) -> None:
        rabbit = Rabbit(folder / "rabbit")
        self._ends.callback(rabbit.close)
        store = redis.start(folder / "redis")
        self._ends.callback(store.stop)
        self.carrier = self._ends.enter_context(Smsc(system_id="carrier", password=CARRIER_PASSWORD))
        self.port, self._jcli = programs.free_port(), programs.free_port()
        python, log = environment_python(), folder / "jasmind.out"
        config = folder / "jasmin.cfg"
        config.write_text(self._config(folder, python, rabbit.port, store.port))
        variables = {"ROOT_PATH": str(folder), "LOG_PATH": str(folder / "log"), "CONFIG_PATH": str(folder), "RESOURCE_PATH": str(folder)}
        command = [str(python), str(MENDED), str(python.parent / "jasmind.py"), "-c", str(config), *FLAGS]
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=os.environ | variables, cwd=folder, stdout=output, stderr=output)
        self._ends.callback(programs.end, process, signal.SIGTERM, 20)
        programs.wait_for_port(self._jcli, process, log, 120)
        programs.wait_for_port(self.port, process, log, 60)

    def _config(self, folder: Path, python: Path, rabbit_port: int, redis_port: int) -> str:
        """The text of jasmin.cfg: every port our own, nothing but loopback."""
        names = ("http-api", "router", "client-management", "smpp-server-pb")
        sections: dict[str, dict[str, object]] = {name: {"bind": "127.0.0.1", "port": programs.free_port()} for name in names}
        for name in ("router", "client-management"):
            sections[name]["store_path"] = folder / "store"
        sections["smpp-server"] = {"bind": "127.0.0.1", "port": self.port}
        sections["jcli"] = {"bind": "127.0.0.1", "port": self._jcli, "authentication": "no"}
        sections["redis-client"] = {"host": "127.0.0.1", "port": redis_port}
        spec = next((python.parent.parent / "lib").glob(f"python3*/{SPEC}"))
        sections["amqp-broker"] = {"host": "127.0.0.1", "port": rabbit_port, "spec": spec}
        lines = ([f"[{name}]", *(f"{key} = {value}" for key, value in values.items())] for name, values in sections.items())
        return "\n".join(itertools.chain(*lines)) + "\n"

    def _set_up(self) -> None:
        """A user for us, a client connector to the carrier, and the routes between them."""
        connector = ("cid carrier", "host 127.0.0.1", f"port {self.carrier.port}", "username carrier", f"password {CARRIER_PASSWORD}")
        told = self._tell(
            "group -a", "gid ours", "ok",
            "user -a", "username gateway", "password pa55word", "uid gateway", "gid ours", "ok",
            "smppccm -a", *connector, "submit_throughput 0", "con_fail_delay 1", "ok",
            "smppccm -1 carrier",
            "mtrouter -a", "type defaultroute", "connector smppc(carrier)", "rate 0.0", "ok",
            "morouter -a", "type defaultroute", "connector smpps(gateway)", "ok",
        )  # fmt: skip
        try:
            self.carrier.wait_for(self.carrier.bound, 60)
        except TimeoutError as error:
            raise programs.NeverCame(f"Jasmin is not bound to its carrier. Its console said:\n{told}") from error

    def _tell(self, *commands: str) -> str:
        """Types commands into Jasmin's console, each after the prompt for it; what it said."""
        with socket.create_connection(("127.0.0.1", self._jcli), 20) as console:
            said = _until(console, (b"Session ref",))
            for command in commands:
                console.sendall(command.encode() + b"\r\n")
                said += _until(console, (b"jcli : ", b"\n> "))
        return said.decode(errors="replace")

    def settings(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port}

    def seen(self) -> list[Seen]:
        return [_seen(each) for each in list(self.carrier.submitted)]

    def is_bound(self) -> bool:
        """As Jasmin's console counts the user's binds."""
        rows = (line.split() for line in self._tell("stats --users").splitlines())
        return any(row[0] == "#gateway" and row[1] != "0" for row in rows if len(row) > 1)

    def deliver(self, parts: Sequence[str], coding: int, source: str, destination: str) -> None:
        self._references += 1
        for position, text in enumerate(parts, 1):
            header = bytes((5, 0, 3, self._references, len(parts), position)) if len(parts) > 1 else b""
            octets = gsm_octets(text) if coding == 0 else text.encode("utf-16-be")
            esm_class = HAS_HEADER if header else 0
            short = Short(source, destination, header + octets, source_ton=1, source_npi=1, esm_class=esm_class, data_coding=coding)
            self.carrier.on_thread(partial(self.carrier.hand, short, is_receipt=False))

    def troubles(self) -> list[str]:
        return [f"Jasmin to its carrier: {each.words}" for each in self.carrier.violations]

    def close(self) -> None:
        self._ends.close()


def _seen(each: Submitted) -> Seen:
    _, *place = each.part.place or (None,)
    reference, total, position = place if place else (0, 0, 0)
    whereabouts = (int(reference), int(total), int(position)) if total else None
    return Seen(each.short.destination, each.part.header, each.part.octets, each.short.data_coding, whereabouts, each.part.text)


def _until(console: socket.socket, ends: Sequence[bytes]) -> bytes:
    """What the console says up to one of these."""
    said = b""
    while not any(each in said[-200:] for each in ends):
        more = console.recv(65536)
        if not more:
            break
        said += more
    return said


def environment_python() -> Path:
    """The Python of an environment with jasmin."""
    given = os.environ.get("DRAGOMAN_TEST_JASMIN_VENV")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dragoman-tests"
    folder = Path(given) if given else cache / f"jasmin-{VERSION}"
    if not (folder / "bin" / "jasmind.py").exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-qq", "install", f"jasmin=={VERSION}"]
        subprocess.run(install, check=True, timeout=1200)
    return folder / "bin" / "python"
