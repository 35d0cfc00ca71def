"""One whole gateway with the SMPP connector, one foreign SMSC: messages out with their receipts, messages in; what each side saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from gateway import create_app
from gateway.dispatcher.main import run as dispatch
from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType
from gateway.services import connectors, ledger, ordering
from gateway.services.accounts import NewAccount, create_account
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.ordering import Terms
from gateway.storage.driver import close_connections
from gateway.storage.tables import InboundMessage, Message
from tests.interop.peer import Peer, Seen
from tests.support.databases import settings_for
from tests.support.smsc.texts import decoded, gsm_octets

NAME = "foreign"
PATIENCE_SECONDS = 30.0
GSM_LONG = "The 9:05 leaves at 9:50, fare [12 €] or {10 €} with ~card~; " * 7 + "mind the gap."
UCS2_LONG = "Łódź ↔ 東京 🚄 zażółć gęślą jaźń, 👩‍👩‍👧 café; " * 5 + "😀"
OUT = {
    "short GSM": "Good morning, ¿qué tal? 5 € [ok]",
    "short UCS-2": "Zażółć gęślą jaźń 😀",
    "long GSM": GSM_LONG,
    "long GSM, € at the seam": "a" * 152 + "€" + "b" * 200,
    "long UCS-2 with emoji": UCS2_LONG,
    "long UCS-2, emoji at the seam": "ł" * 66 + "😀" + "ł" * 70,
}
IN = {
    "in: short GSM": (0, ["STATUS? 5 € {now}"]),
    "in: short UCS-2": (8, ["Dziękuję 😀"]),
    "in: long GSM": (0, ["The first part, with € and [brackets]. " * 3, "The second part. " * 5, "The end."]),
    "in: long UCS-2 with emoji": (8, ["Część pierwsza 🚄 " * 3, "druga 😀 " * 5, "koniec"]),
}


@dataclass
class Line:
    """A row of the table. ``problems`` is empty when both sides saw the same."""

    peer: str
    what: str
    how: str
    sent: str
    seen: str
    result: str
    problems: list[str] = field(default_factory=list)


def out(peer: Peer, database_url: str, concatenation: str = "udh8", texts: Sequence[str] = tuple(OUT), **more: Any) -> list[Line]:
    """Sends the named texts to the peer and waits for their receipts."""
    first = len(peer.seen())
    with gateway_on(peer, database_url, concatenation=concatenation, **more) as gateway:
        account = create_account(gateway, NewAccount("customer"))
        ledger.add_credit(gateway, "customer", 1_000_000)
        numbers = {what: f"+39347000{place:04d}" for place, what in enumerate(texts)}
        for what, number in numbers.items():
            ordering.submit(gateway, submission(account.id, OUT[what], number), Terms())
        wait_for(lambda: {row.state for row in rows(gateway)} == {"delivered"})
        states = {row.recipient: row for row in rows(gateway)}
        return [line(peer, what, concatenation, states[number], peer.seen()[first:]) for what, number in numbers.items()]


def line(peer: Peer, what: str, how: str, row: Message, seen: Sequence[Seen]) -> Line:
    """Holds what the peer saw of one message against what was accepted."""
    own = [each for each in seen if each.destination == row.recipient.lstrip("+")]
    parts = sorted(own, key=lambda each: each.place or (0, 1, 1))
    problems = list(differences(OUT[what], how, parts))
    if row.state != "delivered":
        problems.append(f"ended {row.state}: {row.failure or ''}")
    sent = octets_of(OUT[what])[1]
    summary = ", ".join(f"{each.header.hex() or '-'} + {len(each.octets)}" for each in parts)
    return Line(peer.name, what, how, f"{len(OUT[what])} letters, {len(sent)} octets", summary, row.state, problems)


def octets_of(text: str) -> tuple[int, bytes]:
    """The data_coding and octets that a text must have, from the alphabets alone."""
    try:
        return 0, gsm_octets(text)
    except ValueError:
        return 8, text.encode("utf-16-be")


def differences(text: str, how: str, parts: Sequence[Seen]) -> Iterator[str]:
    """What is not as it must be, byte for byte."""
    coding, octets = octets_of(text)
    if not parts:
        yield "never arrived"
        return
    if {each.coding for each in parts} != {coding}:
        yield f"data_coding {sorted({each.coding for each in parts})} instead of {coding}"
    if b"".join(each.octets for each in parts) != octets:
        yield "other octets"
    if all(each.text is not None for each in parts) and "".join(each.text or "" for each in parts) != text:
        yield "another text in the eyes of the other side"
    if any(decoded(each.octets, coding) is None for each in parts):  # raises for a letter that was cut
        yield "cut in a letter"
    if len(parts) > 1:
        yield from misplaced(how, parts)


def misplaced(how: str, parts: Sequence[Seen]) -> Iterator[str]:
    """What is wrong with the headers of a long message."""
    places = [each.place for each in parts]
    first = places[0]
    if first is None or places != [(first[0], len(parts), number) for number in range(1, len(parts) + 1)]:
        yield f"parts placed as {places}"
        return
    reference, total = first[0], len(parts)
    expected = {
        "udh8": [bytes((5, 0, 3, reference & 255, total, number)) for number in range(1, total + 1)],
        "udh16": [bytes((6, 8, 4, reference >> 8, reference & 255, total, number)) for number in range(1, total + 1)],
    }.get(how, [b""] * total)
    if [each.header for each in parts] != expected:
        yield "other headers than 3GPP TS 23.040 says"


def inbound(peer: Peer, database_url: str, texts: Sequence[str] = tuple(IN), **more: Any) -> list[Line]:
    """Lets the peer send the named texts to us, and looks at what was stored."""
    with gateway_on(peer, database_url, **more) as gateway:
        numbers = {what: f"39348000{place:04d}" for place, what in enumerate(texts)}
        wait_for(peer.is_bound)
        for what, number in numbers.items():
            coding, parts = IN[what]
            peer.deliver(parts, coding, number, "393299999999")
        wait_for(lambda: len(came(gateway)) == len(texts))
        stored = came(gateway)
    lines = []
    for what, number in numbers.items():
        text = "".join(IN[what][1])
        found = [each.text for each in stored if each.sender == f"+{number}"]
        problems = [] if found == [text] else [f"{len(found)} stored, {sum(each == text for each in found)} of them right"]
        sent = f"{len(text)} letters, {len(IN[what][1])} parts"
        seen = f"{len(found[0]) if found else 0} letters"
        lines.append(Line(peer.name, what, "udh8" if len(IN[what][1]) > 1 else "-", sent, seen, "stored" if found else "-", problems))
    return lines


@contextmanager
def gateway_on(peer: Peer, database_url: str, **settings: Any) -> Iterator[Gateway]:
    """A gateway whose dispatcher is bound to the peer, on a migrated, empty database."""
    app = create_app(settings_for(database_url, dispatch_poll_milliseconds=20, graceful_timeout_seconds=3, log_level="error"))
    stop = threading.Event()
    thread = threading.Thread(target=dispatch, args=(app, stop))
    with app.app_context():
        gateway: Gateway = app.extensions["dragoman"]
        link = {"system_id": "gateway", "window": 10, "answer_timeout_seconds": 10.0, "reconnect_seconds": 0.1}
        changes = Changes(settings=link | peer.settings() | settings, secrets={"password": "pa55word"})
        connectors.add(gateway, NAME, "smpp", changes, lambda _kind, _settings: None, enabled=True)
        thread.start()
        try:
            yield gateway
        finally:
            stop.set()
            thread.join()
            close_connections(gateway.engine)
            gateway.engine.dispose()


def submission(account_id: int, text: str, recipient: str) -> Submission:
    return Submission(
        account_id=account_id,
        user_id=None,
        dialect="smsend",
        message_type=MessageType.HIGH,
        type_token="N",
        text=text,
        recipients=[recipient],
        fingerprint=b"",
        originator="Dragoman",
        connector=NAME,
    )


def rows(gateway: Gateway) -> list[Message]:
    with gateway.reading() as session:
        found = list(session.scalars(select(Message)))
        session.expunge_all()
        return found


def came(gateway: Gateway) -> list[InboundMessage]:
    with gateway.reading() as session:
        found = list(session.scalars(select(InboundMessage)))
        session.expunge_all()
        return found


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits; the caller's table shows what did not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
