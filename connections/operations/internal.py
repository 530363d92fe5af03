"""Switchboard's own connection to its own API: read-only, and for administrators."""

from connections import access, grants, tokens
from connections.models import Access, ApiToken, Connection, Grant
from people import audit
from people.actor import Actor
from people.audit_events import Event
from services import auth_types
from services.models import RetiredLinkName, ServiceAuth

LINK_NAME = "switchboard"
MADE_BY = "switchboard"
METHODS = ["GET"]
TOKEN_NAME = "Switchboard’s own connection"


@audit.atomic()
def ensure_internal_connection(*, actor: Actor) -> Connection | None:
    """Make it when the first administrator signs in; ``None`` where it cannot be, or was deleted."""
    present = Connection.objects.filter(link_name=LINK_NAME).first()
    if present is not None:
        return present if present.is_internal else None
    retired = RetiredLinkName.objects.filter(kind=RetiredLinkName.Kind.CONNECTION, link_name=LINK_NAME)
    auth = ServiceAuth.objects.filter(service__link_name=LINK_NAME, service__is_builtin=True).first()
    if auth is None or retired.exists() or not actor.is_administrator:
        return None
    connection = Connection.objects.create(
        auth=auth,
        name="Switchboard",
        link_name=LINK_NAME,
        created_by=actor.user,
        made_by=MADE_BY,
        rules={"methods": METHODS},
    )
    Access.objects.create(connection=connection, user=None)  # every administrator, as it is internal
    remint(actor=actor, connection=connection)
    audit.record(Event.CONNECTION_CREATED, actor=actor, target=_target(connection), made_by=MADE_BY)
    return connection


@audit.atomic()
def remint(*, actor: Actor, connection: Connection) -> None:
    """A new credential in the acting administrator's name; the ones before stop at once."""
    access.lock(connection)
    revoke_tokens(actor=actor)
    row, secret = tokens.issue(
        user=actor.user,
        name=TOKEN_NAME,
        scopes=["manage"],
        rules={"methods": METHODS},
        kind=ApiToken.Kind.INTERNAL,
    )
    auth = connection.auth
    key = auth_types.get(auth.auth_type).fields(auth.config)[0].key
    grant = Grant(connection=connection, user=actor.user)
    grants.store(grant, secrets={key: secret}, is_renewable=False)
    audit.record(Event.TOKEN_CREATED, actor=actor, target=f"token:{row.name}", scopes=row.scopes)


@audit.atomic()
def revoke_tokens(*, actor: Actor) -> None:
    """End the tokens that our own connection called with."""
    if tokens.revoke(ApiToken.objects.filter(kind=ApiToken.Kind.INTERNAL)):
        audit.record(Event.TOKEN_REVOKED, actor=actor, target=f"token:{TOKEN_NAME}")


def _target(connection: Connection) -> str:
    return f"connection:{connection.link_name}"
