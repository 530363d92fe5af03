"""Connections, who may use them, the grants behind them, and API tokens."""

from __future__ import annotations  # JSONField takes its type parameters in annotations only

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from people.ids import uuid7
from services.models import OAuthClient, ServiceAuth


class Connection(models.Model):
    """A service under a link name. ``rules`` may narrow it: ``{"methods": [...], "paths": [...]}``."""

    class CredentialsOf(models.TextChoices):
        OWNER = "owner", "The owner's"
        LOGIN_USER = "login_user", "Each user's own"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    auth = models.ForeignKey(ServiceAuth, on_delete=models.PROTECT, related_name="connections")
    name = models.CharField(max_length=100)
    link_name = models.CharField(max_length=50, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="connections"
    )
    credentials_of = models.CharField(
        max_length=12, choices=CredentialsOf.choices, default=CredentialsOf.OWNER
    )
    scopes: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    variables: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    rules: models.JSONField[dict[str, list[str]], dict[str, list[str]]] = models.JSONField(default=dict)
    is_disabled = models.BooleanField(default=False)
    made_by = models.CharField(max_length=30, blank=True)  # the integration that made it; empty: a person
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_per_user(self) -> bool:
        """Each user authorises for themselves."""
        return self.credentials_of == self.CredentialsOf.LOGIN_USER

    @property
    def is_internal(self) -> bool:
        return bool(self.made_by)


class Access(models.Model):
    """Who may use, edit or share a connection; no user means everyone who signs in here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="access")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="access"
    )
    can_use = models.BooleanField(default=True)
    can_edit = models.BooleanField(default=False)
    can_share = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["connection", "user"], condition=Q(user__isnull=False), name="access_of_user"
            ),
            models.UniqueConstraint(
                fields=["connection"], condition=Q(user__isnull=True), name="access_of_everyone"
            ),
        )

    def __str__(self) -> str:
        return str(self.user or "everyone")


class Grant(models.Model):
    """One consent: whose credential, sealed, and how it fares.

    ``secrets`` is sealed JSON: api_key ``{key: value}``; basic ``{"username", "password"}``; oauth1
    ``{"token", "token_secret"}``; oauth2 ``{"access_token", "refresh_token"}``. Sealed with table
    ``grant``, field ``secrets`` and ``version``, which every write raises. ``is_owner``: it stands for
    the whole connection (``credentials_of`` owner), not for one of its users. ``variables``: what the
    service told of those that nobody enters.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        ACTIVE = "active"
        ENDED = "ended"

    class Health(models.TextChoices):
        OK = "ok"
        RECONNECT_NEEDED = "reconnect_needed"
        CLIENT_REFUSED = "client_refused"  # the service refuses the app, and so everybody's grants by it

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="grants")
    client = models.ForeignKey(OAuthClient, null=True, on_delete=models.SET_NULL, related_name="grants")
    is_owner = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    health = models.CharField(max_length=20, choices=Health.choices, default=Health.OK)
    reason = models.CharField(max_length=300, blank=True)
    secrets = models.BinaryField(null=True)
    version = models.PositiveIntegerField(default=1)
    expires_at = models.DateTimeField(null=True)
    obtained_at = models.DateTimeField(null=True)
    lifetime_s = models.PositiveIntegerField(null=True)
    is_renewable = models.BooleanField(default=True)  # a new access token can be had without a person
    requested_scopes: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    granted_scopes: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    variables: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    authorized_as_id = models.CharField(max_length=200, blank=True)
    authorized_as = models.CharField(max_length=200, blank=True)
    ended_reason = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # A round trip under way (state pending): hashes of what must come back, and what finishes it, sealed.
    link_hash = models.CharField(max_length=64, blank=True, db_index=True)
    state_hash = models.CharField(max_length=64, blank=True, db_index=True)
    session_hash = models.CharField(max_length=64, blank=True)
    flow_secrets = models.BinaryField(null=True)
    lapses_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)  # when a 401 last had it refreshed
    # A refresh under way: whose it is, until when, and when the next may be tried.
    claimed_by = models.CharField(max_length=64, blank=True)
    claimed_until = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(state="active", is_owner=True),
                name="grant_active_of_connection",
            ),
            models.UniqueConstraint(
                fields=["connection", "user"],
                condition=Q(state="active", is_owner=False),
                name="grant_active_of_user",
            ),
            models.UniqueConstraint(fields=["link_hash"], condition=~Q(link_hash=""), name="grant_link_once"),
        )

    def __str__(self) -> str:
        return f"{self.state} grant"


class ApiToken(models.Model):
    """A token for scripts: ``swb_<token_id>_<secret><checksum>``, of which only a hash is kept.

    ``rules``: ``{"connections": [uuid, …] | null, "methods": [...], "networks": [cidr, …],
    "act_for": [user uuid, … ] | ["*"]}``. No ``connections`` at all, empty ``methods`` and empty
    ``networks`` do not narrow; an empty list of connections reaches none, and with an empty ``act_for`` it
    acts for nobody but its owner.
    """

    class Kind(models.TextChoices):
        API = "api"
        INTERNAL = "internal"  # what our own connection to /api/v1 calls with

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.API)
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=100)
    token_id = models.CharField(max_length=32, unique=True)
    secret_hash = models.CharField(max_length=64)
    scopes: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    rules: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.name
