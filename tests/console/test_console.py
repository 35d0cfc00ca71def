"""The console as a browser meets it: in by the link, a look at the account, out again."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from gateway.console.routes import STATIC, TONES, TYPES
from gateway.domain.errors import StorageUnavailable
from gateway.domain.message import State
from gateway.domain.tariff import MessageType
from gateway.services import console_login
from gateway.services.accounts import create_user, set_user_disabled
from gateway.services.console import LIFE, MOST_ORDERS
from gateway.services.ordering import cancel
from gateway.services.pricing import set_tariff
from gateway.storage.tables import Account, Message
from gateway.web.edge import PRIVATE_PATH
from tests.support import builders
from tests.support.builders import an_account, an_order

PASSWORD = "correct horse battery"
ACCOUNT = "/console/account"


@pytest.fixture
def account(gateway):
    return an_account(gateway, "Acme & Sons <b>", credit=1000)


@pytest.fixture
def owner(gateway, account):
    return create_user(gateway, account.name, "erp", PASSWORD)


@pytest.fixture
def browser(app):
    return app.test_client()


@pytest.fixture
def link(gateway, owner):
    return console_login.path(gateway, owner.id)


@pytest.fixture
def inside(browser, link):
    """A browser that has come in."""
    browser.get(link)
    return browser


def form_key(page):
    return the_one(r'name="form_key" value="([^"]+)"', page.text)


def the_one(pattern, text):
    (found,) = re.findall(pattern, text)
    return html.unescape(found)


def words(page):
    """The page as it is read: no tags, single plain blanks."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page.text.partition("<body>")[2]))).strip()


# In and out


def test_a_link_signs_in_and_leads_to_the_account(browser, link):
    answer = browser.get(link)
    assert (answer.status_code, answer.headers["Location"]) == (303, ACCOUNT)
    page = browser.get(ACCOUNT)
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    assert "Acme & Sons <b>" in words(page)


def test_the_cookie_is_for_the_console_only(browser, link):
    cookie = browser.get(link).headers["Set-Cookie"]
    assert cookie.startswith("dragoman_console=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/console/"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie


def test_the_cookie_lives_thirty_minutes(browser, link):
    browser.get(link)
    cookie = browser.get_cookie("dragoman_console", path="/console/")
    left = cookie.expires - datetime.now(UTC)
    assert LIFE - timedelta(minutes=1) < left <= LIFE


def test_by_https_the_cookie_is_secure(browser, link):
    assert "Secure" in browser.get(link, base_url="https://sms.example.org").headers["Set-Cookie"]


def test_a_link_works_once(browser, link):
    browser.get(link)
    page = browser.get(link)
    assert page.status_code == 410
    assert "Open the dashboard again" in words(page)


def test_a_link_works_for_five_minutes(browser, link, clock):
    clock.forward(minutes=5)
    assert browser.get(link).status_code == 410


def test_a_forged_link_looks_like_a_used_one(browser, link):
    body, _, signature = link.rpartition(".")  # of the last letter two bits mean nothing: change the first
    assert browser.get(f"{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}").status_code == 410
    assert browser.get("/console/enter/nonsense").status_code == 410
    assert browser.get("/console/enter/" + "x" * 3000).status_code == 410


def test_looking_at_a_link_does_not_use_it_up(browser, link):
    assert browser.head(link).status_code == 204
    assert browser.get(link).status_code == 303


def test_without_a_visit_nothing_is_shown(browser, account):
    page = browser.get(ACCOUNT)
    assert page.status_code == 401
    assert page.mimetype == "text/html"
    assert "not signed in" in words(page)
    assert "Acme" not in page.text


def test_a_cookie_of_another_key_is_no_visit(inside, app):
    app.config["SECRET_KEY"] = "another key, of which nobody knew"
    assert inside.get(ACCOUNT).status_code == 401


def test_a_cookie_of_an_older_key_still_counts(inside, app):
    app.config["SECRET_KEY_FALLBACKS"] = [app.config["SECRET_KEY"]]
    app.config["SECRET_KEY"] = "a newer key, put in front of it"
    assert inside.get(ACCOUNT).status_code == 200


def test_a_visit_ends_after_thirty_minutes(inside, clock):
    clock.forward(minutes=29)
    assert inside.get(ACCOUNT).status_code == 200
    clock.forward(minutes=1)
    assert inside.get(ACCOUNT).status_code == 401


def test_a_disabled_user_is_out_at_once(inside, gateway, owner):
    set_user_disabled(gateway, owner.username, disabled=True)
    assert inside.get(ACCOUNT).status_code == 401
    set_user_disabled(gateway, owner.username, disabled=False)
    assert inside.get(ACCOUNT).status_code == 401, "the visit was ended, not paused"


def test_a_disabled_users_link_no_longer_works(browser, gateway, owner, link):
    set_user_disabled(gateway, owner.username, disabled=True)
    assert browser.get(link).status_code == 410


def test_a_closed_account_is_out_at_once(inside, gateway, account):
    with gateway.writing() as session:
        session.execute(update(Account).where(Account.id == account.id).values(status="closed"))
    assert inside.get(ACCOUNT).status_code == 401


def test_leaving_ends_the_visit_on_our_side(inside):
    cookie = inside.get_cookie("dragoman_console", path="/console/")
    page = inside.post("/console/leave", data={"form_key": form_key(inside.get(ACCOUNT))})
    assert page.status_code == 200
    assert "You have left" in words(page)
    assert inside.get_cookie("dragoman_console", path="/console/") is None
    inside.set_cookie("dragoman_console", cookie.value, path="/console/")
    assert inside.get(ACCOUNT).status_code == 401, "a kept cookie must not open the door again"


@pytest.mark.parametrize("key", [None, "", "nonsense", "ü\x00"])
def test_leaving_needs_the_key_of_the_form(inside, key):
    page = inside.post("/console/leave", data={} if key is None else {"form_key": key})
    assert (page.status_code, page.mimetype) == (403, "text/html")
    assert inside.get(ACCOUNT).status_code == 200


def test_the_key_of_another_visit_is_refused(app, gateway, owner, inside):
    other = app.test_client()
    other.get(console_login.path(gateway, owner.id))
    key = form_key(other.get(ACCOUNT))
    assert inside.post("/console/leave", data={"form_key": key}).status_code == 403


def test_a_huge_form_is_refused(inside):
    page = inside.post("/console/leave", data={"form_key": "x" * 10_000})
    assert (page.status_code, page.mimetype) == (413, "text/html")


def test_an_api_session_is_no_visit_and_a_visit_no_api_session(app, gateway, owner):
    """Keys of one purpose open nothing else, though all are rows of one table."""
    client = app.test_client()
    login = client.get(f"/API/v1.0/REST/login?username=erp&password={PASSWORD.replace(' ', '%20')}").text
    user_key, session_key = login.split(";")
    assert client.get(f"/console/enter/{session_key}").status_code == 410
    link_key = console_login.path(gateway, owner.id).rpartition("/")[2]
    answer = client.get("/API/v1.0/REST/status", headers={"user_key": user_key, "Session_key": link_key})
    assert answer.status_code == 401


def test_the_dashboard_call_gives_a_link_that_works(app, owner):
    client = app.test_client()
    login = client.get(f"/API/v1.0/REST/login?username=erp&password={PASSWORD.replace(' ', '%20')}").text
    user_key, session_key = login.split(";")
    address = client.get("/API/v1.0/REST/dashboard", headers={"user_key": user_key, "Session_key": session_key}).text
    assert client.get(address.partition("8080")[2]).status_code == 303


# What is shown


def test_balance_and_what_it_buys(inside, gateway):
    with gateway.writing() as session:
        set_tariff(session, MessageType.HIGH, "", 65, gateway.clock.now())
        set_tariff(session, MessageType.LOW, "", 0, gateway.clock.now())
    gateway.catalogue.forget()
    shown = words(inside.get(ACCOUNT))
    assert "Balance 1 000 credits" in shown
    assert "High quality 15 384" in shown
    assert "Low cost no charge" in shown


def test_credit_limit_counts_for_what_can_be_bought(inside, gateway, account):
    with gateway.writing() as session:
        session.execute(update(Account).where(Account.id == account.id).values(credit_limit=500_500))
    shown = words(inside.get(ACCOUNT))
    assert "May go down to -500.5" in shown


def test_orders_with_their_states_and_times(inside, gateway, account, clock):
    an_order(gateway, account, builders.recipients(3), client_ref="invoice-17")
    with gateway.writing() as session:
        session.execute(update(Message).where(Message.position == 0).values(state="delivered"))
        session.execute(update(Message).where(Message.position == 1).values(state="unknown"))
    shown = words(inside.get(ACCOUNT))
    assert "2026-01-05 09:00 invoice-17 High quality 3 3 1 queued 1 delivered 1 unknown" in shown
    assert "As of 2026-01-05 09:00, Europe/Rome" in shown


def test_parts_are_told_where_they_explain_the_price(inside, gateway, account):
    an_order(gateway, account, builders.recipients(2), text="x" * 400)
    assert "High quality 2 6 parts 6 2 queued" in words(inside.get(ACCOUNT))


def test_a_scheduled_order_tells_when_and_a_cancelled_one_what_came_back(inside, gateway, account, clock):
    accepted = an_order(gateway, account, due_at=clock.now() + timedelta(days=1))
    assert "to go at 2026-01-06 09:00" in words(inside.get(ACCOUNT))
    cancel(gateway, account.id, "smsend", accepted.public_id)
    shown = words(inside.get(ACCOUNT))
    assert "1 paid back" in shown
    assert "1 cancelled" in shown


def test_text_and_numbers_are_never_shown(inside, gateway, account):
    an_order(gateway, account, text="a secret message")
    page = inside.get(ACCOUNT)
    assert "secret" not in page.text
    assert builders.RECIPIENT not in page.text


def test_only_the_newest_orders_of_this_account(inside, gateway, account, clock):
    stranger = an_account(gateway, "Stranger")
    for number in range(MOST_ORDERS + 2):
        clock.forward(seconds=1)
        an_order(gateway, account, client_ref=f"mine-{number:02}")
        an_order(gateway, stranger, client_ref=f"theirs-{number:02}")
    names = re.findall(r"(?:mine|theirs)-\d\d", words(inside.get(ACCOUNT)))
    assert names == [f"mine-{number:02}" for number in range(MOST_ORDERS + 1, 1, -1)]


def test_what_customers_write_is_escaped(inside, gateway, account):
    an_order(gateway, account, client_ref="<script>x</script>")
    page = inside.get(ACCOUNT)
    assert "<script" not in page.text
    assert "Acme &amp; Sons &lt;b&gt;" in page.text


def test_every_state_has_its_colour():
    assert set(TONES) == set(State)
    assert set(TYPES) == set(MessageType)
    sheet = (STATIC / "console.css").read_text()
    assert all(f".{tone}" in sheet for tone in TONES.values())


# What protects it


@pytest.mark.parametrize("path", [ACCOUNT, "/console/enter/x", "/console/nowhere", "/console/leave", "/console/"])
def test_every_answer_is_protected(inside, path):
    headers = inside.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Request-Id" in headers


def test_pages_need_nothing_inline_and_nothing_foreign(inside, gateway, account):
    an_order(gateway, account)
    for path in (ACCOUNT, "/console/nowhere"):
        page = inside.get(path).text
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", page)
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page)
        assert addresses
        assert all(address.startswith("/console/") for address in addresses)


def test_the_style_sheet_is_kept_under_its_version_only(inside):
    address = the_one(r'rel="stylesheet" href="([^"]+)"', inside.get(ACCOUNT).text)
    with inside.get(address) as sheet:
        assert (sheet.status_code, sheet.mimetype) == (200, "text/css")
        assert "immutable" in sheet.headers["Cache-Control"]
        assert "url(" not in sheet.text
        assert "@import" not in sheet.text
    with inside.get(address.partition("?")[0] + "?v=older") as sheet:
        assert sheet.headers["Cache-Control"] == "no-store"
    assert inside.get("/console/static/../routes.py").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/console/nowhere", 404),
        ("GET", "/console/leave", 404),
        ("POST", "/console/account", 404),
        ("DELETE", "/console/enter/x", 404),
        ("GET", "/console/static/missing.css", 404),
        ("POST", "/console/leave", 401),
    ],
)
def test_refusals_are_pages(browser, method, path, status):
    page = browser.open(path, method=method)
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert "<h1>" in page.text


@pytest.mark.parametrize(("trouble", "status"), [(StorageUnavailable("away"), 503), (RuntimeError("a defect"), 500)])
def test_trouble_is_a_page_that_gives_nothing_away(inside, monkeypatch, trouble, status):
    def struck(*_arguments):
        raise trouble

    monkeypatch.setattr("gateway.services.console.overview", struck)
    page = inside.get(ACCOUNT)
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert "defect" not in page.text
    assert "away" not in page.text


@pytest.mark.parametrize("path", ["/console", "/console/"])
def test_the_front_door_leads_to_the_account(inside, path):
    answer = inside.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, ACCOUNT)


def test_other_paths_still_answer_programs(browser):
    assert browser.get("/nowhere").mimetype == "application/json"
    assert browser.get("/API/v1.0/REST/nowhere").mimetype == "application/json"


def test_calls_of_programs_carry_no_cookie(inside):
    answer = inside.get("/health")
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers


@pytest.mark.parametrize("path", ["/console/enter/SECRET", "/console//enter/SECRET", "//console/enter/SECRET"])
def test_a_link_s_key_is_not_logged(path):
    assert PRIVATE_PATH.match(path)
