"""Pages for what went wrong: what happened, the next step, and never a detail of ours."""

import sys
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

import problems
from api.handlers import BodyTooLarge, DatabaseUnavailable, answer
from people import addresses
from problems.database import DATABASE_AWAY

API = "/api/v1/"
_WITHOUT_FORMS = ("/oauth/",)  # their referrer policy makes a browser's POST look foreign


class BadRequest(problems.InvalidInput):
    """The request is not one that a browser of ours sends (400)."""

    message = "This request cannot be read."
    hint = "Go back and try again; check that the address is spelled as you were given it."


class PageNotFound(problems.NotFound):
    """No page lives at this address, or it is not the asker's (404)."""

    message = "There is no page at this address, or it is not yours to see."
    hint = "Check the address; ask its owner to share it with you."


class FormExpired(problems.NotAllowed):
    """The form's token does not fit the session's (403)."""

    message = "This form is out of date, so nothing was changed."
    hint = "Go back, reload the page and send it again. Cookies must be allowed for this site."


def is_api(request: HttpRequest) -> bool:
    """Whether a program asked, which reads problem documents and no pages."""
    return request.path.startswith(API)


def page_before(request: HttpRequest) -> str:
    """The page of ours that the person came from, or the one they are on."""
    try:
        referrer = urlsplit(request.META.get("HTTP_REFERER", ""))
    except ValueError:  # it is no URL
        return request.path
    path = referrer.path + (f"?{referrer.query}" if referrer.query else "")
    is_ours = f"{referrer.scheme}://{referrer.netloc}" == settings.PUBLIC_URL
    return path if is_ours and addresses.is_local_path(path) else request.path


def problem(request: HttpRequest, error: problems.AppError) -> HttpResponse:
    """The page of an error. Nothing of it touches the database when that is what failed."""
    is_ours = error.status >= 500  # sessions are in the database
    is_signed_in = not is_ours and hasattr(request, "user") and request.user.is_authenticated
    in_the_shell = is_signed_in and not request.path.startswith(_WITHOUT_FORMS)
    html = render_to_string(
        "errors/problem.html",
        {
            "error": error,
            "title": error.as_problem()["title"],
            "request_id": getattr(request, "id", ""),
            "layout": "base.html" if in_the_shell else "stage.html",
            "way_on": "To your connections" if is_signed_in or is_ours else "To the sign-in",
        },
        request=request if in_the_shell else None,
    )
    return HttpResponse(html, status=error.status, headers=error.headers())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 404."""
    return answer(problems.NotFound()) if is_api(request) else problem(request, PageNotFound())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 403."""
    return _told(request, problems.NotAllowed())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 400: a host that is not ours, a form with too many fields; 413 for too large a body."""
    return _told(request, BodyTooLarge() if isinstance(exception, RequestDataTooBig) else BadRequest())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A POST without the token of its form."""
    return _told(request, FormExpired())


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's 500, outside a view: in a middleware, say, that reads the session."""
    is_away = isinstance(sys.exc_info()[1], DATABASE_AWAY)
    return _told(request, DatabaseUnavailable() if is_away else problems.AppError())


def _told(request: HttpRequest, error: problems.AppError) -> HttpResponse:
    return answer(error) if is_api(request) else problem(request, error)
