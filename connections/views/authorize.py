"""Our page before the service's consent page, and the answer that comes back from there."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

import problems
from connections import access, oauth
from connections.errors import AccountElsewhere
from connections.models import Grant
from connections.oauth import Pending
from connections.views import connecting
from people import sessions
from people.actor import from_request

SECURE = "https:"  # a provider may lead on to a company's own sign-in page


class SeeOther(HttpResponseRedirect):
    """To another address by GET, whatever the method was (RFC 9110 15.4.4)."""

    status_code = 303


class NotSignedIn(problems.FlowFailed):
    message = "You are not signed in here, so this authorisation was dropped and nothing was stored."
    hint = "Sign in, open the connection’s page and connect again, all in this browser."


class CameByPost(problems.FlowFailed):
    message = "The service sent its answer by POST, which is not accepted here."
    hint = "Set the app at the service to answer in the query (response_mode=query), then start again."


@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest, token: str) -> HttpResponse:
    """Who asks for what; only the POST uses the link up and leads to the service."""
    actor = from_request(request)
    if request.method == "POST":
        onward = oauth.begin_link(actor=actor, token=token, session_key=request.session.session_key or "")
        return SeeOther(onward.url)
    asked = oauth.pending(actor=actor, token=token)
    response = render(request, "connections/authorize.html", _context(request, asked))
    response.csp_form_action_extra = _onward(asked)  # type: ignore[attr-defined]
    return response


@csrf_exempt
@login_not_required
def callback(request: HttpRequest, service: str | None = None) -> HttpResponse:
    """What the service sent back: stored, or refused on a page that says why."""
    try:
        grant = _complete(request, service)
    except problems.AppError as error:
        return _refused(request, error)
    connection = grant.connection
    messages.success(request, f"{connection.name} is connected. Scripts call it as {connection.link_name}.")
    return SeeOther(reverse("connections:summary", args=[connection.link_name]))


def _complete(request: HttpRequest, service: str | None) -> Grant:
    if request.method != "GET":
        raise CameByPost
    actor = sessions.actor_of(request)
    if actor is None:
        raise NotSignedIn
    params = oauth.single(dict(request.GET.lists()))
    return oauth.complete(
        actor=actor,
        service_link_name=service,
        params=params,
        session_key=request.session.session_key or "",
    )


def _refused(request: HttpRequest, error: problems.AppError) -> HttpResponse:
    """400 for everything that the person or the service did; ours keeps its own status."""
    status = error.status if error.status >= 500 else 400
    context = {"error": error, "switch": _switch(request, error)}
    return render(request, "connections/refused.html", context, status=status)


def _switch(request: HttpRequest, error: problems.AppError) -> dict[str, object] | None:
    """What the page offers to somebody whose account is in another place than their connection."""
    actor = sessions.actor_of(request)
    if actor is None or not isinstance(error, AccountElsewhere):
        return None
    connection = access.get(actor=actor, link_name=error.extra["connection"])
    asked = urlencode({name: error.extra[name] for name in ("variable", "choice")})
    address = reverse("connections:switch", args=[connection.link_name])
    may_edit = access.may_edit(actor, connection)
    return {"connection": connection, "may_edit": may_edit, "address": f"{address}?{asked}"}


def _context(request: HttpRequest, asked: Pending) -> dict[str, object]:
    connection = asked.connection
    declared = {
        scope["name"]: scope.get("description", "") for scope in connection.auth.config.get("scopes", [])
    }
    return {
        "asked": asked,
        "connection": connection,
        "service": connection.auth.service,
        "scopes": [{"name": scope, "description": declared.get(scope, "")} for scope in asked.scopes],
        "is_own_request": asked.asked_by is not None and asked.asked_by.pk == from_request(request).id,
        "way": connecting.way_of(connection),
    }


def _onward(asked: Pending) -> str:
    """Where the form may lead: Chromium holds every redirect of the chain against this."""
    is_plain = asked.provider_origin.startswith("http:")
    return f"{SECURE} {asked.provider_origin}" if is_plain else SECURE
