"""Control characters, wherever in a definition they hide."""

import re
from collections.abc import Iterator
from typing import Any

from services import auth_types
from services.auth_types.text import NO_CONTROLS, has_controls

_DEEPEST = 8
_PEM = re.compile(rf"(auth\.\d+\.)?({'|'.join(each.name for each in auth_types.ALL)})\.private_key")


def control_errors(data: Any) -> list[dict[str, str]]:
    """An entry for each text, key or value, with a control character in it.

    A private key has lines; it is checked as a client's value.
    """
    return [{"field": field, "message": message} for field, message in _walk(data, "", 0)]


def _walk(value: Any, field: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        yield field, "This is nested too deeply."
    elif isinstance(value, str):
        if has_controls(value) and not _PEM.fullmatch(field):
            yield field, NO_CONTROLS
    elif isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _walk_part(str(key), part, field, depth)


def _walk_part(key: str, part: Any, field: str, depth: int) -> Iterator[tuple[str, str]]:
    if has_controls(key):
        yield field or "name", NO_CONTROLS
    else:
        yield from _walk(part, f"{field}.{key}" if field else key, depth + 1)
