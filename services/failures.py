"""What a service means by a refusal: by the signatures of its catalogue entry, then by everybody's."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import re2

from outbound import json_text
from services import patterns
from services.auth_types.base import Answer

TOKEN = "token "  # before what is said of the token endpoint's answers
MOST_BYTES = 100_000  # of a body that are looked at
_STEP = re2.compile(r"([^.\[\]]+)|\[(\d+|\*)\]")


def meaning(signatures: Iterable[Mapping[str, Any]], answer: Answer) -> str:
    """What the token endpoint's answer means: ``revoked``, ``throttled`` and so on; empty where nothing fits.

    ``signatures`` are ``services.entry.Failure`` as they are stored. The first that fits tells.
    """
    document = _document(answer)
    for each in (*signatures, *_everybodys()):
        is_about_tokens = each["where"].startswith(TOKEN)
        if is_about_tokens and each["status"] in {0, answer.status} and _fits(each, answer, document):
            return str(each["means"])
    return ""


@lru_cache(maxsize=1)
def _everybodys() -> tuple[dict[str, Any], ...]:
    text = (Path(__file__).parent / "failures.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["failures"])


def _fits(signature: Mapping[str, Any], answer: Answer, document: Any) -> bool:
    match, where = signature.get("match", ""), signature["where"].removeprefix(TOKEN)
    return any(_is_match(match, text) for text in _texts(where, answer, document))


def _is_match(match: str, text: str) -> bool:
    if match.startswith("~"):
        return patterns.compiled(match[1:]).search(text) is not None
    return not match or match == text


def _texts(where: str, answer: Answer, document: Any) -> Iterator[str]:
    kind, _, name = where.partition(":")
    match kind:
        case "status":
            yield str(answer.status)
        case "header":
            yield from filter(None, [answer.headers.get(name.lower(), "")])
        case "text":
            yield answer.body[:MOST_BYTES].decode("utf-8", "replace")
        case _:
            yield from (str(value) for value in _at(document, name) if isinstance(value, str | int))


def _document(answer: Answer) -> Any:
    try:
        return json_text.read(answer.body[:MOST_BYTES])
    except ValueError:
        return None


def _at(found: Any, path: str) -> list[Any]:
    """What stands at a dotted path; ``[0]`` is a list's first, ``[*]`` each of its members."""
    places = [found]
    for name, index in _STEP.findall(path):
        places = [inner for place in places for inner in _inside(place, name, index)]
    return places


def _inside(place: Any, name: str, index: str) -> list[Any]:
    if name:
        return [place[name]] if isinstance(place, dict) and name in place else []
    if not isinstance(place, list):
        return []
    return place if index == "*" else place[int(index) : int(index) + 1]
