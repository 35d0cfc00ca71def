"""The facts of this dialect that its sources do not settle, in one place, so that each can be corrected at once.

Every line follows the reading that the contract recommends (section 10), or says why it does not.
"""

from __future__ import annotations

from gateway.domain.message import State

NAME = "brevisone"
API, CHECK, STATE = "/api.php", "/check.php", "/state.php"

DONE = "OK"
"""Section 4: the body of a success is not documented, clients look at the status alone."""

UNDEFINED = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
"""Section 3.5: bytes that Windows-1252 leaves undefined. They become the control characters of the same number, as in every browser:
an alert with an odd sign is better than none, and nothing is turned into a question mark."""

HALF_CHARACTER = "\ufffd"
"""Section 9.2: stands for a character that the client cut in two in front of its three dots. It is outside the GSM alphabet, so such a
text goes as UCS-2; ``""`` would save parts and show no sign of the cut but the dots."""
DOTS = b"..."
CUT_BYTES = 156 + len(DOTS)
"""Section 9.2: the length of a text that this client has cut."""
FIRST_SMALL_LETTER = 0xDF
"""From here on a byte is a small letter in Windows-1252 as well as the first of several in UTF-8. Alone in an otherwise ASCII text,
in front of three dots but not at byte 156, it is read as the letter."""

CLIENT_LISTS = (",", ";")
"""Section 3.8: several numbers in one ``to`` are an extension, in the modes of numbers only."""
SHORTEST_NUMBER = 7
"""Section 3.8 step 6, in digits."""
BARE_DIGITS = range(10, 16)
"""Section 3.8 step 5: how many digits without any prefix may be a whole international number."""

LONGEST_PATTERN = 500
"""Characters of a ``regex``; the sources name no limit."""
MOST_PATTERN_BYTES = 256 * 1024
"""What a compiled pattern may take in memory. A larger one is refused."""
MOST_FILTER_STEPS = 2_000_000
"""Instructions of the compiled pattern times recipients. A filter that asks for more is refused, so that its time has a bound."""

OUTCOMES = ("QUEUED", "SENT", "FAILED", "UNKNOWN", "DELIVERED")
"""Section 7, words of our own as the list is lost. An order of several messages shows the first word of these that one of them has: what
is still open comes first, then what went wrong."""
STATES = {
    State.SCHEDULED: "QUEUED",
    State.QUEUED: "QUEUED",
    State.SENDING: "QUEUED",
    State.SENT: "SENT",
    State.DELIVERED: "DELIVERED",
    State.UNDELIVERED: "FAILED",
    State.EXPIRED: "FAILED",
    State.UNKNOWN: "UNKNOWN",
    State.FAILED: "FAILED",
    State.CANCELLED: "FAILED",
    State.BLOCKED: "FAILED",
}
NO_SUCH_MESSAGE = "UNKNOWN"
"""Section 7: the answer to an id that is none of ours."""

SENDING = ("-51db", "SIGNAL_OK")
"""Section 6, ``signal`` and ``state`` while a dispatcher owns a connector. There is no modem; -51 dB is the best that one reports."""
NOT_SENDING = ("-113db", "NO_SIGNAL")
"""Without one, and while the database is away. The manual leaves ``signal`` empty then, but both public plug-ins need an integer: one
crashes without it. -113 dB is what a modem reports for "nothing" and is critical to them. ``state`` may not hold "Trouble", "Blocked" or
"Unknown" for a short outage: a sender that has just been told ``OK`` would send the same alert through its next gateway (section 9.3)."""

FAILED_HOURS = 24
"""Section 6: ``failed`` counts so far back, as a count of all times would alarm for ever."""

THROTTLED_STATUS = 401
"""Too many wrong guesses: the contract has no rate limit on the wire (section 10). The caller is not let in, so it is told what one is
told who is not let in; ``Retry-After`` says when to try again."""
OUTCOME_UNKNOWN_STATUS = 500
"""The database fell silent while it recorded. Not 408: that one promises that nothing was stored (section 4)."""
