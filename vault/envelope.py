"""The envelope around a stored secret.

Layout: kind (1 byte, ``S`` sealed), layout version (1 byte), length of the key id (1 byte), key id,
salt (16 bytes), ciphertext with its tag. AES-256-GCM under a key of its own: HKDF-SHA256 of the root
key and the record's random salt (RFC 5869), so that nonces cannot collide. Bound as associated data
(RFC 5116 2.1): table, row, field, version and key id, so that a value moved elsewhere does not open.
"""

import hashlib
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vault import keyring
from vault.errors import Unsealable
from vault.secret import Secret

SEALED = b"S"
LAYOUT = b"\x01"
SALT_BYTES = 16
_INFO = b"switchboard credential v1"
_NONCE = bytes(12)  # each record has a key of its own, used once


def seal(text: str, *, table: str, row_id: UUID, field: str, version: int) -> bytes:
    """The sealed form of ``text``, bound to where it will be stored."""
    ring = keyring.current()
    key_id = ring.sealing_id.encode()
    salt = os.urandom(SALT_BYTES)
    place = _place(table, row_id, field, version, key_id)
    ciphertext = AESGCM(_record_key(ring.keys[ring.sealing_id], salt)).encrypt(_NONCE, text.encode(), place)
    return SEALED + LAYOUT + bytes([len(key_id)]) + key_id + salt + ciphertext


def unseal(blob: bytes, *, table: str, row_id: UUID, field: str, version: int) -> Secret:
    """The secret inside ``blob``. Raises Unsealable for anything that was not sealed for this very place."""
    blob = bytes(blob)
    if len(blob) < 3 or blob[:2] != SEALED + LAYOUT:
        raise Unsealable("A stored credential is not in a form that this version can open.")
    key_id, rest = blob[3 : 3 + blob[2]], blob[3 + blob[2] :]
    root = keyring.current().keys.get(key_id.decode("ascii", "replace"))
    if root is None:
        raise Unsealable("A stored credential was sealed with a key that CREDENTIAL_KEYS does not hold.")
    salt, ciphertext = rest[:SALT_BYTES], rest[SALT_BYTES:]
    try:
        place = _place(table, row_id, field, version, key_id)
        text = AESGCM(_record_key(root, salt)).decrypt(_NONCE, ciphertext, place).decode()
    except (InvalidTag, ValueError):
        raise Unsealable from None
    return Secret(text)


def is_under_present_key(blob: bytes) -> bool:
    """Was it sealed with the key that seals today?"""
    blob = bytes(blob)
    return blob[:2] == SEALED + LAYOUT and blob[3 : 3 + blob[2]] == keyring.current().sealing_id.encode()


def digest(text: str) -> str:
    """SHA-256 in hex, for looking up random tokens that are stored as hashes only."""
    return hashlib.sha256(text.encode()).hexdigest()


def _record_key(root: bytes, salt: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=_INFO).derive(root)


def _place(table: str, row_id: UUID, field: str, version: int, key_id: bytes) -> bytes:
    return b"\x00".join([table.encode(), row_id.bytes, field.encode(), str(version).encode(), key_id])
