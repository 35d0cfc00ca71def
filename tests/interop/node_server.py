"""The SMSC made of the npm package ``smpp``."""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import ipaddress
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.interop.peer import Peer, Seen
from tests.support import programs

HERE = Path(__file__).parent / "node"
FILES = ("package.json", "package-lock.json")
WHAT_FOR = "SMPP with the npm package smpp"
INSTALL = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]


class NodeSmsc(Peer):
    """Runs it in ``folder``; with ``tls`` it speaks TLS with a certificate for localhost that nobody else trusts."""

    name: ClassVar[str] = "npm smpp 0.5.1"

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        node = programs.need("node", WHAT_FOR)
        (folder / "node_modules").symlink_to(packages(), target_is_directory=True)
        program = shutil.copy(HERE / "server.js", folder / "server.js")
        self._certificate = certificate(folder) if tls else None
        files = [str(path) for path in self._certificate] if self._certificate else []
        self._process = subprocess.Popen([node, str(program), *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, text=True)
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._references = 0
        self.port = int(self._wait_for("listening")["port"])

    def settings(self) -> dict[str, Any]:
        more = {"tls": True, "tls_ca_file": str(self._certificate[1]), "tls_server_name": "localhost"} if self._certificate else {}
        return {"host": "127.0.0.1", "port": self.port, **more}

    def seen(self) -> list[Seen]:
        return [
            Seen(each["destination"], *_split(each), each["coding"], _place(each), each["text"])
            for each in list(self.events)
            if each["event"] == "submit_sm"
        ]

    def is_bound(self) -> bool:
        events = list(self.events)
        return sum(each["event"] == "bind" for each in events) > sum(each["event"] == "close" for each in events)

    def deliver(self, parts: Sequence[str], coding: int, source: str, destination: str) -> None:
        self._references += 1
        told = {"parts": parts, "data_coding": coding, "source": source, "destination": destination, "reference": self._references}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()

    def troubles(self) -> list[str]:
        wrong = [f"npm smpp: {each['words']}" for each in self.events if each["event"] == "error"]
        refused = sum(each["event"] == "answered" and each["status"] != 0 for each in self.events)
        if self._certificate and not all(each["encrypted"] for each in self.events if each["event"] == "bind"):
            wrong.append("a bind was not encrypted")
        return wrong + ([f"{refused} deliver_sm were refused by us"] if refused else [])

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(10)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.events.append(json.loads(line))

    def _wait_for(self, event: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for each in self.events:
                if each["event"] == event:
                    return each
            time.sleep(0.01)
        raise programs.NeverCame(f"no {event} from the npm server; exit code {self._process.poll()}")


def _split(each: dict[str, Any]) -> tuple[bytes, bytes]:
    """The user data header and what follows it, as octets."""
    octets = bytes.fromhex(each["octets"] or "")
    end = octets[0] + 1 if each["esm_class"] & 0x40 else 0
    return octets[:end], octets[end:]


def _place(each: dict[str, Any]) -> tuple[int, int, int] | None:
    """Where it belongs: by the header as the library read it, or by SAR."""
    for element in (bytes.fromhex(each_header) for each_header in each["headers"]):
        if element[0] == 0x00:
            return element[2], element[3], element[4]
        if element[0] == 0x08:
            return int.from_bytes(element[2:4], "big"), element[4], element[5]
    reference, total, position = each["sar"]
    return (int(reference), int(total), int(position)) if total else None


def packages() -> Path:
    """The folder with what ``package-lock.json`` names; installed once, outside the repository."""
    npm = programs.need("npm", WHAT_FOR)
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dragoman-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"smpp-{wanted}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            for name in FILES:
                shutil.copy(HERE / name, unfinished)
            try:
                subprocess.run([npm, *INSTALL], cwd=unfinished, capture_output=True, check=True, timeout=180)
            except subprocess.SubprocessError:
                programs.need("npm-packages (npm ci failed)", WHAT_FOR)
            unfinished.rename(folder)
    return folder / "node_modules"


def certificate(folder: Path) -> tuple[Path, Path]:
    """The paths of a new key and of a certificate for localhost signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "key.pem", folder / "cert.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths[0].write_bytes(private)
    paths[1].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return paths
