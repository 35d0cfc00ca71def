"""An SMSC that is not there, over real sockets: takes binds, answers, sends receipts and inbound messages, and misbehaves on request.

Its codec was written from the SMPP 3.4 specification and shares nothing with the gateway's connector. In a test::

    with Smsc(password="pa55word") as smsc:              # listens on 127.0.0.1:smsc.port, system_id "gateway"
        smsc.script.by_recipient["393471234567"] = [Behaviour(status=0x58), Behaviour()]   # throttled, then taken
        ...
        smsc.wait_for(lambda: len(smsc.wholes) == 1)
        assert smsc.texts() == ["Good morning"]          # put together by UDH, SAR or message_payload
        assert smsc.violations == []                     # nothing our side did was against the specification

:class:`Smsc` takes

* ``system_id``, ``password``, ``most_binds`` (binds at once; more are refused with 0x05), ``tls`` (an SSL context of a server);
* ``fault`` and ``seed``: a name of :data:`FAULTS`; or ``treatment``: an object of one's own; else ``smsc.script`` rules, which is
  asked first in any case: ``script.usual``, ``script.by_recipient`` (number as it stands in destination_addr → a behaviour for each
  try), ``script.binds`` (a command_status for each bind to come);
* ``default_alphabet``: what data_coding 0 means here, "gsm" (unpacked septets) or "latin-1";
* ``answers_query``: whether query_sm finds anything; ``port``; ``journal``: a file with a line for each thing that happens.

It remembers ``submitted`` (each submit_sm: ``short`` are its decoded fields, ``raw`` the whole PDU, ``part.text``, ``part.header``,
``part.octets``), ``wholes`` (messages put together, in the order they became whole), ``handed`` (each deliver_sm it had to send
and the status our side answered; what was not answered is sent again to the next bind), ``counts`` (submit_sm, bind, bind refused,
enquire_link, enquire_link_resp, query_sm, unbind, generic_nack, receipt, inbound, ...), ``bound_at_once`` (the most binds it ever
had at once), ``pending`` (what it has still to do at its time), ``sessions`` (``session.bind`` holds what the bind said), ``violations``.

It does on request: ``deliver(text, source, destination, coding=8, by="udh8")`` an inbound message (whole, payload, udh8, udh16,
sar; ``reverse=True`` sends the parts backwards), ``receipt(submitted, "UNDELIV", form="text", id_form="HEX")``, ``act(action)``
something of :data:`ACTIONS` to every connection, ``send(octets)``, ``stop()`` and ``start()`` (the carrier is away and comes back
on the same port).

A run on its own, for benches and tests that kill processes: ``python -m tests.support.smsc --help``.
"""

from __future__ import annotations

from tests.support.smsc.faults import ACTIONS, FAULTS, FORMS, PATIENCE_SECONDS, Behaviour, Fault, Script, Sometimes, Treatment
from tests.support.smsc.server import Handed, Smsc, Submitted, Violation, Whole

__all__ = [
    "ACTIONS",
    "FAULTS",
    "FORMS",
    "PATIENCE_SECONDS",
    "Behaviour",
    "Fault",
    "Handed",
    "Script",
    "Smsc",
    "Sometimes",
    "Submitted",
    "Treatment",
    "Violation",
    "Whole",
]
