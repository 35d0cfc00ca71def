"""Real programs against the four APIs without sessions, through gunicorn alone and through nginx, in the clear and with TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from types import MappingProxyType

import pytest

from gateway.services import accounts, keys
from gateway.services.keys import KeyTerms
from tests.e2e.clients import cast as customers
from tests.e2e.clients import catalogue
from tests.e2e.clients.cast import PROGRAMS, Cast
from tests.e2e.clients.catalogue import Program
from tests.e2e.clients.town import DOORS, running
from tests.support import rawhttp

TEXTS_AND_NUMBERS = ("Größe", "Gr\\u00f6", "491701234567", "256701234567", "18005550100")


@pytest.fixture(scope="module")
def cast(sqlite_template: Path, nginx_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """The servers and the customers; in the end nothing is missing in the books, and no log holds what it must not."""
    folder = tmp_path_factory.mktemp("town")
    with running(sqlite_template, folder) as town, customers.assembled(town, folder / "programs") as cast:
        yield cast
        assert town.faults() == []
        logs = cast.logs()
        assert [secret for secret in (*cast.secrets(), *TEXTS_AND_NUMBERS) if secret in logs] == []


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: f"{program.dialect}: {program.name}")
def test_a_program_is_answered_as_its_manual_says(cast: Cast, door: str, program: Program, request: pytest.FixtureRequest) -> None:
    if program.words[0] == "node":
        cast.packages = request.getfixturevalue("node_packages")
    ran, sent = cast.act(program, door)
    assert catalogue.wrong(program, ran) == ""
    cipher = {"cipher": json.loads(ran.body)["sent"]} if "encrypted" in program.name else {}
    assert sent == sorted((number, Template(text).safe_substitute(cipher)) for number, text in program.sent)


def test_no_name_is_used_twice() -> None:
    assert len({(program.dialect, program.name) for program in PROGRAMS}) == len(PROGRAMS)


@pytest.mark.parametrize("door", DOORS)
def test_health_tells_whether_the_door_has_tls(cast: Cast, door: str) -> None:
    assert json.loads(_asked(cast, door, "GET", "/api/health").body)["ssl"] is (door == "nginx-tls")


@pytest.mark.parametrize("door", ["nginx", "nginx-tls"])
def test_a_forged_address_is_no_way_around_a_limit(cast: Cast, door: str) -> None:
    """Calls without a key are counted by address (contract bulk 5): the one that nginx sees."""

    def left(forged: str) -> int:
        answer = _asked(cast, door, "GET", "/api/v2/account/balance", {"X-Forwarded-For": forged, "X-Real-IP": forged})
        assert answer.status == 401
        return int(answer.header("X-RateLimit-Remaining") or "")

    first, second, third = (left(f"192.0.2.{number}") for number in (1, 2, 3))
    assert second == first - 1 or third == second - 1, "at most one minute ends between the three"


@pytest.mark.parametrize("door", DOORS)
def test_a_limit_is_told_through_every_door(cast: Cast, door: str) -> None:
    username = f"hush-eager-{door}"
    accounts.create_user(cast.town.gateway, f"bulk at {door}, keys", username, customers.PASSWORD)
    key = keys.create(cast.town.gateway, keys.BULK, username, terms=KeyTerms(calls_per_minute=2)).key
    answers = [_asked(cast, door, "GET", "/api/v2/account/balance", {"X-API-Key": key}) for _ in range(3)]
    keys.revoke(cast.town.gateway, key[:12])
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.header("X-RateLimit-Remaining") for answer in answers] == ["1", "0", "0"]
    assert 0 < int(answers[-1].header("Retry-After") or "") <= 60
    assert json.loads(answers[-1].body)["message"] == "Too Many Attempts."


SECRET_CALLS = (
    ("GET", "/api.php?username={name}&password=hush-hush-hush&to=00491701234567&text=hush"),
    ("POST", "/api.php?username={name}&password=hush-hush-hush&to=00491701234567&text=hush"),
    ("GET", "//api.php?username=hush&password=hush"),
    ("GET", "/v1/sms/send?username=hush&password=hush&numbers=0701234567&message_body=hush"),
    ("GET", "/api/v2/sms/send?api_key=hush-key&numbers=0701234567&message_body=hush"),
    ("GET", "/api/v2/account/balance?api_key=hush-key"),
    ("POST", "/api/generate-key?username=hush&password=hush"),
    ("GET", "/v1/messages?owner=%2B18005550199&contact=hush&x-api-key=hush-key"),
    ("POST", "/v1/messages/send?x-api-key=hush-key"),
    ("POST", "/api/send-sms?deviceUsername=hush&password=hush"),
    ("GET", "/api.php?username=hush&password=hush hush&to=1&text=two words"),
    ("GET", "/api.php?username=hush&password=hush\xe8&to=1&text=\xfc"),
)


@pytest.mark.parametrize("door", DOORS)
def test_a_refused_call_leaves_no_secret(cast: Cast, door: str) -> None:
    """The fixture looks into the logs when all is over."""
    for method, path in SECRET_CALLS:
        answer = _asked(cast, door, method, path)
        assert b"hush" not in answer.body, path


def test_a_gateway_that_is_down_leaves_no_secret_and_says_so_to_each_api(cast: Cast) -> None:
    cast.town.web.stop()
    try:
        for door in ("nginx", "nginx-tls"):
            for method, path in SECRET_CALLS[:-2]:
                answer = _asked(cast, door, method, path)
                assert answer.status == 502, path
                told = json.loads(answer.body)
                assert told["message"] == told["error"] != ""
                assert (told["status"], "success" in told) == ("error", False)
                assert b"hush" not in answer.body
    finally:
        cast.town.web.start()


def _asked(cast: Cast, door: str, method: str, path: str, headers: Mapping[str, str] = MappingProxyType({})) -> rawhttp.Answer:
    name = cast.known["brevisone", door]["reader"]
    sent = {"Referer": "http://a.example/?password=hush", "Content-Length": "0", **headers}
    tls = cast.town.front.tls if door == "nginx-tls" else None
    return rawhttp.request(cast.town.port(door), path.format(name=name), method=method, headers=sent, tls=tls)
