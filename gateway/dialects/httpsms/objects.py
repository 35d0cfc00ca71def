"""Messages and threads as JSON objects. Every key is always there (contract sections 2 and 5.1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.dialects.httpsms.render import moment
from gateway.dialects.httpsms.uncertain import ATTEMPTS, DELETED, NO_PHONE_SIM, NO_REASON, PENDING, REASONS, RECEIVED, STATUSES, TERMINATED
from gateway.domain import ids
from gateway.domain.message import State
from gateway.domain.order import Submission
from gateway.services.messages import Shown
from gateway.services.ordering import Accepted
from gateway.services.phones import PhoneFound
from gateway.services.rows import Caller
from gateway.services.threads import Conversation

NOT_YET: dict[str, Any] = dict.fromkeys(
    (
        "attachments", "send_time", "last_attempted_at", "scheduled_at", "scheduled_send_time", "sent_at", "delivered_at", "failed_at",
        "expired_at", "received_at", "failure_reason",
    )
)  # fmt: skip
"""What is null as long as nothing happened."""


def user_id(caller: Caller) -> str:
    """The caller as an opaque word."""
    return caller.user_key


def fresh(submission: Submission, accepted: Accepted, position: int, phone: PhoneFound, caller: Caller) -> dict[str, Any]:
    """A message that was accepted a moment ago."""
    at = moment(accepted.accepted_at)
    due_at = submission.due_at
    return _message(
        id=ids.message_id(accepted.id, position),
        request_id=submission.label,
        owner=phone.number,
        contact=submission.recipients[position],
        content=submission.text,
        encrypted=submission.is_encrypted,
        sim=phone.sim,
        max_send_attempts=phone.max_send_attempts or ATTEMPTS,
        user=user_id(caller),
    ) | {
        "status": PENDING,
        "request_received_at": at,
        "created_at": at,
        "updated_at": at,
        "order_timestamp": moment(max(accepted.accepted_at, due_at or accepted.accepted_at)),
        "scheduled_send_time": moment(due_at),
    }


def message(shown: Shown, caller: Caller) -> dict[str, Any]:
    """A message as it stands now."""
    order, row, phone = shown.order, shown.message, shown.phone
    state = State(row.state)
    sent_at = _sent_at(row.sent_at, row.final_at)
    happened = [each for each in (sent_at, row.final_at, shown.last_attempt_at) if each is not None]
    return (
        _message(
            id=shown.id,
            request_id=order.label,
            owner=order.originator or "",
            contact=row.recipient,
            content=shown.content,
            encrypted=order.is_encrypted,
            sim=phone.sim if phone else NO_PHONE_SIM,
            max_send_attempts=(phone.max_send_attempts if phone else 0) or ATTEMPTS,
            user=user_id(caller),
        )
        | {
            "status": STATUSES[state],
            "request_received_at": moment(order.created_at),
            "created_at": moment(order.created_at),
            "updated_at": moment(max([order.created_at, *happened])),
            "order_timestamp": moment(max([order.created_at, *filter(None, [order.due_at]), *happened])),
            "scheduled_send_time": moment(order.due_at),
            "scheduled_at": None if state is State.SCHEDULED else moment(row.due_at),
            "last_attempted_at": moment(shown.last_attempt_at),
            "send_attempt_count": row.attempts,
        }
        | _outcome(state, order.created_at, sent_at, row.final_at, row.failure)
    )


def thread(conversation: Conversation, caller: Caller) -> dict[str, Any]:
    """A conversation and its last message."""
    row = conversation.thread
    return {
        "id": str(row.id),
        "user_id": user_id(caller),
        "owner": row.owner,
        "contact": row.contact,
        "is_archived": row.is_archived,
        "is_read": row.is_read,
        "color": row.color,
        "status": RECEIVED if conversation.is_received else DELETED if conversation.state is None else STATUSES[conversation.state],
        "last_message_content": row.last_text,
        "last_message_id": None if row.last_message_id is None else str(row.last_message_id),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "order_timestamp": moment(row.last_at),
    }


def _message(
    *, id: UUID, request_id: str, owner: str, contact: str, content: str, encrypted: bool, sim: str, max_send_attempts: int, user: str
) -> dict[str, Any]:
    """What never changes, and null for the rest."""
    return NOT_YET | {
        "id": str(id),
        "request_id": request_id or None,
        "owner": owner,
        "user_id": user,
        "contact": contact,
        "content": content,
        "encrypted": encrypted,
        "type": TERMINATED,
        "sim": sim,
        "send_attempt_count": 0,
        "max_send_attempts": max_send_attempts,
        "can_be_polled": False,
    }


def _outcome(
    state: State, created_at: datetime, sent_at: datetime | None, final_at: datetime | None, failure: str | None
) -> dict[str, Any]:
    """When it was sent and how it ended."""
    delivered_at = final_at if state is State.DELIVERED else None
    status = STATUSES[state]
    found: dict[str, Any] = {"sent_at": moment(sent_at), "delivered_at": moment(delivered_at)}
    if sent_at or delivered_at:
        found["send_time"] = _nanoseconds((sent_at or delivered_at or created_at) - created_at)
    if status == "failed":
        found |= {"failed_at": moment(final_at), "failure_reason": REASONS.get(state) or failure or NO_REASON}
    elif status == "expired":
        found |= {"expired_at": moment(final_at), "failure_reason": failure or REASONS[state]}
    return found


def _sent_at(sent_at: datetime | None, final_at: datetime | None) -> datetime | None:
    """When it was sent. A receipt tells the carrier's time, which may lie before we heard that the carrier took the message."""
    return min(sent_at, final_at) if sent_at and final_at else sent_at


def _nanoseconds(duration: timedelta) -> int:
    return max(0, duration // timedelta(microseconds=1) * 1000)  # clocks of carriers differ from ours
