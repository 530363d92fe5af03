"""An OAuth 1 provider (RFC 5849): temporary credentials, consent page, token credentials, signed requests."""

import base64
import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode
from uuid import UUID

from authlib.oauth1.rfc5849.signature import (
    normalize_base_string_uri,
    normalize_parameters,
    plaintext_signature,
)
from authlib.oauth1.rfc5849.util import escape
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from practice import clients, consent
from practice.misbehaviour import with_params
from practice.models import Authorization

CLOCK_SKEW_S = 300
_TEMPORARY, _TOKEN, _VERIFIER = "practice.temporary", "practice.token", "practice.verifier"
_HEADER_PARAM = re.compile(r'(?<![A-Za-z_])([A-Za-z_]+)="([^"]*)"')  # begun once a name, not at each letter
_MOST_FIELDS = 1000
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}

Pairs = list[tuple[str, str]]


class NotSigned(Exception):
    """The request's signature is not good; its text says why."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature was found good. ``authorization`` is what its token names."""

    params: dict[str, str]
    authorization: Authorization | None


@login_not_required
@csrf_exempt
@require_POST
def request_token(request: HttpRequest) -> HttpResponse:
    """Temporary credentials (RFC 5849 2.1)."""
    try:
        signed = verified(request, token_salt="")
    except NotSigned as problem:
        return _refuse(str(problem))
    callback = signed.params.get("oauth_callback", "")
    if not consent.is_ours(request, callback):
        return _refuse("oauth_callback is not an address of this server.")
    row = Authorization.objects.create(client_id=signed.params["oauth_consumer_key"], callback=callback)
    return _credentials(row, _TEMPORARY, [("oauth_callback_confirmed", "true")])


@login_not_required
@csrf_exempt  # whoever opens it may consent for any made-up account: there is no session to ride on
def authorize(request: HttpRequest) -> HttpResponse:
    """The consent page (RFC 5849 2.2)."""
    token = request.GET.get("oauth_token", "")
    row = _row_of(token, _TEMPORARY)
    if row is None or row.allowed_at or row.revoked_at:
        return consent.refuse(request, "This request is unknown, or was answered before.")
    if request.method != "POST":
        return consent.page(request, row.client_id, [], has_switches=False)
    if "allow" not in request.POST:
        row.revoke()
        return HttpResponseRedirect(with_params(row.callback, [("denied", token)]))
    Authorization.objects.filter(pk=row.pk).update(
        allowed_at=timezone.now(), account=consent.account(request)
    )
    params = [("oauth_token", token), ("oauth_verifier", _secret_of(token, _VERIFIER))]
    return HttpResponseRedirect(with_params(row.callback, params))


@login_not_required
@csrf_exempt
@require_POST
def access_token(request: HttpRequest) -> HttpResponse:
    """Token credentials for temporary ones, once (RFC 5849 2.3)."""
    try:
        signed = verified(request, token_salt=_TEMPORARY)
    except NotSigned as problem:
        return _refuse(str(problem))
    row = signed.authorization
    verifier = signed.params.get("oauth_verifier", "")
    if row is None or not clients.is_same(verifier, _secret_of(signed.params["oauth_token"], _VERIFIER)):
        return _refuse("The verifier does not belong to this token.")
    is_first = Authorization.objects.filter(
        pk=row.pk, exchanged_at=None, revoked_at=None, allowed_at__isnull=False
    ).update(exchanged_at=timezone.now())
    return _credentials(row, _TOKEN, []) if is_first else _refuse("Nobody allowed it, or it was used before.")


def caller(request: HttpRequest) -> Authorization | None:
    """Whose token signed a call; ``None`` where the signature or the token is not good."""
    try:
        row = verified(request, token_salt=_TOKEN).authorization
    except NotSigned:
        return None
    return row if row and row.exchanged_at and not row.revoked_at else None


def is_signed(request: HttpRequest) -> bool:
    """Does it bring an OAuth 1 signature, good or not, or too much to tell?"""
    try:
        return any(name == "oauth_signature" for name, _ in params_of(request))
    except NotSigned:
        return True


def verified(request: HttpRequest, *, token_salt: str) -> Signed:
    """Check a request's signature (RFC 5849 3.2). Nonces are not kept. Raises NotSigned."""
    pairs = params_of(request)
    params = dict(pairs)
    if _has_doubled(pairs):
        raise NotSigned("A protocol parameter is there twice.")
    client_id, token = params.get("oauth_consumer_key", ""), params.get("oauth_token", "")
    if not clients.is_known(client_id):
        raise NotSigned("No consumer of that key is registered here.")
    timestamp = params.get("oauth_timestamp", "")
    if not _TIMESTAMP.fullmatch(timestamp) or abs(time.time() - int(timestamp)) > CLOCK_SKEW_S:
        raise NotSigned("The timestamp is missing or too far from now.")
    secret = _secret_of(token, token_salt) if token_salt else ""
    good = _signature(request, pairs, clients.secret_of(client_id), secret)
    if not clients.is_same(params.get("oauth_signature", ""), good):
        raise NotSigned("The signature does not fit the request.")
    return Signed(params, _row_of(token, token_salt) if token_salt else None)


def params_of(request: HttpRequest) -> Pairs:
    """All that is signed: query, form and Authorization header, less the realm (RFC 5849 3.4.1.3).

    Raises NotSigned for more fields than anybody needs.
    """
    pairs = _fields(request.META.get("QUERY_STRING", ""))
    if request.content_type == "application/x-www-form-urlencoded":
        pairs += _fields(request.body.decode("utf-8", "replace"))
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "oauth":
        found = _HEADER_PARAM.findall(rest)
        pairs += [(unquote(name), unquote(value)) for name, value in found if name != "realm"]
    return pairs


def _fields(text: str) -> Pairs:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise NotSigned(f"A query or form has at most {_MOST_FIELDS} fields here.") from None


def _has_doubled(pairs: Pairs) -> bool:
    names = [name for name, _ in pairs if name.startswith("oauth_")]
    return len(names) > len(set(names))


def _signature(request: HttpRequest, pairs: Pairs, consumer_secret: str, token_secret: str) -> str:
    method = dict(pairs).get("oauth_signature_method", "")
    if method not in _DIGESTS:
        raise NotSigned("Sign with HMAC-SHA1 or HMAC-SHA256.")
    parts = (
        (request.method or "").upper(),
        normalize_base_string_uri(request.build_absolute_uri(request.path)),
        normalize_parameters([pair for pair in pairs if pair[0] != "oauth_signature"]),
    )
    text = "&".join(escape(part) for part in parts)
    key = plaintext_signature(consumer_secret, token_secret)
    return base64.b64encode(hmac.new(key.encode(), text.encode(), _DIGESTS[method]).digest()).decode()


def _credentials(row: Authorization, salt: str, more: Pairs) -> HttpResponse:
    token = signing.dumps(str(row.pk), salt=salt)
    pairs = [("oauth_token", token), ("oauth_token_secret", _secret_of(token, salt)), *more]
    return HttpResponse(urlencode(pairs), content_type="application/x-www-form-urlencoded")


def _secret_of(token: str, salt: str) -> str:
    return salted_hmac(salt, token, algorithm="sha256").hexdigest()[:32]


def _row_of(token: str, salt: str) -> Authorization | None:
    try:
        return Authorization.objects.filter(pk=UUID(signing.loads(token, salt=salt))).first()
    except signing.BadSignature:
        return None


def _refuse(problem: str) -> HttpResponse:
    return HttpResponse(
        urlencode({"oauth_problem": problem}),
        content_type="application/x-www-form-urlencoded",
        status=401,
        headers={"WWW-Authenticate": 'OAuth realm="practice"'},
    )
