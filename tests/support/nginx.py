"""The shipped nginx configuration, run for a test: same file, other ports, paths and certificate."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
from pathlib import Path

from tests.support import programs

SHIPPED = programs.ROOT / "deploy" / "nginx" / "dragoman.conf"
AROUND = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/start.log warn;
events {{ worker_connections 2048; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/dragoman.conf;
}}
"""


class NginxServer:
    """One nginx. ``tls`` is a client context that trusts its certificate (made for ``localhost`` and 127.0.0.1)."""

    def __init__(self, program: str, openssl: str, folder: Path, upstream: str, events: str) -> None:
        """Starts it before the gateway.

        Args:
            folder: an empty one, for configuration, certificate and logs.
            upstream: ``127.0.0.1:PORT`` or ``unix:/path``.
            events: the same, of the process that holds event streams.
        """
        self.folder = folder
        self.http_port, self.tls_port = programs.free_port(), programs.free_port()
        self.certificate = folder / "certificate.pem"
        _make_certificate(openssl, folder)
        (folder / "dragoman.conf").write_text(self._rendered(upstream, events), encoding="utf-8")
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user), encoding="utf-8")
        self._command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        self.tls = ssl.create_default_context(cafile=str(self.certificate))
        self.start()

    def check(self) -> str:
        """What ``nginx -t`` says of the configuration."""
        done = subprocess.run([*self._command, "-t"], capture_output=True, text=True, check=False)
        return done.stderr

    def start(self) -> None:
        """Starts nginx."""
        output = self.folder / "output"
        with output.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        programs.wait_for_port(self.http_port, self.process, output)
        programs.wait_for_port(self.tls_port, self.process, output)

    def stop(self) -> None:
        """Ends nginx."""
        programs.end(self.process, signal.SIGTERM)

    def log(self) -> str:
        """Everything nginx has written: access, errors, output."""
        files = sorted([*self.folder.glob("*.log"), self.folder / "output"])
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def _rendered(self, upstream: str, events: str) -> str:
        """The shipped file with this server's values. Each pattern must still be found in it."""
        text = SHIPPED.read_text(encoding="utf-8")
        for pattern, new in {
            r"^ *listen \[::\].*\n": "",  # a machine without IPv6 refuses them
            r"listen 80 ": f"listen 127.0.0.1:{self.http_port} ",
            r"listen 443 ": f"listen 127.0.0.1:{self.tls_port} ",
            r"server 127\.0\.0\.1:8080 ": f"server {upstream} ",
            r"server 127\.0\.0\.1:8089 ": f"server {events} ",
            r"/etc/dragoman/tls/fullchain\.pem": str(self.certificate),
            r"/etc/dragoman/tls/privkey\.pem": str(self.folder / "key.pem"),
            r"/var/log/nginx/": f"{self.folder}/",
        }.items():
            text, count = re.subn(pattern, new, text, flags=re.MULTILINE)
            assert count, f"{SHIPPED} has no {pattern!r}; tests/support/nginx.py fills it in"
        return text


def start(folder: Path, upstream: str, events: str | None = None) -> NginxServer:
    """A new nginx. The caller calls ``stop()``. Without ``events`` nothing listens where event streams go first."""
    what_for = "tests behind nginx"
    nowhere = f"127.0.0.1:{programs.free_port()}"
    return NginxServer(programs.need("nginx", what_for), programs.need("openssl", what_for), folder, upstream, events or nowhere)


def _make_certificate(openssl: str, folder: Path) -> None:
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run([openssl, "req", *kind, *names, *files], check=True, capture_output=True)
