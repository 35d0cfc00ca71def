"""Imports point from the edge to the centre (DESIGN.md, section 2). An offence is named by file and line."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT: dict[str, set[str]] = {
    "config": set(),
    "domain": set(),
    "storage": {"domain"},
    "net": set(),
    "services": {"storage", "domain", "config", "net"},
    "connectors": {"domain", "net"},
    "web": {"services", "domain", "config"},
    "dialects": {"web", "services", "domain", "config"},
    "inlets": {"web", "services", "connectors", "domain", "config"},
    "console": {"web", "services", "domain", "config"},
    "dispatcher": {"create_app", "connectors", "services", "domain", "config"},
    "cli": {"create_app", "dispatcher", "connectors", "services", "storage.db", "domain", "config"},
}
"""Each room and what it may import besides itself: another room, or one module of it. ``create_app`` is the package itself."""
SEES_EVERY_ROOM = {"gateway/__init__.py", "gateway/dispatcher/main.py"}
DOMAIN_LIBRARIES = {"phonenumbers"}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, and where."""

    module: str
    line: int


def imports(source: str, package: str) -> Iterator[Import]:
    """Every import of a file, also inside functions and under TYPE_CHECKING. ``from a import b`` counts as ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (Import(f"{base}.{alias.name}", node.lineno) for alias in node.names)


def offences(source: str, path: str) -> list[str]:
    """What a file imports and should not, as ``path:line: reason``."""
    if path in SEES_EVERY_ROOM:
        return []
    parts = path.removesuffix(".py").split("/")
    room = parts[1]
    package = ".".join(parts[:-1])
    found = []
    for each in imports(source, package):
        reason = _own_code(each.module, room, parts) if each.module.split(".")[0] == "gateway" else _library(each.module, room)
        if reason:
            found.append(f"{path}:{each.line}: {reason}")
    return found


def _own_code(module: str, room: str, parts: list[str]) -> str | None:
    name = module.removeprefix("gateway.")
    target = name.split(".")[0]
    if room == target == "dialects" and parts[2] != "__init__" and name.split(".")[1:2] != [parts[2]]:
        return f"one dialect imports {module}; what they share belongs in gateway/web"
    allowed = MAY_IMPORT[room]
    if target == room or any(name == each or name.startswith(f"{each}.") for each in allowed):
        return None
    return f"{room} imports {module}; it may import only {', '.join(sorted(allowed)) or 'nothing of the gateway'}"


def _library(module: str, room: str) -> str | None:
    top = module.split(".")[0]
    if room == "domain" and top not in DOMAIN_LIBRARIES and top not in sys.stdlib_module_names:
        return f"domain imports {module}; it may import only the standard library and {', '.join(sorted(DOMAIN_LIBRARIES))}"
    return None


def test_imports_point_from_the_edge_to_the_centre() -> None:
    files = sorted((ROOT / "gateway").rglob("*.py"))
    assert files
    found = [line for file in files for line in offences(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix())]
    assert not found, "\n" + "\n".join(found)


def test_every_room_has_its_rule() -> None:
    rooms = {path.stem for path in (ROOT / "gateway").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} == MAY_IMPORT.keys()


@pytest.mark.parametrize(
    ("path", "source", "named"),
    [
        ("gateway/domain/parts.py", "import os\nimport flask\n", "gateway/domain/parts.py:2: domain imports flask"),
        ("gateway/domain/parts.py", "from gateway.storage import db", "domain imports gateway.storage.db"),
        ("gateway/services/ordering.py", "from gateway.web import fields", "services imports gateway.web.fields"),
        ("gateway/services/ordering.py", "from .. import web", "services imports gateway.web"),
        ("gateway/storage/db.py", "def f():\n    from gateway.services.core import Gateway", "gateway/storage/db.py:2: storage"),
        ("gateway/dialects/smsend/routes.py", "import gateway.storage.tables as t", "dialects imports gateway.storage.tables"),
        ("gateway/dialects/smsend/routes.py", "from gateway.connectors.base import Connector", "dialects imports gateway.connectors"),
        ("gateway/dialects/smsend/routes.py", "from gateway.dialects import brevisone", "one dialect imports gateway.dialects.brevisone"),
        ("gateway/dialects/smsend/routes.py", "from ..brevisone import errors", "one dialect imports gateway.dialects.brevisone"),
        ("gateway/connectors/smpp.py", "from gateway.services.core import Gateway", "connectors imports gateway.services"),
        ("gateway/web/errors.py", "from gateway.dialects import DIALECTS", "web imports gateway.dialects"),
        ("gateway/cli/user.py", "from gateway.storage.tables import User", "cli imports gateway.storage.tables"),
        ("gateway/config.py", "from gateway.domain import errors", "config imports gateway.domain"),
        ("gateway/web/edge.py", "if TYPE_CHECKING:\n    from gateway.storage import db", "gateway/web/edge.py:2: web imports"),
    ],
)
def test_an_offence_is_caught(path: str, source: str, named: str) -> None:
    found = offences(source, path)
    assert len(found) == 1
    assert named in found[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("gateway/__init__.py", "from gateway.dialects import DIALECTS"),
        ("gateway/dispatcher/main.py", "from gateway.storage.db import db"),
        ("gateway/dialects/__init__.py", "from gateway.dialects import brevisone, smsend"),
        ("gateway/dialects/smsend/routes.py", "from gateway.dialects.smsend import errors\nfrom . import render\nimport flask"),
        ("gateway/cli/migrate.py", "from gateway import create_app\nfrom gateway.storage.db import db"),
        ("gateway/domain/msisdn.py", "import phonenumbers\nfrom gateway.domain.errors import GatewayError\nfrom . import parts"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert offences(source, path) == []
