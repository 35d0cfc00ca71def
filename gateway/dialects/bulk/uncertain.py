"""The facts of this dialect that its sources do not settle, in one place, so that each can be corrected at once.

Every line follows the reading that the contract recommends (section 9), or says why it does not.
"""

from __future__ import annotations

import re

NAME = "bulk"

MESSAGE_TYPES = frozenset({"otp", "transactional", "promotional"})
"""Section 4.2: seen in clients. Stored with the order; the price is that of the setting ``DRAGOMAN_MESSAGE_TYPE``. Others are ignored."""

NUMBER_SEPARATORS = re.compile(r"[,;\r\n]+")
"""Section 4.5: never at blanks, which stand within numbers."""

LONGEST_SENDER = 11
"""Section 8, point 6: longer ones are refused, not cut. That shuts out senders that are international numbers of twelve digits."""

LONGEST_MESSAGE = 39_015
"""Characters: 255 parts of 153, the most that a concatenated message can have. The sources name no limit."""
MOST_PARTS = 255

LONGEST_REFERENCE = 255

SENT_V1 = "Message sent successfully."
"""Section 3.2: with a full stop in the older page, without in the newer; nobody compares it."""
SENT_V2 = "SMS sent successfully"

STATUS_OF_NO_CREDIT = 400
"""Section 3.2: one client's test fixture says so, nothing else. 402 would be the honest status."""

NOT_OFFERED = (("POST", "/api/v2/payments"),)
"""Section 1: seen in one client. Nobody pays here, so 501 with a message says more than 404 would."""

BALANCE_IN_V1 = "/v1/sms/balance"
"""Section 1: seen in one client, which reads ``balance`` at the top level."""
