"""The only place that seals and opens secrets."""

from vault.envelope import digest, is_under_present_key, seal, unseal
from vault.secret import Secret

__all__ = ["Secret", "digest", "is_under_present_key", "seal", "unseal"]
