"""Starts jasmind with one defect of Jasmin 0.11.1 mended, in Jasmin's own environment: ``python jasmind_mended.py JASMIND ARGUMENTS``.

As published, ``managers/listeners.py`` reads ``_pdu.response`` where only the transaction has a response; so every receipt of the
carrier behind Jasmin is lost. Source: jookies/jasmin issue 1236, whose mend has the same effect as this.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

from jasmin.managers.listeners import SMPPClientSMListener  # type: ignore[import-not-found]

published = SMPPClientSMListener.submit_sm_resp_event


def mended(self: Any, transaction: Any, message: Any) -> Any:
    pdu = transaction.request
    while pdu is not None:
        pdu.response = transaction.response
        pdu = getattr(pdu, "nextPdu", None)
    return published(self, transaction, message)


SMPPClientSMListener.submit_sm_resp_event = mended
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
