"""Apps registered with the practice provider: any name, with a secret that follows from it.

Nothing is protected here: a secret only proves that the caller sends what it was given.
"""

import base64
import binascii
import hashlib
import hmac
from urllib.parse import unquote_plus

from django.http import HttpRequest

PREFIX = "practice-"
LONGEST_ID = 200


def secret_of(client_id: str) -> str:
    """The secret of an app, OAuth 1 consumers included; every id that begins with ``practice-`` is one."""
    return f"practice-secret-{hashlib.sha256(client_id.encode()).hexdigest()[:12]}"


def is_known(client_id: str) -> bool:
    return client_id.startswith(PREFIX) and client_id.isprintable() and len(client_id) <= LONGEST_ID


def authenticated(request: HttpRequest) -> str | None:
    """The client that proved itself at the token endpoint, by header or in the form (RFC 6749 2.3.1)."""
    client_id, secret = _by_header(request) or (
        request.POST.get("client_id", ""),
        request.POST.get("client_secret", ""),
    )
    if is_known(client_id) and is_same(secret, secret_of(client_id)):
        return client_id
    return None


def is_same(sent: str, wanted: str) -> bool:
    """Compare secrets in a time that tells nothing; what was sent may hold any letter."""
    return hmac.compare_digest(sent.encode(), wanted.encode())


def basic_pair(request: HttpRequest) -> tuple[str, str] | None:
    """User name and password of a Basic header; ``None`` where there is no sound one (RFC 7617)."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, separator, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if separator else None


def _by_header(request: HttpRequest) -> tuple[str, str] | None:
    pair = basic_pair(request)
    return (unquote_plus(pair[0]), unquote_plus(pair[1])) if pair else None
