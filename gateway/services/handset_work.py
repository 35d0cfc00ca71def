"""Work of telephones that fetch it: giving them due messages, and recording what they say of them.

One connector is served by one telephone. A message is claimed, and "attempt started" committed, before the telephone is shown it; it then
stays in the telephone's list until an outcome is known, under a name that is that of the try (:mod:`gateway.domain.handset`). Showing it
again, to the same telephone, is harmless: a telephone does not send twice what it knows by name. When the try's time is over and the
telephone has said nothing, the sweep makes its outcome unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from gateway.domain.handset import Report, Stage, Terms, Windows, name_of
from gateway.domain.message import State
from gateway.domain.quiet import Quiet
from gateway.domain.receipt import Receipt
from gateway.domain.sending import Event, FailureKind, Outcome, Outgoing, Returned
from gateway.services import dispatching, optouts, restraint
from gateway.services.core import Gateway
from gateway.storage import dispatch
from gateway.storage import handsets as stored
from gateway.storage.handsets import Lent, Try
from gateway.storage.tables import Handset

Hours = Mapping[str, Quiet]
LANES = dispatching.LANES
MARGIN = timedelta(minutes=15)
"""How much longer than its validity a try is waited for: the telephone's clock may be wrong, and its report on the way."""
LONG_OVER = datetime(2000, 1, 1, tzinfo=UTC)
"""An end of validity that no clock takes for the future."""
ASKED_AGAIN = timedelta(days=3)
MOST_ASKED = 20
MOST_CALLED_BACK = 1000
TAKEN = "TAKEN"
CALLED_BACK = "CALLED BACK"
"""What stands as the carrier's code on a try that has no outcome yet."""
ENCRYPTED = "the text is encrypted for another program, which this telephone does not have"


@dataclass(frozen=True, slots=True)
class Offered:
    """A message for a telephone. ``name`` is how the telephone knows it, ``valid_until`` after when it must not be sent any more.

    ``is_taken``: the telephone has spoken of it before. ``is_called_back``: it shall not be sent if it is not yet. ``is_asked``: its
    outcome is unknown; ``valid_until`` is long past, so a telephone that knows it says what became of it, and one that does not, says
    that its time is over, and never sends it.
    """

    name: str
    outgoing: Outgoing
    priority: int
    valid_until: datetime
    started_at: datetime
    is_taken: bool = False
    is_called_back: bool = False
    is_asked: bool = False


def fetch(gateway: Gateway, connector: str, terms: Terms, *, handset_id: str | None = None, ask: bool = False) -> list[Offered]:
    """Claims what is due and fits, and gives everything that the telephone should have: what it has not spoken of first.

    Args:
        handset_id: the row of ``handsets`` whose caps are counted; None where the telephone has none. Then there are no caps.
        ask: whether messages of unknown outcome come along, to be told of. For programs that obey ``valid_until``.
    """
    claim(gateway, connector, terms, handset_id)
    return offered(gateway, connector, terms, handset_id=handset_id, ask=ask)


def claim(gateway: Gateway, connector: str, terms: Terms, handset_id: str | None = None) -> int:
    """Takes due messages for a connector's telephone, as many as it may have; how many."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        waiting = dispatch.waiting(session, connector, LANES, now, terms.most)
    if not any(waiting.values()):
        return 0
    hours = restraint.rules(gateway).quiet
    with gateway.writing() as session:
        known = stored.kind_of(session, connector)
        handset = stored.hold(session, handset_id) if handset_id else None
        if known is None or not known[1] or (handset_id and handset is None):
            return 0
        return _claim(session, connector, terms, waiting, handset, hours, now)


def _claim(
    session: Session, connector: str, terms: Terms, waiting: dict[int, int], handset: Handset | None, hours: Hours, now: datetime
) -> int:
    windows = Windows(terms.caps if handset else {}, handset.claimed if handset else {}, now)
    room = terms.most - stored.count_lent(session, connector)
    most = max(0, min(room, room if (left := windows.room()) is None else left))
    kept: list[Outgoing] = []
    for lane, share in shares(waiting, most).items():
        if share:
            due = dispatch.claim(session, connector, lane, share, now, now + terms.validity + MARGIN)
            early = dict(restraint.too_early(hours, due, lane, now))
            dispatch.put_off(session, list(early.items()), restraint.QUIET, now)
            claimed = optouts.let_through(session, [each for each in due if each.key not in early], now)
            fitting = _fitting(claimed, windows)
            stored.put_back(session, [each.key for each in claimed[len(fitting) :]])
            kept += fitting
            if len(fitting) < len(claimed):  # the next lane's must not take the parts that this one waits for
                break
    stored.name(session, [(each.key, _valid_until(each, terms, now) + MARGIN, name_of(each.key)) for each in kept])
    if handset and kept:
        handset.claimed = windows.stored()
    return len(kept)


def _fitting(claimed: Sequence[Outgoing], windows: Windows) -> list[Outgoing]:
    """The first of them, up to one that has too many parts for now: those behind it wait with it."""
    kept = []
    for each in claimed:
        if not windows.admits(each.parts):
            break
        windows.take(each.parts)
        kept.append(each)
    return kept


def _valid_until(outgoing: Outgoing, terms: Terms, now: datetime) -> datetime:
    until = now + terms.validity
    return until if outgoing.expires_at is None else min(until, outgoing.expires_at)


def shares(waiting: dict[int, int], most: int) -> dict[int, int]:
    """Divides what may be claimed among the lanes: each that waits gets a tenth, at least one if there is enough, the first the rest."""
    given = dict.fromkeys(waiting, 0)
    for lane in sorted(waiting):
        given[lane] = min(waiting[lane], max(1, most // 10), most - sum(given.values()))
    for lane in sorted(waiting):
        given[lane] += min(waiting[lane] - given[lane], most - sum(given.values()))
    return given


def offered(gateway: Gateway, connector: str, terms: Terms, *, handset_id: str | None = None, ask: bool = False) -> list[Offered]:
    """What the telephone should have now, at most ``terms.most``. Messages that its program cannot read fail here.

    Only what was claimed since the telephone registered: another may have got what was claimed before. Arguments as :func:`fetch`.
    """
    now = gateway.clock.now()
    with gateway.reading() as session:
        handset = stored.by_id(session, handset_id) if handset_id else None
        if handset_id and handset is None:
            return []
        since = handset.created_at if handset else LONG_OVER
        lent = stored.lent(session, connector, since, terms.most)
        room = min(MOST_ASKED, terms.most - len(lent))
        lost = stored.lost(session, connector, max(since, now - ASKED_AGAIN), room) if ask and room else []
    unreadable = [] if terms.takes_encrypted else [each.outgoing.key for each in lent if each.outgoing.is_encrypted]
    if unreadable:
        words = [Outcome.failed(key, FailureKind.FINAL, "ENCRYPTED", ENCRYPTED) for key in unreadable]
        dispatching.record(gateway, connector, words)
    found = [_offered(each, each.until - MARGIN if each.until else LONG_OVER) for each in lent if each.outgoing.key not in unreadable]
    return found + [_offered(each, LONG_OVER, is_asked=True) for each in lost if terms.takes_encrypted or not each.outgoing.is_encrypted]


def _offered(each: Lent, valid_until: datetime, *, is_asked: bool = False) -> Offered:
    return Offered(
        name_of(each.outgoing.key),
        each.outgoing,
        each.priority,
        valid_until,
        each.started_at,
        is_taken=each.word is not None,
        is_called_back=each.word == CALLED_BACK,
        is_asked=is_asked,
    )


def report(gateway: Gateway, connector: str, reports: Sequence[Report]) -> int:
    """Records what a telephone said, all in one go; how many of the reports were of messages of this connector. Others are no error.

    Repeats, gaps and disorder are harmless: what was said first stands.
    """
    with gateway.reading() as session:
        known = stored.tries(session, connector, [each.key for each in reports])
    ours = [each for each in reports if each.key in known]
    taken = [(each.key, TAKEN) for each in ours if each.stage is Stage.TAKEN and known[each.key].word is None]
    if taken:
        with gateway.writing() as session:
            stored.mark(session, taken)
    events = [event for each in ours for event in _events(each, known[each.key])]
    if events:
        dispatching.record(gateway, connector, events)
    return len(ours)


def _events(report: Report, tried: Try) -> list[Event]:
    accepted = Outcome.accepted(report.key, name_of(report.key))
    match report.stage:
        case Stage.TAKEN:
            return []
        case Stage.SENT:
            return [accepted]
        case Stage.DELIVERED:
            return [accepted, Receipt(name_of(report.key), State.DELIVERED, report.at, report.code)]
        case Stage.UNDELIVERED:
            return [accepted, Receipt(name_of(report.key), State.UNDELIVERED, report.at, report.code or "undelivered")]
        case Stage.FAILED:
            return [Outcome.failed(report.key, _kind(report, tried), report.code, report.detail)]
        case Stage.WITHDRAWN:
            return [_withdrawn(report, tried)]


def _kind(report: Report, tried: Try) -> FailureKind:
    """What a failure means. Of several parts some may be out, and the telephone tells of one: that is never sent again blindly."""
    kind = report.failure or FailureKind.FINAL
    if kind is FailureKind.RETRY_LATER and tried.parts > 1 and not report.is_whole:
        return FailureKind.UNKNOWN
    return kind


def _withdrawn(report: Report, tried: Try) -> Outcome | Returned:
    if tried.word == CALLED_BACK:
        return Returned(report.key, detail="called back from the telephone")
    return Outcome.failed(report.key, FailureKind.FINAL, report.code or "CANCELLED", "cancelled at the telephone")


def call_back(gateway: Gateway, connector: str) -> int:
    """Asks a connector's telephone not to send what it has not sent yet; how many messages it has. Those it obeys for wait again."""
    with gateway.writing() as session:
        handset = stored.of_connector(session, connector)
        if handset is None:
            return 0
        found = stored.lent(session, connector, handset.created_at, MOST_CALLED_BACK)
        keys = [each.outgoing.key for each in found if each.word != CALLED_BACK]
        stored.mark(session, [(key, CALLED_BACK) for key in keys])
        for key in keys:
            stored.tell(session, handset.id, "MessageCancelled", {"messageId": name_of(key)}, gateway.clock.now())
    return len(keys)
