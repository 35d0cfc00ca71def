"""The customers of the four APIs that know no session: one for each API and door, so that none lives on what another did.

Names and passwords begin with ``hush``, so that a log that holds one is easily caught.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from gateway.services import accounts, contacts, devices, keys, ledger, phones, story
from gateway.services.accounts import NewAccount
from gateway.services.core import Gateway
from gateway.services.phones import PhoneChange
from tests.e2e.clients import catalogue
from tests.e2e.clients.brevisone import table as brevisone
from tests.e2e.clients.bulk import table as bulk
from tests.e2e.clients.catalogue import Place, Program
from tests.e2e.clients.httpsms import table as httpsms
from tests.e2e.clients.smsnodes import table as smsnodes
from tests.e2e.clients.town import DOORS, Town
from tests.support import programs

PASSWORD = "hush-hush-hush"
ODD_PASSWORD = "hush%zz è+&=wd"
PLAIN = {"gunicorn": "gunicorn", "nginx": "nginx", "nginx-tls": "nginx"}
"""Where each door's host also answers without TLS."""
REGIONS = {"brevisone": "DE", "smsnodes": "IT", "bulk": "UG", "httpsms": "US"}
PROGRAMS: tuple[Program, ...] = (*brevisone.PROGRAMS, *smsnodes.PROGRAMS, *bulk.PROGRAMS, *httpsms.PROGRAMS)
CREDIT_UNITS = 1_000_000
MOST_SENT = 1000


@dataclass
class Cast:
    """The customers, and what each of them knows."""

    town: Town
    folder: Path
    known: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    packages: Path | None = None

    @property
    def dispatcher_log(self) -> Path:
        """What the dispatcher writes."""
        return self.folder / "dispatcher.log"

    def logs(self) -> str:
        """Everything that any of the servers has written."""
        return self.town.web.log() + self.town.front.log() + self.dispatcher_log.read_text(errors="replace")

    def secrets(self) -> list[str]:
        """What no log may hold. Of a key the part that is stored in no form."""
        return ["hush", *(value[12:] for known in self.known.values() for name, value in known.items() if name.endswith("key"))]

    def act(self, program: Program, door: str) -> tuple[catalogue.Ran, list[tuple[str, str]]]:
        """Runs a program at a door: what it said, and what its account has sent by it, in no order."""
        known = self.known[program.dialect, door]
        before = set(self._sent(known["account"]))
        ran = catalogue.run(program, Place(known, self.town.front.certificate, self.folder, self.packages))
        new = {name: found for name, found in self._sent(known["account"]).items() if name not in before}
        return ran, sorted(new.values())

    def _sent(self, account: str) -> dict[tuple[object, int], tuple[str, str]]:
        found = story.find_messages(self.town.gateway, account_name=account, recipient=None, state=None, limit=MOST_SENT)
        return {
            (each.order.id, each.message.position): (each.message.recipient, each.message.own_text or each.order.text) for each in found
        }


@contextmanager
def assembled(town: Town, folder: Path) -> Iterator[Cast]:
    """All customers of a running town, and a dispatcher that sends for them. ``folder`` is theirs."""
    folder.mkdir()
    cast = Cast(town, folder)
    for door in DOORS:
        for dialect, region in REGIONS.items():
            account = f"{dialect} at {door}"
            _account(town.gateway, account, region)
            known = {"account": account, "password": PASSWORD, "base": _base(town, door), "plain": _base(town, PLAIN[door])}
            known |= _MAKERS[dialect](town.gateway, account, door)
            if dialect == httpsms.DIALECT:
                known["csv"] = _file(folder / f"{door}.csv", Template(httpsms.CSV).substitute(known))
            cast.known[dialect, door] = known
    command = [sys.executable, "-m", "gateway.dispatcher"]
    with cast.dispatcher_log.open("ab") as log:
        process = subprocess.Popen(command, env=town.web.environment, cwd=programs.ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        programs.wait_until(lambda: "dispatcher_started" in cast.dispatcher_log.read_text(), process, cast.dispatcher_log, 60)
        yield cast
    finally:
        programs.end(process, signal.SIGTERM, 30)


def _file(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def _base(town: Town, door: str) -> str:
    return f"{'https' if door == 'nginx-tls' else 'http'}://localhost:{town.port(door)}"


def _account(gateway: Gateway, name: str, region: str) -> None:
    accounts.create_account(gateway, NewAccount(name, region=region))
    ledger.add_credit(gateway, name, CREDIT_UNITS)


def _brevisone(gateway: Gateway, account: str, door: str) -> dict[str, str]:
    names = {"username": f"hush-nagios-{door}", "reader": f"hush-reader-{door}", "odd_username": f"hush+{door} & co"}
    accounts.create_user(gateway, account, names["username"], PASSWORD, ["brevisone:send"])
    accounts.create_user(gateway, account, names["reader"], PASSWORD, ["smsend:*"])
    accounts.create_user(gateway, account, names["odd_username"], ODD_PASSWORD)
    contacts.add_group(gateway, account, "Admins")
    contacts.add_contact(gateway, account, "Ada", "+491701234567", ["Admins"])
    contacts.add_contact(gateway, account, "Bob", "+491701234568", ["Admins"])
    return names | {"odd_password": ODD_PASSWORD}


def _smsnodes(gateway: Gateway, account: str, door: str) -> dict[str, str]:
    devices.create(gateway, account, f"hush-device-{door}", PASSWORD)
    return {"device": f"hush-device-{door}"}


def _bulk(gateway: Gateway, account: str, door: str) -> dict[str, str]:
    names = {"username": f"hush-school-{door}", "keeper": f"hush-keeper-{door}"}
    accounts.create_user(gateway, account, names["username"], PASSWORD)
    _account(gateway, f"{account}, keys", "UG")
    accounts.create_user(gateway, f"{account}, keys", names["keeper"], PASSWORD)
    return names | {"key": keys.create(gateway, keys.BULK, names["username"]).key}


def _httpsms(gateway: Gateway, account: str, door: str) -> dict[str, str]:
    known: dict[str, str] = {}
    for prefix, name, digit in (("", account, "9"), ("keeper_", f"{account}, dashboard", "8")):
        username, owner = f"hush-{prefix}office-{door}", f"+180055501{digit}{DOORS.index(door)}"
        if prefix:
            _account(gateway, name, "US")
        accounts.create_user(gateway, name, username, PASSWORD)
        phones.add(gateway, name, owner, PhoneChange(messages_per_minute=0))
        known |= {f"{prefix}owner": owner, f"{prefix}key": keys.create(gateway, keys.HTTPSMS, username).key}
    return known


_MAKERS = {"brevisone": _brevisone, "smsnodes": _smsnodes, "bulk": _bulk, "httpsms": _httpsms}
