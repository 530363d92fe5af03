"""The places in the rail, and the letter tile that stands where a service has no icon."""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

from django import template

register = template.Library()
MARK_COLOURS = 12


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the rail; ``under`` is the path that it and its pages share."""

    label: str
    icon: str
    under: str
    is_current: bool = False


PLACES = (
    ("Connections", "connections", "/connections/"),
    ("Services", "services", "/services/"),
    ("Activity", "activity", "/activity/"),
    ("API tokens", "tokens", "/tokens/"),
)
ADMINISTRATORS_PLACES = (
    ("People", "people", "/people/"),
    ("Audit", "audit", "/audit/"),
)
LAST_PLACES = (("Docs", "docs", "/docs/"),)
API_DOCS = "/api/docs"  # a page of the docs under another address


@register.inclusion_tag("parts/places.html", takes_context=True)
def places(context: dict[str, Any]) -> dict[str, Any]:
    """The rail's places for this person; the current one is told by the page's address."""
    user, path = context.get("user"), getattr(context.get("request"), "path", "")
    path = path.replace(API_DOCS, "/docs/")
    is_administrator = getattr(user, "is_administrator", False)
    listed = (*PLACES, *(ADMINISTRATORS_PLACES if is_administrator else ()), *LAST_PLACES)
    return {
        "places": [
            Place(label, icon, under, is_current=path.startswith(under)) for label, icon, under in listed
        ]
    }


@register.inclusion_tag("parts/account.html", takes_context=True)
def account_links(context: dict[str, Any]) -> dict[str, Any]:
    """What a person has of their own: what they did, their password, the way out."""
    return {"user": context.get("user"), "csrf_token": context.get("csrf_token", "")}


@register.filter
def mark_number(name: str) -> int:
    """Which of the tile's colours a name has: always the same one."""
    return crc32(str(name).encode()) % MARK_COLOURS


@register.filter
def initials(name: str) -> str:
    """Two letters for a tile: of the first two words, or of the only one."""
    words = [word for word in str(name).replace("(", " ").split() if word[0].isalnum()]
    letters = words[0][0] + words[1][0] if len(words) > 1 else "".join(words)[:2]
    return letters[:1].upper() + letters[1:].lower()
