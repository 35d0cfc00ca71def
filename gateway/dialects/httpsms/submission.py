"""From the values of a send to one domain :class:`Submission` (contract 4.1 and 4.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import request

from gateway.dialects.httpsms.reading import body
from gateway.dialects.httpsms.uncertain import ATTEMPTS, EXPIRATION_SECONDS, FURTHEST, NAME
from gateway.domain.alphabet import gsm7_length
from gateway.domain.errors import InvalidField, InvalidFields
from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType
from gateway.services import phones
from gateway.services.core import Gateway
from gateway.services.phones import PhoneFound
from gateway.services.rows import Caller
from gateway.web.submitting import idempotency_key

NOT_YOURS = (
    InvalidField("from", "is not the number of a phone of yours"),
    InvalidField("from", "must be registered as a phone before messages can be sent from it"),
)
"""The original tells this one mistake in two sentences, and clients may count them."""
NO_MMS = InvalidField("attachments", "cannot be used: this gateway sends no MMS")

Values = dict[str, Any]


def read(
    gateway: Gateway, caller: Caller, values: Values, recipients: Sequence[str], fingerprint: bytes | None = None
) -> tuple[Submission, PhoneFound]:
    """The submission of one request, and the phone that it goes out from. The values are well formed; the rest is checked here.

    Args:
        fingerprint: by which a repeat of the request is known; None: path and body.

    Raises:
        InvalidFields: attachments, a ``send_at`` too far ahead, or a number that is no phone of the account.
    """
    if values["attachments"]:
        raise InvalidFields({"attachments": [NO_MMS]})
    due_at: datetime | None = values.get("send_at")
    if due_at is not None and due_at > gateway.clock.now() + FURTHEST:
        hours = FURTHEST // timedelta(hours=1)
        raise InvalidFields({"send_at": [InvalidField("send_at", f"must not be more than {hours} hours ahead")]})
    phone = phones.find(gateway, caller.account_id, values["sender"])
    if phone is None:
        raise InvalidFields({"from": NOT_YOURS})
    fingerprint = fingerprint or hashlib.sha256(request.path.encode() + b"\0" + body()).digest()
    return _submission(gateway, caller, values, recipients, phone, fingerprint), phone


def _submission(
    gateway: Gateway, caller: Caller, values: Values, recipients: Sequence[str], phone: PhoneFound, fingerprint: bytes
) -> Submission:
    due_at = values.get("send_at")
    return Submission(
        account_id=caller.account_id,
        user_id=caller.user_id,
        dialect=NAME,
        message_type=MessageType(gateway.settings.message_type),
        type_token=NAME,
        text=values["content"],
        recipients=recipients,
        originator=phone.number,
        due_at=due_at,
        validity=validity(phone),
        fingerprint=fingerprint,
        idempotency_key=idempotency_key(),
        label=values["request_id"],
        force_ucs2=values["encrypted"] and gsm7_length(values["content"]) is None,  # else the account's policy might rewrite cipher text
        is_encrypted=values["encrypted"],
        pace=None if due_at else phones.pace_of(gateway, phone),
        connector=phone.connector,
    )


def validity(phone: PhoneFound) -> timedelta:
    """How long a message of this phone may be tried."""
    return timedelta(seconds=(phone.message_expiration_seconds or EXPIRATION_SECONDS) * (phone.max_send_attempts or ATTEMPTS))
