"""What happens to every request: its id and log line, its host, its headers, its actor, its errors."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core.exceptions import SuspiciousOperation
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import reverse
from django.utils.http import http_date
from whitenoise.middleware import WhiteNoiseMiddleware

import problems
from api.handlers import DatabaseUnavailable, MethodNotAllowed, answer
from people import audit, error_pages, sessions
from people.audit_events import Event
from people.errors import FreshSignInNeeded
from people.ids import uuid7
from people.logs import LINKS
from problems.database import DATABASE_AWAY

log = structlog.get_logger("switchboard.access")
GetResponse = Callable[[HttpRequest], HttpResponseBase]

ANSWERS_ON_EVERY_HOST = ("/api/", "/healthz", "/readyz", "/invoke")
CALLBACKS = "/oauth/callback"
CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}


def policy(form_action_extra: str = "") -> str:
    """The content security policy, with further targets for the one form that leads to a provider."""
    sources = {**CSP, "form-action": f"{CSP['form-action']} {form_action_extra}".strip()}
    return "; ".join(f"{directive} {source}" for directive, source in sources.items())


class RequestId:
    """Gives a request its id, on the answer and in every log line, and writes one access line itself.

    The line holds the path without its query: codes, states and search words stay out of the log.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.id = str(uuid7())  # type: ignore[attr-defined]
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request.id):  # type: ignore[attr-defined]
            response = self.get_response(request)
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000),
            )
        response["Switchboard-Request"] = request.id  # type: ignore[attr-defined]
        return response


class SecurityHeaders:
    """What a browser may do with our pages; Django's own SecurityMiddleware sets the rest.

    A view whose form leads on to a provider sets ``response.csp_form_action_extra``: Chromium holds
    the whole chain of redirects against ``form-action``. Pages with a form keep ``same-origin``
    referrers, since ``no-referrer`` makes browsers send ``Origin: null``; a callback's answer has none.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy(getattr(response, "csp_form_action_extra", "")))
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Date", http_date())  # the server sends none: an upstream keeps its own
        headers.setdefault("X-Robots-Tag", "noindex, nofollow")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if request.path.startswith(CALLBACKS):
            headers["Referrer-Policy"] = "no-referrer"
        return response


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise has no types
    """whitenoise's files as whole answers: all of ours are small, and ASGI reads a stream of theirs whole
    all the same, with a warning."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        streamed = WhiteNoiseMiddleware.serve(static_file, request)
        whole = HttpResponse(b"".join(streamed), status=streamed.status_code)
        whole.headers = streamed.headers
        streamed.close()
        return whole


class RefuseNul:
    """No text of ours holds a NUL, and PostgreSQL takes none: an address with one is a 400, everywhere."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\x00" in request.path or "%00" in request.META["QUERY_STRING"]:
            return error_pages.bad_request(request, SuspiciousOperation())
        return self.get_response(request)


class CanonicalHost:
    """Sends a page that is asked for under another allowed host to PUBLIC_URL: cookies are per host.

    ``get_host`` refuses hosts that are not allowed, with a 400.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.netloc = urlsplit(settings.PUBLIC_URL).netloc.lower()
        self.default_port = ":443" if settings.PUBLIC_IS_HTTPS else ":80"

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        host = request.get_host().lower()
        if self._bare(host) == self._bare(self.netloc) or request.path.startswith(ANSWERS_ON_EVERY_HOST):
            return self.get_response(request)
        response = HttpResponseRedirect(settings.PUBLIC_URL + request.get_full_path())
        response.status_code = 307  # the method and the body stay what they were
        return response

    def _bare(self, netloc: str) -> str:
        return netloc.removesuffix(self.default_port)


class SignInRequired(LoginRequiredMiddleware):
    """Leads to the sign-in, and reads a session only where one is needed: not for /healthz or a token."""

    def process_view(self, request: HttpRequest, view_func: Callable[..., Any], *views: Any) -> Any:
        """Django's own reads the session first."""
        is_needed = getattr(view_func, "login_required", True)
        return super().process_view(request, view_func, *views) if is_needed else None


class ActorMiddleware:
    """Puts ``request.actor`` on a request whose view asks for a sign-in."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], *_: Any) -> None:
        """After the sign-in was checked, and before the view."""
        if getattr(view, "login_required", True):
            request.actor = sessions.actor_of(request)  # type: ignore[attr-defined]


class ProblemPages:
    """Turns an error of ours that a view raised into a page with its words, its next step, its status."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        _audit_denied(request)
        if isinstance(response, HttpResponseNotAllowed):
            return _method_not_allowed(request, response["Allow"])
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page for an AppError or a database that is away; anything else is Django's to answer."""
        if isinstance(error, FreshSignInNeeded):
            return _ask_to_sign_in_again(request)
        if isinstance(error, problems.AppError):
            request.refusal = error  # type: ignore[attr-defined]
            return error_pages.problem(request, error)
        if isinstance(error, DATABASE_AWAY):
            log.warning("page.DatabaseUnavailable", error=type(error).__name__, path=request.path)
            return error_pages.problem(request, DatabaseUnavailable())
        return None


def _audit_denied(request: HttpRequest) -> None:
    """What a rule of ours forbade somebody goes into the audit trail, with the address and without its links.

    Nobody's requests do not: a trail from which nothing can be deleted is not for strangers to fill.
    """
    refusal, actor = getattr(request, "refusal", None), getattr(request, "actor", None)
    is_forbidden = isinstance(refusal, problems.NotAllowed)
    if actor is None or not is_forbidden or isinstance(refusal, problems.ConfirmationRequired):
        return
    if audit.may_repeat(Event.ACCESS_DENIED, key=str(actor.id)):
        path = LINKS.sub(r"\1…", request.path)
        audit.record(Event.ACCESS_DENIED, actor=actor, target=f"{request.method} {path}")


def _ask_to_sign_in_again(request: HttpRequest) -> HttpResponse:
    """To the page that asks for the password, and back to where the person was.

    What they had typed is not kept: it may hold secrets, and sessions hold none.
    """
    back = request.get_full_path() if request.method == "GET" else error_pages.page_before(request)
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")


def _method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    error = MethodNotAllowed()
    response = answer(error) if error_pages.is_api(request) else error_pages.problem(request, error)
    response["Allow"] = allowed
    return response
