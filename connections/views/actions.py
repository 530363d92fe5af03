"""What is done to a connection from its page."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from connections import access, grants, operations
from connections.forms import ConfirmForm, CredentialsForm, EditForm, SwitchForm
from connections.models import Connection
from connections.views import connecting, summary
from people.actor import Actor, from_request
from people.operation_form import REFUSALS, posted

form_page = require_http_methods(["GET", "HEAD", "POST"])


@form_page
def edit(request: HttpRequest, link_name: str) -> HttpResponse:
    """Name, variables, scopes, audience."""
    actor = from_request(request)
    connection = access.get_editable(actor=actor, link_name=link_name)
    form = EditForm(posted(request), connection=connection, audience=access.audience_of(connection))
    if form.is_valid():
        try:
            operations.change_connection(actor=actor, connection=connection, data=form.nested())
        except REFUSALS as error:
            form.lay(error)
        else:
            messages.success(request, f"{connection.name} is saved.")
            return _to(connection)
    return _form(request, "connections/edit.html", actor, connection, form)


@form_page
def connect(request: HttpRequest, link_name: str) -> HttpResponse:
    """Credentials that are typed, or the way to the page that authorises."""
    actor = from_request(request)
    connection = _connectable(actor, link_name)
    form = CredentialsForm(posted(request), connection=connection)
    if form.fields and grants.current(connection, actor.user):
        actor.require_fresh()  # before anything is typed
    if form.is_valid():
        try:
            credentials = form.nested()["credentials"] if form.fields else None
            onward = operations.connect(actor=actor, connection=connection, credentials=credentials)
        except REFUSALS as error:
            form.lay(error)
        else:
            return redirect(onward) if onward else _connected(request, connection)
    return _form(request, "connections/connect.html", actor, connection, form)


@form_page
def revoke(request: HttpRequest, link_name: str) -> HttpResponse:
    """End the grant, here and at the service."""
    actor = from_request(request)
    connection = _connectable(actor, link_name)
    if request.method != "POST":
        context = summary.context_of(actor, connection)
        context["tells_service"] = connecting.can_tell_service(connection)
        return render(request, "connections/revoke.html", context)
    outcome = operations.revoke_connection(actor=actor, connection=connection)
    messages.add_message(request, *_told(connection.auth.service.name, is_confirmed=outcome.is_confirmed))
    return _to(connection)


@form_page
def switch(request: HttpRequest, link_name: str) -> HttpResponse:
    """Set a variable to where an account turned out to be, and start again."""
    actor = from_request(request)
    connection = access.get_editable(actor=actor, link_name=link_name)
    form = SwitchForm(request.POST or request.GET, connection=connection)
    if not form.is_valid() or request.method != "POST":
        return _form(request, "connections/switch.html", actor, connection, form)
    connection = operations.switch_choice(actor=actor, connection=connection, **form.cleaned_data)
    if connecting.way_of(connection).needs_consent:
        return redirect(operations.connect(actor=actor, connection=connection))
    messages.success(request, f"{connection.name} is set to {form.cleaned_data['choice']}.")
    return _to(connection)


@require_POST
def disable(request: HttpRequest, link_name: str) -> HttpResponse:
    """Refuse calls and keep the grant."""
    actor = from_request(request)
    connection = access.get_editable(actor=actor, link_name=link_name)
    operations.disable(actor=actor, connection=connection)
    messages.success(request, f"{connection.name} is switched off. Its authorisation is kept.")
    return _to(connection)


@require_POST
def enable(request: HttpRequest, link_name: str) -> HttpResponse:
    """Take calls again."""
    actor = from_request(request)
    connection = access.get_editable(actor=actor, link_name=link_name)
    operations.enable(actor=actor, connection=connection)
    messages.success(request, f"{connection.name} is switched on again.")
    return _to(connection)


@form_page
def delete(request: HttpRequest, link_name: str) -> HttpResponse:
    """For good; the link name is typed to show that it is meant."""
    actor = from_request(request)
    connection = access.get_editable(actor=actor, link_name=link_name)
    form = ConfirmForm(posted(request), link_name=connection.link_name)
    if form.is_valid():
        operations.delete_connection(actor=actor, connection=connection, confirm=form.cleaned_data["confirm"])
        messages.success(request, f"{connection.name} is deleted.")
        return redirect("connections:list")
    return _form(request, "connections/delete.html", actor, connection, form)


def _connectable(actor: Actor, link_name: str) -> Connection:
    """A connection whose credential is the actor's to give and to take."""
    connection = access.get(actor=actor, link_name=link_name)
    access.require_connect(actor, connection)
    return connection


def _connected(request: HttpRequest, connection: Connection) -> HttpResponse:
    messages.success(request, f"{connection.name} is connected. Test it to see whether the service agrees.")
    return _to(connection)


def _to(connection: Connection) -> HttpResponse:
    return redirect("connections:summary", connection.link_name)


def _form(
    request: HttpRequest,
    template: str,
    actor: Actor,
    connection: Connection,
    form: EditForm | CredentialsForm | ConfirmForm | SwitchForm,
) -> HttpResponse:
    context = summary.context_of(actor, connection) | {"form": form}
    return render(request, template, context, status=422 if form.errors else 200)


def _told(service: str, *, is_confirmed: bool | None) -> tuple[int, str]:
    """Whether the service knows: it confirmed, it did not, or it has no address to be told at (None)."""
    if is_confirmed:
        return messages.SUCCESS, f"Revoked: wiped here, and {service} confirmed it."
    if is_confirmed is None:
        return messages.SUCCESS, f"Revoked: wiped here. {service} has no address to be told at."
    return messages.WARNING, f"Wiped here, but {service} did not confirm it: end the access there as well."
