"""Where the account wants to be told of events (contract 6.1). The telling is :mod:`gateway.services.callbacks`."""

from __future__ import annotations

from typing import Any

from flask import Response

from gateway.dialects.httpsms import owner_schemas, reading, render
from gateway.dialects.httpsms.authentication import caller
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.limits import limit_reached
from gateway.dialects.httpsms.reading import identifier
from gateway.dialects.httpsms.uncertain import PREFIX
from gateway.services import webhooks
from gateway.services.rows import Caller
from gateway.services.webhooks import TooManyWebhooks, WebhookRead, WebhookTerms
from gateway.web.authentication import current_gateway

_page, _body = owner_schemas.WebhookPage(), owner_schemas.WebhookBody()


@blueprint.get(PREFIX + "/webhooks")
def list_webhooks() -> Response:
    """Some of the account's webhooks, newest first, with their signing keys."""
    known = caller("manage")
    wanted = reading.query_values(_page)
    rows = webhooks.listed(current_gateway(), known.account_id, wanted["query"], wanted["skip"], wanted["limit"])
    return render.success([webhook_fields(row, known) for row in rows], f"fetched {len(rows)} webhooks")


@blueprint.post(PREFIX + "/webhooks")
def create_webhook() -> Response:
    """Makes a webhook."""
    known = caller("manage")
    terms = _terms()
    try:
        row = webhooks.create(current_gateway(), known.account_id, terms)
    except TooManyWebhooks as error:
        return limit_reached(error, f"An account may have {webhooks.MOST_WEBHOOKS} webhooks")
    return render.success(webhook_fields(row, known), "webhook created", 201)


@blueprint.put(PREFIX + "/webhooks/<webhook_id>")
def change_webhook(webhook_id: str) -> Response:
    """Replaces a webhook."""
    known = caller("manage")
    row = webhooks.change(current_gateway(), known.account_id, identifier(webhook_id, "webhookID"), _terms())
    return render.success(webhook_fields(row, known), "webhook changed")


@blueprint.delete(PREFIX + "/webhooks/<webhook_id>")
def delete_webhook(webhook_id: str) -> Response:
    """Removes a webhook; 200 with null, as the original answers."""
    known = caller("manage")
    webhooks.delete(current_gateway(), known.account_id, identifier(webhook_id, "webhookID"))
    return render.success(None, "webhook deleted")


def webhook_fields(row: WebhookRead, known: Caller) -> dict[str, Any]:
    """A webhook as its object; the signing key in clear."""
    return {
        "id": str(row.id),
        "user_id": known.user_key,
        "url": row.url,
        "signing_key": row.signing_key,
        "phone_numbers": list(row.phone_numbers),
        "events": list(row.events),
        "created_at": render.moment(row.created_at),
        "updated_at": render.moment(row.updated_at),
    }


def _terms() -> WebhookTerms:
    given = reading.values(_body)
    return WebhookTerms(given["url"], given["signing_key"], given["phone_numbers"], given["events"])
