"""``make interop``: our SMPP connector against foreign SMSCs; prints what was sent and what the other side saw. Exits 1 on a difference.

python -m tests.interop [--peers npm npm-tls jasmin]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.interop.jasmin_server import Jasmin
from tests.interop.node_server import NodeSmsc
from tests.interop.peer import Peer
from tests.interop.story import Line, inbound, out
from tests.support.databases import migrate

PEERS: Mapping[str, Callable[[Path], Peer]] = {"npm": NodeSmsc, "npm-tls": partial(NodeSmsc, tls=True), "jasmin": Jasmin}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    chosen = parser.parse_args()
    problems = 0
    tell("| SMSC | message | long by | sent | seen: header + octets of each part | ended | differences |")
    tell("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="dragoman-interop-") as folder:
        template = Path(folder) / "template.sqlite3"
        migrate(f"sqlite:///{template}")
        for name in chosen.peers:
            problems += against(name, Path(folder) / name, template)
    tell("\nBoth sides saw the same, octet for octet." if not problems else f"\n{problems} DIFFERENCES.")
    sys.exit(bool(problems))


def against(name: str, folder: Path, template: Path) -> int:
    """Runs everything against one SMSC and prints it; how many differences there were."""
    folder.mkdir()
    (folder / "peer").mkdir()
    peer = PEERS[name](folder / "peer")
    try:
        lines: list[Line] = []
        for way in peer.ways:
            lines += show(name, out(peer, fresh(folder, template, way), way))
        lines += show(name, inbound(peer, fresh(folder, template, "in")))
        troubles = peer.troubles()
    finally:
        peer.close()
    for each in (*troubles, *peer.defects):
        tell(f"{peer.name}: {each}.")
    return sum(len(line.problems) for line in lines) + len(troubles)


def fresh(folder: Path, template: Path, way: str) -> str:
    """A database of its own."""
    shutil.copyfile(template, folder / f"{way}.sqlite3")
    return f"sqlite:///{folder / way}.sqlite3"


def show(name: str, lines: list[Line]) -> list[Line]:
    for each in lines:
        title = each.peer + (", TLS" if name.endswith("tls") else "")
        words = "; ".join(each.problems) or "none"
        tell(f"| {title} | {each.what} | {each.how} | {each.sent} | {each.seen} | {each.result} | {words} |")
    return lines


def tell(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
