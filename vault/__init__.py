"""The only place that seals and opens secrets."""

from vault.envelope import digest, seal, unseal
from vault.secret import Secret

__all__ = ["Secret", "digest", "seal", "unseal"]
