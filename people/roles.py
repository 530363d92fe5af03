"""Who may do what to people."""

from uuid import UUID

from people.actor import Actor
from people.errors import AdministratorsOnly
from people.models import Role, User
from problems import ValidationFailed

HINTS = {
    Role.ADMINISTRATOR: "Everything: people, default services, every connection.",
    Role.BUILDER: "Creates connections and custom services.",
    Role.MEMBER: "Authorises and uses what is shared.",
}


def require_administrator(actor: Actor) -> None:
    """Raises AdministratorsOnly."""
    if not actor.is_administrator:
        raise AdministratorsOnly


def check_role(role: str) -> str:
    """The role, or ValidationFailed."""
    if role not in Role.values:
        raise ValidationFailed.of("role", f"Choose one of {', '.join(Role.values)}.")
    return role


def lock_administrators() -> list[UUID]:
    """The active administrators, who stay as they are until the caller's transaction ends.

    Whoever changes people takes this lock before any other, so that two who make each other step down
    wait for one another instead of both succeeding, or neither.
    """
    administrators = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True)
    return list(administrators.order_by("pk").values_list("pk", flat=True))
