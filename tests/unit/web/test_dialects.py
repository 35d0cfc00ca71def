"""Which dialect a path and a host speak."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask, Response

from gateway.config import BadSetting, Settings
from gateway.domain.errors import GatewayError
from gateway.web.application import install
from gateway.web.dialect import Answer, Dialect, Dialects, ErrorRow
from gateway.web.errors import InternalError


def a_dialect(name: str, *paths: str, collapse_slashes: bool = False) -> Dialect:
    blueprint = Blueprint(name, __name__)
    for path in paths:
        blueprint.add_url_rule(f"{path}/send", endpoint=path[1:].replace("/", "-"), view_func=lambda: Response(f"sent by {name}"))
    return Dialect(
        name=name,
        title=name,
        paths=paths,
        blueprint=blueprint,
        errors={GatewayError: ErrorRow(418, "", "no"), InternalError: ErrorRow(500, "", "defect")},
        render_error=lambda answer: told(name, answer),
        collapse_slashes=collapse_slashes,
    )


def told(name: str, answer: Answer) -> Response:
    return Response(f"{name}: {answer.words}", answer.status)


WIDE, NARROW = a_dialect("wide", "/v1"), a_dialect("narrow", "/v1/sms", "/other", collapse_slashes=True)


def dialects(hosts: str = "") -> Dialects:
    return Dialects((WIDE, NARROW), settings(hosts).dialect_hosts)


def settings(hosts: str) -> Settings:
    return Settings.from_environment({"DRAGOMAN_SECRET_KEY": "x" * 16, "DRAGOMAN_DIALECT_HOSTS": hosts})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1", WIDE),
        ("/v1/messages", WIDE),
        ("/v1/sms", NARROW),
        ("/v1/sms/send", NARROW),
        ("/v1/smsx", WIDE),
        ("/v1x", None),
        ("/other/x", NARROW),
        ("/", None),
    ],
)
def test_the_longest_path_wins(path: str, found: Dialect | None) -> None:
    assert dialects().of(path, "anything") is found


@pytest.mark.parametrize(
    ("host", "answers"),
    [
        ("api.example.org", True),
        ("API.Example.org:8080", True),
        ("api.example.org.", True),
        ("sms.example.org", True),
        ("example.org", False),
        ("xapi.example.org", False),
        ("[::1]:80", False),
        ("", False),
    ],
)
def test_a_dialect_bound_to_hosts_answers_to_them_alone(host: str, answers: bool) -> None:
    bound = dialects("wide=api.example.org+sms.example.org")
    assert bound.of("/v1/messages", host) is (WIDE if answers else None)
    assert bound.of("/v1/sms", host) is NARROW


def test_a_dialect_switched_off() -> None:
    assert dialects("narrow=off").of("/v1/sms", "") is WIDE
    assert dialects("narrow=off wide=off").active == ()


def test_a_dialect_that_there_is_not() -> None:
    with pytest.raises(BadSetting, match="names smpp; there are wide, narrow"):
        dialects("smpp=off")


@pytest.mark.parametrize("value", ["wide", "wide=", "=host", "wide=a b=", "wide=a|b", "WIDE=a"])
def test_a_setting_that_cannot_be_read(value: str) -> None:
    with pytest.raises(BadSetting, match="DRAGOMAN_DIALECT_HOSTS"):
        settings(value)


def test_slashes_are_mended_only_where_a_dialect_wants_it() -> None:
    assert dialects().is_mended("/v1/sms/send")
    assert not dialects().is_mended("/v1/messages")


def test_routes_answer_under_their_hosts_alone() -> None:
    app = Flask("bound", static_folder=None)
    install(app, settings("narrow=sms.example.org"), (WIDE, a_dialect("narrow", "/v1/sms")))
    http = app.test_client()
    assert http.get("/v1/sms/send", headers={"Host": "sms.example.org:8080"}).text == "sent by narrow"
    for path in ("/v1/sms/send", "/v1/sms/nothing"):
        elsewhere = http.get(path, headers={"Host": "example.org"})
        assert (elsewhere.status_code, elsewhere.json) == (404, {"error": "NotFound", "message": "path not found"})
    assert http.get("/v1/sms/nothing", headers={"Host": "sms.example.org"}).text == "narrow: no"
    assert http.get("/v1/nothing").text == "wide: no"
