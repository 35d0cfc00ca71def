"""Who wants messages in a chat of a Telegram bot: people register with the bot itself, and what its connector tells is kept here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain import msisdn
from gateway.domain.errors import InvalidField, InvalidRecipient, NotFound
from gateway.domain.inbound import Inbound, Registered
from gateway.domain.sending import Outgoing
from gateway.services.core import Gateway
from gateway.storage import standings
from gateway.storage import telegram as stored
from gateway.storage.tables import TelegramChat as TelegramChat

KIND = "telegram"


@dataclass(frozen=True, slots=True)
class Bot:
    """The connector that messages for Telegram go by. ``is_connected``: it gets on now, or nobody has tried yet. ``has_chats``: at least
    one of the numbers that were asked about is registered with it.
    """

    connector: str
    is_connected: bool
    has_chats: bool


def bot_for(gateway: Gateway, numbers: Sequence[str]) -> Bot | None:
    """The first Telegram connector that is switched on, as these numbers (E.164) find it; None where there is none."""
    with gateway.reading() as session:
        found = next((each for each in standings.every(session) if each.kind == KIND and each.is_enabled), None)
        if found is None:
            return None
        has_chats = stored.is_any_registered(session, found.name, numbers)
        return Bot(found.name, found.is_reachable(gateway.clock.now()), has_chats)


def addressed(session: Session, connector: str, claimed: Sequence[Outgoing]) -> list[Outgoing]:
    """The messages with the chats of their recipients, where those have one. One statement for any count."""
    chats = stored.by_number(session, connector, [each.recipient for each in claimed])
    return [replace(each, address=str(chats[each.recipient])) if each.recipient in chats else each for each in claimed]


def taken(session: Session, connector: str, events: Sequence[Inbound | Registered], now: datetime) -> list[Inbound]:
    """Records registrations, in the caller's transaction, and gives the messages with the numbers of the chats that they came from.

    Messages that came from no chat pass as they are. Those from a chat without a number are left out: a bot can be found by
    everybody, and what strangers write to it is for nobody here.
    """
    messages: list[Inbound] = []
    for event in events:
        if isinstance(event, Registered):
            _register(session, connector, event, now)
        elif event.address is None:
            messages.append(event)
        elif (number := stored.by_chat(session, connector, [int(event.address)]).get(int(event.address))) is not None:
            messages.append(replace(event, sender=number))
    return messages


def chats(gateway: Gateway) -> Sequence[TelegramChat]:
    """Every registration, by connector and number."""
    with gateway.reading() as session:
        rows = stored.every(session)
        session.expunge_all()
        return rows


def forget(gateway: Gateway, number: str) -> tuple[str, Sequence[str]]:
    """Takes a number away from every bot; the number as E.164, and the connectors that knew it. The person may register again.

    Raises:
        InvalidField: not a telephone number with country code.
        NotFound: no bot knows it.
    """
    try:
        number = msisdn.normalise(number, None)
    except InvalidRecipient as error:
        raise InvalidField("number", error.reason) from None
    with gateway.writing() as session:
        known = stored.remove_number(session, number)
    if not known:
        raise NotFound("chat")
    return number, known


def _register(session: Session, connector: str, event: Registered, now: datetime) -> None:
    if event.number is None:
        stored.remove_chat(session, connector, int(event.address))
    else:
        stored.put(session, connector, event.number, int(event.address), now)
