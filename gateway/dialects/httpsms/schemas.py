"""The fields of the calls about messages and threads (contract sections 4 and 5.1). Unknown ones are ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError

from gateway.dialects.httpsms import numbers
from gateway.dialects.httpsms.fields import Moment, Rows, Strings
from gateway.dialects.httpsms.uncertain import (
    LONGEST_BULK_CONTENT,
    LONGEST_CONTENT,
    LONGEST_REQUEST_ID,
    MOST_ATTACHMENTS,
    MOST_BULK,
    SEARCH_STATUSES,
    SEARCH_TYPES,
)
from gateway.domain.errors import InvalidField, InvalidInput
from gateway.services.messages import SORTS
from gateway.web.fields import Flag, LooseSchema, Text, Whole

LONGEST_NUMBER = 60
LONGEST_URL = 2_000
MOST_SKIPPED = 10**9
FROM = "The number to send from, with country code. It must be one of the account's phones."
TO = "The recipient: a number with country code, or a short code."
OWNER = "The number that sent, exactly as it stands in the messages, with its plus."
SKIP = "How many rows to pass over."
CONTENT = "The text, counted in bytes of UTF-8. With `encrypted` the base64 text is what counts."
ENCRYPTED = "Whether `content` is cipher text that only the handset can read. It is passed on untouched."
REQUEST_ID = "A tag of the client's own, at most 255 bytes. It is not unique."
ATTACHMENTS = "Addresses of files for an MMS. This gateway sends no MMS: any entry is refused."


class Owner(Text):
    """A number to send from, to E.164."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=LONGEST_NUMBER, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        written = super()._deserialize(value, attr, data, **kwargs)
        return _told(numbers.owner, written)


class Contact(Text):
    """A recipient, to E.164 or a short code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=LONGEST_NUMBER, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return _told(numbers.contact, super()._deserialize(value, attr, data, **kwargs))


class Contacts(Strings):
    """Recipients, each as :class:`Contact`; none is left out, none is joined with another."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=MOST_BULK, longest=LONGEST_NUMBER, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        given = super()._deserialize(value, attr, data, **kwargs)
        return [_told(numbers.contact, each, f" at index {index}") for index, each in enumerate(given)]


class Content(Text):
    """A text of so many bytes, kept as it is."""

    def __init__(self, most_bytes: int, **kwargs: Any) -> None:
        super().__init__(longest=most_bytes, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        _bounded(value, self.longest)
        return super()._deserialize(value, attr, data, **kwargs)


class RequestId(Text):
    """A client's tag without blanks around it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        tag = value.strip() if isinstance(value, str) else value
        _bounded(tag, LONGEST_REQUEST_ID)
        return super()._deserialize(tag, attr, data, **kwargs)


class Addresses(Strings):
    """Absolute http or https addresses."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=MOST_ATTACHMENTS, longest=LONGEST_URL, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        given = super()._deserialize(value, attr, data, **kwargs)
        for index, each in enumerate(given):
            if not _is_address(each):
                raise ValidationError(f"holds at index {index} what is not an absolute http or https address")
        return given


class QueryOwner(Text):
    """A number in a query, compared exactly."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=LONGEST_NUMBER, required=True, metadata={"description": OWNER, "example": "+18005550199"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        number = numbers.from_query(super()._deserialize(value, attr, data, **kwargs))
        if not numbers.is_owner(number):
            raise ValidationError("must be a telephone number with its country code and a plus")
        return number


class Words(Strings):
    """Words out of a closed set."""

    def __init__(self, known: frozenset[str], **kwargs: Any) -> None:
        super().__init__(most=len(known), longest=40, **kwargs)
        self.known = known

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        given = list(dict.fromkeys(value)) if isinstance(value, list) else value
        given = super()._deserialize(given, attr, data, **kwargs)
        if not self.known.issuperset(given):
            raise ValidationError(f"may hold {', '.join(sorted(self.known))}")
        return given


class Send(LooseSchema):
    """``POST /v1/messages/send`` (contract 4.1)."""

    sender = Owner(required=True, data_key="from", metadata={"description": FROM})
    to = Contact(required=True, metadata={"description": TO})
    content = Content(LONGEST_CONTENT, required=True, metadata={"description": CONTENT})
    encrypted = Flag(load_default=False, metadata={"description": ENCRYPTED})
    request_id = RequestId(load_default="", metadata={"description": REQUEST_ID})
    send_at = Moment(
        load_default=None,
        metadata={"description": "When to send: RFC 3339 with an offset, at most 480 hours ahead. The past means now."},
    )
    attachments = Addresses(load_default=[], metadata={"description": ATTACHMENTS})


class BulkSend(LooseSchema):
    """``POST /v1/messages/bulk-send`` (contract 4.2)."""

    sender = Owner(required=True, data_key="from", metadata={"description": FROM})
    to = Contacts(required=True, metadata={"description": "1 to 1000 recipients; each entry gets a message, duplicates too."})
    content = Content(LONGEST_BULK_CONTENT, required=True, metadata={"description": CONTENT})
    encrypted = Flag(load_default=False, metadata={"description": ENCRYPTED})
    request_id = RequestId(load_default="", metadata={"description": REQUEST_ID})
    attachments = Addresses(load_default=[], metadata={"description": ATTACHMENTS})


class Messages(LooseSchema):
    """``GET /v1/messages`` (contract 4.3)."""

    owner = QueryOwner()
    contact = Text(required=True, longest=100, metadata={"description": "The other party, exactly as it stands in the messages."})
    query = Text(load_default="", longest=100, metadata={"description": "A part of the content, in either case."})
    skip = Whole(0, MOST_SKIPPED, load_default=0, metadata={"description": SKIP})
    limit = Rows(20, 20, metadata={"description": "How many rows; more than 20 is 20."})


class SearchMessages(LooseSchema):
    """``GET /v1/messages/search`` (contract 4.6)."""

    owners = Strings(most=100, longest=LONGEST_NUMBER, load_default=[], metadata={"description": "Numbers that sent; may be repeated."})
    types = Words(SEARCH_TYPES, load_default=[], metadata={"description": "Types of messages; may be repeated."})
    statuses = Words(SEARCH_STATUSES, load_default=[], metadata={"description": "Statuses; may be repeated."})
    query = Text(
        load_default="",
        longest=50,
        metadata={"description": "A part of content, contact, failure reason or request id, in either case; or a message's whole id."},
    )
    sort_by = Text(load_default="created_at", longest=40, metadata={"description": f"One of {', '.join(SORTS)}."})
    sort_descending = Flag(load_default=False, metadata={"description": "Whether the largest comes first."})
    skip = Whole(0, MOST_SKIPPED, load_default=0, metadata={"description": SKIP})
    limit = Rows(200, 100, metadata={"description": "How many rows; more than 200 is 200."})


class Threads(LooseSchema):
    """``GET /v1/message-threads`` (contract 5.1)."""

    owner = QueryOwner()
    is_archived = Flag(load_default=False, metadata={"description": "Whether archived threads are wanted, or the others."})
    query = Text(load_default="", longest=100, metadata={"description": "A part of the preview, the owner or the contact."})
    skip = Whole(0, MOST_SKIPPED, load_default=0, metadata={"description": SKIP})
    limit = Rows(20, 20, metadata={"description": "How many rows; more than 20 is 20."})


class ChangeThread(LooseSchema):
    """``PUT /v1/message-threads/{id}`` (contract 5.1)."""

    is_archived = Flag(load_default=None, metadata={"description": "Whether the thread is put away."})
    is_read = Flag(load_default=None, metadata={"description": "Whether the thread was read."})


def _bounded(value: Any, most_bytes: int) -> None:
    """Refuses a text with more bytes of UTF-8 than this; before its characters are counted, so that only bytes are told of.

    Raises:
        ValidationError
    """
    if isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) > most_bytes:
        raise ValidationError(f"must have at most {most_bytes} bytes")


def _told(rule: Callable[[str], str], written: str, where: str = "") -> str:
    """The number by this rule.

    Raises:
        ValidationError
    """
    try:
        return rule(written)
    except InvalidInput as error:
        raise ValidationError(f"{error.reason}{where}") from None


def _is_address(value: str) -> bool:
    try:
        address = urlsplit(value)
        return address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        return False


def sort_of(values: Mapping[str, Any]) -> str:
    """The column that a search is sorted by.

    Raises:
        InvalidField
    """
    sort = str(values["sort_by"])
    if sort not in SORTS:
        raise InvalidField("sort_by", f"must be one of {', '.join(SORTS)}")
    return sort
