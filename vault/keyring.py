"""The key ring: ``id:base64[,id:base64…]``. The first key seals, all of them open."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from vault.errors import BadKeyRing

KEY_BYTES = 32
KEY_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Root keys by id; ``sealing_id`` names the one that seals."""

    sealing_id: str
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"KeyRing(sealing_id={self.sealing_id!r}, ids={sorted(self.keys)!r})"


def parse(text: str) -> KeyRing:
    """The key ring that a setting spells. Raises BadKeyRing, and never quotes a key."""
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.replace("\n", ",").split(","))):
        key_id, separator, encoded = entry.partition(":")
        if not separator or not KEY_ID.match(key_id):
            raise BadKeyRing("CREDENTIAL_KEYS has an entry that is not id:base64.")
        if key_id in keys:
            raise BadKeyRing(f"CREDENTIAL_KEYS has two keys that are called {key_id}.")
        keys[key_id] = _decode(key_id, encoded)
    if not keys:
        raise BadKeyRing("CREDENTIAL_KEYS is empty: there is no key to seal credentials with.")
    return KeyRing(sealing_id=next(iter(keys)), keys=keys)


def new_entry(key_id: str = "k1") -> str:
    """A fresh entry for CREDENTIAL_KEYS."""
    return f"{key_id}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def current() -> KeyRing:
    """The key ring of the settings."""
    return _parsed(settings.CREDENTIAL_KEYS)


@lru_cache(maxsize=4)
def _parsed(text: str) -> KeyRing:
    return parse(text)


def _decode(key_id: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadKeyRing(f"The key {key_id} in CREDENTIAL_KEYS is not base64.") from None
    if len(key) != KEY_BYTES:
        raise BadKeyRing(f"The key {key_id} in CREDENTIAL_KEYS has {len(key)} bytes; it takes {KEY_BYTES}.")
    return key
