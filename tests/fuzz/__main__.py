"""Starts the gateway on SQLite with the demo account and lets schemathesis loose on it.

    python -m tests.fuzz SCHEMATHESIS [--seconds 120] [--tag DIALECT ...] [--all-checks]

Ends with 1 when an answer was 500, when the log tells of a defect, or when the ledger does not add up afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.customer import gateway_on
from bench.load import gunicorn
from gateway.dialects import DIALECTS
from gateway.services import accounts, demo, identity, ledger
from gateway.services.identity import Password
from gateway.services.keys import MOST_CALLS_PER_MINUTE

HOOKS = "tests.fuzz.hooks"
ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "DRAGOMAN_SECRET_KEY": "only-for-tests-never-elsewhere",
    "DRAGOMAN_GUESSES_PER_MINUTE_USER": "100000",
    "DRAGOMAN_GUESSES_PER_MINUTE_ADDRESS": "100000",
    "DRAGOMAN_BULK_CALLS_PER_MINUTE": "100000",
    "DRAGOMAN_BULK_KEY_CALLS_PER_MINUTE": "100000",
    "DRAGOMAN_LOG_LEVEL": "warning",
}
DESTRUCTIVE = ("/v1/users/me", "/pwdreset", "api-keys", "/api/revoke-key", "/api/regenerate-key")
"""Calls that would shut the caller out: they are tried last, in a run of their own."""


def main() -> None:
    """Runs both passes and looks at what they left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("schemathesis", type=Path)
    parser.add_argument("--seconds", type=int, default=120, help="time for the first pass; the second has a quarter of it")
    parser.add_argument("--tag", action="append", default=[], choices=[each.name for each in DIALECTS])
    parser.add_argument("--all-checks", action="store_true", help="also compare statuses and bodies with the document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/fuzz.sqlite3"
        settings = SETTINGS | {"DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_DATA_DIR": folder}
        credentials = prepare(url, Path(folder))
        with gunicorn("wsgi:app", settings, 1) as base:
            codes = [run(options, base, credentials | {"FUZZ_FOLDER": folder}, exclude=exclude) for exclude in (True, False)]
            answers = urllib.request.urlopen(base + "/metrics", timeout=10).read().decode()
        with gateway_on(url) as gateway:
            faults = list(ledger.verify(gateway))
    tell(answers)
    print(f"ledger faults: {len(faults)}")
    sys.exit(1 if any(codes) or faults else 0)


def prepare(url: str, folder: Path) -> dict[str, str]:
    """The demo account with limits that are not met, and the headers that open every door."""
    with gateway_on(url) as gateway:
        object.__setattr__(gateway.settings, "data_dir", folder)
        made = demo.prepare_demo(gateway)
        for name in (made["username"], made["device"]):
            accounts.set_user_limits(gateway, name, lambda terms: replace(terms, calls_per_minute=MOST_CALLS_PER_MINUTE))
        token = identity.access_token(gateway, [Password(made["username"], made["password"])], "")
    headers = {"user_key": token.user_key, "Access_token": token.key}
    return {"FUZZ_DEMO": json.dumps(made), "FUZZ_HEADERS": json.dumps(headers)}


def tell(answers: str) -> None:
    """Prints how often each dialect answered with each status: good credentials must have opened doors."""
    counted: Counter[tuple[str, str]] = Counter()
    for dialect, status, count in re.findall(r'dragoman_requests_total\{dialect="(\w*)",.*status="(\d+)"\} ([0-9.e+]+)', answers):
        counted[dialect or "gateway", status] += int(float(count))
    for dialect in sorted({dialect for dialect, _ in counted}):
        print(f"{dialect}: " + ", ".join(f"{count} x {status}" for (name, status), count in sorted(counted.items()) if name == dialect))


def run(options: argparse.Namespace, base: str, credentials: Mapping[str, str], *, exclude: bool) -> int:
    """One pass; schemathesis' exit code."""
    seconds = options.seconds if exclude else options.seconds // 4
    kind = "--exclude-path-regex" if exclude else "--include-path-regex"
    checks = "no_defect" + (",status_code_conformance,content_type_conformance,response_schema_conformance" if options.all_checks else "")
    command = [
        str(options.schemathesis.absolute()), "run", base + "/openapi.json", "--url", base, "--checks", checks, "--max-time", str(seconds),
        "--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--warnings", "off", "--suppress-health-check", "all",
        kind, "|".join(DESTRUCTIVE),
    ]  # fmt: skip
    for tag in options.tag:
        command += ["--include-tag", tag]
    environment = os.environ | dict(credentials) | {"SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, cwd=credentials["FUZZ_FOLDER"], check=False).returncode


if __name__ == "__main__":
    main()
