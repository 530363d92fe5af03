"""Who may see, use, edit and connect what. Every look-up of a connection starts from an actor, here."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from connections.errors import ConnectionNotFound, NotForYou, NotYourConnection
from connections.models import Access, Connection
from people.actor import Actor
from services.models import Service

INTERNAL = ~Q(made_by="")


def administers(actor: Actor) -> bool:
    """May the actor see and edit every connection, as far as their token reaches?"""
    return actor.user.is_administrator


def visible(actor: Actor) -> QuerySet[Connection]:
    """What the actor may see: what includes them; everything where they administer."""
    if administers(actor):
        return _narrowed(actor, Q())
    return _narrowed(actor, ~INTERNAL & (Q(created_by=actor.id) | _has(actor)))


def usable(actor: Actor) -> QuerySet[Connection]:
    """What the actor may call: their own, and what is shared with them or everyone.

    An administrator's sight is not enough. Internal connections are for administrators only.
    """
    includes = Q(created_by=actor.id) | _has(actor, can_use=True)
    return _narrowed(actor, includes if administers(actor) else includes & ~INTERNAL)


def mine(actor: Actor) -> QuerySet[Connection]:
    """Created by the actor."""
    return visible(actor).filter(created_by=actor.id).exclude(INTERNAL)


def shared(actor: Actor) -> QuerySet[Connection]:
    """Created by others, and the actor may use it."""
    return usable(actor).exclude(created_by=actor.id).exclude(INTERNAL)


def internal(actor: Actor) -> QuerySet[Connection]:
    """Made by a built-in integration."""
    return visible(actor).filter(INTERNAL)


def services_used(actor: Actor, services: QuerySet[Service]) -> QuerySet[Service]:
    """Those that the actor's connections are to, the latest first, then those with the most."""
    seen = visible(actor).exclude(INTERNAL).filter(auth__service=OuterRef("pk")).order_by()
    latest = seen.order_by("-created_at").values("created_at")[:1]
    counted = seen.values("auth__service").annotate(number=Count("pk")).values("number")
    used = services.annotate(used_at=Subquery(latest), used=Subquery(counted)).filter(used__gt=0)
    return used.order_by("-used_at", "-used")


def get(*, actor: Actor, link_name: str) -> Connection:
    """The connection, as far as the actor may see it. Raises ConnectionNotFound."""
    found = visible(actor).filter(link_name=link_name).first()
    if found is None:
        raise ConnectionNotFound
    return found


def lock(connection: Connection) -> Connection:
    """The row as it is now, held to the end of the transaction. Raises ConnectionNotFound."""
    rows = Connection.objects.select_related("auth__service", "created_by")
    found = rows.select_for_update(of=("self",)).filter(pk=connection.pk).first()
    if found is None:
        raise ConnectionNotFound
    return found


def get_editable(*, actor: Actor, link_name: str) -> Connection:
    """The same, for changing it. Raises NotYourConnection where the actor only sees it."""
    connection = get(actor=actor, link_name=link_name)
    require_edit(actor, connection)
    return connection


def require_edit(actor: Actor, connection: Connection) -> None:
    """Raises NotYourConnection unless the actor may edit."""
    if not may_edit(actor, connection):
        raise NotYourConnection


def may_use(actor: Actor, connection: Connection) -> bool:
    return usable(actor).filter(pk=connection.pk).exists()


def may_edit(actor: Actor, connection: Connection) -> bool:
    """Its creator, administrators, and who was given the right."""
    if not _is_within(actor, connection):
        return False
    if administers(actor):
        return True
    if connection.is_internal:
        return False
    return connection.created_by_id == actor.id or any(
        row.can_edit for row in connection.access.all() if row.user_id == actor.id
    )


def may_connect(actor: Actor, connection: Connection) -> bool:
    """Give it a credential: one's own where each user has their own, else the owner's."""
    return connection.pk in connectable(actor, [connection])


def connectable(actor: Actor, connections: Iterable[Connection]) -> set[UUID]:
    """Which of them the actor may connect, with one query; it reads ``access``, which lists prefetch."""
    asked = list(connections)
    per_user = [row.pk for row in asked if row.is_per_user]
    own = set(usable(actor).filter(pk__in=per_user).values_list("pk", flat=True))
    return own | {row.pk for row in asked if not row.is_per_user and may_edit(actor, row)}


def require_connect(actor: Actor, connection: Connection) -> None:
    """Raises NotForYou unless the actor may connect, and revoke what is connected."""
    if not may_connect(actor, connection):
        raise NotForYou


def audience_of(connection: Connection) -> str:
    """``everyone`` or ``private``. Reads ``access``, which lists prefetch."""
    return "everyone" if any(row.user_id is None for row in connection.access.all()) else "private"


def _narrowed(actor: Actor, condition: Q) -> QuerySet[Connection]:
    """With what every reader of a connection needs, and no further than the actor's token reaches."""
    if actor.connection_ids is not None:
        condition &= Q(pk__in=actor.connection_ids)
    return Connection.objects.filter(condition).select_related("auth__service", "created_by")


def _has(actor: Actor, **rights: bool) -> Q:
    rows = Access.objects.filter(connection=OuterRef("pk"), **rights)
    return Q(Exists(rows.filter(Q(user=actor.id) | Q(user=None))))


def _is_within(actor: Actor, connection: Connection) -> bool:
    return actor.connection_ids is None or connection.pk in actor.connection_ids
