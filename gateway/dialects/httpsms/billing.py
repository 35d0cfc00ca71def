"""What was sent, by month (contract 5.5)."""

from __future__ import annotations

from typing import Any

from flask import Response

from gateway.dialects.httpsms import owner_schemas, reading, render
from gateway.dialects.httpsms.authentication import caller
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.uncertain import PREFIX
from gateway.domain.credit import UNITS_PER_CREDIT
from gateway.services import billing
from gateway.services.billing import Usage
from gateway.services.rows import Caller
from gateway.web.authentication import current_gateway

_page = owner_schemas.UsagePage()


@blueprint.get(PREFIX + "/billing/usage")
def read_usage() -> Response:
    """The running month."""
    known = caller("read")
    return render.success(usage_fields(billing.current(current_gateway(), known), known), "usage fetched")


@blueprint.get(PREFIX + "/billing/usage-history")
def list_usage() -> Response:
    """Months before this one, newest first."""
    known = caller("read")
    wanted = reading.query_values(_page)
    rows = billing.past(current_gateway(), known, wanted["skip"], wanted["limit"])
    return render.success([usage_fields(row, known) for row in rows], f"fetched {len(rows)} months")


def usage_fields(row: Usage, known: Caller) -> dict[str, Any]:
    """A month as its object; ``total_cost`` is in credits."""
    whole, rest = divmod(row.units, UNITS_PER_CREDIT)
    return {
        "id": str(row.id),
        "user_id": known.user_key,
        "sent_messages": row.sent_messages,
        "received_messages": row.received_messages,
        "total_cost": row.units / UNITS_PER_CREDIT if rest else whole,  # JSON has no decimals; three digits survive a double
        "start_timestamp": render.moment(row.start),
        "end_timestamp": render.moment(row.end),
        "created_at": render.moment(row.start),
        "updated_at": render.moment(row.updated_at),
    }
