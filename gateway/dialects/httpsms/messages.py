"""The calls about messages (contract section 4): read the request, call one service, render the answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flask import Response

from gateway.dialects.httpsms import objects, render, schemas, submission
from gateway.dialects.httpsms.authentication import caller
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.numbers import contact, from_query
from gateway.dialects.httpsms.reading import identifier, query_values, values
from gateway.dialects.httpsms.received import received_fields
from gateway.dialects.httpsms.uncertain import MISSED_CALL, ORIGINATED, PREFIX, RECEIVED, SEARCH_TYPES, STATUSES, TERMINATED
from gateway.domain.errors import InvalidField, InvalidFields, InvalidRecipient
from gateway.domain.order import Submission
from gateway.services import conversations as service
from gateway.services import threads
from gateway.services.conversations import Entry
from gateway.services.messages import Search, Shown
from gateway.services.phones import PhoneFound
from gateway.services.rows import Caller
from gateway.web import submitting
from gateway.web.authentication import current_gateway

MESSAGES = PREFIX + "/messages"
RECEIVED_TYPES = {ORIGINATED: service.WRITTEN, MISSED_CALL: service.CALLS}
_send, _bulk, _list, _search = schemas.Send(), schemas.BulkSend(), schemas.Messages(), schemas.SearchMessages()


@blueprint.post(MESSAGES + "/send")
def send() -> Response:
    """Sends one message (contract 4.1)."""
    known = caller("send", checked_later=True)
    given = values(_send)
    (sent,) = _sent(known, given, [given["to"]])
    return render.success(sent, "message added to queue")


@blueprint.post(MESSAGES + "/bulk-send")
def send_bulk() -> Response:
    """Sends one text to up to a thousand (contract 4.2). All are accepted or none is."""
    known = caller("send", checked_later=True)
    given = values(_bulk)
    sent = _sent(known, given, given["to"])
    return render.success(sent, f"{len(sent)} out of {len(sent)} messages added to queue")


@blueprint.get(MESSAGES)
def list_messages() -> Response:
    """The messages between a number and a contact, newest first (contract 4.3)."""
    known = caller("read")
    given = query_values(_list)
    found = service.conversation(
        current_gateway(), known.account_id, given["owner"], from_query(given["contact"]), given["query"], given["skip"], given["limit"]
    )
    return _listed(found, known)


@blueprint.get(MESSAGES + "/search")
def search_messages() -> Response:
    """Messages of the account that fit (contract 4.6). The original's captcha token is not looked at."""
    known = caller("read")
    given = query_values(_search)
    sort = schemas.sort_of(given)
    types, statuses = given["types"] or SEARCH_TYPES, given["statuses"]
    states = [state.value for state, status in STATUSES.items() if status in statuses]
    with_sent = TERMINATED in types and bool(states or not statuses)
    kinds = (
        [kind for name, some in RECEIVED_TYPES.items() if name in types for kind in some] if not statuses or RECEIVED in statuses else []
    )
    wanted = Search(_owners(given["owners"]), states, given["query"], sort, given["sort_descending"])
    found = service.search(current_gateway(), known.account_id, wanted, kinds, given["skip"], given["limit"], with_sent=with_sent)
    return _listed(found, known)


@blueprint.get(MESSAGES + "/<message_id>")
def get_message(message_id: str) -> Response:
    """One message (contract 4.4)."""
    known = caller("read")
    found = service.get(current_gateway(), known.account_id, identifier(message_id, "messageID"))
    return render.success(_object(found, known), "message fetched successfully")


@blueprint.delete(MESSAGES + "/<message_id>")
def delete_message(message_id: str) -> Response:
    """Takes a message out of the lists; one that waits is not sent (contract 4.5)."""
    known = caller("send")
    service.delete(current_gateway(), known.account_id, identifier(message_id, "messageID"))
    return render.empty()


def _sent(known: Caller, given: submission.Values, recipients: Sequence[str]) -> list[dict[str, object]]:
    """Submits one order and gives its messages in the order of the recipients."""
    gateway = current_gateway()
    found: list[tuple[Submission, PhoneFound]] = []

    def read(fresh: Caller) -> Submission:
        found.append(submission.read(gateway, fresh, given, recipients))
        return found[-1][0]

    accepted = submitting.submit(known, partial(caller, "send"), read)
    order, phone = found[-1]
    written = [(recipient, order.text) for recipient in order.recipients]
    threads.touch(gateway, known.account_id, phone.number, written, accepted.id, accepted.accepted_at)
    return [objects.fresh(order, accepted, position, phone, known) for position in range(len(order.recipients))]


def _listed(found: Sequence[Entry], known: Caller) -> Response:
    return render.success([_object(each, known) for each in found], f"fetched {len(found)} messages")


def _object(found: Entry, known: Caller) -> dict[str, object]:
    return objects.message(found, known) if isinstance(found, Shown) else received_fields(found, known)


def _owners(given: Sequence[str]) -> list[str]:
    """Numbers to search for, by the contact rule.

    Raises:
        InvalidFields
    """
    try:
        return [contact(from_query(each)) for each in given]
    except InvalidRecipient as error:
        raise InvalidFields({"owners": [InvalidField("owners", error.reason)]}) from None
