"""Sealing everything with the first of CREDENTIAL_KEYS, row by row, so that older keys can go.

Each row is one conditional UPDATE: a run that is cut short loses nothing, and the next goes on where it
ended. A row that somebody else writes meanwhile is left to the next pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

import vault
from connections.models import Grant
from people import audit, installation
from people.audit_events import Event
from services.models import OAuthClient
from vault.errors import Unsealable

PASSES = 3


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where sealed values stand: the model, the table's name in the seal, and the columns."""

    model: type[models.Model]
    table: str
    fields: tuple[str, ...]

    def rows(self) -> Iterator[Any]:
        """Rows that hold a value, not all of them under the present key."""
        holds = Q()
        for field in self.fields:
            holds |= Q(**{f"{field}__isnull": False})
        rows = models.QuerySet[Any](self.model).filter(holds).order_by("pk")
        return (row for row in rows.iterator(chunk_size=500) if self._is_old(row))

    def _is_old(self, row: Any) -> bool:
        blobs = [getattr(row, field) for field in self.fields]
        return any(blob is not None and not vault.is_under_present_key(blob) for blob in blobs)


PLACES = (
    Sealed(OAuthClient, "oauth_client", ("client_secret", "private_key")),
    Sealed(Grant, "grant", ("secrets", "flow_secrets")),
)


@dataclass(frozen=True, slots=True)
class Report:
    """``left``: values still under another key; ``broken``: those among them that do not open."""

    resealed: int
    left: int
    broken: int


def rotate() -> Report:
    """Seal everything with the present key; what could not be done is in the report."""
    resealed = broken = 0
    for _ in range(PASSES):
        broken = 0
        for place in PLACES:
            for row in place.rows():
                try:
                    resealed += _reseal(place, row)
                except Unsealable:
                    broken += 1
        if left() == broken:
            break
    if not left():
        installation.reseal_key_check()
    report = Report(resealed, left(), broken)
    audit.record(Event.KEYS_ROTATED, actor=None, resealed=report.resealed, left=report.left)
    return report


def left() -> int:
    """How many rows still hold a value under another key."""
    return sum(1 for place in PLACES for _ in place.rows())


def _reseal(place: Sealed, row: Any) -> bool:
    """Open and seal a row's values under its next version, unless it is being written just now."""
    values: dict[str, Any] = {"version": row.version + 1}
    for field in place.fields:
        blob = getattr(row, field)
        if blob is not None:
            at: Any = {"table": place.table, "row_id": row.pk, "field": field}
            text = vault.unseal(bytes(blob), version=row.version, **at).reveal()
            values[field] = vault.seal(text, version=row.version + 1, **at)
    rows = models.QuerySet[Any](place.model).filter(pk=row.pk, version=row.version)
    if place.model is Grant:  # whoever refreshes it stores over the version that they read
        rows = rows.filter(Q(claimed_until=None) | Q(claimed_until__lte=timezone.now()))
    return bool(rows.update(**values))
