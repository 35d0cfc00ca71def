"""The page that pairs a telephone, as a browser meets it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.connectors import made
from gateway.services import connectors, pairing
from gateway.services.connectors import Changes
from gateway.services.handsets import Hardware
from gateway.web.edge import PRIVATE_PATH
from tests.console.test_console import words

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def opened(gateway):
    connectors.add(gateway, "drawer", "android", Changes(), lambda kind, stored: made(kind, stored, gateway.settings), enabled=True)
    return pairing.open_pairing(gateway, "drawer", "android")


def test_the_page_tells_what_to_type_in(app, gateway, opened):
    page = app.test_client().get(opened.page)
    assert page.status_code == 200
    assert PRIVATE_PATH.match(opened.page)  # the log keeps the key back
    said = words(page)
    assert all(value in said for value in (f"{gateway.settings.base_url}/api/mobile/v1", opened.token, opened.code, "SSE Only", "drawer"))
    assert "No telephone has registered yet" in said
    assert re.search(r'<svg[^>]* class="qr"', page.text)
    assert "style=" not in page.text and "<script" not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_it_says_when_a_telephone_has_registered(app, gateway, opened, clock):
    browser = app.test_client()
    clock.forward(minutes=2)
    pairing.by_token(gateway, opened.token, Hardware("ACME/<b>"), "")
    assert "ACME/<b> has registered" in words(browser.get(opened.page))
    clock.forward(minutes=2)
    again = pairing.open_pairing(gateway, "drawer", "android")
    assert browser.get(opened.page).status_code == 410
    assert "takes its place" in words(browser.get(again.page))


def test_a_code_that_is_over_is_replaced(app, gateway, opened, clock):
    pairing.by_code(gateway, opened.code, Hardware("ACME"), "")
    said = words(app.test_client().get(opened.page))
    assert opened.code not in said
    assert opened.token in said
    clock.forward(minutes=11)
    assert "Or choose the one-time code" in words(app.test_client().get(opened.page))


def test_the_link_ends_with_the_token_and_cannot_be_forged(app, gateway, opened, clock):
    browser = app.test_client()
    assert browser.get(opened.page[:-2]).status_code == 410
    assert browser.get(pairing.PAGE + opened.token).status_code == 410
    gateway.settings = replace(gateway.settings, secret_key=("another-key-in-front-of-it", *gateway.settings.secret_key))
    assert browser.get(opened.page).status_code == 410
    assert pairing.by_token(gateway, opened.token, Hardware("ACME"), "").login
    clock.moment = opened.token_until + timedelta(seconds=1)
    assert browser.get(opened.page).status_code == 410
