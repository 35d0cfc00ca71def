"""What a dialect hands to the middle: one request to send, already in the gateway's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.domain.errors import InvalidField
from gateway.domain.pace import Pace
from gateway.domain.tariff import MessageType

MAX_CLIENT_REF = 64  # characters
HIGHEST_PRIORITY, USUAL_PRIORITY, LOWEST_PRIORITY = 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One request to send, before anything is counted, priced or recorded.

    ``recipients`` are E.164 with plus, distinct unless their texts differ: the dialect sees to that, as a second look at
    a hundred thousand numbers would cost more than it finds. ``texts`` runs beside them where each has a text of
    its own, else it is None and ``text`` goes to all. ``text_read`` is what the customer wrote, where ``text`` differs from
    it. Two plain sequences, not objects: one order may have 100,000 recipients.

    ``type_token`` is the dialect's own word for ``message_type``, echoed in history. ``due_at`` None means now.
    ``validity`` is how long the carrier may try. ``fingerprint`` is a digest of the request, to tell a repeat from another
    request under the same key. ``priority`` is 1 (first lane, for alarms) to 3; None: the call names none.
    ``is_test``: free, and no carrier sees it. ``is_flash``: shown
    at once and not kept (class 0). ``is_encrypted``: the text is cipher text that only the handset can read. ``pace`` spreads the
    messages of a number over time. ``connector`` None is the account's usual way out; one that is given is never left, unless
    ``may_fail_over`` says that it is only the first choice: messages that it fails go on by the rules. Text and numbers stay out of
    ``repr``, hence out of logs.

    Raises:
        InvalidField: ``client_ref`` longer than 64 characters (field "client_ref").
        ValueError: a caller's fault: no recipients, texts of another length, a naive ``due_at``, a validity of
            nothing or less, a priority outside 1 to 3.
    """

    account_id: int
    user_id: int | None
    dialect: str
    message_type: MessageType
    type_token: str
    text: str = field(repr=False)
    recipients: Sequence[str] = field(repr=False)
    fingerprint: bytes = field(repr=False)
    texts: Sequence[str] | None = field(default=None, repr=False)
    text_read: str | None = field(default=None, repr=False)
    originator: str | None = None
    force_ucs2: bool = False
    due_at: datetime | None = None
    validity: timedelta | None = None
    client_ref: str | None = None
    idempotency_key: str | None = field(default=None, repr=False)
    label: str = ""
    wants_receipt: bool = True
    priority: int | None = None
    is_test: bool = False
    is_flash: bool = False
    is_encrypted: bool = False
    pace: Pace | None = None
    connector: str | None = None
    may_fail_over: bool = False

    def __post_init__(self) -> None:
        if not self.recipients:
            raise ValueError("a submission has at least one recipient")
        if self.texts is not None and len(self.texts) != len(self.recipients):
            raise ValueError("texts must run beside recipients")
        if self.due_at is not None and self.due_at.utcoffset() is None:
            raise ValueError("due_at must be aware")
        if self.validity is not None and self.validity <= timedelta(0):
            raise ValueError("validity must be positive")
        if self.priority is not None and not HIGHEST_PRIORITY <= self.priority <= LOWEST_PRIORITY:
            raise ValueError("priority is 1 to 3")
        if self.client_ref is not None and len(self.client_ref) > MAX_CLIENT_REF:
            raise InvalidField("client_ref", f"has more than {MAX_CLIENT_REF} characters")
