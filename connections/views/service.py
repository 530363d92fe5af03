"""Changing and deleting a custom service, which connections may stand on."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from connections import access, operations
from connections.errors import RetargetUnconfirmed, ServiceInUse, WideningUnconfirmed
from connections.forms import ConfirmForm
from connections.models import Connection
from people.actor import Actor, from_request
from people.operation_form import REFUSALS, posted
from services import loader
from services import operations as service_operations
from services.changes import compare
from services.errors import NotYourService, ServiceFixed, ServiceUpToDate
from services.forms import ServiceForm
from services.models import Service

form_page = require_http_methods(["GET", "HEAD", "POST"])


@form_page
def edit(request: HttpRequest, link_name: str) -> HttpResponse:
    """The definition. In use, sending credentials anywhere new wants the link name typed."""
    actor = from_request(request)
    service = _editable(actor, link_name)
    is_used = Connection.objects.filter(auth__service=service).exists()
    if is_used and request.method != "POST":
        actor.require_fresh()  # before anything is typed
    form, confirm, unconfirmed = ServiceForm(posted(request), service=service), None, None
    if form.is_valid():
        data = form.nested() | {"confirm": request.POST.get("confirm", "").strip()}
        try:
            changed = operations.change_service(actor=actor, service=service, data=data)
        except (RetargetUnconfirmed, WideningUnconfirmed) as error:
            typed = request.POST if "confirm" in request.POST else None
            confirm, unconfirmed = ConfirmForm(typed, link_name=service.link_name), error
        except REFUSALS as error:
            form.lay(error)
        else:
            messages.success(request, f"{changed.defined.name} is saved.")
            return redirect("services:detail", service.link_name)
    context = {"service": service, "form": form, "confirm": confirm, "unconfirmed": unconfirmed}
    return render(
        request,
        "connections/service_edit.html",
        context | {"is_used": is_used},
        status=422 if form.errors or confirm else 200,
    )


@form_page
def delete(request: HttpRequest, link_name: str) -> HttpResponse:
    """For good, and only where no connection uses it; else those that do are listed."""
    actor = from_request(request)
    service = _editable(actor, link_name)
    form = ConfirmForm(posted(request), link_name=service.link_name)
    is_used = access.visible(actor).filter(auth__service=service).exists()
    refused: ServiceInUse | None = None
    if form.is_valid():
        try:
            operations.delete_service(actor=actor, service=service)
        except ServiceInUse as error:
            refused = error
        else:
            messages.success(request, f"{service.name} is deleted.")
            return redirect("services:list")
    context = {"service": service, "form": form, "is_used": is_used, "refused": refused}
    status = 409 if form.is_valid() else 422 if form.errors else 200
    return render(request, "connections/service_delete.html", context, status=status)


@form_page
def newer(request: HttpRequest, link_name: str) -> HttpResponse:
    """What the catalogue says now of a default service in use, to be taken over by typing its link name."""
    actor = from_request(request)
    service = service_operations.get_service(actor=actor, link_name=link_name)
    if not actor.is_administrator:
        raise NotYourService("Only an administrator takes over what the catalogue says of a service in use.")
    entry = loader.newer(service)
    if entry is None:
        raise ServiceUpToDate
    actor.require_fresh()
    form = ConfirmForm(posted(request), link_name=service.link_name)
    if form.is_valid():
        confirm = form.cleaned_data["confirm"]
        taken = operations.take_over_newer(actor=actor, service=service, confirm=confirm)
        after = "Everybody connects again." if taken.is_retargeted else "Nobody has to connect again."
        messages.success(request, f"{service.name} is as the catalogue says. {after}")
        return redirect("services:detail", service.link_name)
    context = {"service": service, "form": form, "change": compare(service, entry.defined)}
    return render(request, "connections/service_newer.html", context, status=422 if form.errors else 200)


def _editable(actor: Actor, link_name: str) -> Service:
    """A service that the actor may change. Raises ServiceFixed, NotYourService."""
    service = service_operations.get_service(actor=actor, link_name=link_name)
    if not service.is_custom:
        raise ServiceFixed
    if not service_operations.may_edit(actor, service):
        raise NotYourService
    return service
