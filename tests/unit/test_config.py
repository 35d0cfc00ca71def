"""Every setting: what is read, what is refused and how, and that ``docs/settings.md`` tells the same."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from gateway.config import PREFIX, SECRET_FILE, BadSetting, Settings

DOCS = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
KEY = "a-key-that-is-long-enough"
UNITS = ("milliseconds", "seconds", "hours", "days", "bytes")

WHOLE = ["", "-1", "1.5", "many", "٣", "9999999999999", "1_000", "0x10"]
BAD = {
    "bind": ["8080", "127.0.0.1", "127.0.0.1:", ":8080", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:http", "127.0.0.1:٣", "unix:"],
    "data_dir": [],  # any text may be a folder; whether it can be made shows when it is
    "database_url": [
        "mysql://host/name",
        "dragoman.sqlite3",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "postgresql+psycopg://host",
        "postgresql://user:password@host:port/name",
    ],
    "redis_url": ["localhost:6379", "http://localhost", "redis://localhost:port/0"],
    "secret_key": ["short", f"{KEY},short"],
    "base_url": ["sms.example.org", "ftp://sms.example.org", "https://sms.example.org/path", "https://sms.example.org?x", "https://"],
    "log_level": ["loud", "1"],
    "log_format": ["xml"],
    "default_zone": ["Rome", "Europe", "../etc/passwd", "Europe/Nowhere"],
    "httpsms_token_issuer": ["two words", "https://sms.example.org?x", "1"],
    "default_region": ["I", "ITA", "39", "ÌT"],
}
NAMES = [item.name for item in fields(Settings)]
CASES = [(name, value) for name in NAMES for value in BAD.get(name, WHOLE) if value]


def settings(**given: str) -> Settings:
    return Settings.from_environment({f"{PREFIX}SECRET_KEY": KEY} | {f"{PREFIX}{name.upper()}": value for name, value in given.items()})


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_bad_value_stops_the_start_and_is_named(name, value):
    with pytest.raises(BadSetting) as refused:
        settings(**{name: value})
    words = str(refused.value)
    assert words.startswith(f"{PREFIX}{name.upper()} ")
    assert words.endswith(".")


@pytest.mark.parametrize("name", ["database_url", "redis_url", "secret_key"])
def test_a_refusal_never_repeats_a_secret(name):
    with pytest.raises(BadSetting) as refused:
        settings(**{name: "hunter2://x"})
    assert "hunter2" not in str(refused.value)


def test_a_name_that_is_no_setting_stops_the_start():
    with pytest.raises(BadSetting, match="DRAGOMAN_PORT is not a setting"):
        settings(port="8080")


def test_names_of_the_test_suite_and_of_others_pass():
    assert Settings.from_environment({f"{PREFIX}SECRET_KEY": KEY, "DRAGOMAN_TEST_ANYTHING": "1", "PORT": "x"}).secret_key == (KEY,)


def test_defaults():
    found = settings()
    assert (found.bind, found.base_url, found.web_workers, found.web_threads) == ("127.0.0.1:8080", "http://127.0.0.1:8080", 1, 1)
    assert found.data_dir == Path("var").absolute()
    assert found.database_url == f"sqlite:///{found.data_dir}/dragoman.sqlite3"
    assert found.is_sqlite


@pytest.mark.parametrize("name", NAMES)
def test_empty_and_blank_mean_the_default(name, tmp_path):
    (tmp_path / SECRET_FILE).write_text(KEY)
    plain = {f"{PREFIX}DATA_DIR": str(tmp_path)}
    for nothing in ("", "  "):
        given = plain if name == "data_dir" else plain | {f"{PREFIX}{name.upper()}": nothing}
        assert Settings.from_environment(given) == Settings.from_environment(plain)


@pytest.mark.parametrize("short", ["postgres", "postgresql", "postgresql+psycopg"])
def test_short_names_of_postgresql_mean_our_driver(short):
    found = settings(database_url=f"{short}://user:p%40ss@host/name")
    assert found.database_url == "postgresql+psycopg://user:p%40ss@host/name"
    assert not found.is_sqlite
    assert found.web_workers > 1


def test_a_socket_has_no_base_url_of_its_own():
    assert settings(bind="unix:/run/dragoman/web.sock").base_url == ""


@pytest.mark.parametrize("written", [f"{KEY},old-{KEY}", f" {KEY} , old-{KEY} ", f"{KEY}\nold-{KEY}\n"])
def test_keys_are_a_list_newest_first(written):
    assert settings(secret_key=written).secret_key == (KEY, f"old-{KEY}")


def test_the_kept_key_is_read(tmp_path):
    (tmp_path / SECRET_FILE).write_text(f"{KEY}\n")
    assert Settings.from_environment({f"{PREFIX}DATA_DIR": str(tmp_path)}).secret_key == (KEY,)


@pytest.mark.parametrize("content", [None, b"", b"short", b"\xff" * 40])
def test_without_a_usable_key_the_start_stops_and_says_how_to_get_one(tmp_path, content):
    if content is not None:
        (tmp_path / SECRET_FILE).write_bytes(content)
    with pytest.raises(BadSetting, match=r"DRAGOMAN_SECRET_KEY is not set .*app\.py"):
        Settings.from_environment({f"{PREFIX}DATA_DIR": str(tmp_path)})


def rows() -> dict[str, tuple[str, str, str]]:
    found = re.findall(r"^\| `(DRAGOMAN_[A-Z0-9_]+)` \| (.*?) \| (.*?) \| (.*) \|$", DOCS, flags=re.MULTILINE)
    return {name: (default, unit, meaning) for name, default, unit, meaning in found}


def test_every_setting_is_documented_once_and_nothing_else():
    assert sorted(rows()) == sorted(PREFIX + name.upper() for name in NAMES)
    assert len(re.findall(r"^\| `DRAGOMAN_", DOCS, flags=re.MULTILINE)) == len(NAMES)
    assert set(re.findall(r"DRAGOMAN_[A-Z0-9_]+[A-Z0-9]", DOCS)) <= set(rows())


@pytest.mark.parametrize("item", fields(Settings), ids=lambda item: item.name)
def test_documentation_says_what_the_code_says(item):
    default, unit, meaning = rows()[PREFIX + item.name.upper()]
    shown = item.metadata["shown"]
    assert default == (f"`{shown}`" if shown else "empty")
    assert meaning == item.metadata["help"]
    assert all(unit == each for each in UNITS if item.name.endswith(f"_{each}"))
