"""Create connection: pick a service, give the details; the third step is the page that authorises."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from connections import access, operations
from connections.errors import NoBuilder
from connections.forms import DetailsForm
from connections.models import Connection
from connections.views import connecting
from connections.views.lists import Tab
from people.actor import Actor, from_request
from people.operation_form import REFUSALS, posted
from problems import NotFound
from services import clients, tiles
from services import operations as service_operations
from services.models import Service, ServiceAuth
from services.tiles import Group

SHOWN_FIRST = 8
KINDS = {Service.Kind.DEFAULT: "Default services", Service.Kind.CUSTOM: "Custom services"}


@require_safe
def pick(request: HttpRequest) -> HttpResponse:
    """Step 1: which service?"""
    actor = _builder(request)
    kind = Service.Kind.CUSTOM if request.GET.get("kind") == "custom" else Service.Kind.DEFAULT
    q, category = (request.GET.get(name, "").strip() for name in ("q", "category"))
    is_default = kind is Service.Kind.DEFAULT
    found = service_operations.find_services(actor=actor, kind=kind, q=q, category=category)
    counts = {code: service_operations.find_services(actor=actor, kind=code).count() for code in KINDS}
    groups = _groups(actor, service_operations.briefly(found), q=q, is_whole=is_default and not category)
    back = {"next": f"{reverse('connections:new')}?kind=custom"}
    context = {
        "kind": kind.value,
        "filters": {"q": q, "category": category},
        "tabs": [
            Tab(code.value, label, counts[code], is_current=code == kind) for code, label in KINDS.items()
        ],
        "total": counts[kind],
        "groups": tiles.drawn(groups, "connections:details"),
        "categories": service_operations.categories(actor=actor) if is_default else [],
        "new_service_href": f"{reverse('services:new')}?{urlencode(back)}",
    }
    return render(request, "connections/new.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest, service: str) -> HttpResponse:
    """Step 2: name, scopes, whose credentials, and the credentials themselves where they are typed."""
    actor = _builder(request)
    auth = _chosen_auth(
        service_operations.get_service(actor=actor, link_name=service), request.GET.get("auth")
    )
    form = DetailsForm(posted(request), auth=auth)
    if form.is_valid():
        try:
            connection = operations.create_connection(actor=actor, data=_data(form, auth))
        except REFUSALS as error:
            form.lay(error)
        else:
            return _go_on(request, actor, connection)
    return _show_details(request, actor, auth, form)


def _builder(request: HttpRequest) -> Actor:
    """Told before anything is typed, and by the operation again."""
    actor = from_request(request)
    if not actor.is_builder:
        raise NoBuilder
    return actor


def _chosen_auth(service: Service, name: str | None) -> ServiceAuth:
    """The authentication type that the address names; a service's first one where it names none."""
    auths = list(service.auths.all())
    for auth in auths:
        auth.service = service
    chosen = next((auth for auth in auths if auth.name == name), None) if name else auths[0]
    if chosen is None:
        raise NotFound
    return chosen


def _data(form: DetailsForm, auth: ServiceAuth) -> dict[str, object]:
    return {**form.nested(), "service": auth.service.link_name, "auth": auth.name}


def _go_on(request: HttpRequest, actor: Actor, connection: Connection) -> HttpResponse:
    """To step 3 where somebody is to authorise, else to the finished connection."""
    way = connecting.way_of(connection)
    if way.needs_consent and not way.needs_client:
        return redirect(operations.connect(actor=actor, connection=connection))
    messages.success(request, f"{connection.name} is created. Scripts call it as {connection.link_name}.")
    return redirect("connections:summary", connection.link_name)


def _show_details(request: HttpRequest, actor: Actor, auth: ServiceAuth, form: DetailsForm) -> HttpResponse:
    service, needs_client = auth.service, clients.takes_client(auth) and clients.default_of(auth) is None
    context = {
        "service": service,
        "auth": auth,
        "auths": list(service.auths.all()),
        "form": form,
        "needs_client": needs_client,
        "may_set_client": service_operations.may_set_client(actor, service),
        "submit_label": "Create" if needs_client else "Create and connect",
    }
    return render(request, "connections/details.html", context, status=422 if form.errors else 200)


def _groups(actor: Actor, found: QuerySet[Service], *, q: str, is_whole: bool) -> list[Group]:
    """What is used here first, then the best known, then all by category; what was searched for as one."""
    if q:
        return [Group("", service_operations.best_first(q, found))]
    if not is_whole:
        return [Group("", sorted(found, key=lambda service: service.name.lower()))]
    used = access.services_used(actor, found)[:SHOWN_FIRST]
    known = found.filter(meta__rank__isnull=False).order_by("meta__rank")[:SHOWN_FIRST]
    return [Group("Used here", list(used)), Group("Best known", list(known)), *tiles.by_category(found)]
