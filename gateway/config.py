"""Every setting of the gateway, once: name, type, default, unit and one line of help.

All settings come from the environment and start with ``DRAGOMAN_``. A bad value stops the start with a
sentence that names the setting. ``docs/settings.md`` lists them for operators; a test compares the two.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "DRAGOMAN_"
SECRET_FILE = "secret_key"
MINIMUM_SECRET_LENGTH = 16

T = TypeVar("T")
Network = IPv4Network | IPv6Network


class BadSetting(Exception):
    """A setting that cannot be used. The text names the setting and says what to do."""


def setting(help_line: str, parse: Callable[[str], T], default: str | None, *, shown_default: str = "", secret: bool = False) -> Any:
    """Declares one setting.

    Args:
        help_line: one sentence for the operator, with the unit.
        parse: turns the text of the environment into the value; raises ValueError with a reason.
        default: the text used when the variable is unset; None: worked out from the other settings.
        shown_default: what the documentation shows instead of ``default``.
        secret: never printed.
    """
    return field(
        metadata={"help": help_line, "parse": parse, "default": default, "shown": shown_default or default or "", "secret": secret}
    )


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value.lower()

    return parse


def _bind(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if value.startswith("unix:") and len(value) > len("unix:"):
        return value
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("must be HOST:PORT or unix:/path/to/socket")
    return value


def _database_url(value: str) -> str:
    for short in ("postgres://", "postgresql://"):
        if value.startswith(short):
            value = "postgresql+psycopg://" + value.removeprefix(short)
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must start with sqlite:/// or postgresql+psycopg://")
    try:
        name = make_url(value).database
    except (ArgumentError, ValueError):
        raise ValueError("is not a database URL; a password with / @ : or # in it must be percent-encoded") from None
    if not name or name == ":memory:":
        raise ValueError("must name a database that all processes share: a file, or one on the server")
    return value


def _redis_url(value: str) -> str:
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://, or be empty")
    try:
        _ = urlsplit(value).port
    except ValueError:
        raise ValueError("is not a Redis URL: its port must be a number") from None
    return value


def _secrets(value: str) -> tuple[str, ...]:
    keys = tuple(key for key in re.split(r"[\s,]+", value) if key)
    if any(len(key) < MINIMUM_SECRET_LENGTH for key in keys):
        raise ValueError(f"must hold keys of at least {MINIMUM_SECRET_LENGTH} characters")
    return keys


def _zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise ValueError("must be the name of a time zone, such as Europe/Rome") from None


def _region(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", value):
        raise ValueError("must be a country's two letters, such as IT")
    return value.upper()


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", value):
        raise ValueError("must be a currency's three letters, such as UGX")
    return value.upper()


def _base_url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/?#]+", value):
        raise ValueError("must be like https://sms.example.org, with no path")
    return value


def _dialect_hosts(value: str) -> dict[str, frozenset[str]]:
    hosts: dict[str, frozenset[str]] = {}
    for item in re.split(r"[\s,]+", value.strip()):
        name, equals, names = item.partition("=")
        if item and (not equals or not re.fullmatch(r"[a-z0-9]+", name) or not re.fullmatch(r"[A-Za-z0-9.-]+(\+[A-Za-z0-9.-]+)*", names)):
            raise ValueError("must be items like httpsms=sms.example.org+api.example.org or smsnodes=off, separated by blanks or commas")
        if item:
            hosts[name] = frozenset() if names == "off" else frozenset(names.lower().split("+"))
    return hosts


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(each, strict=False) for each in re.split(r"[\s,]+", value.strip()) if each)
    except ValueError:
        raise ValueError("must be networks such as 192.0.2.0/24, separated by commas") from None


def _ports(value: str) -> frozenset[int] | None:
    if value == "any":
        return None
    ports = [each for each in re.split(r"[\s,]+", value) if each]
    if not ports or not all(re.fullmatch(r"[0-9]{1,5}", each) and 0 < int(each) < 65536 for each in ports):
        raise ValueError("must be port numbers separated by commas, or any")
    return frozenset(map(int, ports))


def _issuer(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9.:/_-]{0,199}", value):
        raise ValueError("must be a name without blanks, such as api.example.org")
    return value


def _path(value: str) -> Path:
    return Path(value).absolute()


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process. Made by :meth:`from_environment`, or by tests from a mapping."""

    bind: str = setting("Address and port to listen on, or unix:/path for a socket behind nginx.", _bind, "127.0.0.1:8080")
    data_dir: Path = setting("Folder for the embedded database, the generated secret and the demo credentials.", _path, "var")
    database_url: str = setting(
        "Database: sqlite:////absolute/path or postgresql+psycopg://user:password@host/name.",
        _database_url,
        None,
        shown_default="sqlite:///{DRAGOMAN_DATA_DIR}/dragoman.sqlite3",
        secret=True,
    )
    redis_url: str = setting("Redis that the limits are shared in; empty: each process counts for itself.", _redis_url, "", secret=True)
    secret_key: tuple[str, ...] = setting(
        "Signing keys, newest first, separated by commas. Older keys still verify: add a new one in front to rotate.",
        _secrets,
        None,
        shown_default="the file secret_key in DRAGOMAN_DATA_DIR",
        secret=True,
    )
    base_url: str = setting(
        "Public address of the gateway, used in links that it gives out.", _base_url, None, shown_default="http://{DRAGOMAN_BIND}"
    )
    proxy_count: int = setting(
        "Number of trusted reverse proxies in front (nginx counts one). 0: clients connect directly.", _whole(0, 8), "0"
    )
    web_workers: int = setting("Web worker processes.", _whole(1, 256), None, shown_default="CPU cores + 1; 1 on SQLite without Redis")
    web_threads: int = setting("Threads in each web worker. 1: plain sync workers, best behind nginx.", _whole(1, 256), "1")
    events_bind: str = setting(
        "Address and port, or unix:/path, of the process that holds telephones' event streams (dragoman events).", _bind, "127.0.0.1:8089"
    )
    events_streams: int = setting("Event streams that this process holds at once, a thread each.", _whole(1, 10_000), "1000")
    request_timeout_seconds: int = setting("Seconds after which a stuck web worker is replaced.", _whole(5, 3600), "60")
    graceful_timeout_seconds: int = setting("Seconds that running requests and sends get to finish at shutdown.", _whole(1, 600), "20")
    log_level: str = setting("How much is logged: debug, info, warning or error.", _one_of("debug", "info", "warning", "error"), "info")
    log_format: str = setting("json for machines, text for people.", _one_of("json", "text"), "json")
    default_zone: ZoneInfo = setting("Time zone of new accounts.", _zone, "Europe/Rome")
    default_region: str = setting("Country of numbers written without a country code, for new accounts (two letters).", _region, "IT")
    max_body_bytes: int = setting("Largest request body, in bytes.", _whole(1024, 1 << 30), str(16 * 1024 * 1024))
    max_recipients: int = setting("Most recipients in one order.", _whole(1, 1_000_000), "100000")
    max_schedule_days: int = setting("How many days ahead a message may be scheduled.", _whole(1, 3650), "366")
    dialect_hosts: dict[str, frozenset[str]] = setting(
        "Host names that a dialect answers to, or off: httpsms=api.example.org+sms.example.org smsnodes=off. Others answer to any.",
        _dialect_hosts,
        "",
    )
    connector_networks: tuple[Network, ...] = setting(
        "Private networks that HTTP connectors may reach, such as 10.1.0.0/16, separated by commas; empty: none.", _networks, ""
    )
    callback_networks: tuple[Network, ...] = setting(
        "Private networks that callbacks may reach, those of customers too, written likewise; empty: none.", _networks, ""
    )
    callback_ports: frozenset[int] | None = setting(
        "Ports that callbacks may go to, separated by commas, or any.", _ports, "80,443,8080,8443"
    )
    session_idle_seconds: int = setting("Seconds without a call after which a session ends.", _whole(10, 86_400), "300")
    guesses_per_minute_user: int = setting("Wrong passwords a minute for one user before more are refused.", _whole(1, 100_000), "10")
    guesses_per_minute_address: int = setting(
        "Wrong passwords a minute from one address before more are refused.", _whole(1, 100_000), "60"
    )
    message_type: str = setting(
        "Message type, and so the price, of dialects whose calls name none.",
        _one_of("high", "medium", "low", "foreign", "advertising"),
        "high",
    )
    smsend_max_gsm_characters: int = setting("smSend: longest GSM-7 text, in septets.", _whole(1, 39_015), "1000")
    smsend_max_ucs2_characters: int = setting("smSend: longest UCS-2 text, in UTF-16 units.", _whole(1, 17_085), "450")
    smsend_max_low_characters: int = setting("smSend: longest text of the low-cost type, in septets.", _whole(1, 39_015), "160")
    brevisone_max_parts: int = setting("brevis.one: most parts of one message; a longer text is cut.", _whole(1, 255), "10")
    brevisone_check_networks: tuple[Network, ...] = setting(
        "brevis.one: networks that may call /check.php, such as 192.0.2.0/24, separated by commas; empty: any.", _networks, ""
    )
    httpsms_token_issuer: str = setting("httpSMS: who the tokens of webhooks say they are from.", _issuer, "api.httpsms.com")
    bulk_currency: str = setting("Bulk SMS: what balances are said to be in; the amounts are credits.", _currency, "UGX")
    bulk_calls_per_minute: int = setting(
        "Bulk SMS: calls a minute of one API key or user, or from one address without either.", _whole(1, 100_000), "60"
    )
    bulk_key_calls_per_minute: int = setting(
        "Bulk SMS: calls a minute to the routes that make and end API keys, likewise.", _whole(1, 100_000), "10"
    )
    smsnodes_priority: str = setting(
        "SMS Nodes: which of the priorities 1 to 5 is the most urgent, 5-first or 1-first.", _one_of("5-first", "1-first"), "5-first"
    )
    dispatch_batch: int = setting("Messages that the dispatcher claims at once.", _whole(1, 5000), "200")
    dispatch_lease_seconds: int = setting("Seconds after which a silent dispatcher's work counts as lost.", _whole(2, 3600), "8")
    dispatch_poll_milliseconds: int = setting("Pause of an idle dispatcher between two looks at the database.", _whole(10, 60_000), "250")
    receipt_timeout_hours: int = setting("Hours to wait for a delivery receipt before the message counts as expired.", _whole(1, 720), "48")
    retry_base_seconds: int = setting("Pause before the first retry of a refused send; each further pause doubles.", _whole(1, 3600), "15")
    retry_attempts: int = setting("Tries for one message before it fails.", _whole(1, 100), "8")
    reroute_after_seconds: int = setting(
        "Seconds that a connector may be away before what waits for it goes by another way of its rules. 0: it waits.",
        _whole(0, 86_400),
        "60",
    )
    simulator_delay_milliseconds: int = setting("Simulator: how long a send takes.", _whole(0, 60_000), "50")
    simulator_receipt_milliseconds: int = setting(
        "Simulator: how long after the send the delivery receipt comes.", _whole(0, 600_000), "1000"
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Reads and checks all settings.

        Raises:
            BadSetting: a value is not usable, or a name starting with ``DRAGOMAN_`` is unknown.
        """
        given = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        for item in fields(cls):
            text = given.get(PREFIX + item.name.upper(), "").strip() or item.metadata["default"]
            values[item.name] = None if text is None else _parsed(item.name, item.metadata["parse"], text)
        _refuse_unknown(given)
        _fill_in(values)
        return cls(**values)

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is in use."""
        return self.database_url.startswith("sqlite")


def _parsed(name: str, parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise BadSetting(f"{PREFIX}{name.upper()} {error}.") from None


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = {PREFIX + item.name.upper() for item in fields(Settings)}
    for name in given:
        if name.startswith(PREFIX) and not name.startswith(PREFIX + "TEST_") and name not in known:
            raise BadSetting(f"{name} is not a setting of the gateway; see docs/settings.md.")


def _fill_in(values: dict[str, Any]) -> None:
    """Works out the defaults that depend on other settings."""
    if values["database_url"] is None:
        values["database_url"] = f"sqlite:///{values['data_dir'] / 'dragoman.sqlite3'}"
    if not values["secret_key"]:
        values["secret_key"] = _kept_secret(values["data_dir"])
    if values["base_url"] is None:
        values["base_url"] = "" if values["bind"].startswith("unix:") else f"http://{values['bind']}"
    if values["web_workers"] is None:
        alone = values["database_url"].startswith("sqlite") and not values["redis_url"]
        values["web_workers"] = 1 if alone else (os.cpu_count() or 1) + 1


def _kept_secret(data_dir: Path) -> tuple[str, ...]:
    try:
        keys = _secrets((data_dir / SECRET_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        keys = ()
    if not keys:
        raise BadSetting(
            f"{PREFIX}SECRET_KEY is not set and {data_dir / SECRET_FILE} holds no key. "
            f"Set it to at least {MINIMUM_SECRET_LENGTH} random characters, or start once with 'python app.py', which makes one."
        )
    return keys
