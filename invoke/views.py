"""Pages about calls: what was called, and the test of a connection."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from api.pages import page
from connections import access
from invoke import operations
from invoke.forms import ActivityForm
from people.actor import from_request
from problems import Conflict, InvalidInput, NotAllowed, ValidationFailed

PAGE = 50


@require_GET
def activity(request: HttpRequest) -> HttpResponse:
    """Calls, newest first, narrowed by what the form says."""
    actor = from_request(request)
    form = ActivityForm(request.GET or None, actor=actor)
    found = operations.calls(actor=actor, search=form.search())
    try:
        rows, cursor = page(found, limit=PAGE, cursor=request.GET.get("cursor"))
    except ValidationFailed:
        return HttpResponseRedirect(reverse("activity"))
    kept = {name: value for name, value in request.GET.items() if value and name != "cursor"}
    return render(
        request,
        "invoke/activity.html",
        {
            "form": form,
            "calls": rows,
            "next": f"?{urlencode({**kept, 'cursor': cursor})}" if cursor else "",
            "is_narrowed": bool(kept),
            "everybody": actor.is_administrator,
        },
    )


@require_POST
def test_connection(request: HttpRequest, link_name: str) -> HttpResponse:
    """Test, and say on the connection's page what came of it."""
    actor = from_request(request)
    connection = access.get(actor=actor, link_name=link_name)
    try:
        result = operations.test_connection(actor=actor, connection=connection)
    except (NotAllowed, Conflict, InvalidInput) as error:
        messages.error(request, f"{error.message} {error.hint}")
    else:
        level = {True: messages.SUCCESS, False: messages.ERROR, None: messages.INFO}[result.ok]
        messages.add_message(request, level, f"{_VERDICTS[result.ok]} {result.detail}")
    return HttpResponseRedirect(f"/connections/{link_name}/")


_VERDICTS = {True: "It works.", False: "It does not work.", None: "Nothing to test it with."}
