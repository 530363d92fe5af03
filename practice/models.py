"""What an account let an app do. Tokens are signed and name a row here; no token is stored."""

import uuid

from django.db import models
from django.utils import timezone


class Authorization(models.Model):
    """One consent. ``generation`` counts refreshes: the refresh token of an older one was used before."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client_id = models.CharField(max_length=200)
    account = models.CharField(max_length=20, blank=True)
    scope = models.CharField(max_length=500, blank=True)
    callback = models.CharField(max_length=500, blank=True)
    code_challenge = models.CharField(max_length=128, blank=True)
    misbehaviour = models.CharField(max_length=30, blank=True)
    generation = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    allowed_at = models.DateTimeField(null=True)
    exchanged_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.account} for {self.client_id}"

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(self.scope.split())

    def revoke(self) -> None:
        """Every token that names this row stops working."""
        Authorization.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())
