"""This installation, and the proof that CREDENTIAL_KEYS are the keys its database was sealed with."""

from typing import Any

from django.db import transaction

import vault
from people.models import Installation
from vault.errors import BadKeyRing, Unsealable

PROOF = "This database was sealed with these keys."
_PLACE: Any = {"table": "installation", "field": "key_check", "version": 1}


def check_key() -> None:
    """Raises BadKeyRing unless this database was sealed with a key that CREDENTIAL_KEYS holds.

    The first call, by the first migration or the first start, seals the proof that later ones open.
    """
    row = Installation.objects.first() or _create()
    try:
        proof = vault.unseal(bytes(row.key_check), row_id=row.pk, **_PLACE)
    except Unsealable:
        raise BadKeyRing(
            "CREDENTIAL_KEYS are not the keys that this database was sealed with.",
            hint="Put the old keys back; a lost key cannot be made again.",
        ) from None
    if proof.reveal() != PROOF:
        raise BadKeyRing("The key check of this database does not hold what it should.")


def reseal_key_check() -> None:
    """Seal the proof with the first of CREDENTIAL_KEYS, so that older ones can go. Raises BadKeyRing."""
    check_key()
    row = Installation.objects.get()
    row.key_check = _sealed(row)
    row.save(update_fields=["key_check"])


def _create() -> Installation:
    row = Installation()
    row.key_check = _sealed(row)
    with transaction.atomic():
        Installation.objects.bulk_create([row], ignore_conflicts=True)  # another process may be first
    return Installation.objects.get()


def _sealed(row: Installation) -> bytes:
    return vault.seal(PROOF, row_id=row.pk, **_PLACE)
