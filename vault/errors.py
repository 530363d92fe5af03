"""What can go wrong with keys and sealed values. The operator acts on each."""

from problems import Misconfigured


class Unsealable(Misconfigured):
    """A sealed value does not open: moved, cut, changed, or sealed with a key that is gone."""

    code = "unsealable"
    message = "A stored credential could not be opened."
    hint = "Check that CREDENTIAL_KEYS still holds the key it was sealed with, then connect again."


class BadKeyRing(Misconfigured):
    """CREDENTIAL_KEYS is absent, malformed, or not the one this database was sealed with."""

    code = "bad_key_ring"
    message = "CREDENTIAL_KEYS is missing or malformed."
    hint = "Set CREDENTIAL_KEYS to id:base64 of 32 random bytes; several are separated by commas."
