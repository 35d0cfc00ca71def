"""The calls about threads (contract 5.1)."""

from __future__ import annotations

from flask import Response

from gateway.dialects.httpsms import objects, render, schemas
from gateway.dialects.httpsms.authentication import caller
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.reading import identifier, query_values, values
from gateway.dialects.httpsms.uncertain import PREFIX
from gateway.domain.errors import InvalidField
from gateway.services import threads as service
from gateway.web.authentication import current_gateway

THREADS = PREFIX + "/message-threads"
_list, _change = schemas.Threads(), schemas.ChangeThread()


@blueprint.get(THREADS)
def list_threads() -> Response:
    """The conversations of a number, newest first."""
    known = caller("read")
    given = query_values(_list)
    found = service.listed(
        current_gateway(),
        known.account_id,
        given["owner"],
        given["query"],
        given["skip"],
        given["limit"],
        archived=given["is_archived"],
    )
    return render.success([objects.thread(each, known) for each in found], f"fetched {len(found)} message threads")


@blueprint.put(THREADS + "/<thread_id>")
def change_thread(thread_id: str) -> Response:
    """Archives a conversation or marks it read."""
    known = caller("send")
    wanted = identifier(thread_id, "messageThreadID")
    given = values(_change)
    if given["is_archived"] is None and given["is_read"] is None:
        raise InvalidField("payload", "must hold is_archived or is_read")
    changed = service.change(current_gateway(), known.account_id, wanted, archived=given["is_archived"], read=given["is_read"])
    return render.success(objects.thread(changed, known), "message thread updated successfully")


@blueprint.delete(THREADS + "/<thread_id>")
def delete_thread(thread_id: str) -> Response:
    """Deletes a conversation with all its messages; those that wait are not sent."""
    known = caller("send")
    service.delete(current_gateway(), known.account_id, identifier(thread_id, "messageThreadID"))
    return render.empty()
