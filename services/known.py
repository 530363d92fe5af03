"""What the catalogue knows of a service, in the words of its page: how sure it is, and how a grant dies."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from services.models import Service

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_REFRESH = {
    "rotates": "Replaced at each use",
    "stays": "Stays until it is revoked",
    "none": "There is none",
}


def known(service: Service) -> list[tuple[str, str]]:
    """Labels and sentences; empty where the entry says nothing."""
    meta = service.meta
    return [
        *_sureness(meta.get("verified") or {}),
        *_life(meta.get("life") or {}),
    ]


def _sureness(verified: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not verified:
        return
    count = len(verified.get("sources", []))
    told = {
        "full": f"{count} independent sources agree on its addresses",
        "partial": "Independent sources agree on some of its addresses, one alone tells the others",
        "single": "One source tells its addresses: look at them before you rely on it",
        "inherited": "Its sign-in is the whole family’s; its own address nobody else has confirmed",
    }[verified["level"]]
    if verified["level"] == "full" and count < 2:
        told = "The vendor’s own pages tell its addresses"
    month = date.fromisoformat(f"{verified['at']}-01")
    yield "How sure", f"{told} (looked at in {month:%B %Y})."


def _life(life: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    access = life.get("access_s")
    if access is not None:
        yield (
            "Access token",
            "Does not end by itself" if access == "never" else f"Lives for {_duration(access)}",
        )
    if refresh := _REFRESH.get(life.get("refresh", "")):
        yield "Refresh token", refresh
    if _is_limit(life.get("idle")):
        yield "Ends unused", f"After {_days(life['idle'])}"
    if _is_limit(life.get("absolute")):
        yield "Ends at the latest", f"After {_days(life['absolute'])}; then a person authorises anew"
    if "per_user" in life:
        yield "For one person", f"{life['per_user']} tokens at a time; a further one ends the oldest"
    if life.get("test_mode"):
        yield "While in test", life["test_mode"]
    if life.get("note"):
        yield "To mind", life["note"]


def _is_limit(limit: str | None) -> bool:
    return limit not in {None, "none", "unknown"}


def _days(limit: str) -> str:
    number = int(limit.removesuffix("d"))
    return f"{number} day{'' if number == 1 else 's'}"


def _duration(seconds: int) -> str:
    """In the largest unit that divides it."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    number = seconds // size
    return f"{number} {unit}{'' if number == 1 else 's'}"
