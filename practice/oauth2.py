"""An OAuth 2 provider: code with PKCE, rotating refresh tokens, revocation, client credentials."""

import base64
import hashlib
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from practice import clients, consent, tokens
from practice.accounts import ROBOT, SCOPES
from practice.misbehaviour import Misbehaviour, bend_callback, bend_token, bent_answer, with_params
from practice.models import Authorization


class Refusal(Exception):
    """An error of RFC 6749 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.body = {"error": error, "error_description": description}
        self.status = status

    def answer(self) -> JsonResponse:
        return JsonResponse(self.body, status=self.status, headers={"Cache-Control": "no-store"})


def issuer(request: HttpRequest) -> str:
    """What ``iss`` says (RFC 9207)."""
    return request.build_absolute_uri("/practice")


@login_not_required
@csrf_exempt  # whoever opens it may consent for any made-up account: there is no session to ride on
def authorize(request: HttpRequest) -> HttpResponse:
    """The consent page; its buttons post back here."""
    asked = request.GET
    if not clients.is_known(asked.get("client_id", "")):
        return consent.refuse(request, "No app of that client ID is registered here.")
    if not consent.is_ours(request, asked.get("redirect_uri", "")):
        return consent.refuse(request, "The app did not register that callback address.")
    problem = _problem_of(asked.get("response_type"), asked.get("code_challenge_method"), asked)
    if problem:
        return _back(request, Misbehaviour.NONE, [("error", problem)])
    if request.method != "POST":
        return consent.page(request, asked.get("client_id", ""), asked.get("scope", "").split())
    if "allow" not in request.POST:
        return _back(request, Misbehaviour.NONE, [("error", "access_denied")])
    kind = consent.misbehaviour(request)
    scopes = _known_scopes(asked)
    given = Authorization.objects.create(
        client_id=asked["client_id"],
        account=consent.account(request),
        scope=" ".join(scopes[:1] if kind == Misbehaviour.FEWER_SCOPES else scopes),
        callback=asked["redirect_uri"],
        code_challenge=asked["code_challenge"],
        misbehaviour=kind,
        allowed_at=timezone.now(),
    )
    return _back(request, kind, [("code", tokens.new_code(given))])


@login_not_required
@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponseBase:
    """The token endpoint."""
    try:
        return _granted(request)
    except Refusal as refusal:
        return refusal.answer()


@login_not_required
@csrf_exempt
@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    """RFC 7009: an unknown token is answered like a known one."""
    client_id = clients.authenticated(request)
    if client_id is None:
        return Refusal("invalid_client", "The client's id and secret do not match.", 401).answer()
    text = request.POST.get("token", "")
    presented = tokens.open_refresh_token(text)
    row = presented.authorization if presented else tokens.open_access_token(text)
    if row and row.client_id == client_id:
        row.revoke()
    return HttpResponse()


def _problem_of(response_type: str | None, method: str | None, asked: Any) -> str:
    if response_type != "code":
        return "unsupported_response_type"
    if method != "S256" or not 43 <= len(asked.get("code_challenge", "")) <= 128:
        return "invalid_request"
    return ""


def _back(request: HttpRequest, kind: str, params: list[tuple[str, str]]) -> HttpResponse:
    params = [*params, ("state", request.GET.get("state", "")), ("iss", issuer(request))]
    return HttpResponseRedirect(with_params(request.GET["redirect_uri"], bend_callback(kind, params)))


def _granted(request: HttpRequest) -> HttpResponseBase:
    client_id = clients.authenticated(request)
    if client_id is None:
        raise Refusal("invalid_client", "The client's id and secret do not match.", 401)
    match request.POST.get("grant_type"):
        case "authorization_code":
            return _swap_code(request, client_id)
        case "refresh_token":
            return _refresh(request, client_id)
        case "client_credentials":
            return _for_itself(request, client_id)
        case _:
            raise Refusal("unsupported_grant_type", "Ask with a code, a refresh token or as yourself.")


def _swap_code(request: HttpRequest, client_id: str) -> HttpResponseBase:
    row = tokens.open_code(request.POST.get("code", ""))
    if row is None or row.client_id != client_id or row.callback != request.POST.get("redirect_uri"):
        raise Refusal("invalid_grant", "The code is not good, or not for this client and callback.")
    if not clients.is_same(_challenge(request.POST.get("code_verifier", "")), row.code_challenge):
        raise Refusal("invalid_grant", "The code verifier does not fit the challenge.")
    if not Authorization.objects.filter(pk=row.pk, exchanged_at=None).update(exchanged_at=timezone.now()):
        row.revoke()  # RFC 6749 4.1.2: a code used twice may have been stolen
        raise Refusal("invalid_grant", "The code was used before.")
    return bent_answer(row.misbehaviour if row.misbehaviour.startswith("token_") else "") or _answer(row)


def _refresh(request: HttpRequest, client_id: str) -> HttpResponseBase:
    presented = tokens.open_refresh_token(request.POST.get("refresh_token", ""))
    if presented is None or presented.authorization.client_id != client_id:
        raise Refusal("invalid_grant", "The refresh token is not good.")
    row = presented.authorization
    if row.generation == 0 and row.misbehaviour.startswith("refresh_"):
        Authorization.objects.filter(pk=row.pk).update(misbehaviour="")
        bent = bent_answer(row.misbehaviour)
        if bent:
            return bent
    is_current = Authorization.objects.filter(
        pk=row.pk, generation=presented.generation, revoked_at=None
    ).update(generation=presented.generation + 1)
    if not is_current:
        row.revoke()  # RFC 9700 4.14: one of its two holders is a thief, so neither keeps it
        raise Refusal("invalid_grant", "The refresh token was used before, or the consent is over.")
    row.refresh_from_db()
    return _answer(row)


def _for_itself(request: HttpRequest, client_id: str) -> HttpResponseBase:
    scopes = _known_scopes(request.POST)
    row = Authorization.objects.create(
        client_id=client_id, account=ROBOT.id, scope=" ".join(scopes), allowed_at=timezone.now()
    )
    return _answer(row, has_refresh=False)


def _answer(row: Authorization, *, has_refresh: bool = True) -> JsonResponse:
    answer: dict[str, object] = {
        "access_token": tokens.new_access_token(row),
        "token_type": "Bearer",
        "expires_in": tokens.life_of(row),
        "scope": row.scope,
    }
    if has_refresh and "no_refresh" not in row.scopes:
        answer["refresh_token"] = tokens.new_refresh_token(row)
    body = bend_token(row.misbehaviour, answer)
    return JsonResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _known_scopes(asked: Any) -> list[str]:
    return [scope for scope in dict.fromkeys(asked.get("scope", "").split()) if scope in SCOPES]


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
