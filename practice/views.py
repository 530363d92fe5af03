"""The practice API: the same few addresses for every way to authenticate."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from practice import clients, oauth1, tokens
from practice.accounts import Caller, named
from practice.switches import switched

KEY_PREFIX = "practice-key-"
PASSWORD_PREFIX = "practice-password"
ITEMS = [{"id": number, "name": f"Item {number}"} for number in range(1, 26)]
_CREDENTIALS = {"authorization", "x-api-key", "cookie"}


def caller_of(request: HttpRequest) -> Caller | None:
    """Whose credential a request brings, of whatever kind; ``None`` where it brings no good one."""
    if oauth1.is_signed(request):
        row = oauth1.caller(request)
        return Caller(named(row.account), "oauth1") if row else None
    pair = clients.basic_pair(request)
    if pair:
        return Caller(named(pair[0]), "basic") if pair[1].startswith(PASSWORD_PREFIX) else None
    key = _first(request, "api_key", request.headers.get("X-Api-Key", ""))
    if key:
        return Caller(named(key.rpartition("-")[2]), "api_key") if key.startswith(KEY_PREFIX) else None
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    authorization = tokens.open_access_token(
        _first(request, "access_token", bearer if scheme.lower() == "bearer" else "")
    )
    return Caller(named(authorization.account), "oauth2", authorization.scopes) if authorization else None


def _first(request: HttpRequest, name: str, by_header: str) -> str:
    return by_header or str(request.GET.get(name) or request.POST.get(name, ""))


def for_callers(view: Callable[..., HttpResponseBase]) -> Callable[..., Any]:
    """A view that gets a ``caller``; without a good credential the answer is 401."""

    @switched
    @wraps(view)
    def answer(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        caller = caller_of(request)
        if caller is None:
            return JsonResponse(
                {"error": "unauthorized", "message": "No good credential came with this request."},
                status=401,
                headers={"WWW-Authenticate": 'Bearer realm="practice", error="invalid_token"'},
            )
        return view(request, caller=caller, **kwargs)

    return answer


@for_callers
def me(request: HttpRequest, *, caller: Caller) -> HttpResponseBase:
    """Who the credential belongs to."""
    account = caller.account
    body = {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "authenticated_by": caller.authenticated_by,
        "scopes": caller.scopes,
    }
    return JsonResponse(body)


@for_callers
def echo(request: HttpRequest, *, caller: Caller, rest: str = "") -> HttpResponseBase:
    """What arrived, less the credential itself."""
    headers = {
        name.lower(): "(a credential)" if name.lower() in _CREDENTIALS else value
        for name, value in request.headers.items()
    }
    body = {
        "method": request.method,
        "path": request.path,
        "query": _lists(request.GET),
        "headers": headers,
        "form": _lists(request.POST),
        "body": "" if request.POST else request.body.decode("utf-8", "replace"),
        "authenticated_by": caller.authenticated_by,
    }
    return JsonResponse(body)


@for_callers
def items(request: HttpRequest, *, caller: Caller) -> HttpResponseBase:
    """A list in pages (GET ``?limit=&after=``), or a new item (POST)."""
    needed = "items.write" if request.method == "POST" else "items.read"
    if not caller.may(needed):
        return JsonResponse({"error": "insufficient_scope", "scope": needed}, status=403)
    if request.method == "POST":
        return JsonResponse({"id": len(ITEMS) + 1, "created": True}, status=201)
    after, limit = _count(request, "after", 0), _count(request, "limit", 10)
    page = ITEMS[after : after + limit]
    follows = after + len(page) if after + len(page) < len(ITEMS) else None
    return JsonResponse({"items": page, "next": follows})


@for_callers
def status(request: HttpRequest, *, caller: Caller, code: int) -> HttpResponseBase:
    """An answer of that status."""
    return JsonResponse({"status": code}, status=code if 200 <= code <= 599 else 400)


@for_callers
def nothing(request: HttpRequest, *, caller: Caller) -> HttpResponseBase:
    return HttpResponse(status=204)


def _lists(values: Any) -> dict[str, list[str]]:
    hidden = {"api_key", "access_token"}
    return {
        name: ["(a credential)"] if name in hidden or name.startswith("oauth_") else list(found)
        for name, found in values.lists()
    }


def _count(request: HttpRequest, name: str, unset: int) -> int:
    text = request.GET.get(name, "")
    return min(int(text), 1000) if text.isascii() and text.isdigit() and len(text) < 6 else unset
