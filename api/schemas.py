"""The base of what the API takes and gives."""

import re
from typing import Any

from ninja import Schema
from pydantic import ConfigDict, field_validator

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def told(description: str = "", **shape: Any) -> dict[str, Any]:
    """A ``json_schema_extra``: what a field takes, described only. The room's own check says what is wrong in
    better words."""
    return {"description": description, **shape} if description else shape


def example(**values: Any) -> ConfigDict:
    """The ``model_config`` of a body that shows an example of itself."""
    return ConfigDict(json_schema_extra={"examples": [values]})


class Strict(Schema):
    """A body that takes the fields it names and no others, each of JSON's own type: no "yes" for true.

    Text holds nothing that no database keeps: NUL, and halves of surrogate pairs.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        if not is_storable(value):
            raise ValueError("This holds a character that cannot be stored: NUL, or half of a pair.")
        return value


class Problem(Schema):
    """An error of ours, as ``application/problem+json`` (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str


class InvalidField(Schema):
    """``field`` is its dotted name."""

    field: str
    message: str


class InvalidFields(Problem):
    """What is wrong, field by field."""

    errors: list[InvalidField]


def is_storable(value: Any) -> bool:
    """Can every text in it be stored, on every database?"""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str) and _UNSTORABLE.search(part):
            return False
        if isinstance(part, dict):
            left += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            left += part
    return True
