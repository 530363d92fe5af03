"""Long lists of scopes, in groups that can be folded."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

FOLDED_FROM = 24
LEAST_IN_A_GROUP = 4  # on average: smaller groups only add clicks

Scope = TypeVar("Scope")


def grouped(scopes: Iterable[Scope], *, name: Callable[[Scope], str]) -> list[tuple[str, list[Scope]]]:
    """By what their names begin with, in their order; one group, ``""``, where folding helps nobody."""
    listed = list(scopes)
    groups: dict[str, list[Scope]] = {}
    for scope in listed:
        groups.setdefault(_lead(name(scope)), []).append(scope)
    if len(listed) < FOLDED_FROM or len(groups) == 1 or len(listed) < len(groups) * LEAST_IN_A_GROUP:
        return [("", listed)]
    return list(groups.items())


def _lead(name: str) -> str:
    """``Desk`` of ``Desk.tickets.READ``, ``gmail`` of ``https://www.googleapis.com/auth/gmail.modify``."""
    return re.split(r"[.:]", name.rpartition("/")[2] if "://" in name else name, maxsplit=1)[0]
