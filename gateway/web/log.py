"""Structured logs: one JSON object a line, or readable text. Secrets never reach them.

What is logged is chosen field by field: no query string, no header, no message text. As a second net, values of fields
with telling names are blanked.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from gateway.config import Settings

SECRET_NAMES = frozenset(
    {"password", "session_key", "access_token", "user_key", "authorization", "secret", "token", "api_key", "text", "message"}
)


def configure(settings: Settings) -> None:
    """Sets up logging for this process, on standard error."""
    level = getattr(logging, settings.log_level.upper())
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True)
    logging.getLogger("alembic.runtime.migration").setLevel(level)
    renderer: Any = structlog.processors.JSONRenderer() if settings.log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            blank_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def blank_secrets(_logger: Any, _method: str, event: Any) -> Any:
    """A structlog processor: fields with telling names lose their value."""
    for name in SECRET_NAMES.intersection(event):
        event[name] = "-"
    return event
