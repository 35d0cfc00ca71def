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
LONGEST_REQUEST_ID = 255
"""Section 4.1, in bytes. The original does not check it on bulk-send (4.2), but its column takes no more; ours does not either."""
MOST_BULK = 1000
MOST_ATTACHMENTS = 10
EXPIRATION_SECONDS, ATTEMPTS = 600, 2
"""Section 5.2: what a stored 0 means. A message may be tried for as long as all its attempts may take together."""

TERMINATED, ORIGINATED, MISSED_CALL = "mobile-terminated", "mobile-originated", "call/missed"
SEARCH_TYPES = frozenset({TERMINATED, ORIGINATED, MISSED_CALL})
SEARCH_STATUSES = frozenset({*STATUSES.values(), "received"})
"""Section 4.6: the original refuses "scheduled" and "sending"; the contract recommends to take every status."""
NO_PHONE_SIM = "DEFAULT"
"""Section 2, ``sim``: what is told of a number that is no phone of the account, or not any more."""
REASONS = {
    State.CANCELLED: "The message was cancelled before it was sent",
    State.BLOCKED: "The message was blocked",
    State.EXPIRED: "The message was not sent in time",
}
NO_REASON = "UNKNOWN ERROR"
"""Section 3: what ``failure_reason`` says when nobody gave a reason."""
DELETED = "deleted"
"""Section 3: the status of a thread whose messages are all deleted."""

# --- Phones, users, keys, schedules, webhooks, files (sections 4.7, 5.2 to 6) ---
LIMIT_STATUS = 402
"""Sections 5.6, 5.7, 6.1: more webhooks, schedules or phone keys than there may be."""
EMAIL_HOST = "users.invalid"
"""Section 5.4: ``email`` is shown, but no user here has one. A user name that is an address is shown, any other gets this host, to which
no mail can go (RFC 2606)."""
SUBSCRIPTION = {
    "subscription_name": "free",
    "subscription_id": None,
    "subscription_status": None,
    "subscription_renews_at": None,
    "subscription_ends_at": None,
}
"""Section 5.4: there is nothing to subscribe to; the limits of that plan are not applied."""
MASK = "…"
"""Section 5.6: behind the beginning of a phone key, where the original shows the whole key each time."""
MOST_FILE_BYTES = 5_000_000
"""Section 4.7, "under 5 MB"."""
MOST_ROWS = 1000
FURTHEST_IN_FILE = timedelta(hours=420)
BATCH = "bulk-"
BATCH_FIELDS = {
    "pending": "pending_count",
    "scheduled": "scheduled_count",
    "sending": "scheduled_count",  # section 4.7 has no count of its own for it; the sum stays the total
    "sent": "sent_count",
    "delivered": "delivered_count",
    "failed": "failed_count",
    "expired": "expired_count",
}
"""Section 4.7, from the statuses of section 3."""

# --- Telephones (section 7; contract android-devices A.3) ---
PHONE_EVENTS = ("SENT", "DELIVERED", "FAILED")
SIMS = ("SIM1", "SIM2")
RECEIVED = "received"
LONGEST_RECEIVED = 20_000
"""The original takes 2048 bytes and loses what is longer, since the program gives up on a refusal; ours stores it."""
MOST_ATTACHMENT_BYTES, MOST_RECEIVED_BYTES = 3 << 19, 3 << 20
"""1.5 MiB for a file, 3 MiB in all."""
ATTACHMENT_TYPES = frozenset(
    {
        "image/jpeg", "image/jpg", "image/png", "image/gif", "image/webp", "image/bmp", "video/mp4", "video/3gpp", "audio/mpeg",
        "audio/mp3", "audio/ogg", "audio/amr", "audio/3gpp", "audio/mp4", "application/pdf", "text/vcard", "text/x-vcard",
    }
)  # fmt: skip
MISSED_CALL_REQUEST = "missed-call-"
"""``request_id`` of the automatic reply to a missed call: this and the call's id."""
