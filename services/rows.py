"""A definition, written into rows."""

from django.db.models import ProtectedError

from services.definition import Definition
from services.models import Service, ServiceAuth

FIELDS = (
    *("name", "base_url", "hosts", "headers", "query", "default_headers", "default_query", "cookies"),
    *("variables", "test", "identity"),
)


def store(service: Service, defined: Definition) -> None:
    """Write the service itself."""
    for name in FIELDS:
        setattr(service, name, getattr(defined, name))
    service.save()


def store_auths(service: Service, defined: Definition) -> list[ServiceAuth]:
    """Write its ways to authenticate; the rows of those that stay keep their ids.

    The answer lists those that the definition no longer has and that connections keep.
    """
    kept: list[ServiceAuth] = []
    for gone in service.auths.exclude(name__in=[auth.name for auth in defined.auths]):
        try:
            gone.delete()
        except ProtectedError:
            kept.append(gone)
    for position, auth in enumerate(defined.auths):
        service.auths.update_or_create(
            name=auth.name,
            defaults={
                "label": auth.label,
                "auth_type": auth.auth_type.name,
                "param_type": auth.param_type.value,
                "config": auth.config,
                "position": position,
            },
        )
    return kept
