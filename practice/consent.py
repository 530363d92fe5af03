"""The consent page, which OAuth 1 and 2 share."""

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from practice.accounts import ACCOUNTS, SCOPES
from practice.misbehaviour import Misbehaviour

LONGEST_CALLBACK = 500


def page(
    request: HttpRequest, client_id: str, scopes: list[str], *, has_switches: bool = True
) -> HttpResponse:
    """Who asks for what, as whom to answer, and what should go wrong."""
    return render(
        request,
        "practice/consent.html",
        {
            "client_id": client_id,
            "accounts": ACCOUNTS.values(),
            "scopes": [{"name": name, "description": SCOPES.get(name, "Unknown here")} for name in scopes],
            "misbehaviours": Misbehaviour.choices if has_switches else [],
        },
    )


def refuse(request: HttpRequest, problem: str) -> HttpResponse:
    """A page, and no way back: who asks is not known, so nobody is sent there."""
    return render(request, "practice/refused.html", {"problem": problem}, status=400)


def is_ours(request: HttpRequest, callback: str) -> bool:
    """Callbacks are on the server that practises, so that nobody is redirected to anywhere else."""
    if not callback.isprintable() or len(callback) > LONGEST_CALLBACK:
        return False
    try:
        ours, theirs = urlsplit(request.build_absolute_uri("/")), urlsplit(callback)
    except ValueError:
        return False
    return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc) and not theirs.fragment


def account(request: HttpRequest) -> str:
    """The made-up account that consents."""
    chosen = request.POST.get("account", "")
    return chosen if chosen in ACCOUNTS else "ada"


def misbehaviour(request: HttpRequest) -> str:
    """What was chosen to go wrong."""
    chosen = request.POST.get("misbehaviour", "")
    return chosen if chosen in Misbehaviour.values else Misbehaviour.NONE.value
