"""How it is told that there may be no more of something."""

from __future__ import annotations

from flask import Response

from gateway.dialects.httpsms import render
from gateway.dialects.httpsms.uncertain import LIMIT_STATUS
from gateway.domain.errors import Conflict
from gateway.web.dialect import Answer


def limit_reached(error: Conflict, words: str) -> Response:
    """The answer that the original gives where a plan allows no more."""
    return render.error(Answer(LIMIT_STATUS, "", words, (), error))
