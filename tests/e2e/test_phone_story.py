"""Android telephones on the real thing: gunicorn, a dispatcher for what time brings about, and telephones that only know the contract.

Every test ends with the same account: nothing is lost, nothing was sent twice, and the ledger balances.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway import create_app
from gateway.connectors import made
from gateway.domain.handset import Terms as HandsetTerms
from gateway.domain.routing import Target
from gateway.services import connectors, handset_work, handsets, ledger, ordering, pairing, routing, ways
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.ordering import Accepted
from gateway.services.routing import Terms
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import InboundMessage
from tests.support import gunicorn, programs
from tests.support.builders import an_account, an_order, attempts, balance, messages, recipients
from tests.support.cht_phone import ChtPhone, socket_line
from tests.support.databases import settings_for
from tests.support.phone import Fate, Phone, by_recipient, by_seed

PATIENCE_SECONDS = 60
CARD = "+393330000001"
REFUSED, NO_SERVICE, LOST = "+393471000001", "+393471000002", "+393471000003"
TAKEN = {"delivered", "sent", "undelivered"}
FATES = {REFUSED: Fate.REFUSED, NO_SERVICE: Fate.NO_SERVICE, LOST: Fate.SILENT}


@pytest.fixture
def gateway(database_url: str) -> Iterator[Gateway]:
    """Our own look at the database that the processes work on. Telephones are the only way out."""
    app = create_app(settings_for(database_url))
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        connectors.disable(gateway, "simulator")
        yield gateway
        close_connections(db.engine)
        db.engine.dispose()


@pytest.fixture
def web(gateway: Gateway, database_url: str, tmp_path: Path) -> Iterator[gunicorn.GunicornServer]:
    """gunicorn with threads for the streams of events, and a dispatcher beside it."""
    settings = {"DRAGOMAN_WEB_THREADS": "12", "DRAGOMAN_WEB_WORKERS": "1", "DRAGOMAN_RETRY_BASE_SECONDS": "1"}
    web = gunicorn.start(tmp_path, {"DRAGOMAN_DATABASE_URL": database_url, **settings})
    output = tmp_path / "dispatcher.log"
    with output.open("ab") as log:
        command = [sys.executable, "-m", "gateway.dispatcher"]
        dispatcher = subprocess.Popen(command, env=web.environment, cwd=programs.ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        programs.wait_until(lambda: "dispatcher_started" in output.read_text(), dispatcher, output, PATIENCE_SECONDS)
        yield web
    finally:
        programs.end(dispatcher, signal.SIGTERM, 30)
        web.stop()
    assert '"event": "defect"' not in web.log()


def a_connector(gateway: Gateway, name: str, kind: str = "android", **changes: Any) -> None:
    connectors.add(gateway, name, kind, Changes(**changes), lambda kind, stored: made(kind, stored, gateway.settings), enabled=True)


@contextmanager
def paired(gateway: Gateway, web: gunicorn.GunicornServer, name: str, fate: Callable[..., Fate]) -> Iterator[Phone]:
    """A telephone that was paired with a connector by its token, is switched on, and holds its stream."""
    a_connector(gateway, name)
    opened = pairing.open_pairing(gateway, name, "android")
    phone = Phone(int(web.target), f"Bearer {opened.token}", fate)
    phone.switch_on()
    try:
        until(lambda: phone.streams == 1 and phone.settings and phone.webhooks, phone)
        yield phone
    finally:
        phone.come_back()
        phone.switch_off()


def until(condition: Callable[[], object], *phones: Phone) -> None:
    """Waits for the telephones and the gateway."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"it did not come: {[phone.log for phone in phones]}"
        time.sleep(0.05)


def states(gateway: Gateway, order: Accepted) -> list[str]:
    return [each.state for each in messages(gateway) if each.order_id == order.id]


def came(gateway: Gateway) -> list[InboundMessage]:
    with gateway.reading() as session:
        rows = list(session.scalars(select(InboundMessage).order_by(InboundMessage.id)))
        session.expunge_all()
        return rows


def nothing_twice(*phones: Phone) -> None:
    sent = Counter((to, text) for phone in phones for to, text, _ in phone.air)
    assert [each for each, times in sent.items() if times > 1] == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_telephone_s_life(gateway: Gateway, web: gunicorn.GunicornServer):
    account = an_account(gateway)
    with paired(gateway, web, "drawer", by_recipient(FATES)) as phone:
        assert phone.log == ["registration: 201"] and phone.password
        assert phone.settings["gateway"]["notification_channel"] == "SSE_ONLY"
        until(lambda: ways.state(gateway, "drawer").is_served)
        handsets.set_number(gateway, "drawer", "1", CARD)

        # Sent and delivered, told of by the stream.
        first = an_order(gateway, account, ("+393471234567",), "Zażółć gęślą jaźń 😀")
        until(lambda: states(gateway, first) == ["delivered"], phone)
        assert phone.air == [("+393471234567", "Zażółć gęślą jaźń 😀", None)]

        # Refused, and paid back; without service, and tried again each time later.
        account_before = balance(gateway, account)
        refused = an_order(gateway, account, (REFUSED,))
        until(lambda: states(gateway, refused) == ["failed"], phone)
        assert balance(gateway, account) == account_before
        again = an_order(gateway, account, (NO_SERVICE,))
        until(lambda: len([each for each in attempts(gateway) if each.order_id == again.id]) >= 2, phone)
        phone.fate = by_recipient({LOST: Fate.SILENT})
        until(lambda: states(gateway, again) == ["delivered"], phone)

        # Every report is lost; the list heals it, as the message is still in it.
        lost = an_order(gateway, account, (LOST,))
        until(lambda: states(gateway, lost) == ["delivered"], phone)

        # What comes in is stored once, however often it is forwarded; unsigned it is refused.
        at = datetime(2026, 1, 5, 8, 0, 0, 123000, UTC)
        assert [phone.receive("+393479999999", "Yes, please 😀", at) for _ in range(2)] == [204, 204]
        assert phone.forward("sms:received", {"sender": "x", "message": "forged"}, key="another", tries=1) == 401
        assert phone.receive_mms("+393479999999", "Look", b"\x89PNG", at) == 204
        assert [(row.sender, row.recipient, row.text, row.kind, row.at) for row in came(gateway)] == [
            ("+393479999999", CARD, "Yes, please 😀", "sms", at),
            ("+393479999999", CARD, "Look", "mms", at),
        ]

        # Offline: what comes meanwhile waits, one of them until it is too late. And back.
        phone.go_offline()
        waits = an_order(gateway, account, ("+393471234568",), "Later")
        late = an_order(gateway, account, ("+393471234569",), "Too late", validity=timedelta(seconds=1))
        until(lambda: states(gateway, late) == ["expired"], phone)
        assert states(gateway, waits) in (["queued"], ["sending"])
        phone.come_back()
        until(lambda: states(gateway, waits) == ["delivered"], phone)
        assert "Too late" not in [text for _, text, _ in phone.air]
        assert phone.streams >= 2

        # Taken back by its customer before its hour; called back from the telephone, it goes out after all.
        scheduled = an_order(gateway, account, ("+393471234570",), "Never", due_at=datetime.now(UTC) + timedelta(hours=1))
        ordering.cancel(gateway, account.id, "smsend", scheduled.public_id)
        phone.go_offline()
        recalled = an_order(gateway, account, ("+393471234571",), "After all")
        handset = handsets.serving(gateway, "drawer")
        handset_work.claim(gateway, "drawer", HandsetTerms(), handset.id)
        assert handset_work.call_back(gateway, "drawer") == 1
        phone.come_back()
        until(lambda: states(gateway, recalled) == ["delivered"], phone)
        ends = [each.outcome for each in attempts(gateway) if each.order_id == recalled.id]
        assert ends == ["returned", "accepted"]

        # Its token is worth nothing any more: it registers anew by itself at its next start.
        handsets.revoke(gateway, "drawer")
        phone.authorization = f"Code {pairing.open_pairing(gateway, 'drawer', 'android').code}"
        before = phone.id
        phone.switch_off()
        phone.switch_on()
        until(lambda: phone.id != before and phone.log[-1] == "registration: 201", phone)
        last = an_order(gateway, account, ("+393471234572",), "Still here")
        until(lambda: states(gateway, last) == ["delivered"], phone)
        nothing_twice(phone)
    assert list(ledger.verify(gateway)) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_faults_by_seed(gateway: Gateway, web: gunicorn.GunicornServer):
    """Late, never, twice, out of order, a part that failed, a dead battery: nothing is sent twice or called unsent that was sent."""
    account = an_account(gateway)
    for seed in (1, 2, 3):
        with paired(gateway, web, f"drawer{seed}", by_seed(seed)) as phone:
            to = recipients(24, seed * 100)
            for some, text in ((to[:12], "Hello"), (to[12:], "Hello, and so on. " * 10)):
                an_order(gateway, account, some, text, connector=f"drawer{seed}")
            live_on(gateway, phone, to, seed)
            nothing_twice(phone)
            ended = {each.recipient: each.state for each in messages(gateway) if each.recipient in to}
            assert {to for to, state in ended.items() if state in TAKEN} == {to for to, _, _ in phone.air}
    assert list(ledger.verify(gateway)) == []


def live_on(gateway: Gateway, phone: Phone, to: list[str], seed: int) -> None:
    """Until every message has an end; a battery that died is charged. What the radio had then was sent without a word."""

    def is_over() -> bool:
        return {each.state for each in messages(gateway) if each.recipient in to} <= {*TAKEN, "failed", "unknown"}

    while True:
        until(lambda: "battery" in phone.log or is_over(), phone)
        if "battery" not in phone.log:
            return
        phone.switch_off()
        phone.log.remove("battery")
        phone.fate = by_seed(seed, [Fate.DELIVERED, Fate.SENT, Fate.REFUSED])
        for message in phone.messages.values():
            if message.state == "Processed":
                phone._move(message, "Sent", told=False)
        phone.switch_on()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_telephones_share_by_weight(gateway: Gateway, web: gunicorn.GunicornServer):
    """One of either kind: the one that polls takes what falls to it when it calls."""
    account = an_account(gateway)
    a_connector(gateway, "attic", "cht", settings={"username": "attic", "most": 100}, secrets={"password": "tea-and-biscuits"})
    attic = ChtPhone(socket_line(int(web.target)), "/cht/attic", "attic", "tea-and-biscuits", zipped=True)
    assert attic.save_settings() == "ok"
    with paired(gateway, web, "drawer", lambda _message: Fate.DELIVERED) as drawer:
        routing.add(gateway, "telephones", Terms(targets=(Target("drawer", 3), Target("attic", 1))))
        order = an_order(gateway, account, recipients(40), "Hello")
        until(lambda: len(drawer.air) + states(gateway, order).count("queued") == 40, drawer)
        for _ in range(2):
            assert attic.poll() == 200
            attic.work()
        attic.poll()
        until(lambda: states(gateway, order) == ["delivered"] * 40, drawer)
        assert len(drawer.air) + len(attic.air) == 40
        assert len(drawer.air) > len(attic.air) > 0
        assert {to for to, _, _ in drawer.air} | {to for to, _ in attic.air} == set(recipients(40))
    assert list(ledger.verify(gateway)) == []
