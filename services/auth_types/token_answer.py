"""What a token endpoint answered, read with suspicion: nothing odd gets as far as being stored.

The body is never logged, raised or kept: only its ``error`` code and a trimmed description are told.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeGuard
from urllib.parse import parse_qsl

from outbound import json_text
from services.auth_types.base import LONGEST_LIFE_S, Answer, Tokens
from services.auth_types.documents import text_at
from services.auth_types.errors import ClientRefused, EndpointUnavailable, GrantDead, TokenAnswerRefused
from services.auth_types.text import trimmed
from services.auth_types.token_fields import member
from vault.secret import Secret

MAX_BYTES = 1 << 20
_MILLISECONDS_FROM = 1e11  # as seconds, the year 5138
MAX_TOKEN_LENGTH = 16384
MOST_SCOPES = 2000

# RFC 6749 5.2 knows invalid_grant; the others say the same in the words of their vendors.
_DEAD = frozenset(
    {
        "invalid_grant",
        "invalid_refresh_token",
        "bad_refresh_token",
        "invalid_code",
        "token_revoked",
        "token_expired",
        "expired_token",
        "invalid_token",
        "interaction_required",
    }
)
_DEAD_STATUSES = frozenset({400, 401, 403, 410})
_LATER = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_LATER_MEANINGS = frozenset({"throttled", "quota", "maintenance"})
# Where vendors write the error's code, and its description: at the top, or in an object called ``error``.
_CODES = ("error", "code", "status", "type", "error_code", "errorCode")
_DESCRIPTIONS = ("error_description", "message", "description", "detail", "errorSummary")
# The members that something hangs on: said twice, they say nothing.
_AT_STAKE = frozenset(
    {
        *("access_token", "refresh_token", "token_type", "expires_in", "scope", "error"),
        *("oauth_token", "oauth_token_secret", "oauth_callback_confirmed"),
    }
)


def parse(config: Mapping[str, Any], answer: Answer, facts: Iterable[str] = ()) -> Tokens:
    """The tokens in a successful answer (RFC 6749 5.1), and the texts at the paths of ``facts``.

    Raises TokenAnswerRefused for anything odd.
    """
    found = _document(answer)
    access_token = member(config, found, "access_token")
    if not is_token(access_token):
        if found.get("error"):
            raise _not_understood(answer)
        raise TokenAnswerRefused("The service’s answer holds no usable access token.")
    secrets = {"access_token": Secret(access_token)}
    refresh_token = member(config, found, "refresh_token")
    if is_token(refresh_token):
        secrets["refresh_token"] = Secret(refresh_token)
    elif refresh_token is not None and refresh_token != "":
        raise TokenAnswerRefused("The service’s answer holds a refresh token that is not one.")
    _check_type(member(config, found, "token_type"))
    told = {path: text_at(found, path) for path in facts}
    return Tokens(
        secrets=secrets,
        expires_in=_seconds(member(config, found, "expires_in")),
        expires_at=_moment(member(config, found, "expires_at"))
        if config["token_fields"]["expires_at"]
        else None,
        scopes=_scopes(member(config, found, "scope"), config),
        facts={path: text for path, text in told.items() if text},
    )


def refuse(answer: Answer) -> NoReturn:
    """Raise what the refusal of a code means: the endpoint is away, or we are not understood."""
    if answer.status == 429 or answer.status >= 500:
        message = f"The token endpoint answered {answer.status}."
        raise TokenAnswerRefused(message, hint="The service has a problem for now: start again in a moment.")
    raise _not_understood(answer)


def refuse_refresh(answer: Answer, meaning: str) -> NoReturn:
    """Raise what a refused refresh means: the endpoint is away, the app is refused, or the grant is dead.

    ``meaning``: what the service is known to mean by it; empty where nothing is known.
    """
    error, description = error_in(answer)
    code = error.lower()
    if _is_away(answer, code, meaning):
        raise EndpointUnavailable(_retry_after(answer), f"The token endpoint answered {answer.status}.")
    if code == "invalid_client":
        raise ClientRefused.saying(description)
    if answer.status in _DEAD_STATUSES or code in _DEAD or meaning:
        raise GrantDead(error or str(answer.status), description)
    raise _not_understood(answer)


def _is_away(answer: Answer, code: str, meaning: str) -> bool:
    if answer.status in {408, 429} or answer.status >= 500 or code in _LATER or meaning in _LATER_MEANINGS:
        return True
    return not meaning and is_html(answer)


def _not_understood(answer: Answer) -> TokenAnswerRefused:
    error, description = error_in(answer)
    told = f" It says: {description}" if description else ""
    return TokenAnswerRefused(f"The service refused our token request ({error or answer.status}).{told}")


def is_html(answer: Answer) -> bool:
    """A page for people: from something in front of the endpoint, and not from the endpoint."""
    is_called_so = "html" in answer.headers.get("content-type", "").lower()
    return is_called_so or answer.body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def error_in(answer: Answer) -> tuple[str, str]:
    """The error's code and description, trimmed; empty where the body does not say (RFC 6749 5.2)."""
    try:
        found = _document(answer)
    except TokenAnswerRefused:
        return "", ""
    nested = found.get("error")
    places = (nested, found) if isinstance(nested, dict) else (found,)
    return _first_text(places, _CODES, 80), _first_text(places, _DESCRIPTIONS, 200)


def _first_text(places: tuple[Mapping[str, Any], ...], names: tuple[str, ...], limit: int) -> str:
    texts = (trimmed(place.get(name), limit) for place in places for name in names)
    return next((text for text in texts if text), "")


def is_refusal(answer: Answer) -> bool:
    """Is it anything but 2xx, or, as some vendors refuse, 2xx with an error in it?"""
    if not 200 <= answer.status < 300:
        return True
    try:
        return bool(_document(answer).get("error"))
    except TokenAnswerRefused:
        return False


def oauth1_pairs(answer: Answer) -> dict[str, str]:
    """The pairs of an OAuth 1 endpoint's answer (RFC 5849 2.1, 2.3)."""
    if is_refusal(answer):
        raise TokenAnswerRefused(f"The service refused our token request ({answer.status}).")
    return {key: value for key, value in _document(answer).items() if isinstance(value, str)}


def is_token(value: object) -> TypeGuard[str]:
    """A non-empty text of visible ASCII, spaces allowed (RFC 6749 appendix A.12)."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_TOKEN_LENGTH
        and value.isascii()
        and value.isprintable()
        and value == value.strip()
    )


def _document(answer: Answer) -> dict[str, Any]:
    """JSON or a form, told apart by the content itself: vendors' content types are not to be relied on."""
    body = answer.body.strip()
    if len(body) > MAX_BYTES:
        raise TokenAnswerRefused("The service’s answer is larger than any token answer.")
    try:
        text = body.decode("utf-8-sig")
        found = json_text.read(body) if text.startswith("{") else _form(text)
    except ValueError:
        raise TokenAnswerRefused("The service’s answer is neither JSON nor a form.") from None
    return dict(found)


def _form(text: str) -> dict[str, str]:
    """Read as browsers read it (WHATWG URL 5.1): empty pieces and names without a value do no harm."""
    if text.startswith("<"):
        raise ValueError("not a form")
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100)
    counted = Counter(name for name, _ in pairs)
    if any(counted[name] > 1 for name in _AT_STAKE):
        raise ValueError("a field twice")
    return dict(pairs)


def _check_type(token_type: Any) -> None:
    """Any visible word will do, since vendors have their own; a MAC token would need another signature."""
    if token_type is None:
        return
    if not isinstance(token_type, str) or not token_type.isascii() or not token_type.isprintable():
        raise TokenAnswerRefused("The service’s answer has a token_type that is not a word.")
    if token_type.lower() == "mac":
        raise TokenAnswerRefused("The service hands out MAC tokens, which Switchboard does not speak.")


def _seconds(expires_in: Any) -> int | None:
    """A life of 0 is how some say that they do not know it."""
    if expires_in is None or expires_in == "":
        return None
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdigit() and len(expires_in) < 20:
        expires_in = int(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or expires_in < 0:
        raise TokenAnswerRefused("The service’s answer has an expires_in that is not a number of seconds.")
    return int(min(expires_in, LONGEST_LIFE_S)) or None


def _moment(expires_at: Any) -> datetime | None:
    if expires_at is None or expires_at == "":
        return None
    try:
        return _date(expires_at)
    except (ValueError, TypeError, OverflowError, OSError):
        raise TokenAnswerRefused("The service’s answer has an expires_at that is not a date.") from None


def _date(said: Any) -> datetime:
    """Seconds or milliseconds since 1970, or ISO 8601; without an offset it is UTC."""
    if isinstance(said, str) and not (said.isascii() and said.isdecimal()):
        moment = datetime.fromisoformat(said)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    number = float(said)
    return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS_FROM else number, UTC)


def _scopes(scope: Any, config: Mapping[str, Any]) -> tuple[str, ...] | None:
    if isinstance(scope, str):
        for mark in {config["scope_separator"], ","} - {" ", ""}:
            scope = scope.replace(mark, " ")
        scope = [name for part in scope.split() for name in _unplussed(part, config)]
    if not isinstance(scope, list) or not all(isinstance(name, str) for name in scope):
        return None
    return tuple(dict.fromkeys(trimmed(name) for name in scope[:MOST_SCOPES])) or None


def _unplussed(scope: str, config: Mapping[str, Any]) -> list[str]:
    """What an answer joins by +, taken apart, unless a scope of the service is called so."""
    is_name = any(declared["name"] == scope for declared in config["scopes"])
    return [scope] if is_name else scope.replace("+", " ").split()


def _retry_after(answer: Answer) -> int | None:
    text = answer.headers.get("retry-after", "").strip()
    return min(int(text), 3600) if text.isascii() and text.isdigit() and len(text) < 10 else None
