"""Apps registered with services: kept sealed, opened for a round trip or a signature."""

from problems import ValidationFailed
from services import auth_types
from services.auth_types.base import ClientKeys
from services.definition import CLIENT_VALUES, Errors
from services.definition import client_of as checked_client
from services.errors import ServiceNotFound
from services.models import OAuthClient, Service, ServiceAuth
from vault import envelope
from vault.secret import Secret

TABLE = "oauth_client"


def client_of(auth: ServiceAuth, row: OAuthClient | None = None) -> ClientKeys | None:
    """The keys of an app: of ``row``, or of the default one; None where none is registered."""
    row = row or default_of(auth)
    if row is None:
        return None
    return ClientKeys(row.client_id, _open(row, "client_secret"), _open(row, "private_key"))


def default_of(auth: ServiceAuth) -> OAuthClient | None:
    """The default app's row; lists prefetch ``clients``."""
    return next((row for row in auth.clients.all() if row.is_default), None)


def takes_client(auth: ServiceAuth) -> bool:
    return auth_types.get(auth.auth_type).needs_client(auth.config)


def lacking(service: Service) -> list[ServiceAuth]:
    """The ways to authenticate that still need an app."""
    return [auth for auth in service.auths.all() if takes_client(auth) and default_of(auth) is None]


def auth_for_client(service: Service, auth_name: str | None) -> ServiceAuth:
    """The authentication type that an app is for. Raises ValidationFailed for ``auth``."""
    takers = [auth for auth in service.auths.all() if takes_client(auth)]
    if not takers:
        raise ValidationFailed.of("auth", "This service authenticates without an app.")
    if auth_name is None and len(takers) == 1:
        return takers[0]
    for auth in takers:
        if auth.name == auth_name:
            return auth
    raise ValidationFailed.of("auth", f"Choose one of {', '.join(auth.name for auth in takers)}.")


def store(
    auth: ServiceAuth, *, client_id: str, client_secret: Secret | None, private_key: Secret | None = None
) -> OAuthClient:
    """Make an app the default one, in the caller's transaction. Raises ValidationFailed by the keys' names,
    ServiceNotFound.

    The same client id: its secrets are replaced, the ones not given stay. Another one: a row of its own;
    the former default is kept for the grants made with it.
    """
    if ServiceAuth.objects.select_for_update().filter(pk=auth.pk).first() is None:
        raise ServiceNotFound
    former = auth.clients.filter(is_default=True).first()
    row = auth.clients.filter(client_id=client_id.strip()).first()
    held = client_of(auth, row) if row else None
    keys = _checked(
        auth,
        client_id,
        client_secret or (held.client_secret if held else None),
        private_key or (held.private_key if held else None),
    )
    if former and former != row:
        _stand_down(former)
    row = row or OAuthClient(auth=auth, client_id=keys.client_id, version=0)
    row.version += 1
    row.is_default = True
    row.client_secret = _sealed(row, "client_secret", keys.client_secret)
    row.private_key = _sealed(row, "private_key", keys.private_key)
    row.save()
    return row


def _stand_down(former: OAuthClient) -> None:
    if former.grants.exists():  # from the room above
        former.is_default = False
        former.label = former.client_id[:100]
        former.save(update_fields=["is_default", "label"])
    else:
        former.delete()


def _checked(
    auth: ServiceAuth, client_id: str, client_secret: Secret | None, private_key: Secret | None
) -> ClientKeys:
    auth_type = auth_types.get(auth.auth_type)
    names = dict(zip(CLIENT_VALUES, auth_type.client_fields, strict=False))
    secrets = {"client_secret": client_secret, "private_key": private_key}
    values = {"client_id": client_id} | {key: secret.reveal() for key, secret in secrets.items() if secret}
    unused = [key for key in values if key not in names]
    if unused:
        raise ValidationFailed.of(unused[0], "This service takes none: leave it out.")
    given = {names[key]: value for key, value in values.items()}
    errors: Errors = []
    keys = checked_client(auth_type, auth.config, given, "", errors)
    if keys is None and not errors:
        errors = [{"field": names["client_id"], "message": "Enter the ID that the service gave your app."}]
    if errors or keys is None:
        back = {name: key for key, name in names.items()}
        raise ValidationFailed([{**error, "field": back[error["field"]]} for error in errors])
    return keys


def _sealed(row: OAuthClient, field: str, secret: Secret | None) -> bytes | None:
    if not secret:
        return None
    return envelope.seal(secret.reveal(), table=TABLE, row_id=row.pk, field=field, version=row.version)


def _open(row: OAuthClient, field: str) -> Secret | None:
    blob = getattr(row, field)
    if blob is None:
        return None
    return envelope.unseal(bytes(blob), table=TABLE, row_id=row.pk, field=field, version=row.version)


def id_field(auth: ServiceAuth) -> str:
    """What the block of this authentication type calls the client's id."""
    return auth_types.get(auth.auth_type).client_fields[0]
