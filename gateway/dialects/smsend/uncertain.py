"""The facts of this dialect that its sources do not settle, in one place, so that each can be corrected at once.

Every line follows the reading that the contract recommends (section 5), or says why it does not.
"""

from __future__ import annotations

import re

from gateway.domain.keywords import Keyword
from gateway.domain.message import State
from gateway.domain.smsend_words import SENT_WITHOUT_RECEIPT as SENT_WITHOUT_RECEIPT
from gateway.domain.smsend_words import STATES as STATES
from gateway.domain.tariff import MessageType

NAME = "smsend"
PREFIX = "/API/v1.0/REST"

MESSAGE_TYPES = {
    "N": MessageType.HIGH,
    "GP": MessageType.HIGH,
    "PRM": MessageType.HIGH,
    "L": MessageType.MEDIUM,
    "TI": MessageType.MEDIUM,
    "MND": MessageType.MEDIUM,  # SMSEnvoi's second type; its quality is not described
    "LL": MessageType.LOW,
    "SI": MessageType.LOW,
    "EE": MessageType.FOREIGN,
    "AD": MessageType.ADVERTISING,
}
"""Tokens of all brands, section 3.1. The token given is remembered and echoed."""

STATUS_TYPES = (
    (MessageType.HIGH, "N", "GP"),
    (MessageType.MEDIUM, "L", "TI"),
    (MessageType.LOW, "LL", "SI"),
    (MessageType.FOREIGN, "EE", "EE"),
    (MessageType.ADVERTISING, "AD", "AD"),
)
"""Section 2.7: type, its name with ``typeAliases=true``, its name without. Clients read by position: keep the order."""

CUSTOM_SENDER_TYPES = frozenset({MessageType.HIGH, MessageType.FOREIGN, MessageType.ADVERTISING})
"""Section 3.6 and 2.8: a sender of one's own goes with high-quality types only. For EE and AD the sources are silent."""

RECEIPT_TYPES = frozenset({MessageType.HIGH, MessageType.FOREIGN, MessageType.ADVERTISING})
"""Section 3.1: medium and low have no delivery receipt, SENT is their last state. For EE and AD the sources are silent."""

DEFAULT_FRAGMENTS = 7
"""Section 2.1, ``max_fragments``."""
MOST_FRAGMENTS = 20
"""The largest ``max_fragments`` taken; the sources name none."""

ORDER_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
RESERVED_ORDER_IDS = frozenset({"bulk"})
"""Section 3.4 and 2.5."""

PAGE_SIZE, MOST_PAGE_SIZE = 10, 10_000
"""Section 2.6: ten by default, and no cap below 1000."""
NEWEST_FIRST = True
"""Order of history pages when ``dir`` is not given; the sources are silent."""

WAITING, DELIVERED, FAILED, EXPIRED = 2, 4, 9, 10
STATE_NUMBERS = {
    State.SCHEDULED: WAITING,
    State.QUEUED: WAITING,
    State.SENDING: WAITING,
    State.SENT: WAITING,  # delivered where no receipt was asked for: it is that type's last state
    State.DELIVERED: DELIVERED,
    State.UNDELIVERED: FAILED,
    State.EXPIRED: EXPIRED,
    State.UNKNOWN: WAITING,
    State.FAILED: FAILED,
    State.CANCELLED: FAILED,
    State.BLOCKED: FAILED,
}
"""Section 2.6, ``rcptHistory``: any other number makes a public client fail."""

EMAIL = {"bandwidth": 0, "billing": "EMAILPERHOUR", "expiry": "2099-12-31"}
"""Section 2.7: e-mail is not sent, but clients need the object; ``purchased`` is the day the account was made."""

BLACKLIST = "blacklist"
BLACKLIST_FIELDS = {"number": "phoneNumber", "origin": "origin", "at": "date"}
BLACKLIST_DATE = "%Y-%m-%d %H:%M:%S"
"""Section 2.11: the names in the list are the contract's recommendation; no source shows the real ones. What ``smsbatch`` counts is not
said either: here the distinct numbers given, so that a repeat of the call gets the same answer."""

RECEIVED = "messages"
RECEIVED_FIELDS = {"id": "id", "sender": "sender", "recipient": "recipient", "text": "text", "at": "receivedDate"}
"""Section 2.12: item names and the key of the list are the contract's recommendation."""
MOST_NEW = 100
"""Section 2.12: the maximum and the default of ``limit``."""
MO_TYPES = {"STOP": Keyword.STOP.value, "CONTACT": Keyword.HELP.value, "OTHER": ""}
"""Section 2.12, ``mosmshistory``: in France CONTACT asks who the sender is, which is what HELP asks elsewhere. The original has this call
for French accounts only and tells others 401; here every account has it."""

SHORT_LINK = "%SHORT_LINK%"
PAGES_LINK = re.compile(r"%PAGESLINK_+%")
RICH_URL = re.compile(r"%RICHURL_+%")
"""Section 3.9 and 2.1. Links are put in whole: there is no shortening service here."""

NOT_BUILT = (
    ("POST", "/smstogroups"),
    ("GET", "/smsrich/statistics"),
    ("GET POST", "/alias"),
    ("GET DELETE", "/alias/<id>"),
    ("GET POST", "/contact"),
    ("GET POST", "/contacts"),
    ("GET", "/contact/<id>"),
    ("GET", "/contacts/fields"),
    ("POST", "/contact/add_to_blacklist"),
    ("POST", "/contact/add_to_blacklist/<id>"),
    ("POST", "/contacts/add_to_blacklist"),
    ("POST", "/contact/add_to_blacklist_batch"),
    ("POST", "/group"),
    ("PUT DELETE", "/group/<id>"),
    ("GET", "/groups"),
    ("PUT", "/group/<id>/contact"),
    ("POST DELETE", "/group/<id>/contact/<contact>"),
    ("POST", "/2fa/request"),
    ("POST", "/2fa/verify"),
    ("GET", "/landings"),
    ("GET", "/subaccounts"),
    ("POST", "/subaccount"),
    ("GET PUT", "/subaccount/<id>"),
    ("POST", "/subaccount/<id>/changepwd"),
    ("POST", "/subaccount/<id>/changepwd/api"),
    ("GET", "/subaccount/<id>/credit"),
    ("GET POST", "/subaccount/<id>/purchase"),
    ("DELETE", "/subaccount/<id>/purchase/<purchase>"),
    ("GET POST PUT DELETE", "/subaccount/profile"),
    ("GET POST PUT DELETE", "/subaccount/profile/<path:rest>"),
    ("GET", "/subaccount/activableservices"),
    ("GET POST", "/template"),
    ("GET PATCH DELETE", "/template/<id>"),
    ("GET POST", "/list"),
    ("PUT", "/list/<id>"),
    ("POST", "/list/<id>/contact"),
    ("POST", "/list/<id>/group/<group>"),
    ("POST", "/list/<id>/issue"),
    ("POST", "/list/<id>/issue/template/<template>"),
    ("POST", "/list/<id>/issue/<issue>"),
)
"""Calls of section 2 that answer "not available yet" and are counted."""
