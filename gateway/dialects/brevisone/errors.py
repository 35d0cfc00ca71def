"""How this dialect tells each kind of error: one table, looked up by :mod:`gateway.web.errors`. Bodies are plain text.

Source: contract 4. There is one sentence for everything that is wrong with an order, and the reason stands in our log.
"""

from __future__ import annotations

from gateway.dialects.brevisone.uncertain import OUTCOME_UNKNOWN_STATUS, THROTTLED_STATUS
from gateway.domain import errors
from gateway.web.dialect import ErrorRow, ErrorTable
from gateway.web.errors import InternalError

MISSING = "Error: Parameter miss"
SEE_LOGS = "Error. See Gateway logs for more information."
WRONG = "401 Unauthorized - Username or Password wrong"
NO_RIGHT = "403 Forbidden - Your User has no right to send SMS over API"
TIMEOUT = "FAILED - Timeout or see Gateway logs for more information."
NOT_FOUND = "404 Not Found"
OTHER_METHOD = "405 Method Not Allowed"
IN_LOG = frozenset({SEE_LOGS, TIMEOUT})
"""The sentences that send the reader to the log."""

_REFUSED = ErrorRow(400, "", SEE_LOGS)
_WRONG = ErrorRow(401, "", WRONG)
_NO_RIGHT = ErrorRow(403, "", NO_RIGHT)
_TIMEOUT = ErrorRow(408, "", TIMEOUT)

ERRORS: ErrorTable = {
    errors.InvalidInput: _REFUSED,
    errors.MissingField: ErrorRow(400, "", MISSING),
    errors.AuthenticationFailed: _WRONG,
    errors.PermissionDenied: _NO_RIGHT,
    errors.CallerDisabled: _WRONG,
    errors.AddressNotAllowed: _NO_RIGHT,
    errors.NotFound: ErrorRow(404, "", NOT_FOUND),
    errors.MethodNotAllowed: ErrorRow(405, "", OTHER_METHOD),
    errors.Conflict: _REFUSED,
    errors.InsufficientCredit: _REFUSED,
    errors.Throttled: ErrorRow(THROTTLED_STATUS, "", WRONG),
    errors.DailyCapReached: _REFUSED,
    errors.Unavailable: _TIMEOUT,
    errors.StorageUnavailable: _TIMEOUT,
    errors.OutcomeUnknown: ErrorRow(OUTCOME_UNKNOWN_STATUS, "", SEE_LOGS),
    errors.NotBuilt: _REFUSED,
    InternalError: ErrorRow(500, "", SEE_LOGS),
}
