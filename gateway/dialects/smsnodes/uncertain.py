"""The facts of this dialect that its source does not settle, in one place, so that each can be corrected at once.

There is one source, the provider's own page; every line follows the reading that the contract recommends, or says why not.
"""

from __future__ import annotations

import re

from gateway.domain.message import State

NAME = "smsnodes"
SEND, HEALTH, STATE = "/api/send-sms", "/api/health", "/api/message-state"
"""Section 1. The third is ours: the API has no call that tells what became of a message."""

DEFAULT_PRIORITY, LOWEST_PRIORITY, HIGHEST_PRIORITY = 1, 1, 5
LANES = {5: 1, 4: 1, 3: 2, 2: 2, 1: 3}
"""Section 2.5: urgency (5 the most urgent) to the dispatcher's lanes, of which there are three."""

PLUS_ZERO = re.compile(r"\+0[0-9]{5,14}")
"""Section 2.4: no country code starts with 0, but the page's own sample ``+0987654321`` does. Such a number goes out as written."""
SEPARATORS = dict.fromkeys(map(ord, " -.()"))
"""Section 2.4."""
INTERNATIONAL_ON_A_TIE = True
"""Section 2.4: bare digits that read as well with a country code as in the account's country are taken to have one."""

MOST_PARTS = 255
"""Longest message; the source names no limit, a concatenated message has no room for more (3GPP TS 23.040, 9.2.3.24.1)."""

QUEUED = "SMS queued successfully"
"""Section 2.2, fixed text."""

ENCRYPTION = "Passwords as argon2id hashes, API keys as HMAC-SHA-256; message texts are not encrypted by the gateway"
"""Section 3: free text about storage. The page claims AES under keys made from the device's password; that is not so here."""

STATES = {
    State.SCHEDULED: "scheduled",
    State.QUEUED: "queued",
    State.SENDING: "sending",
    State.SENT: "sent",
    State.DELIVERED: "delivered",
    State.UNDELIVERED: "undelivered",
    State.EXPIRED: "expired",
    State.UNKNOWN: "unknown",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.BLOCKED: "blocked",
}
"""Words of our own for the call that is our own: a client of this dialect has never seen others."""
