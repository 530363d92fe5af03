"""My, Shared and Internal connections."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connections import access, rows
from connections.models import Connection
from connections.status import Code
from people.actor import Actor, from_request
from services.models import Service

PAGE_SIZE = 50
LISTS: dict[str, tuple[str, Callable[[Actor], QuerySet[Connection]]]] = {
    "mine": ("My connections", access.mine),
    "shared": ("Shared", access.shared),
    "internal": ("Internal", access.internal),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the lists, with how many are in it."""

    code: str
    label: str
    count: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a list under its own heading; the only part has none."""

    rows: list[rows.Row]
    title: str = ""
    text: str = ""


@require_safe
def connections(request: HttpRequest) -> HttpResponse:
    """A list, searched and filtered."""
    actor = from_request(request)
    code = request.GET.get("list", "mine")
    code = code if code in LISTS else "mine"
    listed = rows.of(LISTS[code][1](actor), actor)
    filters = {name: request.GET.get(name, "").strip() for name in ("q", "status", "service")}
    found = [row for row in listed if row.matches(**filters)]
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "list": code,
        "tabs": _tabs(actor, code, len(listed)),
        "has_any": bool(listed),
        "filters": filters,
        "services": _services(listed),
        "statuses": [(code.value, code.label) for code in Code],
        "connections": [row.connection for row in page],
        "sections": _sections(list(page)),
        "clear_href": f"?list={code}",
        "next": _next(code, filters, page.next_page_number()) if page.has_next() else "",
    }
    return render(request, "connections/list.html", context)


def _tabs(actor: Actor, current: str, count: int) -> list[Tab]:
    return [
        Tab(code, label, count if code == current else query(actor).count(), is_current=code == current)
        for code, (label, query) in LISTS.items()
    ]


def _sections(page: list[rows.Row]) -> list[Section]:
    """Those that wait for the reader come first and apart."""
    waiting = [row for row in page if row.is_waiting]
    others = [row for row in page if not row.is_waiting]
    if not waiting:
        return [Section(others)] if others else []
    first = Section(
        waiting,
        title="Waiting for your authorisation",
        text="Calls on these run as yourself, once you have authorised.",
    )
    return [first, Section(others, title="Ready to use")] if others else [first]


def _services(listed: list[rows.Row]) -> list[Service]:
    found = {row.connection.auth.service.pk: row.connection.auth.service for row in listed}
    return sorted(found.values(), key=lambda service: service.name.lower())


def _next(code: str, filters: dict[str, str], number: int) -> str:
    return "?" + urlencode(
        {"list": code, **{key: value for key, value in filters.items() if value}, "page": number}
    )
