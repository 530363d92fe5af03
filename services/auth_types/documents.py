"""What stands at a dotted path of a JSON answer."""

from typing import Any

LONGEST = 2000  # characters of a text that are looked at


def value_at(document: Any, path: str) -> Any:
    """``user.emails.0`` leads into objects by name and into lists by number; ``None`` where it ends."""
    for name in path.split("."):
        if isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            document = document.get(name) if isinstance(document, dict) else None
    return document


def text_at(document: Any, path: str) -> str:
    """The same where it is a text or a whole number; empty where it is neither."""
    found = value_at(document, path) if path else None
    return str(found)[:LONGEST] if isinstance(found, str | int) and not isinstance(found, bool) else ""
