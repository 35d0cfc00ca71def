"""Marshmallow fields for what old programs send: loose in form, strict in content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from gateway.domain.errors import InvalidField, InvalidFields, InvalidInput, MissingField

REQUIRED = "required"
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
LONGEST = 1000


class Text(fields.Field[str]):
    """A string that both databases can hold: no U+0000, no half of a surrogate pair, bounded in length.

    Args:
        longest: in characters.
        numbers: whether a JSON integer is taken for its digits.
    """

    def __init__(self, *, longest: int = LONGEST, numbers: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest
        self.numbers = numbers

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if self.numbers and type(value) is int:
            value = str(value)
        if not isinstance(value, str):
            raise ValidationError("must be a string")
        if len(value) > self.longest:
            raise ValidationError(f"has more than {self.longest} characters")
        if UNSTORABLE.search(value):
            raise ValidationError("holds a character that is not allowed (U+0000 or half of a surrogate pair)")
        if self.required and not value:
            raise ValidationError(REQUIRED)
        return value


class Flag(fields.Field[bool]):
    """A yes or no as JSON, as text in any case, or as 1 and 0. Empty text is no."""

    WORDS = {"true": True, "false": False, "1": True, "0": False, "": False}  # noqa: RUF012 - never changed

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower() if isinstance(value, str) or type(value) is int else "?"
        if word not in self.WORDS:
            raise ValidationError("must be true or false")
        return self.WORDS[word]


class Whole(fields.Field[int | None]):
    """A whole number between bounds, as JSON or as ASCII digits.

    Where null is allowed, 0 and "" mean the same when 0 is out of bounds: old programs send every field they know.
    """

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high = low, high

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int | None:
        if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,12}\s*", value, re.ASCII):
            value = int(value)
        if self.allow_none and self.low > 0 and value in (0, "") and not isinstance(value, bool):
            return None
        if type(value) is not int or not self.low <= value <= self.high:
            raise ValidationError(f"must be a whole number from {self.low} to {self.high}")
        return value


class LooseSchema(Schema):
    """A schema that ignores unknown keys and raises the gateway's own errors."""

    class Meta:
        unknown = EXCLUDE

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The validated values, with defaults for what is absent.

        Only the fields that are there are visited: old programs send five of some twenty, and ``Schema.load``
        walked through all of them for a tenth of the time of a send. Hooks and nested schemas are not supported.

        Raises:
            MissingField, InvalidField: for the first field that is wrong.
        """
        return {name: _value(field, field.data_key or name, data) for name, field in self.load_fields.items()}

    def read_all(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """As :meth:`read`, for dialects that tell every wrong field at once.

        Raises:
            InvalidFields: with all that is wrong.
        """
        values, wrong = {}, {}
        for name, field in self.load_fields.items():
            key = field.data_key or name
            try:
                values[name] = _value(field, key, data)
            except InvalidInput as error:
                wrong[key] = [error]
        if wrong:
            raise InvalidFields(wrong)
        return values


def _value(field: fields.Field[Any], key: str, data: Mapping[str, Any]) -> Any:
    try:
        if key in data:
            return field.deserialize(data[key], key, data)
        if field.required:
            raise MissingField(key)
        return field.load_default
    except ValidationError as error:
        reason = str(error.messages[0])
        if reason in (REQUIRED, "Field may not be null."):
            raise MissingField(key) from None
        raise InvalidField(key, reason) from None
