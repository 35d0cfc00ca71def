"""Files of messages (contract 4.7). Every row is checked, and the credit for all of them, before the first is queued."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response

from gateway.dialects.httpsms import numbers, render, submission
from gateway.dialects.httpsms.authentication import caller
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.reading import body
from gateway.dialects.httpsms.sheets import Cell, rows
from gateway.dialects.httpsms.uncertain import (
    BATCH,
    BATCH_FIELDS,
    FURTHEST_IN_FILE,
    LONGEST_BULK_CONTENT,
    MOST_FILE_BYTES,
    MOST_ROWS,
    NAME,
    PREFIX,
    STATUSES,
)
from gateway.domain import dates
from gateway.domain.errors import GatewayError, InvalidField, InvalidFields, InvalidInput, MalformedRequest, MissingField
from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType
from gateway.services import batches, phones, profiles, threads
from gateway.services.batches import Batch
from gateway.services.rows import Caller
from gateway.web import submitting
from gateway.web.authentication import current_gateway
from gateway.web.fields import UNSTORABLE, LooseSchema, Text
from gateway.web.parameters import boundary, parts

DOCUMENT = "document"
BULK_FILE = PREFIX + "/bulk-messages"
FROM, TO, CONTENT, SEND_TIME, ATTACHMENTS = "FromPhoneNumber", "ToPhoneNumber", "Content", "SendTime", "AttachmentURLs"
MOST_BATCHES = 10
MOST_PROBLEMS = 100
MOST_PARTS = 100
LONGEST_NAME = 32
BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_moment = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE).fullmatch


class BulkFile(LooseSchema):
    """The form that a file is uploaded with."""

    document = Text(
        required=True,
        metadata={
            "description": f"A .csv or .xlsx file of at most {MOST_ROWS} rows with the columns {FROM}, {TO}, {CONTENT}, "
            f"{SEND_TIME}(optional), {ATTACHMENTS}(optional).",
            "format": "binary",
        },
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a file. ``send_at`` None is now; ``written`` is the time as the file has it, "" for none."""

    number: int
    sender: str
    to: str
    content: str
    send_at: datetime | None
    written: str


@dataclass(frozen=True, slots=True)
class Upload:
    """What the orders of one file have in common. ``key`` is the client's Idempotency-Key."""

    label: str
    key: str | None
    fingerprint: bytes


@blueprint.post(BULK_FILE)
def send_file() -> Response:
    """Queues a message for each row of a file: all of them, or none when any row cannot be sent."""
    known = caller("send", checked_later=True)
    name, content = uploaded()
    gateway = current_gateway()
    checked = Checked(known, profiles.zone_of(gateway, known), gateway.clock.now())
    lines, units = checked.lines(rows(name, content, DOCUMENT, MOST_ROWS))
    key = submitting.idempotency_key()
    label = None if key is None else batches.begun(gateway, known.account_id, key)
    if label is None:
        batches.check_credit(gateway, known, units)
    queued = _queue(known, lines, Upload(label or request_id(name, gateway.clock.now()), key, _fingerprint(lines)))
    return render.done(f"{queued} out of {len(lines)} messages added to queue")


@blueprint.get(BULK_FILE)
def list_files() -> Response:
    """How the last ten batches stand."""
    known = caller("read")
    found = batches.recent(current_gateway(), known.account_id, NAME, BATCH, MOST_BATCHES)
    return render.success([batch_fields(each) for each in found], f"fetched {len(found)} batches")


def batch_fields(batch: Batch) -> dict[str, Any]:
    """A batch as its object."""
    counts = dict.fromkeys(BATCH_FIELDS.values(), 0)
    for state, count in batch.states.items():
        counts[BATCH_FIELDS[STATUSES[state]]] += count
    total = sum(batch.states.values())
    return {"request_id": batch.label, "total": total, **counts, "created_at": render.moment(batch.created_at)}


def uploaded() -> tuple[str, bytes]:
    """Name and content of the uploaded file.

    Raises:
        InvalidFields: there is none, or it is too large; all under "document".
        RequestTooLarge: the whole body is.
    """
    mark = boundary()
    if not mark:
        raise MalformedRequest("the Content-Type must be multipart/form-data with a boundary")
    try:
        files = [(part.filename, part.content) for part in parts(body(), mark, MOST_PARTS) if part.name == DOCUMENT]
    except ValueError:
        raise MalformedRequest("the body is not valid multipart/form-data") from None
    for name, content in files:
        if name is None:
            continue
        if len(content) > MOST_FILE_BYTES:
            raise InvalidFields({DOCUMENT: [InvalidField(DOCUMENT, f"has more than {MOST_FILE_BYTES} bytes")]})
        return name, content
    raise InvalidFields({DOCUMENT: [MissingField(DOCUMENT)]})


def request_id(name: str, now: datetime) -> str:
    """What the messages of one upload are known by: the clock in milliseconds, and the cleaned name of the file."""
    clock, digits = int(now.timestamp() * 1000), ""
    while clock:
        clock, digit = divmod(clock, len(BASE_62))
        digits = BASE_62[digit] + digits
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("\\", "/").rpartition("/")[2])
    return f"{BATCH}{digits}-{cleaned[-LONGEST_NAME:]}"


class Checked:
    """Reads rows as messages and gathers what is wrong with them.

    Args:
        zone: of times without one.
        now: the moment of the request.
    """

    def __init__(self, known: Caller, zone: ZoneInfo, now: datetime) -> None:
        self.known, self.zone, self.now = known, zone, now
        self.problems: list[InvalidInput] = []
        self._owned: dict[str, bool] = {}

    def lines(self, table: Sequence[tuple[int, dict[str, Cell]]]) -> tuple[list[Line], int]:
        """The messages of the rows, and the price of all in units.

        Raises:
            InvalidFields: every row that cannot be sent, and why, under "document".
        """
        if not table:
            raise InvalidFields({DOCUMENT: [InvalidField(DOCUMENT, "has no rows below the header")]})
        lines = [line for number, cells in table if (line := self._line(number, cells)) is not None]
        units = self._prices(lines)
        if self.problems:
            raise InvalidFields({DOCUMENT: _shortened(self.problems)})
        return lines, units

    def _line(self, number: int, cells: dict[str, Cell]) -> Line | None:
        found = {
            name: cells.get(name.lower(), cells.get(f"{name.lower()}(optional)", ""))
            for name in (FROM, TO, CONTENT, SEND_TIME, ATTACHMENTS)
        }
        wrong = len(self.problems)
        sender = self._read(number, FROM, partial(self._sender, found[FROM]))
        to = self._read(number, TO, partial(_recipient, found[TO]))
        content = self._read(number, CONTENT, partial(_content, str(found[CONTENT])))
        send_at = self._read(number, SEND_TIME, partial(self._send_at, found[SEND_TIME]))
        if str(found[ATTACHMENTS]).strip():
            self._note(number, ATTACHMENTS, submission.NO_MMS)
        if len(self.problems) > wrong or sender is None or to is None or content is None:
            return None
        return Line(number, sender, to, content, send_at, _as_text(found[SEND_TIME]))

    def _read(self, number: int, column: str, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except InvalidInput as error:
            self._note(number, column, error)
            return None

    def _note(self, number: int, column: str, error: InvalidInput) -> None:
        self.problems.append(InvalidField(DOCUMENT, f"is wrong in row {number}: {column} {error.reason}"))

    def _sender(self, written: Cell) -> str:
        sender = numbers.owner(_required(written), FROM)
        if sender not in self._owned:
            self._owned[sender] = phones.find(current_gateway(), self.known.account_id, sender) is not None
        if not self._owned[sender]:
            raise InvalidField(FROM, submission.NOT_YOURS[0].reason)
        return sender

    def _send_at(self, written: Cell) -> datetime | None:
        if written == "":
            return None
        moment = self._moment(written)
        if moment > self.now + FURTHEST_IN_FILE:
            raise InvalidField(SEND_TIME, f"must not be more than {FURTHEST_IN_FILE // timedelta(hours=1)} hours ahead")
        return moment if moment > self.now else None

    def _moment(self, written: Cell) -> datetime:
        text = _as_text(written)
        if not _moment(text):
            raise InvalidField(SEND_TIME, "must be a date and time such as 2026-03-01T09:30:00, with or without an offset")
        return dates.parse(re.sub(r"(\.\d{6})\d+", r"\1", text), self.zone, SEND_TIME)

    def _prices(self, lines: Sequence[Line]) -> int:
        """The price of all that can be priced, in units; notes what cannot."""
        gateway = current_gateway()
        kind = MessageType(gateway.settings.message_type)
        found = batches.prices(gateway, self.known, kind, [(line.to, line.content) for line in lines])
        for line, price in zip(lines, found, strict=True):
            if isinstance(price, InvalidInput):
                self._note(line.number, CONTENT if price.field == "message" else TO, price)
        return sum(price for price in found if isinstance(price, int))


def _queue(known: Caller, lines: Sequence[Line], upload: Upload) -> int:
    """Submits an order for each pair of number and time as written, which a repeat finds again; how many messages were queued.

    Raises:
        GatewayError: the first order was refused. Of a later refusal only the count tells: the orders before it stand.
    """
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.sender, line.written), []).append(line)
    queued = 0
    for group in groups.values():
        try:
            _submit(known, group, upload, _key_of_group(upload.key, group[0]) if queued else upload.key)
        except GatewayError:
            if not queued:
                raise
            break
        queued += len(group)
    return queued


def _submit(known: Caller, group: Sequence[Line], upload: Upload, key: str | None) -> None:
    gateway, first = current_gateway(), group[0]
    values: submission.Values = {
        "sender": first.sender, "content": first.content, "send_at": first.send_at, "request_id": upload.label, "encrypted": False,
        "attachments": [],
    }  # fmt: skip
    texts = [line.content for line in group]

    def read(fresh: Caller) -> Submission:
        order, _ = submission.read(gateway, fresh, values, [line.to for line in group], upload.fingerprint)
        own = None if len(set(texts)) == 1 else texts
        return replace(order, texts=own, idempotency_key=key)

    accepted = submitting.submit(known, partial(caller, "send"), read)
    written = [(line.to, line.content) for line in group]
    threads.touch(gateway, known.account_id, first.sender, written, accepted.id, accepted.accepted_at)


def _key_of_group(key: str | None, first: Line) -> str | None:
    """The Idempotency-Key of an order behind the first, which has the client's own. It does not depend on when it is asked for."""
    if key is None:
        return None
    return "-".join(hashlib.sha256(each.encode()).hexdigest() for each in (key, f"{first.sender} {first.written}"))


def _fingerprint(lines: Sequence[Line]) -> bytes:
    """What a repeat of a file is known by: its rows. The bytes of a form differ each time that it is sent, by the boundary."""
    rows_read = [[line.sender, line.to, line.content, line.written] for line in lines]
    return hashlib.sha256(json.dumps([BULK_FILE, rows_read]).encode()).digest()


def _as_text(written: Cell) -> str:
    return (written.isoformat(timespec="seconds") if isinstance(written, datetime) else written).strip()


def _recipient(written: Cell) -> str:
    return numbers.contact(_required(written))


def _required(written: Cell) -> str:
    text = str(written).strip()
    if not text:
        raise MissingField("")
    return text


def _content(text: str) -> str:
    if not text:
        raise MissingField(CONTENT)
    if UNSTORABLE.search(text):
        raise InvalidField(CONTENT, "holds a character that is not allowed (U+0000 or half of a surrogate pair)")
    if len(text.encode()) > LONGEST_BULK_CONTENT:
        raise InvalidField(CONTENT, f"must have at most {LONGEST_BULK_CONTENT} bytes")
    return text


def _shortened(problems: Sequence[InvalidInput]) -> list[InvalidInput]:
    more = len(problems) - MOST_PROBLEMS
    return [*problems[:MOST_PROBLEMS], *([InvalidField(DOCUMENT, f"has {more} more problems")] if more > 0 else [])]
