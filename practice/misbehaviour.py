"""How an authorisation can go wrong, chosen on the consent page."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.db import models
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase


class Misbehaviour(models.TextChoices):
    """``callback_…`` shows on the way back, ``token_…`` when the code is swapped, ``refresh_…`` later."""

    NONE = "", "All goes well"
    WRONG_STATE = "callback_wrong_state", "Comes back with another state"
    WRONG_ISS = "callback_wrong_iss", "Comes back in another provider's name"
    NO_ISS = "callback_no_iss", "Comes back without saying who answers"
    TWO_CODES = "callback_two_codes", "Comes back with two codes"
    SERVER_ERROR = "callback_error", "Comes back with an error of the provider's"
    TOKEN_PAGE = "token_page", "The token endpoint answers with a web page"
    TOKEN_DOWN = "token_down", "The token endpoint is down"
    TOKEN_REDIRECT = "token_redirect", "The token endpoint redirects elsewhere"
    TOKEN_LIST = "token_list", "The access token is a list"
    TOKEN_CONTROL = "token_control", "The access token holds a line break"
    TOKEN_NEGATIVE = "token_negative", "The access token expired before it was made"
    FEWER_SCOPES = "token_fewer_scopes", "Grants the first scope only"
    REFRESH_DEAD = "refresh_dead", "The first refresh is refused for good"
    REFRESH_DOWN = "refresh_down", "The token endpoint is down at the first refresh"


def bend_callback(kind: str, params: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The callback's parameters as this misbehaviour sends them."""
    named = dict(params)
    match kind:
        case Misbehaviour.WRONG_STATE:
            return list((named | {"state": "not-the-state-that-was-sent"}).items())
        case Misbehaviour.WRONG_ISS:
            return list((named | {"iss": "https://another-provider.example"}).items())
        case Misbehaviour.NO_ISS:
            return [(name, value) for name, value in params if name != "iss"]
        case Misbehaviour.TWO_CODES:
            return [*params, ("code", "a-second-code")]
        case Misbehaviour.SERVER_ERROR:
            kept = [(name, value) for name, value in params if name != "code"]
            text = 'The provider fell over. <a href="https://practice.example/">Click here</a>'
            return [*kept, ("error", "server_error"), ("error_description", text)]
        case _:
            return params


_DOWN = Misbehaviour.TOKEN_DOWN, Misbehaviour.REFRESH_DOWN


def bent_answer(kind: str) -> HttpResponseBase | None:
    """What the token endpoint answers in place of a token; ``None`` where it answers as it should."""
    answers: dict[str, Callable[[], HttpResponseBase]] = {
        Misbehaviour.TOKEN_PAGE: lambda: HttpResponse("<!doctype html><h1>Welcome</h1>"),
        Misbehaviour.TOKEN_REDIRECT: lambda: HttpResponse(
            status=307, headers={"Location": "https://elsewhere.invalid/token"}
        ),
        Misbehaviour.REFRESH_DEAD: lambda: JsonResponse(
            {"error": "invalid_grant", "error_description": "The account took its consent back."}, status=400
        ),
        **{
            kind: lambda: HttpResponse("Down for maintenance.", status=503, headers={"Retry-After": "2"})
            for kind in _DOWN
        },
    }
    answer = answers.get(kind)
    return answer() if answer else None


def bend_token(kind: str, answer: dict[str, object]) -> dict[str, object]:
    """The token answer as this misbehaviour gives it."""
    changes: dict[str, dict[str, object]] = {
        Misbehaviour.TOKEN_LIST: {"access_token": []},
        Misbehaviour.TOKEN_CONTROL: {"access_token": "practice\r\nX-Injected: yes"},
        Misbehaviour.TOKEN_NEGATIVE: {"expires_in": -1},
    }
    return answer | changes.get(kind, {})


def with_params(url: str, params: list[tuple[str, str]]) -> str:
    """A URL with parameters added to its query."""
    parts = urlsplit(url)
    return parts._replace(query=urlencode([*parse_qsl(parts.query), *params])).geturl()
