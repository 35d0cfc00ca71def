"""Programs in JavaScript that tests start: their packages, and a folder in which ``import`` finds both.

The packages' versions are in ``tests/e2e/clients/node/package-lock.json``. They are installed once, outside the repository.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import programs

LOCK = programs.ROOT / "tests" / "e2e" / "clients" / "node"
FILES = ("package.json", "package-lock.json")
WHAT_FOR = "tests with programs of customers"
PATIENCE_SECONDS = 180
INSTALL = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]


@pytest.fixture(scope="session")
def node_packages() -> Path:
    """As :func:`packages`."""
    return packages()


def packages() -> Path:
    """The folder ``node_modules`` with what the lock file names. Without npm or its registry the tests that need it are skipped."""
    npm = programs.need("npm", WHAT_FOR)
    wanted = hashlib.sha256(b"".join((LOCK / name).read_bytes() for name in FILES)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dragoman-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"node-{wanted}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test processes one installs, the others wait for it
        if not folder.exists():
            _install(npm, folder)
    return folder / "node_modules"


def copied(source: Path, folder: Path, packages: Path) -> Path:
    """A copy of a program, placed so that it finds its packages."""
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(packages, target_is_directory=True)
    return Path(shutil.copy(source, folder / source.name))


def _install(npm: str, folder: Path) -> None:
    """Appears whole or not at all."""
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for name in FILES:
        shutil.copy(LOCK / name, unfinished)
    try:
        subprocess.run([npm, *INSTALL], cwd=unfinished, capture_output=True, check=True, timeout=PATIENCE_SECONDS)
    except subprocess.SubprocessError:
        # No program has this name: the run says what was missing, and fails where nothing may be.
        programs.need("npm-packages (npm ci failed)", WHAT_FOR)
    unfinished.rename(folder)
