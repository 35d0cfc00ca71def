"""A company moves: its program speaks smSend to one Dragoman, whose carrier is the old provider. A second Dragoman plays the provider, with
its own web server, dispatcher and simulated carrier; so both ends of each dialect are ours and each is met by the other.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from gateway import create_app
from gateway.connectors import made
from gateway.domain.message import State
from gateway.services import accounts, connectors, devices, keys, ledger, phones, story
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange
from gateway.services.story import Found
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from tests.support import gunicorn, programs, rawhttp
from tests.support.databases import SECRET, settings_for

PASSWORD = "open.sesame-1"
PHONE = "+393331234567"
INLET_SECRET = "told-to-the-provider-once"
PATIENCE_SECONDS = 60
QUICK = {
    "DRAGOMAN_SIMULATOR_DELAY_MILLISECONDS": "20",
    "DRAGOMAN_SIMULATOR_RECEIPT_MILLISECONDS": "300",
    "DRAGOMAN_DISPATCH_POLL_MILLISECONDS": "50",
    "DRAGOMAN_CONNECTOR_NETWORKS": "127.0.0.0/8",
    "DRAGOMAN_CALLBACK_NETWORKS": "127.0.0.0/8",
    "DRAGOMAN_WEB_THREADS": "4",
    "DRAGOMAN_RETRY_BASE_SECONDS": "1",
}


@dataclass
class House:
    """One Dragoman, and our own look at its database."""

    app: Flask
    folder: Path
    environment: Mapping[str, str]
    web: gunicorn.GunicornServer | None = None

    @property
    def gateway(self) -> Gateway:
        gateway: Gateway = self.app.extensions["dragoman"]
        return gateway

    @property
    def url(self) -> str:
        assert self.web is not None
        return f"http://127.0.0.1:{self.web.target}"

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None, status: int = 200) -> Any:
        """One call of a program; JSON where it is JSON."""
        assert self.web is not None
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = rawhttp.request(self.web.target, path, method=method, headers=dict(headers or {}), body=data, timeout=30)
        assert answer.status == status, answer
        return json.loads(answer.body) if answer.body.startswith(b"{") else answer.body.decode()

    def messages(self, begin: str) -> list[Found]:
        """The company's messages whose text begins so, as the operator sees them."""
        with self.app.app_context():
            found = story.find_messages(self.gateway, account_name="Company", recipient=None, state=None, limit=1000)
        return [each for each in found if each.order.text.startswith(begin)]

    def logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))


@contextmanager
def house(folder: Path, template: Path, prepare: Callable[[Gateway], None]) -> Iterator[House]:
    """A Dragoman with its web server and its dispatcher, on a database of its own."""
    folder.mkdir()
    copyfile(template, folder / "test.sqlite3")
    url = f"sqlite:///{folder / 'test.sqlite3'}"
    here = House(create_app(settings_for(url)), folder, QUICK | {"DRAGOMAN_DATABASE_URL": url, "DRAGOMAN_SECRET_KEY": SECRET})
    with here.app.app_context():
        prepare(here.gateway)
    here.web = gunicorn.start(folder, here.environment)
    try:
        with dispatcher(here):
            yield here
    finally:
        here.web.stop()
        with here.app.app_context():
            close_connections(db.engine)
            db.engine.dispose()


@contextmanager
def dispatcher(here: House) -> Iterator[None]:
    assert here.web is not None
    output = here.folder / f"dispatcher-{time.monotonic_ns()}.log"
    with output.open("ab") as log:
        command = [sys.executable, "-m", "gateway.dispatcher"]
        running = subprocess.Popen(command, env=here.web.environment, cwd=programs.ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        programs.wait_until(lambda: "dispatcher_started" in output.read_text(), running, output, PATIENCE_SECONDS)
        yield
    finally:
        assert programs.end(running, signal.SIGTERM, 30) == 0, output.read_text()


class Keys:
    """What the provider gave the company."""

    bulk = ""
    httpsms = ""


def an_account(gateway: Gateway, user: str) -> None:
    accounts.create_account(gateway, accounts.NewAccount("Company", region="IT", originator="Company"))
    ledger.add_credit(gateway, "Company", 100_000)
    accounts.create_user(gateway, "Company", user, PASSWORD)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[House]:
    """The second Dragoman, whose customer is the company."""

    def prepare(gateway: Gateway) -> None:
        an_account(gateway, "company-at-provider")
        devices.create(gateway, "Company", "telephone-1", PASSWORD)
        phones.add(gateway, "Company", PHONE, PhoneChange(messages_per_minute=0))
        Keys.bulk = keys.create(gateway, keys.BULK, "company-at-provider").key
        Keys.httpsms = keys.create(gateway, keys.HTTPSMS, "company-at-provider").key

    with house(tmp_path_factory.mktemp("provider") / "house", sqlite_template, prepare) as provider:
        yield provider


def settings_to(provider: House) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Kind → what the company's operator sets to reach the provider, open and secret."""
    user, base = {"username": "company-at-provider"}, {"base_url": provider.url}
    password, ask = {"password": PASSWORD}, {"first_ask_seconds": 1}
    return {
        "smsend": (base | user | ask | {"send_originator": False, "repeats_are_safe": True}, password | {"inlet_secret": INLET_SECRET}),
        "brevisone": (base | user | ask, password),
        "bulk": (base | {"send_originator": False}, {"api_key": Keys.bulk}),
        "smsnodes": (base | ask | {"device": "telephone-1", "ask_states": True}, password),
        "httpsms": (base | ask | {"phone": PHONE}, {"api_key": Keys.httpsms}),
    }


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, provider: House) -> Iterator[House]:
    """The first Dragoman. Whatever no device is bound for goes out by the connector ``old``."""

    def prepare(gateway: Gateway) -> None:
        an_account(gateway, "program")
        for kind, (settings, secrets) in settings_to(provider).items():
            name = "a-old" if kind == "smsend" else f"by-{kind}"
            connectors.add(gateway, name, kind, Changes(settings=settings, secrets=secrets), fits(gateway), enabled=True)
            devices.create(gateway, "Company", f"device-{kind}", PASSWORD, name)
        connectors.disable(gateway, "simulator")

    with house(tmp_path_factory.mktemp("company") / "house", sqlite_template, prepare) as company:
        yield company


def fits(gateway: Gateway) -> connectors.Fits:
    def tried(kind: str, settings: Mapping[str, Any]) -> None:
        made(kind, settings, gateway.settings)

    return tried


def until(is_so: Callable[[], bool], told: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, told()
        time.sleep(0.1)


def test_from_the_program_to_the_provider_and_its_receipt_back(company: House, provider: House) -> None:
    def told() -> str:
        return f"{company.messages('')} {provider.messages('')} {company.logs()} {provider.logs()}"

    # The program signs in to the first Dragoman and sends as it always has.
    user_key, session = company.call("GET", f"/API/v1.0/REST/login?username=program&password={PASSWORD}").split(";")
    signed = {"user_key": user_key, "Session_key": session}
    text = "Grüße aus Łódź 😀 & Co. + 100%"
    numbers = ["+393471234567", "+999000010", "+999000002"]
    order = {"message_type": "N", "message": text, "recipient": numbers, "order_id": "move-1"}
    assert company.call("POST", "/API/v1.0/REST/sms", order, signed, 201)["order_id"] == "move-1"

    def states() -> dict[str, str]:
        answer = company.call("GET", "/API/v1.0/REST/sms/move-1", headers=signed)
        return {each["destination"]: each["status"] for each in answer["recipients"]}

    # Hop one: the first Dragoman's messages leave by its connector. Hop two: the second one has each of them once, word for word.
    until(lambda: len(provider.messages(text)) == 3, told)
    arrived = {found.message.recipient: found for found in provider.messages(text)}
    assert arrived.keys() == set(numbers)
    assert {(found.order.dialect, found.order.text) for found in arrived.values()} == {("smsend", text)}
    left = {found.message.recipient: found.message for found in company.messages(text)}
    assert {message.connector for message in left.values()} == {"a-old"}
    # Hop three: the provider's carrier. Hop four: the program asks the first Dragoman, and hears what became of them.
    until(lambda: states() == {numbers[0]: "DLVRD", numbers[1]: "KO", numbers[2]: "KO"}, told)
    left = {found.message.recipient: found.message for found in company.messages(text)}
    assert arrived[numbers[0]].order.client_ref == left[numbers[0]].smsc_message_id
    assert (left[numbers[0]].state, left[numbers[1]].state) == (State.DELIVERED, State.UNDELIVERED)
    assert PASSWORD not in company.logs() and text not in company.logs()


def test_the_other_four_dialects(company: House, provider: House) -> None:
    """Each device of the first Dragoman goes out by a client of another dialect to the second."""
    kinds = ["brevisone", "bulk", "smsnodes", "httpsms"]
    names = {}
    for kind in kinds:
        body = {"deviceUsername": f"device-{kind}", "password": PASSWORD, "phoneNumbers": ["+393471234567"], "message": f"by {kind} ü€"}
        names[kind] = company.call("POST", "/api/send-sms", body)["messageId"]

    def state(kind: str) -> str:
        body = {"deviceUsername": f"device-{kind}", "password": PASSWORD, "messageId": names[kind]}
        (one,) = company.call("POST", "/api/message-state", body)["recipients"]
        return str(one["state"])

    def told() -> str:
        return f"{ {kind: state(kind) for kind in kinds} } {company.logs()} {provider.logs()}"

    expected = {"brevisone": "delivered", "bulk": "sent", "smsnodes": "delivered", "httpsms": "delivered"}
    until(lambda: {kind: state(kind) for kind in kinds} == expected, told)
    arrived = {found.order.dialect: found.order.text for found in provider.messages("by ")}
    assert arrived == {kind: f"by {kind} ü€" for kind in kinds}


def test_what_the_provider_calls_comes_in_and_its_secret_is_in_no_log(company: House, provider: House) -> None:
    device = {"deviceUsername": "device-smsend", "password": PASSWORD}
    number = company.call("POST", "/api/send-sms", device | {"phoneNumbers": ["+999000004"], "message": "slow"})["messageId"]
    until(lambda: [found.message.state for found in company.messages("slow")] == [State.SENT], company.logs)
    name = company.messages("slow")[0].message.smsc_message_id
    fields = urlencode({"order_id": name, "recipient": "+999000004", "status": "DLVRD", "delivery_date": "20260301120000"})
    wrong = f"/carrier/a-old/{INLET_SECRET[:-1]}x/receipt?{fields}"
    assert company.call("GET", wrong, status=404) == company.call("GET", wrong.replace("a-old", "nobody"), status=404)
    company.call("GET", f"/carrier/a-old/{INLET_SECRET}/inbound?{fields}", status=404)
    company.call("GET", f"/carrier/a-old/{INLET_SECRET}/receipt?status=DLVRD", status=400)
    assert company.call("GET", f"/carrier/a-old/{INLET_SECRET}/receipt?{fields}") == "OK"
    assert company.call("POST", f"/carrier/a-old/{INLET_SECRET}/receipt?{fields}", b"") == "OK"
    assert company.call("POST", "/api/message-state", device | {"messageId": number})["recipients"][0]["state"] == "delivered"
    assert INLET_SECRET not in company.logs()


def test_a_provider_that_was_away_gets_each_message_once(company: House, provider: House) -> None:
    """It dies while the program sends. What got no answer is sent again under the same order_id: nothing is lost and nothing doubled."""
    assert provider.web is not None
    device = {"deviceUsername": "device-smsend", "password": PASSWORD}
    numbers = [f"+39347{number:07d}" for number in range(30)]

    def send(some: list[str], text: str) -> None:
        for number in some:
            company.call("POST", "/api/send-sms", device | {"phoneNumbers": [number], "message": text})

    def sent() -> list[Found]:
        return company.messages("away: ")

    send(numbers[:10], "away: before")
    until(lambda: any(found.message.state != State.QUEUED for found in sent()), company.logs)
    provider.web.kill()
    send(numbers[10:20], "away: meanwhile")
    provider.web.start()
    send(numbers[20:], "away: after")
    until(lambda: all(found.message.state == State.DELIVERED for found in sent()), lambda: f"{sent()} {company.logs()} {provider.logs()}")
    assert sorted(found.message.recipient for found in provider.messages("away: ")) == numbers
