"""Looks after the gateway as two generations of a plug-in do: one reads lines by their number, the other by their name."""

import re
import sys

import requests  # type: ignore[import-untyped, unused-ignore]

answer = requests.get(sys.argv[1] + "/check.php", timeout=5)
lines = answer.text.splitlines()
assert lines[0].startswith("que:"), lines
assert re.fullmatch(r"signal: *-?[0-9]+ ?d[bB]", lines[2]), lines
assert re.fullmatch(r"load: *[0-9.]+;[0-9.]+;[0-9.]+", lines[5]), lines
named = {name: value.strip() for name, value in (line.split(":") for line in lines if line.count(":") == 1)}
assert list(named) == ["que", "failed", "signal", "total", "state", "load", "time", "disk", "uptime"], lines
for name in ("que", "failed", "total", "disk"):
    int(named[name])
int(re.sub("d[bB]", "", named["signal"]))
state = requests.get(sys.argv[1] + "/check.php?option=state", timeout=5).text
assert state == named["state"] == "SIGNAL_OK", state
sys.stdout.write(f"{answer.text.strip()}\n{answer.status_code}\n")
