"""Chromium without a window, driven over its own pipe: pages are opened, looked at and clicked, and what they ask for is kept.

The browser starts with an empty profile, resolves no name, and writes a network log that names whoever began a request.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support import programs

PROGRAM = "chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)
OWN_SCHEMES = ("about", "chrome", "chrome-untrusted", "chrome-extension", "devtools", "data", "blob", "file")
"""Schemes that reach no network."""
NO_PAGE = "not an origin"
"""What the network log says of who began a request where it was no page."""


class Refused(AssertionError):
    """The browser answered a command with an error, or a script on the page threw one."""


class Browser:
    """One tab. ``complaints`` are what the page's console and the browser itself had to say: errors and policy violations too."""

    def __init__(self, folder: Path) -> None:
        program = programs.need(PROGRAM, "tests in a browser")
        self._log = folder / "browser.log"
        self._net_log = folder / "net-log.json"
        self.complaints: list[str] = []
        self._number = 0
        self._buffer = b""
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        # The browser reads commands from descriptor 3 and answers on 4; a shell puts them there.
        words = [
            program,
            *FLAGS,
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={self._net_log}",
        ]
        command = f"exec {shlex.join(words)} 3<&{commands} 4>&{answers}"
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                ["bash", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(commands, answers),
                env=os.environ | {"HOME": str(folder)},
            )
        os.close(commands)
        os.close(answers)
        self._session = ""
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.command(f"{domain}.enable")

    def open(self, url: str, width: int, height: int = 900) -> None:
        """Opens a page in a viewport of so many CSS pixels; a width below 500 counts as a telephone."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.command("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """The value of an expression on the page; a promise is waited for."""
        answer = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Refused(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 30.0) -> Any:
        """The expression's value, once it is true.

        Raises:
            NeverCame: it is not after that time.
        """
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            if time.monotonic() > deadline:
                raise programs.NeverCame(f"{script} was never true on the page. Complaints: {self.complaints}")
            time.sleep(0.05)
        return value

    def screenshot(self, path: Path) -> None:
        """What is in the viewport, as PNG."""
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """Ends the browser; after that the network log is whole."""
        try:
            self._session = ""
            self.command("Browser.close")
            self.process.wait(20)
        except (programs.NeverCame, BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self._to)
        os.close(self._from)

    def requested(self) -> set[str]:
        """Every address that a page asked for, by markup, style or script. Only after :meth:`close`.

        What the browser asks on its own account (its maker's services, which no flag stops) names no page as the one who began it;
        nor do the addresses that :meth:`open` was given.
        """
        found = json.loads(self._net_log.read_text(encoding="utf-8", errors="replace"))
        begun = [event["params"] for event in found["events"] if "initiator" in event.get("params", {}) and "url" in event["params"]]
        return {params["url"] for params in begun if params["initiator"] != NO_PAGE and urlsplit(params["url"]).scheme not in OWN_SCHEMES}

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and its result.

        Raises:
            Refused: the browser said no.
            NeverCame: it said nothing.
        """
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise Refused(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _next(self, seconds: float = 60.0) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._from, 65536) if ready else b""
            if not chunk:
                raise programs.NeverCame(f"the browser fell silent. It wrote:\n{self._log.read_text(errors='replace')[-4000:]}")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Log.entryAdded":
            self.complaints.append(str(params["entry"]["text"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:1000])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(each.get("value", each.get("description"))) for each in params["args"]))
