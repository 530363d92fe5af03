"""The made-up people who have an account here, and who is calling."""

from dataclasses import dataclass

SCOPES = {
    "profile": "Read the account's name and address",
    "items.read": "Read items",
    "items.write": "Create items",
    "short_lived": "Access tokens that live five seconds, to watch a refresh",
    "no_refresh": "No refresh token, to watch a grant run out",
}


@dataclass(frozen=True, slots=True)
class Account:
    """One of the made-up people."""

    id: str
    name: str

    @property
    def email(self) -> str:
        return f"{self.id}@practice.example"


ACCOUNTS = {
    account.id: account
    for account in (
        Account("ada", "Ada Practice"),
        Account("grace", "Grace Practice"),
        Account("linus", "Linus Practice"),
    )
}
ROBOT = Account("robot", "Practice Robot")  # for clients that act for nobody


def named(account_id: str) -> Account:
    """The account of that id; Ada's where nobody has it."""
    return ROBOT if account_id == ROBOT.id else ACCOUNTS.get(account_id, ACCOUNTS["ada"])


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever a credential belongs to. ``scopes`` is ``None`` where the credential knows none."""

    account: Account
    authenticated_by: str
    scopes: tuple[str, ...] | None = None

    def may(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes
