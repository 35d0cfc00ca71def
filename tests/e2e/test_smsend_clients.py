"""Whole programs, each in its own process, unchanged but for the base URL."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.clients.town import DOORS, Town, running
from tests.support import programs

HERE = Path(__file__).resolve().parent / "clients"
BASE_URL = re.compile(r"https?://(app\.gateway\.smsend|api\.skebby)\.it/API/v1\.0/REST/")


@pytest.fixture(scope="module")
def town(sqlite_template: Path, nginx_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running(sqlite_template, tmp_path_factory.mktemp("town")) as town:
        yield town
        assert town.faults() == []


def run(town: Town, door: str, command: list[str], source: str, folder: Path, *arguments: str) -> str:
    """Runs a copy of the program with our base URL; what it prints."""
    text, count = BASE_URL.subn(town.base_url(door), (HERE / source).read_text(encoding="utf-8"))
    assert count == 1, "exactly one line is the customer's to change"
    copy = folder / source
    copy.write_text(text, encoding="utf-8")
    certificate = str(town.front.certificate)
    trust = {"REQUESTS_CA_BUNDLE": certificate, "PERL_LWP_SSL_CA_FILE": certificate, "no_proxy": "*"}
    done = subprocess.run(
        [*command, str(copy), *arguments], env=os.environ | trust, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def need_module(command: list[str], name: str) -> None:
    """Ends the test where an interpreter lacks a module, as :func:`programs.need` does for a program."""
    if subprocess.run(command, capture_output=True, check=False).returncode:
        programs.need(name, "tests with programs of customers")


@pytest.mark.parametrize("door", DOORS)
def test_php(town: Town, door: str, tmp_path: Path) -> None:
    php = programs.need("php", "tests with programs of customers")
    need_module([php, "-r", "exit(function_exists('curl_init') ? 0 : 1);"], "php-curl")
    command = [php, "-d", f"curl.cainfo={town.front.certificate}", "-d", "error_reporting=E_ALL&~E_DEPRECATED"]
    assert run(town, door, command, "quickstart.php", tmp_path) == "sent 6 refused 400 MISSING_PARAMETER\n"


@pytest.mark.parametrize("door", DOORS)
def test_perl(town: Town, door: str, tmp_path: Path) -> None:
    perl = programs.need("perl", "tests with programs of customers")
    need_module([perl, "-MLWP::Protocol::https", "-MJSON::PP", "-e", "1"], "perl-lwp")
    assert run(town, door, [perl], "quickstart.pl", tmp_path) == "sent 1 refused 400 MISSING_PARAMETER\n"


@pytest.mark.parametrize("door", DOORS)
def test_python_requests(town: Town, door: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("requests") is None:
        programs.need("python-requests", "tests with programs of customers")
    assert run(town, door, [sys.executable], "quickstart.py", tmp_path) == "sent 1 refused 400 MISSING_PARAMETER\n"


@pytest.mark.parametrize("door", DOORS)
def test_skebby_sdk(town: Town, door: str, tmp_path: Path) -> None:
    """The published package; its host is the one thing it lets nobody configure, so that one line is set from outside."""
    if importlib.util.find_spec("skebby_sdk") is None:
        programs.need("skebby-sdk", "tests with programs of customers")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y%m%d%H%M%S")
    assert run(town, door, [sys.executable], "skebby.py", tmp_path, tomorrow) == "sent 2 and 2\n"
