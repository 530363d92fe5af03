"""A link name proposed from a name; static/js/linkname.js does the same while typing."""

import re
import unicodedata

MAX_LENGTH = 50


def suggested(name: str) -> str:
    """``Büro: tickets (EU)`` → ``buro_tickets_eu``; empty where no letter is left to begin with."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain)
    return re.sub(r"^[^a-z]+", "", words)[:MAX_LENGTH].strip("_")
