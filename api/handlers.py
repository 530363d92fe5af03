"""Every error of the API is a problem document (RFC 9457), and none tells more than its words."""

from collections.abc import Sequence
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

import problems
from problems.database import DATABASE_AWAY
from problems.families import CONTENT_TYPE

log = structlog.get_logger(__name__)

_SENTENCES = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "string_type": "This takes a text.",
    "string_too_long": "This takes at most {max_length} characters.",
    "bool_type": "This takes true or false.",
    "bool_parsing": "This takes true or false.",
    "int_type": "This takes a whole number.",
    "int_parsing": "This takes a whole number.",
    "list_type": "This takes a list.",
    "dict_type": "This takes an object.",
    "model_attributes_type": "This takes an object.",
}


class Unauthenticated(problems.AppError):
    """Nobody is signed in, and no token came (401)."""

    code = "unauthenticated"
    status = 401
    message = "No valid credentials came with this request."
    hint = "Send `Authorization: Bearer` with an API token that has the `manage` scope."


class DatabaseUnavailable(problems.Unavailable):
    """Our database is away or locked; nothing was changed (503)."""

    code = "database_unavailable"
    message = "The database cannot be reached for the moment; nothing was changed."
    retry_after_s = 5


class MethodNotAllowed(problems.InvalidInput):
    """The address is right, the method is not (405)."""

    status = 405
    message = "This address does not take that method."
    hint = "See /api/docs for what it takes."


class BodyTooLarge(problems.InvalidInput):
    """More than a description of anything takes (413)."""

    code = "payload_too_large"
    status = 413
    message = "The body is larger than this address takes."
    hint = "Send less at once: pages and the API take 2 MB, and probes nothing."


def answer(error: problems.AppError) -> HttpResponse:
    """The problem document of an error, with the headers that go with it."""
    return JsonResponse(
        error.as_problem(), status=error.status, headers=error.headers(), content_type=CONTENT_TYPE
    )


def install(api: NinjaAPI) -> None:
    """Give ``api`` its handlers, from the particular to the last resort."""
    api.add_exception_handler(problems.AppError, _told)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(AuthenticationError, lambda request, error: answer(Unauthenticated()))
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(Http404, lambda request, error: answer(problems.NotFound()))
    api.add_exception_handler(RequestDataTooBig, lambda request, error: answer(BodyTooLarge()))
    api.add_exception_handler(UnreadablePostError, lambda request, error: answer(problems.InvalidInput()))
    for away in DATABASE_AWAY:
        api.add_exception_handler(away, _database_away)
    api.add_exception_handler(Exception, _unforeseen)


def sentences(errors: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """What pydantic found, as the contract's ``{"field", "message"}``."""
    return [{"field": _field(error["loc"]), "message": _sentence(error)} for error in errors]


def _told(request: HttpRequest, error: Any) -> HttpResponse:
    request.refusal = error  # type: ignore[attr-defined]  # the middleware audits what was denied
    return answer(error)


def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    if any(each["loc"][0] == "path" for each in error.errors):
        return answer(problems.NotFound())  # an id that is none names nothing
    return answer(problems.ValidationFailed(sentences(error.errors)))


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    if isinstance(error.__cause__, problems.AppError):  # of our parser, which ninja wraps
        return _told(request, error.__cause__)
    told = problems.InvalidInput("The body is not JSON." if error.status_code == 400 else "")
    return answer(told)


def _database_away(request: HttpRequest, error: Any) -> HttpResponse:
    log.warning("api.database_away", error=type(error).__name__, path=request.path)
    return answer(DatabaseUnavailable())


def _unforeseen(request: HttpRequest, error: Any) -> HttpResponse:
    log.error("api.error", path=request.path, exc_info=error)
    return answer(problems.AppError())


def _field(location: Sequence[str | int]) -> str:
    """The dotted name of a field, less where ninja found it and the name of our own argument."""
    source, *rest = location
    if source in {"body", "form"}:
        return ".".join(str(part) for part in rest[1:]) or "body"
    return ".".join(str(part) for part in rest)


def _sentence(error: dict[str, Any]) -> str:
    sentence = _SENTENCES.get(error["type"])
    if sentence:
        return sentence.format(**error.get("ctx", {}))
    return str(error["msg"]).removeprefix("Value error, ")
