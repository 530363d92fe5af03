"""The base of what the API takes and gives."""

from typing import Any

from ninja import Schema
from pydantic import ConfigDict, field_validator


class Strict(Schema):
    """A body that takes the fields it names and no others; text holds no NUL, which no database keeps."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        if _holds_nul(value):
            raise ValueError("This holds a NUL character, which cannot be stored.")
        return value


class Problem(Schema):
    """An error of ours, as ``application/problem+json`` (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_holds_nul(part) for part in value)
