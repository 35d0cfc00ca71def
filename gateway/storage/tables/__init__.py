"""The tables as SQLAlchemy classes. ``docs/data.md`` tells why each is as it is.

Orders and messages are keyed by account and by an id that starts with its time (UUIDv7), so both can be
distributed by account and cut into months later without a new key. They carry no foreign keys: one statement
writes an order whole, and the checks would cost a third of the accepting speed.
"""

from __future__ import annotations

from gateway.storage.tables.addressbook import Contact, ContactGroup, GroupMember
from gateway.storage.tables.base import ISSUER_ACCOUNT_ID, REVENUE_ACCOUNT_ID, TEST_CONNECTOR, WITHOUT_ROWID, Base
from gateway.storage.tables.handsets import Device, Heartbeat, Phone, SendSchedule, Thread, Webhook
from gateway.storage.tables.money import LedgerEntry, TariffRow
from gateway.storage.tables.people import Account, Credential, DailyUse, SessionRow, User
from gateway.storage.tables.sending import FAILED, SENDING, UNKNOWN, WAITING, Attempt, ConnectorRow, Message, Order, ReceiptRow

__all__ = [
    "FAILED",
    "ISSUER_ACCOUNT_ID",
    "REVENUE_ACCOUNT_ID",
    "SENDING",
    "TEST_CONNECTOR",
    "UNKNOWN",
    "WAITING",
    "WITHOUT_ROWID",
    "Account",
    "Attempt",
    "Base",
    "ConnectorRow",
    "Contact",
    "ContactGroup",
    "Credential",
    "DailyUse",
    "Device",
    "GroupMember",
    "Heartbeat",
    "LedgerEntry",
    "Message",
    "Order",
    "Phone",
    "ReceiptRow",
    "SendSchedule",
    "SessionRow",
    "TariffRow",
    "Thread",
    "User",
    "Webhook",
]
