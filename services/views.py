"""The pages of services: the list, a new one, one of them."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from people.actor import Actor, from_request
from people.addresses import is_local_path
from people.operation_form import REFUSALS
from people.sessions import fresh_sign_in_required
from services import clients, operations, tiles
from services.callback import callback_url, callback_url_of
from services.errors import NoBuilder, NotYourService
from services.forms import ClientForm, CopyForm, ServiceForm
from services.known import known
from services.models import Service, ServiceAuth
from services.shown import auths_shown
from services.tiles import Group

KINDS = {Service.Kind.DEFAULT: "Default services", Service.Kind.CUSTOM: "Custom services"}


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The catalogue and the custom services."""
    actor = from_request(request)
    kind = Service.Kind.CUSTOM if request.GET.get("kind") == "custom" else Service.Kind.DEFAULT
    filters = {name: request.GET.get(name, "").strip() for name in ("q", "category")}
    found = operations.find_services(actor=actor, kind=kind, include_hidden=True, **filters)
    context = {
        "tabs": [_tab(actor, code, label, is_current=code == kind) for code, label in KINDS.items()],
        "kind": kind.value,
        "filters": filters,
        "groups": tiles.drawn(_groups(operations.briefly(found), kind, filters), "services:detail"),
        "categories": _categories(actor) if kind is Service.Kind.DEFAULT else [],
        "is_filtered": any(filters.values()),
    }
    return render(request, "services/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make a custom service; ``?next=`` leads back to the connection that it is for."""
    actor = from_request(request)
    if not actor.is_builder:
        raise NoBuilder
    back = _next_of(request)
    initial = {"auth_type": "oauth2", "name": request.GET.get("name", "")}
    form = ServiceForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            service = operations.create_service(actor=actor, data=form.nested())
        except REFUSALS as error:
            form.lay(error)
        else:
            messages.success(request, f"{service.name} is there.")
            return redirect(_after(service, back))
    context = {"form": form, "next": back, "callback_template": callback_url_of("{service}")}
    return render(request, "services/new.html", context, status=422 if form.errors else 200)


@require_safe
def detail(request: HttpRequest, link_name: str) -> HttpResponse:
    """What a service is, where it may call, its app, and the connections that use it."""
    actor = from_request(request)
    return _detail(request, actor, operations.get_service(actor=actor, link_name=link_name))


@require_http_methods(["GET", "HEAD", "POST"])
@fresh_sign_in_required
def client(request: HttpRequest, link_name: str) -> HttpResponse:
    """Enter the app that is registered with a service. Asks for a fresh sign-in before anything is typed."""
    actor = from_request(request)
    service = operations.get_service(actor=actor, link_name=link_name)
    if not operations.may_set_client(actor, service):
        raise NotYourService
    if request.method != "POST":
        return redirect("services:detail", link_name=link_name)
    auth = clients.auth_for_client(service, request.POST.get("auth") or None)
    form = ClientForm(request.POST, auth=auth)
    if form.is_valid():
        try:
            operations.set_client(actor=actor, service=service, **form.values())
        except REFUSALS as error:
            form.lay(error)
        else:
            messages.success(request, f"The app for {service.name} is stored. Its secret is not shown again.")
            return redirect("services:detail", link_name=link_name)
    return _detail(request, actor, service, form)


@require_http_methods(["GET", "HEAD", "POST"])
def copy(request: HttpRequest, link_name: str) -> HttpResponse:
    """Make a custom service out of a default one, which may then be edited."""
    actor = from_request(request)
    if not actor.is_builder:
        raise NoBuilder
    service = operations.get_service(actor=actor, link_name=link_name)
    form = CopyForm(request.POST or None, service=service)
    if form.is_valid():
        try:
            copied = operations.copy_service(actor=actor, service=service, **form.cleaned_data)
        except REFUSALS as error:
            form.lay(error)
        else:
            messages.success(request, f"{copied.name} is there. Change what is to be different.")
            return redirect("services:detail", link_name=copied.link_name)
    context = {"service": service, "form": form}
    return render(request, "services/copy.html", context, status=422 if form.errors else 200)


@require_POST
def hide(request: HttpRequest, link_name: str) -> HttpResponse:
    """Take a default service out of the lists, or put it back."""
    actor = from_request(request)
    service = operations.get_service(actor=actor, link_name=link_name)
    operations.set_hidden(actor=actor, service=service, is_hidden=request.POST.get("is_hidden") == "1")
    return redirect("services:detail", link_name=link_name)


def _detail(
    request: HttpRequest, actor: Actor, service: Service, refused: ClientForm | None = None
) -> HttpResponse:
    takers = [auth for auth in service.auths.all() if clients.takes_client(auth)]
    may_set_client = bool(takers) and operations.may_set_client(actor, service)
    context: dict[str, Any] = {
        "service": service,
        "auths": auths_shown(service),
        "known": known(service),
        "callback_url": callback_url(service) if takers else "",
        "needs_client": bool(takers),
        "lacking": clients.lacking(service),
        "need_no_client": [auth for auth in service.auths.all() if not clients.takes_client(auth)],
        "may_edit": operations.may_edit(actor, service),
        "may_copy": actor.is_builder and not service.is_custom and not service.is_builtin,
        "may_hide": actor.is_administrator and not service.is_custom,
        "may_set_client": may_set_client,
        "client_forms": _client_forms(takers, refused) if may_set_client and actor.is_fresh else [],
    }
    return render(request, "services/detail.html", context, status=422 if refused else 200)


def _client_forms(takers: list[ServiceAuth], refused: ClientForm | None) -> list[ClientForm]:
    return [refused if refused and refused.auth == auth else ClientForm(auth=auth) for auth in takers]


def _tab(actor: Actor, code: Service.Kind, label: str, *, is_current: bool) -> dict[str, Any]:
    count = operations.find_services(actor=actor, kind=code, include_hidden=True).count()
    return {"code": code.value, "label": label, "count": count, "is_current": is_current}


def _groups(found: QuerySet[Service], kind: Service.Kind, filters: dict[str, str]) -> list[Group]:
    """By category; what was searched for in one group, the likeliest first."""
    if filters["q"]:
        return [Group("", operations.best_first(filters["q"], found))]
    if kind is Service.Kind.CUSTOM or filters["category"]:
        return [Group("", sorted(found, key=lambda service: service.name.lower()))]
    return tiles.by_category(found)


def _categories(actor: Actor) -> list[tuple[str, int]]:
    return operations.categories(actor=actor, include_hidden=True)


def _next_of(request: HttpRequest) -> str:
    """Where to go on afterwards: a path of ours, or nowhere."""
    given = request.POST.get("next") or request.GET.get("next", "")
    return given if is_local_path(given) else ""


def _after(service: Service, back: str) -> str:
    """The details of the connection that it was made for; the page asked for; or its own page."""
    if back and urlsplit(back).path == reverse("connections:new"):
        return reverse("connections:details", args=[service.link_name])
    return back or reverse("services:detail", args=[service.link_name])
