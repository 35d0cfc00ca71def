"""The calls about messages that came in (contract 2.12)."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, request

from gateway.dialects.smsend import render, schemas
from gateway.dialects.smsend.routes import blueprint, permitted, span, written_number, zone_of
from gateway.dialects.smsend.uncertain import MO_TYPES, MOST_NEW, PREFIX
from gateway.domain.errors import InvalidField
from gateway.services import received
from gateway.services.inbound_numbers import read_number
from gateway.services.orders import Page
from gateway.services.received import Wanted
from gateway.services.rows import Caller
from gateway.web.authentication import current_gateway

_new, _page, _mo = schemas.NewMessages(), schemas.Page(), schemas.MoPage()
_whole = re.compile("[0-9]{1,18}", re.ASCII).fullmatch
MOST_SIMS = 100


@blueprint.get(PREFIX + "/newrsmsmessage")
@blueprint.get(PREFIX + "/newrsmsmessage/<sim>")
def new_messages(sim: str = "") -> Response:
    """Messages since the previous call, each given once, the oldest first; with ``sim``, those to these numbers."""
    caller = permitted("read")
    most = _most(_new.read(request.args))
    rows = received.take_new(current_gateway(), caller.account_id, _sims(sim, caller), most)
    return render.received(Page(len(rows), rows), 1, most, caller.zone)


@blueprint.get(PREFIX + "/srsmshistory")
@blueprint.get(PREFIX + "/srsmshistory/<sim>")
def received_history(sim: str = "") -> Response:
    """Messages of a span of time, a page at a time."""
    caller = permitted("read")
    return _history(_page.read(request.args), caller, recipients=_sims(sim, caller))


@blueprint.get(PREFIX + "/srsmshistory/<sim>/<id_message>")
def received_after(sim: str, id_message: str) -> Response:
    """Messages to these numbers that came after one of them, the oldest first."""
    caller = permitted("read")
    most = _most(_new.read(request.args))
    wanted = Wanted(caller.account_id, recipients=_sims(sim, caller), after_id=_id(id_message))
    rows = received.newer(current_gateway(), wanted, most)
    return render.received(Page(len(rows), rows), 1, most, caller.zone)


@blueprint.get(PREFIX + "/mosmshistory")
def keyword_history() -> Response:
    """Messages of a span of time that are a keyword, or none."""
    caller = permitted("read")
    values = _mo.read(request.args)
    kind = values["type"].upper()
    if kind not in MO_TYPES:
        raise InvalidField("type", f"must be one of {', '.join(MO_TYPES)}")
    return _history(values, caller, keyword=MO_TYPES[kind])


def _history(values: dict[str, Any], caller: Caller, **narrowed: Any) -> Response:
    zone = zone_of(values, caller)
    wanted = span(values, zone)
    total, rows = received.page(
        current_gateway(),
        Wanted(caller.account_id, wanted.start, wanted.end, **narrowed),
        wanted.offset,
        wanted.limit,
        newest_first=wanted.newest_first,
    )
    return render.received(Page(total, rows), values["page"], wanted.limit, zone)


def _most(values: dict[str, Any]) -> int:
    return min(int(values["limit"]), MOST_NEW)


def _id(written: str) -> int:
    if not _whole(written):
        raise InvalidField("id_message", "must be a whole number")
    return int(written)


def _sims(written: str, caller: Caller) -> list[str] | None:
    """The numbers in a path, None where it has none.

    Raises:
        InvalidRecipient, InvalidField
    """
    sims = [each for each in written.split(",") if each.strip()]
    if written and not 0 < len(sims) <= MOST_SIMS:
        raise InvalidField("sim", f"must be 1 to {MOST_SIMS} numbers")
    return [read_number(written_number(each), caller.default_region) for each in sims] if written else None
