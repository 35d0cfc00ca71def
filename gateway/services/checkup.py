"""Is this installation fit to carry messages? One function for each thing that can be wrong.

Each answers with what it saw and, where something must be done, with what to do. Nothing here changes anything
but a file that is written and removed again.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from sqlalchemy.engine import make_url

from gateway.config import SECRET_FILE
from gateway.domain.errors import StorageUnavailable
from gateway.domain.handset import TELEPHONES
from gateway.services.core import Gateway
from gateway.services.schema import schema
from gateway.services.standings import standings
from gateway.storage import condition
from gateway.storage.tables import TEST_CONNECTOR

GOOD_SECRET_LENGTH = 32
LEAST_FREE_BYTES = 512 * 1024 * 1024
MOST_CLOCK_DIFFERENCE = timedelta(seconds=2)
FUTURE_TOLERANCE = timedelta(seconds=30)
BUILT = datetime(2025, 1, 1, tzinfo=UTC)
"""No honest clock shows an earlier time: this code did not exist."""
CLOCK_SAMPLE_SECONDS = 0.1
MOST_CLOCK_DRIFT_SECONDS = 0.05
REDIS_TIMEOUT_SECONDS = 2
_FITTING = {
    "journal_mode": {"wal"},
    "synchronous": {"2", "3"},  # FULL, EXTRA
    "synchronous_commit": {"on", "remote_write", "remote_apply"},
    "fsync": {"on"},
    "full_page_writes": {"on"},
}
_CURES = {"journal_mode": "wal", "synchronous": "FULL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw. ``todo`` is empty when all is well."""

    name: str
    seen: str
    todo: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing must be done."""
        return not self.todo


def examine(gateway: Gateway) -> Iterator[Finding]:
    """Every check in turn. Those that need the database are left out while it cannot be used."""
    found = list(_reachable(gateway))
    yield from found
    if all(finding.ok for finding in found):
        for check in _ON_THE_DATABASE:
            yield from check(gateway)
    for check in _ON_THIS_MACHINE:
        yield from check(gateway)


def _reachable(gateway: Gateway) -> Iterator[Finding]:
    try:
        found = schema(gateway)
        if found.at is None:
            yield Finding("database", "has no tables yet", "run: dragoman migrate")
            return
        with gateway.reading() as session:
            yield Finding("database", condition.server_words(session))
    except StorageUnavailable as error:
        yield Finding("database", f"cannot be reached ({error})", "start it, or correct DRAGOMAN_DATABASE_URL")
        return
    todo = "" if found.is_current else "run: dragoman migrate"
    yield Finding("migrations", f"at {found.at}, this version needs {found.head}", todo)


def _durability(gateway: Gateway) -> Iterator[Finding]:
    with gateway.reading() as session:
        settings = condition.durability(session)
    wrong = [name for name, value in settings.items() if value not in _FITTING[name]]
    seen = ", ".join(f"{name} {value}" for name, value in settings.items())
    cures = ", ".join(f"{name} to {_CURES.get(name, 'on')}" for name in wrong)
    todo = f"set {cures}: an accepted order could be lost in a power cut" if wrong else ""
    yield Finding("durability", seen, todo)


def _database_clock(gateway: Gateway) -> Iterator[Finding]:
    with gateway.reading() as session:
        theirs = condition.clock(session)
        ours = gateway.clock.now()
    if theirs is not None:
        apart = abs(theirs - ours)
        todo = "set both clocks by NTP" if apart > MOST_CLOCK_DIFFERENCE else ""
        yield Finding("database clock", f"{apart.total_seconds():.3f} s from ours", todo)


def _clock_went_back(gateway: Gateway) -> Iterator[Finding]:
    with gateway.reading() as session:
        newest = condition.newest_use(session)
    if newest is not None and newest > gateway.clock.now() + FUTURE_TOLERANCE:
        yield Finding("history", f"a session was used at {newest:%Y-%m-%d %H:%M:%S} UTC, which is yet to come", "set the clock by NTP")


def _dispatcher(gateway: Gateway) -> Iterator[Finding]:
    with gateway.reading() as session:
        connectors = condition.enabled_connectors(session)
    if all(name == TEST_CONNECTOR for name, *_ in connectors):
        yield Finding("dispatcher", "no connector is enabled but the one of test mode", "enable a connector: messages cannot be accepted")
    away = {name: each.note for name, each in standings(gateway).items() if each.is_connected is False}
    for name, kind, owner, until in connectors:
        yield Finding("dispatcher", *_served(name, kind, owner if until is not None and until > gateway.clock.now() else None, away))


def _served(name: str, kind: str, owner: str | None, away: Mapping[str, str]) -> tuple[str, str]:
    """Whether somebody serves a connector and reaches its carrier, and what to do if not."""
    if kind in TELEPHONES:
        seen = "calls" if owner else "has not called lately"
        return f"the telephone of connector {name} {seen}", "" if owner else "see its page in docs/connectors; dragoman handset list"
    if owner is None:
        return f"nobody serves connector {name}", "start one: dragoman dispatch"
    if name in away:
        words = f": {away[name]}" if away[name] else ""
        return f"connector {name} is served by {owner} and does not reach its carrier{words}", f"dragoman connector show {name}"
    return f"connector {name} is served by {owner}", ""


def _unknown(gateway: Gateway) -> Iterator[Finding]:
    with gateway.reading() as session:
        counts = condition.unknown_messages(session)
    if not counts:
        yield Finding("unknown outcomes", "none")
    for connector, count in counts.items():
        todo = "look at them: dragoman unknown list; ask the carrier; then dragoman unknown settle or resend"
        yield Finding("unknown outcomes", f"{count} on connector {connector}", todo)


def _redis(gateway: Gateway) -> Iterator[Finding]:
    if not gateway.settings.redis_url:
        yield Finding("redis", "not configured; each process counts its limits for itself")
        return
    try:
        with redis.Redis.from_url(
            gateway.settings.redis_url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
        ) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        yield Finding("redis", f"does not answer ({type(error).__name__})", "start it, or correct DRAGOMAN_REDIS_URL")
    else:
        yield Finding("redis", "answers")


def _clock(gateway: Gateway) -> Iterator[Finding]:
    now = gateway.clock.now()
    if now < BUILT:
        yield Finding("clock", f"shows {now:%Y-%m-%d}", "set it by NTP")
        return
    drift = abs(_clock_drift_seconds(gateway))
    todo = "it is being moved while we look: set it by NTP, gently" if drift > MOST_CLOCK_DRIFT_SECONDS else ""
    yield Finding("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC, runs evenly" if not todo else f"jumped by {drift:.3f} s", todo)


def _clock_drift_seconds(gateway: Gateway) -> float:
    """How much the clock moved against the monotonic one during a short sleep."""
    wall, monotonic = gateway.clock.now(), time.monotonic()
    time.sleep(CLOCK_SAMPLE_SECONDS)
    return (gateway.clock.now() - wall).total_seconds() - (time.monotonic() - monotonic)


def _disk(gateway: Gateway) -> Iterator[Finding]:
    for folder in sorted(_folders(gateway)):
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            continue  # the next check says that the folder is missing
        todo = "make room: a full disk refuses every order" if free < LEAST_FREE_BYTES else ""
        yield Finding("disk", f"{free / 1024**3:.1f} GiB free for {folder}", todo)


def _writable(gateway: Gateway) -> Iterator[Finding]:
    for folder in sorted(_folders(gateway)):
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"dragoman")
        except OSError as error:
            yield Finding("data folder", f"{folder}: {error.strerror}", f"make {folder} writable for this user, or set DRAGOMAN_DATA_DIR")
        else:
            yield Finding("data folder", f"{folder} is writable")


def _secret(gateway: Gateway) -> Iterator[Finding]:
    shortest = min(map(len, gateway.settings.secret_key))
    todo = f"put a key of at least {GOOD_SECRET_LENGTH} random characters first" if shortest < GOOD_SECRET_LENGTH else ""
    yield Finding("secret", f"{len(gateway.settings.secret_key)} in use, the shortest of {shortest} characters", todo)
    path = gateway.settings.data_dir / SECRET_FILE
    if path.exists():
        mode = stat.S_IMODE(path.stat().st_mode)
        yield Finding("secret file", f"{path} has mode {mode:04o}", f"run: chmod 600 {path}" if mode & 0o077 else "")


def _folders(gateway: Gateway) -> set[Path]:
    """The data folder, and the embedded database's where it lies elsewhere."""
    folders = {gateway.settings.data_dir}
    if gateway.settings.is_sqlite and (path := make_url(str(gateway.engine.url)).database):
        folders.add(Path(path).parent)
    return folders


_ON_THE_DATABASE: tuple[Callable[[Gateway], Iterator[Finding]], ...] = (
    _durability, _database_clock, _clock_went_back, _dispatcher, _unknown,
)  # fmt: skip
_ON_THIS_MACHINE: tuple[Callable[[Gateway], Iterator[Finding]], ...] = (_redis, _clock, _disk, _writable, _secret)
