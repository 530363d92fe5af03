"""People, the record of what they did, and the counters that slow down guessing."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from people.ids import uuid7


class Role(models.TextChoices):
    """What a person may do here."""

    ADMINISTRATOR = "administrator", "Administrator"
    BUILDER = "builder", "Builder"
    MEMBER = "member", "Member"


class UserManager(BaseUserManager["User"]):
    """Makes people; their e-mail addresses are stored in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person, with a password that does not work where none is given."""
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **_: Any) -> "User":
        """An administrator, told in the audit trail; Django's createsuperuser calls this."""
        from people import operations  # noqa: PLC0415  (which imports this module)

        return operations.add_superuser(email=email, password=password)

    def get_by_natural_key(self, username: str | None) -> "User":
        """The person with that e-mail address, in whatever case it is typed."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person, or a service account. Disabled when they leave, and never deleted."""

    class Kind(models.TextChoices):
        PERSON = "person"
        SERVICE = "service"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True, max_length=254)
    name = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.MEMBER)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_administrator(self) -> bool:
        return self.role == Role.ADMINISTRATOR

    @property
    def is_builder(self) -> bool:
        """May create connections and custom services: builders and administrators."""
        return self.role in {Role.ADMINISTRATOR, Role.BUILDER}

    # What createsuperuser and Django's own checks ask of a user model.
    @property
    def is_superuser(self) -> bool:
        return self.is_administrator

    @property
    def is_staff(self) -> bool:
        return False

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)


class SetupLink(models.Model):
    """A one-time link: for the first administrator, or for a person to set a password."""

    class Kind(models.TextChoices):
        FIRST_RUN = "first_run"
        SET_PASSWORD = "set_password"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} until {self.expires_at:%H:%M}"


class AuditEvent(models.Model):
    """What somebody did. Append-only: triggers refuse UPDATE, DELETE and TRUNCATE.

    No foreign keys: a row outlives what it tells of. ``hash`` is SHA-256 over ``prev_hash`` and the
    row's canonical JSON, so that a changed or missing row shows.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sequence = models.BigIntegerField(unique=True)
    at = models.DateTimeField(db_index=True)
    event = models.CharField(max_length=60, db_index=True)
    actor_id = models.UUIDField(null=True, db_index=True)
    actor = models.CharField(max_length=254, blank=True)
    token = models.CharField(max_length=200, blank=True)
    target = models.CharField(max_length=200, blank=True, db_index=True)
    ip = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    detail = models.TextField(default="{}")
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.event} {self.target}".strip()


class AuditAnchor(models.Model):
    """One row, made by the migration: where the audit trail ends. The next event follows from here, whatever
    is left of the table, so that an end that was cut off shows."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    is_only = models.BooleanField(default=True, unique=True)
    sequence = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash}"


class Throttle(models.Model):
    """How often something happened within a window, counted for all processes alike."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    scope = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    window_start = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["scope", "key", "window_start"], name="throttle_window"),
        )

    def __str__(self) -> str:
        return f"{self.scope} {self.key}: {self.count}"


class Installation(models.Model):
    """One row: facts about this installation, such as the value that proves the credential key."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    is_only = models.BooleanField(default=True, unique=True)
    key_check = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return "Installation"
