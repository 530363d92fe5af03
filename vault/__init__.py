"""The only place that seals and opens secrets."""

from vault.blanking import Blanker, blank
from vault.envelope import digest, is_under_present_key, seal, unseal
from vault.secret import Secret

__all__ = ["Blanker", "Secret", "blank", "digest", "is_under_present_key", "seal", "unseal"]
