"""The record of calls."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from people.ids import uuid7


class Call(models.Model):
    """One call by link name. No foreign keys: a record outlives what it tells of.

    ``path`` is without its query; ``code`` is our error's code, empty when the service answered whole;
    ``status`` is what the caller got, 0 while the call is under way.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    connection_id = models.UUIDField(null=True)
    token_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    connection = models.CharField(max_length=50, blank=True)
    token = models.CharField(max_length=100, blank=True)
    user = models.CharField(max_length=254, blank=True)
    method = models.CharField(max_length=20)
    host = models.CharField(max_length=255, blank=True)
    path = models.CharField(max_length=2000, blank=True)
    status = models.PositiveSmallIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(default=0)
    request_bytes = models.PositiveBigIntegerField(default=0)
    response_bytes = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    refreshed = models.BooleanField(default=False)
    code = models.CharField(max_length=40, blank=True)
    ip = models.CharField(max_length=45, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["connection_id", "-id"], name="call_of_connection"),
            models.Index(fields=["user_id", "-id"], name="call_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"
