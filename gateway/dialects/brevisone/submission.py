"""From the parameters of ``/api.php`` to one domain :class:`Submission`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from gateway.dialects.brevisone import numbers, parameters, reading, schemas
from gateway.dialects.brevisone.filtering import KINDS, kept
from gateway.dialects.brevisone.uncertain import API, NAME
from gateway.domain.errors import InvalidField, TooManyRecipients
from gateway.domain.order import Submission
from gateway.domain.parts import TextPolicy, cut, encode
from gateway.domain.tariff import MessageType
from gateway.services import contacts, telegram
from gateway.services.core import Gateway
from gateway.services.rows import Caller
from gateway.web.parameters import Parameters

MODES = ("number", "user", "group", "telnumber", "teluser", "telgroup")
TELEGRAM = "tel"

_schema = schemas.Send()


class Reader:
    """Reads one complete request of one caller who may send; each method raises what is wrong."""

    def __init__(self, gateway: Gateway, found: Parameters, idempotency_key: str | None) -> None:
        if parameters.is_present(found.get("ring")):
            raise InvalidField("ring", "asks for a call; there is no voice here")
        self.gateway = gateway
        self.values = _schema.read(parameters.texts(found))
        mode = parameters.word(found.get("mode"))
        self.mode = mode if mode in MODES else "number"
        self.is_sms_allowed = not parameters.is_off(found.get("telauto"))
        self.is_hexadecimal = parameters.is_on(found.get("hexmode"))
        self.is_flash = parameters.is_present(found.get("flash"))
        self.filter = parameters.word(found.get("list"))
        self.idempotency_key = idempotency_key
        self.fingerprint = _fingerprint(found)

    def submission(self, caller: Caller) -> Submission:
        """The whole request.

        Raises:
            InvalidInput
        """
        settings = self.gateway.settings
        read, sent = self.text(caller)
        recipients = self.recipients(caller)
        connector = self.connector(recipients)
        return Submission(
            account_id=caller.account_id,
            user_id=caller.user_id,
            dialect=NAME,
            message_type=MessageType(settings.message_type),
            type_token=self.mode,
            text=sent,
            text_read=read if read != sent else None,
            recipients=recipients,
            originator=caller.default_originator,
            idempotency_key=self.idempotency_key,
            fingerprint=self.fingerprint,
            is_flash=self.is_flash,
            connector=connector,
            may_fail_over=connector is not None and self.is_sms_allowed,
        )

    def connector(self, recipients: Sequence[str]) -> str | None:
        """The Telegram connector that the message tries first, or alone with ``telauto=false``; None: it goes the way of every SMS.

        An SMS may do where nobody of the recipients can be reached by Telegram now, so that is not tried then (contract 5).
        """
        if not self.mode.startswith(TELEGRAM):
            return None
        bot = telegram.bot_for(self.gateway, recipients)
        if self.is_sms_allowed:
            return bot.connector if bot is not None and bot.is_connected and bot.has_chats else None
        if bot is None:
            raise InvalidField("telauto", "rules an SMS out, and no Telegram connector is switched on")
        return bot.connector

    def text(self, caller: Caller) -> tuple[str, str]:
        """The text as it was read, and as it goes out: with plain line ends, and cut where it is too long (contract 3.5)."""
        read: str = reading.hexadecimal(self.values["text"]) if self.is_hexadecimal else self.values["text"]
        text = read.replace("\r\n", "\n").replace("\r", "\n")
        encoded = encode(text, TextPolicy(caller.text_policy))
        most = self.gateway.settings.brevisone_max_parts
        return read, cut(encoded.text, encoded.alphabet, most) if encoded.parts > most else text

    def recipients(self, caller: Caller) -> list[str]:
        """Whom it goes to, in E.164, each once; what the filter left over."""
        found = self.resolved(caller)
        if self.filter in KINDS and self.values["regex"]:
            found = {number: found[number] for number in kept(self.filter, self.values["regex"], found)}
        if not found:
            raise InvalidField("regex", "leaves no recipient")
        return list(found)

    def resolved(self, caller: Caller) -> Mapping[str, str]:
        """E.164 → as it was written, of everybody that ``to`` means."""
        to, kind = self.values["to"], self.mode.removeprefix(TELEGRAM)
        if kind == "number":
            return self.numbers(to, caller.default_region)
        if kind == "user":
            contact = contacts.find_contact(self.gateway, caller.account_id, to.strip())
            if contact is None:
                raise InvalidField("to", "names no contact")
            return {contact.number: contact.number}
        group = contacts.find_group(self.gateway, caller.account_id, to.strip())
        if group is None or not group.numbers:
            raise InvalidField("to", "names no group" if group is None else "names a group without members")
        if len(group.numbers) > self.gateway.settings.max_recipients:
            raise TooManyRecipients(len(group.numbers), self.gateway.settings.max_recipients)
        return {number: number for number in group.numbers}

    def numbers(self, to: str, region: str) -> Mapping[str, str]:
        """The numbers in ``to``. One that is none refuses them all."""
        found: dict[str, str] = {}
        for written in numbers.listed(to, self.gateway.settings.max_recipients):
            found.setdefault(numbers.normalise(written, region), written)
        if not found:
            raise InvalidField("to", "holds no number")
        return found


def _fingerprint(found: Parameters) -> bytes:
    """A digest of the request without its credentials, wherever its parameters stood."""
    digest = hashlib.sha256(API.encode())
    for name in sorted(found.keys() - set(parameters.CREDENTIALS)):
        for piece in (name.encode("utf-8"), found[name]):
            digest.update(len(piece).to_bytes(4, "big") + piece)
    return digest.digest()
