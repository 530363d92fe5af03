"""Services, the ways they authenticate, and the OAuth apps registered with them."""

from __future__ import annotations  # JSONField takes its type parameters in annotations only

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from people.ids import uuid7


class Service(models.Model):
    """Something that can be called: a default one from the catalogue, or a custom one.

    ``hosts``, ``headers``, ``query``, their defaults, ``cookies``, ``variables``, ``test`` and ``identity``
    have the shapes of the contract's custom service; ``meta`` has that of ``services.entry.Meta``.
    """

    class Kind(models.TextChoices):
        DEFAULT = "default"
        CUSTOM = "custom"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    link_name = models.CharField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CUSTOM)
    is_builtin = models.BooleanField(default=False)
    is_hidden = models.BooleanField(default=False)
    is_retired = models.BooleanField(default=False)
    is_outdated = models.BooleanField(default=False)  # the catalogue has other addresses for it
    category = models.CharField(max_length=60, blank=True)
    icon = models.CharField(max_length=60, blank=True)
    docs_url = models.CharField(max_length=500, blank=True)
    base_url = models.CharField(max_length=1000)
    hosts: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    headers: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    query: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    default_headers: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    default_query: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    cookies = models.CharField(max_length=4, default="drop")
    variables: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    test: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    identity: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    meta: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="services"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_custom(self) -> bool:
        return self.kind == self.Kind.CUSTOM


class ServiceAuth(models.Model):
    """One way to authenticate with a service.

    ``config`` is the contract's block of the auth type with its defaults filled in, less the client's
    id and secrets, which are an OAuthClient's.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="auths")
    name = models.CharField(max_length=50)
    label = models.CharField(max_length=100, blank=True)
    auth_type = models.CharField(max_length=20)
    param_type = models.CharField(max_length=10)
    config: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints = (models.UniqueConstraint(fields=["service", "name"], name="service_auth_name"),)

    def __str__(self) -> str:
        return self.label or self.name


class OAuthClient(models.Model):
    """An app registered with a service: OAuth 2 client id and secret, or OAuth 1 consumer key and secret.

    Sealed with table ``oauth_client``, the row's id, the field's name and ``version``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    auth = models.ForeignKey(ServiceAuth, on_delete=models.CASCADE, related_name="clients")
    label = models.CharField(max_length=100, default="default")
    is_default = models.BooleanField(default=True)
    client_id = models.CharField(max_length=500)
    client_secret = models.BinaryField(null=True)
    private_key = models.BinaryField(null=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["auth"], condition=models.Q(is_default=True), name="oauth_client_default"
            ),
        )

    def __str__(self) -> str:
        return self.label


class RetiredLinkName(models.Model):
    """A link name that was deleted: given out again to the one who had it, and to nobody else."""

    class Kind(models.TextChoices):
        SERVICE = "service"
        CONNECTION = "connection"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    link_name = models.CharField(max_length=50)
    owner_id = models.UUIDField(null=True)
    retired_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["kind", "link_name"], name="retired_link_name"),)

    def __str__(self) -> str:
        return self.link_name
