"""The facts of this dialect that its sources do not settle, in one place, so that each can be corrected at once.

Every line follows the reading that the contract recommends, or says why it does not.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.message import State

NAME = "httpsms"
PREFIX = "/v1"

CREDIT_STATUS = 402
"""Section 1.2: "plan limit reached". Too little credit and a used-up daily cap are told so: both are what a plan is here."""
CONTENT_TYPE_ENDING = "json"
"""Section 1.2, "no usable Content-Type": any media type that ends so is read as JSON, everything else is 400."""

# --- Messages and threads (sections 2 to 4, 5.1) ---

STATUSES = {
    State.SCHEDULED: "pending",
    State.QUEUED: "scheduled",  # in the answer to a send it is still "pending"
    State.SENDING: "sending",
    State.SENT: "sent",
    State.DELIVERED: "delivered",
    State.UNDELIVERED: "failed",
    State.EXPIRED: "expired",
    State.UNKNOWN: "sending",  # it may have been sent: nothing final may be said
    State.FAILED: "failed",
    State.CANCELLED: "failed",  # section 3 has no word for "taken back"; failure_reason says it
    State.BLOCKED: "failed",
}
"""Section 3, from the gateway's states."""
PENDING = "pending"
FURTHEST = timedelta(hours=480)
"""Section 4.1: how far ahead ``send_at`` may lie."""
LONGEST_CONTENT, LONGEST_BULK_CONTENT = 2048, 1024
"""Sections 4.1 and 4.2, in bytes of UTF-8."""
MOST_BULK = 1000
MOST_ATTACHMENTS = 10

# --- Phones, users, keys, schedules, webhooks, files (sections 4.7, 5.2 to 6) ---
