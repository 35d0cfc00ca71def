"""The ways of calling, by the name that stands in the database."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.services.callbacks import httpsms, native, smsend
from gateway.services.callbacks.calls import Kind

NATIVE, SMSEND, HTTPSMS = "native", "smsend", "httpsms"
KINDS: Mapping[str, Kind] = {NATIVE: native.KIND, SMSEND: smsend.KIND, HTTPSMS: httpsms.KIND}
