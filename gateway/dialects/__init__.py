"""The legacy APIs we speak, one folder each, and their register.

A dialect reads a request into the gateway's own words, calls one service, and puts the answer back into the words its
clients know. It knows no table and no carrier, and never another dialect. To add one: copy the nearest folder, and add
its line here.
"""

from __future__ import annotations

from gateway.dialects import brevisone, bulk, httpsms, smsend, smsnodes

DIALECTS = (smsend.DIALECT, bulk.DIALECT, brevisone.DIALECT, smsnodes.DIALECT, httpsms.DIALECT)
