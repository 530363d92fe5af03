"""API tokens: make, list, revoke."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connections import access, operations, shapes
from connections.forms import TokenForm
from people.actor import from_request
from people.operation_form import REFUSALS, posted
from people.sessions import fresh_sign_in_required


@require_safe
def tokens(request: HttpRequest) -> HttpResponse:
    """The person's own tokens that still work."""
    actor = from_request(request)
    rows = list(operations.find_tokens(actor=actor))
    told = zip(rows, shapes.tokens_as_json(rows, actor), strict=True)
    return render(request, "connections/tokens.html", {"tokens": list(told)})


@require_http_methods(["GET", "HEAD", "POST"])
@fresh_sign_in_required
def new(request: HttpRequest) -> HttpResponse:
    """Make a token. Its text is in this one answer and nowhere else: not in the session, not in a message."""
    actor = from_request(request)
    form = TokenForm(posted(request), actor=actor, usable=access.usable(actor))
    if form.is_valid():
        try:
            token, secret = operations.create_token(actor=actor, **form.asked())
        except REFUSALS as error:
            form.lay(error)
        else:
            shown = {"token": token, "secret": secret.reveal()}
            return render(request, "connections/token_made.html", shown, status=201)
    return render(request, "connections/token_new.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """End a token; its next call is refused."""
    token = operations.revoke_token(actor=from_request(request), token_id=token_id)
    messages.success(request, f"{token.name} is revoked: its next call is refused.")
    return redirect("connections:tokens")
