"""The OpenAPI document: what each dialect says of its operations, in one description that programs can read.

A dialect lists its :class:`Operation` values. Parameters and bodies come from the marshmallow schemas that also validate, the
refusals from the table of errors that also answers, so neither can say something else than the code does.

Imports nothing of :mod:`gateway.web.dialect`, which names these types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from marshmallow import Schema
from marshmallow.fields import Field

from gateway.domain.errors import GatewayError
from gateway.web.fields import Flag, Text, Whole

if TYPE_CHECKING:
    from gateway.web.dialect import ErrorRow

VERSION = "3.1.0"
PLACEHOLDER = re.compile(r"<(?:(?P<converter>[a-zA-Z_]\w*)(?:\([^>]*\))?:)?(?P<name>[a-zA-Z_]\w*)>")
CONVERTERS: Mapping[str, dict[str, Any]] = {
    "int": {"type": "integer", "minimum": 0},
    "float": {"type": "number", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
}
DIGITS = r"^\s*-?[0-9]{1,12}\s*$"
BODILESS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Header:
    """A header of a request. ``Authorization``, ``Accept`` and ``Content-Type`` do not belong here: OpenAPI has other places for them."""

    name: str
    description: str = ""
    required: bool = False
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Success:
    """One answer of an operation that did what was asked.

    Args:
        status: the HTTP status.
        description: when it comes and what it says.
        media: its media type.
        schema: a marshmallow schema, or JSON Schema as it stands; None for an empty body.
        example: a whole body, as JSON values or as text.
    """

    status: int = 200
    description: str = ""
    media: str = "application/json"
    schema: type[Schema] | dict[str, Any] | None = None
    example: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of a dialect.

    Args:
        rule: Flask's rule with the dialect's whole path: ``/v1/messages/<message_id>``.
        methods: the methods that are described; all of them work alike.
        summary: a few words for the list.
        description: the rest, in Markdown.
        query: what stands behind the question mark.
        body: what POST, PUT, PATCH and DELETE carry.
        body_types: the media types the body may have.
        body_example: a body that would be accepted.
        path: what each placeholder of the rule means.
        headers: further headers of the request.
        security: ways to be let in, each the name of one of the dialect's schemes or several that belong together.
            None at all means that anyone may call.
        success: its good answers.
        errors: the classes it can refuse with.
    """

    rule: str
    methods: tuple[str, ...]
    summary: str
    description: str = ""
    query: type[Schema] | None = None
    body: type[Schema] | None = None
    body_types: tuple[str, ...] = ("application/json",)
    body_example: Any = None
    path: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()
    security: tuple[str | tuple[str, ...], ...] = ()
    success: tuple[Success, ...] = (Success(),)
    errors: tuple[type[GatewayError], ...] = ()


class Described(Protocol):
    """What the document needs to know of a dialect.

    ``error_schema`` is the JSON Schema of an error's body, or None where it is plain text; ``security`` maps the names that
    operations use to OpenAPI's security schemes.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def operations(self) -> tuple[Operation, ...]: ...
    @property
    def errors(self) -> Mapping[type[GatewayError], ErrorRow]: ...
    @property
    def error_schema(self) -> dict[str, Any] | None: ...
    @property
    def error_media(self) -> str: ...
    @property
    def security(self) -> Mapping[str, dict[str, Any]]: ...


def document(sections: Iterable[Described], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all sections that have operations.

    Args:
        version: the gateway's.

    Raises:
        ValueError: an operation is described twice, names a security scheme its section does not have, or describes a
            placeholder that its rule does not have.
    """
    writer = _Writer(version)
    for section in sections:
        if section.operations:
            writer.add(section)
    return writer.spec.to_dict()


class _Writer:
    """One document in the making. apispec asks for names of nested schemas by class alone, so the current section is kept here."""

    def __init__(self, version: str) -> None:
        plugin = MarshmallowPlugin(schema_name_resolver=self._component)
        self.spec = APISpec(
            title="Dragoman",
            version=version,
            openapi_version=VERSION,
            info={"description": "One gateway, every API it speaks. Each tag is one of them."},
            servers=[{"url": "/"}],
            plugins=[plugin],
        )
        assert plugin.converter is not None  # APISpec has just made it
        self._converter = plugin.converter
        self._converter.add_attribute_function(_loose)  # type: ignore[no-untyped-call]
        self._described: set[tuple[str, str]] = set()
        self._ids: set[str] = set()
        self._section = ""

    def add(self, section: Described) -> None:
        """Writes down one section."""
        self._section = section.name
        self.spec.tag({"name": section.name, "description": section.title})
        for name, scheme in section.security.items():
            self.spec.components.security_scheme(f"{section.name}.{name}", dict(scheme))
        if section.error_schema is not None:
            self.spec.components.schema(f"{section.name}.error", dict(section.error_schema))
        for operation in section.operations:
            path = path_of(operation.rule)
            self.spec.path(
                path, operations={method.lower(): self._operation(section, operation, path, method) for method in operation.methods}
            )

    def _operation(self, section: Described, operation: Operation, path: str, method: str) -> dict[str, Any]:
        if (path, method) in self._described:
            raise ValueError(f"{method} {path} is described twice")
        self._described.add((path, method))
        written: dict[str, Any] = {
            "tags": [section.name],
            "operationId": self._id(section.name, method, path),
            "summary": operation.summary,
            "parameters": [*_path_parameters(operation), *self._query_parameters(operation), *map(_header, operation.headers)],
            "responses": _responses(section, operation),
        }
        if operation.description:
            written["description"] = operation.description
        if operation.body is not None and method not in BODILESS:
            written["requestBody"] = _request_body(operation)
        if operation.security:
            written["security"] = [_requirement(section, each) for each in operation.security]
        return written

    def _component(self, schema: Any) -> str:
        name = resolve_schema_cls(schema).__name__  # type: ignore[union-attr]  # a list only for a name that two classes share
        return f"{self._section}.{name}"

    def _id(self, section: str, method: str, path: str) -> str:
        words = "_".join(re.findall(r"\w+", path.replace("{", "by_"))) or "root"
        base = name = f"{section}_{method.lower()}_{words}"
        number = 1
        while name in self._ids:
            number += 1
            name = f"{base}_{number}"
        self._ids.add(name)
        return name

    def _query_parameters(self, operation: Operation) -> list[dict[str, Any]]:
        if operation.query is None:
            return []
        found: list[dict[str, Any]] = self._converter.schema2parameters(operation.query(), location="query")
        return [parameter | _as_text(parameter["schema"]) for parameter in found]


def path_of(rule: str) -> str:
    """The rule as OpenAPI writes paths: ``/v1/messages/{message_id}``."""
    return PLACEHOLDER.sub(r"{\g<name>}", rule)


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    found = {match["name"]: CONVERTERS.get(match["converter"] or "", {"type": "string"}) for match in PLACEHOLDER.finditer(operation.rule)}
    unknown = operation.path.keys() - found.keys()
    if unknown:
        raise ValueError(f"{operation.rule} has no {', '.join(sorted(unknown))}")
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        | ({"description": operation.path[name]} if name in operation.path else {})
        for name, schema in found.items()
    ]


def _header(header: Header) -> dict[str, Any]:
    written: dict[str, Any] = {"name": header.name, "in": "header", "required": header.required, "schema": {"type": "string"}}
    if header.description:
        written["description"] = header.description
    if header.example is not None:
        written["example"] = header.example
    return written


def _request_body(operation: Operation) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": operation.body}
    if operation.body_example is not None:
        media["example"] = operation.body_example
    return {"required": True, "content": {each: dict(media) for each in operation.body_types}}


def _requirement(section: Described, way: str | tuple[str, ...]) -> dict[str, list[str]]:
    names = (way,) if isinstance(way, str) else way
    unknown = set(names) - section.security.keys()
    if unknown:
        raise ValueError(f"{section.name} has no security scheme {', '.join(sorted(unknown))}")
    return {f"{section.name}.{name}": [] for name in names}


@dataclass(slots=True)
class _Response:
    """What one status of an operation can mean: a good answer, errors, or, with old dialects, both."""

    words: list[str] = field(default_factory=list)
    bodies: dict[str, list[Any]] = field(default_factory=dict)
    examples: dict[str, Any] = field(default_factory=dict)
    headers: set[str] = field(default_factory=set)

    def offer(self, media: str, schema: Any) -> None:
        known = self.bodies.setdefault(media, [])
        if schema not in known:
            known.append(schema)

    def written(self, status: int) -> dict[str, Any]:
        result: dict[str, Any] = {"description": "\n".join(self.words) or HTTPStatus(status).phrase}
        if self.bodies:
            result["content"] = {
                media: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
                | ({"example": self.examples[media]} if media in self.examples else {})
                for media, schemas in self.bodies.items()
            }
        if self.headers:
            result["headers"] = {name: {"schema": {"type": "string"}} for name in sorted(self.headers)}
        return result


def _responses(section: Described, operation: Operation) -> dict[str, Any]:
    found: dict[int, _Response] = {}
    for success in operation.success:
        response = found.setdefault(success.status, _Response())
        if success.description:
            response.words.append(success.description)
        if success.schema is not None:
            response.offer(success.media, success.schema)
        if success.example is not None:
            response.offer(success.media, success.schema or {})
            response.examples[success.media] = success.example
    for kind in operation.errors:
        row = next(section.errors[each] for each in kind.__mro__ if each in section.errors)
        response = found.setdefault(row.status, _Response())
        line = _error_line(kind, row)
        if line not in response.words:
            response.words.append(line)
        response.offer(section.error_media, f"{section.name}.error" if section.error_schema is not None else {"type": "string"})
        response.headers.update(name for name, _ in row.headers)
    return {str(status): found[status].written(status) for status in sorted(found)}


def _error_line(kind: type[GatewayError], row: ErrorRow) -> str:
    """The dialect's word for an error, and its sentence; where that depends on the case, what the error is called here."""
    words = row.wording if isinstance(row.wording, str) else re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).capitalize()
    return f"- `{row.code}`: {words}" if row.code else f"- {words}"


def _loose(self: Any, field: Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """What our own fields take, for apispec: it calls this for every field, last, and ``ret`` holds what it found by itself."""
    if "example" in ret:
        ret["examples"] = [ret.pop("example")]
    if not field.allow_none and ret.get("default", "") is None:
        del ret["default"]  # None tells our code that the field was absent; sent as null it would be refused
    forms = _forms(field)
    if not forms:
        return {}
    if field.allow_none:
        forms.append({"type": "null"})
    ret.pop("type", None)
    if len(forms) == 1:
        return forms[0]
    if len(forms) == 2 and forms[0].get("type") == "string" and field.allow_none:
        return forms[0] | {"type": ["string", "null"]}
    return {"oneOf": forms}


def _forms(field: Field[Any]) -> list[dict[str, Any]]:
    """The forms a value may have, the one to recommend first; none for fields that are not ours."""
    if isinstance(field, Text):
        text = {"type": "string", "maxLength": field.longest} | ({"minLength": 1} if field.required else {})
        return [text, {"type": "integer"}] if field.numbers else [text]
    if isinstance(field, Flag):
        numbers = sorted(int(word) for word in Flag.WORDS if word.isdigit())
        return [{"type": "boolean"}, {"type": "string", "enum": list(Flag.WORDS)}, {"type": "integer", "enum": numbers}]
    if isinstance(field, Whole):
        return [{"type": "integer", "minimum": field.low, "maximum": field.high}, {"type": "string", "pattern": DIGITS}]
    return []


def _as_text(schema: dict[str, Any]) -> dict[str, Any]:
    """The parts of a query's parameter: its schema without the forms only JSON can have, and its example.

    In a query everything is text, so that what distinguishes 1 from "1", or null from absence, is gone.
    """
    plain = {name: value for name, value in schema.items() if name not in ("oneOf", "examples")}
    plain |= schema.get("oneOf", [{}])[0]
    if isinstance(plain.get("type"), list):
        kinds = [kind for kind in plain["type"] if kind != "null"]
        plain["type"] = kinds[0] if len(kinds) == 1 else kinds
    if plain.get("default", "") is None:
        del plain["default"]
    return {"schema": plain} | ({"example": schema["examples"][0]} if "examples" in schema else {})
