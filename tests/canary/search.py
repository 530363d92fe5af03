"""Looking for a secret in whatever was written, in every form that it may have taken."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

from django.utils.html import escape


def forms(secret: str) -> set[bytes]:
    """The secret as it stands, quoted for URLs, JSON and HTML, in base64 at each alignment, and in hex."""
    raw = secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    found |= {text.encode() for text in (quote(secret), quote(secret, safe=""), quote_plus(secret))}
    found |= {json.dumps(secret)[1:-1].encode(), escape(secret).encode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        # What lies wholly within the secret: its first and last characters share bits with neighbours.
        inner = encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def leaks(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Which secret stands where."""
    found = []
    for name, secret in secrets.items():
        for form in forms(secret):
            found += [f"{name} in {place}" for place, content in places.items() if form in content]
    return sorted(set(found))
