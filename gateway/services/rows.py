"""The rows that use cases hand out, for the outer rooms to read. Changing one changes nothing in the database."""

from __future__ import annotations

from gateway.storage.identity import Caller
from gateway.storage.tables import Account, Attempt, Credential, LedgerEntry, Message, Order, ReceiptRow, User

__all__ = ["Account", "Attempt", "Caller", "Credential", "LedgerEntry", "Message", "Order", "ReceiptRow", "User"]
