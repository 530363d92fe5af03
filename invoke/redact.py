"""What the record of a call may hold: a path without its query, and nothing that breaks a line."""

MAX_PATH = 2000
MAX_HOST = 255


def path(text: str) -> str:
    """A path as it is recorded: no query, printable, cut to what the column takes."""
    return printable(text.partition("?")[0], MAX_PATH)


def host(text: str) -> str:
    """A host as it is recorded."""
    return printable(text, MAX_HOST)


def printable(text: str, limit: int) -> str:
    """The text with what cannot be printed replaced, and at most ``limit`` characters of it."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text[:limit]
