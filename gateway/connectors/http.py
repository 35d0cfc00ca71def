"""Any carrier with an HTTP API: the operator writes the request and says what the answers mean.

``docs/connectors/http.md`` tells it by example. What the carrier calls back is read in :mod:`gateway.connectors.http_reports`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from gateway.connectors.base import FailureKind, Kind, Outcome, Outgoing, ProcessSettings, Receipt, Setting
from gateway.connectors.http_answers import basic, by_status, failed, reference
from gateway.connectors.http_lane import COMMON, REPEATS, Calls, Lane, LaneSettings
from gateway.connectors.http_reports import REPORTS, require_usable
from gateway.connectors.http_rules import Expression, Rule, expression, rules
from gateway.connectors.http_template import CannotWrite, Json, Piece, Url, Values, as_it_is, form_encoded, headers, in_xml
from gateway.connectors.settings import REQUIRED, one_of, text
from gateway.domain.alphabet import Alphabet
from gateway.net.client import MOST_URL, Answer

T = TypeVar("T")

MESSAGE_VALUES = (
    *("recipient", "recipient_digits", "recipient_00", "text", "text_hex", "originator"),
    *("reference", "parts", "alphabet", "flash", "receipt"),
)
SECRETS = ("password", "token", "inlet_secret")
TYPES = {
    "form": "application/x-www-form-urlencoded",
    "json": "application/json",
    "xml": "text/xml; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}

SETTINGS: tuple[Setting, ...] = (
    Setting("url", "Where messages are sent; may hold placeholders behind the host.", text(), REQUIRED),
    Setting("method", "GET, POST or PUT.", one_of("GET", "POST", "PUT"), "POST"),
    Setting("body_type", "How the body is written: none, form, json, xml or text.", one_of("none", *TYPES), "form"),
    Setting("body", "The body, with placeholders.", text(least=0), ""),
    Setting("headers", "Further headers, a line 'Name: value' each, with placeholders.", text(least=0), ""),
    Setting("username", "For the placeholder {username}, and for auth basic.", text(least=0), ""),
    Setting("password", "For the placeholder {secret:password}, and for auth basic.", text(), "", secret=True),
    Setting("token", "For the placeholder {secret:token}.", text(), "", secret=True),
    Setting("auth", "none; basic sends user name and password as a Basic Authorization header.", one_of("none", "basic"), "none"),
    Setting("default_originator", "For {originator} where a message names no sender.", text(least=0), ""),
    Setting("gsm7_word", "What {alphabet} is for a text in the GSM alphabet.", text(50), "gsm7"),
    Setting("ucs2_word", "What {alphabet} is for any other text.", text(50), "ucs2"),
    Setting("yes_word", "What {flash} and {receipt} are where they are wanted.", text(50), "1"),
    Setting("no_word", "What they are otherwise; empty leaves the parameter out.", text(50, least=0), "0"),
    Setting("rules", "What answers mean, a line each: 'STATUS [body:REGEX or json:/pointer=value] => OUTCOME'.", text(least=0), ""),
    Setting("message_id", "Where the carrier's id stands: reference, body:REGEX, json:/pointer or header:NAME.", text(500), "reference"),
    Setting("error_words", "Where the carrier says why it refused, in the same way.", text(500, least=0), ""),
)


class Templated:
    """The way of a carrier that is described by settings. Raises ValueError for a description that cannot work."""

    def __init__(self, settings: Mapping[str, Any], process: ProcessSettings) -> None:
        self._settings = settings
        self._secrets = {f"secret:{name}": str(settings[name]) for name in SECRETS}
        self._fixed = {"username": settings["username"], **self._secrets}
        names = frozenset((*MESSAGE_VALUES, *self._fixed))
        self._url = _made("url", lambda: Url(settings["url"], names))
        self._body = _made("body", lambda: _body(settings["body_type"], settings["body"], names))
        self._headers = _made("headers", lambda: headers(settings["headers"], names))
        self._rules: tuple[Rule, ...] = _made("rules", lambda: rules(settings["rules"]))
        self._id: Expression | None = None
        if settings["message_id"] != "reference":
            self._id = _made("message_id", lambda: expression(settings["message_id"]))
        self._error = _made("error_words", lambda: expression(settings["error_words"])) if settings["error_words"] else None
        self._calls = Calls(settings, process)
        self.close = self._calls.close

    def send(self, outgoing: Outgoing) -> Outcome:
        values = self._values(outgoing)
        try:
            url, body, sent = self._url.put(values), self._body(values).encode(), self._sent_headers(values)
        except CannotWrite as error:
            return Outcome.failed(outgoing.key, FailureKind.FINAL, detail=str(error))
        if len(url) > MOST_URL:
            return Outcome.failed(outgoing.key, FailureKind.FINAL, detail=f"the URL would be longer than {MOST_URL} characters")
        return self._outcome(outgoing, self._calls.call(self._settings["method"], url, sent, body))

    def ask(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        return None

    def find(self, outgoing: Outgoing) -> Outcome | None:
        return None

    def check(self) -> str:
        """Any answer of the host will do: a call of the real address might send something."""
        self._calls.call("GET", self._url.origin + "/")
        return ""

    def _outcome(self, outgoing: Outgoing, answer: Answer) -> Outcome:
        kind = next((rule.outcome for rule in self._rules if rule.fits(answer)), None)
        failure = by_status(answer.status) if kind is None else kind.failure
        if failure is not None:
            said = self._error(answer) if self._error else None
            return failed(outgoing, failure, answer, said or "", secrets=self._secrets.values())
        name = self._id(answer) if self._id else None
        return Outcome.accepted(outgoing.key, name or reference(outgoing.key), str(answer.status))

    def _values(self, outgoing: Outgoing) -> Values:
        yes, no = self._settings["yes_word"], self._settings["no_word"]
        digits = outgoing.recipient.removeprefix("+")
        return {
            **self._fixed,
            "recipient": outgoing.recipient,
            "recipient_digits": digits,
            "recipient_00": "00" + digits,
            "text": outgoing.text,
            "text_hex": outgoing.text.encode("utf-16-be").hex().upper(),
            "originator": outgoing.originator or self._settings["default_originator"],
            "reference": reference(outgoing.key),
            "parts": str(outgoing.parts),
            "alphabet": self._settings["gsm7_word" if outgoing.alphabet is Alphabet.GSM7 else "ucs2_word"],
            "flash": yes if outgoing.is_flash else no,
            "receipt": yes if outgoing.wants_receipt else no,
        }

    def _sent_headers(self, values: Values) -> dict[str, str]:
        sent = {"Content-Type": TYPES[self._settings["body_type"]]} if self._settings["body"] else {}
        if self._settings["auth"] == "basic":
            sent["Authorization"] = basic(self._settings["username"], self._settings["password"])
        for name, piece in self._headers:
            value = piece.put(values, as_it_is)
            if not value.isprintable():
                raise CannotWrite(f"the header {name} cannot hold this text")
            sent = {other: kept for other, kept in sent.items() if other.lower() != name.lower()} | {name: value}
        return sent


def _body(kind: str, template: str, names: frozenset[str]) -> Callable[[Values], str]:
    if kind == "none" and template:
        raise ValueError("is set, but body_type is none")
    if kind == "json":
        return Json(template or "{}", names).put
    if kind == "form":
        return form_encoded(template, names)
    piece = Piece.of(template, names)
    return partial(piece.put, encode=in_xml if kind == "xml" else as_it_is)


def _made(name: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def make(settings: Mapping[str, Any], process: ProcessSettings) -> Lane:
    """A connector that is not open yet. Raises ValueError."""
    require_usable(settings)
    way = Templated(settings, process)
    return Lane(way, LaneSettings(settings["connections"], repeats_are_safe=settings["repeats_are_safe"]))


KIND = Kind(title="HTTP", settings=(*SETTINGS, *REPORTS, REPEATS, *COMMON), make=make)
