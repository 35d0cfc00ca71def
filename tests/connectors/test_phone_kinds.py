"""The kinds whose telephones fetch their messages: what an operator can set, and how their calls read (contract android-devices)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

import pytest

from gateway.connectors import CONNECTORS, cht, httpsms_phone, made
from gateway.connectors.base import FailureKind
from gateway.connectors.httpsms_phone import Pushed, Pusher
from gateway.connectors.settings import read
from gateway.domain.handset import TELEPHONES, Stage
from gateway.domain.sending import AttemptKey
from gateway.net.client import Client
from tests.support.httpsms_phone import push_service
from tests.support.programs import ROOT

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
KEY = AttemptKey(1000, UUID(int=1 << 20), 0, 1)
GOOD = {"cht": {"username": "drawer", "password": "tea"}, "httpsms_phone": {"push_url": "https://relay.example/push"}}


@pytest.mark.parametrize("kind", GOOD)
def test_every_setting_is_in_the_page_of_its_kind(kind: str):
    page = (ROOT / "docs" / "connectors" / f"{kind}.md").read_text(encoding="utf-8")
    table = page.partition("## Settings")[2].partition("\n## ")[0]
    documented = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \|", table, re.MULTILINE))
    settings = {each.name: each for each in CONNECTORS[kind].settings}
    assert documented.keys() == settings.keys()
    assert {name for name, default in documented.items() if "secret" in default} == {name for name, each in settings.items() if each.secret}
    values = read(CONNECTORS[kind].settings, GOOD[kind])
    assert {name: documented[name] for name in documented if documented[name].isdigit()} == {
        name: str(value) for name, value in values.items() if isinstance(value, int)
    }


@pytest.mark.parametrize("kind", GOOD)
def test_no_dispatcher_owns_such_a_connector(kind: str):
    assert made(kind, GOOD[kind], None) is None  # type: ignore[arg-type]  # asked nothing


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("cht", {"number": "+12"}, "number is not"),
        ("cht", {"number": "0471 123456"}, "number has no country code"),
        ("cht", {"username": "a b"}, "username must be of letters"),
        ("cht", {"most": 101}, "most must be a whole number"),
        ("httpsms_phone", {"push_url": "relay.example"}, "push_url must be an http or https URL"),
        ("httpsms_phone", {"push_url": "ftp://relay.example/"}, "push_url must be an http or https URL"),
        ("httpsms_phone", {"push_timeout_seconds": 0}, "push_timeout_seconds must be"),
    ],
)
def test_settings_that_cannot_work(kind: str, change: dict[str, object], words: str):
    with pytest.raises(ValueError, match=words):
        made(kind, GOOD[kind] | change, None)  # type: ignore[arg-type]  # asked nothing


def test_updates_of_cht():
    def told(status: str, reason: str = "") -> list[tuple[Stage, FailureKind | None, str]]:
        return [(each.stage, each.failure, each.code) for each in cht.reports(cht.Update("x", status, reason), KEY, NOW)]

    assert told("PENDING") == told("UNSENT") == [(Stage.TAKEN, None, "")]
    assert told("SENT") == [(Stage.SENT, None, "SENT")]
    assert told("DELIVERED") == [(Stage.DELIVERED, None, "DELIVERED")]
    assert told("FAILED", "radio-off") == [(Stage.FAILED, FailureKind.FINAL, "FAILED"), (Stage.UNDELIVERED, None, "radio-off")]
    assert told("FAILED", "Delivery failed: Congestion") == [(Stage.UNDELIVERED, None, "Delivery failed: Congestion")]
    assert told("SHREDDED") == told("sent") == []


def test_times_of_cht():
    def at(**times: object) -> datetime:
        (message,) = cht.read({"messages": [{"id": "a", "from": "x", "content": "y", **times}]}, None, NOW).messages
        return message.at

    milliseconds = int(NOW.timestamp() * 1000) - 60_123
    assert at(sms_sent=milliseconds) == at(sms_sent=0, sms_received=milliseconds) == NOW - timedelta(milliseconds=60_123)
    for odd in (None, -1, 12, 10**30, "soon", True, 1.5, int((NOW + timedelta(days=2)).timestamp() * 1000)):
        assert at(sms_sent=odd) == NOW


@pytest.mark.parametrize(
    ("status", "ended"),
    [(200, Pushed.DONE), (404, Pushed.IMPOSSIBLE), (400, Pushed.IMPOSSIBLE), (401, Pushed.LATER), (429, Pushed.LATER), (500, Pushed.LATER)],
)
def test_answers_of_a_push_service(status: int, ended: Pushed):
    with push_service() as service:
        service.status = status
        settings = read(httpsms_phone.KIND.settings, {"push_url": service.url, "push_token": "ya29.secret"})
        client = Client((ip_network("127.0.0.0/8"),))
        assert Pusher(settings, client).push("f2:token", UUID(int=7), 600) == (ended, f"the push service answered {status}")
        client.close()
        ((headers, body),) = service.heard
    assert headers["Content-Type"] == "application/json" and headers["Authorization"] == "Bearer ya29.secret"
    assert json.dumps(body) == (
        '{"message": {"token": "f2:token", "data": {"KEY_MESSAGE_ID": "00000000-0000-0000-0000-000000000007"}, '
        '"android": {"priority": "normal", "ttl": "600s"}}}'
    )


def test_a_push_service_that_is_away_is_told_without_its_address():
    settings = read(httpsms_phone.KIND.settings, {"push_url": "http://127.0.0.1:9/secret-path", "push_token": "ya29.secret"})
    client = Client((ip_network("127.0.0.0/8"),))
    pusher = Pusher(settings, client)
    ended, words = pusher.push("f2:token", UUID(int=7), 600)
    assert ended is Pushed.LATER
    assert not [each for each in ("secret-path", "ya29.secret", "f2:token") if each in words + repr(pusher)]
    closed = Client()
    ended, words = Pusher(settings, closed).push("f2:token", UUID(int=7), 600)
    assert (ended, "cannot be called" in words) == (Pushed.LATER, True)
    client.close()
    closed.close()


def test_the_kinds_that_no_dispatcher_serves_are_known_to_the_middle() -> None:
    assert {name for name, kind in CONNECTORS.items() if kind.make is None} == TELEPHONES
