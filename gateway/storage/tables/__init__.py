"""The tables as SQLAlchemy classes. ``docs/data.md`` tells why each is as it is.

Orders and messages are keyed by account and by an id that starts with its time (UUIDv7), so both can be
distributed by account and cut into months later without a new key. They carry no foreign keys: one statement
writes an order whole, and the checks would cost a third of the accepting speed.
"""

from __future__ import annotations

from gateway.storage.tables.addressbook import Contact, ContactGroup, GroupMember
from gateway.storage.tables.base import ISSUER_ACCOUNT_ID, REVENUE_ACCOUNT_ID, TEST_CONNECTOR, WITHOUT_ROWID, Base
from gateway.storage.tables.callbacks import OPEN, CallbackBreaker, CallbackDelivery, CallbackEndpoint
from gateway.storage.tables.handsets import Device, Heartbeat, Phone, SendSchedule, Thread, Webhook
from gateway.storage.tables.inbound import UNFETCHED, InboundMessage, InboundNumber, InboundPart, KeywordReply, OptOut
from gateway.storage.tables.limits import QuietHours, VelocityCap, VelocityUse
from gateway.storage.tables.money import LedgerEntry, TariffRow
from gateway.storage.tables.people import Account, Credential, DailyUse, SessionRow, User
from gateway.storage.tables.registrations import Handset, HandsetCommand, Pairing, TelegramChat
from gateway.storage.tables.routing import ConnectorPrice, ConnectorStanding, RouteRow
from gateway.storage.tables.sending import FAILED, SENDING, UNKNOWN, WAITING, Attempt, ConnectorRow, Message, Order, ReceiptRow

__all__ = [
    "FAILED",
    "ISSUER_ACCOUNT_ID",
    "OPEN",
    "REVENUE_ACCOUNT_ID",
    "SENDING",
    "TEST_CONNECTOR",
    "UNFETCHED",
    "UNKNOWN",
    "WAITING",
    "WITHOUT_ROWID",
    "Account",
    "Attempt",
    "Base",
    "CallbackBreaker",
    "CallbackDelivery",
    "CallbackEndpoint",
    "ConnectorPrice",
    "ConnectorRow",
    "ConnectorStanding",
    "Contact",
    "ContactGroup",
    "Credential",
    "DailyUse",
    "Device",
    "GroupMember",
    "Handset",
    "HandsetCommand",
    "Heartbeat",
    "InboundMessage",
    "InboundNumber",
    "InboundPart",
    "KeywordReply",
    "LedgerEntry",
    "Message",
    "OptOut",
    "Order",
    "Pairing",
    "Phone",
    "QuietHours",
    "ReceiptRow",
    "RouteRow",
    "SendSchedule",
    "SessionRow",
    "TariffRow",
    "TelegramChat",
    "Thread",
    "User",
    "VelocityCap",
    "VelocityUse",
    "Webhook",
]
