"""The live tests of PyPI's ``android-sms-gateway`` 4.3.3, unchanged, against our server in place of the program's own.

They are in its source package, which is fetched once with what ``tests/e2e/clients/android/requirements.txt`` locks.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.connectors import made
from gateway.services import connectors, handsets, pairing
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.handsets import Hardware
from tests.support import gunicorn, programs
from tests.support.databases import FixedClock

LOCK = programs.ROOT / "tests" / "e2e" / "clients" / "android" / "requirements.txt"
PACKAGE = "android-sms-gateway"
WHAT_FOR = "tests with the program's own client"
PATIENCE_SECONDS = 180


def client() -> Path:
    """A folder with the unpacked source package in ``source`` and what it needs in ``packages``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dragoman-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"android-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            _fetch(unfinished)
            unfinished.rename(folder)
    return folder


def _fetch(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    locked = ["--require-hashes", "-r", str(LOCK)]
    try:
        options = {"capture_output": True, "check": True, "timeout": PATIENCE_SECONDS}
        subprocess.run([*pip, "install", "--target", str(folder / "packages"), *locked], **options)  # type: ignore[call-overload]
        fetched = [*pip, "download", "--no-deps", "--no-binary", PACKAGE, "--dest", str(folder), *locked]
        subprocess.run(fetched, **options)  # type: ignore[call-overload]
    except subprocess.SubprocessError:
        programs.need("python-packages (pip download failed)", WHAT_FOR)
    (archive,) = folder.glob("android*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (unpacked,) = folder.glob("android*/")
    unpacked.rename(folder / "source")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_its_own_live_tests_pass(gateway: Gateway, clock: FixedClock, tmp_path: Path) -> None:
    found = client()
    clock.moment = datetime.now(UTC)
    connectors.add(gateway, "drawer", "android", Changes(), lambda kind, stored: made(kind, stored, gateway.settings), enabled=True)
    registered = pairing.by_token(gateway, pairing.open_pairing(gateway, "drawer", "android").token, Hardware("ACME"), "")
    web = gunicorn.start(tmp_path, {"DRAGOMAN_DATABASE_URL": gateway.settings.database_url, "DRAGOMAN_SECRET_KEY": gunicorn.SECRET})
    try:
        own = {"API_LOGIN": registered.login, "API_PASSWORD": registered.password or "", "API_BASE_URL": f"http://{web.bind}/api/mobile/v1"}
        paths = {"PYTHONPATH": os.pathsep.join(map(str, (found / "source", found / "packages")))}
        command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "no:cacheprovider", "-v", "tests/test_client.py"]
        done = subprocess.run(
            command, cwd=found / "source", env=gunicorn.clean_environment() | own | paths, capture_output=True, text=True, check=False
        )
    finally:
        web.stop()
    live = re.findall(r"::TestAPIClient::(\w+) PASSED", done.stdout)
    assert live == ["test_webhook_create", "test_webhook_create_invalid_url", "test_webhook_get", "test_webhook_delete"], done.stdout
    assert done.returncode == 0, done.stdout
    assert handsets.serving(gateway, "drawer").settings[handsets.WEBHOOKS] == []
