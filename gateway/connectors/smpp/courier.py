"""Messages on their way: which part goes next, and what an answer means for its message.

The first part of a long message goes alone, so that a refusal finds nothing accepted and has a plain outcome; the others follow together
once it was accepted. From then on sending the message again would double it: a part that is refused for the moment is tried again here for
a while, and whatever ends the message before all parts are accepted leaves it unknown.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.connectors.base import AttemptKey, Event, FailureKind, Outcome, Outgoing, Receipt, Returned
from gateway.connectors.smpp import pdus, receipts, statuses
from gateway.connectors.smpp.gathering import Gathered, ReceiptGatherer
from gateway.connectors.smpp.link import Link
from gateway.connectors.smpp.mailbox import Question
from gateway.connectors.smpp.pdus import Pdu
from gateway.connectors.smpp.texts import CannotSend
from gateway.connectors.smpp.writer import SubmitWriter

PASSING = (FailureKind.THROTTLED, FailureKind.RETRY_LATER)


class Job:
    """One message on its way. ``ids`` has the SMSC's id of each part, "" until it is accepted. ``is_over``: its outcome was told."""

    __slots__ = ("accepted", "bodies", "deadline", "gathered", "ids", "is_over", "key", "outgoing", "recipient")

    def __init__(self, outgoing: Outgoing) -> None:
        self.key: AttemptKey = outgoing.key
        self.recipient = outgoing.recipient
        self.outgoing: Outgoing | None = outgoing
        self.bodies: list[bytes] = []
        self.ids: list[str] = []
        self.accepted = 0
        self.deadline = 0.0
        self.gathered: Gathered | None = None
        self.is_over = False


class Part:
    """One submit_sm of a job."""

    __slots__ = ("index", "job")

    def __init__(self, job: Job, index: int) -> None:
        self.job = job
        self.index = index


class Courier:
    """Takes messages to the links and collects what is to be told. Used by the loop's thread alone.

    ``events`` and ``ended`` (messages that ended with them) are for the loop to fetch.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._recorded = 0 if settings["recorded_part"] == "first" else -1
        self.gatherer = ReceiptGatherer(self._recorded)
        self.events: list[Event] = []
        self.ended = 0
        self._writer = SubmitWriter(settings)
        self._overrides: Mapping[int, FailureKind] = settings["status_kinds"]
        self._answer_timeout: float = settings["answer_timeout_seconds"]
        self._throttle: float = settings["throttle_seconds"]
        self._part_retry: float = settings["part_retry_seconds"]
        self._queue: deque[Part] = deque()
        self._again: list[tuple[float, int, Part]] = []
        self._numbers = itertools.count()
        self._halfway: dict[int, Job] = {}  # accepted in part, by the time that happened
        self._questions: deque[Question] = deque()
        self._asking = 0
        self._most_asked = max(settings["window"] // 2, 1)  # so that sending goes on
        self._resting_until = 0.0

    # To the links

    def take(self, messages: Sequence[Outgoing], questions: Sequence[Question]) -> None:
        """New work."""
        self._queue.extend([Part(Job(outgoing), 0) for outgoing in messages])
        self._questions.extend(questions)

    def fill(self, links: Sequence[Link], now: float) -> None:
        """Gives the links as much as their windows take."""
        self._give_up_halfway(now)
        while self._again and self._again[0][0] <= now:
            self._queue.appendleft(heapq.heappop(self._again)[2])
        if self._questions:
            self._ask(links, now)
        if now < self._resting_until:
            return
        while self._queue:
            link = links[0] if len(links) == 1 else max(links, key=Link.free)
            room = link.free()
            if room <= 0:
                return
            for _ in range(room if len(links) == 1 else 1):
                self._send(link, self._queue.popleft(), now)
                if not self._queue:
                    return

    def due(self, now: float) -> float:
        """When something is to be done that no link tells, in seconds of the steady clock."""
        times = [self._again[0][0]] if self._again else []
        if self._queue and self._resting_until > now:
            times.append(self._resting_until)
        if self._halfway:
            times.append(next(iter(self._halfway.values())).deadline)
        return min(times, default=float("inf"))

    @property
    def is_idle(self) -> bool:
        """No message is on its way."""
        return not (self._queue or self._again or self._halfway)

    def hand_back(self) -> None:
        """Gives back every message of which nothing was sent."""
        kept: deque[Part] = deque()
        for part in self._queue:
            if part.job.accepted:
                kept.append(part)
            elif not part.job.is_over:
                self._over(part.job, Returned(part.job.key, detail="no bind took it"))
        self._queue = kept
        self._questions.clear()

    def give_up(self) -> None:
        """Ends everything: what nothing was sent of goes back, what was half accepted is unknown."""
        self.hand_back()
        for job in list(self._halfway.values()):
            self._unknown(job, "closed before every part was accepted")
        self._queue.clear()
        self._again.clear()

    # From the links

    def answered(self, token: Any, pdu: Pdu, now: float) -> None:
        """An answer in time. One for a message that is over already counts as late."""
        if isinstance(token, Question):
            self._asking -= 1
            self._told(token, pdu)
            return
        job: Job = token.job
        if job.is_over:
            self.answered_late(token, pdu)
        elif pdu.status == statuses.OK and pdu.command == pdus.SUBMIT_SM_RESP:
            self._accepted(job, token.index, pdu, now)
        else:
            self._refused(token, pdu, now)

    def timed_out(self, token: Any) -> None:
        if isinstance(token, Question):
            self._asking -= 1
        elif not token.job.is_over:
            self._unknown(token.job, f"no answer in {self._answer_timeout:g} s")

    def answered_late(self, token: Any, pdu: Pdu) -> None:
        """Settles a message that was told as unknown: accepted when all its parts are, refused when none is. Its room is free already."""
        if isinstance(token, Question):
            self._told(token, pdu)
            return
        job: Job = token.job
        if pdu.status == statuses.OK and pdu.command == pdus.SUBMIT_SM_RESP:
            self._name(job, token.index, pdu)
            if job.accepted == len(job.ids):
                self._tell_accepted(job)
        elif not job.accepted:
            self.events.append(self._failure(job.key, pdu))

    def lost(self, written: Sequence[Any], unwritten: Sequence[Any]) -> None:
        """A link is gone. What was written and not answered is unknown; the rest waits for another link."""
        self._asking -= sum(isinstance(token, Question) for token in (*written, *unwritten))
        for token in written:
            if isinstance(token, Part) and not token.job.is_over:
                self._unknown(token.job, "the connection was lost before the answer")
        self._queue.extendleft(token for token in reversed(unwritten) if isinstance(token, Part) and not token.job.is_over)

    # Within

    def _send(self, link: Link, part: Part, now: float) -> None:
        job = part.job
        if job.is_over:
            return
        if job.outgoing is not None:
            try:
                job.bodies = self._writer.bodies(job.outgoing)
            except CannotSend as error:
                self._over(job, Outcome.failed(job.key, FailureKind.FINAL, detail=str(error)))
                return
            job.ids = [""] * len(job.bodies)
            job.outgoing = None
            if len(job.bodies) > 1:
                job.gathered = self.gatherer.started(job.recipient, len(job.bodies))
        link.request(pdus.SUBMIT_SM, job.bodies[part.index], part, now)

    def _accepted(self, job: Job, index: int, pdu: Pdu, now: float) -> None:
        self._name(job, index, pdu)
        total = len(job.ids)
        if job.accepted == total:
            self.ended += 1
            job.is_over = True
            self._halfway.pop(id(job), None)
            self._tell_accepted(job)
        elif job.accepted == 1:
            job.deadline = now + self._part_retry
            self._halfway[id(job)] = job
            self._queue.extendleft(Part(job, each) for each in range(total - 1, 0, -1))

    def _name(self, job: Job, index: int, pdu: Pdu) -> None:
        """Notes the id of an accepted part."""
        job.ids[index] = pdus.message_id_of(pdu.body)
        job.accepted += 1
        if job.gathered is not None:
            self.gatherer.part_accepted(job.gathered, index, job.ids[index])
        else:
            self.gatherer.named_anew(job.ids[index])

    def _tell_accepted(self, job: Job) -> None:
        self.events.append(Outcome.accepted(job.key, job.ids[self._recorded], "0x00"))
        if job.gathered is not None:
            self.events += self.gatherer.accepted(job.gathered)

    def _refused(self, part: Part, pdu: Pdu, now: float) -> None:
        job = part.job
        kind = statuses.kind_of(pdu.status, self._overrides)
        if kind is FailureKind.THROTTLED:
            self._resting_until = now + self._throttle
        if not job.accepted:
            self._over(job, self._failure(job.key, pdu))
        elif kind in PASSING and now + self._throttle < job.deadline:
            heapq.heappush(self._again, (now + self._throttle, next(self._numbers), part))
        else:
            words = f"part {part.index + 1} of {len(job.ids)} refused, others accepted: {statuses.name_of(pdu.status)}"
            self._unknown(job, words, statuses.code_of(pdu.status))

    def _failure(self, key: AttemptKey, pdu: Pdu) -> Outcome:
        kind = statuses.kind_of(pdu.status, self._overrides)
        pause = self._throttle if kind is FailureKind.THROTTLED else None
        return Outcome.failed(key, kind, statuses.code_of(pdu.status), statuses.name_of(pdu.status), pause)

    def _unknown(self, job: Job, words: str, code: str = "") -> None:
        self._over(job, Outcome.failed(job.key, FailureKind.UNKNOWN, code, words))

    def _over(self, job: Job, event: Event) -> None:
        job.is_over = True
        self.ended += 1
        self.events.append(event)
        self._halfway.pop(id(job), None)
        if job.gathered is not None:
            self.events += self.gatherer.given_up(job.gathered)

    def _give_up_halfway(self, now: float) -> None:
        while self._halfway:
            job = next(iter(self._halfway.values()))
            if job.deadline > now:
                return
            self._unknown(job, f"not every part was accepted in {self._part_retry:g} s")

    def _ask(self, links: Sequence[Link], now: float) -> None:
        for link in links:
            for _ in range(min(link.free(), self._most_asked - self._asking, len(self._questions))):
                question = self._questions.popleft()
                self._asking += 1
                link.request(pdus.QUERY_SM, pdus.query_body(question.smsc_message_id), question, now)

    def _told(self, question: Question, pdu: Pdu) -> None:
        if pdu.status != statuses.OK:
            return
        found = receipts.answered(pdus.query_sm_resp(pdu.body), question.recipient, datetime.now(UTC))
        if found is not None:
            self.tell(found)

    def tell(self, receipt: Receipt) -> None:
        """A receipt, or what it means for the message that its part belongs to."""
        self.events += self.gatherer.receipts(receipt)
