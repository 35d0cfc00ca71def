"""When messages may not go out and how many may: quiet hours, velocity caps, and the speed of an account.

Every process reads the rules anew after five seconds at most. Counting is exact: it is done by the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from gateway.domain import dates
from gateway.domain.callback import Happening
from gateway.domain.errors import InvalidField, NotFound
from gateway.domain.quiet import DAY_MINUTES, Quiet, quiet_until
from gateway.domain.regions import checked_region
from gateway.domain.sending import AttemptKey, Outgoing
from gateway.domain.velocity import Per, VelocityRule, over_cap
from gateway.services.callbacks import outbox
from gateway.services.core import Gateway
from gateway.services.story import account_id_of
from gateway.storage import restraint as stored
from gateway.storage.identity import account_by_name
from gateway.storage.tables import QuietHours, VelocityCap

QUIET = "quiet hours"
MOST_PARTS_PER_SECOND = 100_000
MOST_MESSAGES = 1_000_000_000
MOST_WINDOW_SECONDS = 7 * 86_400
FRESH_SECONDS = 60
"""How much longer counts are kept: other processes may know a cap for some seconds yet, or not yet."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rules:
    """All that restrains: country → quiet hours, the caps, account → parts a second."""

    quiet: Mapping[str, Quiet]
    caps: Sequence[VelocityRule]
    rates: Mapping[int, int]


def rules(gateway: Gateway) -> Rules:
    """The rules, at most five seconds old. Raises StorageUnavailable."""

    def read() -> Rules:
        with gateway.reading() as session:
            return Rules(
                {row.region: Quiet(row.start_minute, row.end_minute, dates.zone(row.zone, "zone")) for row in stored.quiet_hours(session)},
                [
                    VelocityRule(row.id, row.account_id, Per(row.per), row.prefix, row.most, row.window_seconds)
                    for row, _ in stored.caps(session)
                ],
                stored.rates(session),
            )

    found: Rules = gateway.restraints.get("rules", read)
    return found


def over_caps(gateway: Gateway, account_id: int, recipients: Sequence[str]) -> Mapping[int, str]:
    """Counts new messages against the velocity caps; position → why it must not be sent.

    Counted in a transaction of its own, before the order is taken: an order that is refused afterwards has counted all the same, since
    asking is what is capped. Each cap that is reached is logged once a window.
    """
    covering = [rule for rule in rules(gateway).caps if rule.account_id in (None, account_id)]
    if not covering:
        return {}
    now = gateway.clock.now()
    places: defaultdict[str, list[int]] = defaultdict(list)
    by_scope: dict[str, VelocityRule] = {}
    for rule in covering:
        for position, recipient in enumerate(recipients):
            if rule.covers(account_id, recipient):
                scope = rule.scope(recipient)
                places[scope].append(position)
                by_scope[scope] = rule
    refused: dict[int, str] = {}
    with gateway.writing() as session:
        rows = [(scope, by_scope[scope].window_start(now), len(positions)) for scope, positions in sorted(places.items())]
        counts = stored.count(session, rows)
        for scope, positions in places.items():
            over = over_cap(by_scope[scope], positions, counts[scope])
            refused.update((position, by_scope[scope].words) for position in over)
            if over and len(over) == counts[scope] - by_scope[scope].most:  # the first ones over it in this window
                _alert(session, by_scope[scope], account_id, now)
    return refused


def _alert(session: Session, rule: VelocityRule, account_id: int, now: datetime) -> None:
    told = {"cap": rule.id, "per": rule.per.value, "prefix": rule.prefix, "most": rule.most, "window_seconds": rule.window_seconds}
    log.warning("velocity_cap_reached", account_id=account_id, **told)
    outbox.operator(session, Happening.ALERT_VELOCITY, told, now, account_id)


def put_off(gateway: Gateway, recipients: Sequence[str], due_at: datetime, priority: int) -> Mapping[int, datetime]:
    """Position → when the message may go, of those that are due in quiet hours."""
    hours = rules(gateway).quiet
    if not hours:
        return {}
    found = ((position, quiet_until(hours, recipient, due_at, priority)) for position, recipient in enumerate(recipients))
    return {position: until for position, until in found if until is not None}


def too_early(hours: Mapping[str, Quiet], claimed: Sequence[Outgoing], priority: int, now: datetime) -> list[tuple[AttemptKey, datetime]]:
    """Of messages claimed for sending now, those that would come in quiet hours, and when they may go: a retry, or one that waited for
    a carrier. ``hours``: of :func:`rules`, read before the transaction that claims."""
    found = ((outgoing.key, quiet_until(hours, outgoing.recipient, now, priority)) for outgoing in claimed)
    return [(key, until) for key, until in found if until is not None]


def quiet_hours(gateway: Gateway) -> Sequence[QuietHours]:
    """What is set, by country."""
    with gateway.reading() as session:
        rows = stored.quiet_hours(session)
        session.expunge_all()
        return rows


def set_quiet_hours(gateway: Gateway, region: str, start_minute: int, end_minute: int, zone: str) -> QuietHours:
    """Sets or replaces the quiet hours of a country.

    Raises:
        InvalidField: no such country or zone, or minutes that make no hours.
    """
    letters, known = checked_region(region), dates.zone(zone, "zone")
    try:
        Quiet(start_minute, end_minute, known)
    except ValueError as error:
        raise InvalidField("hours", str(error)) from error
    with gateway.writing() as session:
        session.merge(QuietHours(region=letters, start_minute=start_minute, end_minute=end_minute, zone=known.key))
    gateway.restraints.forget()
    return QuietHours(region=letters, start_minute=start_minute, end_minute=end_minute, zone=known.key)


def remove_quiet_hours(gateway: Gateway, region: str) -> None:
    """Raises NotFound."""
    with gateway.writing() as session:
        if not stored.remove_quiet_hours(session, region.upper()):
            raise NotFound("quiet hours")
    gateway.restraints.forget()


def caps(gateway: Gateway) -> Sequence[tuple[VelocityCap, str | None]]:
    """Every velocity cap, with the name of its account."""
    with gateway.reading() as session:
        rows = stored.caps(session)
        session.expunge_all()
        return rows


def add_cap(gateway: Gateway, per: Per, prefix: str, most: int, window_seconds: int, account: str | None) -> int:
    """Adds a velocity cap; its number.

    Raises:
        NotFound: no such account.
        InvalidField: a prefix that is no digits, or a number out of range.
    """
    digits = prefix.removeprefix("+")
    if digits and not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise InvalidField("prefix", "is up to 15 digits of a number with its country code, such as +39347, or nothing for every number")
    if not 0 <= most <= MOST_MESSAGES:
        raise InvalidField("most", f"must be a whole number from 0 to {MOST_MESSAGES}")
    if not 1 <= window_seconds <= MOST_WINDOW_SECONDS:
        raise InvalidField("seconds", f"must be a whole number from 1 to {MOST_WINDOW_SECONDS}")
    with gateway.writing() as session:
        cap = VelocityCap(account_id=account_id_of(session, account), per=per.value, prefix=digits, most=most)
        cap.window_seconds, cap.created_at = window_seconds, gateway.clock.now()
        session.add(cap)
        session.flush()
        made = cap.id
    gateway.restraints.forget()
    return made


def remove_cap(gateway: Gateway, cap_id: int) -> None:
    """Raises NotFound."""
    with gateway.writing() as session:
        if not stored.remove_cap(session, cap_id):
            raise NotFound("cap")
    gateway.restraints.forget()


def set_rate(gateway: Gateway, account: str, parts_per_second: int) -> None:
    """Sets how fast an account's messages come due; 0: no limit.

    Raises:
        NotFound, InvalidField
    """
    if not 0 <= parts_per_second <= MOST_PARTS_PER_SECOND:
        raise InvalidField("parts_per_second", f"must be a whole number from 0 to {MOST_PARTS_PER_SECOND}")
    with gateway.writing() as session:
        row = account_by_name(session, account)
        if row is None:
            raise NotFound("account")
        row.parts_per_second = parts_per_second
        row.next_slot_at = None
    gateway.restraints.forget()


def account_rates(gateway: Gateway) -> Mapping[str, int]:
    """Account's name → parts a second, of accounts that have a limit."""
    with gateway.reading() as session:
        return stored.named_rates(session)


def has_forgettable(gateway: Gateway) -> bool:
    """Whether there are counts of windows that are over."""
    oldest = _oldest(gateway)
    with gateway.reading() as session:
        return stored.has_forgettable(session, oldest)


def forget(gateway: Gateway, most: int) -> None:
    """Deletes counts of windows that are over."""
    oldest = _oldest(gateway)
    with gateway.writing() as session:
        stored.forget(session, oldest, most)


def _oldest(gateway: Gateway) -> datetime:
    """When the oldest window began that may still be open: a count for each number of a busy gateway must not lie about for days."""
    longest = max((rule.window_seconds for rule in rules(gateway).caps), default=0)
    return gateway.clock.now() - timedelta(seconds=longest + FRESH_SECONDS)


def minutes_of(text: str) -> int:
    """The minute of the day in ``21:30``. Raises InvalidField."""
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit() and len(minutes) == 2):
        raise InvalidField("hours", "are written like 21:00 and 08:30")
    total = int(hours[:3]) * 60 + int(minutes)
    if int(minutes) > 59 or total >= DAY_MINUTES:
        raise InvalidField("hours", "are written like 21:00 and 08:30")
    return total
