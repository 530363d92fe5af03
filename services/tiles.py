"""Lists of services as pages show them: tiles, in groups that can be folded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from django.urls import reverse

from people.templatetags.shell_parts import initials, mark_number
from services import auth_types
from services.models import Service, ServiceAuth

_ANY = "any"  # a link name, to ask for the form of an address once


@dataclass(frozen=True, slots=True)
class Group:
    """The services of a category. ``is_open``: shown at once, the others when their heading is chosen."""

    title: str
    services: list[Service]
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Tile:
    """A service to choose. ``words``: what a filter finds it by. ``colour``: of its letters."""

    href: str
    words: str
    name: str
    ways: str
    icon: str
    initials: str
    colour: int


@dataclass(frozen=True, slots=True)
class TileGroup:
    """A group as the template draws it."""

    title: str
    tiles: list[Tile]
    is_open: bool


def by_category(services: Iterable[Service]) -> list[Group]:
    """Our own first and open, the ones without a category last."""
    listed = sorted(
        services,
        key=lambda each: (not each.is_builtin, each.category == "", each.category, each.name.lower()),
    )
    grouped = groupby(listed, key=lambda service: (service.is_builtin, service.category or "Other"))
    return [Group(category, list(members), is_builtin) for (is_builtin, category), members in grouped]


def drawn(groups: Iterable[Group], page: str) -> list[TileGroup]:
    """Those with anything in them, their tiles leading to ``page``, a URL name with a link name in it.

    There are hundreds, as ``operations.briefly`` reads them: one query tells how all of them authenticate,
    and one address what theirs look like.
    """
    filled = [group for group in groups if group.services]
    ways = _ways({service.pk for group in filled for service in group.services})
    before, _, after = reverse(page, args=[_ANY]).rpartition(_ANY)

    def tile(service: Service) -> Tile:
        return _tile(service, f"{before}{service.link_name}{after}", ways.get(service.pk, []))

    return [
        TileGroup(group.title, [tile(each) for each in group.services], group.is_open) for group in filled
    ]


def _ways(services: set[UUID]) -> Mapping[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    rows = ServiceAuth.objects.filter(service__in=services).order_by("position")
    for service, auth_type in rows.values_list("service_id", "auth_type"):
        found.setdefault(service, []).append(auth_types.get(auth_type).label)
    return found


def _tile(service: Service, href: str, ways: list[str]) -> Tile:
    aliases = getattr(service, "known_as", None) or ()
    return Tile(
        href=href,
        words=" ".join((service.name, service.link_name, service.category, *aliases)),
        name=service.name,
        ways=" or ".join(dict.fromkeys(ways)) + (" · hidden" if service.is_hidden else ""),
        icon=service.icon,
        initials=initials(service.name),
        colour=mark_number(service.name),
    )
