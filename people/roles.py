"""Who may do what to people."""

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


def is_last_administrator(user: User) -> bool:
    """Whether nobody else may administer. In a transaction it holds the others as they are."""
    others = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True)
    active = list(others.order_by("pk").values_list("pk", flat=True))
    return active == [user.pk]
