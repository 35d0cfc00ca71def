"""The thread that owns every socket of a connector: waits, reads, writes, keeps the timers."""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from gateway.connectors.base import Standing
from gateway.connectors.smpp import pdus, receipts, statuses
from gateway.connectors.smpp.courier import Courier
from gateway.connectors.smpp.dialling import where
from gateway.connectors.smpp.inbound import InboundReader
from gateway.connectors.smpp.link import Link
from gateway.connectors.smpp.mailbox import Dialled, Mailbox
from gateway.connectors.smpp.pdus import Pdu

LONGEST_SLEEP = 60.0
LONGEST_UNBIND = 1.0
SECONDS_AFTER_FAULT = 0.1
MOST_BACKLOG = 50_000  # events; beyond it the SMSC is asked to come again later

log = structlog.get_logger()


class Loop:
    """Runs one connector's links. :meth:`run` is the body of its thread; the links tell it what happens."""

    def __init__(self, settings: Mapping[str, Any], context: ssl.SSLContext | None, box: Mailbox) -> None:
        self._box = box
        self._selector = selectors.DefaultSelector()
        self._selector.register(box.ear, selectors.EVENT_READ, None)
        commands = [pdus.BIND_TRANSCEIVER] if settings["mode"] == "transceiver" else [pdus.BIND_TRANSMITTER, pdus.BIND_RECEIVER]
        self._links = [Link(command, settings, context, self, self._selector) for _ in range(settings["binds"]) for command in commands]
        self._senders = [link for link in self._links if link.sends]
        self._courier = Courier(settings)
        self._inbound = InboundReader(settings["default_alphabet"], settings["region"])
        self._zone = settings["receipt_zone"]
        self._region: str | None = settings["region"]
        self._window: int = settings["window"]
        self._read_ahead: int = settings["read_ahead"]
        self._is_changed = True
        self._unbind_at: float | None = None
        self._now = 0.0

    def run(self) -> None:
        """Works until the box says that it is time to close and the links are closed, or the time is up."""
        try:
            while not self._is_over():
                self._turn()
        finally:
            self._finish()

    def dispose(self) -> None:
        """Ends a loop that never ran."""
        self._finish()

    def _turn(self) -> None:
        """Once around. An error in one turn is ours, not the SMSC's; it must not end the thread that owns the binds."""
        try:
            ready = self._selector.select(self._sleep_seconds())
            self._now = time.monotonic()
            self._act(ready)
            self._tell()
            for link in self._links:
                link.flush(self._now)
            self._tell()  # what was lost while writing
        except Exception as error:
            log.error("smpp_fault", error=type(error).__name__, where=where(error))
            time.sleep(SECONDS_AFTER_FAULT)

    def _act(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        post = self._box.fetch(any(key.data is None for key, _ in ready))
        self._courier.take(post.messages, post.questions)
        for link, attempt, result in post.dialled:
            link.connected(attempt, result, self._now)
        for key, mask in ready:
            if key.data is not None and mask & selectors.EVENT_READ:
                key.data.read(self._now)
        for link in self._links:
            if link.has_more:
                link.read(self._now)
            link.turn(self._now)
        self._close_down()
        if self._is_changed:
            self._show()
        self._courier.fill(self._senders, self._now)

    def _tell(self) -> None:
        courier = self._courier
        if courier.events:
            events, ended = courier.events, courier.ended
            courier.events, courier.ended = [], 0
            self._box.tell(events, ended)

    def _sleep_seconds(self) -> float:
        if any(link.has_more for link in self._links) or not self._box.may_sleep():
            return 0.0
        now = time.monotonic()
        due = min(self._courier.due(now), *(link.due() for link in self._links))
        if self._box.closing_at is not None:
            if self._unbind_at is None:
                return 0.0
            due = min(due, self._box.closing_at if now >= self._unbind_at else self._unbind_at)
        return min(max(due - now, 0.0), LONGEST_SLEEP)

    def _show(self) -> None:
        """Tells the dispatcher how things stand. While no link takes messages, those not yet sent go back to wait where others see them."""
        self._is_changed = False
        bound = [link for link in self._senders if link.is_bound]
        self._box.allow(0 if self._unbind_at is not None or not bound else self._window * len(bound) + self._read_ahead)
        notes = dict.fromkeys(link.note for link in self._links if link.note)
        self._box.standing = Standing(bool(bound), "; ".join(notes))
        if not bound:
            self._courier.hand_back()

    def _close_down(self) -> None:
        """Step by step, once it is time: nothing new goes out, answers are waited for, then the links are unbound."""
        until = self._box.closing_at
        if until is None:
            return
        if self._unbind_at is None:
            self._unbind_at = until - min(LONGEST_UNBIND, max(until - self._now, 0.0) / 2)
            self._is_changed = True
        self._courier.hand_back()
        can_go_on = not self._courier.is_idle and any(link.is_bound for link in self._senders)
        if self._now >= self._unbind_at or not (can_go_on or any(not link.is_idle for link in self._links)):
            for link in self._links:
                link.unbind(self._now, until)

    def _is_over(self) -> bool:
        until = self._box.closing_at
        return (
            until is not None and self._unbind_at is not None and (time.monotonic() >= until or all(link.is_closed for link in self._links))
        )

    def _finish(self) -> None:
        now = time.monotonic()
        for link in self._links:
            link.close(now)
        post = self._box.fetch()
        self._courier.take(post.messages, [])
        self._courier.give_up()
        for link, attempt, result in post.dialled:
            link.connected(attempt, result, now)
        self._tell()
        self._selector.close()
        self._box.standing = Standing(is_connected=False, note="closed")
        self._box.end()

    # What the links tell

    def changed(self) -> None:
        self._is_changed = True

    def answered(self, token: Any, pdu: Pdu) -> None:
        self._courier.answered(token, pdu, self._now)

    def timed_out(self, token: Any) -> None:
        self._courier.timed_out(token)

    def answered_late(self, token: Any, pdu: Pdu) -> None:
        self._courier.answered_late(token, pdu)

    def lost(self, written: list[Any], unwritten: list[Any]) -> None:
        self._courier.lost(written, unwritten)

    def dialled(self, link: Link, attempt: int, connected: socket.socket | str) -> None:
        self._box.dialled(Dialled(link, attempt, connected))

    def delivered(self, link: Link, pdu: Pdu) -> None:
        """A receipt or a message from a handset. It is answered when it lies among the events, which the loop tells before it writes."""
        delivered = (pdus.deliver_sm if pdu.command == pdus.DELIVER_SM else pdus.data_sm)(pdu.body)
        status = statuses.OK
        if self._box.backlog() >= MOST_BACKLOG:
            status = statuses.RECEIVER_BUSY
        elif receipts.is_receipt(delivered):
            receipt = receipts.receipt_of(delivered, self._zone, self._region, datetime.now(UTC))
            if receipt is None and delivered.esm_class & receipts.TYPE_MASK in receipts.SME_ACKNOWLEDGEMENTS:
                self._courier.events.append(self._inbound.read(delivered, datetime.now(UTC)))
            elif receipt is None:
                log.warning("smpp_receipt_not_understood", esm_class=delivered.esm_class, octets=len(delivered.octets))
            else:
                self._courier.tell(receipt)
        else:
            self._courier.events.append(self._inbound.read(delivered, datetime.now(UTC)))
        link.answer(pdu.command | pdus.RESPONSE, pdu.sequence, b"\0", status)
