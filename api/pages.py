"""Lists a page at a time, by keyset: a cursor says where the last page ended, so rows never shift."""

import base64
import binascii
import json
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from ninja import Schema
from pydantic import Field

from api.schemas import is_storable
from problems import ValidationFailed

LIMIT = 50
MOST = 200
Row = TypeVar("Row", bound=Model)


class Paging(Schema):
    """The query of every list: ``paging: Query[Paging]``."""

    limit: int = Field(LIMIT, ge=1, le=MOST, description="At most so many.")
    cursor: str | None = Field(None, description="What the page before has in `next`.")


def page(
    queryset: QuerySet[Row], *, limit: int = LIMIT, cursor: str | None, order: tuple[str, ...] = ("-id",)
) -> tuple[list[Row], str | None]:
    """The rows after ``cursor`` and the cursor of the next page, None at the end.

    ``order`` names columns that are never null and together unique. Raises ValidationFailed for a
    cursor that is not one of ours.
    """
    if cursor:
        queryset = queryset.filter(_after(queryset.model, order, _decode(queryset.model, order, cursor)))
    rows = list(queryset.order_by(*order)[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, _encode(rows[-1], order)


def _name(column: str) -> str:
    return column.removeprefix("-")


def _after(model: type[Model], order: tuple[str, ...], values: list[Any]) -> Q:
    """Further on in the order: equal in the first columns and beyond in the next, for each column."""
    condition, equal = Q(), Q()
    for column, value in zip(order, values, strict=True):
        beyond = "lt" if column.startswith("-") else "gt"
        condition |= equal & Q(**{f"{_name(column)}__{beyond}": value})
        equal &= Q(**{_name(column): value})
    return condition


def _encode(row: Model, order: tuple[str, ...]) -> str:
    text = json.dumps([str(getattr(row, _name(column))) for column in order], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _value(model: type[Model], column: str, text: Any) -> Any:
    """The text of a cursor as its column's value. Raises TypeError, ValueError, ValidationError."""
    if not isinstance(text, str) or not is_storable(text):
        raise TypeError
    return model._meta.get_field(_name(column)).to_python(text)  # type: ignore[union-attr]  # noqa: SLF001


def _decode(model: type[Model], order: tuple[str, ...], cursor: str) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        texts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return [_value(model, column, text) for column, text in zip(order, texts, strict=True)]
    except (binascii.Error, ValueError, TypeError, RecursionError, ValidationError):
        raise ValidationFailed.of("cursor", "This is not a cursor that a list gave out.") from None
